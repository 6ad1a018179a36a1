package tui

import (
	"strings"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// notice is what counts down, or what was said.
type notice struct {
	mark  safe.Text // before the text
	loud  theme.Style
	text  safe.Text
	style theme.Style
	tail  safe.Text // at the right end: the key that ends it
}

// notices are what has to be seen now, the most urgent last.
func (m *model) notices(width int) []notice {
	var out []notice
	if t, more, ok := m.toasts.newest(); ok {
		n := notice{mark: safe.Const("› "), text: t.text}
		switch {
		case t.bad:
			n.mark, n.style = safe.Const("! "), theme.Crit
		case t.sticky:
			n.mark, n.style = safe.Const("✓ "), theme.OK
		}
		n.loud = n.style
		if t.sticky {
			n.tail = safe.Sprintf("  %s", m.keyFor(keys.Cancel))
		}
		if t.sticky && more > 0 {
			n.tail = safe.Sprintf("  +%d%s", more, n.tail)
		}
		out = append(out, n)
	}
	undo := safe.Sprintf("  %s takes it back", m.keyFor(undoKey))
	if width < leastWidth {
		undo = safe.Sprintf("  %s undo", m.keyFor(undoKey))
	}
	for _, c := range m.counts.running {
		out = append(out, notice{safe.Sprintf("in %d s  ", c.left(m.now)), theme.Danger, safe.New(c.errand.brief, safe.Line), theme.Bright, undo})
	}
	return out
}

// drawNobody is the banner of a ladder that nobody runs: on every view, below
// everything that is said, and nothing dismisses it but somebody who runs it. It
// returns the lowest row that is left.
func (m *model) drawNobody(f *frame.Frame) int {
	lowest, d := f.Height()-1, m.world.Delivery
	if !d.Nobody() {
		return lowest
	}
	text := "no page goes out. Start sitrep daemon."
	if d.Why != "" {
		text = "no page goes out, and this screen cannot: " + d.Why
	}
	n := notice{mark: safe.Const(" NOBODY RUNS THE LADDER "), loud: theme.Tag(1), text: safe.New(text, safe.Line), style: theme.Danger}
	lines := n.lines(f.Width(), 3)
	n.draw(f, lowest-len(lines)+1, lines)
	return lowest - len(lines)
}

// drawNotices stacks them above row lowest: over the rule and, where that is
// not enough, over the end of the view. Nothing moves for them, and no key is
// hidden. What will happen to whom has to be read while it can be taken back,
// and what failed is of use only in full: each may take several rows.
func (m *model) drawNotices(f *frame.Frame, lowest, most int) {
	const rowsEach = 4
	list := m.notices(f.Width())
	list = list[max(len(list)-most, 0):]
	y := lowest + 1
	for i := len(list) - 1; i >= 0; i-- {
		lines := list[i].lines(f.Width(), min(max(most/len(list), 1), rowsEach))
		y -= len(lines)
		list[i].draw(f, y, lines)
	}
}

// lines breaks the text into at most so many rows, of which only the first
// shares its width with the tail.
func (n notice) lines(width, most int) []safe.Text {
	room := max(width-n.mark.Width(), 1)
	first := max(room-n.tail.Width(), 1)
	lines := safe.Wrap(n.text.String(), first)
	if len(lines) > 1 {
		rest := strings.TrimSpace(strings.TrimPrefix(n.text.String(), lines[0].String()))
		lines = append(lines[:1:1], safe.Wrap(rest, room)...)
	}
	if len(lines) <= most {
		return lines
	}
	lines = lines[:most]
	if most == 1 {
		room = first
	}
	more := safe.Const(" …")
	lines[most-1] = safe.Concat(lines[most-1].Fit(max(room-more.Width(), 0)), more)
	return lines
}

func (n notice) draw(f *frame.Frame, y int, lines []safe.Text) {
	f.Fill(frame.Rect{X: 0, Y: y, W: f.Width(), H: len(lines)}, theme.Plain, ' ')
	x := f.Put(0, y, n.loud, n.mark)
	for i, l := range lines {
		f.PutFit(x, y+i, f.Width()-x, n.style, l)
	}
	f.PutRight(f.Width(), y, theme.Key, n.tail)
}
