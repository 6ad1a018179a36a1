package plot

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// Chart is what one chart of a picture shows: series of values at Start, Start+Step
// and so on. NaN is no value.
type Chart struct {
	Title  string
	Start  time.Time
	Step   time.Duration
	Series [][]float64
	Names  []string             // of the series, written below; may be missing
	Looks  []Look               // of the series; without one it is a line
	Limits []float64            // thresholds, drawn across
	Mark   time.Time            // a moment, drawn down; zero for none
	Flags  []Flag               // moments with a number above, in their order
	Rug    []time.Time          // moments that are short lines on the axis
	Zone   string               // of the times, written beside them; may be empty
	Format func(float64) string // of the axis; nil is SI
}

// The size of a picture, in pixels: of one chart, and of the room around its
// lines.
const (
	pictureWidth, chartHeight = 720, 200
	marginLeft, marginRight   = 84, 16
	marginTop, marginBottom   = 28, 24
	mostCharts                = 6
	mostSeries                = 20
	mostTitle                 = 90
	mostName                  = 48
	nameHeight, mostNameLines = 16, 5
)

// inks are the colours of series, told apart by most eyes. Source: Okabe and Ito,
// Color Universal Design.
func inks() []color.RGBA {
	return []color.RGBA{
		{0x00, 0x72, 0xb2, 0xff},
		{0xd5, 0x5e, 0x00, 0xff},
		{0x00, 0x9e, 0x73, 0xff},
		{0xcc, 0x79, 0xa7, 0xff},
		{0xe6, 0x9f, 0x00, 0xff},
		{0x56, 0xb4, 0xe9, 0xff},
		{0x00, 0x00, 0x00, 0xff},
	}
}

var (
	paper = color.RGBA{0xff, 0xff, 0xff, 0xff}
	text  = color.RGBA{0x30, 0x30, 0x30, 0xff}
	grid  = color.RGBA{0xe4, 0xe4, 0xe4, 0xff}
	limit = color.RGBA{0xc0, 0x30, 0x30, 0xff}
	mark  = color.RGBA{0x60, 0x60, 0x60, 0xff}

	behind = color.RGBA{0xb0, 0xb0, 0xb0, 0xff}
)

