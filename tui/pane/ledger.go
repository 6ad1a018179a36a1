package pane

import (
	"fmt"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// ledgerSection is what the lab's stand-ins received, newest first: outside the
// lab it would have been sent.
func ledgerSection(s *Screen, f *filter) section {
	var list []*LedgerEntry
	for i := range s.World.Ledger {
		e := &s.World.Ledger[len(s.World.Ledger)-1-i]
		if f.text(e.Service + " " + e.Path + " " + e.Summary) {
			list = append(list, e)
		}
	}
	return section{
		name: "ledger", title: safe.Sprintf("what would have been sent  %d", len(list)), dear: 3, least: 1, want: max(len(list), 1),
		note: piece{safe.Const("the lab's stand-ins"), theme.Dim},
		rows: &rows{
			n: len(list), id: func(i int) string { return fmt.Sprint(len(list)-i) + list[i].At.String() },
			draw: func(f *frame.Frame, i int) { drawLedger(f, list[i], s) },
			open: func(i int, s *Screen) Effect {
				e := list[i]
				var p page
				p.labelled("at", e.At.In(s.Zone).Format("2006-01-02 15:04:05.000 MST"))
				p.labelled("to", brand(e.Service)+" "+e.Path)
				p.labelled("answered", fmt.Sprint(e.Status))
				p.heading("what it said")
				p.text(e.Summary)
				return p.reading("What would have been sent")
			},
			none: f.without(safe.Const("nothing yet")), newest: true,
		},
	}
}

func drawLedger(f *frame.Frame, e *LedgerEntry, s *Screen) {
	p := pen{f: f}
	p.left(stampWidth, theme.Dim, safe.New(stamp(e.At, s.Now, s.Zone), stampWidth))
	p.left(9, theme.Plain, safe.New(brand(e.Service), 9))
	if e.Status >= 400 {
		p.left(3, theme.Warn, safe.Int(e.Status))
	}
	p.flow(theme.Plain, safe.New(e.Summary, safe.Line))
}
