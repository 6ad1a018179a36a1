package chaos_test

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// distribution reports what was measured: `go test ./chaos -run '^$' -bench . -benchtime 20x`.
func distribution(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	for _, q := range []struct {
		name string
		at   int
	}{{"p50-ms", len(took) / 2}, {"p90-ms", len(took) * 9 / 10}, {"max-ms", len(took) - 1}} {
		b.ReportMetric(float64(took[q.at].Microseconds())/1000, q.name)
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkKilled is how long a fault outlives kill -9 of some of a run's processes.
// Reach on an idle machine: 50 ms where the kernel holds it, else a second.
func BenchmarkKilled(b *testing.B) {
	for _, tier := range []struct {
		name string
		experiment
	}{{"K", trace()}, {"C", latency()}, {"D", pause()}} {
		for _, dead := range []string{"starter", "runner"} {
			b.Run(tier.name+"/"+dead, func(b *testing.B) {
				var took []time.Duration
				for range b.N {
					l := newLab(b)
					req := l.request(tier.file())
					victim := l.starter(req).process(b)
					log := l.holding(req)
					if dead == "runner" {
						victim = log.Opened.Runner
					}
					took = append(took, l.outlives(b, func() { killed(b, victim) }))
					l.recovered()
				}
				distribution(b, took)
			})
		}
	}
	b.Run("K/everybody", func(b *testing.B) {
		var took []time.Duration
		for range b.N {
			l := newLab(b)
			req := l.request(trace().file())
			l.starter(req)
			log := l.holding(req)
			took = append(took, l.outlives(b, func() { killed(b, *log.Undertaker); killed(b, log.Opened.Runner) }))
			_, err := chaos.Recover(b.Context(), l.dir)
			require.NoError(b, err)
			l.recovered()
		}
		distribution(b, took)
	})
}

func killed(b *testing.B, p chaos.Process) {
	require.NoError(b, p.Signal(9))
}

// outlives is how long after a deed something is hurt.
func (l *lab) outlives(b *testing.B, deed func()) time.Duration {
	b.Helper()
	from := time.Now()
	deed()
	for l.hurt() {
		require.Less(b, time.Since(from), undoBound)
		time.Sleep(200 * time.Microsecond)
	}
	return time.Since(from)
}

// BenchmarkGuardBreach is how long it takes from where a guard's query answers with a
// breach until the undo is proven: looked at every second, one breach is enough. Reach: p50
// 0.6 s, at the most 1.2 s.
func BenchmarkGuardBreach(b *testing.B) {
	var took []time.Duration
	for range b.N {
		l := newLab(b)
		e := trace()
		e.guard, e.every = "pain", time.Second
		req := l.request(e.file())
		h := l.spawn(req)
		l.holding(req)
		time.Sleep(rand.N(time.Second)) // anywhere between two looks
		from := time.Now()
		l.set(func() { l.pain = true })
		out, err := h.Wait()
		require.NoError(b, err)
		require.Equal(b, chaos.Aborted, out.Verdict, out.Reason)
		took = append(took, l.journal(req).Entries[0].UndoneAt.Sub(from))
		l.recovered()
	}
	distribution(b, took)
}

// BenchmarkArming is how long it takes from a journal's first record until the undertaker
// watches it. Reach: 50 ms.
func BenchmarkArming(b *testing.B) {
	var took []time.Duration
	for range b.N {
		l := newLab(b)
		e := trace()
		e.duration = 100 * time.Millisecond
		req := l.request(e.file())
		l.run(req)
		took = append(took, arming(b, filepath.Join(l.dir, req.ID+".wal")))
	}
	distribution(b, took)
}

func arming(b *testing.B, journal string) time.Duration {
	f, err := os.Open(journal)
	require.NoError(b, err)
	defer f.Close()
	var opened time.Time
	for in := bufio.NewScanner(f); in.Scan(); {
		var r chaos.Record
		if len(in.Bytes()) == 0 {
			continue // a record begins with a new line, whatever was torn before it
		}
		require.NoError(b, json.Unmarshal(in.Bytes(), &r))
		switch r.Rec {
		case "opened":
			opened = r.At
		case "armed":
			return r.At.Sub(opened)
		}
	}
	b.Fatal("never armed")
	return 0
}
