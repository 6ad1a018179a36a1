package query_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// What is folded away is not asked for, until it is opened; then it is asked at once.
func TestOnlyOpenPanelsAreAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := query.Board{
			Range: time.Minute, Refresh: 10 * time.Second,
			Panels: []query.Panel{
				{Title: "above", Type: query.Stat, Queries: []query.Query{{Expr: "above"}}},
				{Title: "folded", Type: query.Stat, Queries: []query.Query{{Expr: "folded"}}},
				{Title: "signal", Type: query.Stat, Signal: true, Queries: []query.Query{{Expr: "signal"}}},
			},
			Rows: []query.Row{{Title: "more", Collapsed: true, From: 1, To: 3}},
		}
		var mu sync.Mutex
		asked := map[string]int{}
		source := sourceFunc(func(_ context.Context, expr string, g query.Grid) (query.Frame, error) {
			mu.Lock()
			defer mu.Unlock()
			asked[expr]++
			return query.Frame{Grid: g}, nil
		})
		counts := func() [3]int {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return [3]int{asked["above"], asked["folded"], asked["signal"]}
		}
		p := &query.Poller{Source: source, Board: &board}
		p.Ask(board.Open())
		ctx, end := context.WithCancel(t.Context())
		go func() { _ = p.Run(ctx) }()
		first := counts()
		require.Equal(t, [3]int{first[0], 0, first[0]}, first)
		require.Positive(t, first[0])
		p.Ask([]int{0, 1, 2})
		require.Equal(t, 1, counts()[1], "what is opened is asked at once")
		p.Ask([]int{0})
		before := counts()
		time.Sleep(30 * time.Second)
		after := counts()
		require.Equal(t, before[1], after[1])
		require.Greater(t, after[0], before[0])
		end()
		synctest.Wait()
	})
}
