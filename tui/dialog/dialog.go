// Package dialog is what stands over a view and has the keyboard until it is
// closed: a line to be typed, a picker, a question, a list that is searched, a
// text to be read.
//
// A dialog opens only because of a key that the person pressed; nothing that
// comes in from outside opens one. Enter never says yes: where something
// reaches people or targets, the focus is on leaving, and y is the only yes.
// While a dialog is open no other key has a meaning, but for those of
// keys.Always.
package dialog

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Verdict is what became of a dialog by a key.
type Verdict uint8

// The verdicts.
const (
	Stays    Verdict = iota
	Closed           // given up: nothing follows
	Answered         // Answer says what was chosen
)

// Press is a key with what the table says of it in the dialog's scope.
type Press struct {
	Key    tea.KeyPressMsg
	Action keys.Action
	At     time.Time
}

// Dialog is one of this package's. Its methods are called from Update's
// goroutine only and do no I/O.
type Dialog interface {
	// Scope is where the dialog's keys are looked up.
	Scope() keys.Scope
	Press(p Press) Verdict
	// Paste takes text from the clipboard; only what is typed into has a use for it.
	Paste(text string)
	// Answer is what was typed or chosen.
	Answer() string
	// Draw draws over f, at any size down to nothing, and says where the
	// terminal's cursor belongs.
	Draw(f *frame.Frame, m keys.Map) Cursor
}

// Cursor is a place in the frame that Draw was given.
type Cursor struct {
	X, Y  int
	Shown bool
}

// window is the inside of a dialog: the frame to draw in, and where it is.
type window struct {
	*frame.Frame
	x, y int
}

// at is a place inside of the window, outside of it.
func (w window) at(x, y int) Cursor {
	return Cursor{w.x + x, w.y + y, x >= 0 && y >= 0 && x < w.Width() && y < w.Height()}
}

// border styles: a dialog that leads to what cannot be taken back is red.
func border(danger bool) theme.Style {
	if danger {
		return theme.Danger
	}
	return theme.Border
}

// open clears the middle of f and frames it with room for width x height cells,
// or as many as there are. Where a frame would take the room that the text
// needs, there is none.
func open(f *frame.Frame, title safe.Text, style theme.Style, width, height int) window {
	const sides, ends = 4, 2
	if f.Width() < 24 || f.Height() < 6 {
		f.Fill(f.Bounds(), theme.Plain, ' ')
		f.PutFit(0, 0, f.Width(), theme.Title, title)
		if f.Height() < 2 {
			return window{f.Sub(f.Bounds()), 0, 0}
		}
		_, rest := f.Bounds().Top(1)
		return window{f.Sub(rest), rest.X, rest.Y}
	}
	w, h := min(width+sides, f.Width()), min(height+ends, f.Height())
	r := frame.Rect{X: (f.Width() - w) / 2, Y: (f.Height() - h) / 3, W: w, H: h}
	f.Fill(r, theme.Plain, ' ')
	f.Box(r, style)
	if title.Width() > 0 {
		title = title.Fit(w - 6)
		f.Fill(frame.Rect{X: r.X + 2, Y: r.Y, W: title.Width() + 2, H: 1}, theme.Plain, ' ')
		f.Put(r.X+3, r.Y, titleStyle(style), title)
	}
	inside := frame.Rect{X: r.X + 2, Y: r.Y + 1, W: w - sides, H: h - ends}
	return window{f.Sub(inside), inside.X, inside.Y}
}

func titleStyle(border theme.Style) theme.Style {
	if border == theme.Danger {
		return theme.Danger
	}
	return theme.Title
}

// Hint is one key of the line at the foot of a dialog: what it does, in a word or two.
type Hint struct {
	Action keys.Action
	Says   safe.Text
}

// hints writes which keys work here, as far as they fit.
func hints(w window, m keys.Map, scope keys.Scope, list ...Hint) {
	x, y := 0, w.Height()-1
	for _, h := range list {
		label := Label(m, scope, h.Action)
		if x+label.Width()+1+h.Says.Width() > w.Width() {
			return
		}
		x = w.Put(x, y, theme.Key, label)
		x = w.Put(x+1, y, theme.Dim, h.Says) + 3
	}
}

// Label is the key that does action in scope, as it is written on the screen.
func Label(m keys.Map, scope keys.Scope, action keys.Action) safe.Text {
	for _, b := range m.Help(scope) {
		if b.Action == action && len(b.Keys) > 0 {
			return safe.New(keys.Label(b.Keys[0]), 16)
		}
	}
	return safe.Text{}
}

// wrap breaks lines to width.
func wrap(lines []safe.Text, width int) []safe.Text {
	var out []safe.Text
	for _, l := range lines {
		if l.Width() == 0 {
			out = append(out, l)
			continue
		}
		out = append(out, safe.Wrap(l.String(), width)...)
	}
	return out
}

// widest is the width that lines ask for, within bounds.
func widest(least, most int, lines ...safe.Text) int {
	for _, l := range lines {
		least = max(least, l.Width())
	}
	return min(least, most)
}
