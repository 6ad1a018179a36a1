package knee

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// queue is a service with a few slots, each as fast as the others on average: requests
// that arrive evenly wait for a free one, first come, first served (D/M/c).
type queue struct {
	rng    *rand.Rand
	slots  int
	each   time.Duration // mean time in a slot
	pauses float64       // how likely a step has a pause of all slots, of half a second
	down   bool
	loaded time.Duration // in all
}

// answers are the response times at a rate, in the order of arrival.
func (q *queue) answers(rate float64, dwell time.Duration) []float64 {
	free := make([]float64, q.slots)
	pause := -1.0
	if q.rng.Float64() < q.pauses {
		pause = q.rng.Float64() * dwell.Seconds()
	}
	n := int(rate * dwell.Seconds())
	out := make([]float64, n)
	for i := range n {
		due := float64(i) / rate
		at := slices.Index(free, slices.Min(free))
		begin := max(due, free[at])
		if pause >= 0 && begin >= pause && begin < pause+0.5 {
			begin = pause + 0.5
		}
		free[at] = begin + q.each.Seconds()*q.rng.ExpFloat64()
		out[i] = free[at] - due
	}
	return out
}

// hold is a step as a load run gives it.
func (q *queue) hold(ctx context.Context, rate float64, dwell time.Duration) (loadtest.Result, error) {
	time.Sleep(dwell)
	q.loaded += dwell
	if ctx.Err() != nil {
		return loadtest.Result{Verdict: loadtest.Aborted}, nil
	}
	r := loadtest.Result{DurationSeconds: 0.75 * dwell.Seconds(), Generator: loadtest.GeneratorOK}
	r.RequestedRate, r.AchievedRate = rate, rate
	h, whole := loadtest.NewHistogram(), loadtest.NewHistogram()
	row := loadtest.Row{}
	put := func() {
		if row.Requests > 0 {
			payload, err := h.Encode()
			if err != nil {
				panic(err)
			}
			row.Response = payload
			r.Rows = append(r.Rows, row)
			r.Requests, r.Errors = r.Requests+row.Requests, r.Errors+row.Errors
		}
		h.Reset()
	}
	for i, v := range q.answers(rate, dwell) {
		due := float64(i) / rate
		if due < 0.25*dwell.Seconds() {
			continue
		}
		if int(due) != row.Second {
			put()
			row = loadtest.Row{Second: int(due)}
		}
		row.Requests++
		if q.down {
			row.Errors++
		}
		d := time.Duration(v * float64(time.Second))
		h.Record(d)
		whole.Record(d)
	}
	put()
	r.ErrorRatio = float64(r.Errors) / float64(r.Requests)
	r.Latency = whole.Latency()
	return r, nil
}

// truth is the rate at which the share of slow requests is what it may be, by a run that
// is a hundred times as long as a step.
func (q *queue) truth(limit, share float64) float64 {
	low, high := 1., float64(q.slots)/q.each.Seconds()
	for high/low > 1.005 {
		rate := math.Sqrt(low * high)
		var slow, all float64
		for range 6 {
			for _, v := range q.answers(rate, 100*time.Second) {
				all++
				if v > limit {
					slow++
				}
			}
		}
		if slow/all <= share {
			low = rate
		} else {
			high = rate
		}
	}
	return low
}

func threshold(t testing.TB, expr string) []loadtest.Threshold {
	th, err := loadtest.ParseThreshold(expr)
	require.NoError(t, err)
	return []loadtest.Threshold{th}
}

// What is found is near the truth, also on a machine that makes pauses, where a search
// that believes each look is far off.
func TestFindsTheLimit(t *testing.T) {
	// not raced: it counts in one goroutine, for minutes with the detector
	q := queue{rng: rand.New(rand.NewPCG(1, 2)), slots: 4, each: 7500 * time.Microsecond}
	truth := q.truth(0.060, 0.01)
	for _, pauses := range []float64{0, 0.2} {
		var off, naive []float64
		for seed := range uint64(8) {
			synctest.Test(t, func(t *testing.T) {
				q := queue{rng: rand.New(rand.NewPCG(seed, 3)), slots: 4, each: q.each, pauses: pauses}
				k, err := Search{Min: 20, Max: 5000, Thresholds: threshold(t, "p99 < 60ms"), Hold: q.hold}.Run(t.Context())
				require.NoError(t, err)
				require.Greater(t, k.Bad, k.Rate)
				require.Positive(t, k.Confirmed)
				require.GreaterOrEqual(t, k.Confidence, 0.95)
				require.Less(t, q.loaded, 10*time.Minute)
				off = append(off, k.Rate/truth)
				naive = append(naive, q.naive(t)/truth)
			})
		}
		slices.Sort(off)
		slices.Sort(naive)
		t.Logf("truth %.0f/s, pauses in %.0f %% of steps: found %.2f of it, believing each look %.2f", truth, 100*pauses, off, naive)
		require.InDelta(t, 1, off[len(off)/2], 0.08, "%v", off)
		require.Greater(t, off[0], 0.75, "%v", off)
		require.Less(t, off[len(off)-1], 1.12, "%v", off)
		if pauses > 0 {
			require.Less(t, naive[0], 0.6, "the naive search is meant to fail here: %v", naive)
		}
	}
}

