package tui

import (
	"slices"
	"testing"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/alert"
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

// An incident that is over leaves the headline by esc, and after a while by itself where
// its end was seen; one that was looked up stays.
func TestWhatIsOverIsNoHeadline(t *testing.T) {
	over := func(w *pane.World) {
		w.Incidents = slices.Clone(w.Incidents)
		for i := range w.Incidents {
			if !w.Incidents[i].Status.Over() {
				w.Incidents[i].Status, w.Incidents[i].Clocks.Resolved = incident.StatusResolved, time.Now()
			}
		}
		w.Alerts.List = nil
	}
	play(t, 120, 40, func(p *player) {
		p.world(over)
		p.wait(9 * time.Minute)
		p.sees("[SEV1] INC-204")
		p.wait(2 * time.Minute)
		p.seesNot("[SEV1] INC-204")
		p.sees("All quiet")
		p.sees("last: SEV-1 INC-204")
	})
	play(t, 120, 40, func(p *player) {
		p.world(over)
		p.press("5")
		p.press("esc")
		p.sees("[SEV1] INC-204")
		p.press("esc")
		p.sees("All quiet")
		p.press(":")
		p.typed("go INC-204")
		p.press("enter")
		p.wait(time.Hour)
		p.sees("[SEV1] INC-204")
	})
	play(t, 120, 40, func(p *player) {
		p.press("5")
		p.world(over)
		p.wait(7 * time.Minute)
		p.press("j")
		p.wait(7 * time.Minute)
		p.sees("[SEV1] INC-204")
		p.wait(4 * time.Minute)
		p.seesNot("[SEV1] INC-204")
	})
}

// What comes in and the headline count alike: what is new is told as that.
func TestNewAlertsAreCountedAsNew(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) { w.Incidents = nil })
		p.sees("3 alerts fire: ")
		p.world(func(w *pane.World) {
			w.Alerts.List = slices.Clone(w.Alerts.List)
			for _, name := range []string{"Disk", "Queue"} {
				w.Alerts.List = append(w.Alerts.List, alert.Alert{Name: name, Fingerprint: name, State: alert.Firing, ActiveAt: time.Now()})
			}
		})
		p.sees("5 alerts fire: ", "2 more alerts fire, Disk among them: 5 in all")
	})
}
