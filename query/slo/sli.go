package slo

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// SLI is what is measured; exactly one of its forms is set.
type SLI struct {
	Events     *Events     `yaml:"events" json:"events,omitempty"`
	ErrorRatio *ErrorRatio `yaml:"error_ratio" json:"error_ratio,omitempty"`
	Latency    *Latency    `yaml:"latency" json:"latency,omitempty"`
	Probe      *Probe      `yaml:"probe" json:"probe,omitempty"`
	Throughput *Throughput `yaml:"throughput" json:"throughput,omitempty"`
}

// Events counts: bad (or good) of total. Each is a counter's selector, or PromQL in
// which $window stands for the time that is counted over.
type Events struct {
	Bad   string `yaml:"bad" json:"bad,omitempty"`
	Good  string `yaml:"good" json:"good,omitempty"`
	Total string `yaml:"total" json:"total"`
}

// ErrorRatio is PromQL that gives the share of bad events over $window. Without
// Total every minute weighs the same, however much happened in it.
type ErrorRatio struct {
	PromQL string `yaml:"promql" json:"promql"`
	Total  string `yaml:"total" json:"total,omitempty"`
}

// Latency counts the observations of a histogram that took no longer than Below. A
// classic histogram needs a bucket with that very bound; a native one is read between
// its buckets.
type Latency struct {
	Histogram string  `yaml:"histogram" json:"histogram"` // a selector, without _bucket
	Below     Seconds `yaml:"below" json:"below"`
	Native    bool    `yaml:"native" json:"native,omitempty"`
	Total     string  `yaml:"total" json:"total,omitempty"` // a counter of everything, where the histogram only has what succeeded
}

// Probe is a gauge of 0 and 1, or of the share in between: up, probe_success. Every
// minute weighs the same.
type Probe struct {
	PromQL string `yaml:"promql" json:"promql"`
}

// Throughput holds that a counter grows by AtLeast a second. Every minute is good or
// bad as a whole.
type Throughput struct {
	Counter string  `yaml:"counter" json:"counter"`
	AtLeast float64 `yaml:"at_least" json:"at_least"`
}

// windowMark stands in PromQL for the time that is counted over.
const windowMark = "$window"

// Kind is the form in a word.
func (s SLI) Kind() string {
	switch {
	case s.Events != nil:
		return "events"
	case s.ErrorRatio != nil:
		return "error ratio"
	case s.Latency != nil:
		return "latency"
	case s.Probe != nil:
		return "probe"
	case s.Throughput != nil:
		return "throughput"
	}
	return "none"
}

// Timesliced reports whether its events are minutes, which are good or bad, and not
// what users did.
func (s SLI) Timesliced() bool {
	return s.Probe != nil || s.Throughput != nil || s.ErrorRatio != nil && s.ErrorRatio.Total == ""
}

// Questions are the PromQL of one slot: what is asked at its end, looking back over
// it. An empty one is not asked.
type Questions struct {
	Bad, Good, Total string  // events
	Ratio            string  // the share of bad ones
	Rate             string  // events a second, of which at least Least is good
	Least            float64 // of Rate
}

// All are those that are asked.
func (q Questions) All() (list []string) {
	for _, expr := range []string{q.Bad, q.Good, q.Total, q.Ratio, q.Rate} {
		if expr != "" {
			list = append(list, expr)
		}
	}
	return list
}

// Questions are what is asked for a slot so wide.
func (s SLI) Questions(width time.Duration) Questions {
	over := strconv.FormatInt(int64(width/time.Second), 10) + "s"
	switch {
	case s.Events != nil:
		return Questions{Bad: grown(s.Events.Bad, over), Good: grown(s.Events.Good, over), Total: grown(s.Events.Total, over)}
	case s.ErrorRatio != nil:
		return Questions{Ratio: strings.ReplaceAll(s.ErrorRatio.PromQL, windowMark, over), Total: grown(s.ErrorRatio.Total, over)}
	case s.Latency != nil:
		return s.Latency.questions(over)
	case s.Probe != nil:
		if selects(s.Probe.PromQL) {
			return Questions{Ratio: fmt.Sprintf("1 - avg(avg_over_time(%s[%s]))", s.Probe.PromQL, over)}
		}
		return Questions{Ratio: fmt.Sprintf("1 - avg(avg_over_time((%s)[%s:15s]))", s.Probe.PromQL, over)}
	case s.Throughput != nil:
		if strings.Contains(s.Throughput.Counter, windowMark) {
			return Questions{Rate: strings.ReplaceAll(s.Throughput.Counter, windowMark, over), Least: s.Throughput.AtLeast}
		}
		return Questions{Rate: fmt.Sprintf("sum(rate(%s[%s]))", s.Throughput.Counter, over), Least: s.Throughput.AtLeast}
	}
	return Questions{}
}

