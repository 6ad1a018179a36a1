package query_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// asked remembers what it was asked, and answers the number of each point's
// second: everybody can tell what is right.
type asked struct {
	mu     sync.Mutex
	grids  []query.Grid
	id     string
	settle time.Duration
	said   []string
	fail   error
	value  func(series int, at time.Time) float64
	slow   time.Duration
	series int
	under  atomic.Int32 // way at once
	most   atomic.Int32
}

func (a *asked) Range(ctx context.Context, expr string, g query.Grid) (query.Frame, error) {
	a.most.Store(max(a.most.Load(), a.under.Add(1)))
	defer a.under.Add(-1)
	if a.slow > 0 {
		select {
		case <-time.After(a.slow):
		case <-ctx.Done():
			return query.Frame{}, ctx.Err()
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail != nil {
		return query.Frame{}, a.fail
	}
	a.grids = append(a.grids, g)
	f := query.Frame{Grid: g, Warnings: a.said}
	for i := range max(1, a.series) {
		s := query.Series{Labels: query.Labels{"i": strconv.Itoa(i)}, Expr: expr, Values: make([]float64, g.N)}
		s.Legend = s.Labels.String()
		for j := range s.Values {
			s.Values[j] = float64(g.Time(j).Unix())
			if a.value != nil {
				s.Values[j] = a.value(i, g.Time(j))
			}
		}
		if !query.IsAbsent(s.Values[0]) {
			f.Series = append(f.Series, s)
		}
	}
	return f, nil
}

func (a *asked) Identity(context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.id, nil
}

func (a *asked) Settle(context.Context) (time.Duration, error) {
	return max(a.settle, time.Second), nil
}

// points are how many each question since the last call asked for.
func (a *asked) points() []int {
	a.mu.Lock()
	defer a.mu.Unlock()
	var n []int
	for _, g := range a.grids {
		n = append(n, g.N)
	}
	a.grids = nil
	return n
}

// clock is a time that the test moves.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC).UnixNano())
	return c
}
func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }
func middle() float64                 { return 0.5 }
func hourly(c *clock) query.Grid      { return query.Align(c.now(), time.Hour, 240) }
func quarter(c *clock) query.Grid     { return query.Align(c.now(), 15*time.Minute, 240) }
func cacheOf(a query.Source, c *clock) *query.Cache {
	return query.NewCache(a, query.CacheConfig{Now: c.now, Rand: middle})
}

func mustRange(t *testing.T, c *query.Cache, expr string, g query.Grid) query.Frame {
	t.Helper()
	f, err := c.Range(t.Context(), expr, g)
	require.NoError(t, err)
	require.Equal(t, g, f.Grid)
	for _, s := range f.Series {
		require.Len(t, s.Values, g.N)
	}
	return f
}

func TestARefreshAsksForTheYoungestPoints(t *testing.T) {
	at, src := newClock(), &asked{settle: 25 * time.Second}
	c := cacheOf(src, at)
	mustRange(t, c, "x", hourly(at))
	require.Equal(t, []int{241}, src.points())
	for range 30 {
		at.pass(5 * time.Second)
		f := mustRange(t, c, "x", hourly(at))
		got := src.points()
		require.Len(t, got, 1)
		require.LessOrEqual(t, got[0], 4, "two that are young, and two that are known")
		for i, v := range f.Series[0].Values {
			require.Equal(t, float64(f.Grid.Time(i).Unix()), v)
		}
	}

	at.pass(30 * time.Minute) // a lid was closed
	mustRange(t, c, "x", hourly(at))
	require.Equal(t, []int{241}, src.points(), "a quarter of an hour is over, so everything is asked")
	at.pass(5 * time.Second)
	mustRange(t, c, "x", query.Align(at.now().Add(-5*time.Minute), time.Hour, 240))
	require.Equal(t, []int{22}, src.points(), "a pan asks for what it uncovers")
	mustRange(t, c, "y", hourly(at))
	require.Equal(t, []int{241}, src.points(), "another expression")
}

