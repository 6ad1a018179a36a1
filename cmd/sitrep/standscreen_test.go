package main

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// A screen stands in for a Prometheus that is killed, and is killed itself; the next one
// begins in the middle of the outage and goes on. When Prometheus is back its hole is
// filled with what both scraped, and nothing of it counts twice.
func TestTheNextScreenGoesOnWithTheOutage(t *testing.T) {
	t.Parallel()
	o := newOutage(t, "boards: [load.yaml]")
	o.write("load.yaml", "title: Load\nrange: 5m\nrefresh: 1s\npanels:\n- {title: Busy, type: timeseries, queries: [{expr: sum(load)}]}\n")
	screen := func() *terminal {
		x := startTerminal(t, 140, 40, []string{"XDG_STATE_HOME=" + o.dir, "HOME=" + o.dir, "SUDO_USER=ana"}, "--config", o.config, "--db", o.path)
		x.see("this process runs the ladder")
		return x
	}
	first := screen()
	o.learned()
	o.killPrometheus()
	kept := o.kept(15 * time.Second)
	began, killed := kept[0].From, kept[len(kept)-1].To
	first.signal(syscall.SIGKILL)
	second := screen()
	again := time.Now() // what lies between is nobody's
	kept = o.kept(again.Sub(began) + 15*time.Second)
	require.WithinDuration(t, began, kept[0].From, 2*time.Second, "the first one's part is not written over")
	end := kept[len(kept)-1].To
	o.serve()
	second.press("2")
	second.see("Busy", "filled from direct scrape")

	standby := o.standby()
	for _, part := range [][2]time.Time{{began.Add(2 * time.Second), killed}, {again.Add(5 * time.Second), end}} {
		g := query.Steps(part[0], part[1], time.Second)
		// A second more or less is the scraper's; twice as much would be both's.
		for expr, most := range map[string]float64{"sum(load)": 5, "count_over_time(load[5s])": 6, "count(load)": 1} {
			var f query.Frame
			require.Eventually(t, func() bool {
				var err error
				f, err = standby.Range(t.Context(), expr, g)
				return err == nil && f.StandIn != "" && len(f.Series) == 1 && knownPoints(f.Series[0]) >= g.N-1
			}, time.Minute, 100*time.Millisecond, "%s from %s to %s is filled", expr, part[0], part[1])
			for i, v := range f.Series[0].Values {
				require.False(t, v > most, "%s is %v at %s: something counts twice", expr, v, g.Time(i))
			}
		}
	}
}
