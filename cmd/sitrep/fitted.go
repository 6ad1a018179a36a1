package main

import (
	"io"

	"github.com/sitrep-dev/sitrep/tui/safe"
)

// giving is the columns that give way where there is no room for all, with how narrow
// each may be made.
type giving map[int]int

// fittedTable is a table that fits the terminal that it goes to: the widest of the
// columns that give way is cut first. What is no terminal gets everything.
func fittedTable(w io.Writer, rows [][]string, gives giving) error {
	width, _ := terminalOf(w)
	return table(w, fitted(rows, width, gives))
}

// fitted are rows of which no line is wider than width, if giving columns can do that.
func fitted(rows [][]string, width int, gives giving) [][]string {
	const gap = 2 // as table's
	var widths []int
	total := -gap
	out := make([][]string, len(rows))
	for r, row := range rows {
		out[r] = make([]string, len(row))
		for i, cell := range row {
			t := safe.New(cell, maxLine)
			out[r][i] = t.String()
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], t.Width())
		}
	}
	for _, n := range widths {
		total += n + gap
	}
	for total > width {
		widest := -1
		for i, least := range gives {
			if i < len(widths) && widths[i] > least && (widest < 0 || widths[i] > widths[widest] || widths[i] == widths[widest] && i > widest) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		total--
	}
	for _, row := range out {
		for i := range gives {
			row[i] = safe.New(row[i], maxLine).Fit(widths[i]).String()
		}
	}
	return out
}
