package query

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a column holds.
type Kind string

// The kinds of columns, as Match.Type names them.
const (
	NumberKind Kind = "number"
	TextKind   Kind = "string"
	TimeKind   Kind = "time" // seconds since 1970
	BoolKind   Kind = "bool" // 0 and 1
)

// Sheet is rows and columns, as a panel shows them and as transforms take them.
// All columns are equally long.
type Sheet struct {
	Name    string
	Columns []Column
}

// Column is one column of a Sheet.
type Column struct {
	Name    string
	Kind    Kind
	Numbers []float64 // of every kind but text; no value is Absent()
	Texts   []string  // of text; no value is empty
	Labels  Labels    // of the series that it was; nil = it was none
	Ref     string    // of the query that it answers
	Count   bool      // a number of things: the panel's unit is not its
	Field   Field     // how its values are read, once it is shaped
}

// Rows is how many rows there are.
func (t *Sheet) Rows() int {
	if len(t.Columns) == 0 {
		return 0
	}
	return t.Columns[0].Len()
}

// Len is how many values there are.
func (c *Column) Len() int {
	if c.Kind == TextKind {
		return len(c.Texts)
	}
	return len(c.Numbers)
}

// number is value i; Absent of what is no number.
func (c *Column) number(i int) float64 {
	if i < 0 || i >= len(c.Numbers) {
		return Absent()
	}
	return c.Numbers[i]
}

// text is value i as another column, or a regex, is held against it. No value
// is empty.
func (c *Column) text(i int) string {
	switch {
	case i < 0 || i >= c.Len():
		return ""
	case c.Kind == TextKind:
		return c.Texts[i]
	case math.IsNaN(c.Numbers[i]):
		return ""
	}
	if math.Abs(c.Numbers[i]) < 1e15 {
		return strconv.FormatFloat(c.Numbers[i], 'f', -1, 64)
	}
	return strconv.FormatFloat(c.Numbers[i], 'g', -1, 64)
}

// like is an empty column with c's name and nature.
func (c *Column) like() Column {
	return Column{Name: c.Name, Kind: c.Kind, Labels: c.Labels, Ref: c.Ref, Count: c.Count}
}

// pick is the column with these of its rows; what is no row has no value there.
func (c *Column) pick(rows []int) Column {
	out := c.like()
	if c.Kind == TextKind {
		out.Texts = make([]string, len(rows))
	} else {
		out.Numbers = make([]float64, len(rows))
	}
	for to, from := range rows {
		if c.Kind == TextKind {
			out.Texts[to] = c.text(from)
		} else {
			out.Numbers[to] = c.number(from)
		}
	}
	return out
}

// pick is the table with these of its rows.
func (t *Sheet) pick(rows []int) Sheet {
	out := Sheet{Name: t.Name, Columns: make([]Column, len(t.Columns))}
	for i := range t.Columns {
		out.Columns[i] = t.Columns[i].pick(rows)
	}
	return out
}

// put is what c has no value for, of the same kind or as text.
func (c *Column) put(from *Column, i int) {
	if c.Kind == TextKind {
		c.Texts = append(c.Texts, from.text(i))
		return
	}
	c.Numbers = append(c.Numbers, from.number(i))
}

// column is the place of a column by its name, -1 without one.
func (t *Sheet) column(name string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return sameName(c.Name, name) })
}

// sameName holds for Grafana's names of reducers too: "Last *" is Last, and
// "Value (lastNotNull)" is "Value (last)".
func sameName(a, b string) bool { return a == b || plainName(a) == plainName(b) }

func plainName(s string) string {
	s = strings.TrimSuffix(s, " *")
	return strings.NewReplacer("(lastNotNull)", "(last)", "(firstNotNull)", "(first)").Replace(s)
}

// time is the place of the first column of times, -1 without one.
func (t *Sheet) time() int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Kind == TimeKind })
}

// names are those of all columns, for a message.
func (t *Sheet) names() string {
	var all []string
	for i := range t.Columns {
		all = append(all, t.Columns[i].Name)
	}
	return strings.Join(all, ", ")
}

// compare orders two values of a column; no value is the last, whichever way.
func (c *Column) compare(i, j int, desc bool) int {
	if c.Kind == TextKind {
		if desc {
			i, j = j, i
		}
		return strings.Compare(c.text(i), c.text(j))
	}
	a, b := c.number(i), c.number(j)
	switch {
	case math.IsNaN(a) || math.IsNaN(b):
		return truthNumber(math.IsNaN(a)) - truthNumber(math.IsNaN(b))
	case desc:
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

func truthNumber(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Sorted are the rows in the order of a column; the rows themselves without it.
func (t *Sheet) Sorted(by SortBy) []int {
	rows := everyRow(t.Rows())
	if at := t.column(by.Column); at >= 0 {
		c := &t.Columns[at]
		slices.SortStableFunc(rows, func(i, j int) int { return c.compare(i, j, by.Desc) })
	}
	return rows
}

func everyRow(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// apart gives columns that share a name a number behind it, as Grafana does.
func (t *Sheet) apart() {
	count := map[string]int{}
	for i := range t.Columns {
		count[t.Columns[i].Name]++
	}
	seen := map[string]int{}
	for i := range t.Columns {
		if name := t.Columns[i].Name; count[name] > 1 {
			seen[name]++
			t.Columns[i].Name = name + " " + strconv.Itoa(seen[name])
		}
	}
}
