package query

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"
)

func asFloat(text string) (float64, bool) {
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil
}

// asTime is seconds since 1970.
func asTime(text string) (float64, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return float64(t.UnixMilli()) / 1000, true
		}
	}
	return 0, false
}

// apply adds the column, or leaves it alone with the times.
func (c *Calculate) apply(t *Sheet) (Sheet, error) {
	if t.Rows() == 0 {
		return *t, nil
	}
	made := Column{Kind: NumberKind, Numbers: make([]float64, t.Rows())}
	var err error
	if c.Reduce != "" || c.Op == "" {
		made.Name, err = cmp.Or(c.As, c.Reduce.Title()), c.acrossRow(t, made.Numbers)
	} else {
		made.Name, err = cmp.Or(c.As, c.Left+" "+c.Op+" "+c.Right), c.binary(t, made.Numbers)
	}
	if err != nil {
		return Sheet{}, err
	}
	out := Sheet{Name: t.Name}
	for i := range t.Columns {
		if !c.Replace || t.Columns[i].Kind == TimeKind {
			out.Columns = append(out.Columns, t.Columns[i])
		}
	}
	out.Columns = append(out.Columns, made)
	return out, nil
}

// acrossRow reduces the numbers of every row.
func (c *Calculate) acrossRow(t *Sheet, into []float64) error {
	var from []int
	for _, name := range c.Of {
		at, err := t.need(name)
		if err != nil {
			return err
		}
		from = append(from, at)
	}
	for i := range t.Columns {
		if len(c.Of) == 0 && t.Columns[i].Kind == NumberKind {
			from = append(from, i)
		}
	}
	row := make([]float64, len(from))
	for i := range into {
		for k, at := range from {
			row[k] = t.Columns[at].number(i)
		}
		into[i] = c.Reduce.Of(row)
	}
	return nil
}

// binary computes left op right of every row.
func (c *Calculate) binary(t *Sheet, into []float64) error {
	left, err := t.operand(c.Left)
	if err != nil {
		return err
	}
	right, err := t.operand(c.Right)
	if err != nil {
		return err
	}
	for i := range into {
		a, b := left(i), right(i)
		switch {
		case math.IsNaN(a) || math.IsNaN(b):
			into[i] = Absent()
		case c.Op == "+":
			into[i] = a + b
		case c.Op == "-":
			into[i] = a - b
		case c.Op == "*":
			into[i] = a * b
		case c.Op == "/":
			into[i] = a / b
		case c.Op == "%":
			into[i] = math.Mod(a, b)
		default:
			return fmt.Errorf("op is + - * / or %%, not %q", c.Op)
		}
	}
	return nil
}

// operand is a column by its name, or a number.
func (t *Sheet) operand(name string) (func(row int) float64, error) {
	if at := t.column(name); at >= 0 {
		return t.Columns[at].number, nil
	}
	if v, ok := asFloat(name); ok {
		return func(int) float64 { return v }, nil
	}
	_, err := t.need(name)
	return nil, err
}

// apply makes a row of those that agree, in the order in which they come first.
func (g *GroupBy) apply(t *Sheet) (Sheet, error) {
	if len(t.Columns) == 0 {
		return *t, nil
	}
	var by []int
	for _, name := range g.By {
		at, err := t.need(name)
		if err != nil {
			return Sheet{}, err
		}
		by = append(by, at)
	}
	var groups [][]int
	known := map[string]int{}
	for row := range t.Rows() {
		key := t.key(by, row)
		at, ok := known[key]
		if !ok {
			at = len(groups)
			known[key], groups = at, append(groups, nil)
		}
		groups[at] = append(groups[at], row)
	}
	first := make([]int, len(groups))
	for i, rows := range groups {
		first[i] = rows[0]
	}
	out := Sheet{Name: t.Name}
	for _, at := range by {
		out.Columns = append(out.Columns, t.Columns[at].pick(first))
	}
	for i := range t.Columns {
		if !slices.Contains(by, i) {
			out.Columns = append(out.Columns, g.reduced(&t.Columns[i], groups)...)
		}
	}
	return out, nil
}

// reduced is a column for each figure that is wanted of c.
func (g *GroupBy) reduced(c *Column, groups [][]int) (out []Column) {
	for name, calc := range g.Calc {
		if !sameName(name, c.Name) {
			continue
		}
		for _, r := range calc {
			made := Column{Name: c.Name + " (" + string(cmp.Or(r, ReduceLast)) + ")", Kind: c.Kind, Ref: c.Ref}
			for _, rows := range groups {
				if c.Kind == TextKind && r != ReduceCount { // a text has a first and a last, and no sum
					at := rows[len(rows)-1]
					if r == ReduceFirst {
						at = rows[0]
					}
					made.Texts = append(made.Texts, c.text(at))
					continue
				}
				if c.Kind == TextKind {
					made.Kind = NumberKind
					made.Numbers = append(made.Numbers, float64(len(rows)))
					continue
				}
				made.Numbers = append(made.Numbers, r.Of(c.pick(rows).Numbers))
			}
			if r == ReduceCount {
				made.Kind = NumberKind
			}
			out = append(out, made)
		}
	}
	return out
}

// apply keeps the rows that hold, or drops them.
func (w *Where) apply(t *Sheet) (Sheet, error) {
	if t.Rows() == 0 {
		return *t, nil
	}
	var holds []func(row int) bool
	for i := range w.If {
		h, err := w.If[i].on(t)
		if err != nil {
			return Sheet{}, err
		}
		holds = append(holds, h)
	}
	var rows []int
	for row := range t.Rows() {
		all, any := true, false
		for _, h := range holds {
			ok := h(row)
			all, any = all && ok, any || ok
		}
		if (w.Any && any || !w.Any && all) != w.Drop {
			rows = append(rows, row)
		}
	}
	return t.pick(rows), nil
}

// on is the condition for the rows of a table.
func (c *Condition) on(t *Sheet) (func(row int) bool, error) {
	at, err := t.need(c.Column)
	if err != nil {
		return nil, err
	}
	col := &t.Columns[at]
	switch {
	case c.Regex != "":
		re, err := regexp.Compile(c.Regex)
		if err != nil {
			return nil, fmt.Errorf("the regular expression cannot be read: %w", err)
		}
		return func(row int) bool { return re.MatchString(col.text(row)) }, nil
	case c.Op == "null":
		return func(row int) bool { return col.text(row) == "" }, nil
	case c.Op == "notnull":
		return func(row int) bool { return col.text(row) != "" }, nil
	case c.Text != "" || col.Kind == TextKind && c.Op == "":
		return func(row int) bool { return (col.text(row) == c.Text) != (c.Op == "!=") }, nil
	case !slices.Contains([]string{">", ">=", "<", "<=", "==", "!="}, c.Op):
		return nil, fmt.Errorf("op is > >= < <= == != null or notnull, not %q", c.Op)
	}
	return func(row int) bool {
		v := col.number(row)
		if col.Kind == TextKind {
			v = asNumber(col.text(row), NumberKind)
		}
		return Compare{Op: c.Op, Value: c.Value}.Holds(v)
	}, nil
}
