package query_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/query"
)

// law compares what the cache shows with a full query at the same moment.
type law struct {
	w        *world
	c        *query.Cache
	points   int // compared
	differ   int
	failures int
}

// reader is that of rapid and of testing.
type reader interface {
	require.TestingT
	Helper()
}

func newLaw(w *world, settle time.Duration, audit int) *law {
	c := query.NewCache(w, query.CacheConfig{Settle: settle, Audit: audit, Now: w.clock, Rand: rand.New(rand.NewPCG(1, 1)).Float64})
	return &law{w: w, c: c}
}

// look shows a window twice, from the cache and from the server.
func (l *law) look(ctx context.Context, t reader, expr string, g query.Grid) {
	t.Helper()
	got, err := l.c.Range(ctx, expr, g)
	if err != nil {
		l.failures++
		return
	}
	want, err := l.w.truth(ctx, expr, g)
	require.NoError(t, err)
	require.Equal(t, g, got.Grid)
	byName := map[string]query.Series{}
	var names []string
	for _, s := range want.Series {
		byName[s.Legend], names = s, append(names, s.Legend)
		l.points += g.N
	}
	var order []string
	for _, s := range got.Series {
		require.Equal(t, s.Labels.String(), s.Legend)
		require.Equal(t, expr, s.Expr)
		order = append(order, s.Legend)
		w, both := byName[s.Legend]
		delete(byName, s.Legend)
		for i, v := range s.Values {
			if !both || !alike(v, w.Values[i]) || !alikeNative(s.Histogram(i), w.Histogram(i)) {
				l.differ++
			}
		}
	}
	for range byName {
		l.differ += g.N // not shown at all
	}
	if l.differ == 0 {
		require.Equal(t, names, order, "%s: in order", expr)
	}
}

func alike(a, b float64) bool {
	if query.IsAbsent(a) || query.IsAbsent(b) {
		return query.IsAbsent(a) && query.IsAbsent(b)
	}
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b))
}

// alikeNative also compares every bucket; rates are sums in any order.
func alikeNative(a, b *query.Histogram) bool {
	if a == nil || b == nil {
		return a == b
	}
	return alike(a.Count, b.Count) && alike(a.Sum, b.Sum) && slices.EqualFunc(a.Buckets, b.Buckets, func(x, y query.Bucket) bool {
		return x.Lower == y.Lower && x.Upper == y.Upper && x.Bounds == y.Bounds && alike(x.Count, y.Count)
	})
}

// Whatever happens to the data, the window, the server and the machine: a window
// from the cache is what a full query gives, as long as samples are not later
// than the cache was told.
func TestCacheIsAFullQuery(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var points, cached, full int
	rapid.Check(t, func(t *rapid.T) {
		lag := time.Duration(rapid.IntRange(0, 60).Draw(t, "lag")) * time.Second
		start := time.Date(2026, 11, 24, 14, 7, 33, 0, time.UTC)
		w := newWorld(rapid.Uint64().Draw(t, "seed"), start, 3, lag)
		l := newLaw(w, lag+time.Second, rapid.IntRange(-1, 4).Draw(t, "audit"))
		failing := rapid.SampledFrom([]int{0, 0, 3, 5}).Draw(t, "one in n queries fails")
		chance := rand.New(rand.NewPCG(3, 3))
		w.fail = func() error {
			if failing > 0 && chance.IntN(failing) == 0 {
				return errors.New("injected")
			}
			return nil
		}
		words := rapid.SliceOfNDistinct(rapid.SampledFrom(worldWords), 2, 4, rapid.ID).Draw(t, "words")
		span, columns, back := 15*time.Minute, 60, time.Duration(0)
		for range rapid.IntRange(5, 12).Draw(t, "turns") {
			switch rapid.IntRange(0, 11).Draw(t, "turn") {
			case 0:
				span = time.Duration(rapid.IntRange(1, 90).Draw(t, "span")) * time.Minute
			case 1:
				columns = rapid.SampledFrom([]int{30, 60, 61, 90, 120}).Draw(t, "columns")
			case 2:
				back = time.Duration(rapid.IntRange(0, 60).Draw(t, "pan")) * time.Minute
			case 3:
				w.pass(time.Duration(rapid.IntRange(1, 80).Draw(t, "suspended")) * time.Minute)
			case 4:
				w.said = []string{"partial"}
			case 5:
				w.said = nil
			}
			w.pass(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "pause")) * time.Millisecond)
			g := query.Align(w.clock().Add(-back), span, columns)
			for _, expr := range words {
				partial := len(w.said) > 0
				before := w.points
				l.look(ctx, t, expr, g)
				if !partial {
					cached += w.points - before
				}
			}
		}
		require.Zero(t, l.differ, "of %d points", l.points)
		points += l.points
		full += l.points
	})
	t.Logf("%d points compared; %.0f %% of them were asked", points, 100*float64(cached)/float64(full))
}

// The law test can fail: samples that come later than the cache was told make it
// show what is not so, and the audit is what limits that.
func TestLaterThanToldIsFoundByTheAudit(t *testing.T) {
	t.Parallel()
	show := func(lag, settle time.Duration, audit int) (share float64) {
		var differ, points int
		for seed := range uint64(1) {
			w := newWorld(seed, time.Date(2026, 11, 24, 14, 7, 33, 0, time.UTC), 1, lag)
			l := newLaw(w, settle, audit)
			for range 50 {
				w.pass(5 * time.Second)
				for _, expr := range worldWords[:4] {
					l.look(t.Context(), t, expr, query.Align(w.clock(), 15*time.Minute, 60))
				}
			}
			differ, points = differ+l.differ, points+l.points
		}
		share = float64(differ) / float64(points)
		t.Logf("late by up to %v, settled after %v, audit of %d: %.2f %% of %d points differ", lag, settle, audit, 100*share, points)
		return share
	}
	require.Zero(t, show(30*time.Second, 30*time.Second, -1))
	require.Zero(t, show(55*time.Second, time.Minute, 2))
	wrong := show(3*time.Minute, time.Minute, -1)
	require.Greater(t, wrong, 0.05, "nothing would be wrong with a settle time that is too short?")
	require.Less(t, show(3*time.Minute, time.Minute, 2), wrong/5)
}
