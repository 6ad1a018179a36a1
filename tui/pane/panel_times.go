package pane

import (
	"math"

	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// makeHeat makes the heat map of a panel.
func (c *panelChart) makeHeat() {
	grid, buckets := c.data.Frame.Grid, c.panel.Buckets(&c.shape)
	c.heat = chart.Heatmap{Max: buckets.Max, Start: grid.Start, Step: grid.Step, Points: grid.N, Format: func(v float64) string { return Figure("short", v) }}
	axis := axisFigure(c.panel.Unit)
	for i := range buckets.Rows {
		r := &buckets.Rows[i]
		label := r.Name
		switch {
		case math.IsInf(r.To, 1):
			label = "+Inf"
		case !math.IsNaN(r.To):
			label = axis(r.To)
		}
		c.heat.Rows = append(c.heat.Rows, chart.HeatRow{Label: safe.New(label, 12), Values: r.Values})
	}
}

// makeStates makes the rows of a state timeline. States that nothing judges have
// the colours of series, the same text the same one.
func (c *panelChart) makeStates() {
	grid := c.data.Frame.Grid
	c.states = chart.States{Start: grid.Start, Step: grid.Step, Points: grid.N}
	known := map[string]int{}
	for i := range c.shape.Lines {
		line := &c.shape.Lines[i]
		if line.Field.Hidden || line.Ago != 0 {
			continue
		}
		row := chart.StateRow{Name: safe.New(line.Legend, 60)}
		judged := len(line.Field.Thresholds) > 0
		for _, r := range c.panel.Runs(line) {
			run := chart.StateRun{From: r.From, To: r.To, Text: safe.New(tidy(r.Text), 24), Style: StateStyle(r.State)}
			if _, said, _ := line.Field.Mapped(line.Values[r.From]); said == "" && !judged {
				if _, ok := known[r.Text]; !ok {
					known[r.Text] = len(known)
				}
				run.Style = theme.Series(known[r.Text])
			}
			row.Runs = append(row.Runs, run)
		}
		c.states.Rows = append(c.states.Rows, row)
	}
}
