package query

import (
	"slices"
	"strconv"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Comparisons are what a person wants charts to be compared with: the same so long
// ago, by the names of panels (see PanelNames). Those of EveryPanel are of all that
// have none of their own. An entry without lengths compares with nothing, whatever
// the board says.
type Comparisons map[string][]time.Duration

// EveryPanel is the entry of Comparisons that is for all panels of a board.
const EveryPanel = "\x00every"

// MostCompared is how many earlier times a chart is compared with at once, and
// FarthestCompared how long ago the earliest may be.
const (
	MostCompared     = 3
	FarthestCompared = longestRange
)

// of is what a panel is compared with; false as its board says.
func (c Comparisons) of(name string) ([]time.Duration, bool) {
	if ago, said := c[name]; said {
		return ago, true
	}
	ago, said := c[EveryPanel]
	return ago, said
}

// With is c with another entry; one for EveryPanel takes the place of all.
func (c Comparisons) With(name string, ago []time.Duration) Comparisons {
	all := Comparisons{}
	if name != EveryPanel {
		for k, v := range c {
			all[k] = v
		}
	}
	all[name] = ago
	return all
}

// PanelNames are the titles of the board's panels, with a number where others
// before have the same.
func (b *Board) PanelNames() []string {
	names, seen := make([]string, len(b.Panels)), map[string]int{}
	for i := range b.Panels {
		names[i] = b.Panels[i].Title
		if seen[names[i]]++; seen[names[i]] > 1 {
			names[i] += " #" + strconv.Itoa(seen[names[i]])
		}
	}
	return names
}

// Compares reports whether the panel is one that can be compared with earlier times.
func (p *Panel) Compares() bool {
	return p.Type == TimeSeries && slices.ContainsFunc(p.Queries, func(q Query) bool { return !q.Hidden && !q.Instant })
}

// comparing is the board with its panels compared as a person wants.
func (e *expanded) comparing(c Comparisons) *expanded {
	if len(c) == 0 {
		return e
	}
	board, other := *e.board, *e
	board.Panels, other.board = slices.Clone(board.Panels), &board
	for i, name := range board.PanelNames() {
		ago, said := c.of(name)
		if !said || !board.Panels[i].Compares() {
			continue
		}
		board.Panels[i].Compare = nil
		for _, d := range ago[:min(len(ago), MostCompared)] {
			board.Panels[i].Compare = append(board.Panels[i].Compare, strictyaml.Duration(d))
		}
	}
	return &other
}

// SetComparisons has the panels of the board compared with what a person wants.
func (p *Poller) SetComparisons(c Comparisons) {
	p.change(func(w *window) { w.compared = c })
}
