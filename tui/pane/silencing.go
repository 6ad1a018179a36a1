package pane

import (
	"fmt"
	"strconv"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// The orders about alerts.
type (
	// Silence hides what the matchers match, for so long; with UntilResolved no
	// longer than the incident ID lasts.
	Silence struct {
		Matchers      alert.Matchers
		Length        time.Duration
		ID            incident.ID // that it is about; "" is none
		UntilResolved bool
		Hides         int // alerts of now, for the question
	}
	// EndSilence has what it hides told again. Target is what is typed for it in
	// production.
	EndSilence struct{ ID, Matchers, Target string }
	// MarkAlerts says what firings were worth, or takes that back (no verdict): those
	// of Firings, by alert.Alert.Recorded, or with Storm all of that incident.
	MarkAlerts struct {
		Name     string
		Firings  []string
		Incident incident.ID // that all of Firings belong to; "" is none, or several
		Storm    incident.ID
		Verdict  stats.Verdict
		Reason   string
	}
)

func (Silence) order()    {}
func (EndSilence) order() {}
func (MarkAlerts) order() {}

// silence asks which matchers, each with what it would hide, and for how long.
func (v *alertView) silence(s *Screen) Effect {
	if s.ReadOnly {
		return Effect{Handled: true, Toast: ReadOnlyText(s.Context)}
	}
	if s.World.Alerts.Manager == "" {
		return Effect{Handled: true, Toast: "without alertmanager.url nothing can be silenced (docs/alerts.md)"}
	}
	list := v.chosen(s)
	if len(list) == 0 {
		return Effect{Handled: true, Toast: "no alert is chosen"}
	}
	sets := matcherSets(list)
	choices := make([]Choice, len(sets))
	hides := make([]int, len(sets))
	for i, ms := range sets {
		hides[i] = len(ms.Preview(s.World.Alerts.List))
		choices[i] = Choice{Value: strconv.Itoa(i), Text: fmt.Sprintf("hides %3d  %s", hides[i], ms), Letter: rune('1' + i)}
	}
	return Effect{Handled: true, Ask: &Ask{
		Title: "Silence " + list[0].Name, Choices: choices, Initial: "0",
		Help: fmt.Sprintf("of %d alerts of now; they go on firing, and nobody is told", len(s.World.Alerts.List)),
		Then: func(answer string) Effect {
			i, err := strconv.Atoi(answer)
			if err != nil || i < 0 || i >= len(sets) {
				return Effect{Handled: true}
			}
			return askLength(Silence{Matchers: sets[i], ID: s.Incident, Hides: hides[i]})
		},
	}}
}

// matcherSets are the sets worth offering, the narrowest first.
func matcherSets(list []alert.Alert) []alert.Matchers {
	all := alert.MatchersFor(list)
	sets := []alert.Matchers{all}
	seen := map[string]bool{all.String(): true}
	for _, names := range [][]string{{"alertname", "service", "cluster"}, {"alertname", "service"}, {"alertname", "cluster"}, {"alertname"}, {"service", "cluster"}, {"service"}, {"cluster"}} {
		var ms alert.Matchers
		for _, m := range all {
			for _, n := range names {
				if m.Name == n {
					ms = append(ms, m)
				}
			}
		}
		if len(ms) == len(names) && !seen[ms.String()] {
			seen[ms.String()] = true
			sets = append(sets, ms)
		}
	}
	return sets[:min(len(sets), 7)]
}

// askLength asks for how long.
func askLength(o Silence) Effect {
	var choices []Choice
	for i, d := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 24 * time.Hour} {
		choices = append(choices, Choice{Value: d.String(), Text: strictyaml.FormatDuration(d), Letter: rune('1' + i)})
	}
	if o.ID != "" {
		choices = append(choices, Choice{Value: "", Text: fmt.Sprintf("until %s is resolved, a day at most", o.ID), Letter: '7'})
	}
	return Effect{Handled: true, Ask: &Ask{
		Title: "For how long?", Help: o.Matchers.String(), Choices: choices, Initial: (2 * time.Hour).String(),
		Then: func(answer string) Effect {
			if answer == "" {
				o.Length, o.UntilResolved = 24*time.Hour, true
			} else if d, err := time.ParseDuration(answer); err == nil {
				o.Length = d
			}
			return Effect{Handled: true, Orders: []Order{o}}
		},
	}}
}

// endSilence ends the chosen silence, or the one that hides the chosen alerts.
func (v *alertView) endSilence(s *Screen) Effect {
	if s.ReadOnly {
		return Effect{Handled: true, Toast: ReadOnlyText(s.Context)}
	}
	list := silences(s)
	if v.panes.focus == "silences" {
		l := v.panes.list("silences")
		for _, x := range list {
			if x.ID == l.chosen {
				return askEnd(x, s)
			}
		}
	}
	for _, a := range v.chosen(s) {
		for _, x := range list {
			for _, id := range a.Silenced {
				if id == x.ID {
					return askEnd(x, s)
				}
			}
		}
	}
	return Effect{Handled: true, Toast: "no silence is chosen, and none hides the chosen alerts"}
}

func askEnd(x alert.Silence, s *Screen) Effect {
	n := len(x.Matchers.Preview(s.World.Alerts.List))
	return Effect{Handled: true, Ask: &Ask{
		Title: "End a silence", Help: fmt.Sprintf("by %s: %s", x.CreatedBy, x.Comment),
		Choices: []Choice{{Value: "end", Text: fmt.Sprintf("end %s, which hides %d alerts of now", x.Matchers.Shown(), n), Letter: 'e'}},
		Then: func(string) Effect {
			return Effect{Handled: true, Orders: []Order{EndSilence{x.ID, x.Matchers.Shown(), x.Matchers.Target()}}}
		},
	}}
}
