package pane

import (
	"slices"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/frame"
)

// placed is what stands somewhere on a board: a panel, or the title of a row.
type placed struct {
	panel int        // -1: the title of row
	row   int        // -1: above all rows
	at    frame.Rect // from the top of the board, however far it is scrolled
}

// layout is where everything stands in a view of w columns and h rows.
type layout struct {
	w, h    int
	columns int // of panels that have no place; 0 = as many as fit well
	all     []placed
	height  int
}

// The rows that a panel of the usual eight units gets in a view of h rows: so many
// that whole panels fill it.
func usualRows(h int) int {
	switch {
	case h < 2*leastPanelHeight:
		return max(h, 1)
	case h < 30:
		return h / (h / leastPanelHeight)
	}
	return h / (h / 10)
}

// add lays out the panels of one section below what is there.
func (l *layout) add(b *query.Board, row int, panels []int, alone bool) {
	if len(panels) == 0 {
		return
	}
	if !slices.ContainsFunc(panels, func(i int) bool { return b.Panels[i].Place != nil }) {
		l.grid(row, panels, alone)
		return
	}
	places := placesOf(b, panels)
	if l.designed(b, panels, places) {
		l.asDesigned(b, row, panels, places)
		return
	}
	l.flow(b, row, panels, places)
}

// title is the line above a row's panels.
func (l *layout) title(row int) {
	l.all = append(l.all, placed{panel: -1, row: row, at: frame.Rect{Y: l.height, W: l.w, H: 1}})
	l.height++
}

// grid lays panels without places side by side, as many as fit well; where they are
// all that there is, their rows fill the view.
func (l *layout) grid(row int, panels []int, alone bool) {
	columns := l.columns
	if columns == 0 {
		columns = max(min((l.w+1)/(goodPanelWidth+1), mostColumns), 1)
	}
	columns = max(min(columns, len(panels)), 1)
	need := (len(panels) + columns - 1) / columns
	var heights []int
	if alone {
		rows := max(min(need, l.h/leastPanelHeight), 1)
		for _, r := range (frame.Rect{W: l.w, H: l.h}).Rows(0, slices.Repeat([]int{1}, rows)...) {
			heights = append(heights, r.H)
		}
	} else {
		heights = []int{usualRows(l.h)}
	}
	for y := range need {
		h := heights[y%len(heights)]
		for x, r := range (frame.Rect{Y: l.height, W: l.w, H: h}).Columns(0, slices.Repeat([]int{1}, columns)...) {
			if n := y*columns + x; n < len(panels) {
				l.all = append(l.all, placed{panels[n], row, r})
			}
		}
		l.height += h
	}
}

// placesOf are the places of panels; one without any stands below the one before.
func placesOf(b *query.Board, panels []int) []query.Place {
	out := make([]query.Place, len(panels))
	next := 0
	for n, i := range panels {
		if p := b.Panels[i].Place; p != nil {
			out[n] = *p
		} else {
			out[n] = query.Place{Y: next, W: query.GridColumns / 2, H: 8}
		}
		next = max(next, out[n].Y+out[n].H)
	}
	return out
}

// leastWidth and leastHeight are what a panel's type needs to be read.
func leastWidth(t query.PanelType) int {
	switch t {
	case query.Stat, query.Gauge:
		return 15
	case query.Text, query.NotDrawn, query.BarGauge, query.TopN:
		return 24
	}
	return goodPanelWidth
}

func leastHeight(t query.PanelType) int {
	switch t {
	case query.Stat, query.Gauge, query.Text, query.NotDrawn:
		return 3
	case query.BarGauge, query.TopN, query.AlertList, query.EventList, query.StateTimeline:
		return 4
	}
	return 6
}

