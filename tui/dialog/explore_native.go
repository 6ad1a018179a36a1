package dialog

import (
	"math"
	"slices"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// figureCells is how wide a column of numbers is in a table, and how much of a value's
// words may stand beside its name.
const (
	figureCells = 10
	wordCells   = 120
)

// valueColumn is a column of numbers in a table of samples.
type valueColumn struct {
	name string
	of   func(*query.Sample) safe.Text
}

// valueColumns are the value, and where there are native histograms what those come to.
func valueColumns(samples []query.Sample) []valueColumn {
	native := func(s query.Sample) bool { return s.Histogram != nil }
	var out []valueColumn
	if slices.ContainsFunc(samples, func(s query.Sample) bool { return !native(s) }) {
		out = append(out, valueColumn{"value", func(s *query.Sample) safe.Text {
			if s.Histogram != nil {
				return safe.Text{}
			}
			return safe.New(plot.Short(s.Value), hiddenValues)
		}})
	}
	if !slices.ContainsFunc(samples, native) {
		return out
	}
	for _, f := range query.HistogramFigures() {
		out = append(out, valueColumn{f.Name, func(s *query.Sample) safe.Text {
			if s.Histogram == nil {
				return safe.Text{}
			}
			return safe.New(plot.Short(f.Of(s.Histogram)), hiddenValues)
		}})
	}
	return out
}

// valueText is a sample's value, or what its histogram comes to.
func valueText(s *query.Sample) safe.Text {
	if s.Histogram != nil {
		return safe.New(s.Words("short"), wordCells)
	}
	return safe.New(plot.Short(s.Value), hiddenValues)
}

// drawHeat draws native histograms, which no line can show.
func (e *Explore) drawHeat(f *frame.Frame) {
	fr, panel := &e.found.Frame, query.Panel{Type: query.Heatmap}
	shape := panel.Shape(fr)
	heat := panel.Buckets(&shape)
	h := chart.Heatmap{Max: heat.Max, Start: fr.Grid.Start, Step: fr.Grid.Step, Points: fr.Grid.N, Zone: e.Zone}
	h.Title = safe.New(e.found.Question.Expr, safe.Line)
	for i := range heat.Rows {
		label := safe.New(heat.Rows[i].Name, 12)
		if to := heat.Rows[i].To; !math.IsNaN(to) && !math.IsInf(to, 0) {
			label = safe.New(plot.Short(to), 12)
		}
		h.Rows = append(h.Rows, chart.HeatRow{Label: label, Values: heat.Rows[i].Values})
	}
	new(chart.Painter).Heatmap(f.Sub(frame.Rect{X: 1, Y: 0, W: f.Width() - 2, H: f.Height()}), &h)
}
