package pane

import (
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// rows is what a list shows.
type rows struct {
	n    int
	id   func(i int) string            // of row i, unique
	draw func(f *frame.Frame, i int)   // into one row
	open func(i int, s *Screen) Effect // enter; nil: there is no more to it
	none safe.Text                     // what to say without rows

	newest bool // the first row is the newest, or the worst: a cursor on it stays there

	// hidden says what of the rows above the first one shown, and from the end on, is
	// worth a word in the heading. Nil: nothing.
	hidden func(first, end int) safe.Text

	// few chooses h of the rows, for a list that has not the keys and no room for
	// all, and says what of the rest is worth a word in the heading. Nil: the first.
	few func(h int) (chosen []int, more safe.Text)
}

// list is where a person stands in rows. What is selected is an ID: whatever
// comes in above, the cursor stays on what was chosen.
type list struct {
	chosen string
	at     int // where it was last
	top    int // the first row that is shown
	page   int // rows of the last picture
	first  int // its first one
}

// settle finds the chosen row. If it is gone, its place is chosen.
func (l *list) settle(r rows) {
	if r.n == 0 {
		l.at, l.chosen = 0, ""
		return
	}
	l.at = min(max(l.at, 0), r.n-1)
	if l.chosen == "" || r.id(l.at) == l.chosen || r.newest && l.at == 0 {
		l.chosen = r.id(l.at)
		return
	}
	for i := range r.n {
		if r.id(i) == l.chosen {
			l.at = i
			return
		}
	}
	l.chosen = r.id(l.at)
}

// press moves; false if a is no move.
func (l *list) press(a keys.Action, r rows) bool {
	l.settle(r)
	page := max(l.page-1, 1)
	switch a {
	case keys.Up:
		l.at--
	case keys.Down:
		l.at++
	case keys.PageUp:
		l.at -= page
	case keys.PageDown:
		l.at += page
	case keys.Top:
		l.at = 0
	case keys.Bottom:
		l.at = r.n - 1
	default:
		return false
	}
	l.at = min(max(l.at, 0), max(r.n-1, 0))
	if r.n > 0 {
		l.chosen = r.id(l.at)
	}
	return true
}

// draw fills f with the rows around the chosen one; a list that has not the keys
// shows its first rows, and chooses nothing.
func (l *list) draw(f *frame.Frame, r rows, focused bool) {
	if focused {
		l.settle(r)
	}
	h := f.Height()
	l.page, l.first = h, 0
	if h < 1 {
		return
	}
	if r.n == 0 {
		f.PutFit(1, 0, f.Width()-1, theme.Dim, r.none)
		return
	}
	first := 0
	if focused {
		l.top = min(max(l.top, l.at-h+1), l.at)
		l.top = max(min(l.top, r.n-h), 0)
		first = l.top
	}
	if few, _ := r.fewer(h, focused); few != nil {
		for y, i := range few {
			r.draw(f.Sub(frame.Rect{X: 1, Y: y, W: f.Width() - 1, H: 1}), i)
		}
		return
	}
	l.first = first
	for i := first; i < min(first+h, r.n); i++ {
		row := f.Sub(frame.Rect{X: 1, Y: i - first, W: f.Width() - 1, H: 1})
		r.draw(row, i)
		if focused && i == l.at {
			f.Rune(0, i-first, theme.Accent, '›')
		}
	}
}

// fewer are the rows that a list without the keys shows where there is no room for
// all; nil if it shows them in their order.
func (r rows) fewer(h int, focused bool) ([]int, safe.Text) {
	if focused || r.few == nil || h >= r.n || h < 1 {
		return nil, safe.Text{}
	}
	return r.few(h)
}

// pen writes a row from left to right, in columns.
type pen struct {
	f *frame.Frame
	x int
}

// left writes t at the left of a column of that width, and goes on after a gap.
func (p *pen) left(width int, style theme.Style, t safe.Text) {
	p.f.PutFit(p.x, 0, width, style, t)
	p.x += width + 1
}

// right writes t at the right of a column of that width, and goes on after a gap.
func (p *pen) right(width int, style theme.Style, t safe.Text) {
	t = t.Fit(width)
	p.f.PutRight(p.x+width, 0, style, t)
	p.x += width + 1
}

// flow writes t as wide as it is, and goes on after a gap.
func (p *pen) flow(style theme.Style, t safe.Text) {
	p.x = p.f.PutFit(p.x, 0, max(p.f.Width()-p.x, 0), style, t) + 1
}

// room is what is left of the row.
func (p *pen) room() int { return max(p.f.Width()-p.x, 0) }
