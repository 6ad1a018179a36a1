package pane

import (
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// board is the view of charts: a grid of panels with one crosshair, or one of
// them alone.
type board struct {
	panels    panels
	window    window
	filter    filter
	looks     map[string]*look // by panel title
	focus     string           // the focused panel's title
	top       int              // the first row of panels that is shown
	rest      safe.Text        // which rows they are, if there are more
	columns   int              // side by side; 0: as many as fit well
	alone     bool             // the focused panel fills the view
	crosshair time.Time        // zero: none
	past      past             // of a frozen board
	at        []int            // the panels of the last picture, those that pass the filter
	w, h      int              // of the view
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
	case b.alone:
		b.drawAlone(body, s)
	default:
		b.drawGrid(body, s, charts)
	}
	style := theme.Title
	if s.Frozen != nil {
		style = theme.Warn
	}
	heading(f, style, b.title(s), b.note(s))
}

// shown are the panels that pass the filter; it keeps the focus on one of them.
func (b *board) shown(s *Screen) []int {
	b.panels.take(s)
	b.filter.read(s.Filter)
	b.at = b.at[:0]
	found := false
	for i := range b.panels.charts {
		title := b.panels.charts[i].panel.Title
		if b.filter.text(title) {
			b.at = append(b.at, i)
			found = found || title == b.focus
		}
	}
	if !found && len(b.at) > 0 {
		b.focus = b.panels.charts[b.at[0]].panel.Title
	}
	return b.at
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
		return piece{safe.Sprintf("%s  %s", b.crosshair.In(s.Zone).Format("15:04:05"), offsetOf(b.crosshair, s)), theme.Crosshair}
	case s.Frozen != nil:
		return piece{safe.Sprintf("%s is live", s.Keys.Label(keys.Live)), theme.Warn}
	case b.rest.Width() > 0:
		return piece{b.rest, theme.Dim}
	case s.World.Board != nil:
		return piece{safe.New(s.World.Board.Source, 60), theme.Dim}
	}
	return piece{}
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

// grid is how the panels lie: columns side by side, rows of which as many are
// on the screen as have room.
func (b *board) grid(w, h, n int) (columns, rows int) {
	columns = b.columns
	if columns == 0 {
		columns = max(min((w+1)/(goodPanelWidth+1), mostColumns), 1)
	}
	columns = max(min(columns, n), 1)
	rows = (n + columns - 1) / columns
	return columns, max(min(rows, h/leastPanelHeight), 1)
}

func (b *board) drawGrid(f *frame.Frame, s *Screen, charts []int) {
	columns, rows := b.grid(f.Width(), f.Height(), len(charts))
	focus, all := b.focusIndex()/columns, (len(charts)+columns-1)/columns
	b.top = min(max(b.top, focus-rows+1), focus)
	b.top = max(min(b.top, all-rows), 0)
	if all > rows {
		b.rest = safe.Sprintf("rows %d-%d of %d", b.top+1, min(b.top+rows, all), all)
	}
	for n, r := range f.Bounds().Grid(rows, columns, 0) {
		n += b.top * columns
		if n >= len(charts) {
			break
		}
		i := charts[n]
		if b.panels.charts[i].panel.Title == b.focus {
			f.VLine(r.X, r.Y, max(r.H-1, 1), theme.Accent)
		}
		b.panels.draw(f.Sub(frame.Rect{X: r.X + 1, Y: r.Y, W: r.W - 2, H: r.H}), i, s, b.crosshair, b.look(i))
	}
}

// focusIndex is the place of the focused panel among those that are shown.
func (b *board) focusIndex() int {
	for n, i := range b.at {
		if b.panels.charts[i].panel.Title == b.focus {
			return n
		}
	}
	return 0
}

// focused is the focused panel's index; false without any panel.
func (b *board) focused(s *Screen) (int, bool) {
	if len(b.shown(s)) == 0 {
		return 0, false
	}
	return b.at[b.focusIndex()], true
}

// look is how a panel is to be drawn.
func (b *board) look(i int) *look {
	title := b.panels.charts[i].panel.Title
	if b.looks == nil {
		b.looks = map[string]*look{}
	}
	if b.looks[title] == nil {
		b.looks[title] = &look{hidden: map[string]bool{}}
	}
	return b.looks[title]
}

// Resize implements View: it asks for more values than the widest panel has
// columns of dots, because steps are coarse, and charts lose nothing of what
// meets in a column.
func (b *board) Resize(width, height int, s *Screen) Effect {
	b.w, b.h = width, height
	if s.Frozen != nil {
		return Effect{Handled: true} // nothing is asked for
	}
	n := mostColumns // while the board is not known
	if s.World.Board != nil && s.World.Board.Board != nil {
		n = len(s.World.Board.Board.Panels)
	}
	columns, _ := b.grid(width, height, n)
	if b.alone {
		columns = 1
	}
	return b.window.fit(chartValues(width/columns-2), s, false)
}

// chartValues is how many values a chart of that width is worth.
func chartValues(width int) int {
	const gutter, dots, dense = 7, 2, 2
	return dense * dots * max(width-gutter, 1)
}
