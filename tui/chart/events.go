package chart

import (
	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Glyph is the kind's character on the time axis.
func (k MarkKind) Glyph() rune {
	switch k {
	case Deploy:
		return '▲'
	case Alert:
		return '!'
	case Ack:
		return '✓'
	case Chaos:
		return '✗'
	case Load:
		return '≈'
	case Page:
		return 'P'
	case End:
		return 'R'
	case Shift:
		return '≠'
	case Note:
	}
	return '•'
}

// MarkKinds are all of them, in the order of a legend.
func MarkKinds() []MarkKind {
	return []MarkKind{Deploy, Alert, Page, Ack, Note, End, Chaos, Load, Shift}
}

// Means is what the kind's glyph says, for a legend.
func (k MarkKind) Means() string {
	switch k {
	case Deploy:
		return "a deploy, a flag, a configuration was changed"
	case Alert:
		return "an alert fired, or an incident was declared without one"
	case Ack:
		return "somebody acknowledged"
	case Chaos:
		return "chaos: a fault was injected, ━ for as long as one was in place"
	case Load:
		return "load was sent, ━ for as long as that was"
	case Page:
		return "somebody was paged, beyond the call of the declaration"
	case End:
		return "mitigated or resolved"
	case Shift:
		return "the level of the leading line changed for good (in an open panel)"
	case Note:
	}
	return "a note, or what was done"
}

// Sign is a glyph that charts draw, and what it means.
type Sign struct{ Glyph, Means string }

// Signs are those of charts beside the kinds of marks, for a legend.
func Signs() []Sign {
	return []Sign{
		{"2 … 9 +", "so many of them in one place; ! if an alert is among them"},
		{"┊", "the moment of a mark, and the end of what lasted"},
		{"╌", "a threshold"},
		{"│", "the crosshair"},
		{"◦", "the value of this very moment, which may still change"},
		{"▲ ▼", "behind a figure: it rises, it falls"},
		{"● ■ ◆", "a series, by its shape where there is no colour"},
	}
}

// Style is the kind's style on the time axis.
func (k MarkKind) Style() theme.Style {
	switch k {
	case Deploy:
		return theme.Bright
	case Alert:
		return theme.Crit
	case Ack, End:
		return theme.OK
	case Chaos, Page:
		return theme.Warn
	case Shift:
		return theme.Accent
	case Load, Note:
	}
	return theme.Plain
}

// span is the cells from..to of an interval, clipped to the plot; ok is false
// for an instant and for what lies outside.
func (p *Painter) span(m Mark, w plot.Window, l layout) (from, to int, ok bool) {
	if m.Until.IsZero() && !m.Running {
		return 0, 0, false
	}
	from, to = floorCell(w.ColumnAt(m.At), p.dots.dx), l.plotW-1
	if !m.Running {
		to = floorCell(w.ColumnAt(m.Until), p.dots.dx)
	}
	if to < 0 || from >= l.plotW || to < from {
		return 0, 0, false
	}
	return max(from, 0), min(to, l.plotW-1), true
}

// floorCell is the cell of a column of dots, also left of the plot.
func floorCell(column, dots int) int {
	if column < 0 {
		return -1
	}
	return column / dots
}

// shade lays a background below intervals of chaos and load, where the theme has one.
func (p *Painter) shade(f *frame.Frame, s *Spec, l layout, w plot.Window) {
	p.shaded = resize(p.shaded, l.plotW)
	for _, m := range s.Marks {
		if from, to, ok := p.span(m, w, l); ok && (m.Kind == Chaos || m.Kind == Load) {
			f.Fill(frame.Rect{X: l.plotX + from, Y: 1, W: to - from + 1, H: l.plotH}, theme.Plain.Shaded(), ' ')
			for x := from; x <= to; x++ {
				p.shaded[x] = true
			}
		}
	}
}

func resize(b []bool, n int) []bool {
	if cap(b) < n {
		return make([]bool, n)
	}
	b = b[:n]
	clear(b)
	return b
}

// events draws the marks' lines into the plot and their glyphs on the axis row.
func (p *Painter) events(f *frame.Frame, s *Spec, l layout, w plot.Window) {
	p.taken = resize(p.taken, l.plotW)
	cells := make([]int, len(s.Marks))
	for i, m := range s.Marks {
		cells[i] = floorCell(w.ColumnAt(m.At), p.dots.dx)
		if from, to, ok := p.span(m, w, l); ok && l.axisRow >= 0 {
			f.Fill(frame.Rect{X: l.plotX + from, Y: l.axisRow, W: to - from + 1, H: 1}, m.Kind.Style(), '━')
		}
		if end := floorCell(w.ColumnAt(m.Until), p.dots.dx); !m.Until.IsZero() && end >= 0 && end < l.plotW {
			p.upright(f, l, end, theme.Faint, '┊')
		}
	}
	for _, g := range plot.Merge(cells, l.plotW) {
		p.upright(f, l, g.Column, theme.Faint, '┊')
		if l.axisRow < 0 {
			continue
		}
		p.taken[g.Column] = true
		kind := p.worst(s.Marks, cells, g)
		f.Rune(l.plotX+g.Column, l.axisRow, kind.Style(), countGlyph(kind, g.Count))
	}
	if x := floorCell(w.ColumnAt(s.Crosshair), p.dots.dx); !s.Crosshair.IsZero() && x >= 0 && x < l.plotW {
		p.upright(f, l, x, theme.Crosshair, '│')
	}
}

func (p *Painter) upright(f *frame.Frame, l layout, x int, style theme.Style, r rune) {
	for y := range l.plotH {
		f.Rune(l.plotX+x, 1+y, p.ink(style, x), r)
	}
}

// worst is the kind that a group looks like: an alert is not hidden by a note.
func (p *Painter) worst(marks []Mark, cells []int, g plot.Group) MarkKind {
	kind := marks[g.First].Kind
	for i, m := range marks {
		if cells[i] == g.Column && m.Kind == Alert {
			return Alert
		}
	}
	return kind
}

func countGlyph(kind MarkKind, n int) rune {
	switch {
	case n <= 1 || kind == Alert: // colour alone would hide it where there is none
		return kind.Glyph()
	case n <= 9:
		return rune('0' + n)
	}
	return '+'
}

// timeAxis writes the times that have room: not over a mark, not over each other.
func (p *Painter) timeAxis(f *frame.Frame, s *Spec, l layout, w plot.Window) {
	if l.axisRow < 0 {
		return
	}
	if x := floorCell(w.ColumnAt(s.Crosshair), p.dots.dx); !s.Crosshair.IsZero() && x >= 0 && x < l.plotW {
		t := safe.New(s.Crosshair.In(s.zone()).Format("15:04:05"), l.plotW)
		at := p.label(f, l, x, t, theme.Crosshair)
		for i := at; i < at+t.Width(); i++ {
			p.take(i)
		}
	}
	most := max(l.plotW/12, 2)
	// Marks may stand where the sparse times would: then denser ones are tried.
	for n := most; n <= 4*most; n *= 2 {
		if p.times(f, l, w, plot.Times(s.Start, w.End(), n, s.zone())) >= min(most, 2) {
			return
		}
	}
}

// times writes the ticks that have room and returns how many labels there are.
func (p *Painter) times(f *frame.Frame, l layout, w plot.Window, axis plot.TimeAxis) int {
	written := 0
	for _, t := range axis.Ticks {
		text := safe.New(axis.Label(t), l.plotW)
		x := floorCell(w.ColumnAt(t), p.dots.dx)
		at := x - text.Width()/2
		if x < 0 || at < 0 || at+text.Width() > l.plotW || p.busy(at-1, at+text.Width()+1) {
			continue
		}
		f.Put(l.plotX+at, l.axisRow, theme.Dim, text)
		written++
		for i := at - 1; i <= at+text.Width(); i++ {
			p.take(i)
		}
	}
	return written
}

func (p *Painter) take(x int) {
	if x >= 0 && x < len(p.taken) {
		p.taken[x] = true
	}
}

// label centres t on cell x of the axis row, pushed inside; it returns where it starts.
func (p *Painter) label(f *frame.Frame, l layout, x int, t safe.Text, style theme.Style) int {
	at := min(max(x-t.Width()/2, 0), l.plotW-t.Width())
	f.Put(l.plotX+at, l.axisRow, style, t)
	return at
}

func (p *Painter) busy(from, to int) bool {
	for i := max(from, 0); i < min(to, len(p.taken)); i++ {
		if p.taken[i] {
			return true
		}
	}
	return false
}