// PNG draws charts one below the other, at most six.
func PNG(charts []Chart) ([]byte, error) {
	charts = charts[:min(len(charts), mostCharts)]
	height := 0
	for _, c := range charts {
		height += c.height()
	}
	img := image.NewRGBA(image.Rect(0, 0, pictureWidth, max(height, chartHeight)))
	draw.Draw(img, img.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	top := 0
	for _, c := range charts {
		drawOn(raster{img}, c, top)
		top += c.height()
	}
	var out bytes.Buffer
	err := png.Encode(&out, img)
	return out.Bytes(), err
}

// brush is what a picture is drawn with. Frame is the part that a chart may use.
type brush interface {
	line(frame image.Rectangle, points []point, width float64, ink color.Color)
	fill(frame image.Rectangle, points []point, ink color.Color)
	write(s string, x, y int, ink color.RGBA)
}

// canvas is the part of a picture that one chart's lines are drawn in.
type canvas struct {
	brush brush
	box   image.Rectangle
}

// height is that of the whole chart.
func (c *Chart) height() int {
	return chartHeight + flagHeight*c.flagRows() + nameHeight*c.nameLines()
}

// drawOn draws a chart whose upper end is at top.
func drawOn(b brush, c Chart, top int) {
	above := marginTop + flagHeight*c.flagRows()
	v := canvas{b, image.Rect(marginLeft, top+above, pictureWidth-marginRight, top+above+chartHeight-marginTop-marginBottom)}
	v.chart(c)
	v.names(c)
}

// end is the moment of the last value; where there are no two, there is no chart.
func (c *Chart) end() (end time.Time, ok bool) {
	n := 0
	for _, s := range c.Series[:min(len(c.Series), mostSeries)] {
		n = max(n, len(s))
	}
	return c.Start.Add(time.Duration(n-1) * c.Step), n >= 2 && c.Step > 0
}

func (v canvas) chart(c Chart) {
	var all []float64
	standing := c.stand()
	for _, s := range standing {
		all = append(all, s.top...)
	}
	v.write(fit(c.Title, mostTitle), v.box.Min.X, v.box.Min.Y-10-flagHeight*c.flagRows(), text)
	lo, hi, ok := Range(all)
	end, drawn := c.end()
	if !ok || !drawn {
		v.write("no data", v.box.Min.X+8, v.box.Min.Y+v.box.Dy()/2, text)
		return
	}
	format := c.Format
	if format == nil {
		format = SI
	}
	if lo == hi { // a flat line stands against its thresholds
		for _, l := range c.Limits {
			hi = max(hi, l)
		}
	}
	lo, hi, ticks := Axis(min(lo, 0), max(hi, 0), 4)
	y := Scale{Lo: lo, Hi: hi}
	for _, t := range ticks {
		at := v.y(y, t)
		v.line([]point{{float64(v.box.Min.X), at}, {float64(v.box.Max.X), at}}, 1, grid)
		label := format(t)
		v.write(label, v.box.Min.X-6-7*len([]rune(label)), int(at)+4, text)
	}
	x := func(t time.Time) float64 { return across(c.Start, end, t) }
	v.write(c.Zone, 8, v.box.Max.Y+15, text)
	axis := Times(c.Start, end, 8, time.UTC)
	for _, t := range axis.Ticks {
		v.line([]point{{x(t), float64(v.box.Min.Y)}, {x(t), float64(v.box.Max.Y)}}, 1, grid)
		v.write(axis.Label(t), int(x(t))-17, v.box.Max.Y+15, text)
	}
	for _, l := range c.Limits {
		if at := v.y(y, l); l >= lo && l <= hi {
			for _, part := range (pen{limit, 6, 3}).cut([]point{{float64(v.box.Min.X), at}, {float64(v.box.Max.X), at}}) {
				v.line(part, 1, limit)
			}
		}
	}
	for _, behind := range []bool{true, false} {
		for i, s := range standing {
			if c.look(i).Behind == behind {
				v.draw(&c, i, s, func(k int) float64 { return x(c.Start.Add(time.Duration(k) * c.Step)) }, y)
			}
		}
	}
	if !c.Mark.IsZero() && !c.Mark.Before(c.Start) && !c.Mark.After(end.Add(c.Step)) {
		at := min(x(c.Mark), float64(v.box.Max.X)-1)
		v.line([]point{{at, float64(v.box.Min.Y)}, {at, float64(v.box.Max.Y)}}, 2, mark)
	}
	v.rug(c.Rug, c.Start, end)
	v.flags(&c)
}

// across is where a moment of a window is, from the left.
func across(start, end, t time.Time) float64 {
	return marginLeft + (pictureWidth-marginLeft-marginRight)*float64(t.Sub(start))/float64(end.Sub(start))
}

// series draws lines through neighbouring values; one that stands alone is a dot.
func (v canvas) series(values []float64, x func(int) float64, y Scale, p pen) {
	var run []point
	flush := func() {
		if len(run) == 1 {
			run = append(run, point{run[0].x + 2, run[0].y})
		}
		for _, part := range p.cut(run) {
			v.line(part, 1.6, p.ink)
		}
		run = nil
	}
	for k, value := range values {
		if at := v.y(y, value); !math.IsNaN(at) && !math.IsInf(at, 0) {
			run = append(run, point{x(k), at})
		} else {
			flush()
		}
	}
	flush()
}

func (v canvas) y(s Scale, value float64) float64 {
	return float64(v.box.Max.Y) - s.At(value)*float64(v.box.Dy())
}

type point struct{ x, y float64 }

// frame is all that a chart may draw on.
func (v canvas) frame() image.Rectangle {
	return image.Rect(0, v.box.Min.Y-marginTop, pictureWidth, v.box.Max.Y+marginBottom)
}

// line draws a smooth line of some width through points.
func (v canvas) line(points []point, width float64, ink color.RGBA) {
	if len(points) >= 2 {
		v.brush.line(v.frame(), points, width, ink)
	}
}

// fill fills what points enclose.
func (v canvas) fill(points []point, ink color.Color) { v.brush.fill(v.frame(), points, ink) }

// write puts text with its left end at x, standing on y.
func (v canvas) write(s string, x, y int, ink color.RGBA) { v.brush.write(s, x, y, ink) }

// raster is the brush of pictures that are pixels.
type raster struct{ img *image.RGBA }

// line draws only on the chart's own part: the whole picture for every line is slow.
func (b raster) line(frame image.Rectangle, points []point, width float64, ink color.Color) {
	r := vector.NewRasterizer(frame.Dx(), frame.Dy())
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		a.y, b.y = a.y-float64(frame.Min.Y), b.y-float64(frame.Min.Y)
		dx, dy := b.x-a.x, b.y-a.y
		length := math.Hypot(dx, dy)
		if length == 0 {
			continue
		}
		ox, oy := -dy/length*width/2, dx/length*width/2
		r.MoveTo(float32(a.x+ox), float32(a.y+oy))
		r.LineTo(float32(b.x+ox), float32(b.y+oy))
		r.LineTo(float32(b.x-ox), float32(b.y-oy))
		r.LineTo(float32(a.x-ox), float32(a.y-oy))
		r.ClosePath()
	}
	r.Draw(b.img, frame, image.NewUniform(ink), image.Point{})
}

func (b raster) fill(frame image.Rectangle, points []point, ink color.Color) {
	r := vector.NewRasterizer(frame.Dx(), frame.Dy())
	for i, p := range points {
		if y := float32(p.y - float64(frame.Min.Y)); i == 0 {
			r.MoveTo(float32(p.x), y)
		} else {
			r.LineTo(float32(p.x), y)
		}
	}
	r.ClosePath()
	r.Draw(b.img, frame, image.NewUniform(ink), image.Point{})
}

// write has a box for what the font does not have.
func (b raster) write(s string, x, y int, ink color.RGBA) {
	d := font.Drawer{Dst: b.img, Src: image.NewUniform(ink), Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
	d.DrawString(s)
}

// fit is at most most runes of s.
func fit(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return s
}
