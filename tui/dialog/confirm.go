package dialog

import (
	"time"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// quiet is how long no key may have come before a yes counts that could be the
// end of something typed.
const quiet = 425 * time.Millisecond

// Confirm says what will happen, and to whom, and asks: y is yes, and
// everything else that closes it is no, Enter first of all.
type Confirm struct {
	title  safe.Text
	lines  []safe.Text
	yes    safe.Text
	danger bool
	other  safe.Text // what tab leads to; empty: it does nothing
	chosen bool      // it was
}

// Otherwise is the answer of a Confirm that was left for what Or offers.
const Otherwise = "otherwise"

// NewConfirm asks under a title; yes is what y does, in a word or two. Danger
// draws it in red.
func NewConfirm(title, yes safe.Text, danger bool, lines ...safe.Text) *Confirm {
	return &Confirm{title: title, lines: lines, yes: yes, danger: danger}
}

// Or offers another way, by tab: it leads on to a question of its own.
func (c *Confirm) Or(other safe.Text) *Confirm {
	c.other = other
	return c
}

// Scope implements Dialog.
func (c *Confirm) Scope() keys.Scope { return keys.Dialog }

// Press implements Dialog.
func (c *Confirm) Press(k Press) Verdict {
	switch k.Action {
	case keys.Yes:
		return Answered
	case keys.OtherPage:
		if c.other.Width() > 0 {
			c.chosen = true
			return Answered
		}
	case keys.No, keys.Cancel, keys.Choose:
		return Closed
	}
	return Stays
}

// Paste implements Dialog: a pasted y is no yes.
func (c *Confirm) Paste(string) {}

// Answer implements Dialog.
func (c *Confirm) Answer() string {
	if c.chosen {
		return Otherwise
	}
	return "yes"
}

// Draw implements Dialog.
func (c *Confirm) Draw(f *frame.Frame, m keys.Map) Cursor {
	width := widest(46, 76, append(c.lines, c.title)...)
	lines := wrap(c.lines, max(min(width, f.Width()-4), 1))
	w := open(f, c.title, border(c.danger), width, len(lines)+2)
	drawLines(w, lines, 0)
	x := answers(w, m, c.yes) + 3
	if label := Label(m, keys.Dialog, keys.OtherPage); c.other.Width() > 0 && x+label.Width()+2+c.other.Width() <= w.Width() {
		x = w.Put(x, w.Height()-1, theme.Key, label) + 2
		w.Put(x, w.Height()-1, theme.Dim, c.other)
	}
	return Cursor{}
}

// drawLines writes the sentence that counts first and brightest; where there
// is no room the last lines go, never the answers.
func drawLines(w window, lines []safe.Text, y int) {
	for i := range min(len(lines), w.Height()-1-y) {
		style := theme.Plain
		if i == 0 {
			style = theme.Bright
		}
		w.PutFit(0, y+i, w.Width(), style, lines[i])
	}
}

// answers draws the foot of a question, and says where it ends: leaving has the focus.
func answers(w window, m keys.Map, yes safe.Text) int {
	y := w.Height() - 1
	no := safe.Sprintf(" %s  leave it ", Label(m, keys.Dialog, keys.No).String())
	w.Fill(frame.Rect{X: 0, Y: y, W: w.Width(), H: 1}, theme.Plain, ' ')
	return yesAnswer(w, m, w.Put(0, y, theme.Selected, no)+3, yes)
}

func yesAnswer(w window, m keys.Map, x int, yes safe.Text) int {
	y := w.Height() - 1
	x = w.Put(x, y, theme.Key, Label(m, keys.Dialog, keys.Yes)) + 2
	return w.PutFit(x, y, w.Width()-x, theme.Plain, yes)
}

// Typed asks for what cannot be taken back: the name of what will be hit has
// to be typed, and then y pressed after a moment's quiet, so that neither a
// held key nor the last letter of the name says yes.
type Typed struct {
	title  safe.Text
	lines  []safe.Text
	yes    safe.Text
	name   string
	line   line
	asked  bool // enter was pressed, which does nothing here: what was typed stays
	lastAt time.Time
}

// NewTyped asks for name.
func NewTyped(title, yes safe.Text, name string, lines ...safe.Text) *Typed {
	return &Typed{title: title, lines: lines, yes: yes, name: name, line: newLine("", nil)}
}

// Scope implements Dialog: once the name stands there, letters are answers.
func (t *Typed) Scope() keys.Scope {
	if t.typed() {
		return keys.Dialog
	}
	return keys.Input
}

func (t *Typed) typed() bool { return t.line.value() == t.name }

// Press implements Dialog.
func (t *Typed) Press(k Press) Verdict {
	calm := k.At.Sub(t.lastAt) >= quiet
	t.lastAt = k.At
	switch {
	case !t.typed() && k.Action == keys.Cancel:
		return Closed
	case !t.typed() && k.Action == keys.Submit:
		t.asked = true
		return Stays
	case !t.typed() || k.Key.String() == "backspace":
		t.line.press(k)
	case k.Action == keys.Yes && calm:
		return Answered
	case k.Action == keys.No || k.Action == keys.Cancel:
		return Closed
	case k.Action == keys.Choose:
		t.asked = true
	}
	return Stays
}

// Paste implements Dialog: the point is that it is typed.
func (t *Typed) Paste(string) {}

// Answer implements Dialog.
func (t *Typed) Answer() string { return t.line.value() }

// wrong is why what was typed is not the name: at once where it has left its letters,
// and where it is too short once somebody takes it for done.
func (t *Typed) wrong() safe.Text {
	why := differs(t.name, t.line.value())
	if why.Width() == 0 && t.asked {
		why = missing(t.name, t.line.value())
	}
	return why
}

// Draw implements Dialog.
func (t *Typed) Draw(f *frame.Frame, m keys.Map) Cursor {
	ask := safe.Sprintf("Type %s to go on:", t.name)
	width := widest(46, 76, append(t.lines, t.title, ask)...)
	lines := wrap(t.lines, max(min(width, f.Width()-4), 1))
	w := open(f, t.title, border(true), width, len(lines)+5)
	y := max(min(len(lines)+1, w.Height()-3), 0)
	drawLines(w, lines[:min(len(lines), max(y-1, 0))], 0)
	w.PutFit(0, y, w.Width(), theme.Dim, ask)
	w.Rune(0, y+1, theme.Danger, '>')
	x := t.line.draw(w.Frame, 2, y+1, w.Width()-2)
	if t.typed() {
		if t.asked {
			w.PutFit(0, y+2, w.Width(), theme.Warn, safe.Sprintf("That is right; now %s says yes, enter does not.", Label(m, keys.Dialog, keys.Yes)))
		}
		foot := w.Height() - 1
		w.Fill(frame.Rect{X: 0, Y: foot, W: w.Width(), H: 1}, theme.Plain, ' ')
		x := w.Put(0, foot, theme.Key, Label(m, keys.Dialog, keys.No)) + 2
		yesAnswer(w, m, w.Put(x, foot, theme.Plain, safe.Const("leave it"))+3, t.yes)
		return Cursor{}
	}
	if wrong := t.wrong(); wrong.Width() > 0 {
		w.PutFit(0, y+2, w.Width(), theme.Warn, wrong)
	}
	hints(w, m, keys.Input, Hint{keys.Cancel, safe.Const("leave")})
	return w.at(x, y+1)
}
