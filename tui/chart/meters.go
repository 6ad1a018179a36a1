package chart

import (
	"math"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Meter is a value between two ends.
type Meter struct {
	Name  safe.Text
	Value safe.Text
	Ratio float64 // of the way from end to end; NaN: not known
	Style theme.Style
	Lines []Tick // thresholds on the way
}

// Tick is a threshold on the way of a meter.
type Tick struct {
	At    float64 // as Meter.Ratio
	Level Level
}

// Meters are values as bars, one below the other.
type Meters struct {
	Head
	Meters []Meter
	From   safe.Text // the ends, written where there is room
	To     safe.Text
	Top    int       // the first that is shown
	Rest   safe.Text // below the last: what was folded
}

// Draw fills f, at any size. What has no room is counted.
func (m Meters) Draw(f *frame.Frame) {
	if len(m.Meters) == 0 {
		m.Empty(f)
		return
	}
	body := m.draw(f)
	w, h := body.Width(), body.Height()
	if w < 1 || h < 1 {
		return
	}
	rows := m.Meters[min(max(m.Top, 0), len(m.Meters)-1):]
	foot := m.Rest
	if room := h - truth(foot.Width() > 0); room > 0 && len(rows) > room {
		foot = safe.Sprintf("+%d more", len(rows)-room+truth(foot.Width() == 0))
	}
	tall := 1
	if n := len(rows); h >= 3*n+truth(foot.Width() > 0) {
		tall = 3
	} else if h >= 2*n+truth(foot.Width() > 0) {
		tall = 2
	}
	if foot.Width() > 0 && h > 1 {
		h--
		body.PutFit(0, h, w, theme.Dim, foot)
	}
	width, value := m.widths(w)
	names := m.names(rows, width)
	for i := 0; i < len(rows) && (i+1)*tall <= h; i++ {
		r := &rows[i]
		part := body.Sub(frame.Rect{Y: i * tall, W: w, H: tall})
		if tall == 1 {
			m.flat(part, r, names[i], width, value)
			continue
		}
		at := part.PutRight(w, 0, r.Style, r.Value.Fit(w))
		if g := Glyph(r.Style); g != ' ' {
			at -= 2
			part.Rune(at, 0, r.Style, g)
		}
		part.PutFit(0, 0, at-1, theme.Plain, r.Name.Middle(at-1))
		r.bar(part, 0, 1, w)
		if tall == 3 && i == len(rows)-1 {
			part.Put(0, 2, theme.Faint, m.From)
			part.PutRight(w, 2, theme.Faint, m.To)
		}
	}
}

// widths are those of the columns of names and values.
func (m Meters) widths(w int) (name, value int) {
	for i := range m.Meters {
		name, value = max(name, m.Meters[i].Name.Width()), max(value, m.Meters[i].Value.Width())
	}
	value = min(value, max(w/3, 6))
	return min(name, max((w-value)/2, 4)), value
}

// names are those of rows, each in so many cells.
func (m Meters) names(rows []Meter, width int) []safe.Text {
	all := make([]safe.Text, len(rows))
	for i := range rows {
		all[i] = rows[i].Name
	}
	return Names(all, width)
}

// flat is a meter in one row: name, bar, value.
func (m Meters) flat(f *frame.Frame, r *Meter, called safe.Text, name, value int) {
	w := f.Width()
	bar := w - name - value - 4
	if bar < 4 { // what it is and how much come before how it looks
		at := f.PutRight(w, 0, r.Style, r.Value.Fit(w))
		f.PutFit(0, 0, at-1, theme.Plain, r.Name.Middle(at-1))
		return
	}
	f.PutFit(0, 0, name, theme.Plain, called)
	r.bar(f, name+1, 0, bar)
	if g := Glyph(r.Style); g != ' ' {
		f.Rune(name+bar+2, 0, r.Style, g)
	}
	f.PutRight(w, 0, r.Style, r.Value.Fit(value))
}

// bar draws the way, and the thresholds on what of it is free.
func (r *Meter) bar(f *frame.Frame, x, y, w int) {
	style := r.Style
	if Glyph(style) == ' ' {
		style = theme.Series(0)
	}
	Gauge(f, x, y, w, r.Ratio, style)
	for _, line := range r.Lines {
		if math.IsNaN(line.At) || line.At <= 0 || line.At > 1 {
			continue
		}
		if at := int(line.At * float64(w)); at < w && !(r.Ratio >= line.At) {
			f.Rune(x+at, y, line.Level.style(), '┊')
		}
	}
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
