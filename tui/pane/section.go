package pane

import (
	"slices"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// section is a part of a view below a heading: a list, or something drawn.
type section struct {
	name  string // by which it is remembered
	title safe.Text
	note  piece // at the right end of the heading

	dear  int  // where room is short, the cheapest section goes
	least int  // rows below the heading that make it worth having
	want  int  // rows that show all of it
	grow  bool // it takes what nobody wants

	head func(*frame.Frame) // names the columns of a list, in the first row; nil: they have no names
	rows *rows              // nil: it is drawn
	draw func(*frame.Frame) // nil: it is a list
}

// piece is a text in its style.
type piece struct {
	text  safe.Text
	style theme.Style
}

// heights shares h rows among sections: each its heading and least rows, the
// cheapest left out (0) until that fits; then the dearest get what they want.
func heights(h int, sections []section) []int {
	out := make([]int, len(sections))
	order := make([]int, len(sections)) // the dearest first
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return sections[b].dear - sections[a].dear })
	for _, i := range order {
		if need := 1 + sections[i].least; need <= h {
			out[i] = need
			h -= need
		}
	}
	for _, i := range order {
		if more := min(1+sections[i].want-out[i], h); out[i] > 0 && more > 0 {
			out[i] += more
			h -= more
		}
	}
	for _, i := range order {
		if out[i] > 0 && sections[i].grow {
			out[i] += h
			break
		}
	}
	return out
}

// column is sections one below the other in a part of the view.
type column struct {
	at       frame.Rect
	sections []section
}

// panes is a view made of sections: which of them has the keys, and where each
// list stands.
type panes struct {
	focus string
	lists map[string]*list
}

// list is that of a section.
func (p *panes) list(name string) *list {
	if p.lists == nil {
		p.lists = map[string]*list{}
	}
	if p.lists[name] == nil {
		p.lists[name] = &list{}
	}
	return p.lists[name]
}

// lists are the sections on the screen that can have the keys.
func listsOf(columns []column) []section {
	var out []section
	for _, c := range columns {
		for i, h := range heights(c.at.H, c.sections) {
			if h > 0 && c.sections[i].rows != nil {
				out = append(out, c.sections[i])
			}
		}
	}
	return out
}

// focused is the section that has the keys: the one that was chosen, or the
// first one.
func (p *panes) focused(lists []section) (section, bool) {
	if len(lists) == 0 {
		return section{}, false
	}
	i := slices.IndexFunc(lists, func(s section) bool { return s.name == p.focus })
	return lists[max(i, 0)], true
}

// draw draws the columns, with a line between those side by side.
func (p *panes) draw(f *frame.Frame, columns []column) {
	focus, _ := p.focused(listsOf(columns))
	for n, c := range columns {
		y := c.at.Y
		if n > 0 && c.at.X > 0 {
			f.VLine(c.at.X-1, c.at.Y, c.at.H, theme.Border)
		}
		for i, h := range heights(c.at.H, c.sections) {
			if h > 0 {
				p.drawSection(f.Sub(frame.Rect{X: c.at.X, Y: y, W: c.at.W, H: h}), c.sections[i], c.sections[i].name == focus.name)
			}
			y += h
		}
	}
}

func (p *panes) drawSection(f *frame.Frame, s section, focused bool) {
	title := theme.Dim
	if focused || s.rows == nil {
		title = theme.Title
	}
	name := s.title
	if s.rows != nil {
		if _, more := s.rows.fewer(f.Height()-1, focused); more.Width() > 0 {
			name = safe.Sprintf("%s  %s", name, more)
		}
	}
	body := f.Sub(frame.Rect{Y: 1, W: f.Width(), H: f.Height() - 1})
	if s.rows == nil {
		heading(f, title, name, s.note)
		s.draw(body)
		return
	}
	if s.head != nil && body.Height() > 1 {
		s.head(body.Sub(frame.Rect{X: 1, W: body.Width() - 1, H: 1}))
		body = body.Sub(frame.Rect{Y: 1, W: body.Width(), H: body.Height() - 1})
	}
	l := p.list(s.name)
	l.draw(body, *s.rows, focused)
	if s.rows.hidden != nil {
		if more := s.rows.hidden(min(l.first, s.rows.n), min(l.first+l.page, s.rows.n)); more.Width() > 0 {
			name = safe.Sprintf("%s, %s", name, more)
		}
	}
	heading(f, title, name, s.note)
}

// heading is the rule above a section: "─ title ──── note ─".
func heading(f *frame.Frame, style theme.Style, title safe.Text, note piece) {
	f.Rule(0, theme.Border, style, title)
	room := f.Width() - title.Width() - 7
	if note.text.Width() == 0 || room < min(note.text.Width(), 12) {
		return
	}
	t := note.text.Fit(room)
	x := f.Width() - t.Width() - 2
	f.Fill(frame.Rect{X: x - 1, W: t.Width() + 2, H: 1}, theme.Plain, ' ')
	f.Put(x, 0, note.style, t)
}

// press is what every view of sections does with the keys of lists.
func (p *panes) press(a keys.Action, s *Screen, columns []column) Effect {
	lists := listsOf(columns)
	focus, ok := p.focused(lists)
	if !ok {
		return Effect{}
	}
	l := p.list(focus.name)
	switch a {
	case keys.NextPane:
		return p.step(lists, focus, 1)
	case keys.PreviousPane:
		return p.step(lists, focus, -1)
	case keys.Detail:
		l.settle(*focus.rows)
		if focus.rows.n == 0 || focus.rows.open == nil {
			return Effect{}
		}
		return focus.rows.open(l.at, s)
	}
	return Effect{Handled: l.press(a, *focus.rows)}
}

// step gives the keys to another list.
func (p *panes) step(lists []section, from section, by int) Effect {
	at := slices.IndexFunc(lists, func(s section) bool { return s.name == from.name })
	p.focus = lists[(at+by+len(lists))%len(lists)].name
	return Effect{Handled: true}
}
