package chart

import (
	"math"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Sparkline is values as one line of at most width cells: filled columns of
// braille (two values a cell), blocks, or characters of growing weight. Holes
// are blank; dips and spikes are kept (plot.Spark).
func Sparkline(values []float64, width int, set theme.Glyphs) safe.Text {
	width = min(max(width, 0), safe.Line)
	switch set {
	case theme.Block:
		return safe.New(plot.Sparkline(values, width), width)
	case theme.ASCII:
		return levels(plot.Spark(values, width), "_.-=+*#")
	}
	return brailleLine(plot.Spark(values, 2*width))
}

func levels(points []float64, ramp string) safe.Text {
	lo, hi, _ := plot.Range(points)
	out := make([]byte, len(points))
	for i, v := range points {
		out[i] = ' '
		if at := (plot.Scale{Lo: lo, Hi: hi}).At(v); !math.IsNaN(at) {
			out[i] = ramp[min(int(at*float64(len(ramp))), len(ramp)-1)]
		}
	}
	return safe.New(string(out), safe.Line)
}

func brailleLine(points []float64) safe.Text {
	var c canvas
	c.reset(theme.Braille, (len(points)+1)/2, 1)
	lo, hi, _ := plot.Range(points)
	for x, v := range points {
		if y, ok := c.height(plot.Scale{Lo: lo, Hi: hi}, v); ok {
			c.bar(x, y, c.rows()-1, theme.Plain)
		}
	}
	out := make([]rune, c.w)
	for i, m := range c.mask {
		out[i] = c.glyph(m)
		if m == 0 {
			out[i] = ' '
		}
	}
	return safe.New(string(out), safe.Line)
}

// Stat is one figure that is read from across the room, with its recent past.
type Stat struct {
	Title  safe.Text
	Value  safe.Text
	Note   safe.Text // below the figure: the threshold, the change
	Style  theme.Style
	Values []float64 // the past, drawn where there is room
}

// Draw fills f: title, figure, note, and the past in the rows below.
func (s Stat) Draw(f *frame.Frame) {
	w := f.Width()
	f.PutFit(0, 0, w, theme.Dim, s.Title)
	if f.Height() < 2 {
		f.Fill(f.Bounds(), theme.Plain, ' ')
		f.PutFit(0, 0, w-s.Value.Width()-1, theme.Dim, s.Title)
		f.PutRight(w, 0, s.Style, s.Value.Fit(w))
		return
	}
	style := s.Style
	if style == theme.Plain {
		style = theme.Bright
	}
	x := f.PutFit(0, 1, w, style, s.Value)
	if room := w - x - 1; s.Note.Width() > 0 && room >= min(s.Note.Width(), 12) {
		f.PutFit(x+1, 1, room, theme.Dim, s.Note)
	}
	new(Painter).past(f, 2, f.Height()-2, s.Values, theme.Series(0))
}

// past draws values as columns in h rows from y on.
func (p *Painter) past(f *frame.Frame, y, h int, values []float64, style theme.Style) {
	p.dots.reset(f.Theme().Glyphs(), f.Width(), h)
	lo, hi, ok := plot.Range(values)
	if p.dots.rows() < 1 || f.Width() < 1 || !ok {
		return
	}
	lo, hi, _ = plot.Axis(lo, hi, 3)
	points := plot.Spark(values, p.dots.columns())
	left := p.dots.columns() - len(points)
	scale := plot.Scale{Lo: lo, Hi: hi}
	for i, v := range points {
		if dot, ok := p.dots.height(scale, v); ok {
			p.dots.bar(left+i, dot, p.dots.rows()-1, style)
		}
	}
	p.dots.put(f, 0, y, nil)
}

// Gauge draws a bar of w cells that is filled to ratio (0 to 1; beyond that it
// is full or empty). NaN is drawn as unknown, not as empty.
func Gauge(f *frame.Frame, x, y, w int, ratio float64, style theme.Style) {
	if math.IsNaN(ratio) {
		f.Fill(frame.Rect{X: x, Y: y, W: w, H: 1}, theme.Faint, '?')
		return
	}
	f.Fill(frame.Rect{X: x, Y: y, W: w, H: 1}, theme.Faint, '░')
	eighths := int(math.Round(min(max(ratio, 0), 1) * float64(8*max(w, 0))))
	if eighths == 0 && ratio > 0 {
		eighths = 1 // something is not nothing
	}
	if f.Theme().Glyphs() == theme.ASCII {
		eighths = (eighths + 4) / 8 * 8
	}
	f.Fill(frame.Rect{X: x, Y: y, W: eighths / 8, H: 1}, style, '█')
	if part := eighths % 8; part > 0 {
		f.Rune(x+eighths/8, y, style, rune(0x2590-part)) // ▏ U+258F is one eighth, ▉ U+2589 seven
	}
}
