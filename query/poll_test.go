package query_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// sourceFunc is a query.Source.
type sourceFunc func(ctx context.Context, expr string, g query.Grid) (query.Frame, error)

func (f sourceFunc) Range(ctx context.Context, expr string, g query.Grid) (query.Frame, error) {
	return f(ctx, expr, g)
}

func TestPollAsksOnceAndKeepsWhatAnswered(t *testing.T) {
	board := query.Board{Range: time.Minute, Refresh: time.Second, Panels: []query.Panel{
		{Title: "good", Signal: true, Queries: []query.Query{{Expr: "good"}}},
		{Title: "bad", Signal: true, Queries: []query.Query{{Expr: "bad"}}},
	}}
	broken := errors.New("no such metric")
	source := sourceFunc(func(_ context.Context, expr string, g query.Grid) (query.Frame, error) {
		if expr == "bad" {
			return query.Frame{}, broken
		}
		values := make([]float64, g.N)
		values[g.N-1] = 7
		return query.Frame{Grid: g, Series: []query.Series{{Values: values}}}, nil
	})
	now := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	s := query.Poll(t.Context(), source, &board, now)
	require.NoError(t, s.Panels[0].Err)
	require.ErrorIs(t, s.Panels[1].Err, broken)
	signals := query.Signals(s)
	require.Equal(t, 7.0, signals[0].Value)
	require.Equal(t, query.NoData, signals[1].State)
}

// A server that hangs costs the caller no more than its own deadline.
func TestPollEndsWithItsContext(t *testing.T) {
	board := query.Board{Range: time.Minute, Panels: []query.Panel{{Title: "hangs", Signal: true, Queries: []query.Query{{Expr: "x"}}}}}
	ctx, cancel := context.WithCancel(t.Context())
	source := sourceFunc(func(ctx context.Context, _ string, _ query.Grid) (query.Frame, error) {
		cancel()
		<-ctx.Done()
		return query.Frame{}, ctx.Err()
	})
	s := query.Poll(ctx, source, &board, time.Now())
	require.Equal(t, query.NoData, query.Signals(s)[0].State)
}

// ahead is a server whose clock is not ours.
type ahead struct {
	sourceFunc
	by time.Duration
}

func (a ahead) Skew() (time.Duration, bool) { return a.by, true }

func TestALiveWindowEndsAtTheServersNow(t *testing.T) {
	now := time.Date(2026, 11, 24, 3, 0, 2, 0, time.UTC)
	board := query.Board{Range: 4 * time.Minute, Refresh: time.Second, Panels: []query.Panel{{Queries: []query.Query{{Expr: "x"}}}}}
	for by, end := range map[time.Duration]time.Time{
		0: now, 90 * time.Second: now.Add(90 * time.Second), -time.Hour: now.Add(-time.Hour),
		1500 * time.Millisecond: now, // a Date has whole seconds
	} {
		s := query.Poll(t.Context(), ahead{by: by, sourceFunc: func(_ context.Context, _ string, g query.Grid) (query.Frame, error) {
			return query.Frame{Grid: g}, nil
		}}, &board, now)
		require.Equal(t, query.Align(end, board.Range, 0), s.Grid, by)
	}
}
