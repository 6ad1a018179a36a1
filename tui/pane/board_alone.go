package pane

import (
	"math"
	"slices"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// drawAlone draws the focused panel over all of f, with its series as a table
// below where there is room for both.
func (b *board) drawAlone(f *frame.Frame, s *Screen) {
	i := b.layout.all[b.focusIndex()].panel
	c := b.panels.at(i)
	table := min(len(c.spec.Series)+1, f.Height()/3)
	if table < 2 || f.Height() < 12 || !c.isLines() {
		table = 0
	}
	c.alone = true
	defer func() { c.alone = false }()
	c.aim(&b.panels, s, b.crosshair, b.look(i)) // which line leads
	said := c.saying(s, b.panels.of, f.Width()-2, f.Height()/4)
	if f.Height() < 10 {
		said = nil
	}
	above, rest := f.Bounds().Top(f.Height() - table - len(said))
	below, foot := rest.Top(table)
	c.spec.NoLegend = table > 0
	b.panels.draw(f.Sub(frame.Rect{X: 1, Y: above.Y, W: above.W - 2, H: above.H}), i, s, b.crosshair, b.look(i))
	c.spec.NoLegend = c.panel.Legend.Hide
	drawSaying(f.Sub(foot), said)
	if table > 0 {
		b.drawTable(f.Sub(frame.Rect{X: 0, Y: below.Y, W: below.W, H: below.H}), c, b.look(i), !b.crosshair.IsZero())
	}
}

// The columns of the table of series.
const (
	nameColumn   = 40
	figureColumn = 14
)

func (b *board) drawTable(f *frame.Frame, c *panelChart, l *look, crosshair bool) {
	name := min(nameColumn, max(f.Width()-4*(figureColumn+1)-4, 8))
	now := safe.Const("last")
	if crosshair {
		now = safe.Const("at │")
	}
	head := pen{f: f, x: 4 + name + 1}
	for _, t := range []safe.Text{now, safe.Const("min"), safe.Const("mean"), safe.Const("max")} {
		head.right(figureColumn, theme.Dim, t)
	}
	focus := b.seriesIndex(c, l)
	order := c.order(l, nil)
	names := c.spec.Names(name)
	top := max(c.placeOf(focus, order)-(f.Height()-2), 0)
	for y := 1; y < f.Height() && top+y-1 < len(c.spec.Series); y++ {
		j := top + y - 1
		if order != nil {
			j = order[j]
		}
		row := pen{f: f.Sub(frame.Rect{Y: y, W: f.Width(), H: 1})}
		if j == focus {
			row.f.Rune(0, 0, theme.Accent, '›')
		}
		row.x = 2
		b.drawSeries(&row, c, j, names[j], name, j == focus)
	}
}

func (b *board) drawSeries(row *pen, c *panelChart, j int, name safe.Text, width int, focused bool) {
	series := &c.spec.Series[j]
	bullet, style := chart.Bullet(row.f.Theme(), j), theme.Plain
	switch {
	case series.Hidden:
		bullet, style = '○', theme.Dim
	case focused:
		style = theme.Bright
	}
	row.f.Rune(row.x, 0, theme.Series(j), bullet)
	row.x += 2
	row.left(width, style, name)
	lo, hi, ok := plot.Range(series.Values)
	mean, _ := plot.Mean(series.Values)
	if !ok {
		lo, hi, mean = math.NaN(), math.NaN(), math.NaN()
	}
	line := &c.shape.Lines[j]
	last, mark := b.valueAt(c, series.Values), ""
	if now := line.Now; b.crosshair.IsZero() && !now.At.IsZero() {
		last, mark = now.Value, " ◦"
	}
	for n, v := range []float64{last, lo, mean, hi} {
		text := fieldFigure(&line.Field, v)
		if n == 0 {
			text += mark
		}
		row.right(figureColumn, style, safe.New(text, figureColumn))
	}
}

// isLines reports whether the panel is drawn as a chart of its series.
func (c *panelChart) isLines() bool {
	return c.panel.Type == query.TimeSeries || c.panel.Type == query.Stat || c.panel.Type == ""
}

// placeOf is where a series stands in an order; nil is their own.
func (c *panelChart) placeOf(j int, order []int) int {
	if order == nil {
		return j
	}
	return max(slices.Index(order, j), 0)
}

// valueAt is a series' value at the crosshair, or its newest.
func (b *board) valueAt(c *panelChart, values []float64) float64 {
	if b.crosshair.IsZero() {
		v, _ := plot.Last(values)
		return v
	}
	return c.valueAt(values, b.crosshair)
}

// seriesIndex is the leading series of a panel.
func (b *board) seriesIndex(c *panelChart, l *look) int {
	for j := range c.shape.Lines {
		if c.shape.Lines[j].Legend == l.focus {
			return j
		}
	}
	return 0
}
