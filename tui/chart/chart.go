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
	stacks
	trace trace
}

// Draw fills all of f with the chart, at any size: what does not fit is left
// out, the figure in the title last.
func (p *Painter) Draw(f *frame.Frame, s *Spec) {
	shown, right := s.counts()
	listed := len(s.Series)
	if s.NoLegend {
		listed = 0
	}
	l := layoutOf(f.Width(), f.Height(), listed, right)
	p.title(f, s)
	if l.plotH < 1 || l.plotW < 1 {
		return
	}
	p.dots.reset(f.Theme().Glyphs(), l.plotW, l.plotH)
	w := s.window(p.dots.columns(), p.dots.dx)
	p.stack(s)
	left := p.ruler(s, false, l.plotH)
	p.shade(f, s, l, w)
	rulers := [2]ruler{left, left}
	if right {
		rulers[1] = p.ruler(s, true, l.plotH)
	}
	if left.some {
		p.values(f, l, left)
	}
	if l.right {
		p.rightValues(f, l, rulers[1])
	}
	solid := p.solid(s)
	if left.some && !solid {
		p.thresholds(f, s, l, left.scale)
	}
	p.events(f, s, l, w)
	if shown > 0 {
		p.series(s, w, rulers)
		p.dots.put(f, l.plotX, 1, p.shaded)
		p.tell(f, s, l, w, rulers)
		p.moments(f, s, l, w, rulers)
	}
	if left.some && solid { // else what is filled would cover them
		p.thresholds(f, s, l, left.scale)
	}
	p.timeAxis(f, s, l, w)
	if !left.some && !(right && rulers[1].some) {
		p.empty(f, s.Title, s.State, l, s.belowLog())
	}
	if l.legendRow >= 0 {
		legend(f.Sub(frame.Rect{X: 0, Y: l.legendRow, W: l.w, H: l.legendLines}), s, w)
	}
}

// counts is how many series are drawn, and whether one has the axis at the right.
func (s *Spec) counts() (shown int, right bool) {
	for i := range s.Series {
		if !s.Series[i].Hidden {
			shown++
			right = right || s.Series[i].Right
		}
	}
	return shown, right
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

// series draws all lines: those of before at the back, the focused one last.
func (p *Painter) series(s *Spec, w plot.Window, rulers [2]ruler) {
	stale := w.Columns
	if s.State.Stale > 0 {
		stale = w.ColumnAt(w.End().Add(-s.State.Stale)) + 1
	}
	focus := s.focus()
	draw := func(i int) {
		series := &s.Series[i]
		scale := rulers[0].scale
		if series.Right {
			scale = rulers[1].scale
		}
		style, from := theme.Series(i), stale
		if series.Behind {
			style, from = theme.Faint, w.Columns
		}
		p.one(series, p.drawn[i], w, scale, style, from)
	}
	for _, behind := range []bool{true, false} {
		for i := range s.Series {
			if series := &s.Series[i]; !series.Hidden && series.Behind == behind && (i != focus || series.Stack != Alone) {
				draw(i)
			}
		}
	}
	if focus >= 0 && s.Series[focus].Stack == Alone {
		draw(focus)
	}
}

// values writes the labels of the value axis.
func (p *Painter) values(f *frame.Frame, l layout, r ruler) {
	if l.plotX == 0 {
		return
	}
	for i, t := range r.ticks {
		y, ok := p.dots.height(r.scale, t)
		if !ok || y < 0 || y >= p.dots.rows() {
			continue
		}
		row := 1 + y/p.dots.dy
		f.PutRight(l.plotX-1, row, theme.Dim, r.labels[i])
		f.Rune(l.plotX-1, row, theme.Dim, '┤') // in the style of its label: a change of style is eight bytes
	}
}

// rightValues writes those of the axis at the right.
func (p *Painter) rightValues(f *frame.Frame, l layout, r ruler) {
	for i, t := range r.ticks {
		if y, ok := p.dots.height(r.scale, t); ok && y >= 0 && y < p.dots.rows() && r.some {
			f.Rune(l.plotX+l.plotW, 1+y/p.dots.dy, theme.Dim, '├')
			f.Put(l.plotX+l.plotW+1, 1+y/p.dots.dy, theme.Dim, r.labels[i])
		}
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
func (p *Painter) empty(f *frame.Frame, title safe.Text, st State, l layout, belowLog bool) {
	lines, style := []safe.Text{safe.Const("no data")}, theme.Dim
	switch {
	case belowLog:
		lines = safe.Wrap("no value above zero, which a logarithmic axis could show", l.plotW)
	case st.Error.Width() > 0 && title.Width()+len(" error: ")+st.Error.Width() > l.w: // the title has cut it
		lines, style = safe.Wrap(st.Error.String(), l.plotW), theme.Warn
	case st.Loading:
		lines = []safe.Text{safe.Const("loading")}
	}
	lines = lines[:min(len(lines), l.plotH)]
	top := 1 + (l.plotH-len(lines)+1)/2
	for i, text := range lines {
		text = text.Fit(l.plotW)
		f.Put(l.plotX+(l.plotW-text.Width())/2, top+i, style, text)
	}
}

// belowLog says that there are values, and that a logarithmic axis can show none.
func (s *Spec) belowLog() bool {
	if !s.Y.Log {
		return false
	}
	for i := range s.Series {
		if _, _, some := plot.Range(s.Series[i].Values); some && !s.Series[i].Hidden {
			return true
		}
	}
	return false
}

// current is the figure in the title: the newest value of the leading series,
// or the one at the crosshair; and whether it is that of the moment.
func (s *Spec) current() (v float64, values []float64, now bool) {
	i := s.focus()
	if i < 0 {
		return math.NaN(), nil, false
	}
	v, now = s.at(i)
	return v, s.Series[i].Values, now
}

// at is the value of a series at the crosshair, or the newest, which may be that of
// the moment.
func (s *Spec) at(i int) (v float64, now bool) {
	series := &s.Series[i]
	switch {
	case !s.Crosshair.IsZero():
		return s.valueAt(series.Values), false
	case series.Now.some():
		return series.Now.Value, true
	}
	v, _ = plot.Last(series.Values)
	return v, false
}

// valueAt is a value at the crosshair.
func (s *Spec) valueAt(values []float64) float64 {
	w := plot.NewWindow(s.Start, s.Step, s.points(), 1, 1)
	i, ok := w.Index(s.Crosshair)
	if !ok || i >= len(values) {
		return math.NaN()
	}
	return values[i]
}
