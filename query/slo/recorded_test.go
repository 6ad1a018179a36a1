package slo

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/query"
)

// recording is a shop whose server records slots too, but for some minutes.
type recording struct {
	*shop
	since  int64 // the first minute that is recorded
	missed map[int64]bool
	raw    int // points that the counters were asked for
	series int
}

func (r *recording) Range(ctx context.Context, expr string, g query.Grid) (query.Frame, error) {
	if !strings.Contains(expr, "slo:events_") {
		r.raw += g.N
		return r.shop.Range(ctx, expr, g)
	}
	values := make([]float64, g.N)
	for i := range values {
		n, sum := 0.0, 0.0
		end := (g.Time(i).Unix() - origin) / 60
		for m := end - int64(g.Step/time.Minute); m < end; m++ {
			if m < r.since || r.missed[m] {
				continue
			}
			n++
			if strings.Contains(expr, "slo:events_bad") {
				sum += r.bad(m)
			} else {
				sum += 100
			}
		}
		switch {
		case n == 0:
			values[i] = query.Absent()
		case strings.HasPrefix(expr, "count_over_time"):
			values[i] = n
		default:
			values[i] = sum
		}
	}
	f := query.Frame{Grid: g}
	for range max(1, r.series) {
		f.Series = append(f.Series, query.Series{Values: values})
	}
	return f, nil
}

// However much of the past a server recorded, and whatever it missed, what is dug out is
// what the counters say; and of what it recorded the counters are not asked.
func TestRecordedIsWhatTheCountersSay(t *testing.T) {
	t.Parallel()
	o := load(t, "name: shop\nobjective: 99.9\nwindow: 10d\nsli: {events: {bad: bad_total, total: all_total}}\n")
	const days = 24 * 60
	bad := func(m int64) float64 { return math.Mod(math.Abs(float64(m))*0.37, 3) }
	server := func() *shop { return &shop{bad: bad, retention: at(-60 * days), late: at(0)} }
	sums := func(s query.Source) Count {
		w := newNotes().watch(nil, true, o)
		w.Source = func(string) (query.Source, error) { return s, nil }
		require.NoError(t, w.Look(t.Context(), at(0))[0].Err)
		require.NoError(t, w.Fill(t.Context(), at(0), func(Filling) {}))
		st := w.Statuses(at(0))[0]
		require.InDelta(t, 1, st.Standing.Known, 0.001)
		return st.Tally.Sum(at(-10*days), at(0))
	}
	want := sums(server())
	rapid.Check(t, func(rt *rapid.T) {
		rec := &recording{shop: server(), missed: map[int64]bool{}}
		rec.since = -int64(rapid.IntRange(0, 15*days).Draw(rt, "recorded minutes"))
		for range rapid.IntRange(0, 6).Draw(rt, "missed") {
			rec.missed[-int64(rapid.IntRange(1, 10*days).Draw(rt, "minute"))] = true
		}
		got := sums(rec)
		if math.Abs(got.Bad-want.Bad) > 1e-9*want.Bad || math.Abs(got.Total-want.Total) > 1e-9*want.Total || got.Known != want.Known {
			rt.Fatalf("%+v, not %+v", got, want)
		}
		if len(rec.missed) == 0 && rec.since <= -12*days && rec.raw > 2*6*60 {
			rt.Fatalf("the counters were asked for %d points", rec.raw)
		}
	})
}

// Two servers' rules behind one address are no count: then the counters are read.
func TestRecordedTwiceIsNotUsed(t *testing.T) {
	t.Parallel()
	o := watchedOne(t)
	rec := &recording{shop: &shop{bad: func(int64) float64 { return 1 }, retention: at(-60 * 24 * 60), late: at(0)}, since: -60 * 24 * 60, series: 2}
	w := newNotes().watch(nil, true, o)
	w.Source = func(string) (query.Source, error) { return rec, nil }
	require.NoError(t, w.Look(t.Context(), at(0))[0].Err)
	require.NoError(t, w.Fill(t.Context(), at(0), func(Filling) {}))
	st := w.Statuses(at(0))[0]
	require.Empty(t, st.Recorded)
	require.InDelta(t, 0.99, st.Standing.SLI, 1e-9)
}

// Rules of an SLI that is not this one any more are other series.
func TestRecordedIsOfThisSLI(t *testing.T) {
	t.Parallel()
	a := load(t, "name: shop\nobjective: 99.9\nsli: {events: {bad: bad_total, total: all_total}}\n")
	b := load(t, "name: shop\nobjective: 99\nsli: {events: {bad: bad_total, total: all_total}}\n")
	c := load(t, "name: shop\nobjective: 99.9\nsli: {events: {bad: worse_total, total: all_total}}\n")
	total := func(o Objective) string { s, _ := o.Recorded(time.Minute); return s }
	require.Equal(t, total(a), total(b), "how good it has to be is not recorded")
	require.NotEqual(t, total(a), total(c))
}

// A month is asked for in stretches, kept as it comes, and gone on with where it was.
func TestFillGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	o, n := watchedOne(t), newNotes()
	s := &shop{bad: func(int64) float64 { return 1 }, retention: at(-60 * 24 * 60), late: at(0)}
	w := n.watch(s, true, o)
	require.NoError(t, w.Look(t.Context(), at(0))[0].Err)
	ctx, cancel := context.WithCancel(t.Context())
	said := 0
	require.ErrorIs(t, w.Fill(ctx, at(0), func(Filling) {
		if said++; said == 3 {
			cancel()
		}
	}), context.Canceled)
	before := s.asked

	again := n.watch(s, true, o)
	require.NoError(t, again.Look(t.Context(), at(1))[0].Err)
	require.NoError(t, again.Fill(t.Context(), at(1), func(Filling) {}))
	require.InDelta(t, 1, again.Statuses(at(1))[0].Standing.Known, 1e-3)
	require.Less(t, s.asked-before, 2*25*24*12, "what was kept is not asked for again")
}

// Whoever kept the events of long ago, and looks again only now, misses nothing between.
func TestWhatNobodyLookedAtForWeeksIsRead(t *testing.T) {
	t.Parallel()
	o, n := watchedOne(t), newNotes()
	s := &shop{bad: func(int64) float64 { return 1 }, retention: at(-60 * 24 * 60), late: at(0)}
	require.NoError(t, n.watch(s, true, o).Look(t.Context(), at(0))[0].Err)
	later := 25 * 24 * 60
	s.late = at(later)
	w := n.watch(s, true, o)
	require.NoError(t, w.Look(t.Context(), at(later))[0].Err)
	require.NoError(t, w.Fill(t.Context(), at(later), func(Filling) {}))
	st := w.Statuses(at(later))[0]
	require.InDelta(t, 1, st.Standing.Known, 1e-3)
	require.InDelta(t, 0.99, st.Standing.SLI, 1e-9)
}
