package pane

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/chart"
)

// trended is a panel whose leading line is given.
func trended(p *query.Panel, value func(i int) float64) *panelChart {
	p.Title, p.Type = "load", query.TimeSeries
	grid := query.Grid{Start: time.Date(2026, 3, 14, 2, 0, 0, 0, time.UTC), Step: 30 * time.Second, N: 121}
	values := make([]float64, grid.N)
	for i := range values {
		values[i] = value(i)
	}
	c := &panelChart{panel: p, data: &query.PanelData{At: grid.End(), Frame: query.Frame{Grid: grid, Series: []query.Series{{Values: values}}}}}
	c.make()
	c.spec.Focus = 0
	return c
}

func TestWhereAPanelIsGoing(t *testing.T) {
	grows := func(i int) float64 { return 100 + float64(i) }
	for name, c := range map[string]struct {
		panel query.Panel
		value func(int) float64
		words string
		worse bool
	}{
		"a signal":           {query.Panel{Signal: true}, grows, "degrading +74%", true},
		"more is better":     {query.Panel{Better: query.Higher}, grows, "improving +74%", false},
		"neither is better":  {query.Panel{}, grows, "rising +74%", false},
		"less":               {query.Panel{}, func(i int) float64 { return 300 - float64(i) }, "falling -49%", false},
		"nowhere":            {query.Panel{Signal: true}, func(i int) float64 { return 100 + math.Mod(float64(i)*7, 11) }, "", false},
		"out of all measure": {query.Panel{Signal: true}, func(i int) float64 { return math.Pow(1.1, float64(i)) }, "degrading", true},
	} {
		one := trended(&c.panel, c.value)
		one.tell()
		require.Equal(t, c.words, one.spec.State.Trend.Words.String(), name)
		require.Equal(t, c.worse, one.spec.State.Trend.Worse, name)
		require.Empty(t, one.spec.Marks, name)
	}
}

func TestAnOpenPanelMarksItsLevels(t *testing.T) {
	c := trended(&query.Panel{Signal: true}, func(i int) float64 {
		if i < 60 {
			return 10
		}
		return 50
	})
	c.alone = true
	c.tell()
	require.Equal(t, []chart.Mark{{At: time.Date(2026, 3, 14, 2, 30, 0, 0, time.UTC), Kind: chart.Shift}}, c.spec.Marks)
	require.Contains(t, c.going.words(c.panel, time.UTC), "≠ level changed at 02:30:00: 10 to 50")
	c.data.Frame.Series[0].Values = nil
	empty := trended(&query.Panel{}, func(int) float64 { return math.NaN() })
	empty.alone = true
	empty.tell()
	require.Empty(t, empty.going.words(empty.panel, time.UTC))
}
