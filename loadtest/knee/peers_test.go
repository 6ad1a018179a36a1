//go:build peers

package knee

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// BenchmarkPeersKnee searches for the knee of a real server whose limit is known: four
// slots, service times that are exponential, arrivals that are even (D/M/4), and a threshold
// of 60 ms for the p99. How long a slot really takes is measured first, by users that keep all
// of them busy; the limit is that of a long simulation with it.
func BenchmarkPeersKnee(b *testing.B) {
	const slots, each, limit = 4, 7500 * time.Microsecond, 60 * time.Millisecond
	room := make(chan struct{}, slots)
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(1, 2))
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		d := time.Duration(random.ExpFloat64() * float64(each))
		mu.Unlock()
		room <- struct{}{}
		time.Sleep(d)
		<-room
	}))
	defer s.Close()
	plan := loadtest.Plan{Name: "knee", Targets: []loadtest.Target{{Method: "GET", URL: s.URL + "/"}}, Timeout: 20 * time.Second, Connections: 512}
	send := func(ctx context.Context, p loadtest.Plan) (loadtest.Result, error) {
		return loadtest.Run(ctx, p, func(loadtest.Progress) {})
	}
	full := plan
	full.Closed, full.Stages = true, []loadtest.Stage{{From: 16, To: 16, For: 20 * time.Second}}
	r, err := send(b.Context(), full)
	require.NoError(b, err)
	q := queue{rng: rand.New(rand.NewPCG(3, 4)), slots: slots, each: time.Duration(slots / r.AchievedRate * 1e9)}
	truth := q.truth(limit.Seconds(), 0.01)
	fmt.Printf("\nall four slots busy: %.0f/s; the p99 is 60 ms at %.0f/s\n", r.AchievedRate, truth)
	for range 3 {
		search := Search{Min: 20, Max: 5000, Thresholds: threshold(b, "p99 < 60ms"), Budget: 3 * time.Minute, Hold: func(ctx context.Context, rate float64, dwell time.Duration) (loadtest.Result, error) {
			p := plan
			p.Stages, p.Warmup = []loadtest.Stage{{From: rate, To: rate, For: dwell}}, dwell/4
			return send(ctx, p)
		}}
		began := time.Now()
		k, err := search.Run(b.Context())
		require.NoError(b, err)
		fmt.Fprintf(os.Stdout, "found %.0f/s, %+.1f %%, by %d steps in %s\n", k.Rate, 100*(k.Rate/truth-1), len(k.Steps), time.Since(began).Round(time.Second))
		b.ReportMetric(math.Abs(k.Rate/truth-1), "error")
	}
}
