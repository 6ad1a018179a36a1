package chart

import (
	"math"
	"slices"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Sheet is a table: rows and columns of texts, numbers at the right.
type Sheet struct {
	Head
	Columns []SheetColumn
	Rows    []int // in the order in which they are shown; indexes of Cells
	Top     int   // the first row that is shown
	Sorted  int   // the column that orders the rows; -1 = none
	Desc    bool
}

// SheetColumn is a column and its cells.
type SheetColumn struct {
	Name  safe.Text
	Right bool // numbers
	Want  int  // cells that it is wide at least; 0 = as wide as its texts
	Spare bool // it gives way before the others where there is no room for all
	Cells []Cell
}

// Cell is one value. Ratio, from 0 to 1, is drawn as a bar beside the text; NaN is
// none.
type Cell struct {
	Text   safe.Text
	Style  theme.Style
	Filled bool // the style fills the whole cell
	Ratio  float64
}

// The widths of columns: none is narrower, and none takes more as long as others
// want room.
const (
	leastColumn = 4
	mostColumn  = 48
	cellGauge   = 10
)

// Draw fills f, at any size. Columns that have no room are counted in the head,
// rows in the foot.
func (s Sheet) Draw(f *frame.Frame) {
	if len(s.Columns) == 0 || len(s.Rows) == 0 {
		s.Empty(f)
		return
	}
	shown, widths := s.widths(f.Width())
	note := counted(len(s.Rows), "row")
	if hidden := len(s.Columns) - len(shown); hidden > 0 {
		note = safe.Concat(note, safe.Const(", +"), counted(hidden, "column"))
	}
	s.Note = note
	body := s.draw(f)
	h := body.Height() - 1
	if h < 0 {
		return
	}
	x := 0
	top := min(max(s.Top, 0), max(len(s.Rows)-h, 0))
	rows := s.Rows[top:min(top+h, len(s.Rows))]
	for k, i := range shown {
		c, w := &s.Columns[i], widths[k]
		s.header(body, x, w, i)
		for y, row := range rows {
			if row >= 0 && row < len(c.Cells) {
				c.Cells[row].draw(body.Sub(frame.Rect{X: x, Y: 1 + y, W: w, H: 1}), c.Right)
			}
		}
		x += w + 2
	}
	if below := len(s.Rows) - top - len(rows); below > 0 && h > 1 {
		body.Fill(frame.Rect{Y: h, W: body.Width(), H: 1}, theme.Plain, ' ')
		body.PutFit(0, h, body.Width(), theme.Dim, safe.Sprintf("+%d more", below+1))
	}
}

func (s Sheet) header(f *frame.Frame, x, w, i int) {
	c := &s.Columns[i]
	name := c.Name
	if i == s.Sorted {
		arrow := safe.Const("▲")
		if s.Desc {
			arrow = safe.Const("▼")
		}
		name = safe.Concat(name.Fit(w-1), arrow)
	}
	if c.Right {
		f.PutRight(x+w, 0, theme.Title, name.Fit(w))
		return
	}
	f.PutFit(x, 0, w, theme.Title, name)
}

func (c *Cell) draw(f *frame.Frame, right bool) {
	w := f.Width()
	if c.Filled {
		f.Fill(f.Bounds(), c.Style, ' ')
	}
	if !math.IsNaN(c.Ratio) && w > c.Text.Width()+4 {
		bar := w - c.Text.Width() - 1
		Gauge(f, 0, 0, min(bar, 2*cellGauge), c.Ratio, c.Style)
		right = true
	}
	if right {
		f.PutRight(w, 0, c.Style, c.Text.Fit(w))
		return
	}
	f.PutFit(0, 0, w, c.Style, c.Text)
}

// widths are those of the columns that have room in w, two cells apart, in their
// order.
func (s Sheet) widths(w int) (shown, widths []int) {
	used := 0
	for _, i := range s.precedence() {
		want := s.want(i)
		if s.Columns[i].Spare && used > 0 && used+want > w {
			continue // it would take room from columns that tell rows apart
		}
		if used > 0 && used+leastColumn+2 > w {
			break
		}
		used += want + 2
		shown, widths = append(shown, i), append(widths, want)
	}
	// The widest give way, one cell at a time, until all fit.
	for over := used - 2 - w; over > 0; over-- {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if len(widths) == 0 || widths[widest] <= leastColumn {
			break
		}
		widths[widest]--
	}
	for len(widths) > 1 && total(widths) > w {
		shown, widths = shown[:len(shown)-1], widths[:len(widths)-1]
	}
	wide := make(map[int]int, len(shown))
	for k, i := range shown {
		wide[i] = widths[k]
	}
	slices.Sort(shown)
	for k, i := range shown {
		widths[k] = wide[i]
	}
	return shown, widths
}

// precedence is which columns get room before which: as they stand, those that can
// be spared last. Where there is one column of numbers it is what the table is
// about, and comes second at the latest.
func (s Sheet) precedence() []int {
	var order, spare, numbers []int
	for i := range s.Columns {
		switch c := &s.Columns[i]; {
		case c.Spare:
			spare = append(spare, i)
			continue
		case c.Right:
			numbers = append(numbers, i)
		}
		order = append(order, i)
	}
	if len(numbers) == 1 && numbers[0] != order[0] {
		order = slices.DeleteFunc(order, func(i int) bool { return i == numbers[0] })
		order = slices.Insert(order, 1, numbers[0])
	}
	return append(order, spare...)
}

func total(widths []int) int {
	n := -2
	for _, w := range widths {
		n += w + 2
	}
	return n
}

// want is the width in which all of a column's texts fit. The first rows speak for
// all of a long table.
func (s Sheet) want(i int) int {
	c := &s.Columns[i]
	want := max(c.Name.Width()+truth(i == s.Sorted), leastColumn, c.Want)
	for k := range c.Cells[:min(len(c.Cells), 500)] {
		need := c.Cells[k].Text.Width()
		if !math.IsNaN(c.Cells[k].Ratio) {
			need += cellGauge + 1
		}
		want = max(want, need)
	}
	return min(want, mostColumn)
}

// counted is a number of things: "1 row", "2 rows".
func counted(n int, what string) safe.Text {
	if n == 1 {
		return safe.Sprintf("1 %s", what)
	}
	return safe.Sprintf("%d %ss", n, what)
}
