package dialog

import (
	"time"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Row is a line of a Plan: a label, and what it says, which is wrapped below its own
// beginning.
type Row struct {
	Label safe.Text
	Text  safe.Text
	Style theme.Style
}

// The answers of a Plan.
const (
	PlanStart = "start"
	PlanPast  = "past"
)

// Plan shows what would be done, in full, before it is: y goes on with it, after a
// moment's quiet, and tab to how it went before. Enter closes it.
type Plan struct {
	title  safe.Text
	yes    safe.Text // what y does; empty: it cannot be done now
	rows   []Row
	alone  bool // nothing went before it
	top    int
	page   int // rows of the last picture
	answer string
	lastAt time.Time
}

// NewPlan shows nothing yet: see Say. At is now.
func NewPlan(title safe.Text, at time.Time) *Plan { return &Plan{title: title, lastAt: at, page: 1} }

// Alone makes it a page that nothing went before.
func (p *Plan) Alone() *Plan {
	p.alone = true
	return p
}

// Say puts rows in the place of those that were there, and y to yes.
func (p *Plan) Say(yes safe.Text, rows []Row) { p.yes, p.rows = yes, rows }

// Scope implements Dialog.
func (p *Plan) Scope() keys.Scope { return keys.Dialog }

// Press implements Dialog.
func (p *Plan) Press(k Press) Verdict {
	calm := k.At.Sub(p.lastAt) >= quiet
	p.lastAt = k.At
	switch k.Action {
	case keys.Cancel, keys.No, keys.Choose:
		return Closed
	case keys.Yes:
		if calm && p.yes.Width() > 0 {
			p.answer = PlanStart
			return Answered
		}
	case keys.OtherPage:
		if !p.alone {
			p.answer = PlanPast
			return Answered
		}
	case keys.Up:
		p.top--
	case keys.Down:
		p.top++
	case keys.PageUp:
		p.top -= p.page
	case keys.PageDown:
		p.top += p.page
	}
	return Stays
}

// Paste implements Dialog: a pasted y is no yes.
func (p *Plan) Paste(string) {}

// Answer implements Dialog.
func (p *Plan) Answer() string { return p.answer }

// broad is the most that rows are wide: longer lines are hard to follow.
const broad = 128

// Draw implements Dialog: it is as high as what it says.
func (p *Plan) Draw(f *frame.Frame, m keys.Map) Cursor {
	width := min(f.Width(), broad)
	w := open(f, p.title, border(false), width, len(unfold(p.rows, max(width-4, 1)))+2)
	lines := unfold(p.rows, w.Width())
	p.page = max(w.Height()-2, 1)
	p.top = max(min(p.top, len(lines)-p.page), 0)
	for i := range min(p.page, len(lines)-p.top) {
		drawRow(w, i, lines[p.top+i])
	}
	if w.Height() < 3 {
		return Cursor{}
	}
	list := []Hint{{keys.Down, safe.Const("on")}, {keys.OtherPage, safe.Const("runs before")}, {keys.Cancel, safe.Const("leave")}}
	if p.alone {
		list = list[2:]
	}
	if p.yes.Width() > 0 {
		list = append([]Hint{{keys.Yes, p.yes}}, list...)
	}
	hints(w, m, keys.Dialog, list...)
	if len(lines) > p.page {
		w.PutRight(w.Width(), w.Height()-1, theme.Dim, safe.Sprintf("%d-%d of %d", p.top+1, min(p.top+p.page, len(lines)), len(lines)))
	}
	return Cursor{}
}

// labels is the width of a row's label, where it has one.
const labels = 12

// unfold breaks rows to width; what goes on has no label.
func unfold(rows []Row, width int) []Row {
	var out []Row
	for _, r := range rows {
		room := width
		if r.Label.Width() > 0 {
			room -= labels
		}
		for i, line := range wrap([]safe.Text{r.Text}, max(room, 1)) {
			one := Row{Label: r.Label, Text: line, Style: r.Style}
			if i > 0 && r.Label.Width() > 0 {
				one.Label = safe.Const(" ")
			}
			out = append(out, one)
		}
	}
	return out
}

func drawRow(w window, y int, r Row) {
	x := 0
	if r.Label.Width() > 0 {
		w.PutFit(0, y, labels-1, theme.Dim, r.Label)
		x = labels
	}
	w.PutFit(x, y, w.Width()-x, r.Style, r.Text)
}
