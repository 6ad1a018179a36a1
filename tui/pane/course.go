package pane

import (
	"fmt"
	"math"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Spark is a line of values.
func Spark(values []float64, width int, set theme.Glyphs) safe.Text {
	return chart.Sparkline(values, width, set)
}

// VerdictStyle is the colour of a verdict.
func VerdictStyle(v chaos.Verdict) theme.Style {
	return verdictPiece(&chaos.Outcome{Verdict: v}).style
}

// ProbeText is what a probe saw, in a line.
func ProbeText(p chaos.ProbeOutcome) string {
	text := fmt.Sprintf("%s: before %s, during %s, after %s; %d of %d within", p.Expect, maybe(p.Before), maybe(p.During), maybe(p.After), p.Within, p.Evaluations)
	if answered := p.Answered(); answered != "" {
		text += ", " + answered
	}
	return text
}

// FaultText is what became of a fault, in a line.
func FaultText(f chaos.FaultOutcome, zone *time.Location) string {
	text := fmt.Sprintf("%s on %s, tier %s", f.Kind, f.Target, f.Tier)
	clock := func(t *time.Time) string { return t.In(zone).Format("15:04:05") }
	switch {
	case f.InjectedAt == nil:
		return text + ": not injected"
	case f.GoneAt == nil:
		text += ": injected " + clock(f.InjectedAt) + ", NOT PROVEN GONE"
	default:
		text += ": injected " + clock(f.InjectedAt) + ", gone " + clock(f.GoneAt)
	}
	if f.Effect != "" {
		text += "; " + f.Effect
	}
	return text
}

// CourseLines are what a probe saw over a run, in so many columns, and below it what
// happened when: ▲ injected, ▼ gone, ─ between them, × out of tolerance. There is
// nothing to draw of runs that an earlier sitrep recorded.
func CourseLines(o *chaos.Outcome, p chaos.ProbeOutcome, width int, set theme.Glyphs) (line, marks safe.Text, ok bool) {
	if len(p.Series) < 2 || width < 2 || o.StartedAt == nil {
		return line, marks, false
	}
	first, last := time.Duration(p.Series[0].At), time.Duration(p.Series[len(p.Series)-1].At)
	column := func(d time.Duration) int {
		return int(float64(width-1) * math.Min(math.Max(float64(d-first)/math.Max(float64(last-first), 1), 0), 1))
	}
	values, below := make([]float64, width), make([]rune, width)
	for i := range values {
		values[i], below[i] = math.NaN(), ' '
	}
	for _, f := range o.Faults {
		if f.InjectedAt == nil {
			continue
		}
		from, to := column(f.InjectedAt.Sub(*o.StartedAt)), width-1
		if f.GoneAt != nil {
			to = column(f.GoneAt.Sub(*o.StartedAt))
		}
		for i := from; i <= to; i++ {
			if below[i] == ' ' {
				below[i] = '─'
			}
		}
		below[from] = '▲'
		if f.GoneAt != nil {
			below[to] = '▼'
		}
	}
	for i, pt := range p.Series {
		from, to := column(time.Duration(pt.At)), width-1 // until the next look
		if i+1 < len(p.Series) {
			to = max(column(time.Duration(p.Series[i+1].At))-1, from)
		}
		for at := from; at <= to; at++ {
			if pt.Value != nil {
				values[at] = *pt.Value
			}
			if pt.Out && (below[at] == ' ' || below[at] == '─') {
				below[at] = '×'
			}
		}
	}
	if set == theme.Braille {
		values = doubled(values) // two to a cell
	}
	return chart.Sparkline(values, width, set), safe.New(string(below), width), true
}

func doubled(values []float64) []float64 {
	out := make([]float64, 0, 2*len(values))
	for _, v := range values {
		out = append(out, v, v)
	}
	return out
}