func TestWhatIsNotKnown(t *testing.T) {
	t.Run("partial answers", func(t *testing.T) {
		at, src := newClock(), &asked{said: []string{"a store did not answer"}}
		c := cacheOf(src, at)
		for range 3 {
			f := mustRange(t, c, "x", quarter(at))
			require.Equal(t, src.said, f.Warnings)
			require.Equal(t, []int{181}, src.points())
		}
		src.said = nil
		require.Empty(t, mustRange(t, c, "x", quarter(at)).Warnings)
		at.pass(5 * time.Second)
		src.points()
		src.said = []string{"a store did not answer"}
		src.value = func(int, time.Time) float64 { return -1 }
		f := mustRange(t, c, "x", quarter(at))
		require.Equal(t, src.said, f.Warnings)
		require.Equal(t, -1.0, f.Series[0].Values[180], "what is young is shown")
		require.Positive(t, f.Series[0].Values[170], "and what is known is not taken back by half an answer")
	})
	t.Run("expressions of the window", func(t *testing.T) {
		at, src := newClock(), &asked{}
		c := cacheOf(src, at)
		for _, expr := range []string{
			"x @ end()", "x @ start()", "x @ 1", "x offset -1m", "rate(x[5m] offset -1s)", "max_over_time(x[5m:1m] @ end())",
			"sum(x) by (", "x keep_metric_names", "max_over_time(x[5m:1m] offset -1m)",
		} {
			for range 2 {
				mustRange(t, c, expr, quarter(at))
				require.Equal(t, []int{181}, src.points(), expr)
			}
		}
		for _, expr := range []string{"x offset 1m", "increase(x[1h])", "max_over_time(x[5m:1m])", "time()", "absent(x)"} {
			mustRange(t, c, expr, quarter(at))
			src.points()
			mustRange(t, c, expr, quarter(at))
			require.Less(t, src.points()[0], 10, expr)
		}
	})
	t.Run("a grid that is not ours", func(t *testing.T) {
		at, src := newClock(), &asked{}
		c := cacheOf(src, at)
		g := query.Grid{Start: at.now().Add(time.Millisecond), Step: 15 * time.Second, N: 5}
		for range 2 {
			mustRange(t, c, "x", g)
			require.Equal(t, []int{5}, src.points())
		}
	})
	t.Run("another replica", func(t *testing.T) {
		at, src := newClock(), &asked{id: "a"}
		c := cacheOf(src, at)
		mustRange(t, c, "x", quarter(at))
		src.id = "b"
		at.pass(31 * time.Second)
		src.points()
		mustRange(t, c, "x", quarter(at))
		require.Equal(t, []int{181}, src.points(), "nothing of the other one's is joined")
		src.id = "a"
		at.pass(31 * time.Second)
		for range 3 {
			at.pass(time.Second)
			mustRange(t, c, "x", quarter(at))
			require.Equal(t, []int{181}, src.points(), "two that take turns under an address")
		}
	})
	t.Run("what contradicts", func(t *testing.T) {
		at, src := newClock(), &asked{}
		c := cacheOf(src, at)
		mustRange(t, c, "x", quarter(at))
		src.points()
		src.value = func(int, time.Time) float64 { return 7 }
		f := mustRange(t, c, "x", quarter(at))
		require.Len(t, src.points(), 2, "the audit, and then everything")
		require.Equal(t, slices.Repeat([]float64{7}, 181), f.Series[0].Values)
	})
	t.Run("an answer that was empty by mistake", func(t *testing.T) {
		at, src := newClock(), &asked{}
		c := cacheOf(src, at)
		src.value = func(int, time.Time) float64 { return query.Absent() }
		require.Empty(t, mustRange(t, c, "x", quarter(at)).Series)
		src.value = nil
		require.Len(t, mustRange(t, c, "x", quarter(at)).Series, 1)
	})
}

func TestAServerThatIsSilentIsNotHidden(t *testing.T) {
	at, src := newClock(), &asked{}
	c := cacheOf(src, at)
	day := func() query.Grid { return query.Align(at.now(), 24*time.Hour, 361) }
	at.pass(3 * time.Minute)
	mustRange(t, c, "x", day())
	at.pass(time.Minute)
	src.fail = fmt.Errorf("%w: refused", query.ErrUnreachable)
	_, err := c.Range(t.Context(), "x", day())
	require.ErrorIs(t, err, query.ErrUnreachable, "the value of the moment tells, where all points are known")
	_, err = c.Range(t.Context(), "x", day())
	require.ErrorIs(t, err, query.ErrUnreachable)
	src.fail = nil
	require.Len(t, mustRange(t, c, "x", day()).Series, 1)
}

func TestTheMomentIsBesideTheGrid(t *testing.T) {
	at, src := newClock(), &asked{}
	c := cacheOf(src, at)
	g := query.Align(at.now(), 24*time.Hour, 361)
	mustRange(t, c, "x", g)
	at.pass(100 * time.Second)
	f := mustRange(t, c, "x", g)
	require.Equal(t, query.Point{At: at.now(), Value: float64(at.now().Unix())}, f.Series[0].Now)
	require.Equal(t, float64(g.End().Unix()), f.Series[0].Values[360])
	src.points()
	at.pass(5 * time.Second)
	mustRange(t, c, "x", g)
	require.Empty(t, src.points(), "everything is known, and the moment is not asked every time")
	f = mustRange(t, c, "x", query.Align(at.now().Add(-time.Hour), 24*time.Hour, 361))
	require.Zero(t, f.Series[0].Now, "none in the past")
	require.Zero(t, mustRange(t, c, "x", quarter(at)).Series[0].Now, "nor where the steps are short")
}

func TestACoarserStepTakesFromAFiner(t *testing.T) {
	at, src := newClock(), &asked{series: 3}
	c := cacheOf(src, at)
	mustRange(t, c, "x", query.Align(at.now(), time.Hour, 240))
	src.points()
	f := mustRange(t, c, "x", query.Align(at.now(), time.Hour, 120))
	require.Equal(t, 30*time.Second, f.Grid.Step)
	require.Less(t, src.points()[0], 6, "only what is young, and the audit")
	require.Len(t, f.Series, 3)
	for i, v := range f.Series[2].Values {
		require.Equal(t, float64(f.Grid.Time(i).Unix()), v)
	}
	mustRange(t, c, "x", query.Align(at.now(), 2*time.Hour, 240))
	require.Len(t, src.points(), 1)
}

