package pane

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// An open panel says all that its source said, the worst first, each thing once.
func TestAPanelSaysAllOfIt(t *testing.T) {
	now := time.Date(2026, 3, 14, 3, 7, 0, 0, time.UTC)
	grid := query.Grid{Start: now.Add(-time.Hour), Step: time.Minute, N: 60}
	panel := &query.Panel{Title: "load", Type: query.TimeSeries}
	c := &panelChart{panel: panel, data: &query.PanelData{
		At: now.Add(-7 * time.Second), Took: 1234 * time.Millisecond, Points: 60, Err: errors.New("503 Service Unavailable"),
		Frame: query.Frame{
			Grid: grid, StandIn: "direct 3/12 targets (9 unreachable)", Warnings: []string{"block b1 is missing", "block b1 is missing"},
			Infos:  []string{"metric might not be a counter", "direct 3/12 targets (9 unreachable) · window 100 % full"},
			Series: []query.Series{{Values: make([]float64, 60), Now: query.Point{At: now.Add(-10 * time.Second), Value: 4}}},
		},
	}}
	var texts []string
	s := &Screen{Now: now, Zone: time.UTC}
	for _, r := range c.saying(s, &query.Snapshot{}, 200, 20) {
		texts = append(texts, r.text.String())
	}
	require.Equal(t, []string{
		"error: 503 Service Unavailable", "direct 3/12 targets (9 unreachable) · window 100 % full", "warning: block b1 is missing", "info: metric might not be a counter",
		"answered 7 s ago · in 1.2s · step 1m · 1 series · 60 values · ◦ is the value of 03:06:50, which may still change",
	}, texts)
	require.Equal(t, theme.Warn, c.remarks()[0].style)
	few := c.saying(s, &query.Snapshot{}, 200, 2)
	require.Len(t, few, 2)
	require.Contains(t, few[1].text.String(), "4 lines more")
	require.Nil(t, (&panelChart{panel: &query.Panel{Type: query.Text}, data: &query.PanelData{}}).saying(s, &query.Snapshot{}, 80, 4))

	c.make()
	c.data.Err = nil
	st := c.state(&query.Snapshot{Board: &query.Board{}, Frozen: true}, now)
	require.True(t, st.Partial)
	require.False(t, st.Remarks, "who stands in is said already")
	c.data.Frame.StandIn = ""
	require.True(t, c.state(&query.Snapshot{Board: &query.Board{}, Frozen: true}, now).Remarks)
	require.Equal(t, 4.0, c.spec.Series[0].Now.Value)
	require.True(t, strings.HasSuffix(legendFigures(&c.shape.Lines[0], []query.Reducer{query.ReduceLast, query.ReduceMax})[1].String(), "max 0"))
}
