package chart

import (
	"math"
	"time"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Painter draws charts and keeps its scratch memory from one to the next. The
// zero value is ready. It is not safe for concurrent use; one for all panels of
// a screen is enough.
type Painter struct {
	dots    canvas
	columns []plot.Column
	shaded  []bool
	taken   []bool // cells of the time axis that hold a mark
}

// Draw fills all of f with the chart, at any size: what does not fit is left
// out, the figure in the title last.
func (p *Painter) Draw(f *frame.Frame, s *Spec) {
	shown := 0
	for _, series := range s.Series {
		if !series.Hidden {
			shown++
		}
	}
	listed := len(s.Series)
	if s.NoLegend {
		listed = 0
	}
	l := layoutOf(f.Width(), f.Height(), listed)
	p.title(f, s)
	if l.plotH < 1 || l.plotW < 1 {
		return
	}
	p.dots.reset(f.Theme().Glyphs(), l.plotW, l.plotH)
	w := s.window(p.dots.columns(), p.dots.dx)
	scale, ticks, labels := s.labelledAxis(l.plotH)
	_, _, some := s.extent()
	p.shade(f, s, l, w)
	if some {
		p.values(f, l, scale, ticks, labels)
		p.thresholds(f, s, l, scale)
	}
	p.events(f, s, l, w)
	if shown > 0 {
		p.series(s, w, scale)
		p.dots.put(f, l.plotX, 1, p.shaded)
	}
	p.timeAxis(f, s, l, w)
	if !some {
		p.empty(f, s, l)
	}
	if l.legendRow >= 0 {
		legend(f.Sub(frame.Rect{X: 0, Y: l.legendRow, W: l.w, H: l.legendLines}), s, w)
	}
}

// shortStep is how long the newest value may wait for a whole cell. Without that
// half of a chart would change with every value, and a slow line carry it.
const shortStep = 2 * time.Second

// window lays the values onto columns, so many to a cell.
func (s *Spec) window(columns, cell int) plot.Window {
	w := plot.NewWindow(s.Start, s.Step, s.points(), columns, cell)
	if w.Step <= shortStep && w.N > columns/2 {
		w = w.Whole(cell)
	}
	return w
}

// Draw is Painter.Draw for a single chart.
func Draw(f *frame.Frame, s *Spec) { new(Painter).Draw(f, s) }

// series draws all lines, the focused one last.
func (p *Painter) series(s *Spec, w plot.Window, scale plot.Scale) {
	stale := w.Columns
	if s.State.Stale > 0 {
		stale = w.ColumnAt(w.End().Add(-s.State.Stale)) + 1
	}
	focus := s.focus()
	draw := func(i int) {
		p.columns = w.M4(s.Series[i].Values, p.columns)
		p.dots.plot(p.columns, scale, theme.Series(i), stale)
	}
	for i, series := range s.Series {
		if !series.Hidden && i != focus {
			draw(i)
		}
	}
	if focus >= 0 {
		draw(focus)
	}
}

// values writes the labels of the value axis.
func (p *Painter) values(f *frame.Frame, l layout, scale plot.Scale, ticks []float64, labels []safe.Text) {
	if l.plotX == 0 {
		return
	}
	for i, t := range ticks {
		y, ok := p.dots.height(scale, t)
		if !ok || y < 0 || y >= p.dots.rows() {
			continue
		}
		row := 1 + y/p.dots.dy
		f.PutRight(l.plotX-1, row, theme.Dim, labels[i])
		f.Rune(l.plotX-1, row, theme.Dim, '┤') // in the style of its label: a change of style is eight bytes
	}
}

func (p *Painter) thresholds(f *frame.Frame, s *Spec, l layout, scale plot.Scale) {
	for _, t := range s.Thresholds {
		y, ok := p.dots.height(scale, t.Value)
		if !ok || y < 0 || y >= p.dots.rows() {
			continue
		}
		style := theme.Threshold
		if t.Level == Crit {
			style = theme.Crit
		}
		for x := range l.plotW {
			f.Rune(l.plotX+x, 1+y/p.dots.dy, p.ink(style, x), '╌')
		}
	}
}

// ink is style, shaded where the column lies in a marked interval.
func (p *Painter) ink(style theme.Style, x int) theme.Style {
	if x >= 0 && x < len(p.shaded) && p.shaded[x] {
		return style.Shaded()
	}
	return style
}

// empty says in the middle of the plot why there is nothing to see; what went
// wrong may take several rows, because only the whole of it helps.
func (p *Painter) empty(f *frame.Frame, s *Spec, l layout) {
	lines, style := []safe.Text{safe.Const("no data")}, theme.Dim
	switch {
	case s.State.Error.Width() > 0 && s.Title.Width()+len(" error: ")+s.State.Error.Width() > l.w: // the title has cut it
		lines, style = safe.Wrap(s.State.Error.String(), l.plotW), theme.Warn
	case s.State.Loading:
		lines = []safe.Text{safe.Const("loading")}
	}
	lines = lines[:min(len(lines), l.plotH)]
	top := 1 + (l.plotH-len(lines)+1)/2
	for i, text := range lines {
		text = text.Fit(l.plotW)
		f.Put(l.plotX+(l.plotW-text.Width())/2, top+i, style, text)
	}
}

// current is the figure in the title: the newest value of the leading series,
// or the one at the crosshair.
func (s *Spec) current() (v float64, values []float64) {
	i := s.focus()
	if i < 0 {
		return math.NaN(), nil
	}
	values = s.Series[i].Values
	return s.at(values), values
}

// at is the value of a series at the crosshair, or the newest.
func (s *Spec) at(values []float64) float64 {
	if s.Crosshair.IsZero() {
		v, _ := plot.Last(values)
		return v
	}
	w := plot.NewWindow(s.Start, s.Step, s.points(), 1, 1)
	i, ok := w.Index(s.Crosshair)
	if !ok || i >= len(values) {
		return math.NaN()
	}
	return values[i]
}
