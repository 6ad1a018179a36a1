package tui

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/tui/pane"
)

// readingProd is a context that is production, as it is opened.
func readingProd(o *Options) { o.Context, o.Prod = "prod-eu", true }

func TestProductionIsReadOnlyUntilWrite(t *testing.T) {
	play(t, 160, 45, func(p *player) {
		p.sees("PROD prod-eu", "read-only")
		p.press("f5")
		require.Nil(t, p.m.asked, "nothing is asked that would be refused")
		p.sees("prod-eu is read-only: :write 15m first")
		p.press("8", "S")
		p.sees("prod-eu is read-only")
		p.press("1", ":")
		p.typed("write 15m")
		p.press("enter")
		require.Equal(t, []pane.Order{pane.Elevate{Length: 15 * time.Minute}}, p.desk.taken(), "it stands on the timeline")
		p.wait(28 * time.Second)
		p.sees("write:ON 14:32")
		p.press("f5")
		p.sees("Type payments-latency 100% to go on:")
		p.wait(15 * time.Minute)
		p.sees("read-only")
		p.typed("payments-latency 100%")
		p.wait(time.Second)
		p.press("y")
		p.sees("prod-eu is read-only: :write 15m first")
		p.wait(6 * time.Second)
		require.Empty(t, p.desk.taken(), "it ran out while that stood open")
	}, readingProd)
}

func TestWriteIsEndedAndBounded(t *testing.T) {
	play(t, 160, 45, func(p *player) {
		for _, words := range []string{"9h", "soon", "-5m"} {
			p.press(":")
			p.typed("write " + words)
			p.press("enter")
			p.sees("such as 15m")
		}
		require.Empty(t, p.desk.taken())
		p.press(":")
		p.typed("write 2h")
		p.press("enter")
		p.sees("write:ON 2:00:00")
		p.press(":")
		p.typed("write off")
		p.press("enter")
		p.sees("read-only")
		p.press("X")
		require.NotNil(t, p.m.asked, "a response is never held up by it")
	}, readingProd)
	play(t, 120, 40, func(p *player) {
		p.press(":")
		p.typed("write 15m")
		p.press("enter")
		p.sees("nothing is read-only here")
		require.Empty(t, p.desk.taken())
	})
}
