package dialog

import (
	"slices"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Past shows rows, the newest first, and below them all about the one that is chosen.
type Past struct {
	title  safe.Text
	head   []Row
	rows   []Row
	ids    []string // of rows
	detail func(i, width int) []Row
	at     int
	first  int // of the rows that are shown
	top    int // of the detail
	page   int // rows of the detail in the last picture
	tall   int // rows that the longest detail of those that were chosen needs
}

// NewPast shows nothing yet: see Say.
func NewPast(title safe.Text) *Past { return &Past{title: title, page: 1} }

// Say puts rows, each with an identity of its own, under a head in the place of those
// that were there; detail is all about row i. What is chosen stays chosen, whatever comes
// in above it; who looks at the newest goes on to what is newer.
func (p *Past) Say(head, rows []Row, ids []string, detail func(i, width int) []Row) {
	was := ""
	if p.at > 0 && p.at < len(p.ids) {
		was = p.ids[p.at]
	}
	p.head, p.rows, p.ids, p.detail = head, rows, ids, detail
	if i := slices.Index(ids, was); was != "" && i >= 0 {
		p.at = i
	}
	p.at = max(min(p.at, len(rows)-1), 0)
}

// Scope implements Dialog.
func (p *Past) Scope() keys.Scope { return keys.Dialog }

// Press implements Dialog.
func (p *Past) Press(k Press) Verdict {
	switch k.Action {
	case keys.Cancel, keys.No, keys.Choose:
		return Closed
	case keys.OtherPage:
		return Answered
	case keys.Up:
		p.at, p.top = max(p.at-1, 0), 0
	case keys.Down:
		p.at, p.top = max(min(p.at+1, len(p.rows)-1), 0), 0
	case keys.PageUp:
		p.top -= p.page
	case keys.PageDown:
		p.top += p.page
	}
	return Stays
}

// Paste implements Dialog.
func (p *Past) Paste(string) {}

// Answer implements Dialog.
func (p *Past) Answer() string { return "" }

// Draw implements Dialog: the detail has at least half of the room. It is as high as what
// it has shown, and becomes no smaller while one goes through it.
func (p *Past) Draw(f *frame.Frame, m keys.Map) Cursor {
	width := min(f.Width(), broad)
	inner := max(width-4, 1)
	if len(p.rows) > 0 {
		p.tall = max(p.tall, len(unfold(p.detail(p.at, inner), inner)))
	}
	need := len(unfold(p.head, inner)) + len(p.rows) + max(p.tall, 2*len(p.rows)) + 2
	w := open(f, p.title, border(false), width, need)
	head := unfold(p.head, w.Width())
	below := 4
	if len(p.rows) == 0 {
		below = 2
	}
	head = head[:min(len(head), max(w.Height()-below, 0))]
	for y, r := range head {
		drawRow(w, y, r)
	}
	y := len(head)
	most := max((w.Height()-y-1)/3, 1)
	n := min(len(p.rows), most)
	p.first = max(min(min(max(p.first, p.at-n+1), p.at), len(p.rows)-n), 0)
	for i := range n {
		drawRow(w, y+i, p.rows[p.first+i])
		if p.first+i == p.at {
			w.Restyle(frame.Rect{X: 0, Y: y + i, W: w.Width(), H: 1}, theme.Selected)
		}
	}
	y += n
	if len(p.rows) > 0 && y < w.Height()-1 {
		w.HLine(0, y, w.Width(), theme.Border)
		if len(p.rows) > n {
			w.PutRight(w.Width(), y, theme.Dim, safe.Sprintf(" %d of %d ", p.at+1, len(p.rows)))
		}
		p.drawDetail(w, y+1)
	}
	if w.Height() > 2 {
		hints(w, m, keys.Dialog, Hint{keys.Up, safe.Const("newer")}, Hint{keys.Down, safe.Const("older")}, Hint{keys.PageDown, safe.Const("on")}, Hint{keys.OtherPage, safe.Const("plan")}, Hint{keys.Cancel, safe.Const("leave")})
	}
	return Cursor{}
}

func (p *Past) drawDetail(w window, y int) {
	lines := unfold(p.detail(p.at, w.Width()), w.Width())
	p.page = max(w.Height()-1-y, 1)
	p.top = max(min(p.top, len(lines)-p.page), 0)
	for i := range min(p.page, len(lines)-p.top) {
		drawRow(w, y+i, lines[p.top+i])
	}
	if len(lines) > p.page {
		w.PutRight(w.Width(), w.Height()-1, theme.Dim, safe.Sprintf("%d-%d of %d", p.top+1, min(p.top+p.page, len(lines)), len(lines)))
	}
}

// Chosen is the place of the row that is chosen.
func (p *Past) Chosen() int { return p.at }
