package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// What is no line is refused with the reason, not drawn as something else.
func TestOnlyLinesAreAPicture(t *testing.T) {
	frame := func(values ...float64) query.PanelData {
		g := query.Grid{Start: time.Unix(1e9, 0), Step: time.Minute, N: len(values)}
		return query.PanelData{Frame: query.Frame{Grid: g, Series: []query.Series{{Legend: "one", Values: values}}}}
	}
	for name, c := range map[string]struct {
		kind query.PanelType
		data query.PanelData
		want string
	}{
		"a table":    {query.Table, frame(1), "p is a table, which is not drawn as a picture: --csv and --json write its values"},
		"buckets":    {query.Heatmap, frame(1, 2), "p is a heatmap, which is not drawn as a picture"},
		"one moment": {query.Stat, frame(1), "p asks for one moment alone, which is no line to draw"},
		"nothing":    {query.TimeSeries, query.PanelData{}, "p has no series to draw"},
		"a text":     {query.Text, query.PanelData{}, "p is text, which is not drawn as a picture"},
	} {
		s := &query.Snapshot{Board: &query.Board{Panels: []query.Panel{{Title: "p", Type: c.kind}}}, Panels: []query.PanelData{c.data}}
		_, err := panelPicture(s, time.Time{})
		require.ErrorContains(t, err, c.want, name)
	}
	s := &query.Snapshot{Board: &query.Board{Panels: []query.Panel{{Title: "p", Type: query.TimeSeries}}}, Panels: []query.PanelData{frame(1, 2)}}
	raw, err := panelPicture(s, time.Time{})
	require.NoError(t, err)
	require.NotEmpty(t, raw)
}
