package slo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// most is how many points a server gives in one answer; Prometheus stops at 11 000.
const mostPoints = 10_500

// SeriesError is an answer of several series where one number is needed.
type SeriesError struct {
	Objective, Expr string
	Series          []string // the first few
	N               int
}

func (e *SeriesError) Error() string {
	return fmt.Sprintf("%s: %s gives %d series (%s), and one number is needed: write sum(…) around it", e.Objective, e.Expr, e.N, strings.Join(e.Series, ", "))
}

// Width is how wide the slots are of what is scraped so often: wide enough for the
// increase of a counter to be seen in it, and a minute at least.
func Width(scrape time.Duration) time.Duration {
	for _, w := range []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute} {
		if 4*scrape <= w {
			return w
		}
	}
	return time.Hour
}

// Read asks a source for the slots from one time up to another, which it rounds to
// whole slots within: at most 10 500, the youngest. What nothing is known of is left
// out.
func Read(ctx context.Context, source query.Source, o Objective, width time.Duration, from, to time.Time) ([]Slot, error) {
	first, n := slotsWithin(width, from, to)
	if n == 0 {
		return nil, nil
	}
	g := query.Grid{Start: first.Add(width), Step: width, N: n} // a slot is asked for at its end
	q := o.SLI.Questions(width)
	answers := make([]Answer, n)
	for i := range answers {
		answers[i] = Answer{Nothing(), Nothing(), Nothing(), Nothing(), Nothing()}
	}
	for _, ask := range []struct {
		expr string
		into func(a *Answer) *float64
	}{
		{q.Total, func(a *Answer) *float64 { return &a.Total }},
		{q.Bad, func(a *Answer) *float64 { return &a.Bad }},
		{q.Good, func(a *Answer) *float64 { return &a.Good }},
		{q.Ratio, func(a *Answer) *float64 { return &a.Ratio }},
		{q.Rate, func(a *Answer) *float64 { return &a.Rate }},
	} {
		if ask.expr == "" {
			continue
		}
		values, err := column(ctx, source, o.Name, ask.expr, g)
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			*ask.into(&answers[i]) = v
		}
	}
	var list []Slot
	for i, a := range answers {
		if s, known := q.Slot(a, first.Add(time.Duration(i)*width), width); known {
			list = append(list, s)
		}
	}
	return list, nil
}

// slotsWithin is where the whole slots within a time begin, and how many there are: at
// most 10 500, the youngest.
func slotsWithin(width time.Duration, from, to time.Time) (first time.Time, n int) {
	first = from.Add(width - 1).Truncate(width)
	n = max(0, int(to.Truncate(width).Sub(first)/width))
	if n > mostPoints {
		first, n = first.Add(time.Duration(n-mostPoints)*width), mostPoints
	}
	return first, n
}

// column is the one series that an expression gives, on the grid; empty if it gives
// none. A part of an answer is no answer: it would be kept for good.
func column(ctx context.Context, source query.Source, name, expr string, g query.Grid) ([]float64, error) {
	f, err := source.Range(ctx, expr, g)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(f.Series) > 1 {
		e := &SeriesError{Objective: name, Expr: expr, N: len(f.Series)}
		for _, s := range f.Series[:min(3, len(f.Series))] {
			e.Series = append(e.Series, s.Labels.String())
		}
		return nil, e
	}
	if len(f.Warnings) > 0 {
		return nil, fmt.Errorf("%s: the answer is not whole: %s", name, f.Warnings[0])
	}
	if len(f.Series) == 0 {
		return nil, nil
	}
	values := make([]float64, g.N)
	for i := range values {
		values[i] = Nothing()
		if at := f.Grid.Index(g.Time(i)); f.Grid.Step > 0 && at >= 0 && at < f.Grid.N && f.Grid.Time(at).Equal(g.Time(i)) && !query.IsAbsent(f.Series[0].Values[at]) {
			values[i] = f.Series[0].Values[at]
		}
	}
	return values, nil
}
