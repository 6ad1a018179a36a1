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
	Format func(float64) string // of the axis; nil is SI
}

// The size of a picture, in pixels: of one chart, and of the room around its
// lines.
const (
	pictureWidth, chartHeight = 720, 200
	marginLeft, marginRight   = 72, 16
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
		height += chartHeight + nameHeight*c.nameLines()
	}
	img := image.NewRGBA(image.Rect(0, 0, pictureWidth, max(height, chartHeight)))
	draw.Draw(img, img.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	top := 0
	for _, c := range charts {
		v := canvas{img, image.Rect(marginLeft, top+marginTop, pictureWidth-marginRight, top+chartHeight-marginBottom)}
		v.chart(c)
		v.names(c)
		top += chartHeight + nameHeight*c.nameLines()
	}
	var out bytes.Buffer
	err := png.Encode(&out, img)
	return out.Bytes(), err
}

// canvas is the part of a picture that one chart's lines are drawn in.
type canvas struct {
	img *image.RGBA
	box image.Rectangle
}

func (v canvas) chart(c Chart) {
	n := 0
	var all []float64
	standing := c.stand()
	for _, s := range standing {
		n, all = max(n, len(s.top)), append(all, s.top...)
	}
	v.write(fit(c.Title, mostTitle), v.box.Min.X, v.box.Min.Y-10, text)
	lo, hi, ok := Range(all)
	if !ok || n < 2 || c.Step <= 0 {
		v.write("no data", v.box.Min.X+8, v.box.Min.Y+v.box.Dy()/2, text)
		return
	}
	format := c.Format
	if format == nil {
		format = SI
	}
	lo, hi, ticks := Axis(min(lo, 0), max(hi, 0), 4)
	y := Scale{Lo: lo, Hi: hi}
	for _, t := range ticks {
		at := v.y(y, t)
		v.line([]point{{float64(v.box.Min.X), at}, {float64(v.box.Max.X), at}}, 1, grid)
		label := format(t)
		v.write(label, v.box.Min.X-6-7*len([]rune(label)), int(at)+4, text)
	}
	end := c.Start.Add(time.Duration(n-1) * c.Step)
	x := func(t time.Time) float64 {
		return float64(v.box.Min.X) + float64(v.box.Dx())*float64(t.Sub(c.Start))/float64(end.Sub(c.Start))
	}
	axis := Times(c.Start, end, 8, time.UTC)
	for _, t := range axis.Ticks {
		v.line([]point{{x(t), float64(v.box.Min.Y)}, {x(t), float64(v.box.Max.Y)}}, 1, grid)
		v.write(axis.Label(t), int(x(t))-17, v.box.Max.Y+15, text)
	}
	for _, l := range c.Limits {
		if at := v.y(y, l); l >= lo && l <= hi {
			v.line([]point{{float64(v.box.Min.X), at}, {float64(v.box.Max.X), at}}, 1, limit)
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

// line draws a smooth line of some width through points.
func (v canvas) line(points []point, width float64, ink color.RGBA) {
	if len(points) < 2 {
		return
	}
	// Only the chart's own part: the whole picture for every line is slow.
	frame := image.Rect(0, v.box.Min.Y-marginTop, pictureWidth, v.box.Max.Y+marginBottom)
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
	r.Draw(v.img, frame, image.NewUniform(ink), image.Point{})
}

// write puts text with its left end at x, standing on y. What the font does not
// have is a box.
func (v canvas) write(s string, x, y int, ink color.RGBA) {
	d := font.Drawer{Dst: v.img, Src: image.NewUniform(ink), Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
	d.DrawString(s)
}

// fit is at most most runes of s.
func fit(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return s
}
