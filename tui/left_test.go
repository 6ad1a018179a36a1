package tui

import (
	"testing"
	"time"

	"github.com/sitrep-dev/sitrep/tui/pane"
)

// A run that nobody ends does not count down to its end.
func TestAFaultThatIsLeftIsSaidToBeLeft(t *testing.T) {
	play(t, 160, 30, func(p *player) {
		p.world(func(w *pane.World) {
			w.Chaos.Runs = []pane.ChaosRun{{Run: "CH-19", Experiment: "payments-pause", Ends: time.Now().Add(-time.Second), Left: "its processes are dead\x1b[2J"}}
		})
		p.sees("CH-19 payments-pause NOT UNDONE: its processes are dead")
		p.seesNot("CH-19 payments-pause 0 s left")
	})
}
