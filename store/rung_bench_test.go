package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// BenchmarkRungFires is how late a rung is called in real time, from when it was
// due to the wire, on a store with ten thousand open incidents: the first, which
// is due when the incident is declared, and the second, which is due by a clock.
func BenchmarkRungFires(b *testing.B) {
	path := filepath.Join(b.TempDir(), "s.db")
	db := openBench(b, path)
	tenThousandOpen(b, path)
	var mu sync.Mutex
	wired := map[string]time.Time{} // by incident and level
	send := senderFunc(func(_ context.Context, m escalation.Message) escalation.Outcome {
		mu.Lock()
		defer mu.Unlock()
		wired[string(m.Incident)+" "+string(m.Level)] = time.Now()
		return escalation.Outcome{Class: escalation.Done, Ref: m.ID}
	})
	engine := escalation.New(escalation.Config{
		Book: db, Leases: db, Timeline: db, Audit: db, Install: "bench000", Owner: "bench", Policy: escalation.Default(),
		Senders: map[string]escalation.Sender{"pagerduty": send}, Problem: func(err error) { b.Error(err) },
	})
	ctx, end := context.WithCancel(b.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = engine.Run(ctx)
	}()
	defer func() {
		end()
		<-over
	}()
	desk := incident.NewDesk(db)
	const apart = 50 * time.Millisecond
	var late [2][]time.Duration
	for n := 0; b.Loop(); n++ {
		began := time.Now()
		p, err := escalation.LoadPolicy("bench.yaml", fmt.Appendf(nil, `ladders:
  default:
    - {level: L1, respond_within: 1s, escalate_after: 1s, until: acknowledged, notify: ["pagerduty:first%[1]d"]}
    - {level: L2, respond_within: 4h, until: resolved, notify: ["pagerduty:second%[1]d"]}
`, n))
		require.NoError(b, err)
		inc, err := desk.Declare(ctx, by(), "", incident.Declaration{Title: "checkout 5xx", Severity: incident.Sev1, Policy: p.Frozen("")})
		require.NoError(b, err)
		at := func(level string) (at time.Time) {
			require.Eventually(b, func() bool {
				mu.Lock()
				defer mu.Unlock()
				at = wired[string(inc.ID)+" "+level]
				return !at.IsZero()
			}, time.Minute, time.Millisecond)
			return at
		}
		declared := time.Now()
		late[0] = append(late[0], max(0, at("L1").Sub(declared)))
		at("L2")
		events, err := db.Timeline(ctx, inc.ID)
		require.NoError(b, err)
		i := slices.IndexFunc(events, func(e incident.Event) bool { return e.Kind == incident.EscalationEntered })
		late[1] = append(late[1], at("L2").Sub(events[i].At.Add(time.Second)))
		_, err = desk.Resolve(ctx, by(), inc.ID, "rolled back")
		require.NoError(b, err)
		time.Sleep(apart - min(apart, time.Since(began)))
	}
	for i, name := range []string{"declared", "climbed"} {
		slices.Sort(late[i])
		for _, q := range []struct {
			name string
			at   float64
		}{{"p50", 0.5}, {"p99", 0.99}, {"max", 1}} {
			d := late[i][min(len(late[i])-1, int(q.at*float64(len(late[i]))))]
			b.ReportMetric(float64(d.Microseconds())/1000, name+"-"+q.name+"-ms")
		}
	}
	b.ReportMetric(0, "ns/op")
}