// naive doubles and bisects, and believes the p99 of a single look of three seconds.
func (q *queue) naive(t *testing.T) float64 {
	good, bad := 20., 0.
	holds := func(rate float64) bool {
		r, err := q.hold(t.Context(), rate, 3*time.Second)
		require.NoError(t, err)
		return r.Latency.P99 < 60*time.Millisecond
	}
	for bad == 0 && good < 5000 {
		if holds(2 * good) {
			good *= 2
		} else {
			bad = 2 * good
		}
	}
	for bad > bracket*good {
		if rate := math.Sqrt(good * bad); holds(rate) {
			good = rate
		} else {
			bad = rate
		}
	}
	return good
}

func TestTheEndsOfASearch(t *testing.T) {
	limit := threshold(t, "p99 < 60ms")
	for name, c := range map[string]struct {
		change func(*Search, *queue)
		holds  func(t *testing.T, k Knee, err error)
	}{
		"it holds everything": {func(s *Search, _ *queue) { s.Max = 100 }, func(t *testing.T, k Knee, err error) {
			require.NoError(t, err)
			require.InDelta(t, 100, k.Rate, 0.01)
			require.Zero(t, k.Bad)
		}},
		"it holds nothing": {func(s *Search, q *queue) { q.down = true }, func(t *testing.T, k Knee, err error) {
			require.ErrorIs(t, err, ErrLowest)
			require.ErrorContains(t, err, "at 20/s 100 % errors")
		}},
		"no time": {func(s *Search, _ *queue) { s.Budget = 6 * time.Second }, func(t *testing.T, k Knee, err error) {
			require.NoError(t, err)
			require.Contains(t, k.Notes, outOfTime)
			require.Positive(t, k.Confirmed, "what is told is confirmed")
		}},
		"a generator that cannot": {func(s *Search, q *queue) {
			s.Hold = func(ctx context.Context, rate float64, d time.Duration) (loadtest.Result, error) {
				r, err := q.hold(ctx, rate, d)
				if rate > 100 {
					r.Generator, r.Reasons = loadtest.GeneratorInvalid, []string{"late by 1 s"}
				}
				return r, err
			}
		}, func(t *testing.T, k Knee, err error) {
			require.ErrorContains(t, err, "the generator is the bottleneck, not the service: late by 1 s")
			require.InDelta(t, 80, k.Rate, 0.01)
		}},
		"a plan that is refused": {func(s *Search, _ *queue) {
			s.Hold = func(context.Context, float64, time.Duration) (loadtest.Result, error) {
				return loadtest.Result{}, loadtest.ErrRefused
			}
		}, func(t *testing.T, k Knee, err error) { require.ErrorIs(t, err, loadtest.ErrRefused) }},
		"a guard": {func(s *Search, q *queue) {
			s.Hold = func(ctx context.Context, rate float64, d time.Duration) (loadtest.Result, error) {
				r, err := q.hold(ctx, rate, d)
				if rate > 100 {
					r.AbortedBy = "guard errors"
				}
				return r, err
			}
		}, func(t *testing.T, k Knee, err error) { require.ErrorContains(t, err, "ended by guard errors") }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &queue{rng: rand.New(rand.NewPCG(4, 5)), slots: 4, each: 7500 * time.Microsecond}
				s := Search{Min: 20, Max: 5000, Thresholds: limit, Hold: q.hold}
				c.change(&s, q)
				k, err := s.Run(t.Context())
				c.holds(t, k, err)
			})
		})
	}
}

// Who ends it has what was found until then.
func TestEndedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		q := &queue{rng: rand.New(rand.NewPCG(6, 7)), slots: 4, each: 7500 * time.Microsecond}
		s := Search{Min: 20, Max: 5000, Thresholds: threshold(t, "p99 < 60ms"), Hold: q.hold}
		s.Told = func(s Step) {
			if s.Rate >= 160 {
				cancel(errors.New("ctrl-C"))
			}
		}
		k, err := s.Run(ctx)
		require.ErrorContains(t, err, "ctrl-C")
		require.InDelta(t, 160, k.Rate, 0.01)
	})
}

// The resource that was full first is named first.
func TestResourcesAreRanked(t *testing.T) {
	steps := []Step{
		{Rate: 100, Uses: map[string]float64{"cpu": 0.3, "memory": 0.5, "disk": 0.1, "pool": 0.4}},
		{Rate: 200, Uses: map[string]float64{"cpu": 0.6, "memory": 0.5, "disk": 0.2, "pool": 0.95}},
		{Rate: 400, Uses: map[string]float64{"cpu": 0.99, "memory": 0.6, "disk": 0.3, "pool": 1}},
	}
	var names []string
	for _, r := range rank(steps, 200) {
		names = append(names, fmt.Sprintf("%s %g %g", r.Name, r.FullAt, r.AtKnee))
	}
	require.Equal(t, []string{"pool 200 0.95", "cpu 400 0.6", "memory 0 0.5", "disk 0 0.2"}, names)
	require.InDelta(t, 1.8, Knee{Ceiling: 900}.Headroom(500), 1e-9)
}
