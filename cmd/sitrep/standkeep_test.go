package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// A daemon stands in for a Prometheus that is killed, and is killed itself; Prometheus
// comes back with a hole. A process that was not there meanwhile fills it.
func TestAnotherProcessFillsTheGap(t *testing.T) {
	t.Parallel()
	o := newOutage(t, fmt.Sprintf("daemon: {listen: 127.0.0.1:%d}", freePort(t)))
	killDaemon := o.begin(binary, "--config", o.config, "--db", o.path, "daemon")
	o.learned()
	o.killPrometheus()
	kept := o.kept(15 * time.Second)
	killDaemon()
	o.serve()

	standby := o.standby()
	g := query.Steps(kept[0].From.Add(2*time.Second), kept[len(kept)-1].To, time.Second)
	require.Eventually(t, func() bool {
		f, err := standby.Range(t.Context(), "count_over_time(load[2s]) > 0", g)
		return err == nil && f.StandIn != "" && len(f.Series) == 1 && knownPoints(f.Series[0]) >= g.N-1
	}, time.Minute, 100*time.Millisecond, "the gap is filled by what another process scraped")
	whole, err := o.client.Range(t.Context(), "count_over_time(load[2s]) > 0", g)
	require.NoError(t, err)
	for _, s := range whole.Series {
		require.Less(t, knownPoints(s), g.N/2, "the server has a hole there")
	}
	require.Zero(t, standby.StandsIn(), "nothing is scraped for that: the server is there")
}
