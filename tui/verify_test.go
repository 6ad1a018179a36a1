package tui

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// checking has the check of INC-204 go on.
func checking(w *pane.World, now time.Time) {
	w.Check = &pane.Check{Incident: "INC-204", Plan: "smoke", Began: now}
	w.Load.Run, w.Load.Plan = "LT-9", "smoke"
	w.Load.Live = &loadtest.Progress{
		Elapsed: 2 * time.Second, Remaining: 8 * time.Second, RequestedRate: 400, AchievedRate: 399, Requests: 790, Errors: 3, Stages: 1,
		Latency: loadtest.Latency{P50: 12 * time.Millisecond, P95: 40 * time.Millisecond, P99: 90 * time.Millisecond},
	}
}

// checked is how it ended.
func checked(failed string) func(*pane.World, time.Time) {
	return func(w *pane.World, now time.Time) {
		w.Load.Live = nil
		w.Check = &pane.Check{Incident: "INC-204", Plan: "smoke", Began: now, Over: true, Failed: failed}
	}
}

const checkFailed = "LT-9 smoke: fail: 399/s of 400/s, p50 12 ms, p95 260 ms, p99 300 ms, errors 0% (p95 < 200ms does not hold)"

// toCheck goes from the resolution to the load check, and confirms it.
func toCheck(p *player) {
	p.press("X")
	p.typed("rolled back")
	p.press("enter")
	p.sees("Ends INC-204 for everybody", "y  resolve", "tab  verify by load first")
	p.press("tab")
	p.sees("Verify INC-204 by which load?", "smoke", "400/s", "no worse than its baseline")
	p.press("enter")
	p.sees("First sends up to 400 requests/s on 127.0.0.1:8080 for 10s.", "If it passes", "Else it stays open", "Cause: rolled back")
	p.wait(time.Second)
	p.press("y")
	p.sees("Verify INC-204 by smoke", "begins in a moment; u takes it back")
}

// The default is to resolve without a check, as the command's; with one the incident is
// resolved by what carries the order out, and its progress is shown.
func TestAResolutionIsVerifiedByLoad(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("X")
		p.typed("pool size")
		p.press("enter", "y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.Resolve{ID: "INC-204", Resolution: "pool size"}}, p.desk.taken())

		toCheck(p)
		p.press("esc") // takes it back
		p.sees("has not begun; nothing was sent")
		p.press("esc")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())

		toCheck(p)
		began := time.Now()
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.Verify{ID: "INC-204", Resolution: "rolled back", Plan: "smoke"}}, p.desk.taken())
		p.world(func(w *pane.World) { checking(w, began) })
		p.sees("LT-9 goes on, 8 s left", "399/s of 400/s, 3 of 790 failed", "p50 12 ms  p95 40 ms  p99 90 ms", "INC-204 is resolved if it passes", "y resolve INC-204 without it")
		p.world(func(w *pane.World) { checked("")(w, began) })
		p.sees("held: INC-204 is resolved")
		p.seesNot("without it")
		p.press("esc")
		p.seesNot("Verify INC-204")
	})
}

// What does not hold does not resolve; whoever resolves all the same says why, which is the
// timeline's.
func TestWhatDoesNotHoldIsResolvedByAReason(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		toCheck(p)
		began := time.Now()
		p.wait(6 * time.Second)
		p.desk.taken()
		p.world(func(w *pane.World) { checked(checkFailed)(w, began) })
		p.sees("did not hold: INC-204 is not resolved", "p95 < 200ms does not hold")
		p.press("y")
		p.sees("Resolve INC-204 without the check: why?")
		p.press("enter")
		p.sees("not resolved: the reason is needed")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
	})
	play(t, 80, 24, func(p *player) {
		toCheck(p)
		began := time.Now()
		p.wait(6 * time.Second)
		p.desk.taken()
		p.world(func(w *pane.World) { checking(w, began) })
		p.press("y")
		p.typed("the plan is too hard")
		p.press("enter")
		require.Contains(t, flat(p.screen()), "The timeline says that alice resolves it without waiting for the load check smoke: the plan is too hard.")
		p.press("y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.Resolve{ID: "INC-204", Resolution: "rolled back", Anyway: "without waiting for the load check smoke: the plan is too hard"}}, p.desk.taken())
	})
}

// How a check ended is said once: where it is shown, or below where nobody looks any more.
func TestACheckSaysOnceHowItEnded(t *testing.T) {
	for _, looks := range []bool{true, false} {
		play(t, 120, 40, func(p *player) {
			p.desk.answer = func(o pane.Order) (pane.Receipt, error) {
				if _, is := o.(pane.Verify); is {
					time.Sleep(10 * time.Second)
					return pane.Receipt{}, errors.New("INC-204 is not resolved: " + checkFailed)
				}
				return pane.Receipt{}, nil
			}
			toCheck(p)
			began := time.Now()
			p.wait(6 * time.Second)
			p.world(func(w *pane.World) { checking(w, began) })
			if !looks {
				p.press("esc")
			}
			p.wait(12 * time.Second)
			p.world(func(w *pane.World) { checked(checkFailed)(w, began) })
			p.wait(7 * time.Second)
			if looks {
				p.sees("did not hold: INC-204 is not resolved")
				p.seesNot("! INC-204 is not resolved")
				return
			}
			p.sees("! INC-204 is not resolved: LT-9 smoke: fail")
		})
	}
}

// Load is refused in a context that is read-only; the resolution is not.
func TestACheckIsLoadAndAResolutionIsNot(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.press("X")
		p.typed("done")
		p.press("enter", "tab", "enter")
		p.sees("read-only")
		p.press("X")
		p.typed("done")
		p.press("enter", "y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.Resolve{ID: "INC-204", Resolution: "done"}}, p.desk.taken())
	}, readingProd)
	play(t, 80, 24, func(p *player) {
		p.press("X")
		p.typed("done")
		p.press("enter", "tab", "enter")
		p.sees("Type 127.0.0.1:8080 to go on:")
	}, inProd)
}

// A check as it goes, and how one ends that does not hold.
func TestPicturesOfACheck(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		for name, then := range map[string]func(*pane.World, time.Time){"live": checking, "failed": checked(checkFailed)} {
			m := still(t, size[0], size[1], []string{"X", "o", "k", "enter", "tab", "enter", "y"})
			m.counts.running = nil // its time is over
			m.o.Mailbox.Update(func(w *pane.World) { then(w, m.now) })
			m.Update(wakeMsg{})
			isPicture(t, fmt.Sprintf("verify_%s_%dx%d", name, size[0], size[1]), m, size)
		}
	}
}
