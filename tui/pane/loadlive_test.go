package pane

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

func someSeconds(n int) (out []loadtest.Second) {
	for i := range n {
		s := loadtest.Second{Second: i, Requested: 400, Sent: 399, Requests: 390, Errors: 20, InFlight: 7, Connections: 64, ErrorsByClass: map[loadtest.Class]loadtest.ErrorCount{"5xx": {Count: 20}}}
		s.Latency = loadtest.Latency{P50: 20 * time.Millisecond, P90: 30 * time.Millisecond, P95: 40 * time.Millisecond, P99: 90 * time.Millisecond, Max: time.Second}
		s.Heat[14], s.Heat[20] = 300, 90
		out = append(out, s)
	}
	return out
}

// A run is drawn on one axis of time with its target's panels: a value stands at the second
// at which it was measured, of others' series and of panels without any nothing is left.
func TestTheTargetIsBesideTheRun(t *testing.T) {
	at := time.Date(2026, 11, 28, 3, 0, 0, 500_000_000, time.UTC)
	course := LoadBoard(at, at.Add(20*time.Second), someSeconds(20))
	require.Len(t, course.Panels, 5)
	require.Equal(t, 20, course.Grid.N)
	require.Equal(t, at.Truncate(time.Second), course.Grid.Start)
	grid := query.Grid{Start: course.Grid.Start.Add(5 * time.Second), Step: 5 * time.Second, N: 3}
	series := func(service string, v float64) query.Series {
		return query.Series{Labels: query.Labels{"service": service}, Legend: service, Values: []float64{v, v + 1, v + 2}}
	}
	target := &query.Snapshot{
		Board: &query.Board{Panels: []query.Panel{{Title: "CPU", Type: query.Stat}, {Title: "nobody measures it", Type: query.TimeSeries}, {Title: "text", Type: query.Text}}},
		Panels: []query.PanelData{
			{At: at, Frame: query.Frame{Grid: grid, Series: []query.Series{series("shop", 1), series("other", 7)}}},
			{At: at, Frame: query.Frame{Grid: grid}},
			{},
		},
	}
	Beside(course, target, "shop")
	require.Len(t, course.Panels, 6)
	require.Equal(t, "CPU", course.Board.Panels[5].Title)
	got := course.Panels[5].Frame.Series
	require.Len(t, got, 1, "the other service's is left out")
	require.True(t, query.IsAbsent(got[0].Values[4]))
	require.InDelta(t, 1, got[0].Values[5], 0)
	require.InDelta(t, 2, got[0].Values[12], 0)
	require.Len(t, got[0].Values, 20)
	for _, p := range course.Panels {
		require.Equal(t, course.Grid, p.Frame.Grid)
	}
}

// The run's figures and charts fill view 4; what must be seen is seen on the smallest screen,
// and esc leads back.
func TestARunFillsTheView(t *testing.T) {
	now := time.Date(2026, 11, 28, 3, 1, 0, 0, time.UTC)
	w := &World{}
	w.Load = Load{
		Run: "LT-7", Plan: "peak", OK: 370, Course: LoadBoard(now.Add(-time.Minute), now, someSeconds(60)),
		Live: &loadtest.Progress{
			Elapsed: time.Minute, Remaining: 25 * time.Second, RequestedRate: 400, AchievedRate: 398, Requests: 20000, Errors: 900, InFlight: 7, Connections: 64,
			LastSecond: loadtest.Latency{P50: 20 * time.Millisecond, P95: 40 * time.Millisecond, P99: 90 * time.Millisecond}, ErrorsByClass: map[loadtest.Class]loadtest.ErrorCount{"5xx": {Count: 900, Sample: "\x1b[2J"}},
		},
	}
	s := &Screen{World: w, Now: now, Zone: time.UTC, Keys: keys.Default()}
	v := &actions{}
	for _, size := range sizes() {
		v.Resize(size[0], size[1], s)
		for range 20 {
			if focus, ok := v.panes.focused(listsOf(v.columns(s))); ok && focus.name == "load" {
				break
			}
			v.Press(keys.NextPane, s)
		}
		require.True(t, v.Press(keys.Detail, s).Handled)
		text := picture(v, s, size[0], size[1]).Plain()
		for _, want := range []string{"LT-7 peak", "398/s", "of 400/s", "ok 370/s", "p95 40 ms", "p99 90 ms", "25 s left", "4.5% 900 of 20000", "5xx 900", "response time"} {
			require.Contains(t, text, want, "%v", size)
		}
		require.NotContains(t, text, "\x1b")
		read := v.Press(keys.Detail, s)
		require.NotNil(t, read.Read, "enter reads the whole of it")
		require.True(t, v.Press(keys.Cancel, s).Handled)
		require.NotContains(t, picture(v, s, size[0], size[1]).Plain(), "response times", "esc leads back")
	}
	require.Contains(t, LoadCharts(&loadtest.Result{StartedAt: now, Seconds: someSeconds(30)}, 80, theme.Default()), "response times")
}
