package query_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// shop is a server in virtual time: every query takes as long as slow says, label
// values are what labels has, and what was asked is kept.
type shop struct {
	mu      sync.Mutex
	slow    func(expr string) time.Duration
	fail    func(expr string) error
	labels  map[string][]string // by what label_values asks: match and label
	targets []query.RawTarget
	asked   []string
	grids   []query.Grid
	under   int // way
	most    int
}

func (s *shop) enter(ctx context.Context, what string, g query.Grid) error {
	s.mu.Lock()
	s.asked, s.grids = append(s.asked, what), append(s.grids, g)
	s.under++
	s.most = max(s.most, s.under)
	slow, fail := s.slow, s.fail
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.under--
		s.mu.Unlock()
	}()
	if slow != nil {
		select {
		case <-time.After(slow(what)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fail != nil {
		return fail(what)
	}
	return nil
}

func (s *shop) Range(ctx context.Context, expr string, g query.Grid) (query.Frame, error) {
	if err := s.enter(ctx, expr, g); err != nil {
		return query.Frame{}, err
	}
	values := make([]float64, g.N)
	for i := range values {
		values[i] = float64(g.Time(i).Unix())
	}
	return query.Frame{Grid: g, Series: []query.Series{{Labels: query.Labels{"a": "b"}, Expr: expr, Values: values}}}, nil
}

func (s *shop) LabelValues(ctx context.Context, label string, sel query.Selection) (values, warnings []string, err error) {
	what := strings.Join(sel.Match, "") + " " + label
	if err := s.enter(ctx, what, query.Grid{}); err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.labels[what]), nil, nil
}

func (s *shop) LabelNames(context.Context, query.Selection) (names, warnings []string, err error) {
	return []string{"job"}, nil, nil
}

func (s *shop) Instant(ctx context.Context, expr string, at time.Time) (samples []query.Sample, warnings []string, err error) {
	if err := s.enter(ctx, "now "+expr, query.Grid{Start: at, N: 1}); err != nil {
		return nil, nil, err
	}
	return []query.Sample{{Labels: query.Labels{"a": "b"}, Value: 1, At: at}}, nil, nil
}

func (s *shop) Targets(context.Context) ([]query.RawTarget, error) { return s.targets, nil }

func (s *shop) has(expr string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.asked, expr)
}

func (s *shop) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.grids = nil, nil
}

func (s *shop) gridOf(expr string) query.Grid {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, what := range s.asked {
		if what == expr {
			return s.grids[i]
		}
	}
	return query.Grid{}
}

// reports are the snapshots of a poller that runs until the test ends.
type reports struct {
	mu   sync.Mutex
	last *query.Snapshot
}

func (r *reports) now() *query.Snapshot {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// polled runs a poller in a bubble.
func polled(t *testing.T, p *query.Poller, story func(r *reports)) {
	t.Helper()
	r := &reports{}
	p.Report = func(s *query.Snapshot) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.last = s
	}
	ctx, end := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = p.Run(ctx)
	}()
	story(r)
	end()
	<-over
}

func load(t *testing.T, text string) *query.Board {
	t.Helper()
	b, err := query.LoadBoard("b.yaml", []byte(text))
	require.NoError(t, err)
	return &b
}

const chained = `range: 1h
variables:
  - {name: job, query: 'label_values(up, job)', multi: true, all: true, value: [api]}
  - {name: instance, query: 'label_values(up{job=~"$job"}, instance)'}
panels:
  - {title: '$job on $instance', promql: 'up{job=~"$job", instance="$instance"}'}
  - {title: plain, promql: plain}
`

func TestAChoiceAsksWhatDependsOnIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{labels: map[string][]string{
			"up job": {"api", "web"}, `up{job=~"api"} instance`: {"a1", "a2"}, `up{job=~"web"} instance`: {"w1"}, `up{job=~"(api|web)"} instance`: {"a1", "a2", "w1"},
		}}
		p := &query.Poller{Source: s, Board: load(t, chained)}
		polled(t, p, func(r *reports) {
			snap := r.now()
			require.True(t, s.has(`up{job=~"api", instance="a1"}`))
			require.Equal(t, "api on a1", snap.Board.Panels[0].Title)
			require.Equal(t, []string{"a1"}, snap.Offers[1].Chosen)
			require.Equal(t, []query.Shown{{Name: "job", Texts: []string{"api"}}, {Name: "instance", Texts: []string{"a1"}}}, snap.Board.Shown)
			s.forget()
			p.SetValues(query.Values{"job": {"web"}})
			snap = r.now()
			require.True(t, s.has(`up{job=~"web", instance="w1"}`))
			require.False(t, s.has("up job"), "it was known")
			require.Equal(t, "web on w1", snap.Board.Panels[0].Title)
			p.SetValues(query.Values{"job": {query.AllOptions}, "instance": {"a2"}})
			snap = r.now()
			require.True(t, s.has(`up{job=~"(api|web)", instance="a2"}`))
			require.Equal(t, "All on a2", snap.Board.Panels[0].Title)
			s.mu.Lock()
			s.labels["up job"] = []string{"web"}
			s.mu.Unlock()
			p.SetValues(query.Values{"job": {"api", "web"}})
			p.Refresh()
			require.Equal(t, []string{"web"}, r.now().Offers[0].Chosen, "what is gone is not chosen any more")
		})
	})
}

// Grafana's boards name their data source by a variable, and their other variables
// are asked of it without a word.
func TestVariablesAreAskedOfTheChosenSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		main := &shop{labels: map[string][]string{"up job": {"api"}}}
		far := &shop{labels: map[string][]string{"up job": {"db"}}}
		board := load(t, `source: $ds
variables:
  - {name: job, query: 'label_values(up, job)'}
  - {name: ds, type: source}
panels: [{title: $job, promql: 'up{job="$job"}'}]
`)
		p := &query.Poller{Source: main, Sources: query.Sources{"": main, "eu": far}, Board: board}
		polled(t, p, func(r *reports) {
			snap := r.now()
			require.NoError(t, snap.Offers[0].Err)
			require.Equal(t, "api", snap.Board.Panels[0].Title)
			require.True(t, main.has(`up{job="api"}`))
			p.SetValues(query.Values{"ds": {"eu"}})
			require.Equal(t, "db", r.now().Board.Panels[0].Title)
			require.True(t, far.has(`up{job="db"}`))
		})
	})
}

func TestVariablesThatCannotBeHadSaySo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("no such thing")
		s := &shop{fail: func(what string) error {
			if strings.HasPrefix(what, "up job") {
				return broken
			}
			return nil
		}}
		board := load(t, strings.ReplaceAll(chained, ", value: [api]", ""))
		board.Variables = append(board.Variables,
			query.Variable{Name: "x", Type: query.QueryVariable, Query: "label_values(up{a=\"$y\"}, x)"},
			query.Variable{Name: "y", Type: query.QueryVariable, Query: "label_values(up{a=\"$x\"}, y)"})
		board.Variables[0].All = false
		polled(t, &query.Poller{Source: s, Board: board}, func(r *reports) {
			snap := r.now()
			require.ErrorContains(t, snap.Offers[0].Err, "variable job: no such thing")
			require.ErrorContains(t, snap.Offers[1].Err, "variable instance: it needs job, which has no value")
			require.ErrorContains(t, snap.Offers[2].Err, "variable x: x, y name each other in a ring")
			require.ErrorContains(t, snap.Panels[0].Err, "variable job: no such thing", "and nothing half made is sent")
			require.NoError(t, snap.Panels[1].Err)
			require.False(t, snap.Panels[1].At.IsZero())
		})
	})
}

