package query

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// mergedSheet is one table of all: rows that agree in the columns which every table
// has become one, where their other values leave room for each other.
func mergedSheet(tables []Sheet) Sheet {
	var out Sheet
	for i := range tables {
		for _, c := range tables[i].Columns {
			if out.column(c.Name) < 0 {
				out.Columns = append(out.Columns, c.like())
			}
		}
	}
	out.Columns = timesFirst(out.Columns)
	m := merge{out: &out, at: map[string][]int{}}
	for i := range out.Columns {
		if inAll(tables, out.Columns[i].Name) {
			m.shared = append(m.shared, i)
		}
	}
	for i := range tables {
		m.take(&tables[i])
	}
	return out
}

// timesFirst is the columns with those of times at the front, as Grafana has them.
func timesFirst(columns []Column) []Column {
	slices.SortStableFunc(columns, func(a, b Column) int {
		return truthNumber(b.Kind == TimeKind) - truthNumber(a.Kind == TimeKind)
	})
	return columns
}

func inAll(tables []Sheet, name string) bool {
	for i := range tables {
		if tables[i].column(name) < 0 {
			return false
		}
	}
	return true
}

// merge gathers the rows of one table after the other.
type merge struct {
	out    *Sheet
	shared []int            // columns that all tables have
	at     map[string][]int // rows by their shared values
	rows   int
}

func (m *merge) take(t *Sheet) {
	from := make([]int, len(m.out.Columns)) // the column of t, -1 = it has none
	for i := range from {
		from[i] = t.column(m.out.Columns[i].Name)
	}
	var own []int
	for _, i := range m.shared {
		own = append(own, from[i])
	}
	for row := range t.Rows() {
		if m.rows >= mostRows {
			return
		}
		key := t.key(own, row)
		if to := m.free(t, from, row, key); to >= 0 {
			m.fill(t, from, row, to)
			continue
		}
		for i := range m.out.Columns {
			source := &Column{Kind: m.out.Columns[i].Kind}
			if from[i] >= 0 {
				source = &t.Columns[from[i]]
			}
			m.out.Columns[i].put(source, row)
		}
		m.at[key] = append(m.at[key], m.rows)
		m.rows++
	}
}

// mostTries bounds how many rows of one key are looked at for room.
const mostTries = 64

// free is a row of that key whose values leave room for the row of t, -1 = none.
func (m *merge) free(t *Sheet, from []int, row int, key string) int {
	same := m.at[key]
	for _, to := range same[:min(len(same), mostTries)] {
		fits := true
		for i := range m.out.Columns {
			if from[i] < 0 {
				continue
			}
			have, new := m.out.Columns[i].text(to), t.Columns[from[i]].text(row)
			fits = fits && (have == "" || new == "" || have == new)
		}
		if fits {
			return to
		}
	}
	return -1
}

func (m *merge) fill(t *Sheet, from []int, row, to int) {
	for i := range m.out.Columns {
		c := &m.out.Columns[i]
		if from[i] < 0 || c.text(to) != "" {
			continue
		}
		if c.Kind == TextKind {
			c.Texts[to] = t.Columns[from[i]].text(row)
		} else {
			c.Numbers[to] = t.Columns[from[i]].number(row)
		}
	}
}

// apply joins tables where the column By has the same value. Tables without the
// column are left out, as in Grafana.
func (j *Join) apply(tables []Sheet) ([]Sheet, error) {
	by := cmp.Or(j.By, timeColumn)
	var sides []Sheet
	var at []int
	for i := range tables {
		if c := tables[i].column(by); c >= 0 {
			sides, at = append(sides, tables[i]), append(at, c)
		}
	}
	switch {
	case len(tables) == 0:
		return nil, nil
	case len(sides) == 0:
		return nil, fmt.Errorf("join: no table has a column %q; there are %s", by, cut(tables[0].names(), 200))
	}
	// The rows of each side by their key; of equal keys the first row.
	var keys []string
	where := make([]map[string]int, len(sides))
	known := map[string]int{}
	for i := range sides {
		where[i] = map[string]int{}
		for row := range sides[i].Rows() {
			key := sides[i].Columns[at[i]].text(row)
			if _, twice := where[i][key]; twice {
				continue
			}
			where[i][key] = row
			if known[key]++; known[key] == 1 {
				keys = append(keys, key)
			}
		}
	}
	if j.Inner {
		keys = slices.DeleteFunc(keys, func(k string) bool { return known[k] < len(sides) })
	}
	return []Sheet{joined(sides, at, where, keys)}, nil
}

