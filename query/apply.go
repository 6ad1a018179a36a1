package query

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// apply runs the transforms one after the other. An error names the step.
func apply(steps []Transform, tables []Sheet) ([]Sheet, error) {
	for i := range steps {
		var err error
		if tables, err = steps[i].apply(tables); err != nil {
			return nil, fmt.Errorf("transform %d, %w", i+1, err)
		}
		for k := range tables {
			tables[k] = tables[k].bounded()
		}
	}
	return tables, nil
}

// bounded is the table with at most so many rows as one may have: joins multiply.
func (t *Sheet) bounded() Sheet {
	if t.Rows() <= mostRows {
		return *t
	}
	return t.pick(everyRow(mostRows))
}

func (x *Transform) apply(tables []Sheet) ([]Sheet, error) {
	switch {
	case x.Organize != nil:
		return each(tables, x.Organize.apply), nil
	case x.Merge != nil:
		return one(mergedSheet(tables), tables), nil
	case x.Join != nil:
		return x.Join.apply(tables)
	case x.Rename != nil:
		return x.Rename.apply(tables)
	case x.Columns != nil:
		return x.Columns.apply(tables)
	case x.ReduceTo != nil:
		return x.ReduceTo.apply(tables), nil
	case x.Sort != nil:
		return each(tables, func(t *Sheet) Sheet { return t.pick(t.Sorted(*x.Sort)) }), nil
	case x.Calculate != nil:
		return eachOr("calculate", tables, x.Calculate.apply)
	case x.GroupBy != nil:
		return eachOr("group_by", tables, x.GroupBy.apply)
	case x.LabelsToFields != nil:
		return one(mergedSheet(each(tables, x.LabelsToFields.apply)), tables), nil
	case x.Where != nil:
		return eachOr("where", tables, x.Where.apply)
	case x.Limit > 0:
		return each(tables, func(t *Sheet) Sheet { return t.pick(everyRow(min(t.Rows(), x.Limit))) }), nil
	case x.Convert != nil:
		return eachOr("convert", tables, x.Convert.apply)
	case x.SeriesToRows != nil:
		return one(seriesToRows(tables), tables), nil
	case x.Concatenate != nil:
		return one(sideBySide(tables), tables), nil
	}
	return tables, nil
}

// one is a single table, or none where there was none.
func one(t Sheet, of []Sheet) []Sheet {
	if len(of) == 0 {
		return nil
	}
	return []Sheet{t}
}

func each(tables []Sheet, f func(*Sheet) Sheet) []Sheet {
	out := make([]Sheet, len(tables))
	for i := range tables {
		out[i] = f(&tables[i])
	}
	return out
}

func eachOr(step string, tables []Sheet, f func(*Sheet) (Sheet, error)) ([]Sheet, error) {
	out := make([]Sheet, len(tables))
	for i := range tables {
		var err error
		if out[i], err = f(&tables[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", step, err)
		}
	}
	return out, nil
}

// need is the place of a column that a step cannot do without.
func (t *Sheet) need(name string) (int, error) {
	if at := t.column(name); at >= 0 {
		return at, nil
	}
	return 0, fmt.Errorf("no column %q; there are %s", name, cut(t.names(), 200))
}

func (o *Organize) apply(t *Sheet) Sheet {
	out := Sheet{Name: t.Name}
	named := func(list []string, name string) int {
		return slices.IndexFunc(list, func(s string) bool { return sameName(s, name) })
	}
	for i := range t.Columns {
		if named(o.Exclude, t.Columns[i].Name) < 0 {
			out.Columns = append(out.Columns, t.Columns[i])
		}
	}
	slices.SortStableFunc(out.Columns, func(a, b Column) int {
		i, j := named(o.Order, a.Name), named(o.Order, b.Name)
		if i < 0 {
			i = len(o.Order)
		}
		if j < 0 {
			j = len(o.Order)
		}
		return i - j
	})
	for i := range out.Columns {
		out.Columns[i].Name = o.renamed(out.Columns[i].Name)
	}
	return out
}

func (o *Organize) renamed(name string) string {
	if to := o.Rename[name]; to != "" {
		return to
	}
	for _, from := range slices.Sorted(maps.Keys(o.Rename)) {
		if to := o.Rename[from]; to != "" && sameName(from, name) {
			return to
		}
	}
	return name
}

func (r *Rename) apply(tables []Sheet) ([]Sheet, error) {
	re, err := regexp.Compile(r.Regex)
	if err != nil {
		return nil, fmt.Errorf("rename: the regular expression cannot be read: %w", err)
	}
	return each(tables, func(t *Sheet) Sheet {
		out := Sheet{Name: re.ReplaceAllString(t.Name, template(r.To)), Columns: slices.Clone(t.Columns)}
		for i := range out.Columns {
			if c := &out.Columns[i]; c.Kind != TimeKind {
				c.Name = cut(re.ReplaceAllString(c.Name, template(r.To)), maxLegend)
			}
		}
		return out
	}), nil
}

var groupMark = regexp.MustCompile(`\$(\d+)`)

// template is a replacement as JavaScript writes it: $1x is group 1 and an x.
func template(to string) string { return groupMark.ReplaceAllString(to, `$${${1}}`) }

func (f *Columns) apply(tables []Sheet) ([]Sheet, error) {
	keep, err := regexp.Compile(f.Regex)
	if err != nil {
		return nil, fmt.Errorf("columns: the regular expression cannot be read: %w", err)
	}
	drop, err := regexp.Compile(f.Exclude)
	if err != nil {
		return nil, fmt.Errorf("columns: the regular expression cannot be read: %w", err)
	}
	wanted := func(c *Column) bool {
		switch {
		case f.Exclude != "" && drop.MatchString(c.Name):
			return false
		case len(f.Names) == 0 && f.Regex == "":
			return true
		}
		return f.Regex != "" && keep.MatchString(c.Name) || slices.ContainsFunc(f.Names, func(n string) bool { return sameName(n, c.Name) })
	}
	var out []Sheet
	for i := range tables {
		t, values := Sheet{Name: tables[i].Name}, 0
		_, series := tables[i].asSeries()
		for k := range tables[i].Columns {
			c := &tables[i].Columns[k]
			switch {
			case wanted(c):
				t.Columns, values = append(t.Columns, *c), values+1
			case series && c.Kind == TimeKind: // a series is known by its value's name
				t.Columns = append(t.Columns, *c)
			}
		}
		if values > 0 {
			out = append(out, t)
		}
	}
	return out, nil
}

func (r *ReduceTo) apply(tables []Sheet) []Sheet {
	calc := r.Calc
	if len(calc) == 0 {
		calc = []Reducer{ReduceLast}
	}
	if !r.Fields {
		return one(seriesRows(tables, calc), tables)
	}
	return each(tables, func(t *Sheet) Sheet {
		out := Sheet{Name: t.Name}
		for i := range t.Columns {
			if c := &t.Columns[i]; c.Kind == NumberKind {
				kept := c.like()
				kept.Numbers = []float64{calc[0].Of(c.Numbers)}
				out.Columns = append(out.Columns, kept)
			}
		}
		return out
	})
}

// key is what rows have in common that are the same in these columns.
func (t *Sheet) key(columns []int, row int) string {
	var b strings.Builder
	for _, at := range columns {
		text := t.Columns[at].text(row)
		fmt.Fprintf(&b, "%d:%s", len(text), text)
	}
	return b.String()
}
