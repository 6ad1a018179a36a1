package query

import (
	"context"
	"slices"
	"strconv"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Selection says of which series the names are wanted.
type Selection struct {
	Match      []string  // selectors such as up{job="a"}, any of which is enough; none is everything
	Start, End time.Time // the zero time leaves it to the server
	Limit      int       // the most entries; 0 is all. Servers before 2.54 do not know it, so it is kept here too
}

func (s Selection) options() []promv1.Option {
	if s.Limit <= 0 {
		return nil
	}
	return []promv1.Option{promv1.WithLimit(uint64(s.Limit))}
}

// limited keeps the limit where the server did not.
func limited[T any](s Selection, list []T) []T {
	if s.Limit > 0 && len(list) > s.Limit {
		return list[:s.Limit]
	}
	return list
}

// remarks are the warnings and infos of an answer, as many as a person reads.
func remarks(warnings promv1.Warnings, infos promv1.Infos) []string {
	all := slices.Concat([]string(warnings), []string(infos))
	return all[:min(len(all), 2*maxWarnings)]
}

// Series are the label sets that match; at least one selector is needed.
func (c *Client) Series(ctx context.Context, s Selection) (series []Labels, warnings []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	got, warned, infos, err := c.meta.Series(ctx, s.Match, s.Start, s.End, s.options()...)
	if err != nil {
		return nil, nil, c.readable(err)
	}
	for _, l := range limited(s, got) {
		series = append(series, fromModel(l))
	}
	return series, remarks(warned, infos), nil
}

// LabelNames are the names of the labels that the selected series have, sorted.
func (c *Client) LabelNames(ctx context.Context, s Selection) (names, warnings []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	got, warned, infos, err := c.meta.LabelNames(ctx, s.Match, s.Start, s.End, s.options()...)
	if err != nil {
		return nil, nil, c.readable(err)
	}
	return words(limited(s, got)), remarks(warned, infos), nil
}

// LabelValues are the values of a label in the selected series, sorted. Those of
// __name__ are the metrics.
func (c *Client) LabelValues(ctx context.Context, label string, s Selection) (values, warnings []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	got, warned, infos, err := c.meta.LabelValues(ctx, label, s.Match, s.Start, s.End, s.options()...)
	if err != nil {
		return nil, nil, c.readable(err)
	}
	return words(limited(s, got)), remarks(warned, infos), nil
}

func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

// Metadata is what a metric's targets say that it is.
type Metadata struct{ Type, Help, Unit string }

// Metadata tells of every metric, or of one. Targets may disagree about a metric.
func (c *Client) Metadata(ctx context.Context, metric string, limit int) (map[string][]Metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	most := ""
	if limit > 0 {
		most = strconv.Itoa(limit)
	}
	got, err := c.meta.Metadata(ctx, metric, most)
	if err != nil {
		return nil, c.readable(err)
	}
	all := make(map[string][]Metadata, len(got))
	for name, list := range got {
		for _, m := range list {
			all[name] = append(all[name], Metadata{Type: string(m.Type), Help: m.Help, Unit: m.Unit})
		}
	}
	return all, nil
}

// Exemplar is one observation of a series, with the labels that lead to its trace.
type Exemplar struct {
	Series Labels
	Labels Labels // trace_id and the like
	Value  float64
	At     time.Time
}

// Exemplars are those of the series in expr between two times, in order of time.
// A server that keeps none answers none.
func (c *Client) Exemplars(ctx context.Context, expr string, start, end time.Time) ([]Exemplar, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	got, err := c.meta.QueryExemplars(ctx, expr, start, end)
	if err != nil {
		return nil, c.readable(err)
	}
	var all []Exemplar
	for _, s := range got {
		series := fromModel(s.SeriesLabels)
		for _, e := range s.Exemplars {
			all = append(all, Exemplar{Series: series, Labels: fromModel(e.Labels), Value: float64(e.Value), At: model.Time(e.Timestamp).Time().UTC()})
		}
	}
	slices.SortStableFunc(all, func(a, b Exemplar) int { return a.At.Compare(b.At) })
	return all, nil
}
