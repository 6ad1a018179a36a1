package escalation_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// A thousand pages for one key and a thousand messages for one channel go out as
// fast as the sinks allow: never above that in any window, and at nine tenths of
// it at least.
func TestAThousandPagesDrain(t *testing.T) {
	p, err := escalation.LoadPolicy("drain.yaml", []byte(`ladders:
  default:
    - {level: L1, respond_within: 4h, until: resolved, notify: ["pagerduty:primary", "slack:#incidents"]}
`))
	require.NoError(t, err)
	pages := 1000
	if raced {
		pages = 250 // the detector makes the store in memory slow
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range pages {
			w.declareUnder(p, incident.Sev1)
		}
		defer w.run("ana@bastion 1")()
		w.after(18 * time.Minute) // and before an update is due
		require.Empty(t, w.problems)
		for _, sink := range []struct {
			calls           []call
			atOnce, aMinute int
		}{
			{w.pd.calls(escalation.OpTrigger), 20, 100},
			{w.slack.calls(escalation.OpPost), 3, 60},
		} {
			require.Equal(t, pages, len(sink.calls))
			worst := 0
			for i, from := range sink.calls {
				within := 0
				for _, c := range sink.calls[i:] {
					took := c.at.Sub(from.at)
					if within++; took < time.Minute {
						worst = max(worst, within)
					}
					if float64(within) > float64(sink.atOnce)+took.Minutes()*float64(sink.aMinute)+1e-6 {
						t.Fatalf("%s: %d within %s", c.m.Sink, within, took)
					}
				}
			}
			took := sink.calls[pages-1].at.Sub(sink.calls[0].at)
			rate := float64(pages-sink.atOnce) / took.Minutes()
			t.Logf("%s: %d in %s: %.1f a minute of %d, and %d in the fullest", sink.calls[0].m.Sink, pages, took, rate, sink.aMinute, worst)
			require.GreaterOrEqual(t, rate, 0.9*float64(sink.aMinute))
		}
	})
}
