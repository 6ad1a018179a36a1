package main

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// answers is a query.Source that remembers what it was asked.
type answers struct {
	mu    sync.Mutex
	asked map[string]int
}

func (a *answers) Range(_ context.Context, expr string, g query.Grid) (query.Frame, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked[expr]++
	return query.Frame{Grid: g}, nil
}

func (a *answers) count(expr string) int {
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked[expr]
}

// The board on the screen is the one that is asked for, and no other.
func TestAnotherBoardIsShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		board := func(name string) query.Board {
			return query.Board{Name: name, Range: time.Minute, Refresh: 5 * time.Second, Panels: []query.Panel{{Title: name, Type: query.Stat, Queries: []query.Query{{Expr: name}}}}}
		}
		source := &answers{asked: map[string]int{}}
		var mu sync.Mutex
		shown := ""
		b := &shownBoard{boards: []query.Board{board("shop"), board("edge")}, chosen: map[string]query.Values{}}
		b.poller = &query.Poller{Source: source, Report: func(s *query.Snapshot) {
			mu.Lock()
			defer mu.Unlock()
			shown = s.Board.Name
		}}
		b.poller.SetBoard(&b.boards[0], nil)
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		require.Positive(t, source.count("shop"))
		require.Zero(t, source.count("edge"))
		require.ErrorContains(t, b.Show("moon"), "there are shop, edge")
		require.NoError(t, b.Show("edge"))
		require.Positive(t, source.count("edge"))
		before := source.count("shop")
		time.Sleep(time.Minute)
		require.Equal(t, before, source.count("shop"))
		mu.Lock()
		require.Equal(t, "edge", shown)
		mu.Unlock()
		b.SetWindow(time.Minute, 50, time.Time{})
		b.Refresh()
		end()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}
