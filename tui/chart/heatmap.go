package chart

import (
	"math"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Heatmap is how much lay in which bucket at which time.
type Heatmap struct {
	Head
	Rows      []HeatRow // from the lowest
	Max       float64   // the deepest shade
	Start     time.Time // of the first value
	Step      time.Duration
	Points    int
	Format    func(float64) string // of a value; nil is plot.Short
	Marks     []Mark
	Crosshair time.Time
	Zone      *time.Location
}

// HeatRow is one bucket. NaN is no value, and 0 nothing: both stay blank.
type HeatRow struct {
	Label  safe.Text // its upper bound
	Values []float64
}

// Heatmap draws h over all of f, at any size. Where buckets are more than rows
// neighbours share one, and it shows their sum; the deepest shade is then the largest
// sum.
func (p *Painter) Heatmap(f *frame.Frame, h *Heatmap) {
	if len(h.Rows) == 0 || !(h.Max > 0) && h.Points < 1 {
		h.Empty(f)
		return
	}
	s := &Spec{Title: h.Title, Start: h.Start, Step: h.Step, Points: max(h.Points, 1), Marks: h.Marks, Crosshair: h.Crosshair, Zone: h.Zone, State: h.State}
	h.draw(f)
	l := layoutOf(f.Width(), f.Height(), 0, false)
	if l.plotH < 1 || l.plotW < 1 {
		return
	}
	scaleRow := -1
	if l.plotH >= 5 {
		scaleRow, l.plotH = f.Height()-1, l.plotH-1
		l.axisRow--
	}
	p.dots.reset(f.Theme().Glyphs(), l.plotW, l.plotH)
	w := s.window(p.dots.columns(), p.dots.dx)
	p.shaded = resize(p.shaded, l.plotW)
	most := p.heat(f, h, l, w)
	p.axisMarks(f, s, l, w)
	p.timeAxis(f, s, l, w)
	if scaleRow >= 0 {
		h.scale(f, l.plotX, scaleRow, most)
	}
}

// axisMarks draws what happened on the time axis alone: lines over the shades
// would look like values.
func (p *Painter) axisMarks(f *frame.Frame, s *Spec, l layout, w plot.Window) {
	p.events(f.Sub(frame.Rect{Y: l.axisRow, W: f.Width(), H: 1}), s, layout{plotX: l.plotX, plotW: l.plotW, axisRow: min(l.axisRow, 0)}, w)
	if x := floorCell(w.ColumnAt(s.Crosshair), p.dots.dx); !s.Crosshair.IsZero() && x >= 0 && x < l.plotW {
		p.upright(f, l, x, theme.Crosshair, '│')
	}
}

// heat draws the shades, the highest bucket at the top, and says how much the deepest
// one is.
func (p *Painter) heat(f *frame.Frame, h *Heatmap, l layout, w plot.Window) float64 {
	n := len(h.Rows)
	rows := min(n, l.plotH)
	if l.plotH >= n {
		rows = n * (l.plotH / n) // all buckets are equally tall
	}
	sums, most := h.sums(rows, l.plotW, w, p.dots.dx)
	last := -1
	labelled := 0
	for y := range rows {
		from, to := h.rowOf(rows-1-y, rows)
		at := l.plotH - rows + y
		for x, v := range sums[(rows-1-y)*l.plotW : (rows-y)*l.plotW] {
			if level := levelOf(v, most); level >= 0 {
				f.Rune(l.plotX+x, 1+at, theme.Heat(level), heatGlyph(f.Theme(), level))
			}
		}
		if l.plotX > 0 && from != last && (labelled == 0 || at >= labelled+max(l.plotH/6, 1)) {
			f.PutRight(l.plotX-1, 1+at, theme.Dim, h.Rows[min(to, n)-1].Label.Fit(gutter-1))
			f.Rune(l.plotX-1, 1+at, theme.Dim, '┤')
			labelled = at
		}
		last = from
	}
	return most
}

// rowOf is which buckets are in a row of so many, from the bottom.
func (h *Heatmap) rowOf(k, rows int) (from, to int) {
	n := len(h.Rows)
	from = k * n / rows
	return from, min(max((k+1)*n/rows, from+1), n)
}

// sums are what is in each cell, row by row from the bottom, and the most that the
// shades have to show.
func (h *Heatmap) sums(rows, width int, w plot.Window, cell int) (sums []float64, most float64) {
	sums, most = make([]float64, rows*width), h.Max
	one, counts := make([]float64, width), make([]int, width)
	for k := range rows {
		from, to := h.rowOf(k, rows)
		row := sums[k*width : (k+1)*width]
		for i := from; i < to; i++ {
			clear(one)
			clear(counts)
			h.gather(&h.Rows[i], one, counts, w, cell)
			for x := range row {
				row[x] += one[x]
			}
		}
		if to-from > 1 {
			most = max(most, slices.Max(row))
		}
	}
	return sums, most
}

// gather adds the mean of a bucket's values in each cell.
func (h *Heatmap) gather(r *HeatRow, sums []float64, counts []int, w plot.Window, cell int) {
	for i, v := range r.Values {
		if v-v != 0 {
			continue
		}
		from := floorCell(w.Column(i), cell)
		next := max(floorCell(w.Column(i+1), cell), from+1) // it covers the cells up to the next
		for k := max(from, 0); k < min(next, len(sums)); k++ {
			counts[k]++
			sums[k] += v
		}
	}
	for x, c := range counts {
		if c > 1 {
			sums[x] /= float64(c)
		}
	}
}

// levelOf is the shade of a value, -1 of nothing. The root shows that something is
// there beside much.
func levelOf(v, most float64) int {
	if !(v > 0) || !(most > 0) {
		return -1
	}
	return min(int(math.Sqrt(min(v/most, 1))*theme.HeatLevels), theme.HeatLevels-1)
}

// heatGlyph has weight where colours are few.
func heatGlyph(th *theme.Theme, level int) rune {
	switch o := th.Options(); {
	case o.Glyphs == theme.ASCII:
		return rune(".:-=+#@"[level])
	case o.Profile >= theme.Colour256:
		return '█'
	}
	return [theme.HeatLevels]rune{'░', '░', '▒', '▒', '▓', '▓', '█'}[level]
}

// scale writes which shade is how much.
func (h *Heatmap) scale(f *frame.Frame, x, y int, most float64) {
	format := h.Format
	if format == nil {
		format = plot.Short
	}
	x = f.Put(x, y, theme.Dim, safe.Const("0 "))
	for level := range theme.HeatLevels {
		f.Rune(x, y, theme.Heat(level), heatGlyph(f.Theme(), level))
		x++
	}
	f.PutFit(x+1, y, f.Width()-x-1, theme.Dim, safe.New(format(most), 16))
}
