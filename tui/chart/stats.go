package chart

import (
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Figure is a value of a panel: in words, with its state, and its past.
type Figure struct {
	Name   safe.Text
	Value  safe.Text
	Note   safe.Text
	Style  theme.Style
	Values []float64 // nil: no past is drawn
}

// Stats are several figures side by side.
type Stats struct {
	Head
	Figures []Figure
	Names   bool // the names are what is read, not the values
}

// The width that a figure wants, and the rows with and without its past.
const (
	figureWidth = 16
	leastFigure = 2
	pastFigure  = 4
)

// Draw fills f, at any size. Those that have no room are counted.
func (s Stats) Draw(f *frame.Frame) {
	if len(s.Figures) == 0 {
		s.Empty(f)
		return
	}
	body := s.draw(f)
	w, h := body.Width(), body.Height()
	if w < 1 || h < 1 {
		return
	}
	columns := min(max(w/figureWidth, 1), len(s.Figures))
	rows := (len(s.Figures) + columns - 1) / columns
	flat := h < leastFigure*rows // then name and value share a row
	if flat {
		rows = min(rows, h)
	}
	cells := body.Bounds().Grid(rows, columns, 0)
	for i, r := range cells {
		if i >= len(s.Figures) {
			return
		}
		if i == len(cells)-1 && len(s.Figures) > len(cells) {
			body.PutFit(r.X, r.Y, r.W-1, theme.Dim, safe.Sprintf("+%d more", len(s.Figures)-i))
			return
		}
		if (i+1)%columns != 0 {
			r.W--
		}
		if flat {
			s.Figures[i].flat(body.Sub(r), s.Names)
			continue
		}
		s.figure(body.Sub(r), &s.Figures[i])
	}
}

// flat is a figure in one row.
func (v *Figure) flat(f *frame.Frame, names bool) {
	value, name := v.Value, v.Name
	if names {
		value, name = v.Name, safe.Text{}
	}
	at := f.PutRight(f.Width(), 0, v.Style, value.Fit(f.Width()))
	if g := Glyph(v.Style); g != ' ' && at > 1 {
		at -= 2
		f.Rune(at, 0, v.Style, g)
	}
	f.PutFit(0, 0, at-1, theme.Dim, name)
}

func (s Stats) figure(f *frame.Frame, v *Figure) {
	if s.Names {
		f.PutFit(0, 0, f.Width(), v.Style, v.Name)
		f.PutFit(0, 1, f.Width(), theme.Dim, v.Value)
		return
	}
	y := 0
	if f.Height() >= 2 && v.Name.Width() > 0 {
		f.PutFit(0, 0, f.Width(), theme.Dim, v.Name)
		y = 1
	}
	x := 0
	if g := Glyph(v.Style); g != ' ' && f.Width() > v.Value.Width()+1 {
		f.Rune(0, y, v.Style, g)
		x = 2
	}
	x = f.PutFit(x, y, f.Width()-x, v.Style, v.Value)
	if v.Note.Width() > 0 && f.Width()-x > v.Note.Width() {
		f.Put(x+1, y, theme.Dim, v.Note)
	}
	if v.Values == nil || f.Height() < pastFigure {
		return
	}
	p := new(Painter)
	p.past(f, y+1, f.Height()-y-1, v.Values, v.Style)
}
