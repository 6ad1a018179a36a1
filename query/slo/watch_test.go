package slo

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// shop is a server that has counted 100 requests a minute since it was born, of which
// bad says how many failed.
type shop struct {
	mu        sync.Mutex
	bad       func(minute int64) float64
	retention time.Time // nothing before
	late      time.Time // nothing after it is there yet
	down      error
	asked     int // points
	series    int
}

func (s *shop) Range(_ context.Context, expr string, g query.Grid) (query.Frame, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return query.Frame{}, s.down
	}
	if strings.Contains(expr, "slo:events_") {
		return query.Frame{Grid: g}, nil // it records nothing
	}
	s.asked += g.N
	values := make([]float64, g.N)
	some := false
	for i := range values {
		end := g.Time(i)
		values[i] = query.Absent()
		if start := end.Add(-g.Step); start.Before(s.retention) || end.After(s.late) {
			continue
		}
		some, values[i] = true, 0
		for m := end.Add(-g.Step).Unix() / 60; m < end.Unix()/60; m++ {
			if strings.Contains(expr, "bad") {
				values[i] += s.bad(m - origin/60)
			} else {
				values[i] += 100
			}
		}
	}
	f := query.Frame{Grid: g}
	if some {
		for range max(1, s.series) {
			f.Series = append(f.Series, query.Series{Values: values})
		}
	}
	return f, nil
}

// notes is a ledger and a timeline in memory.
type notes struct {
	mu    sync.Mutex
	slots map[string]map[int64]Slot
	fires map[string]bool
	said  []string
	fail  error
}

func newNotes() *notes { return &notes{slots: map[string]map[int64]Slot{}, fires: map[string]bool{}} }

func (n *notes) Slots(_ context.Context, key string, after time.Time) ([]Slot, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []Slot
	for _, start := range slices.Sorted(maps.Keys(n.slots[key])) {
		if s := n.slots[key][start]; s.End() > after.Unix() {
			list = append(list, s)
		}
	}
	return list, nil
}

func (n *notes) KeepSlots(_ context.Context, kept ...Kept) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, k := range kept {
		if n.slots[k.Key] == nil {
			n.slots[k.Key] = map[int64]Slot{}
		}
		for _, s := range k.Slots {
			n.slots[k.Key][s.Start] = s
		}
	}
	return nil
}

func (n *notes) watch(s *shop, leads bool, o Objective) *Watch {
	return NewWatch(WatchConfig{
		Objectives: []Objective{o}, Ledger: n, Leads: func() bool { return leads },
		Source: func(string) (query.Source, error) { return s, nil },
		Told: func(context.Context, Objective) (list []string, _ error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			return slices.Sorted(maps.Keys(n.fires)), nil
		},
		Changed: func(_ context.Context, c Change, _ Status) error {
			n.mu.Lock()
			defer n.mu.Unlock()
			if n.fail != nil {
				return n.fail
			}
			n.said = append(n.said, c.String())
			if c.Recovered {
				delete(n.fires, c.Burn.Rule.Name)
			} else {
				n.fires[c.Burn.Rule.Name] = true
			}
			return nil
		},
	})
}

func watchedOne(t *testing.T) Objective {
	return load(t, "name: shop\nobjective: 99.9\nsli: {events: {bad: bad_total, total: all_total}}\n")
}

func TestWatchDigsOutWhatWasBefore(t *testing.T) {
	o, n := watchedOne(t), newNotes()
	s := &shop{bad: func(m int64) float64 { return float64(m & 1) }, retention: at(-60 * 24 * 60), late: at(0)}
	w := n.watch(s, true, o)
	var all []Status
	for i := range 12 {
		s.late = at(i)
		all = w.Look(t.Context(), at(i))
		require.NoError(t, all[0].Err)
		if i == 0 {
			require.LessOrEqual(t, s.asked, 2*(6*60+7*24*60), "the burn first, then the last week")
		}
	}
	got := all[0].Standing
	require.InDelta(t, 0.995, got.SLI, 1e-6) // the borders of the coarse slots
	require.InDelta(t, -4, got.Left, 1e-3, "0.5 % failed, and 0.1 % may")
	require.InDelta(t, 1, got.Known, 1e-3)
	asked := s.asked
	s.late = at(13)
	w.Look(t.Context(), at(13))
	require.LessOrEqual(t, s.asked-asked, 10, "then only what is new")

	again := n.watch(s, true, o) // another process, after a restart
	s.asked = 0
	require.InDelta(t, got.Left, again.Look(t.Context(), at(13))[0].Standing.Left, 1e-3)
	require.LessOrEqual(t, s.asked, 10)

	reader := n.watch(&shop{down: errors.New("must not be asked")}, false, o)
	all = reader.Look(t.Context(), at(13))
	require.NoError(t, all[0].Err)
	require.InDelta(t, got.Left, all[0].Standing.Left, 1e-3)
}

func TestWatchEndsDiggingWhereTheServerEnds(t *testing.T) {
	o, n := watchedOne(t), newNotes()
	s := &shop{bad: func(int64) float64 { return 0 }, retention: at(-3 * 24 * 60), late: at(100)}
	w := n.watch(s, true, o)
	for i := range 20 {
		require.NoError(t, w.Look(t.Context(), at(i))[0].Err)
	}
	asked := s.asked
	all := w.Look(t.Context(), at(20))
	require.LessOrEqual(t, s.asked-asked, 10)
	require.InDelta(t, 0.1, all[0].Standing.Known, 0.001)
	require.Equal(t, 1.0, all[0].Standing.Left)
}

