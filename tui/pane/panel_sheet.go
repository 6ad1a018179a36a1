package pane

import (
	"math"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// pixelsPerCell turns Grafana's widths into cells.
const pixelsPerCell = 9

// makeSheet makes the table of a panel, every cell of it.
func (c *panelChart) makeSheet() {
	for i := range c.shape.Sheet.Columns {
		from := &c.shape.Sheet.Columns[i]
		col := chart.SheetColumn{Name: safe.New(from.Name, 60), Right: from.Kind == query.NumberKind, Want: from.Field.Width / pixelsPerCell, Cells: make([]chart.Cell, from.Len())}
		lo, hi := columnEnds(from)
		for row := range col.Cells {
			col.Cells[row] = c.cell(from, row, lo, hi)
		}
		col.Spare = (from.Kind == query.TimeKind || from.Name == "__name__") && allOne(col.Cells)
		c.sheet.Columns = append(c.sheet.Columns, col)
	}
}

// allOne reports whether all cells say the same: the moment of an answer, or the
// name of the metric that was asked for.
func allOne(cells []chart.Cell) bool {
	for i := range cells {
		if cells[i].Text.String() != cells[0].Text.String() {
			return false
		}
	}
	return true
}

// columnEnds are the ends of a column's gauges.
func columnEnds(col *query.Column) (lo, hi float64) {
	lo, hi = 0, math.Inf(-1)
	for _, v := range col.Numbers {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	switch col.Field.Unit {
	case "percentunit":
		hi = 1
	case "percent":
		hi = 100
	}
	if col.Field.Min != nil {
		lo = *col.Field.Min
	}
	if col.Field.Max != nil {
		hi = *col.Field.Max
	}
	return lo, hi
}

// cell is one value of a table.
func (c *panelChart) cell(col *query.Column, row int, lo, hi float64) chart.Cell {
	out := chart.Cell{Ratio: math.NaN(), Style: theme.Plain}
	state := query.State("")
	switch col.Kind {
	case query.TextKind:
		text, said := col.Field.WordsOf(col.Texts[row])
		out.Text, state = safe.New(text, safe.Line), said
	case query.TimeKind:
		if v := col.Numbers[row]; !math.IsNaN(v) && math.Abs(v) < 1e11 {
			out.Text = safe.New(time.UnixMilli(int64(v*1000)).UTC().Format("2006-01-02 15:04:05"), 20)
		}
		return out
	case query.BoolKind:
		text := "false"
		if col.Numbers[row] == 1 {
			text = "true"
		}
		out.Text = safe.New(text, 5)
	default:
		v := col.Numbers[row]
		if math.IsNaN(v) && col.Field.NoValue == "" {
			out.Text, out.Style = safe.Const("-"), theme.Dim
			return out
		}
		_, state = c.panel.Say(&col.Field, v)
		out.Text = safe.New(fieldFigure(&col.Field, v), 40)
		if col.Field.Cell == query.CellGauge && hi > lo {
			out.Ratio = (v - lo) / (hi - lo)
		}
	}
	return painted(out, col.Field.Cell, state)
}

// painted is a cell in the colour of its state, as its column has it; and with the
// glyph of it, for those who see no colours.
func painted(cell chart.Cell, form query.CellForm, state query.State) chart.Cell {
	if form == "" || form == query.CellText || state == "" || state == query.NoData {
		return cell
	}
	cell.Style = StateStyle(state)
	if g := chart.Glyph(cell.Style); state != query.OK && g != ' ' {
		cell.Text = safe.Concat(safe.New(string(g), 1), safe.Const(" "), cell.Text)
	}
	if form == query.CellBackground && state != query.OK {
		cell.Filled, cell.Style = true, theme.Tag(1)
		if state == query.Warn {
			cell.Style = theme.Tag(2)
		}
	}
	return cell
}

// drawSheet draws the table in the order that is wanted.
func (c *panelChart) drawSheet(f *frame.Frame, head chart.Head, l *look) {
	by, desc := l.sort, !l.up
	if by == "" && len(c.panel.SortBy) > 0 {
		by, desc = c.panel.SortBy[0].Column, c.panel.SortBy[0].Desc
	}
	t := &c.shape.Sheet
	c.sheet.Head, c.sheet.Top, c.sheet.Desc = head, l.top, desc
	c.sheet.Rows = t.Sorted(query.SortBy{Column: by, Desc: desc})
	c.sheet.Sorted = slices.IndexFunc(t.Columns, func(col query.Column) bool { return by != "" && col.Name == by })
	c.sheet.Draw(f)
}

// sortable are the columns, or the figures of the legend, that a panel can be in
// the order of.
func (c *panelChart) sortable() []string {
	if c.panel.Type != query.Table {
		return c.sorters()
	}
	var out []string
	for i := range c.shape.Sheet.Columns {
		out = append(out, c.shape.Sheet.Columns[i].Name)
	}
	return out
}

// rowsOf is how many rows a panel has to scroll through; 0 where it does not scroll.
func (c *panelChart) rowsOf() int {
	switch c.panel.Type {
	case query.Table:
		return c.shape.Sheet.Rows()
	case query.StateTimeline:
		return len(c.states.Rows)
	case query.BarGauge, query.TopN:
		return len(c.singles)
	case query.Text:
		return len(c.prose.lines)
	case query.AlertList, query.EventList:
		return mostListed
	}
	return 0
}
