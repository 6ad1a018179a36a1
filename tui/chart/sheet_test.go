package chart

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/tui/safe"
)

// Where there is no room for all columns, the value that a table is about is there
// to the last, and what says the same in every row goes first.
func TestTheValueHasRoom(t *testing.T) {
	s := Sheet{Rows: []int{0}, Sorted: -1}
	for _, c := range []struct {
		name  string
		cell  string
		right bool
		spare bool
	}{
		{"Time", "2026-11-27 17:10:00", false, true},
		{"__name__", "up", false, true},
		{"instance", "127.0.0.1:9090", false, false},
		{"job", "prometheus", false, false},
		{"Value", "1", true, false},
	} {
		s.Columns = append(s.Columns, SheetColumn{Name: safe.New(c.name, 60), Right: c.right, Spare: c.spare, Cells: []Cell{{Text: safe.New(c.cell, 60), Ratio: math.NaN()}}})
	}
	for width, want := range map[int][]int{
		80: {0, 1, 2, 3, 4},
		58: {0, 2, 3, 4},
		52: {1, 2, 3, 4}, // a spare column is there whole or not at all
		39: {2, 3, 4},
		24: {2, 4},
		5:  {2},
	} {
		shown, widths := s.widths(width)
		require.Equal(t, want, shown, "%d cells", width)
		require.Len(t, widths, len(shown))
	}
}
