package chart

import (
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Head is the first row of a panel: its name, how far it can be trusted, and a
// note at the right.
type Head struct {
	Title safe.Text
	State State
	Note  safe.Text
}

// draw writes the row and gives what is below it.
func (h Head) draw(f *frame.Frame) *frame.Frame {
	note := h.Note
	if room := f.Width() - h.Title.Width() - 1; note.Width() > room && f.Width() > 0 {
		note = note.Fit(max(room, f.Width()/4)) // the name comes first
	}
	name{title: h.Title}.headline(f, h.State, note, safe.Text{}, safe.Text{}, theme.Dim)
	return f.Sub(frame.Rect{Y: 1, W: f.Width(), H: f.Height() - 1})
}

// Draw draws the head, and gives what is below it.
func (h Head) Draw(f *frame.Frame) *frame.Frame { return h.draw(f) }

// Empty draws a panel without anything to show: why, in the middle.
func (h Head) Empty(f *frame.Frame) {
	body := h.draw(f)
	if body.Width() > 0 && body.Height() > 0 {
		new(Painter).empty(f, h.Title, h.State, layout{w: f.Width(), plotW: body.Width(), plotH: body.Height()}, false)
	}
}

// Glyph is the character that says a state where no colour does.
func Glyph(style theme.Style) rune {
	switch style {
	case theme.Crit:
		return '✗'
	case theme.Warn:
		return '!'
	case theme.OK:
		return '✓'
	}
	return ' '
}
