package tui

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// In production a silence is made, and ended, by whoever types what it is about.
func TestSilencesInProductionWantTheirTargetTyped(t *testing.T) {
	ms, err := alert.ParseMatchers([]string{"service=shop", "alertname=Down"})
	require.NoError(t, err)
	for _, o := range []pane.Order{
		pane.Silence{Matchers: ms, Length: undoTime},
		pane.EndSilence{ID: "4d2c", Matchers: ms.String(), Target: ms.Target()},
	} {
		play(t, 120, 40, func(p *player) {
			p.run(p.m.request(o))
			p.settle()
			p.press("y")
			p.wait(2 * undoTime)
			require.Empty(t, p.desk.taken(), "y alone is a letter")
			p.press("backspace")
			p.typed("shop")
			p.wait(time.Second)
			p.press("y")
			p.wait(2 * undoTime)
			require.Equal(t, []pane.Order{o}, p.desk.taken())
		}, inProd)
		play(t, 120, 40, func(p *player) {
			p.run(p.m.request(o))
			p.settle()
			p.wait(time.Second)
			p.press("y")
			p.wait(2 * undoTime)
			require.Equal(t, []pane.Order{o}, p.desk.taken(), "elsewhere y does")
		})
	}
}
