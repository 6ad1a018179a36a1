package pane

import (
	"cmp"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// seenSection is the incidents that may help with this one, the nearest first,
// each with what ended it: whoever had it before knew something.
func seenSection(inc incident.Incident, s *Screen) section {
	list := s.World.Related[inc.ID]
	return section{
		name: "seen", title: safe.Const("seen before"), dear: 6, least: 1, want: min(len(list), 3),
		rows: &rows{
			n: len(list), id: func(i int) string { return string(list[i].Incident.ID) },
			draw: func(f *frame.Frame, i int) { drawSeen(f, list[i], s) },
			open: func(i int, s *Screen) Effect { return readSeen(list[i], s) },
		},
	}
}

// withSeen adds the section where it has something to show.
func withSeen(sections []section, inc incident.Incident, s *Screen) []section {
	if len(s.World.Related[inc.ID]) == 0 {
		return sections
	}
	return append(sections, seenSection(inc, s))
}

func drawSeen(f *frame.Frame, r incident.Relation, s *Screen) {
	other := r.Incident
	p := pen{f: f}
	p.left(7, theme.Plain, safe.New(string(other.ID), 7))
	p.x++
	p.right(4, theme.Dim, safe.New(Ago(s.Now.Sub(other.Clocks.Declared)), 4))
	p.x++
	fix := cmp.Or(other.Mitigation(), other.Resolution)
	switch {
	case !other.Status.Over():
		p.left(5, theme.Accent, safe.Const("open"))
	case fix != "":
		p.flow(theme.Bright, safe.New(fix, safe.Line))
	}
	if p.room() > 8 {
		p.x++
		if other.Drill {
			p.left(5, theme.Accent, safe.Const("DRILL"))
		}
		p.flow(theme.Dim, safe.New(other.Title, safe.Line))
	}
}

func readSeen(r incident.Relation, s *Screen) Effect {
	other := r.Incident
	var p page
	p.text(other.Title)
	p.text(" ")
	p.labelled("here for", strings.Join(r.Why, ", "))
	p.labelled("severity", string(other.Severity))
	if other.Drill {
		p.labelled("drill", "yes")
	}
	p.labelled("status", string(other.Status))
	p.labelled("service", other.Service)
	p.labelled("declared", other.Clocks.Declared.In(s.Zone).Format("2006-01-02 15:04 MST")+", "+Ago(s.Now.Sub(other.Clocks.Declared))+" ago")
	if d, ok := other.TimeToMitigate(); ok {
		p.labelled("mitigated", "after "+took(d))
	}
	p.labelled("mitigated by", other.Mitigation())
	p.labelled("ended with", other.Resolution)
	if len(other.Actions) > 0 {
		p.heading("what was done")
		for _, a := range other.Actions {
			p.text("- " + a.Text)
		}
	}
	p.text(" ")
	p.labelled("all of it", "sitrep incident timeline "+string(other.ID))
	return p.reading("seen before: " + string(other.ID))
}
