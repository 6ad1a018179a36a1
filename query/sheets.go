package query

import (
	"slices"
	"strings"
)

// mostRows bounds the rows of a table that is made of samples: nobody reads on,
// and a day of a hundred series has a million.
const mostRows = 10_000

// The names that Grafana gives to columns.
const (
	timeColumn  = "Time"
	valueColumn = "Value"
)

// tables are the answers to the panel's queries in the form that each asks for:
// a table for a query, or one for every series of it.
func (p *Panel) tables(f *Frame) []Sheet {
	var out []Sheet
	for i := range p.Queries {
		q, ref := &p.Queries[i], p.Ref(i)
		if q.Hidden {
			continue
		}
		var series []Series
		for _, s := range f.Series {
			if s.Ago == 0 && (s.Ref == ref || s.Ref == "" && i == p.firstAsked()) {
				series = append(series, s)
			}
		}
		if q.Format == AsTable {
			name := valueColumn
			if p.asked() > 1 {
				name += " #" + ref
			}
			if t := rowsOf(series, f.Grid, q.Instant, name); len(series) > 0 {
				t.Name = ref
				out = append(out, t)
			}
			continue
		}
		if p.Type == Table && hasNative(series) {
			out = append(out, histogramRows(series, ref))
			series = slices.DeleteFunc(series, func(s Series) bool { return empty(s.Values) })
		}
		for k := range series {
			out = append(out, seriesTable(&series[k], f.Grid))
		}
	}
	return out
}

// firstAsked is the first query that is sent.
func (p *Panel) firstAsked() int {
	return slices.IndexFunc(p.Queries, func(q Query) bool { return !q.Hidden })
}

// seriesTable is a series as times and values.
func seriesTable(s *Series, g Grid) Sheet {
	times := make([]float64, len(s.Values))
	for i := range times {
		times[i] = epoch(g, i)
	}
	return Sheet{Name: s.Legend, Columns: []Column{
		{Name: timeColumn, Kind: TimeKind, Numbers: times, Ref: s.Ref},
		{Name: s.Legend, Kind: NumberKind, Numbers: s.Values, Labels: s.Labels, Ref: s.Ref},
	}}
}

// epoch is the time of point i since 1970.
func epoch(g Grid, i int) float64 {
	t := g.Time(i)
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9
}

// rowsOf is a table of time, labels and value: a row for the newest value of each
// series, or one for every sample. A native histogram is its figures.
func rowsOf(series []Series, g Grid, instant bool, value string) Sheet {
	labels := Labels{}
	for _, s := range series {
		for k := range s.Labels {
			labels[k] = ""
		}
	}
	names := labels.Names()
	t := Sheet{Columns: []Column{{Name: timeColumn, Kind: TimeKind}}}
	for _, name := range names {
		t.Columns = append(t.Columns, Column{Name: name, Kind: TextKind})
	}
	native := hasNative(series)
	if !native || slices.ContainsFunc(series, func(s Series) bool { return !empty(s.Values) }) {
		t.Columns = append(t.Columns, Column{Name: value, Kind: NumberKind})
	}
	numbers := len(t.Columns) > 1+len(names)
	if native {
		t.Columns = append(t.Columns, figureColumns(value, "")...)
	}
	for i := range t.Columns {
		if len(series) > 0 {
			t.Columns[i].Ref = series[0].Ref
		}
	}
	row := func(s *Series, i int) {
		t.Columns[0].Numbers = append(t.Columns[0].Numbers, epoch(g, i))
		for k, name := range names {
			t.Columns[1+k].Texts = append(t.Columns[1+k].Texts, s.Labels[name])
		}
		rest := t.Columns[1+len(names):]
		if numbers {
			rest[0].Numbers, rest = append(rest[0].Numbers, s.Values[i]), rest[1:]
		}
		if native {
			addFigures(rest, s.Histogram(i))
		}
	}
	for k := range series {
		s := &series[k]
		if instant {
			if i := s.lastKnown(recent); i >= 0 {
				row(s, i)
			}
			continue
		}
		for i := range s.Values {
			if s.Knows(i) && len(t.Columns[0].Numbers) < mostRows {
				row(s, i)
			}
		}
	}
	return t
}

// asSeries is the one series of a table that is times and values, by the name
// that it has now; false for any other table.
func (t *Sheet) asSeries() (*Column, bool) {
	if len(t.Columns) != 2 || t.Columns[0].Kind != TimeKind || t.Columns[1].Kind != NumberKind {
		return nil, false
	}
	return &t.Columns[1], true
}

// seriesRows is a table of one row a series: its name, and what it comes to.
func seriesRows(tables []Sheet, reduce []Reducer) Sheet {
	out := Sheet{Columns: []Column{{Name: "Field", Kind: TextKind}}}
	for _, r := range reduce {
		out.Columns = append(out.Columns, Column{Name: r.Title(), Kind: NumberKind})
	}
	for i := range tables {
		for k := range tables[i].Columns {
			c := &tables[i].Columns[k]
			if c.Kind != NumberKind {
				continue
			}
			out.Columns[0].Texts = append(out.Columns[0].Texts, c.Name)
			for j, r := range reduce {
				out.Columns[1+j].Numbers = append(out.Columns[1+j].Numbers, r.Of(c.Numbers))
			}
		}
	}
	return out
}

// Title is the reducer's name as a column has it, that of Grafana.
func (r Reducer) Title() string {
	switch r {
	case "":
		return "Last"
	case ReduceSum:
		return "Total"
	case ReduceDiff:
		return "Difference"
	case ReduceChange:
		return "Difference percent"
	case ReduceStdDev:
		return "StdDev"
	case ReduceP95:
		return "95th %"
	case ReduceP99:
		return "99th %"
	}
	return strings.ToUpper(string(r)[:1]) + string(r)[1:]
}