// A frame that somebody holds does not change, whatever comes later.
func TestFramesAreNeverWrittenTo(t *testing.T) {
	at, src := newClock(), &asked{settle: time.Minute, series: 3}
	c := cacheOf(src, at)
	type kept struct {
		f    query.Frame
		copy [][]float64
	}
	var all []kept
	lie := 0.0
	src.value = func(_ int, p time.Time) float64 {
		if at.now().Sub(p) < 30*time.Second {
			return lie // what is young changes all the time
		}
		return float64(p.Unix())
	}
	for i := range 200 {
		lie++
		at.pass(time.Duration(i%7) * time.Second)
		g := quarter(at)
		if i%11 == 0 {
			g = query.Align(at.now().Add(-time.Duration(i%5)*time.Minute), 15*time.Minute, 240)
		}
		k := kept{f: mustRange(t, c, "x", g)}
		for _, s := range k.f.Series {
			k.copy = append(k.copy, slices.Clone(s.Values))
		}
		all = append(all, k)
	}
	for _, k := range all {
		for i, s := range k.f.Series {
			require.Equal(t, k.copy[i], s.Values)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	at, src := newClock(), &asked{series: 50}
	c := query.NewCache(src, query.CacheConfig{Now: at.now, Rand: middle, Bytes: 1 << 20})
	for i := range 40 {
		mustRange(t, c, "x"+strconv.Itoa(i), quarter(at))
	}
	src.points()
	mustRange(t, c, "x39", quarter(at))
	require.Less(t, src.points()[0], 10, "the latest is still known")
	mustRange(t, c, "x0", quarter(at))
	require.Equal(t, []int{181}, src.points(), "the first had to go")
}

// Panels with the same query share one question, and one that leaves does not
// take the answer with it.
func TestOneQuestionAtATimeForTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &asked{slow: time.Second}
		c := query.NewCache(src, query.CacheConfig{Rand: middle})
		g := query.Align(time.Now(), 15*time.Minute, 240)
		mustRange(t, c, "x", g)
		src.points()
		time.Sleep(10 * time.Second)
		g = query.Align(time.Now(), 15*time.Minute, 240)
		src.most.Store(0)
		leaver, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			_, err := c.Range(leaver, "x", g)
			require.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		for range 5 {
			group.Go(func() { mustRange(t, c, "x", g) })
		}
		synctest.Wait()
		leave()
		group.Wait()
		require.EqualValues(t, 1, src.most.Load())
		require.Len(t, src.points(), 1, "four took what the fifth was given")
	})
}

func TestPanelsInFlightTogether(t *testing.T) {
	at, src := newClock(), &asked{series: 4, settle: 20 * time.Second}
	c := query.NewCache(src, query.CacheConfig{Now: at.now, Rand: middle, Bytes: 1 << 16, Refetch: time.Minute})
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 60 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%7 == worker%7 {
					cancel()
				}
				g := query.Align(at.now(), time.Duration(15+i%3)*time.Minute, 120+60*(i%2))
				f, err := c.Range(ctx, "x"+strconv.Itoa(i%4), g)
				cancel()
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					continue
				}
				for _, s := range f.Series {
					for j, v := range s.Values {
						if v != float64(g.Time(j).Unix()) {
							t.Errorf("%v at %v", v, g.Time(j))
							return
						}
					}
				}
				at.pass(time.Second)
			}
		})
	}
	group.Wait()
}

// A server that answers between the steps is not joined with anything.
func TestAServerOffTheGridIsPassedThrough(t *testing.T) {
	var points []int
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "query_range") {
			http.NotFound(w, r)
			return
		}
		start, _ := strconv.Atoi(r.FormValue("start"))
		end, _ := strconv.Atoi(r.FormValue("end"))
		points = append(points, end-start)
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[%d.5,"1"]]}]}}`, start)
	}))
	t.Cleanup(srv.Close)
	c := query.NewCache(clientOf(t, srv.URL), query.CacheConfig{})
	g := query.Align(time.Now(), 15*time.Minute, 240)
	for range 3 {
		f := mustRange(t, c, "x", g)
		require.Equal(t, []string{"1 points were between the steps and moved to the nearest"}, f.Warnings)
	}
	require.Equal(t, []int{900, 900, 900}, points)
}

// A server whose answers to two windows need not agree is asked for all of a window,
// every time.
func TestAServerThatNeverSettlesIsPassedThrough(t *testing.T) {
	a, at := &asked{settle: query.Never}, newClock()
	c := query.NewCache(a, query.CacheConfig{Now: at.now})
	for range 3 {
		mustRange(t, c, "x", query.Align(at.now(), time.Hour, 60))
		at.pass(time.Minute)
	}
	require.Equal(t, []int{61, 61, 61}, a.points())
}
