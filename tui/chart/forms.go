package chart

import (
	"math"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// trace is the dot row of a series' upper and lower edge in each column, with the
// columns between two values filled in; none where there is nothing.
type trace struct {
	columns    []plot.Column
	top, floor []int
}

const none = math.MinInt

// solid reports whether something is filled, and would cover what lies below.
func (p *Painter) solid(s *Spec) bool {
	for i := range s.Series {
		if series := &s.Series[i]; !series.Hidden && (series.Form == Area || series.Form == Pillars) {
			return true
		}
	}
	return false
}

// one draws one series. Columns from stale on are dim.
func (p *Painter) one(s *Series, d drawn, w plot.Window, scale plot.Scale, style theme.Style, stale int) {
	p.columns = w.M4(d.top, p.columns)
	switch s.Form {
	case Points:
		p.dots.points(p.columns, scale, style, stale)
		return
	case Steps, Pillars:
		p.fillEdges(d, w, scale, s.Nulls == Connect, true)
	case Area:
		p.fillEdges(d, w, scale, s.Nulls == Connect, false)
	}
	switch {
	case s.Form == Steps:
		p.dots.steps(p.trace.top, style, stale)
		return
	case s.Form == Pillars:
		p.dots.fill(p.trace.top, p.trace.floor, style, stale, dense, w.Columns/max(w.N, 1) >= 3)
		return
	case s.Form == Area && d.floor != nil:
		p.dots.fill(p.trace.top, p.trace.floor, style, stale, dense, false)
		return
	case s.Form == Area:
		p.dots.fill(p.trace.top, p.trace.floor, style, stale, sparse, false)
	}
	p.dots.plot(p.columns, scale, style, stale, s.Nulls == Connect)
}

// fillEdges works the edges out. Held values stay until the next one comes, others
// run straight to it.
func (p *Painter) fillEdges(d drawn, w plot.Window, scale plot.Scale, connect, hold bool) {
	t := &p.trace
	t.top = p.edge(t.top, p.columns, w, scale, connect, hold)
	if d.floor != nil {
		t.columns = w.M4(d.floor, t.columns)
		t.floor = p.edge(t.floor, t.columns, w, scale, true, hold)
		return
	}
	base, ok := p.dots.height(scale, 0)
	if !ok {
		base = p.dots.rows()
	}
	t.floor = resizeInts(t.floor, w.Columns, base)
}

func resizeInts(s []int, n, v int) []int {
	if cap(s) < n {
		s = make([]int, n)
	}
	s = s[:n]
	for i := range s {
		s[i] = v
	}
	return s
}

// edge is the dot row of a line in every column.
func (p *Painter) edge(out []int, columns []plot.Column, w plot.Window, scale plot.Scale, connect, hold bool) []int {
	out = resizeInts(out, len(columns), none)
	step := w.Columns/max(w.N, 1) + 1 // as far as one value reaches
	before := -1
	for x := range columns {
		c := &columns[x]
		if c.N == 0 {
			continue
		}
		v := c.Max
		if -c.Min > c.Max { // what goes down goes down as far as it does
			v = c.Min
		}
		y, ok := p.dots.height(scale, v)
		if !ok {
			before = -1
			continue
		}
		out[x] = y
		joined := before >= 0 && (connect || columns[before].To+1 == c.From)
		for i := before + 1; joined && i < x; i++ {
			out[i] = out[before]
			if !hold {
				out[i] += int(math.Round(float64(y-out[before]) * float64(i-before) / float64(x-before)))
			}
		}
		before = x
	}
	if hold && before >= 0 { // the newest value has its width too
		for i := before + 1; i < min(before+step, len(out)); i++ {
			out[i] = out[before]
		}
	}
	return out
}

// density is how much of an area is dots.
type density int

const (
	dense  density = iota
	sparse         // a pattern, so that a line before it is seen
)

// fill sets the dots between two edges. With apart the last column of a run of
// equal values stays free, so that bars stand beside each other.
func (c *canvas) fill(top, floor []int, style theme.Style, stale int, d density, apart bool) {
	for x, y := range top {
		if y == none || floor[x] == none || apart && x+1 < len(top) && top[x+1] != y {
			continue
		}
		ink := style
		if x >= stale {
			ink = theme.Dim
		}
		from, to := y, floor[x]
		switch {
		case from > to:
			from, to = to+1, from
		case from < to:
			to-- // the floor belongs to what stands below
		}
		if d == dense {
			c.bar(x, from, to, ink)
			continue
		}
		for dot := max(from, 0); dot <= min(to, c.rows()-1); dot++ {
			if (x+dot)%2 == 0 || c.dx == 1 {
				c.bar(x, dot, dot, ink)
			}
		}
	}
}

// steps draws a line that goes up and down where the value changes.
func (c *canvas) steps(top []int, style theme.Style, stale int) {
	before := none
	for x, y := range top {
		ink := style
		if x >= stale {
			ink = theme.Dim
		}
		if y != none {
			from := y
			if before != none {
				from = before
			}
			c.bar(x, from, y, ink)
		}
		before = y
	}
}

// points draws values that nothing joins: the extremes of each column.
func (c *canvas) points(columns []plot.Column, s plot.Scale, style theme.Style, stale int) {
	for x := range columns {
		ink := style
		if x >= stale {
			ink = theme.Dim
		}
		if columns[x].N == 0 {
			continue
		}
		for _, v := range [2]float64{columns[x].Min, columns[x].Max} {
			if y, ok := c.height(s, v); ok {
				c.bar(x, y, y, ink)
			}
		}
	}
}
