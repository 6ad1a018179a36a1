package pane

import (
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// panels are the charts of a board. What a chart is made of is put together once
// for a snapshot, when it is first drawn; what changes with the clock is filled in
// then.
type panels struct {
	painter chart.Painter
	of      *query.Snapshot
	charts  []panelChart
	marks   marks
	story   story
	rules   policies
}

// panelChart is the picture of one panel: what its type needs of these is filled in.
type panelChart struct {
	panel  *query.Panel
	data   *query.PanelData
	id     string // the title, with a number where others have the same
	made   bool
	shape  query.Shape
	spec   chart.Spec
	newest time.Time // of all series; zero without any value

	singles  []query.Single
	others   int // of the singles, folded
	largest  float64
	sheet    chart.Sheet
	heat     chart.Heatmap
	states   chart.States
	unfit    string // what the panel cannot draw of its answer; empty if it draws all
	unfitAll bool   // and there is nothing else in it
	going    going
	alone    bool // it is open, over the whole board
	prose    prose
	proseFor int // the width that prose is laid out for
	alerts   grouping
}

// look is how a person wants a panel to be drawn.
type look struct {
	log    bool
	hidden map[string]bool // series, by their legends; those that are not in it are as the board says
	focus  string          // the legend of the leading series
	sort   string          // the column, or the legend's figure, that orders; "" is as the board says
	up     bool            // from the smallest
	top    int             // the first row that is shown
}

// hides reports whether a series is not drawn.
func (l *look) hides(line *query.Drawn) bool {
	if h, said := l.hidden[line.Legend]; said {
		return h
	}
	return line.Field.Hidden
}

// take knows the panels of the screen's snapshot.
func (p *panels) take(s *Screen) []panelChart {
	snap := s.World.Board
	if snap == p.of {
		return p.charts
	}
	p.of, p.charts = snap, nil
	if snap == nil || snap.Board == nil {
		return nil
	}
	n := min(len(snap.Board.Panels), len(snap.Panels))
	p.charts = make([]panelChart, n)
	names := snap.Board.PanelNames()
	for i := range n {
		c := &p.charts[i]
		c.panel, c.data, c.id = &snap.Board.Panels[i], &snap.Panels[i], names[i]
	}
	return p.charts
}

// at is the picture of panel i.
func (p *panels) at(i int) *panelChart {
	c := &p.charts[i]
	if !c.made {
		c.made = true
		c.make()
	}
	return c
}

// make puts together what does not change until the next snapshot.
func (c *panelChart) make() {
	grid := c.data.Frame.Grid
	if c.panel.Type.Asks() || c.panel.Type == "" {
		c.shape = c.panel.Shape(&c.data.Frame)
		c.unfit, c.unfitAll = c.panel.Unfit(&c.data.Frame)
	}
	for i := range c.shape.Lines {
		line := &c.shape.Lines[i]
		k := line.Newest()
		if k >= 0 && line.Ago == 0 && grid.Time(k).After(c.newest) {
			c.newest = grid.Time(k)
		}
	}
	c.makeLines()
	switch c.panel.Type {
	case query.Stat, query.Gauge:
		c.singles = c.panel.Singles(&c.shape)
	case query.BarGauge:
		c.singles = c.panel.Singles(&c.shape)
		if c.panel.Top > 0 {
			c.singles, c.others, c.largest = c.panel.Largest(&c.shape)
		}
	case query.TopN:
		c.singles, c.others, c.largest = c.panel.Largest(&c.shape)
	case query.Table:
		c.makeSheet()
	case query.Heatmap:
		c.makeHeat()
	case query.StateTimeline:
		c.makeStates()
	}
}

// live says that a snapshot follows the present.
func live(snap *query.Snapshot) bool {
	return !snap.Frozen && snap.At.Sub(snap.Grid.End()) <= 2*snap.Grid.Step+patience(snap)
}

// patience is how old an answer may be before its age is worth a word.
func patience(snap *query.Snapshot) time.Duration {
	return max(2*snap.Board.Refresh, 10*time.Second)
}

// state says how far the figures can be trusted now.
func (c *panelChart) state(snap *query.Snapshot, now time.Time) chart.State {
	var st chart.State
	if !c.panel.Type.Asks() && c.panel.Type != "" {
		return st
	}
	if err := c.shape.Err; err != nil {
		st.Error = safe.New(err.Error(), safe.Line)
	}
	if c.data.Err != nil {
		st.Error = safe.New(c.data.Err.Error(), safe.Line)
	}
	st.Loading = c.data.At.IsZero() && c.data.Err == nil
	st.Partial = len(c.data.Frame.Warnings) > 0 || c.unfit != ""
	st.Remarks = len(c.data.Frame.Infos) > 0 && c.data.Frame.StandIn == ""
	st.StandIn = safe.New(c.data.Frame.StandIn, safe.Line)
	st.Took = c.data.Took
	if c.data.At.IsZero() || !live(snap) {
		return st
	}
	if age := now.Sub(c.data.At); age > patience(snap) {
		st.Age = age
	}
	if gap := now.Sub(c.newest); !c.newest.IsZero() && gap > max(3*c.spec.Step, patience(snap)) {
		st.Stale = gap
	}
	return st
}

// draw draws panel i into all of f.
func (p *panels) draw(f *frame.Frame, i int, s *Screen, crosshair time.Time, l *look) {
	c := p.at(i)
	st := c.state(p.of, s.Now)
	head := chart.Head{Title: c.spec.Title, State: st}
	if c.shape.Err != nil {
		head.Empty(f)
		return
	}
	if c.unfit != "" {
		if f = c.drawUnfit(f, head); f == nil {
			return
		}
	}
	switch c.panel.Type {
	case query.Stat:
		c.aim(p, s, crosshair, l)
		c.drawStat(f, head)
	case query.Gauge, query.BarGauge, query.TopN:
		c.drawMeters(f, head, crosshair, l)
	case query.Table:
		c.drawSheet(f, head, l)
	case query.Heatmap:
		c.heat.Head, c.heat.Zone, c.heat.Crosshair, c.heat.Marks = head, s.Zone, crosshair, p.marks.of(s)
		p.painter.Heatmap(f, &c.heat)
	case query.StateTimeline:
		c.states.Head, c.states.Zone, c.states.Crosshair, c.states.Marks, c.states.Top = head, s.Zone, crosshair, p.marks.of(s), l.top
		p.painter.States(f, &c.states)
	case query.Text:
		c.drawText(f, l)
	case query.AlertList:
		p.drawAlerts(f, c, s, l)
	case query.EventList:
		p.drawEvents(f, c, s, l)
	case query.NotDrawn:
		c.drawNotDrawn(f)
	default:
		c.aim(p, s, crosshair, l)
		p.painter.Draw(f, &c.spec)
	}
}

// queries are the panel's expressions, as they were sent where that is known.
func (c *panelChart) queries() []string {
	var sent []string
	for _, series := range c.data.Frame.Series {
		if series.Expr != "" && !slices.Contains(sent, series.Expr) {
			sent = append(sent, series.Expr)
		}
	}
	if len(sent) > 0 {
		return sent
	}
	for _, q := range c.panel.Queries {
		sent = append(sent, q.Expr)
	}
	return sent
}

// StateStyle is how a value is shown that is in a state.
func StateStyle(s query.State) theme.Style {
	switch s {
	case query.Crit:
		return theme.Crit
	case query.Warn:
		return theme.Warn
	case query.OK:
		return theme.OK
	}
	return theme.Dim
}

// firstOnes are the panels to look at first, at most n: the signals of the
// board, then the others.
func firstOnes(charts []panelChart, n int) []int {
	var signals, others []int
	for i := range charts {
		switch p := charts[i].panel; {
		case p.Signal:
			signals = append(signals, i)
		case p.Type.Asks():
			others = append(others, i)
		}
	}
	all := append(signals, others...)
	return all[:min(n, len(all))]
}

// windowText says what a snapshot shows: "1h  step 30s  live".
func windowText(snap *query.Snapshot, zone *time.Location) string {
	g := snap.Grid
	parts := []string{lengthText(g)}
	if live(snap) {
		parts = append(parts, "live")
	} else {
		parts = append(parts, "until "+g.End().In(zone).Format("Jan 2 15:04:05"))
	}
	return strings.Join(parts, "  ")
}

// lengthText is "1h  step 30s".
func lengthText(g query.Grid) string {
	return strictyaml.FormatDuration(g.Span().Round(time.Second)) + "  step " + strictyaml.FormatDuration(g.Step)
}
