package plot

import (
	"fmt"
	"time"
)

// Flag is a numbered moment of a Chart.
type Flag struct {
	At     time.Time
	Number int
	Title  string // told where a picture can be pointed at
}

// Flags stand above the lines in rows; what does not find room in three is put
// together with its neighbours.
const (
	flagHeight = 15
	mostRows   = 3
)

// placed is a flag, or several that are too close to be told apart.
type placed struct {
	x, left float64 // of the moment, and where the box begins
	row     int
	text    string
	title   string
}

// layFlags places those flags that are within the chart.
func (c *Chart) layFlags() []placed {
	end, ok := c.end()
	if !ok || len(c.Flags) == 0 {
		return nil
	}
	for apart := 6.0; ; apart *= 1.5 {
		if out, fits := c.flagsApart(end, apart); fits {
			return out
		}
	}
}

// flagsApart puts moments that are closer than apart pixels together. One that has
// all the width to itself always fits.
func (c *Chart) flagsApart(end time.Time, apart float64) (out []placed, fits bool) {
	const char = 7
	var ends [mostRows]float64
	for i := 0; i < len(c.Flags); {
		f := c.Flags[i]
		if f.At.Before(c.Start) || f.At.After(end.Add(c.Step)) {
			i++
			continue
		}
		x := min(across(c.Start, end, f.At), pictureWidth-marginRight)
		p, last := placed{x: x, text: fmt.Sprint(f.Number), title: f.Title}, f.Number
		for i++; i < len(c.Flags) && across(c.Start, end, c.Flags[i].At)-x < apart && !c.Flags[i].At.After(end.Add(c.Step)); i++ {
			last = c.Flags[i].Number
			p.title += "\n" + c.Flags[i].Title
		}
		if last != f.Number {
			p.text = fmt.Sprintf("%d-%d", f.Number, last)
		}
		width := float64(char*len(p.text) + 5)
		p.left = min(max(x-width/2, marginLeft), pictureWidth-width)
		for p.row = 0; p.row < mostRows && p.left < ends[p.row]; p.row++ {
		}
		if p.row == mostRows {
			return nil, false
		}
		ends[p.row] = p.left + width + 2
		out = append(out, p)
	}
	return out, true
}

// flagRows is how many rows the flags take.
func (c *Chart) flagRows() (rows int) {
	for _, p := range c.layFlags() {
		rows = max(rows, p.row+1)
	}
	return rows
}

// flags draws the moments down, and their numbers above.
func (v canvas) flags(c *Chart) {
	all := c.layFlags()
	rows := c.flagRows()
	for _, p := range all {
		top := float64(v.box.Min.Y - flagHeight*(rows-p.row))
		for _, part := range (pen{mark, 2, 2}).cut([]point{{p.x, top + flagHeight - 2}, {p.x, float64(v.box.Max.Y)}}) {
			v.line(part, 1, mark)
		}
	}
	for _, p := range all { // after the lines, which would cross them
		top := float64(v.box.Min.Y - flagHeight*(rows-p.row))
		right := p.left + float64(7*len(p.text)+5)
		v.point(p.title, func() {
			v.brush.fill(v.frame(), []point{{p.left, top}, {right, top}, {right, top + flagHeight - 2}, {p.left, top + flagHeight - 2}}, mark)
			v.write(p.text, int(p.left)+3, int(top)+flagHeight-4, paper)
		})
	}
}

// rug draws moments as short lines on the axis, one a pixel.
func (v canvas) rug(moments []time.Time, start, end time.Time) {
	drawn := map[int]bool{}
	for _, t := range moments {
		x := int(across(start, end, t))
		if t.Before(start) || t.After(end) || drawn[x] {
			continue
		}
		drawn[x] = true
		v.line([]point{{float64(x) + .5, float64(v.box.Max.Y) - 5}, {float64(x) + .5, float64(v.box.Max.Y)}}, 1, mark)
	}
}
