package query

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Snapshot is a board at one moment. It is never written to after it was
// reported, so any goroutine may keep and read it.
type Snapshot struct {
	Board      *Board
	Panels     []PanelData // one for each panel of the board, in its order
	Generation uint64      // of the window, board and values; a new one after each change
	At         time.Time
	Grid       Grid        // that is being asked; a panel's own Frame may still be older
	Source     string      // who answered, for the header
	Offers     []Offer     // what the board's variables offer, in their order; nil before that is known
	Chosen     Values      // what a person chose of them
	Compared   Comparisons // what a person wants panels to be compared with
	Frozen     bool        // it was kept, and is not asked for any more: no clock makes it old
}

// PanelData is the last good answer of a panel and what went wrong since. With
// At zero and no Err it is loading; with At and Err it shows old data.
type PanelData struct {
	Frame  Frame
	Err    error
	At     time.Time     // of the last good answer
	Took   time.Duration // of the last answer, good or bad
	Points int           // values that the last good answer had
}

// gathering collects the parts of the panels of one round.
type gathering struct {
	board *Board
	jobs  map[int]int // how many a panel has
	grids map[int]Grid
	parts map[int][]part
}

func newGathering(b *Board) *gathering {
	return &gathering{board: b, jobs: map[int]int{}, grids: map[int]Grid{}, parts: map[int][]part{}}
}

// expect says what will be asked. A panel of which every query is about one time
// has a grid of that point.
func (g *gathering) expect(jobs []job) {
	for _, j := range jobs {
		g.jobs[j.panel]++
		if grid, ok := g.grids[j.panel]; !ok || grid.N == 1 && !j.instant {
			g.grids[j.panel] = j.grid
			if j.instant {
				g.grids[j.panel] = Grid{N: 1}
			}
		}
	}
}

// add takes a part in; with the last one of its panel it returns what the panel
// shows now, given what it showed before.
func (g *gathering) add(p part, before PanelData, at time.Time) (PanelData, bool) {
	g.parts[p.panel] = append(g.parts[p.panel], p)
	if len(g.parts[p.panel]) < g.jobs[p.panel] {
		return before, false
	}
	panel, parts, grid := &g.board.Panels[p.panel], g.parts[p.panel], g.grids[p.panel]
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(cmp.Compare(a.query, b.query), cmp.Compare(a.ago, b.ago)) })
	now := before
	now.Err, now.Took, now.Points = nil, 0, 0
	merged := Frame{Grid: grid, At: at}
	said := map[string]bool{}
	for _, q := range parts {
		now.Took = max(now.Took, q.took)
		if q.err != nil {
			if text := q.err.Error(); !said[text] { // two queries may name one fault
				said[text] = true
				now.Err = also(now.Err, q.err)
			}
			continue
		}
		if merged.Grid.N == 1 {
			merged.Grid = q.frame.Grid
		}
		merged.add(panel, q)
	}
	if now.Err != nil {
		return now, true
	}
	for i := range merged.Series {
		now.Points += len(merged.Series[i].Values)
	}
	merged.Took = now.Took
	now.Frame, now.At = merged, at
	return now, true
}

// also is both errors, or the only one as it is.
func also(a, b error) error {
	if a == nil {
		return b
	}
	return errors.Join(a, b)
}

// add takes the series of one query in, on the frame's grid.
func (f *Frame) add(panel *Panel, q part) {
	series := slices.Clone(q.frame.Series)
	setLegends(panel.Queries[q.query].Legend, panel.Title, series)
	for i := range series {
		s := &series[i]
		s.Ref = panel.Ref(q.query)
		if q.ago > 0 {
			s.Ago, s.Now = q.ago, Point{}
			s.Legend += agoNote(q.ago)
		}
		if q.frame.Grid.N == 1 && f.Grid.N > 1 { // one value among those of a stretch
			values := make([]float64, f.Grid.N)
			for j := range values {
				values[j] = Absent()
			}
			values[f.Grid.N-1] = s.Values[0]
			h := s.Histogram(0)
			if s.Values, s.Histograms = values, nil; h != nil {
				s.put(f.Grid.N-1, h)
			}
		}
	}
	f.Series = append(f.Series, series...)
	f.Warnings = append(f.Warnings, q.frame.Warnings...)
	f.Infos = append(f.Infos, q.frame.Infos...)
	f.StandIn = cmp.Or(f.StandIn, q.frame.StandIn)
}

// agoNote is what the name of a series ends with that is older than its place.
func agoNote(ago time.Duration) string {
	return " (" + strictyaml.FormatDuration(ago) + " ago)"
}
