package tui

import (
	"testing"

	"github.com/sitrep-dev/sitrep/tui/chart"
)

// The keys of a view with charts have the meaning of their marks beside them, which is
// found by typing, runs nothing, and is in no other view.
func TestTheHelpOfABoardHasTheMarks(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		for _, view := range []string{"1", "2"} {
			p.press(view, "?")
			for _, k := range chart.MarkKinds() {
				p.typed(k.Means()[:8])
				p.sees(string(k.Glyph()) + "           " + k.Means())
				for range 8 {
					p.press("backspace")
				}
			}
			p.typed("or what was done")
			p.sees("•           a note, or what was done")
			p.press("enter") // there is nothing to it
			p.sees("Keys", "a note, or what was done")
			p.press("esc")
		}
		p.press("3", "?")
		p.typed("acknowledged")
		p.seesNot("somebody acknowledged")
	})
}
