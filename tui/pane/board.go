package pane

import (
	"slices"
	"strconv"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// board is the view of charts: panels in their places with one crosshair, or one of
// them alone.
type board struct {
	panels    panels
	window    window
	filter    filter
	of        string           // the board's name: another one begins anew
	looks     map[string]*look // by panelChart.id
	focus     string           // the focused panel, by panelChart.id, or a row's title
	layout    layout
	folded    map[int]bool // rows that were opened or closed here
	preset    string       // the name of the chosen one; "" = all panels
	top       int          // the first row of cells that is shown
	rest      safe.Text    // which panels they are, if there are more
	columns   int          // side by side; 0: as many as fit well
	alone     bool         // the focused panel fills the view
	crosshair time.Time    // zero: none
	past      past         // of a frozen board
	at        []int        // the panels that pass filter and preset
	w, h      int          // of the view
}

// Scope implements View.
func (b *board) Scope() keys.Scope { return keys.Board }

// The least size of a panel in the grid, and the width that shows it well.
const (
	leastPanelHeight = 8
	goodPanelWidth   = 38
	mostColumns      = 4
)

// Draw implements View.
func (b *board) Draw(f *frame.Frame, s *Screen) {
	s = b.past.of(s)
	b.w, b.h = f.Width(), f.Height()
	charts := b.shown(s)
	b.rest = safe.Text{}
	if g := gridOf(s); b.crosshair.Before(g.Start) || b.crosshair.After(g.End()) {
		b.crosshair = time.Time{} // the window has moved on
	}
	body := f.Sub(frame.Rect{Y: 1, W: f.Width(), H: f.Height() - 1})
	switch {
	case s.World.Board == nil || s.World.Board.Board == nil:
		body.PutFit(1, 0, body.Width()-1, theme.Dim, safe.Const("No board has answered yet. Boards are files (boards: in sitrep.yaml)."))
	case len(charts) == 0:
		body.PutFit(1, 0, body.Width()-1, theme.Dim, safe.Const("No panel's title passes the filter; esc clears it."))
	case b.isAlone(s):
		b.drawAlone(body, s)
	default:
		b.drawPlaced(body, s)
	}
	style := theme.Title
	if s.Frozen != nil {
		style = theme.Warn
	}
	heading(f, style, b.title(s), b.note(s))
}

// shown are the panels that pass filter and preset; it keeps the focus on what is
// there.
func (b *board) shown(s *Screen) []int {
	b.panels.take(s)
	b.filter.read(s.Filter)
	if snap := s.World.Board; snap != nil && snap.Board != nil && snap.Board.Name != b.of {
		b.of, b.folded, b.preset, b.top, b.focus, b.alone = snap.Board.Name, nil, "", 0, "", false
	}
	b.at = b.at[:0]
	for i := range b.panels.charts {
		if title := b.panels.charts[i].panel.Title; b.filter.text(title) && b.inPreset(title, s) {
			b.at = append(b.at, i)
		}
	}
	b.arrange(s)
	if len(b.layout.all) > 0 && b.focusIndex() < 0 {
		b.focus = b.name(b.layout.all[b.firstPanel()])
	}
	return b.at
}

// arrange lays out what is shown, for the size of the view.
func (b *board) arrange(s *Screen) {
	l := layout{w: b.w, h: max(b.h-1, 0), columns: b.columns, all: b.layout.all[:0]}
	if len(b.panels.charts) > 0 {
		board := b.panels.of.Board
		if !b.filter.empty() || b.preset != "" || len(board.Rows) == 0 {
			l.add(board, -1, b.at, true)
		} else {
			b.arrangeRows(&l, board)
		}
	}
	b.layout = l
}

func (b *board) arrangeRows(l *layout, board *query.Board) {
	above, next := []int{}, 0
	for _, i := range b.at {
		if board.RowOf(i) < 0 {
			above = append(above, i)
		}
	}
	l.add(board, -1, above, false)
	for r := range board.Rows {
		l.title(r)
		if b.isFolded(r) {
			continue
		}
		var panels []int
		for next = board.Rows[r].From; next < min(board.Rows[r].To, len(b.panels.charts)); next++ {
			panels = append(panels, next)
		}
		l.add(board, r, panels, false)
	}
}

// isFolded reports whether a row's panels are not shown, nor asked for.
func (b *board) isFolded(row int) bool {
	if folded, said := b.folded[row]; said {
		return folded
	}
	rows := b.panels.of.Board.Rows
	return row >= 0 && row < len(rows) && rows[row].Collapsed
}

// name is what the focus is known by.
func (b *board) name(p placed) string {
	if p.panel < 0 {
		return rowName(p.row)
	}
	return b.panels.charts[p.panel].id
}

func rowName(row int) string { return "\x00row " + strconv.Itoa(row) }

// firstPanel is the first of all that is a panel: the titles of rows are passed by.
func (b *board) firstPanel() int {
	return max(slices.IndexFunc(b.layout.all, func(p placed) bool { return p.panel >= 0 }), 0)
}

// isAlone reports whether one panel fills the view: the title of a row cannot.
func (b *board) isAlone(s *Screen) bool {
	_, ok := b.focused(s)
	return b.alone && ok
}

func (b *board) title(s *Screen) safe.Text {
	snap := s.World.Board
	if snap == nil || snap.Board == nil {
		return safe.Const("board")
	}
	name := safe.New(snap.Board.Title, 40)
	if name.Width() == 0 {
		name = safe.New(snap.Board.Name, 40)
	}
	if past := s.Frozen; past != nil {
		title := safe.Sprintf("FROZEN %s, %s %s  %s", past.At.In(s.Zone).Format("Jan 2 15:04:05 MST"), past.Incident, past.What, name)
		if b.w < 100 { // the way back comes before the step
			return title
		}
		return withValues(safe.Sprintf("%s  %s", title, lengthText(snap.Grid)), snap.Board, b.w)
	}
	return withValues(safe.Sprintf("%s  %s", name, windowText(snap, s.Zone)), snap.Board, b.w)
}

// note is what is worth knowing about the picture: a filter that cannot be
// read, the instant all charts point at, that there is more, who answered.
func (b *board) note(s *Screen) piece {
	switch {
	case b.filter.wrong.Width() > 0:
		return piece{b.filter.wrong, theme.Warn}
	case !b.crosshair.IsZero():
		return piece{b.crosshairNote(s), theme.Crosshair}
	case s.Frozen != nil && s.Frozen.Asked:
		return piece{safe.Sprintf("of the samples recorded; %s is live", s.Keys.Label(keys.Live)), theme.Warn}
	case s.Frozen != nil:
		return piece{safe.Sprintf("%s is live", s.Keys.Label(keys.Live)), theme.Warn}
	case b.worstRemark(s).text.Width() > 0:
		return b.worstRemark(s)
	case b.rest.Width() > 0:
		return piece{b.rest, theme.Dim}
	case s.World.Board != nil:
		return piece{whoAnswered(s.World.Board), theme.Dim}
	}
	return piece{}
}

// whoAnswered is a server by its address, another source by its name.
func whoAnswered(snap *query.Snapshot) safe.Text {
	if other := snap.Board.SourceOf(&query.Panel{}, &query.Query{}, nil); other != "" {
		return safe.New("source "+other, 60)
	}
	return safe.New(snap.Source, 60)
}

// crosshairNote is the instant that all charts point at, and what happened then.
func (b *board) crosshairNote(s *Screen) safe.Text {
	text := safe.Sprintf("%s  %s", b.crosshair.In(s.Zone).Format("15:04:05"), offsetOf(b.crosshair, s))
	g := gridOf(s)
	one, n := b.panels.marks.near(s, b.crosshair, max(g.Step, g.Span()/100))
	if one == nil {
		return text
	}
	text = safe.Concat(text, safe.Sprintf("  %s %s", string(one.Kind.Glyph()), saying(one.event, s)))
	if n > 1 {
		text = safe.Concat(text.Fit(max(b.w-40, 20)), safe.Sprintf(" +%d", n-1))
	}
	return text
}

// gridOf is the time axis of all charts; without a board it is empty.
func gridOf(s *Screen) query.Grid {
	if s.World.Board == nil {
		return query.Grid{}
	}
	return s.World.Board.Grid
}

// offsetOf is an instant seen from the selected incident, or from now.
func offsetOf(at time.Time, s *Screen) string {
	if inc, ok := selected(s); ok {
		return offset(at, start(inc))
	}
	return Ago(s.Now.Sub(at)) + " ago"
}

// drawPlaced draws what of the board is in sight, so that the focus is.
func (b *board) drawPlaced(f *frame.Frame, s *Screen) {
	h := f.Height()
	b.scroll(h)
	first, last := -1, 0
	seen := 0
	for n, p := range b.layout.all {
		if p.panel >= 0 {
			seen++
		}
		r := p.at
		r.Y -= b.top
		above := max(-r.Y, 0) // what is cut off at the top; the rest is drawn smaller, and whole
		r.Y, r.H = r.Y+above, min(r.H-above, h-r.Y-above)
		if r.H < min(p.at.H, leastCut) {
			continue
		}
		if p.panel < 0 {
			b.drawRowTitle(f.Sub(r), p.row, n == b.focusIndex())
			continue
		}
		if first < 0 {
			first = seen
		}
		last = seen
		if b.name(p) == b.focus {
			f.VLine(r.X, r.Y, max(r.H-1, 1), theme.Accent)
		}
		b.panels.draw(f.Sub(frame.Rect{X: r.X + 1, Y: r.Y, W: r.W - 2, H: r.H}), p.panel, s, b.crosshair, b.look(p.panel))
	}
	if b.layout.height > h && first >= 0 {
		b.rest = safe.Sprintf("panels %d-%d of %d", first, last, len(b.panels.charts))
	}
}

// leastCut is how many rows of a panel have to be in sight for it to be drawn.
const leastCut = 4

// scroll moves the board as little as brings the focus into sight.
func (b *board) scroll(h int) {
	if n := b.focusIndex(); n >= 0 {
		at := b.layout.all[n].at
		b.top = max(b.top, min(at.Y+at.H-h, at.Y))
		b.top = min(b.top, at.Y)
		if n <= b.firstPanel() {
			b.top = 0
		}
	}
	b.top = max(min(b.top, b.layout.height-h), 0)
}

// drawRowTitle draws the title of a row, and how much of it is folded away.
func (b *board) drawRowTitle(f *frame.Frame, row int, focused bool) {
	r := &b.panels.of.Board.Rows[row]
	style, mark := theme.Title, '▼'
	note := piece{}
	if b.isFolded(row) {
		mark, note = '▶', piece{safe.New(plural(r.To-r.From, "panel"), 20), theme.Dim}
	}
	if focused {
		style = theme.Accent
	}
	heading(f, style, safe.Concat(safe.New(string(mark), 1), safe.Const(" "), safe.New(r.Title, safe.Line)), note)
}

// focusIndex is the place of the focus in the layout, -1 without it.
func (b *board) focusIndex() int {
	for n, p := range b.layout.all {
		if b.name(p) == b.focus {
			return n
		}
	}
	return -1
}

// focused is the focused panel's index; false without any, and on the title of a row.
func (b *board) focused(s *Screen) (int, bool) {
	if len(b.shown(s)) == 0 {
		return 0, false
	}
	n := b.focusIndex()
	if n < 0 || b.layout.all[n].panel < 0 {
		return 0, false
	}
	return b.layout.all[n].panel, true
}

// look is how a panel is to be drawn.
func (b *board) look(i int) *look {
	id := b.panels.charts[i].id
	if b.looks == nil {
		b.looks = map[string]*look{}
	}
	if b.looks[id] == nil {
		b.looks[id] = &look{hidden: map[string]bool{}}
	}
	return b.looks[id]
}

// Resize implements View: it asks for more values than the widest panel has
// columns of dots, because steps are coarse, and charts lose nothing of what
// meets in a column.
func (b *board) Resize(width, height int, s *Screen) Effect {
	b.w, b.h = width, height
	if s.Frozen != nil {
		return Effect{Handled: true} // nothing is asked for
	}
	b.shown(s)
	widest := width / mostColumns // while the board is not known
	for n, p := range b.layout.all {
		if p.panel >= 0 && (n == 0 || p.at.W > widest) {
			widest = p.at.W
		}
	}
	if b.alone {
		widest = width
	}
	return b.window.fit(chartValues(widest-2), s, false)
}

// chartValues is how many values a chart of that width is worth.
func chartValues(width int) int {
	const gutter, dots, dense = 7, 2, 2
	return dense * dots * max(width-gutter, 1)
}
