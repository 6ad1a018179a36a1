package tui

import (
	"testing"
	"time"

	"github.com/sitrep-dev/sitrep/tui/pane"
)

const leftBy = "CH-1 payments-latency was left by a process that died; undone now: net.delay on payments-1, net.delay on payments-2"

// What is done with leaves the screen by itself, and by esc; it is read in full among the
// messages.
func TestWhatIsDoneWithLeaves(t *testing.T) {
	told := func(past bool) func(w *pane.World) {
		return func(w *pane.World) {
			w.Incidents = nil
			w.Problems = append(w.Problems, pane.Problem{Text: leftBy, At: time.Now(), Past: past})
		}
	}
	play(t, 120, 40, func(p *player) {
		p.world(told(true))
		p.sees("was left by a process that died")
		p.wait(9 * time.Minute)
		p.sees("was left by a process that died")
		p.wait(2 * time.Minute)
		p.seesNot("was left by")
	})
	play(t, 120, 40, func(p *player) {
		p.world(told(false))
		p.wait(time.Hour)
		p.sees("was left by a process that died")
		p.press("esc")
		p.seesNot("was left by")
		p.press(":")
		p.typed("messages")
		p.press("enter")
		p.sees("net.delay on payments-1, net.delay on │")
		p.press("esc")
		p.wait(time.Minute)
		p.world(told(false))
		p.sees("was left by a process that died")
	})
}

// "undone no…" would be read as "not undone".
func TestProblemsAreCutBetweenWords(t *testing.T) {
	for w := 60; w < 112; w++ {
		play(t, w, 24, func(p *player) {
			p.world(func(w *pane.World) {
				w.Incidents = nil
				w.Problems = []pane.Problem{{Text: leftBy, At: time.Now(), Past: true}}
			})
			p.seesNot("no…")
			p.seesNot("undon…")
			p.sees(":messages")
		})
	}
}
