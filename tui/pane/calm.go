package pane

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// calm is the view while no incident is selected: the board's signals, what
// fires, what was promised, what is due of the routine, what was done lately, and what to
// do first.
func (v *now) calm(s *Screen) []column {
	events := v.passing(v.story.of(s), s)
	signals := v.signals(s)
	alerts := alertSection(s, &v.alerts, v.policies.today(s.World), &v.filter, true)
	alerts.dear = 11 // without an incident they are the news
	items, lately, past := itemSection(s, &v.filter), latelySection(events, s), pastSection(s)
	if s.World.Unread {
		items, lately, past = unreadSection("items"), unreadSection("lately"), unreadSection("incidents")
	}
	all := frame.Rect{W: v.w, H: v.h}
	due := dueSection(s, &v.filter, v.due, v.w < twoColumns)
	if v.w < twoColumns {
		signals.least, signals.want = 5, max(7, v.h*2/5)
		alerts.want, items.want = min(alerts.want, 5), min(items.want, 3)
		return []column{{all, slices.Concat(adviceSection(s, v.w), []section{signals, alerts, items}, due, []section{past, lately})}}
	}
	left, right := all.Left(boardWidth(v.w))
	right.X, right.W = right.X+1, right.W-1
	if v.w < threeColumns {
		return []column{{left, []section{signals}}, {right, slices.Concat(adviceSection(s, right.W), []section{alerts, items}, due, []section{past, lately})}}
	}
	side := right.Columns(1, 1, 1)
	middle := slices.Concat(adviceSection(s, side[0].W), []section{alerts, items})
	if len(s.World.Ledger) > 0 {
		middle = append(middle, ledgerSection(s, &v.filter))
	}
	middle[len(middle)-1].grow = true
	return []column{{left, []section{signals}}, {side[0], middle}, {side[1], slices.Concat(due, []section{past, lately})}}
}

// adviceSection is a calm sentence or two about what to do first; there is none while
// that is not known.
func adviceSection(s *Screen, width int) []section {
	var lines []safe.Text
	for _, text := range advice(s) {
		lines = append(lines, safe.Wrap(text, max(width-2, 10))...)
	}
	if len(lines) == 0 {
		return nil
	}
	return []section{{
		name: "advice", title: safe.Const("what to do first"), dear: 8, least: min(len(lines), 3), want: len(lines),
		draw: func(f *frame.Frame) {
			for y, l := range lines[:min(len(lines), max(f.Height(), 0))] {
				if y == f.Height()-1 && y < len(lines)-1 {
					l = safe.Concat(l.Fit(max(f.Width()-3, 0)), safe.Const(" …"))
				}
				f.PutFit(1, y, f.Width()-1, theme.Plain, l)
			}
		},
	}}
}

func advice(s *Screen) []string {
	if s.World.Unread {
		return nil
	}
	firing := 0
	for i := range s.World.Alerts.List {
		if s.World.Alerts.List[i].State == alert.Firing {
			firing++
		}
	}
	var said []string
	if own := ownDoing(s); len(own) > 0 {
		said = append(said, strings.Join(own, " "))
	}
	switch {
	case firing == 1:
		said = append(said, fmt.Sprintf("An alert fires. %s declares an incident from it and pages whoever is on call.", declareKey(s)))
	case firing > 1:
		said = append(said, fmt.Sprintf("%d alerts fire. %s declares from the worst and pages whoever is on call.", firing, declareKey(s)))
	case len(said) > 0:
		said = append(said, fmt.Sprintf("When an alert fires, %s declares an incident.", declareKey(s)))
	case s.World.Chaos.Halt != nil:
		said = append(said, fmt.Sprintf("%s: %s says more, and how that ends.", haltNote(s.World.Chaos.Halt, s), s.Keys.Label(keys.ViewActions)))
	}
	if len(said) > 0 || s.Prod {
		return said
	}
	abort := s.Keys.Label(keys.Abort)
	var first *chaos.Experiment
	for i := range s.World.Chaos.Experiments {
		if x := &s.World.Chaos.Experiments[i]; x.Pin != "" && (first == nil || x.Pin < first.Pin) {
			first = x
		}
	}
	if first == nil {
		return nil
	}
	return []string{fmt.Sprintf("%s hurts %s: %s for %s. %s ends and undoes it at any time.", first.Pin, Victims(*first), Faults(*first), strictyaml.FormatDuration(first.Length()), abort)}
}

// ownDoing is what is hurt or loaded on purpose, and what of that ended just now and may
// be why an alert fires: it comes first, as one key ends it.
func ownDoing(s *Screen) (out []string) {
	const most = 2
	runs := hurtings(s.World, s.Now)
	for i := range runs {
		if h := &runs[i]; !h.until.IsZero() && !slices.ContainsFunc(s.World.Alerts.List, func(a alert.Alert) bool { return a.State == alert.Firing && h.may(&a) }) {
			continue
		}
		if len(out) == most {
			return append(out, fmt.Sprintf("%s has more.", s.Keys.Label(keys.ViewActions)))
		}
		out = append(out, runs[i].says(s))
	}
	return out
}

// unreadSection stands for one that the store has not been read for.
func unreadSection(title string) section {
	return section{name: title, title: safe.New(title, 20), least: 1, want: 1, rows: &rows{none: safe.Const("reading the store")}}
}

// pastSection is the incidents that ended lately, drills named as such.
func pastSection(s *Screen) section {
	var list []incident.Incident
	open := 0
	for _, inc := range s.World.Incidents {
		list = append(list, inc)
		if !inc.Status.Over() {
			open++
		}
	}
	slices.SortStableFunc(list, func(a, b incident.Incident) int { return practice(a) - practice(b) })
	return section{
		name: "past", title: safe.Sprintf("incidents  %d open", open), dear: 3, least: 1, want: min(max(len(list), 1), 6),
		rows: &rows{
			n: len(list), id: func(i int) string { return string(list[i].ID) },
			draw: func(f *frame.Frame, i int) { drawIncident(f, list[i], s) },
			open: func(i int, _ *Screen) Effect { return Effect{Handled: true, Select: list[i].ID} },
			none: safe.Const("no incident in the last day"),
		},
	}
}

// practice puts what is real before drills.
func practice(inc incident.Incident) int {
	if inc.Drill {
		return 1
	}
	return 0
}

// drill says whether the incident of that ID is one.
func drill(s *Screen, id incident.ID) bool {
	if id == "" {
		return false
	}
	i := slices.IndexFunc(s.World.Incidents, func(inc incident.Incident) bool { return inc.ID == id })
	return i >= 0 && s.World.Incidents[i].Drill
}

func drawIncident(f *frame.Frame, inc incident.Incident, s *Screen) {
	p := pen{f: f}
	p.left(4, theme.Sev(inc.Severity.Rank()), safe.New(strings.ReplaceAll(string(inc.Severity), "-", ""), 4))
	p.left(8, theme.Plain, safe.New(string(inc.ID), 8))
	if inc.Drill {
		p.left(5, theme.Accent, safe.Const("DRILL"))
	}
	end := piece{safe.Sprintf("%s %s", inc.Status, Ago(inc.Age(s.Now))), theme.Warn}
	if inc.Status.Over() {
		end = piece{safe.Sprintf("ended %s ago", Ago(s.Now.Sub(inc.Clocks.Resolved))), theme.Dim}
	}
	right := f.PutRight(f.Width(), 0, end.style, end.text.Fit(p.room()*2/3)) - 1
	f.PutFit(p.x, 0, right-p.x, theme.Plain, safe.New(inc.Title, safe.Line))
}