// joined puts the sides beside each other, row by key.
func joined(sides []Sheet, at []int, where []map[string]int, keys []string) Sheet {
	var out Sheet
	by := sides[0].Columns[at[0]].like()
	for _, key := range keys {
		for i := range sides {
			if row, ok := where[i][key]; ok {
				by.put(&sides[i].Columns[at[i]], row)
				break
			}
		}
	}
	out.Columns = append(out.Columns, by)
	for i := range sides {
		rows := make([]int, len(keys))
		for k, key := range keys {
			rows[k] = -1
			if row, ok := where[i][key]; ok {
				rows[k] = row
			}
		}
		for k := range sides[i].Columns {
			if k != at[i] {
				out.Columns = append(out.Columns, sides[i].Columns[k].pick(rows))
			}
		}
	}
	out.apart()
	if by.Kind == TimeKind {
		out = out.pick(out.Sorted(SortBy{Column: by.Name}))
	}
	return out
}

// sideBySide is the columns of all tables, as long as the longest.
func sideBySide(tables []Sheet) Sheet {
	var out Sheet
	n := 0
	for i := range tables {
		n = max(n, tables[i].Rows())
	}
	for i := range tables {
		out.Columns = append(out.Columns, tables[i].pick(everyRow(n)).Columns...)
	}
	out.apart()
	return out
}

// seriesToRows is one row a sample, the newest first: time, name, value.
func seriesToRows(tables []Sheet) Sheet {
	out := Sheet{Columns: []Column{{Name: timeColumn, Kind: TimeKind}, {Name: "Metric", Kind: TextKind}, {Name: valueColumn, Kind: NumberKind}}}
	for i := range tables {
		t := &tables[i]
		at := t.time()
		if at < 0 {
			continue
		}
		for k := range t.Columns {
			c := &t.Columns[k]
			if c.Kind != NumberKind {
				continue
			}
			for row := range c.Len() {
				if IsAbsent(c.number(row)) || len(out.Columns[1].Texts) >= mostRows {
					continue
				}
				out.Columns[0].put(&t.Columns[at], row)
				out.Columns[1].Texts = append(out.Columns[1].Texts, c.Name)
				out.Columns[2].put(c, row)
			}
		}
	}
	return out.pick(out.Sorted(SortBy{Column: timeColumn, Desc: true}))
}

// apply makes columns of the labels of a series.
func (l *LabelsToField) apply(t *Sheet) Sheet {
	out := Sheet{Name: t.Name}
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Labels == nil {
			out.Columns = append(out.Columns, *c)
			continue
		}
		for _, name := range c.Labels.Names() {
			if name == l.ValueLabel && name != "" || len(l.Keep) > 0 && !slices.Contains(l.Keep, name) {
				continue
			}
			label := Column{Name: name, Kind: TextKind, Ref: c.Ref, Texts: make([]string, c.Len())}
			for row := range label.Texts {
				label.Texts[row] = c.Labels[name]
			}
			if out.column(name) < 0 {
				out.Columns = append(out.Columns, label)
			}
		}
		value := *c
		value.Labels = nil
		if value.Name = valueColumn; l.ValueLabel != "" {
			value.Name = cmp.Or(c.Labels[l.ValueLabel], valueColumn)
		}
		out.Columns = append(out.Columns, value)
	}
	return out
}

// apply reads columns as something else.
func (x *Convert) apply(t *Sheet) (Sheet, error) {
	out := Sheet{Name: t.Name, Columns: slices.Clone(t.Columns)}
	for name, as := range x.Columns {
		at := out.column(name)
		if at < 0 {
			continue
		}
		to := Kind(as)
		if !slices.Contains([]Kind{NumberKind, TextKind, TimeKind, BoolKind}, to) {
			return Sheet{}, fmt.Errorf("%q is read as %s, not as %q", name, oneOf(NumberKind, TextKind, TimeKind, BoolKind), as)
		}
		out.Columns[at] = out.Columns[at].as(to)
	}
	return out, nil
}

// as is the column as another kind; what cannot be read is no value.
func (c *Column) as(to Kind) Column {
	out := c.like()
	out.Kind = to
	for row := range c.Len() {
		if to == TextKind {
			out.Texts = append(out.Texts, c.text(row))
			continue
		}
		v := c.number(row)
		if c.Kind == TextKind {
			v = asNumber(c.Texts[row], to)
		}
		if to == BoolKind && !math.IsNaN(v) {
			v = float64(truthNumber(v != 0))
		}
		out.Numbers = append(out.Numbers, v)
	}
	return out
}

// asNumber reads a text as a value of that kind.
func asNumber(text string, kind Kind) float64 {
	text = strings.TrimSpace(text)
	switch {
	case kind == BoolKind && strings.EqualFold(text, "true"):
		return 1
	case kind == BoolKind && strings.EqualFold(text, "false"):
		return 0
	case kind == TimeKind:
		if t, ok := asTime(text); ok {
			return t
		}
	}
	v, ok := asFloat(text)
	if !ok {
		return Absent()
	}
	return v
}
