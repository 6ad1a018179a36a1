package query

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Shape is a panel's answer as it is drawn: transformed, named, and with the field
// of every series and column. It shares values with the Frame that it was made of.
type Shape struct {
	Lines []Drawn
	Sheet Sheet // of a table, and of what has no times any more
	Err   error // of a transform: nothing is drawn, for it would not be what was meant
}

// Drawn is a series with its field. Its Legend is the name that the field gives it.
type Drawn struct {
	Series
	Field Field
}

// Shape makes the panel's answer into what is drawn.
func (p *Panel) Shape(f *Frame) Shape {
	if p.Type != Table && len(p.Transforms) == 0 && !slices.ContainsFunc(p.Queries, func(q Query) bool { return q.Format == AsTable && !q.Hidden }) {
		return Shape{Lines: p.lines(f.Series)}
	}
	sheets, err := apply(p.Transforms, p.tables(f))
	if err != nil {
		return Shape{Err: err}
	}
	if p.Type != Table {
		if lines, ok := p.linesOf(sheets, f.Grid); ok {
			return Shape{Lines: lines}
		}
	}
	s := Shape{Sheet: p.oneSheet(sheets)}
	p.fields(&s.Sheet)
	return s
}

// lines are series with their fields and names.
func (p *Panel) lines(series []Series) []Drawn {
	out := make([]Drawn, len(series))
	for i := range series {
		s := &series[i]
		now, note := *s, ""
		if s.Ago > 0 { // it looks like the series that it is the past of
			note = agoNote(s.Ago)
			now.Legend = strings.TrimSuffix(s.Legend, note)
		}
		f := p.FieldOf(&now)
		out[i] = Drawn{Series: *s, Field: f}
		if f.Name != "" {
			out[i].Legend = cmp.Or(cut(fill(f.Name, s.Labels), maxLegend), now.Legend) + note
		}
	}
	lo, hi := extent(out)
	for i := range out {
		out[i].Field = out[i].Field.Absolute(lo, hi)
	}
	return out
}

// extent is the range of all values, 0 to 100 where there is none.
func extent(lines []Drawn) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for i := range lines {
		for _, v := range lines[i].Values {
			if !math.IsInf(v, 0) {
				lo, hi = min(lo, orElse(v, lo)), max(hi, orElse(v, hi))
			}
		}
	}
	if !(lo < hi) {
		return 0, 100
	}
	return lo, hi
}

// orElse is v, or other where v is no number.
func orElse(v, other float64) float64 {
	if math.IsNaN(v) {
		return other
	}
	return v
}

// linesOf are the number columns of tables that all have times, back on the grid;
// false where one has none.
func (p *Panel) linesOf(sheets []Sheet, g Grid) ([]Drawn, bool) {
	var out []Series
	for i := range sheets {
		t := &sheets[i]
		at := t.time()
		if at < 0 || slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Kind == TextKind }) {
			return nil, false
		}
		for k := range t.Columns {
			if c := &t.Columns[k]; c.Kind == NumberKind {
				out = append(out, Series{Labels: c.Labels, Legend: c.Name, Ref: c.Ref, Values: onGrid(c, t.Columns[at].Numbers, g)})
			}
		}
	}
	return p.lines(out), len(sheets) > 0
}

// onGrid puts the values of a column to their times.
func onGrid(c *Column, times []float64, g Grid) []float64 {
	values := make([]float64, max(g.N, 0))
	for i := range values {
		values[i] = Absent()
	}
	start, step := epoch(g, 0), g.Step.Seconds()
	for i, at := range times {
		if k := math.Round((at - start) / step); k >= 0 && k < float64(len(values)) {
			values[int(k)] = c.number(i)
		}
	}
	return values
}

// oneSheet is the table that is shown: of series a row each, of several tables all
// in one.
func (p *Panel) oneSheet(sheets []Sheet) Sheet {
	series := len(sheets) > 0
	for i := range sheets {
		_, is := sheets[i].asSeries()
		series = series && is
	}
	switch {
	case len(sheets) == 0:
		return Sheet{}
	case series && (len(sheets) > 1 || len(p.Transforms) == 0 && p.instant()):
		return seriesRows(sheets, []Reducer{cmp.Or(p.Reduce, ReduceLast)})
	case len(sheets) == 1:
		return sheets[0]
	}
	return mergedSheet(sheets)
}

// instant reports whether every query asks for the newest value alone.
func (p *Panel) instant() bool {
	return !slices.ContainsFunc(p.Queries, func(q Query) bool { return !q.Hidden && !q.Instant })
}

// fields gives every column its field and the name that it is shown by.
func (p *Panel) fields(t *Sheet) {
	for i := range t.Columns {
		c := &t.Columns[i]
		f := p.Field
		if c.Kind != NumberKind || c.Count {
			f.Unit, f.Decimals = "", nil // of the values, not of labels and times
		}
		for k := range p.Overrides {
			if o := &p.Overrides[k]; o.Match.column(c) {
				f = f.with(&o.Set)
			}
		}
		lo, hi := extent([]Drawn{{Series: Series{Values: c.Numbers}}})
		c.Field = f.Absolute(lo, hi)
	}
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Field.Name != "" {
			c.Name = cmp.Or(cut(fill(c.Field.Name, c.Labels), maxLegend), c.Name)
		}
	}
	t.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c Column) bool { return c.Field.Hidden })
}

// column reports whether m names c.
func (m *Match) column(c *Column) bool {
	switch {
	case m.Name != "":
		return sameName(c.Name, m.Name)
	case len(m.Names) > 0:
		return slices.ContainsFunc(m.Names, func(n string) bool { return sameName(c.Name, n) })
	case m.Regex != "":
		return regexMatches(m.Regex, c.Name)
	case m.Ref != "":
		return c.Ref == m.Ref
	case m.Type != "":
		return string(c.Kind) == m.Type
	case m.Value != nil:
		return c.Kind == NumberKind && m.Value.Holds(m.Value.Reduce.Of(c.Numbers))
	}
	return false
}

// Say is a value of a field in words and its state: as a mapping says, else as
// the thresholds do. The text is empty where no mapping says it.
func (p *Panel) Say(f *Field, v float64) (text string, state State) {
	text, state, _ = f.Mapped(v)
	if state == "" {
		state, _ = p.JudgeBy(f, v)
	}
	if text == "" && IsAbsent(v) {
		text = cmp.Or(f.NoValue, string(NoData))
	} else if text == "" && math.IsNaN(v) {
		text = cmp.Or(f.NoValue, "NaN")
	}
	return text, state
}
