package dialog

import (
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Prompt asks for a line of text.
type Prompt struct {
	title, help safe.Text
	line        line
	low         bool // drawn on the last row, without a window
}

// NewPrompt asks under a title; help is a line below, past the earlier answers,
// newest last.
func NewPrompt(title, help safe.Text, initial string, past []string) *Prompt {
	return &Prompt{title: title, help: help, line: newLine(initial, past)}
}

// NewSearch is a prompt on the last row, so that what is searched stays in
// view. Answer changes while it is typed.
func NewSearch(title safe.Text, initial string, past []string) *Prompt {
	return &Prompt{title: title, line: newLine(initial, past), low: true}
}

// Scope implements Dialog.
func (p *Prompt) Scope() keys.Scope { return keys.Input }

// Press implements Dialog.
func (p *Prompt) Press(k Press) Verdict {
	switch k.Action {
	case keys.Cancel:
		return Closed
	case keys.Submit:
		return Answered
	}
	p.line.press(k)
	return Stays
}

// Paste implements Dialog.
func (p *Prompt) Paste(text string) { p.line.paste(text) }

// Answer implements Dialog.
func (p *Prompt) Answer() string { return p.line.value() }

// Draw implements Dialog.
func (p *Prompt) Draw(f *frame.Frame, m keys.Map) Cursor {
	if p.low {
		return p.drawLow(f)
	}
	width := max(widest(48, 96, p.help, p.title), min(f.Width()-12, 72))
	help := wrap(texts(p.help), max(min(width, f.Width()-4), 1))
	w := open(f, p.title, border(false), width, 3+len(help))
	w.Rune(0, 0, theme.Accent, '>')
	x := p.line.draw(w.Frame, 2, 0, w.Width()-2)
	for i, h := range help {
		w.PutFit(0, 1+i, w.Width(), theme.Dim, h)
	}
	if w.Height() > 1+len(help) {
		hints(w, m, keys.Input, Hint{keys.Submit, safe.Const("done")}, Hint{keys.Cancel, safe.Const("leave")}, Hint{keys.OlderEntry, safe.Const("earlier answers")})
	}
	return w.at(x, 0)
}

func (p *Prompt) drawLow(f *frame.Frame) Cursor {
	y := f.Height() - 1
	f.Fill(frame.Rect{X: 0, Y: y, W: f.Width(), H: 1}, theme.Plain, ' ')
	x := f.Put(0, y, theme.Accent, p.title)
	x = p.line.draw(f, x, y, f.Width()-x)
	return Cursor{x, y, x < f.Width() && y >= 0}
}

// texts leaves out what is empty.
func texts(list ...safe.Text) []safe.Text {
	var out []safe.Text
	for _, t := range list {
		if t.Width() > 0 {
			out = append(out, t)
		}
	}
	return out
}