// What is under way for a choice that is over is cancelled; what panels show stays
// until there is something newer.
func TestABoardIsLeftWhileItIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{slow: func(expr string) time.Duration {
			if strings.HasPrefix(expr, "slow") {
				return 9 * time.Second
			}
			return 100 * time.Millisecond
		}}
		a := load(t, "panels:\n  - {title: s, promql: slow}\n  - {title: q, promql: quick}\n")
		b := load(t, "panels:\n  - {title: other, promql: other}\n")
		p := &query.Poller{Source: s, Board: a}
		polled(t, p, func(r *reports) {
			time.Sleep(time.Second)
			snap := r.now()
			require.True(t, snap.Panels[0].At.IsZero())
			require.False(t, snap.Panels[1].At.IsZero(), "panels come one by one")
			began := time.Now()
			p.SetBoard(b, nil)
			require.Equal(t, b, r.now().Board, "at once, though it is empty yet")
			time.Sleep(200 * time.Millisecond)
			snap = r.now()
			require.False(t, snap.Panels[0].At.IsZero())
			require.Less(t, time.Since(began), time.Second)
			p.SetWindow(2*time.Hour, 100, time.Time{})
			again := r.now()
			require.Equal(t, snap.Panels[0].At, again.Panels[0].At, "the old data stays")
			require.Greater(t, again.Generation, snap.Generation)
		})
		require.Zero(t, s.under)
	})
}

// The first data of forty panels are there after the slowest query that is first in
// line, and no more are asked at once than the server likes.
func TestAFullBoardPaintsAsItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{slow: func(string) time.Duration { return time.Second }}
		board := &query.Board{Range: time.Hour, Refresh: 5 * time.Second}
		for i := range 40 {
			board.Panels = append(board.Panels, query.Panel{Title: fmt.Sprint(i), Type: query.TimeSeries, Queries: []query.Query{{Expr: fmt.Sprintf("m%d", i)}}})
		}
		p := &query.Poller{Source: s, Board: board}
		polled(t, p, func(r *reports) {
			filled := func() (n []int) {
				for i, d := range r.now().Panels {
					if !d.At.IsZero() {
						n = append(n, i)
					}
				}
				return n
			}
			time.Sleep(time.Second)
			require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7}, filled(), "the first ones first")
			time.Sleep(4 * time.Second)
			require.Len(t, filled(), 40)
			require.Equal(t, 8, s.most)
		})
	})
}

// One query of forty panels that is slow keeps its own panel waiting and no other;
// a row that is opened meanwhile is asked at once, before what waits out of sight.
func TestASlowQueryKeepsNoOtherPanelWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const trip = 100 * time.Millisecond
		s := &shop{slow: func(expr string) time.Duration {
			if expr == "m0" {
				return 8 * time.Second
			}
			return trip
		}}
		board := &query.Board{Range: time.Hour, Refresh: 5 * time.Second}
		for i := range 60 {
			board.Panels = append(board.Panels, query.Panel{Title: fmt.Sprint(i), Type: query.TimeSeries, Queries: []query.Query{{Expr: fmt.Sprintf("m%d", i)}}})
		}
		board.Rows = []query.Row{{Title: "in sight", From: 0, To: 40}, {Title: "below", Collapsed: true, From: 40, To: 60}}
		p := &query.Poller{Source: s}
		p.SetBoard(board, nil)
		polled(t, p, func(r *reports) {
			filled := func(from, to int) (n int) {
				for _, d := range r.now().Panels[from:to] {
					if !d.At.IsZero() {
						n++
					}
				}
				return n
			}
			time.Sleep(trip)
			require.Equal(t, 7, filled(0, 40), "what comes is painted")
			time.Sleep(5 * trip)
			require.Equal(t, 39, filled(0, 40), "all but the slow one, in six round trips")
			require.False(t, s.has("m40"), "nobody opened the row")

			p.Ask([]int{40, 41, 42, 43})
			time.Sleep(trip)
			require.Equal(t, 4, filled(40, 60), "one round trip, while the slow one is on its way")
			require.Zero(t, r.now().Panels[0].At)
			require.LessOrEqual(t, s.most, 8, "no more at once than before")
			time.Sleep(8 * time.Second)
			require.NotZero(t, r.now().Panels[0].At)
		})
	})
}

