package query

import (
	"slices"
	"strings"
)

// HistogramFigure is one of the numbers that a native histogram comes to.
type HistogramFigure struct {
	Name  string
	Count bool // a number of observations, which is in no unit
	Of    func(*Histogram) float64
}

// HistogramFigures are those that a person is shown, in their order.
func HistogramFigures() []HistogramFigure {
	return []HistogramFigure{
		{"count", true, func(h *Histogram) float64 { return h.Count }},
		{"sum", false, func(h *Histogram) float64 { return h.Sum }},
		{"avg", false, (*Histogram).Mean},
		{"p50", false, func(h *Histogram) float64 { return h.Quantile(0.5) }},
		{"p95", false, func(h *Histogram) float64 { return h.Quantile(0.95) }},
		{"p99", false, func(h *Histogram) float64 { return h.Quantile(0.99) }},
	}
}

// hasNative reports whether any of the series has native histograms.
func hasNative(series []Series) bool {
	return slices.ContainsFunc(series, func(s Series) bool { return s.hasHistograms() })
}

// addFigures gives a row the figures of a histogram; of none there are none.
func addFigures(columns []Column, h *Histogram) {
	for k, f := range HistogramFigures() {
		v := Absent()
		if h != nil {
			v = f.Of(h)
		}
		columns[k].Numbers = append(columns[k].Numbers, v)
	}
}

// figureColumns are empty columns for figures; those of several queries are told
// apart as their value columns are.
func figureColumns(value, ref string) []Column {
	var out []Column
	for _, f := range HistogramFigures() {
		out = append(out, Column{Name: f.Name + strings.TrimPrefix(value, valueColumn), Kind: NumberKind, Ref: ref, Count: f.Count})
	}
	return out
}

// histogramRows is a table of a row a series: its name, and the figures of its newest
// histogram.
func histogramRows(series []Series, ref string) Sheet {
	columns := figureColumns(valueColumn, ref)
	t := Sheet{Name: ref, Columns: append([]Column{{Name: "Field", Kind: TextKind, Ref: ref}}, columns...)}
	for i := range series {
		if h, at := series[i].LastHistogram(0); at >= 0 && h != nil {
			t.Columns[0].Texts = append(t.Columns[0].Texts, series[i].Legend)
			addFigures(t.Columns[1:], h)
		}
	}
	return t
}
