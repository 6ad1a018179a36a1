package main

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/query"
)

// What panels are compared with is remembered for each board.
func TestABoardRemembersWhatItIsComparedWith(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		board := func(name string) query.Board {
			return query.Board{Name: name, Range: time.Minute, Refresh: 5 * time.Second, Panels: []query.Panel{{Title: "p", Type: query.TimeSeries, Queries: []query.Query{{Expr: name}}}}}
		}
		var mu sync.Mutex
		var last *query.Snapshot
		b := &shownBoard{boards: []query.Board{board("shop"), board("edge")}, chosen: map[string]query.Values{}, compared: map[string]query.Comparisons{}}
		b.poller = &query.Poller{Source: &answers{asked: map[string]int{}}, Report: func(s *query.Snapshot) {
			mu.Lock()
			defer mu.Unlock()
			last = s
		}}
		compared := func() int {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return len(last.Board.Panels[0].Compare)
		}
		b.poller.SetBoard(&b.boards[0], nil)
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		require.Zero(t, compared())
		b.Compare(query.Comparisons{"p": {24 * time.Hour}})
		require.Equal(t, 1, compared())
		require.NoError(t, b.Show("edge"))
		require.Zero(t, compared())
		require.NoError(t, b.Show("shop"))
		require.Equal(t, 1, compared())
		require.NoError(t, b.Pin(query.Panel{Title: "new", Type: query.TimeSeries, Queries: []query.Query{{Expr: "new"}}}))
		synctest.Wait()
		mu.Lock()
		require.Len(t, last.Board.Panels[1].Compare, 1, "a panel that was pinned above it changes nothing")
		mu.Unlock()
		end()
		<-ended
	})
}

func TestAMomentMayBeSoLongAgo(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{"now": 0, "now-5m": 5 * time.Minute, "-5m": 5 * time.Minute, "5m": 5 * time.Minute, "2026-11-27T11:00:00Z": time.Hour, "now-1d": 24 * time.Hour} {
		at, err := momentOrAgo(text, now)
		require.NoError(t, err, text)
		require.Equal(t, now.Add(-want), at, text)
	}
	for _, text := range []string{"now+5m", "yesterday", "--5m", "now-"} {
		_, err := momentOrAgo(text, now)
		require.Error(t, err, text)
	}
}

// A picture draws a panel as the screen does, and says what it does not draw.
func TestAPictureLooksLikeThePanel(t *testing.T) {
	src := `panels:
  - {title: stack, promql: a, draw: area, stack: normal}
  - {title: bars, promql: a, draw: bars}
  - {title: share, promql: a, stack: percent, unit: bytes}
  - {title: states, type: state-timeline, promql: a}
`
	board, err := query.LoadBoard("b.yaml", []byte(src))
	require.NoError(t, err)
	data := &query.PanelData{Frame: query.Frame{Grid: query.Grid{Step: time.Second, N: 2}, Series: []query.Series{{Legend: "a", Values: []float64{1, 2}}, {Legend: "a (1d ago)", Ago: 24 * time.Hour, Values: []float64{1, 2}}}}}
	looks := func(i int) []plot.Look { return chartOf(&board.Panels[i], data, time.Time{}).Looks }
	require.Equal(t, []plot.Look{{Form: plot.Area, Stacked: true}, {Behind: true}}, looks(0))
	require.Equal(t, plot.Pillars, looks(1)[0].Form)
	require.Equal(t, plot.Look{Form: plot.Area, Stacked: true, Percent: true}, looks(2)[0])
	require.Equal(t, "100%", chartOf(&board.Panels[2], data, time.Time{}).Format(1))
	require.ErrorContains(t, picturable(&board.Panels[3], data), "not drawn as a picture")

	var csv strings.Builder
	snap := &query.Snapshot{Board: &query.Board{Name: "b", Panels: board.Panels[2:3]}, Panels: []query.PanelData{*data}}
	require.NoError(t, snap.WriteCSV(&csv))
	lines := strings.Split(csv.String(), "\n")
	require.Equal(t, "board,panel,legend,labels,time,value,unit", lines[0])
	require.True(t, strings.HasSuffix(lines[1], ",1,bytes"), lines[1])
}
