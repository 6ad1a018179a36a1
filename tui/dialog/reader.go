package dialog

import (
	"strings"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Reader shows a text in full.
type Reader struct {
	title safe.Text
	lines []safe.Text
	hang  []int // of lines
	top   int
	page  int // rows of the last picture
	link  string
}

// Leads makes the text a hyperlink, in terminals that know of them.
func (r *Reader) Leads(address string) *Reader {
	r.link = address
	return r
}

// NewReader shows lines; those that are too wide are wrapped.
func NewReader(title safe.Text, lines []safe.Text) *Reader {
	return &Reader{title: title, lines: lines, page: 1}
}

// Say puts lines in the place of those that were there; the place in them stays.
func (r *Reader) Say(lines []safe.Text) *Reader {
	r.lines, r.hang = lines, nil
	return r
}

// Hanging says for each line in which cell it goes on where it has to be wrapped: below
// what stands behind its label.
func (r *Reader) Hanging(cells []int) *Reader {
	r.hang = cells
	return r
}

// wrapped are the lines in that width.
func (r *Reader) wrapped(width int) []safe.Text {
	const least = 24 // cells that a text needs beside its label
	var out []safe.Text
	for i, l := range r.lines {
		if i >= len(r.hang) || r.hang[i] == 0 || l.Width() <= width || width-r.hang[i] < least {
			out = append(out, wrap(r.lines[i:i+1], width)...)
			continue
		}
		head, text := l.Split(r.hang[i])
		for _, part := range safe.Wrap(text.String(), width-r.hang[i]) {
			out = append(out, safe.Concat(head, part))
			head = safe.New(strings.Repeat(" ", r.hang[i]), safe.Line)
		}
	}
	return out
}

// Scope implements Dialog.
func (r *Reader) Scope() keys.Scope { return keys.Dialog }

// Press implements Dialog.
func (r *Reader) Press(k Press) Verdict {
	switch k.Action {
	case keys.Cancel, keys.No, keys.Choose:
		return Closed
	case keys.Up:
		r.top--
	case keys.Down:
		r.top++
	case keys.PageUp:
		r.top -= r.page
	case keys.PageDown:
		r.top += r.page
	}
	return Stays
}

// Paste implements Dialog.
func (r *Reader) Paste(string) {}

// Answer implements Dialog.
func (r *Reader) Answer() string { return "" }

// Draw implements Dialog.
func (r *Reader) Draw(f *frame.Frame, m keys.Map) Cursor {
	width := widest(40, f.Width(), append(r.lines, r.title)...)
	lines := r.wrapped(max(min(width, f.Width()-4), 1))
	w := open(f, r.title, border(false), width, len(lines)+2)
	r.page = max(w.Height()-2, 1)
	r.top = max(min(r.top, len(lines)-r.page), 0)
	for i := range min(r.page, len(lines)-r.top) {
		end := w.PutFit(0, i, w.Width(), theme.Plain, lines[r.top+i])
		w.Link(frame.Rect{Y: i, W: end, H: 1}, r.link)
	}
	if w.Height() < 3 {
		return Cursor{}
	}
	hints(w, m, keys.Dialog, Hint{keys.Down, safe.Const("on")}, Hint{keys.Up, safe.Const("back")}, Hint{keys.Cancel, safe.Const("close")})
	if len(lines) > r.page {
		w.PutRight(w.Width(), w.Height()-1, theme.Dim, safe.Sprintf("%d-%d of %d", r.top+1, min(r.top+r.page, len(lines)), len(lines)))
	}
	return Cursor{}
}
