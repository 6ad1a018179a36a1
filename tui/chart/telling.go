package chart

import (
	"math"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Where colours cannot tell series apart, shapes do: each has one, in the legend and
// along its line. Lines are never dashed: a gap says that there is no data.

// Bullet is the shape of the nth series: in the legend, and on the chart where the
// theme tells series by their shapes.
func Bullet(th *theme.Theme, n int) rune {
	switch {
	case !th.Shapes():
		return '●'
	case th.Glyphs() == theme.ASCII:
		return 'a' + rune(max(n, 0)%26)
	}
	return [theme.MaxSeries]rune{'●', '■', '◆', '▲', '▼', '◉', '◈', '▣'}[max(n, 0)%theme.MaxSeries]
}

// Every series has its shape once in so many cells, each at places of its own: 5 and
// 16 have no common divisor.
const (
	shapeEvery = 16
	shapeShift = 5
)

// tell puts the shapes of the series onto their lines, if there are several.
func (p *Painter) tell(f *frame.Frame, s *Spec, l layout, w plot.Window, rulers [2]ruler) {
	if shown, _ := s.counts(); shown < 2 || !f.Theme().Shapes() {
		return
	}
	for i := range s.Series {
		series := &s.Series[i]
		if series.Hidden || series.Behind {
			continue
		}
		p.columns = w.M4(p.drawn[i].top, p.columns)
		for x := range l.plotW {
			if (w.Cell(x, p.dots.dx)+int64(i*shapeShift))%shapeEvery != 0 {
				continue
			}
			if y, ok := p.dots.height(rulers[side(series)].scale, lastOf(p.columns[x*p.dots.dx:(x+1)*p.dots.dx])); ok && y >= 0 && y < p.dots.rows() {
				f.Rune(l.plotX+x, 1+y/p.dots.dy, p.ink(theme.Series(i), x), Bullet(f.Theme(), i))
			}
		}
	}
}

// lastOf is the newest value in the columns of a cell.
func lastOf(columns []plot.Column) float64 {
	for i := len(columns) - 1; i >= 0; i-- {
		if columns[i].N > 0 {
			return columns[i].Last
		}
	}
	return math.NaN()
}

// side is the ruler of a series.
func side(s *Series) int {
	if s.Right {
		return 1
	}
	return 0
}

// moment is the value of the moment as it is drawn, NaN without one. What stands on
// others has none: they may know of none.
func (s *Series) moment() float64 {
	switch {
	case !s.Now.some() || s.Stack != Alone || s.Behind:
		return math.NaN()
	case s.Negative:
		return -s.Now.Value
	}
	return s.Now.Value
}

// moments draws the values of the moment, each as a ring in its time's cell: they
// are provisional, and no line leads to them.
func (p *Painter) moments(f *frame.Frame, s *Spec, l layout, w plot.Window, rulers [2]ruler) {
	if s.State.Stale > 0 {
		return // what is older than that says nothing of now
	}
	for i := range s.Series {
		series := &s.Series[i]
		if series.Hidden || math.IsNaN(series.moment()) {
			continue
		}
		x := min(floorCell(w.ColumnAt(series.Now.At), p.dots.dx), l.plotW-1)
		if y, ok := p.dots.height(rulers[side(series)].scale, series.moment()); ok && x >= 0 && y >= 0 && y < p.dots.rows() {
			f.Rune(l.plotX+x, 1+y/p.dots.dy, p.ink(theme.Series(i), x), '◦')
		}
	}
}

// provisional is what stands behind a figure of the moment.
func provisional() safe.Text { return safe.Const(" ◦") }
