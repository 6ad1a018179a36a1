package plot

import (
	"math"
	"time"
)

// Window lays N values, Step apart, onto Columns columns, the newest value in
// the last cell of them. Which values share a column, and which columns a cell,
// depends on their time alone, never on where the window begins: a window that
// moves on by a step shows the same picture, by whole cells moved or not at all.
type Window struct {
	Start   time.Time
	Step    time.Duration
	N       int
	Columns int

	first int64 // the number of Start on the grid of all times
	shift int64 // the column, on the grid of all times, of column 0
}

// NewWindow computes the layout for a terminal that shows so many columns in one
// cell; columns should be a multiple of that. A step below 1 counts as a second,
// N, columns and cell below 1 as 1.
func NewWindow(start time.Time, step time.Duration, n, columns, cell int) Window {
	if step <= 0 {
		step = time.Second
	}
	w := Window{Start: start, Step: step, N: max(n, 1), Columns: max(columns, 1)}
	w.first = gridIndex(start, step)
	c := int64(max(cell, 1))
	last := floorDiv(w.absolute(w.first+int64(w.N)-1, 0), c) * c
	w.shift = last + c - int64(w.Columns)
	return w
}

// Whole is the window without the last cell, as long as not all columns of it
// have come: its newest values lie to the right of it.
func (w Window) Whole(cell int) Window {
	c := int64(max(cell, 1))
	if end := w.shift + int64(w.Columns); w.absolute(w.first+int64(w.N)-1, 0) != end-1 {
		w.shift -= c
	}
	return w
}

// gridIndex numbers the steps since 1970. It splits seconds from nanoseconds
// where a time does not fit into 64 bits of nanoseconds.
func gridIndex(t time.Time, step time.Duration) int64 {
	if s := t.Unix(); s > 9_000_000_000 || s < -9_000_000_000 {
		return int64(float64(s) / step.Seconds())
	}
	return floorDiv(t.UnixNano(), int64(step))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// absolute is the column on the grid of all times of step k and a fraction of it.
func (w Window) absolute(k int64, fraction float64) int64 {
	n, columns := int64(w.N), int64(w.Columns)
	q := floorDiv(k, n)
	if fraction == 0 {
		return q*columns + (k-q*n)*columns/n
	}
	return q*columns + int64(math.Floor((float64(k-q*n)+fraction)*float64(columns)/float64(n)))
}

// Cell is the number of a cell of so many columns on the grid of all times: what is
// placed by it moves with the picture.
func (w Window) Cell(x, cell int) int64 {
	c := int64(max(cell, 1))
	return floorDiv(w.shift, c) + int64(x)
}

// Column is where the ith value is drawn; a value that would lie before the
// first column, because columns are no multiple of values or the last cell is not
// full yet, gives less than 0.
func (w Window) Column(i int) int {
	return int(w.absolute(w.first+int64(i), 0) - w.shift)
}

// ColumnAt is where an instant is drawn; it may lie outside of 0..Columns-1.
func (w Window) ColumnAt(t time.Time) int {
	steps := float64(t.Sub(w.Start)) / float64(w.Step)
	whole := math.Floor(steps)
	column := w.absolute(w.first+int64(whole), steps-whole) - w.shift
	return int(min(max(column, -1<<30), 1<<30))
}

// Index is the value whose time is nearest to t, and whether it is inside.
func (w Window) Index(t time.Time) (int, bool) {
	steps := math.Round(float64(t.Sub(w.Start)) / float64(w.Step))
	if steps < 0 || steps >= float64(w.N) {
		return 0, false
	}
	return int(steps), true
}

// End is the time of the last value.
func (w Window) End() time.Time { return w.Start.Add(time.Duration(w.N-1) * w.Step) }

// Column is what is left of the values that share one column: enough to draw
// exactly the line that all of them would draw at this width.
type Column struct {
	First, Min, Max, Last float64
	From, To              int // the indexes of First and Last
	N                     int // how many values; 0 is a hole
}

// M4 reduces values to one Column for each column of the window, in out if that
// is large enough. No dip and no spike is lost, however narrow. Values that are
// not finite are left out.
// Source: Jugel et al., M4: A Visualization-Oriented Time Series Data
// Aggregation, VLDB 2014.
func (w Window) M4(values []float64, out []Column) []Column {
	if cap(out) < w.Columns {
		out = make([]Column, w.Columns)
	}
	out = out[:w.Columns]
	clear(out)
	n, columns := w.N, w.Columns
	at := w.Column(0)
	whole := columns / n                                                                       // columns a step, and
	rest := columns % n                                                                        // what is left, carried until
	carry := int((w.first - floorDiv(w.first, int64(n))*int64(n)) * int64(columns) % int64(n)) // it makes one more
	for i, v := range values[:min(len(values), n)] {
		if at >= 0 && at < columns && v-v == 0 { // finite
			out[at].add(i, v)
		}
		at, carry = at+whole, carry+rest
		if carry >= n {
			at, carry = at+1, carry-n
		}
	}
	return out
}

func (c *Column) add(i int, v float64) {
	if c.N == 0 {
		*c = Column{First: v, Min: v, Max: v, Last: v, From: i, To: i, N: 1}
		return
	}
	c.N++
	c.Last, c.To = v, i
	if v < c.Min {
		c.Min = v
	}
	if v > c.Max {
		c.Max = v
	}
}

// Group is the events that fall onto one column.
type Group struct {
	Column int
	First  int // the index of the first of them, in the order given
	Count  int
}

// Merge groups events by the column they fall on; only those inside 0..width-1
// are kept. Groups are in the order of columns.
func Merge(columns []int, width int) []Group {
	at := map[int]int{}
	var groups []Group
	for i, c := range columns {
		if c < 0 || c >= width {
			continue
		}
		if g, ok := at[c]; ok {
			groups[g].Count++
			continue
		}
		at[c] = len(groups)
		groups = append(groups, Group{Column: c, First: i, Count: 1})
	}
	sortGroups(groups)
	return groups
}