// grown is by how much a counter grew, all its series together.
func grown(expr, over string) string {
	switch {
	case expr == "":
		return ""
	case strings.Contains(expr, windowMark):
		return strings.ReplaceAll(expr, windowMark, over)
	}
	return fmt.Sprintf("sum(increase(%s[%s]))", expr, over)
}

func (l *Latency) questions(over string) Questions {
	if l.Native {
		all := fmt.Sprintf("sum(increase(%s[%s]))", l.Histogram, over)
		q := Questions{
			Good:  fmt.Sprintf("histogram_fraction(-Inf, %s, %s) * histogram_count(%s)", trimmed(l.Below.Float()), all, all),
			Total: fmt.Sprintf("histogram_count(%s)", all),
		}
		if l.Total != "" {
			q.Total = grown(l.Total, over)
		}
		return q
	}
	total := grown(l.Total, over)
	if total == "" {
		total = fmt.Sprintf("sum(increase(%s[%s]))", suffixed(l.Histogram, "_count"), over)
	}
	return Questions{Good: fmt.Sprintf("sum(increase(%s[%s]))", suffixed(l.Histogram, "_bucket", l.bound()), over), Total: total}
}

// Bounds is the PromQL that lists the bounds of a classic histogram's buckets, by
// their label le; empty for every other SLI.
func (s SLI) Bounds() string {
	if s.Latency == nil || s.Latency.Native {
		return ""
	}
	return fmt.Sprintf("count by (le) (%s)", suffixed(s.Latency.Histogram, "_bucket"))
}

// HasBound says whether one of these bounds is the latency that is promised.
func (s SLI) HasBound(les []string) bool {
	return s.Latency == nil || slices.ContainsFunc(les, func(le string) bool {
		v, err := strconv.ParseFloat(le, 64)
		return err == nil && !math.IsInf(v, 0) && math.Abs(v-s.Latency.Below.Float()) <= 1e-12*math.Abs(v)
	})
}

// bound matches the bucket in the ways that servers write its bound: since
// Prometheus 3 an integer has a fraction, 1.0.
func (l *Latency) bound() *labels.Matcher {
	text := trimmed(l.Below.Float())
	if !strings.Contains(text, ".") {
		return labels.MustNewMatcher(labels.MatchRegexp, "le", text+`(\.0)?`)
	}
	return labels.MustNewMatcher(labels.MatchEqual, "le", text)
}

// suffixed is a selector of the series that belong to a histogram.
func suffixed(selector, suffix string, more ...*labels.Matcher) string {
	v, ok := vector(selector)
	if !ok {
		return selector + suffix // a file is checked before
	}
	name := v.Name
	var out parser.VectorSelector
	for _, m := range v.LabelMatchers {
		if m.Name == model.MetricNameLabel {
			name = m.Value
			continue
		}
		out.LabelMatchers = append(out.LabelMatchers, m)
	}
	out.Name = name + suffix
	out.LabelMatchers = append(out.LabelMatchers, more...)
	return out.String()
}

// vector is the selector that an expression consists of.
func vector(expr string) (*parser.VectorSelector, bool) {
	e, err := parser.NewParser(parser.Options{EnableExperimentalFunctions: true}).ParseExpr(expr)
	if err != nil {
		return nil, false
	}
	v, ok := e.(*parser.VectorSelector)
	return v, ok && v.OriginalOffset == 0 && v.Timestamp == nil
}

func selects(expr string) bool {
	_, ok := vector(expr)
	return ok
}
