package pane

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// going is where the leading line of a panel is going, worked out once for an answer.
type going struct {
	line   int // which, from 1; 0: nothing is worked out yet
	legend string
	trend  query.Trend
	over   time.Duration
	looked bool // for shifts, which costs more: only of a panel that is open
	shifts []query.Shift
}

// whither works out where the leading line is going; false if there is no line.
func (c *panelChart) whither() bool {
	k := c.spec.Focus
	if k < 0 || k >= len(c.shape.Lines) {
		return false
	}
	line, grid := &c.shape.Lines[k], c.data.Frame.Grid
	s := query.Series{Values: line.Values}
	if c.going.line != k+1 {
		c.going = going{line: k + 1, legend: line.Legend, over: grid.Span(), trend: s.Trend(grid)}
	}
	if c.alone && !c.going.looked {
		c.going.looked, c.going.shifts = true, s.Shifts(grid)
	}
	return true
}

// tell puts where the leading line is going into the title, and the moments at which
// its level changed onto the axis of an open panel: on a board of many they are in the
// way of what people did.
func (c *panelChart) tell() {
	if !c.whither() {
		return
	}
	spec, g := &c.spec, &c.going
	if g.trend.Heading == query.Rising || g.trend.Heading == query.Falling {
		word := trendWord(c.panel, g.trend)
		spec.State.Trend = chart.Trend{Words: safe.New(strings.TrimSpace(word+" "+howMuch(g.trend)), 24), Worse: word == "degrading"}
	}
	if !c.alone || len(g.shifts) == 0 {
		return
	}
	marks := make([]chart.Mark, 0, len(spec.Marks)+len(g.shifts))
	for _, s := range g.shifts {
		marks = append(marks, chart.Mark{At: s.At, Kind: chart.Shift})
	}
	spec.Marks = append(marks, spec.Marks...)
}

// trendWord is better or worse where the panel tells which is which: a signal, or one
// with a threshold. More memory is neither.
func trendWord(p *query.Panel, t query.Trend) string {
	if p.Signal || p.Better == query.Higher || len(p.Thresholds) > 0 {
		return t.Word(p.Better)
	}
	return string(t.Heading)
}

// howMuch is a change, as a share of the level: +23 %, or ×4.2.
func howMuch(t query.Trend) string {
	switch c := t.Change; {
	case math.Abs(c) >= 10:
		return ""
	default:
		return fmt.Sprintf("%+.0f%%", 100*c)
	}
}

// words say it in full, for an open panel.
func (g *going) words(p *query.Panel, zone *time.Location) string {
	if g.line == 0 || g.trend.Heading == query.Unknown {
		return ""
	}
	word := "stable"
	if g.trend.Heading != query.Steady {
		word = strings.TrimSpace(trendWord(p, g.trend) + " " + howMuch(g.trend))
	}
	of := ""
	if g.legend != "" {
		of = " of " + g.legend
	}
	text := fmt.Sprintf("trend%s: %s over %s (Theil-Sen of %d values, 99 %% sure)", of, word, strictyaml.FormatDuration(g.over), g.trend.N)
	if g.trend.Heading == query.Steady {
		text = fmt.Sprintf("trend%s: stable over %s (no slope is 99 %% sure, or it is too small to matter)", of, strictyaml.FormatDuration(g.over))
	}
	for _, s := range g.shifts {
		text += fmt.Sprintf(" · ≠ level changed at %s: %s to %s", s.At.In(zone).Format("15:04:05"), Figure(p.Unit, s.Before), Figure(p.Unit, s.After))
	}
	return text
}
