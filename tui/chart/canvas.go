package chart

import (
	"math"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// canvas is a grid of dots, several to a cell, each cell of one owner: 2x4 in
// braille, 2x2 in quarter blocks, 1x3 in ASCII. A dot is a bit of its cell's mask.
type canvas struct {
	set    theme.Glyphs
	w, h   int // in cells
	dx, dy int // dots in a cell
	mask   []uint8
	owner  []theme.Style
}

// reset makes the canvas blank, of that size.
func (c *canvas) reset(set theme.Glyphs, w, h int) {
	c.set, c.w, c.h = set, max(w, 0), max(h, 0)
	c.dx, c.dy = dotsOf(set)
	n := c.w * c.h
	if cap(c.mask) < n {
		c.mask, c.owner = make([]uint8, n), make([]theme.Style, n)
	}
	c.mask, c.owner = c.mask[:n], c.owner[:n]
	clear(c.mask)
}

// dotsOf is how many dots a cell has in each direction.
func dotsOf(set theme.Glyphs) (dx, dy int) {
	switch set {
	case theme.Block:
		return 2, 2
	case theme.ASCII:
		return 1, 3
	}
	return 2, 4
}

func (c *canvas) columns() int { return c.w * c.dx }
func (c *canvas) rows() int    { return c.h * c.dy }

// bit is the place of a dot in its cell's mask. Braille counts down the left
// column, then the right, and the fourth row last, as Unicode does.
func (c *canvas) bit(sx, sy int) uint8 {
	switch {
	case c.set != theme.Braille:
		return 1 << (sy*c.dx + sx)
	case sy == 3:
		return 1 << (6 + sx)
	}
	return 1 << (3*sx + sy)
}

// glyph is the character for a mask.
func (c *canvas) glyph(mask uint8) rune {
	switch c.set {
	case theme.Block:
		quarters := [16]rune{' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█'}
		return quarters[mask&15]
	case theme.ASCII:
		return rune(" '-|.:||"[mask&7])
	}
	return 0x2800 + rune(mask)
}

// bar sets the dots from y0 to y1 (in any order) of column x. What lies outside
// is left out.
func (c *canvas) bar(x, y0, y1 int, style theme.Style) {
	if x < 0 || x >= c.columns() {
		return
	}
	if y0 > y1 {
		y0, y1 = y1, y0
	}
	y0, y1 = max(y0, 0), min(y1, c.rows()-1)
	cx, sx := x/c.dx, x%c.dx
	for y := y0; y <= y1; y++ {
		i := y/c.dy*c.w + cx
		c.mask[i] |= c.bit(sx, y%c.dy)
		c.owner[i] = style
	}
}

// line joins two dots, the first one in an earlier column. Each column shows
// the part of the line that passes it, so that a steep line stays whole and is
// never thicker than a dot.
func (c *canvas) line(x0, y0, x1, y1 int, style theme.Style) {
	slope := float64(y1-y0) / float64(x1-x0)
	before := y0
	for x := x0; x <= x1; x++ {
		to := y1
		if x < x1 {
			to = y0 + int(math.Round(slope*(float64(x-x0)+0.5)))
		}
		from := before
		if x > x0 && to > before {
			from++
		} else if x > x0 && to < before {
			from--
		}
		c.bar(x, from, to, style)
		before = to
	}
}

// put draws the canvas into f at x,y. Cells without dots leave what is there.
// Columns in shaded get the interval's background.
func (c *canvas) put(f *frame.Frame, x, y int, shaded []bool) {
	for cy := range c.h {
		for cx, mask := range c.mask[cy*c.w:][:c.w] {
			if mask == 0 {
				continue
			}
			style := c.owner[cy*c.w+cx]
			if cx < len(shaded) && shaded[cx] {
				style = style.Shaded()
			}
			f.Rune(x+cx, y+cy, style, c.glyph(mask))
		}
	}
}

// height is the dot row of v: 0 is the top. It is false for what cannot be
// shown; what lies beyond the scale comes out beyond the canvas.
func (c *canvas) height(s plot.Scale, v float64) (int, bool) {
	at := s.At(v)
	if math.IsNaN(at) {
		return 0, false
	}
	rows := float64(c.rows() - 1)
	return int(math.Round(rows - min(max(at, -2), 3)*rows)), true
}

// plot draws one series. Columns from staleFrom on are drawn dim; with connect the
// line runs over holes.
func (c *canvas) plot(columns []plot.Column, s plot.Scale, style theme.Style, staleFrom int, connect bool) {
	previous := -1
	var lastY int
	for x := range columns {
		col := &columns[x]
		if col.N == 0 {
			continue
		}
		ink := style
		if x >= staleFrom {
			ink = theme.Dim
		}
		first, ok := c.height(s, col.First)
		top, ok2 := c.height(s, col.Max)
		bottom, ok3 := c.height(s, col.Min)
		last, ok4 := c.height(s, col.Last)
		if !ok || !ok2 || !ok3 || !ok4 { // below a logarithmic scale
			previous = -1
			continue
		}
		if previous >= 0 && (connect || columns[previous].To+1 == col.From) {
			c.line(previous, lastY, x, first, ink)
		}
		c.bar(x, top, bottom, ink)
		previous, lastY = x, last
	}
}
