package tui

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/readiness"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// routine is a world in which one service is known, and a load test is three days late.
func routine(w *pane.World, now time.Time) {
	w.Readiness = &pane.Readiness{
		At: now, Told: now,
		Cards: []readiness.Card{readiness.Assess(readiness.Evidence{Service: "checkout", Alerts: 1, Runbooks: 1}, now)},
		Due:   readiness.Review(readiness.Facts{Moments: map[readiness.Proof]time.Time{readiness.Loaded: now.Add(-10 * 24 * time.Hour)}}, now),
	}
}

// A duty is found from the palette and signed by a form, whose words are kept when
// somebody is called away from it.
func TestADutyIsSigned(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) { routine(w, time.Now()) })
		p.press(":")
		p.typed("routine")
		p.press("enter")
		p.sees("›due  load-test", "due 3d, last load run 10d ago", "sign")
		p.press("space")
		p.sees("Sign load-test", "empty is 7d")
		p.typed("by k6")
		p.press("esc")
		require.Empty(t, p.desk.taken())
		p.press("space")
		p.sees("by k6")
		p.press("enter")
		p.typed("x")
		p.press("enter")
		p.sees(`"x" is no time up to a year`, "by k6")
		p.press("enter", "backspace", "enter")
		require.Equal(t, []pane.Order{pane.Sign{Duty: "load-test", Note: "by k6", Holds: 7 * 24 * time.Hour}}, p.desk.taken())
		p.press("space")
		p.seesNot("by k6")
	})
}

// What is read-only stays so, whenever the form was opened.
func TestReadOnlySignsNothing(t *testing.T) {
	play(t, 160, 45, func(p *player) {
		p.world(func(w *pane.World) { routine(w, time.Now()) })
		p.press("C", "l", "space")
		require.Nil(t, p.m.asked)
		p.sees("prod-eu is read-only: :write 15m first")
		p.press(":")
		p.typed("write 15m")
		p.press("enter")
		p.desk.taken()
		p.press("space")
		p.sees("Sign load-test")
		p.wait(16 * time.Minute)
		p.press("enter", "enter")
		p.sees("prod-eu is read-only: :write 15m first")
		require.Empty(t, p.desk.taken(), "it ran out while the form stood open")
	}, readingProd)
}
