package pane

import (
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// now is the first view: the selected incident at a glance, or what there is to
// know while there is none.
type now struct {
	panes    panes
	panels   panels
	story    story
	alerts   grouping
	policies policies
	window   window
	spot     *spot
	due      *dueSpot
	filter   filter
	w, h     int
	quiet    bool // of the last picture; what has the focus differs
}

// Scope implements View.
func (v *now) Scope() keys.Scope { return keys.Now }

// From these widths on there are two and three columns; from this height on a
// single one has room for everything.
const (
	twoColumns   = 97
	threeColumns = 157
	sideBySide   = 240 // what changed and the timeline are lines of text: in less they end in dots
	roomy        = 28
)

// Draw implements View.
func (v *now) Draw(f *frame.Frame, s *Screen) {
	v.w, v.h = f.Width(), f.Height()
	v.panes.draw(f, v.columns(s))
}

// Press implements View.
func (v *now) Press(a keys.Action, s *Screen) Effect {
	return v.panes.press(a, s, v.columns(s))
}

// Resize implements View: the first screen is always live.
func (v *now) Resize(width, height int, s *Screen) Effect {
	v.w, v.h = width, height
	w := width
	switch {
	case width >= threeColumns:
		w = boardWidth(width) / 3
	case width >= twoColumns:
		w = boardWidth(width) / 2
	case width >= goodPanelWidth*2:
		w = width / 2
	}
	return v.window.fit(chartValues(w), s, false)
}

// boardWidth is the part of a wide screen that the charts get.
func boardWidth(w int) int {
	if w >= threeColumns {
		return w * 3 / 5
	}
	return w * 61 / 100
}

// columns are the sections of the view, for the size of the last picture.
func (v *now) columns(s *Screen) []column {
	v.filter.read(s.Filter)
	if inc, ok := selected(s); ok {
		v.leave(false)
		return v.incident(inc, s)
	}
	v.leave(true)
	return v.calm(s)
}

// leave gives the focus back to the first list when the view turns from one
// picture into the other.
func (v *now) leave(quiet bool) {
	if v.quiet != quiet {
		v.quiet, v.panes.focus = quiet, ""
	}
}

// incident is the view of one incident, in the order in which one asks at
// three in the morning: what is it doing, what changed, who is called, what
// happened.
func (v *now) incident(inc incident.Incident, s *Screen) []column {
	events := v.story.of(s)
	signals := v.signals(s)
	changes, tail := changeSection(inc, events, s), tailSection(v.passing(events, s), s)
	alerts := alertSection(s, &v.alerts, v.policies.today(s.World), &v.filter, false)
	rules := v.policies.of(inc, s.World)
	all := frame.Rect{W: v.w, H: v.h}
	if v.w < twoColumns {
		signals.least, signals.want = 5, max(7, v.h*2/5)
		signals.grow, changes.want = false, min(changes.want, 3)
		sections := []section{signals, changes, ladderSection(inc, rules, s, v.w, v.h < roomy)}
		if v.h >= roomy {
			sections = append(withSeen(sections, inc, s), alerts) // else the header's count has to do
		}
		return []column{{all, append(sections, tail)}}
	}
	left, right := all.Left(boardWidth(v.w))
	right.X, right.W = right.X+1, right.W-1
	changes.want, alerts.want = min(changes.want, 9), min(alerts.want, 10)
	if v.w < sideBySide {
		sections := append(withSeen([]section{changes}, inc, s), ladderSection(inc, rules, s, right.W, v.h < roomy), alerts)
		steps := checklistSection(inc, v.spot, s, v.h)
		if v.w >= threeColumns && len(s.World.Ledger) > 0 {
			ledger := ledgerSection(s, &v.filter)
			ledger.want = min(ledger.want, 6)
			sections = append(sections, ledger)
		}
		return []column{{left, []section{signals}}, {right, slices.Concat(sections, []section{tail}, steps)}}
	}
	side := right.Columns(1, 1, 1)
	ladder := ladderSection(inc, rules, s, side[1].W, v.h < roomy)
	middle := append(withSeen([]section{changes}, inc, s), alerts)
	if len(s.World.Ledger) > 0 {
		middle = append(middle, ledgerSection(s, &v.filter))
	}
	middle[len(middle)-1].grow = true
	return []column{{left, []section{signals}}, {side[0], middle}, {side[1], slices.Concat([]section{ladder, tail}, checklistSection(inc, v.spot, s, v.h))}}
}

// passing are the events that the filter lets through; without one, all but
// the steps of pages.
func (v *now) passing(events []*incident.Event, s *Screen) []*incident.Event {
	if v.filter.empty() {
		return folded(events)
	}
	return v.filter.events(nil, events, s)
}

// signals are the charts, as many as have room.
func (v *now) signals(s *Screen) section {
	title := safe.Const("signals")
	if snap := s.World.Board; snap != nil && snap.Board != nil {
		title = safe.Sprintf("signals  %s", windowText(snap, s.Zone))
	}
	note := piece{}
	if v.filter.wrong.Width() > 0 {
		note = piece{v.filter.wrong, theme.Warn}
	}
	return section{
		name: "signals", title: title, note: note, dear: 10, least: 4, want: v.h, grow: true,
		draw: func(f *frame.Frame) { v.drawSignals(f, s) },
	}
}

func (v *now) drawSignals(f *frame.Frame, s *Screen) {
	charts := v.panels.take(s)
	if len(charts) == 0 {
		drawFigures(f, s)
		return
	}
	columns := max(min((f.Width()+1)/(goodPanelWidth-2), 3), 1)
	rows := max((f.Height()+2)/12, 1)
	chosen := firstOnes(charts, columns*rows)
	rows = min(rows, (len(chosen)+columns-1)/columns)
	plain := look{}
	for n, r := range f.Bounds().Grid(rows, columns, 0) {
		if n >= len(chosen) {
			break
		}
		gap := 1
		if (n+1)%columns == 0 {
			gap = 0
		}
		v.panels.draw(f.Sub(frame.Rect{X: r.X, Y: r.Y, W: r.W - gap, H: r.H}), chosen[n], s, time.Time{}, &plain)
	}
}

// drawFigures writes the signals as figures, while there is no board to draw.
func drawFigures(f *frame.Frame, s *Screen) {
	if len(s.World.Signals) == 0 {
		f.PutFit(1, 0, f.Width()-1, theme.Dim, safe.Const("no figures yet: no board has answered"))
		return
	}
	for y, g := range s.World.Signals {
		if y >= f.Height() {
			return
		}
		p := pen{f: f.Sub(frame.Rect{X: 1, Y: y, W: f.Width() - 1, H: 1})}
		p.left(20, theme.Plain, safe.New(g.Name, 40))
		p.right(12, signalStyle(g), safe.New(Figure(g.Unit, g.Value), 12))
		against := safe.Text{}
		if g.Threshold != nil {
			against = safe.Sprintf("thr %s", Figure(g.Unit, *g.Threshold))
		}
		p.left(14, theme.Dim, against)
		p.flow(theme.Series(0), chart.Sparkline(g.Spark, p.room(), f.Theme().Glyphs()))
	}
}

func signalStyle(g query.Signal) theme.Style {
	if g.State == query.OK {
		return theme.Bright
	}
	return StateStyle(g.State)
}
