package chart

import (
	"math"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Bars is one figure for each of a few stretches of time, as columns that stand
// on their labels. What is not known has no column and a -, what is zero has
// neither.
type Bars struct {
	Title  safe.Text // in a row of its own; none has none
	Bars   []Bar
	Style  theme.Style
	Format func(float64) string // nil is plot.Short
}

// Bar is one column.
type Bar struct {
	Label safe.Text
	Value float64   // NaN: not known
	Note  safe.Text // below the label: of how many the figure is made
}

// As wide and as tall as a column is drawn, however much room there is.
const (
	widestBar  = 8
	tallestBar = 12
)

// Draw fills f, at any size. Where not all columns have room the oldest are left
// out; where a figure fits above its column there is no axis, which would say it
// less exactly.
func (b Bars) Draw(f *frame.Frame) {
	if b.Title.Width() > 0 {
		f.PutFit(0, 0, f.Width(), theme.Dim, b.Title)
		f = f.Sub(frame.Rect{Y: 1, W: f.Width(), H: f.Height() - 1})
	}
	w, h := f.Width(), f.Height()
	_, highest, some := plot.Range(values(b.Bars))
	if h < 2 || w < 1 || len(b.Bars) == 0 {
		return
	}
	if !some {
		f.PutFit(0, 0, w, theme.Dim, safe.Const("none is known"))
		return
	}
	notes := 0
	if h >= 5 && anyNote(b.Bars) {
		notes = 1
	}
	area := frame.Rect{W: w, H: min(h-1-notes, tallestBar)}
	pitch := min(w/len(b.Bars), widestBar)
	written := pitch > b.widest() && area.H >= 2
	scaled := highest
	if !written {
		area, scaled = b.axis(f, area, highest)
		pitch = min(area.W/len(b.Bars), widestBar)
	}
	bars := b.Bars
	if pitch < 1 {
		pitch, bars = 1, bars[len(bars)-min(area.W, len(bars)):]
	}
	top := 0
	if written {
		top = 1
	}
	free := area.X // labels stand beside each other, and some are left out
	for i, bar := range bars {
		x := area.X + i*pitch
		width := max(pitch-1, 1)
		if pitch >= widestBar {
			width--
		}
		rows := b.column(f, frame.Rect{X: x, Y: area.Y + top, W: width, H: area.H - top}, bar.Value, scaled)
		if written {
			b.figure(f, x, area.Y+area.H-1-rows, pitch, bar.Value)
		}
		if x >= free && x+bar.Label.Width() <= w {
			f.Put(x, area.Y+area.H, theme.Dim, bar.Label)
			if notes > 0 {
				f.PutFit(x, area.Y+area.H+1, max(pitch-1, bar.Label.Width()), theme.Dim, bar.Note)
			}
			free = x + bar.Label.Width() + 1
		}
	}
}

// axis draws the value axis and gives the rest of the area, and its upper end.
func (b Bars) axis(f *frame.Frame, area frame.Rect, highest float64) (frame.Rect, float64) {
	if area.W < 20 || area.H < 2 {
		return area, highest
	}
	_, hi, ticks := plot.Axis(0, highest, max(area.H/3, 1)+1)
	for _, t := range ticks {
		y := area.Y + area.H - max(int(math.Round(t/hi*float64(area.H))), 1) // the top row of a column of that value
		if t != math.Trunc(t) && hi < 4 {                                    // half an incident is none
			continue
		}
		f.PutRight(gutter-1, y, theme.Dim, safe.New(b.format(t), gutter-1))
		f.Rune(gutter-1, y, theme.Dim, '┤')
	}
	return frame.Rect{X: gutter, Y: area.Y, W: area.W - gutter, H: area.H}, hi
}

// column draws one bar in eighths of a cell and says how many rows it has.
func (b Bars) column(f *frame.Frame, r frame.Rect, v, highest float64) int {
	if math.IsNaN(v) {
		f.Rune(r.X+r.W/2, r.Y+r.H-1, theme.Dim, '-')
		return 1
	}
	if v <= 0 || highest <= 0 || r.H < 1 {
		return 0
	}
	eighths := max(int(math.Round(min(v/highest, 1)*float64(8*r.H))), 1) // something is not nothing
	full := eighths / 8
	f.Fill(frame.Rect{X: r.X, Y: r.Y + r.H - full, W: r.W, H: full}, b.Style, '█')
	if part := eighths % 8; part > 0 {
		f.Fill(frame.Rect{X: r.X, Y: r.Y + r.H - full - 1, W: r.W, H: 1}, b.Style, rune(0x2580+part)) // ▁ U+2581 is one eighth
		full++
	}
	return full
}

// figure writes a bar's value above it.
func (b Bars) figure(f *frame.Frame, x, y, pitch int, v float64) {
	if math.IsNaN(v) {
		return
	}
	style := theme.Bright
	if v == 0 {
		style = theme.Faint
	}
	f.PutFit(x, y, pitch-1, style, safe.New(b.format(v), pitch))
}

func (b Bars) format(v float64) string {
	if b.Format == nil {
		return plot.Short(v)
	}
	return b.Format(v)
}

// widest is how many cells the longest figure takes.
func (b Bars) widest() int {
	n := 0
	for _, bar := range b.Bars {
		if !math.IsNaN(bar.Value) {
			n = max(n, safe.New(b.format(bar.Value), 12).Width())
		}
	}
	return n
}

func anyNote(bars []Bar) bool {
	for _, b := range bars {
		if b.Note.Width() > 0 {
			return true
		}
	}
	return false
}

func values(bars []Bar) []float64 {
	out := make([]float64, len(bars))
	for i, b := range bars {
		out[i] = b.Value
	}
	return out
}
