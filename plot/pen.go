package plot

import (
	"fmt"
	"image"
	"image/color"
	"math"
)

// pen is how a series is drawn: a colour, and for those that share one dashes.
type pen struct {
	ink     color.RGBA
	on, off float64 // pixels of a dash and of the gap after it; off 0 is a whole line
}

// penOf is that of series i: no two of a chart have the same.
func penOf(i int) pen {
	dashes := [][2]float64{{0, 0}, {8, 4}, {2, 4}}
	d := dashes[i/len(inks())%len(dashes)]
	return pen{inks()[i%len(inks())], d[0], d[1]}
}

// mostDashed is how long a piece between two points can be that has dashes: longer
// than any picture's diagonal.
const mostDashed = 10_000

// cut is the line through points in the pieces that the pen draws.
func (p pen) cut(points []point) (parts [][]point) {
	if p.off == 0 || len(points) < 2 {
		return [][]point{points}
	}
	part, drawing, left := []point{points[0]}, true, p.on
	for i := 1; i < len(points); i++ {
		for a, b := points[i-1], points[i]; ; {
			length := math.Hypot(b.x-a.x, b.y-a.y)
			if !(length < mostDashed) { // far outside: nobody sees its dashes
				return [][]point{points}
			}
			if length <= left {
				left -= length
				if drawing {
					part = append(part, b)
				}
				break
			}
			a = point{a.x + (b.x-a.x)*left/length, a.y + (b.y-a.y)*left/length}
			if drawing {
				parts, part = append(parts, append(part, a)), nil
				left = p.off
			} else {
				part, left = []point{a}, p.on
			}
			drawing = !drawing
		}
	}
	if len(part) > 1 {
		parts = append(parts, part)
	}
	return parts
}

// named is a series and the place of its name below the chart.
type named struct {
	text string
	pen  *pen // nil: it says how many more there are
	x    int
	line int
}

// layNames places the names of the series that are drawn, line by line, and says
// how many more there are.
func (c *Chart) layNames() (out []named) {
	const char, swatch, gap = 7, 18, 14
	x, line := marginLeft, 0
	place := func(text string, p *pen) bool {
		width := swatch + char*len([]rune(text))
		if x+width > pictureWidth-marginRight && x > marginLeft {
			x, line = marginLeft, line+1
		}
		if line == mostNameLines {
			return false
		}
		out = append(out, named{text, p, x, line})
		x += width + gap
		return true
	}
	drawn := min(len(c.Names), len(c.Series), mostSeries)
	for i, name := range c.Names[:drawn] {
		p := penOf(i)
		if c.look(i).Behind {
			p.ink = behind
		}
		if !place(fit(name, mostName), &p) {
			last := &out[len(out)-1] // its place is taken by the number
			last.text, last.pen = fmt.Sprintf("and %d more", len(c.Series)-i+1), nil
			return out
		}
	}
	if more := len(c.Series) - drawn; more > 0 && drawn > 0 {
		place(fmt.Sprintf("and %d more, not drawn", more), nil)
	}
	return out
}

// nameLines is how many lines the names take.
func (c *Chart) nameLines() int {
	placed := c.layNames()
	if len(placed) == 0 {
		return 0
	}
	return placed[len(placed)-1].line + 1
}

// names writes which line is which series.
func (v canvas) names(c Chart) {
	for _, n := range c.layNames() {
		y := v.box.Max.Y + marginBottom + n.line*nameHeight + nameHeight/2
		if n.pen != nil {
			for _, part := range n.pen.cut([]point{{float64(n.x), float64(y)}, {float64(n.x + 14), float64(y)}}) {
				v.mark(part, n.pen.ink)
			}
		}
		v.write(n.text, n.x+18, y+4, text)
	}
}

// mark draws a level piece of a line, thick enough to tell its colour.
func (v canvas) mark(part []point, ink color.RGBA) {
	x0, x1, y := math.Floor(part[0].x), math.Floor(part[len(part)-1].x), part[0].y
	v.brush.fill(image.Rect(0, int(y)-2, pictureWidth, int(y)+3), []point{{x0, y - 1}, {x1, y - 1}, {x1, y + 2}, {x0, y + 2}}, ink)
}
