package query

import (
	"errors"
	"slices"
	"time"
)

// Snapshot is a board at one moment. It is never written to after it was
// reported, so any goroutine may keep and read it.
type Snapshot struct {
	Board      *Board
	Panels     []PanelData // one for each panel of the board, in its order
	Generation uint64      // of the window; a new one after each SetWindow
	At         time.Time
	Grid       Grid   // that is being asked; a panel's own Frame may still be older
	Source     string // who answered, for the header
	Frozen     bool   // it was kept, and is not asked for any more: no clock makes it old
}

// PanelData is the last good answer of a panel and what went wrong since. With
// At zero and no Err it is loading; with At and Err it shows old data.
type PanelData struct {
	Frame Frame
	Err   error
	At    time.Time     // of the last good answer
	Took  time.Duration // of the last answer, good or bad
}

// part is the answer to one query of a panel.
type part struct {
	panel, query int
	frame        Frame
	err          error
	took         time.Duration
}

// gathering collects the parts of the panels of one round.
type gathering struct {
	board *Board
	grid  Grid
	parts [][]part
}

func newGathering(b *Board, g Grid) *gathering {
	return &gathering{board: b, grid: g, parts: make([][]part, len(b.Panels))}
}

// add takes a part in; with the last one of its panel it returns what the panel
// shows now, given what it showed before.
func (g *gathering) add(p part, before PanelData, at time.Time) (PanelData, bool) {
	g.parts[p.panel] = append(g.parts[p.panel], p)
	panel := &g.board.Panels[p.panel]
	if len(g.parts[p.panel]) < panel.asked() {
		return before, false
	}
	parts := g.parts[p.panel]
	slices.SortFunc(parts, func(a, b part) int { return a.query - b.query })
	now := before
	now.Err, now.Took = nil, 0
	merged := Frame{Grid: g.grid, At: at}
	for _, q := range parts {
		now.Took = max(now.Took, q.took)
		if q.err != nil {
			now.Err = errors.Join(now.Err, q.err)
			continue
		}
		series := slices.Clone(q.frame.Series)
		setLegends(panel.Queries[q.query].Legend, panel.Title, series)
		for i := range series {
			series[i].Ref = panel.Ref(q.query)
		}
		merged.Series = append(merged.Series, series...)
		merged.Warnings = append(merged.Warnings, q.frame.Warnings...)
		merged.Infos = append(merged.Infos, q.frame.Infos...)
	}
	if now.Err != nil {
		if len(parts) == 1 {
			now.Err = parts[0].err
		}
		return now, true
	}
	merged.Took = now.Took
	now.Frame, now.At = merged, at
	return now, true
}
