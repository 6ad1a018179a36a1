package query

// Open are the panels that are asked for before anybody has opened a row: those
// outside of collapsed ones, and signals wherever they stand.
func (b *Board) Open() []int {
	var open []int
	for i := range b.Panels {
		if r := b.RowOf(i); r < 0 || !b.Rows[r].Collapsed || b.Panels[i].Signal {
			open = append(open, i)
		}
	}
	return open
}

// RowOf is the row that a panel stands in, -1 for those above all rows.
func (b *Board) RowOf(panel int) int {
	for i := range b.Rows {
		if panel >= b.Rows[i].From && panel < b.Rows[i].To {
			return i
		}
	}
	return -1
}
