package pane

import (
	"fmt"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
)

// mark asks what the chosen alerts were worth, or the storm that they are part of.
func (v *alertView) mark(s *Screen) Effect {
	g, ok := v.group(s)
	if !ok {
		return Effect{Handled: true, Toast: "no alert is chosen"}
	}
	o, marked := firingsOf(g, s)
	storm, all := stormOf(g, s)
	if len(o.Firings) == 0 {
		return Effect{Handled: true, Toast: g.name + " has not fired yet: there is nothing to mark"}
	}
	what := g.name
	if len(o.Firings) > 1 {
		what = fmt.Sprintf("%s ×%d", g.name, len(o.Firings))
	}
	type option struct {
		Choice
		order MarkAlerts
	}
	var options []option
	add := func(letter rune, text string, o MarkAlerts, verdict stats.Verdict) {
		o.Verdict = verdict
		options = append(options, option{Choice{Value: string(letter), Text: text, Letter: letter}, o})
	}
	add('1', "noise: "+what+" was not worth waking anybody", o, stats.Noise)
	add('2', "useful: "+what+" was worth having", o, stats.Useful)
	if marked {
		add('3', "take back what was said of "+what, o, "")
	}
	if storm != "" {
		whole := MarkAlerts{Storm: storm}
		add('4', fmt.Sprintf("noise: all %d alerts of the storm %s", all, storm), whole, stats.Noise)
		add('5', fmt.Sprintf("useful: all %d alerts of the storm %s", all, storm), whole, stats.Useful)
		if s.World.Record != nil && s.World.Record.Storms[storm].Verdict != "" {
			add('6', fmt.Sprintf("take back what was said of the storm %s", storm), whole, "")
		}
	}
	choices := make([]Choice, len(options))
	for i, x := range options {
		choices[i] = x.Choice
	}
	return Effect{Handled: true, Ask: &Ask{
		Title: "What was it worth?", Help: "it counts for the precision of its rule, and stands on the timeline; nothing is silenced", Choices: choices,
		Then: func(answer string) Effect {
			for _, x := range options {
				if x.Value == answer {
					return askWhy(x.order)
				}
			}
			return Effect{Handled: true}
		},
	}}
}

// askWhy asks for the reason of a verdict; one that is taken back needs none.
func askWhy(o MarkAlerts) Effect {
	if o.Verdict == "" {
		return Effect{Handled: true, Orders: []Order{o}}
	}
	return Effect{Handled: true, Ask: &Ask{
		Title: "Why is it " + string(o.Verdict) + "?", Help: "one line, for whoever mends the rule; may be empty",
		Then: func(answer string) Effect {
			o.Reason = answer
			return Effect{Handled: true, Orders: []Order{o}}
		},
	}}
}

// firingsOf are the firings of a group that the timeline knows, and whether any of them
// is marked by itself.
func firingsOf(g alertGroup, s *Screen) (o MarkAlerts, marked bool) {
	o.Name = g.name
	for i := range g.list {
		a := &g.list[i]
		if a.Recorded == "" {
			continue
		}
		if len(o.Firings) == 0 {
			o.Incident = incident.ID(a.Incident)
		} else if string(o.Incident) != a.Incident {
			o.Incident = ""
		}
		o.Firings = append(o.Firings, a.Recorded)
		if s.World.Record != nil && s.World.Record.Said[a.Recorded].Verdict != "" {
			marked = true
		}
	}
	return o, marked
}

// stormOf is the incident that the first alert belongs to, with how many alerts it has;
// "" if it has no other ones.
func stormOf(g alertGroup, s *Screen) (incident.ID, int) {
	for i := range g.list {
		for k := range s.World.Incidents {
			if inc := &s.World.Incidents[k]; string(inc.ID) == g.list[i].Incident && inc.Alerts > 1 {
				return inc.ID, inc.Alerts
			}
		}
	}
	return "", 0
}
