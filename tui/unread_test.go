package tui

import (
	"testing"

	"github.com/sitrep-dev/sitrep/tui/pane"
)

// Before anything is known the screen says so, and nothing that calms or alarms: at
// a slow link its first picture may stand for seconds.
func TestTheFirstPictureSaysNothingFalse(t *testing.T) {
	for _, size := range [][2]int{{200, 60}, {120, 40}, {80, 24}, {40, 8}} {
		play(t, size[0], size[1], func(p *player) {
			p.world(func(w *pane.World) { *w = *NewMailbox().World() })
			p.sees("eading the store")
			for _, text := range []string{"quiet", "o incident is open", "no incident in the last day", "nobody runs", "NOBODY", "no alert fires"} {
				p.seesNot(text)
			}
		})
	}
}
