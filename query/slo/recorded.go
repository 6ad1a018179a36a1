package slo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/sitrep-dev/sitrep/query"
)

// A server with the rules of sitrep slo rules records the events of every slot, and how
// many of them were bad. Counts can be added up, so that what is older than the slots
// that are kept is read from two series instead of all the raw ones. Ratios cannot, which
// is why those of other rules, Sloth's slo:sli_error:ratio_rate5m, are not read.
const (
	recordedTotal = "slo:events_total:slot"
	recordedBad   = "slo:events_bad:slot"
	labelMeasured = "sli" // what is measured: rules of an older SLI are not those of this one
)

// countRules are the PromQL of the slots that a server records: all events of one, and
// the bad ones. They say what Questions.Slot makes of an answer.
func (s SLI) countRules(width time.Duration) (total, bad string) {
	q := s.Questions(width)
	minutes := trimmed(width.Minutes())
	switch {
	case q.Rate != "":
		return fmt.Sprintf("sum((%s) * 0 + %s)", q.Rate, minutes), fmt.Sprintf("sum(((%s) < bool %s) * %s)", q.Rate, trimmed(q.Least), minutes)
	case q.Ratio != "" && q.Total == "":
		return fmt.Sprintf("sum((%s) * 0 + %s)", q.Ratio, minutes), fmt.Sprintf("sum(clamp((%s), 0, 1) * %s)", q.Ratio, minutes)
	case q.Ratio != "":
		return sumOf(q.Total), fmt.Sprintf("(%s > 0) * sum(clamp((%s), 0, 1)) or %s * 0", sumOf(q.Total), q.Ratio, sumOf(q.Total))
	case q.Good != "":
		return sumOf(q.Total), fmt.Sprintf("clamp_min(%s - sum((%s) or vector(0)), 0)", sumOf(q.Total), q.Good)
	}
	return sumOf(q.Total), fmt.Sprintf("sum((%s) or vector(0)) <= %s or %s", q.Bad, sumOf(q.Total), sumOf(q.Total))
}

// sumOf is an expression as one series without labels.
func sumOf(expr string) string { return "sum(" + expr + ")" }

// Recorded are the selectors of the series that a server with our rules has of slots of
// a width.
func (o Objective) Recorded(width time.Duration) (total, bad string) {
	selector := func(name string) string {
		v := parser.VectorSelector{Name: name + window(width), LabelMatchers: []*labels.Matcher{
			labels.MustNewMatcher(labels.MatchEqual, LabelSLO, o.Name), labels.MustNewMatcher(labels.MatchEqual, labelMeasured, o.measured("")),
		}}
		return v.String()
	}
	return selector(recordedTotal), selector(recordedBad)
}

// slothRatio is the PromQL that says whether a server has Sloth's ratios of an objective,
// which are not counts.
func (o Objective) slothRatio() string {
	v := parser.VectorSelector{Name: "slo:sli_error:ratio_rate5m", LabelMatchers: []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, "sloth_slo", o.Name)}}
	return fmt.Sprintf("count(%s)", v.String())
}

// ReadRecorded is Read from the series that the server records of slots of width base:
// of slots of width, a multiple of base. A slot of which an evaluation is missing is left
// out. The rules are evaluated somewhere within a slot, not at its border: what is read
// lies up to one base later than it happened.
func ReadRecorded(ctx context.Context, source query.Source, o Objective, base, width time.Duration, from, to time.Time) ([]Slot, error) {
	first, n := slotsWithin(width, from, to)
	if n == 0 {
		return nil, nil
	}
	g := query.Grid{Start: first.Add(width), Step: width, N: n}
	total, bad := o.Recorded(base)
	over := (width - time.Millisecond).Milliseconds() // of servers whose ranges have both ends the border would count twice
	var answers [3][]float64
	for i, expr := range []string{fmt.Sprintf("count_over_time(%s[%dms])", total, over), fmt.Sprintf("sum_over_time(%s[%dms])", total, over), fmt.Sprintf("sum_over_time(%s[%dms])", bad, over)} {
		values, err := column(ctx, source, o.Name, expr, g)
		if err != nil || values == nil {
			return nil, err
		}
		answers[i] = values
	}
	var list []Slot
	for i := range n {
		evaluations, all, wrong := answers[0][i], answers[1][i], answers[2][i]
		if evaluations != float64(width/base) || !finite(all) || !finite(wrong) || all < 0 {
			continue
		}
		start := first.Add(time.Duration(i) * width)
		list = append(list, Slot{Start: start.Unix(), Width: int64(width / time.Second), Total: all, Bad: within(wrong, 0, all)})
	}
	return list, nil
}

// readOlder is Read of what was before sitrep looked: from recorded series as far as the
// server has them, the rest from the counters themselves.
func (o *watched) readOlder(ctx context.Context, source query.Source, width time.Duration, from, to time.Time) ([]Slot, error) {
	if o.Recorded == "" {
		return Read(ctx, source, o.Objective, width, from, to)
	}
	list, err := ReadRecorded(ctx, source, o.Objective, o.width, width, from, to)
	if err != nil && !unusable(err) {
		return nil, err
	}
	if err != nil {
		o.Recorded = "" // two servers' rules behind one address: which of them is right?
		list = nil
	}
	for _, gap := range gaps(list, width, from, to) {
		more, err := Read(ctx, source, o.Objective, width, gap[0], gap[1])
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// unusable says of an error that it is about recorded series, not about the server.
func unusable(err error) bool {
	var many *SeriesError
	return errors.As(err, &many) || errors.Is(err, query.ErrQuery)
}

// mostGaps is how many holes of what is recorded are asked for one by one.
const mostGaps = 4

// gaps are the stretches of a time of which there are no slots; many of them are one,
// from the first to the last.
func gaps(list []Slot, width time.Duration, from, to time.Time) (out [][2]time.Time) {
	first, n := slotsWithin(width, from, to)
	there := make(map[int64]bool, len(list))
	for _, s := range list {
		there[s.Start] = true
	}
	for i := range n {
		start := first.Add(time.Duration(i) * width)
		switch last := len(out) - 1; {
		case there[start.Unix()]:
		case last >= 0 && out[last][1].Equal(start):
			out[last][1] = start.Add(width)
		default:
			out = append(out, [2]time.Time{start, start.Add(width)})
		}
	}
	if len(out) > mostGaps {
		return [][2]time.Time{{out[0][0], out[len(out)-1][1]}}
	}
	return out
}

// probe finds out whether the server records the slots of an objective.
func (o *watched) probe(ctx context.Context, source query.Source, now time.Time) {
	if o.probed {
		return
	}
	total, _ := o.Objective.Recorded(o.width)
	values, err := column(ctx, source, o.Objective.Name, fmt.Sprintf("count_over_time(%s[%s])", total, window(10*o.width)), query.Grid{Start: now.Truncate(o.width), Step: o.width, N: 1})
	if err != nil && !unusable(err) {
		return // asked again
	}
	if o.probed = true; len(values) > 0 && finite(values[0]) {
		o.Recorded = total
	}
}