// designed reports whether the places can be kept: every panel is wide enough in
// them, and no two overlap.
func (l *layout) designed(b *query.Board, panels []int, places []query.Place) bool {
	for n, i := range panels {
		if places[n].W*l.w/query.GridColumns < leastWidth(b.Panels[i].Type) {
			return false
		}
		for k := range n {
			p, o := places[n], places[k]
			if p.X < o.X+o.W && o.X < p.X+p.W && p.Y < o.Y+o.H && o.Y < p.Y+p.H {
				return false
			}
		}
	}
	return true
}

// asDesigned keeps the places. Heights are scaled, empty stretches left out, and no
// panel is less tall than it needs.
func (l *layout) asDesigned(b *query.Board, row int, panels []int, places []query.Place) {
	edges := []int{}
	for _, p := range places {
		edges = append(edges, p.Y, p.Y+p.H)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	at := map[int]int{edges[0]: l.height} // the row of the screen at which an edge is
	usual := usualRows(l.h)
	for e := 1; e < len(edges); e++ {
		from, to := edges[e-1], edges[e]
		y := at[from]
		if slices.ContainsFunc(places, func(p query.Place) bool { return p.Y <= from && p.Y+p.H >= to }) {
			y += scaled(to, usual) - scaled(from, usual)
		}
		for n, i := range panels {
			if places[n].Y+places[n].H == to {
				y = max(y, at[places[n].Y]+leastHeight(b.Panels[i].Type))
			}
		}
		at[to] = y
	}
	first := len(l.all)
	for n, i := range panels {
		p := places[n]
		left, right := p.X*l.w/query.GridColumns, (p.X+p.W)*l.w/query.GridColumns
		l.all = append(l.all, placed{i, row, frame.Rect{X: left, Y: at[p.Y], W: right - left, H: at[p.Y+p.H] - at[p.Y]}})
	}
	sortPlaced(l.all[first:])
	l.height = at[edges[len(edges)-1]]
}

// scaled is units of height in rows.
func scaled(units, usual int) int { return units * usual / 8 }

// sortPlaced puts panels in the order of reading.
func sortPlaced(all []placed) {
	slices.SortStableFunc(all, func(a, b placed) int {
		if a.at.Y != b.at.Y {
			return a.at.Y - b.at.Y
		}
		return a.at.X - b.at.X
	})
}

// flow sets panels one after the other, in the order of reading, each as wide as it
// was meant or as it needs; what stands in a line fills it.
func (l *layout) flow(b *query.Board, row int, panels []int, places []query.Place) {
	order := make([]int, len(panels))
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(i, j int) int {
		if places[i].Y != places[j].Y {
			return places[i].Y - places[j].Y
		}
		return places[i].X - places[j].X
	})
	var line []int
	used := 0
	for _, n := range order {
		w := l.units(b.Panels[panels[n]].Type, places[n].W)
		if used+w > query.GridColumns && len(line) > 0 {
			l.line(b, row, panels, places, line)
			line, used = nil, 0
		}
		line, used = append(line, n), used+w
	}
	if len(line) > 0 {
		l.line(b, row, panels, places, line)
	}
}

// units is how many of the 24 columns a panel needs here: what it was given, or a
// whole part of the width that is enough.
func (l *layout) units(t query.PanelType, given int) int {
	for _, w := range []int{2, 3, 4, 6, 8, 12} {
		if w >= given && w*l.w/query.GridColumns >= leastWidth(t) {
			return w
		}
	}
	if given <= 12 && l.w/2 >= leastWidth(t) {
		return 12
	}
	return query.GridColumns
}

// line sets one line of panels, as tall as the tallest.
func (l *layout) line(b *query.Board, row int, panels []int, places []query.Place, line []int) {
	weights := make([]int, len(line))
	h := 0
	for k, n := range line {
		t := b.Panels[panels[n]].Type
		weights[k] = l.units(t, places[n].W)
		h = max(h, min(scaled(places[n].H, usualRows(l.h)), max(l.h, 1)), leastHeight(t))
	}
	for k, r := range (frame.Rect{Y: l.height, W: l.w, H: h}).Columns(0, weights...) {
		l.all = append(l.all, placed{panels[line[k]], row, r})
	}
	l.height += h
}