// Panels that come into sight go before those that wait in the same round.
func TestWhatComesIntoSightGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{slow: func(string) time.Duration { return time.Second }}
		board := &query.Board{Range: time.Hour, Refresh: time.Minute}
		for i := range 40 {
			board.Panels = append(board.Panels, query.Panel{Title: fmt.Sprint(i), Type: query.TimeSeries, Queries: []query.Query{{Expr: fmt.Sprintf("m%d", i)}}})
		}
		board.Rows = []query.Row{{Title: "in sight", From: 0, To: 32}, {Title: "below", Collapsed: true, From: 32, To: 40}}
		p := &query.Poller{Source: s}
		p.SetBoard(board, nil)
		polled(t, p, func(r *reports) {
			time.Sleep(500 * time.Millisecond)
			p.Ask([]int{32, 33, 34, 35, 36, 37, 38, 39, 0, 1})
			time.Sleep(2 * time.Second)
			r.now()
			s.mu.Lock()
			defer s.mu.Unlock()
			require.Equal(t, []string{"m32", "m33", "m34", "m35", "m36", "m37", "m38", "m39"}, slices.Sorted(slices.Values(s.asked[8:16])))
		})
	})
}

func TestWhatIsAskedFirstIsWhatIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{slow: func(string) time.Duration { return time.Second }}
		board := load(t, `variables: [{name: v, type: custom, options: [{value: a}, {value: b}], multi: true, value: [a]}]
rows:
  - title: top
    panels: [{title: one, promql: one}]
  - title: folded
    collapsed: true
    panels: [{title: two, promql: two}, {title: three $v, promql: 'three{v="$v"}', repeat: v}]
`)
		p := &query.Poller{Source: s}
		p.SetBoard(board, nil)
		polled(t, p, func(r *reports) {
			time.Sleep(2 * time.Second)
			r.now()
			require.False(t, s.has("two"), "nobody opened the row")
			require.Equal(t, []int{0}, board.Open())
			p.Ask([]int{2, 1})
			time.Sleep(2 * time.Second)
			r.now()
			require.True(t, s.has("two") && s.has(`three{v="a"}`))
			s.forget()
			time.Sleep(7 * time.Second)
			r.now()
			require.False(t, s.has("one"), "it is out of sight")
			require.Equal(t, `three{v="a"}`, s.asked[0])
			p.SetValues(query.Values{"v": {"a", "b"}})
			time.Sleep(2 * time.Second)
			require.Len(t, r.now().Board.Panels, 4)
		})
	})
}

func TestAPanelHasItsOwnSourceStepAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		main, far := &shop{}, &shop{fail: func(string) error { return errors.New("down") }}
		board := load(t, `range: 1h
panels:
  - {title: step, promql: coarse, min_step: 2m}
  - {title: query step, queries: [{expr: finer}, {expr: hidden, hidden: true}, {expr: coarser, min_step: 5m}]}
  - {title: last, promql: last, last_span: 10m}
  - {title: shift, promql: shift, shift: 1d}
  - {title: now, type: stat, queries: [{expr: now, instant: true}]}
  - {title: compare, type: timeseries, promql: 'compare[$__interval] offset 0s', compare: [1d, 1w]}
  - {title: far, promql: far, source: eu}
  - {title: nowhere, promql: nowhere, source: us}
`)
		p := &query.Poller{Source: main, Sources: query.Sources{"": main, "eu": far}, Board: board}
		polled(t, p, func(r *reports) {
			snap := r.now()
			require.Equal(t, 2*time.Minute, main.gridOf("coarse").Step)
			require.Equal(t, 5*time.Minute, main.gridOf("finer").Step)
			require.Equal(t, main.gridOf("coarser"), main.gridOf("finer"))
			require.False(t, main.has("hidden"))
			require.Equal(t, 10*time.Minute, main.gridOf("last").Span())
			require.Equal(t, 24*time.Hour, snap.Grid.End().Sub(main.gridOf("shift").End()))
			require.True(t, main.has("now now"))
			require.Equal(t, 1, snap.Panels[4].Frame.Grid.N)
			require.Equal(t, 1, snap.Panels[4].Points)
			series := snap.Panels[5].Frame.Series
			require.Len(t, series, 3)
			require.Equal(t, []time.Duration{0, 24 * time.Hour, 7 * 24 * time.Hour}, []time.Duration{series[0].Ago, series[1].Ago, series[2].Ago})
			require.Equal(t, 86400.0, series[0].Values[0]-series[1].Values[0])
			require.Equal(t, `{a="b"} (1d ago)`, series[1].Legend)
			require.Equal(t, 3*snap.Panels[5].Frame.Grid.N, snap.Panels[5].Points)
			require.ErrorContains(t, snap.Panels[6].Err, "down")
			require.ErrorContains(t, snap.Panels[7].Err, `there is no source "us"; there are prometheus, eu`)
			far.mu.Lock()
			far.fail = nil
			far.mu.Unlock()
			time.Sleep(6 * time.Second)
			require.NoError(t, r.now().Panels[6].Err, "one source's trouble is not the others'")
		})
	})
}

