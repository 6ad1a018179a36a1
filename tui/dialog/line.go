package dialog

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// maxTyped is how many characters a line takes.
const maxTyped = 1000

// line is one line of text that is being typed, with the lines of before. It
// is edited like a shell's.
type line struct {
	input textinput.Model
	past  []string // newest last
	back  int      // how far up in past; 0 is the line itself
	own   string   // the line itself, while an older one is shown
}

func newLine(initial string, past []string) line {
	in := textinput.New()
	in.SetVirtualCursor(false)
	in.CharLimit = maxTyped
	in.KeyMap.Paste.SetEnabled(false) // it would run a program to read the clipboard
	in.Focus()
	in.SetValue(initial)
	in.CursorEnd()
	return line{input: in, past: past}
}

func (l *line) value() string { return l.input.Value() }

func (l *line) set(s string) {
	l.input.SetValue(s)
	l.input.CursorEnd()
}

func (l *line) press(p Press) {
	switch p.Action {
	case keys.OlderEntry:
		l.walk(+1)
	case keys.NewerEntry:
		l.walk(-1)
	default:
		was := l.value()
		if l.input, _ = l.input.Update(p.Key); l.value() != was {
			l.back = 0 // an older line that is changed is a new one
		}
	}
}

// done remembers the line as the newest of before, without leaving it: the next older
// one is that before it.
func (l *line) done() {
	text := l.value()
	if n := len(l.past); text != "" && !strings.HasPrefix(text, " ") && (n == 0 || l.past[n-1] != text) {
		l.past = append(slices.Clone(l.past), text)
	}
	l.back = 0
}

func (l *line) walk(by int) {
	to := l.back + by
	if n := len(l.past); l.back == 0 && by > 0 && n > 0 && l.past[n-1] == l.value() {
		to++ // the newest of before is what stands here
	}
	if to < 0 || to > len(l.past) {
		return
	}
	if l.back == 0 {
		l.own = l.value()
	}
	l.back = to
	if to == 0 {
		l.set(l.own)
		return
	}
	l.set(l.past[len(l.past)-to])
}

func (l *line) paste(text string) {
	l.input, _ = l.input.Update(tea.PasteMsg{Content: text})
}

// draw shows the part of the line around the cursor in w cells and returns the
// cursor's column.
func (l *line) draw(f *frame.Frame, x, y, w int) int {
	typed := []rune(l.value())
	at := min(l.input.Position(), len(typed))
	const all = 4 * maxTyped
	before, after := safe.New(string(typed[:at]), all), safe.New(string(typed[at:]), all)
	if over := before.Width() - (w - 1); over > 0 {
		_, before = before.Split(over)
	}
	cursor := x + before.Width()
	f.Sub(frame.Rect{X: x, Y: y, W: w, H: 1}).Put(0, 0, theme.Input, safe.Concat(before, after))
	return cursor
}

// folded is the text in rows of w cells, at most so many of them: those around
// the cursor, whose column and row among them come with it.
func (l *line) folded(w, most int) (rows []safe.Text, x, y int) {
	typed := []rune(l.value())
	at := min(l.input.Position(), len(typed))
	const all = 4 * maxTyped
	before := cut(safe.New(string(typed[:at]), all), w)
	y = len(before) - 1
	x = before[y].Width()
	if x >= w { // the cursor stands before what comes next
		x, y = 0, y+1
	}
	rows = cut(safe.New(string(typed), all), w)
	for len(rows) <= y {
		rows = append(rows, safe.Text{})
	}
	from := max(y-most+1, 0)
	rows = rows[from:min(from+most, len(rows))]
	return rows, x, y - from
}

// hiddenRows is how many rows folded leaves out above those that it gives.
func (l *line) hiddenRows(w, most int) int {
	typed := []rune(l.value())
	before := cut(safe.New(string(typed[:min(l.input.Position(), len(typed))]), 4*maxTyped), w)
	y := len(before) - 1
	if before[y].Width() >= w {
		y++
	}
	return max(y-most+1, 0)
}

// cut breaks a text into rows of w cells, wherever that falls: what is typed
// does not jump.
func cut(t safe.Text, w int) []safe.Text {
	rows := []safe.Text{}
	for t.Width() > w {
		head, tail := t.Split(w)
		if head.Width() == 0 || tail.Width() >= t.Width() { // not even one character fits
			break
		}
		rows, t = append(rows, head), tail
	}
	return append(rows, t)
}
