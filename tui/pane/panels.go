package pane

import (
	"math"
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

// panels are the charts of a board. What a chart is made of is put together
// once for a snapshot; what changes with the clock is filled in when it is drawn.
type panels struct {
	painter chart.Painter
	of      *query.Snapshot
	charts  []panelChart
	marks   marks
}

// panelChart is the chart of one panel.
type panelChart struct {
	panel  *query.Panel
	data   *query.PanelData
	spec   chart.Spec
	newest time.Time // of all series; zero without any value
}

// look is how a person wants a panel to be drawn.
type look struct {
	log    bool
	hidden map[string]bool // series, by their legends
	focus  string          // the legend of the leading series
}

// take makes the charts of the screen's snapshot, if they are not made.
func (p *panels) take(s *Screen) []panelChart {
	snap := s.World.Board
	if snap == p.of {
		return p.charts
	}
	p.of, p.charts = snap, nil
	if snap == nil || snap.Board == nil {
		return nil
	}
	for i := range min(len(snap.Board.Panels), len(snap.Panels)) {
		p.charts = append(p.charts, chartOf(&snap.Board.Panels[i], &snap.Panels[i]))
	}
	return p.charts
}

func chartOf(panel *query.Panel, data *query.PanelData) panelChart {
	c := panelChart{panel: panel, data: data}
	grid := data.Frame.Grid
	c.spec = chart.Spec{
		Title: safe.New(panel.Title, safe.Line), Start: grid.Start, Step: grid.Step, Points: grid.N,
		Format: func(v float64) string { return panelFigure(panel, v) }, Axis: axisFigure(panel.Unit),
	}
	if panel.Min != nil {
		c.spec.Y.Min, c.spec.Y.HasMin = *panel.Min, true
	}
	if panel.Max != nil {
		c.spec.Y.Max, c.spec.Y.HasMax = *panel.Max, true
	}
	for _, t := range panel.Thresholds {
		level := chart.Warn
		if t.State == query.Crit {
			level = chart.Crit
		}
		c.spec.Thresholds = append(c.spec.Thresholds, chart.Threshold{Value: t.Value, Level: level, Below: panel.Better == query.Higher})
	}
	for _, series := range data.Frame.Series {
		c.spec.Series = append(c.spec.Series, chart.Series{Name: safe.New(series.Legend, 60), Values: series.Values})
		if _, i := series.Last(0); i >= 0 && grid.Time(i).After(c.newest) {
			c.newest = grid.Time(i)
		}
	}
	return c
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
	if c.data.Err != nil {
		st.Error = safe.New(c.data.Err.Error(), safe.Line)
	}
	st.Loading = c.data.At.IsZero() && c.data.Err == nil
	st.Partial = len(c.data.Frame.Warnings) > 0
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
	c := &p.charts[i]
	spec := &c.spec
	spec.State, spec.Zone, spec.Crosshair = c.state(p.of, s.Now), s.Zone, crosshair
	spec.Marks, spec.Y.Log = p.marks.of(s), l.log
	for j := range spec.Series {
		spec.Series[j].Hidden = l.hidden[c.data.Frame.Series[j].Legend]
	}
	spec.Focus = slices.IndexFunc(c.data.Frame.Series, func(series query.Series) bool { return series.Legend == l.focus })
	if spec.Focus < 0 { // the title says the worst: a calm figure over a line that burns is a lie
		_, spec.Focus = c.worst(crosshair)
	}
	if c.panel.Type == query.Stat {
		c.drawStat(f)
		return
	}
	p.painter.Draw(f, spec)
}

// drawStat draws a panel of one figure: the worst of its series.
func (c *panelChart) drawStat(f *frame.Frame) {
	stat := chart.Stat{Title: c.spec.Title}
	v, worst := c.worst(c.spec.Crosshair)
	state, line := c.panel.Judge(v)
	switch {
	case c.spec.State.Loading:
		stat.Value, stat.Style = safe.Const("loading"), theme.Dim
	case state == query.NoData:
		stat.Value, stat.Style = safe.Const("no data"), theme.Warn
	default:
		stat.Value, stat.Style = safe.New(panelFigure(c.panel, v), 16), StateStyle(state)
	}
	if state == query.OK {
		stat.Style = theme.Bright
	}
	switch st := c.spec.State; {
	case st.Error.Width() > 0:
		stat.Note, stat.Style = safe.Concat(safe.Const("error: "), st.Error), theme.Dim
	case st.Stale > 0:
		stat.Note, stat.Style = safe.Sprintf("no data for %s", Ago(st.Stale)), theme.Dim
	case st.Age > 0:
		stat.Note = safe.Sprintf("%s old", Ago(st.Age))
	case line != nil:
		stat.Note = safe.Sprintf("%s %s", c.sign(), panelFigure(c.panel, line.Value))
	}
	stat.Draw(f)
	if f.Height() >= 4 && worst < len(c.data.Frame.Series) {
		f.Put(0, 3, theme.Series(0), chart.Sparkline(c.data.Frame.Series[worst].Values, f.Width(), f.Theme().Glyphs()))
	}
}

// sign is how a threshold is read: the side that is bad.
func (c *panelChart) sign() string {
	if c.panel.Better == query.Higher {
		return "bad below"
	}
	return "bad from"
}

// worst is the worst value of all series that are shown, at an instant or the
// newest without one, and which series has it; of equals the first, 0 without
// any.
func (c *panelChart) worst(at time.Time) (v float64, which int) {
	v = query.Absent()
	for i, series := range c.data.Frame.Series {
		if i < len(c.spec.Series) && c.spec.Series[i].Hidden {
			continue
		}
		x, _ := series.Last(3)
		if !at.IsZero() {
			x = query.Absent()
			if i := c.data.Frame.Grid.Index(at); i >= 0 && i < len(series.Values) {
				x = series.Values[i]
			}
		}
		worse := x > v
		if c.panel.Better == query.Higher {
			worse = x < v
		}
		if !math.IsNaN(x) && (math.IsNaN(v) || worse) {
			v, which = x, i
		}
	}
	return v, which
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
		if charts[i].panel.Signal {
			signals = append(signals, i)
		} else {
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