// Data of other values is not shown for those that failed.
func TestWhatFailsDoesNotShowOtherValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{fail: func(what string) error {
			if what == "x b" || what == `x{v="b"}` {
				return fmt.Errorf("%w: too much", query.ErrQuery)
			}
			return nil
		}}
		board := load(t, `variables: [{name: v, type: custom, options: [{value: a}, {value: b}]}]
panels: [{title: $v, promql: 'x{v="$v"}'}]
`)
		p := &query.Poller{Source: s, Board: board}
		polled(t, p, func(r *reports) {
			require.NotEmpty(t, r.now().Panels[0].Frame.Series)
			p.SetValues(query.Values{"v": {"b"}})
			d := r.now().Panels[0]
			require.ErrorIs(t, d.Err, query.ErrQuery)
			require.Empty(t, d.Frame.Series)
		})
	})
}

// The range of a rate is long enough for how often its own job is scraped.
func TestRateIntervalIsThatOfTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := func(job string, every time.Duration) query.RawTarget {
			return query.RawTarget{Labels: query.Labels{"job": job}, Interval: every}
		}
		s := &shop{targets: []query.RawTarget{target("node", 15*time.Second), target("node", 15*time.Second), target("slow", time.Minute)}}
		board := load(t, `range: 15m
panels:
  - {title: a, promql: 'rate(x{job="node"}[$__rate_interval])'}
  - {title: b, promql: 'rate(x{job="slow"}[$__rate_interval])'}
  - {title: c, promql: 'rate(x[$__rate_interval])'}
`)
		polled(t, &query.Poller{Source: s, Board: board}, func(r *reports) {
			r.now()
			for _, want := range []string{`rate(x{job="node"}[60s])`, `rate(x{job="slow"}[240s])`, `rate(x[60s])`} {
				require.True(t, s.has(want), "%s: %q", want, s.asked)
			}
		})
	})
}

// An interval follows the range, and so does what asks for it.
func TestAnAutomaticIntervalFollowsTheRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{labels: map[string][]string{}}
		board := load(t, `range: 1h
variables:
  - {name: i, type: interval, options: [{value: 1m}], auto: 30, value: [$__auto]}
  - {name: q, query: 'query_result(count_over_time(x[$__range]))'}
panels: [{title: a, promql: 'rate(x[$i])'}]
`)
		p := &query.Poller{Source: s, Board: board}
		polled(t, p, func(r *reports) {
			r.now()
			require.True(t, s.has("rate(x[2m])"))
			require.True(t, s.has("now count_over_time(x[3600s])"))
			p.SetWindow(24*time.Hour, 0, time.Time{})
			require.Equal(t, []string{"auto 1h"}, r.now().Board.Shown[0].Texts)
			require.True(t, s.has("rate(x[1h])"))
			require.True(t, s.has("now count_over_time(x[86400s])"))
		})
	})
}