// Whoever leads dies before it could tell: the next one does, and once.
func TestABurnIsToldOnceWhoeverDies(t *testing.T) {
	o, n := watchedOne(t), newNotes()
	s := &shop{bad: func(m int64) float64 {
		if m >= 0 && m < 60 {
			return 30
		}
		return 0
	}, retention: at(-60 * 24 * 60)}
	first, second := n.watch(s, true, o), n.watch(s, false, o)
	n.fail = errors.New("killed")
	for m := range 10 {
		s.late = at(m)
		first.Look(t.Context(), at(m))
		second.Look(t.Context(), at(m))
	}
	require.Empty(t, n.said)
	n.fail = nil
	second.Leads = func() bool { return true }
	for m := 10; m < 200; m++ {
		s.late = at(m)
		second.Look(t.Context(), at(m))
		if m == 30 {
			second = n.watch(s, true, o) // and restarts
		}
	}
	require.Len(t, n.said, 4, "%q", n.said)
	require.Contains(t, n.said[0], "shop: fast burn: ")
	require.Contains(t, n.said[1], "shop: slow burn: ")
	require.Contains(t, n.said[2], "shop: the fast burn is over")
	require.Contains(t, n.said[3], "shop: the slow burn is over")
}

// What was scraped late is read again, and what is kept has it.
func TestLateSamplesCount(t *testing.T) {
	o, n := watchedOne(t), newNotes()
	bad := 0.0
	s := &shop{bad: func(int64) float64 { return bad }, retention: at(-600), late: at(1000)}
	w := n.watch(s, true, o)
	w.Look(t.Context(), at(0))
	w.Look(t.Context(), at(1))
	bad = 7 // of all minutes: those which are settled are not asked for again
	all := w.Look(t.Context(), at(2))
	got := all[0].Tally.Slots(at(-3), at(2))
	require.Equal(t, []float64{0, 0, 7, 7, 7}, []float64{got[0].Bad, got[1].Bad, got[2].Bad, got[3].Bad, got[4].Bad})
}

func TestWhatCannotBeCounted(t *testing.T) {
	o, n := watchedOne(t), newNotes()
	s := &shop{bad: func(int64) float64 { return 0 }, late: at(1000), series: 7}
	w := n.watch(s, true, o)
	st := w.Look(t.Context(), at(0))[0]
	var several *SeriesError
	require.ErrorAs(t, st.Err, &several)
	require.ErrorContains(t, st.Err, "gives 7 series")
	s.series, s.down = 0, errors.New("connection refused")
	st = w.Look(t.Context(), at(1))[0]
	require.ErrorContains(t, st.Err, "shop: connection refused")
	require.Equal(t, Dark, st.Standing.Exhaustion)
}

func TestWidth(t *testing.T) {
	for scrape, want := range map[time.Duration]time.Duration{0: time.Minute, 5 * time.Second: time.Minute, 15 * time.Second: time.Minute, 30 * time.Second: 2 * time.Minute, time.Minute: 5 * time.Minute, 5 * time.Minute: 30 * time.Minute, time.Hour: time.Hour} {
		require.Equal(t, want, Width(scrape), scrape.String())
	}
}

// holes are the times between slots that are kept.
func (n *notes) holes(o Objective) (list []string) {
	end := int64(0)
	for _, start := range slices.Sorted(maps.Keys(n.slots[o.Key()])) {
		if end > 0 && start != end {
			list = append(list, time.Unix(end, 0).UTC().Format(time.DateTime)+" to "+time.Unix(start, 0).UTC().Format(time.TimeOnly))
		}
		end = max(end, n.slots[o.Key()][start].End())
	}
	return list
}

func TestNoMinuteIsLostBetweenStretches(t *testing.T) {
	o := watchedOne(t)
	for _, second := range []int{0, 1, 42, 59} {
		n := newNotes()
		now := at(3).Add(time.Duration(second) * time.Second) // no border of anything
		s := &shop{bad: func(int64) float64 { return 1 }, retention: at(-60 * 24 * 60), late: now}
		w := n.watch(s, true, o)
		w.Look(t.Context(), now)
		require.NoError(t, w.Fill(t.Context(), now, func(Filling) {}))
		require.Empty(t, n.holes(o), "dug out at second %d", second)

		later := now.Add(16*24*time.Hour + 3*time.Minute + 7*time.Second) // nobody looked in between
		s.late = later
		w = n.watch(s, true, o)
		w.Look(t.Context(), later)
		require.Empty(t, n.holes(o), "bridged at second %d", second)
	}
}

func TestAnExhaustedServerLeavesTheBurnsToBeJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, n := watchedOne(t), newNotes()
		w := n.watch(nil, true, o)
		w.Source = func(string) (query.Source, error) { return silent{}, nil }
		told := w.Told
		w.Told = func(ctx context.Context, o Objective) ([]string, error) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			return told(ctx, o)
		}
		err := w.Look(t.Context(), time.Now())[0].Err
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotContains(t, err.Error(), "what was told")
	})
}

// silent is a server that never answers.
type silent struct{}

func (silent) Range(ctx context.Context, _ string, _ query.Grid) (query.Frame, error) {
	<-ctx.Done()
	return query.Frame{}, ctx.Err()
}

func TestWhatIsNoCountIsNotKnown(t *testing.T) {
	q := watchedOne(t).SLI.Questions(time.Minute)
	for _, total := range []float64{1e308, 1 << 54} { // a few of the first add up to an infinity
		_, known := q.Slot(Answer{Total: total, Bad: 1}, at(0), time.Minute)
		require.False(t, known, total)
	}
	_, known := q.Slot(Answer{Total: 1 << 50, Bad: 1}, at(0), time.Minute)
	require.True(t, known)
}
