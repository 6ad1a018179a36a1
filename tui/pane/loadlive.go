package pane

import (
	"fmt"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// loadView is a load run over the whole of the view: its figures, and below them, on one
// axis of time, its charts and those of its target.
type loadView struct {
	open   bool
	panels panels
	top    int // the first row of charts that is shown
	from   *World
	world  World // from, with the run in the place of the board
}

// screen is s as the charts see it.
func (v *loadView) screen(s *Screen) *Screen {
	if v.from != s.World {
		v.from, v.world = s.World, *s.World
		v.world.Board = s.World.Load.Course
	}
	own := *s
	own.World = &v.world
	return &own
}

// press is what a key does while the run is shown.
func (v *loadView) press(a keys.Action, s *Screen) Effect {
	switch a {
	case keys.Cancel:
		v.open, v.top = false, 0
	case keys.Detail:
		switch l := &s.World.Load; {
		case l.Live != nil:
			return readLive(l)
		case l.Result != nil:
			return readResult(l.Result, s)
		}
	case keys.Down, keys.PageDown:
		v.top++
	case keys.Up, keys.PageUp:
		v.top = max(v.top-1, 0)
	default:
		return Effect{}
	}
	return Effect{Handled: true}
}

func (v *loadView) draw(f *frame.Frame, s *Screen) {
	l := &s.World.Load
	note := piece{safe.Const("esc: back"), theme.Dim}
	if l.Live != nil {
		note = piece{safe.Sprintf("%s left · esc: back · %s ends it", Until(l.Live.Remaining), s.Keys.Label(keys.Abort)), theme.Accent}
	}
	heading(f, theme.Title, safe.Sprintf("load  %s %s", l.Run, l.Plan), note)
	y := 1
	for _, row := range loadFigures(l) {
		if y < f.Height() {
			row(f.Sub(frame.Rect{Y: y, W: f.Width(), H: 1}))
		}
		y++
	}
	body := f.Sub(frame.Rect{Y: y, W: f.Width(), H: f.Height() - y})
	own := v.screen(s)
	if n := len(v.panels.take(own)); n == 0 {
		body.PutFit(1, 0, body.Width()-1, theme.Dim, safe.Const("The charts begin when the first second is over."))
		return
	}
	v.drawCharts(body, own)
}

// loadFigures are the lines above the charts: of a run that goes on, or of one that ended.
func loadFigures(l *Load) (rows []func(*frame.Frame)) {
	figures := func(requested, achieved, ok float64, closed bool, last loadtest.Latency, rest safe.Text) func(*frame.Frame) {
		return func(f *frame.Frame) {
			p := pen{f: f, x: 1}
			p.flow(rateStyle(achieved, requested), safe.New(perSecond(achieved), 12))
			if closed {
				p.flow(theme.Dim, safe.Const("by users"))
			} else {
				p.flow(theme.Dim, safe.Sprintf("of %s", perSecond(requested)))
			}
			p.flow(theme.Dim, safe.Sprintf("· ok %s · p50 %s", perSecond(ok), latency(last.P50)))
			p.flow(theme.Bright, safe.Sprintf("p95 %s  p99 %s", latency(last.P95), latency(last.P99)))
			p.flow(theme.Dim, safe.Sprintf("max %s", latency(last.Max)))
			p.flow(theme.Dim, rest)
		}
	}
	errors := func(n, requests int64, classes map[loadtest.Class]loadtest.ErrorCount) func(*frame.Frame) {
		return func(f *frame.Frame) {
			p := pen{f: f, x: 1}
			p.flow(theme.Dim, safe.Const("errors"))
			drawErrors(&p, n, requests, classes)
		}
	}
	switch g, r := l.Live, l.Result; {
	case g != nil:
		ok := l.OK
		rows = append(rows, figures(g.RequestedRate, g.AchievedRate, ok, g.Closed, g.LastSecond, safe.Sprintf("· %d of %d in flight", g.InFlight, g.Connections)))
		rows = append(rows, errors(g.Errors, g.Requests, g.ErrorsByClass))
	case r != nil:
		rows = append(rows, figures(r.RequestedRate, r.AchievedRate, r.AchievedRate*(1-r.ErrorRatio), r.Model == "closed", r.Latency, safe.Sprintf("· %s", r.Verdict)))
		rows = append(rows, errors(r.Errors, r.Requests, r.ErrorsByClass))
	}
	return rows
}

// drawCharts draws as many rows of charts as there is room for.
func (v *loadView) drawCharts(f *frame.Frame, s *Screen) {
	columns := 1
	switch w := f.Width(); {
	case w >= threeColumns:
		columns = 3
	case w >= 2*goodPanelWidth:
		columns = 2
	}
	n := len(v.panels.charts)
	need := (n + columns - 1) / columns
	shown := max(min(need, f.Height()/leastPanelHeight), 1)
	v.top = max(min(v.top, need-shown), 0)
	rest := v.top+shown < need || v.top > 0
	h := f.Height()
	if rest && h > leastPanelHeight {
		h--
		f.PutFit(1, h, f.Width()-1, theme.Dim, safe.New(fmt.Sprintf("rows %d to %d of %d: up and down show the others", v.top+1, v.top+shown, need), safe.Line))
	}
	for y, r := range (frame.Rect{W: f.Width(), H: h}).Rows(0, slices.Repeat([]int{1}, shown)...) {
		for x, c := range r.Columns(1, slices.Repeat([]int{1}, columns)...) {
			if i := (v.top+y)*columns + x; i < n {
				v.panels.draw(f.Sub(c), i, s, time.Time{}, &look{})
			}
		}
	}
}
