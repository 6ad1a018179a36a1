package grafana

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// group is the panels below one row, or those that are in none.
type group struct {
	row    value // nothing: in no row
	titled bool
	panels []value
}

// groups are the panels of the dashboard by their rows, in the order of the page.
// Copies that a repeated panel or row left in the file are not among them.
func (im *importer) groups() []group {
	list := im.json.at("panels").list()
	if !slices.ContainsFunc(list, func(p value) bool { return math.IsInf(position(p, "y"), 0) }) { // without places the order is all there is
		slices.SortStableFunc(list, func(a, b value) int {
			return cmp.Or(cmp.Compare(position(a, "y"), position(b, "y")), cmp.Compare(position(a, "x"), position(b, "x")))
		})
	}
	all := []group{{}}
	copied := false
	for _, p := range list {
		switch {
		case p.at("type").text() == "row":
			if copied = isCopy(p); !copied {
				all = append(all, group{row: p, titled: true, panels: p.at("panels").list()})
			}
		case !isCopy(p) && !copied:
			last := &all[len(all)-1]
			last.panels = append(last.panels, p)
		}
	}
	all = append(all, im.oldRows()...)
	for _, g := range all {
		for _, p := range g.panels {
			if id, ok := p.at("id").number(); ok {
				im.panels[id] = p
			}
		}
	}
	return all
}

// isCopy reports whether Grafana made the panel by repeating another.
func isCopy(p value) bool {
	return (p.at("repeatPanelId").any != nil || p.at("repeatedByRow").yes()) && p.at("repeat").line() == ""
}

func position(p value, axis string) float64 {
	n, ok := p.at("gridPos", axis).number()
	if !ok {
		return math.Inf(1)
	}
	return n
}

// oldRows reads rows[], of Grafana before version 5: panels stand side by side by
// their spans of twelve. Rows have titles if any of them shows one.
func (im *importer) oldRows() (all []group) {
	rows := im.json.at("rows").list()
	titled := slices.ContainsFunc(rows, func(r value) bool {
		return r.at("collapse").yes() || r.at("showTitle").yes() || r.at("repeat").line() != ""
	})
	y := 0
	for _, r := range rows {
		if isCopy(r) || r.at("repeatIteration").any != nil && r.at("repeat").line() == "" && r.at("repeatRowId").any != nil {
			continue
		}
		g := group{row: r, titled: titled}
		height := gridHeight(r.at("height"), 7)
		x, below := 0, y
		for _, p := range r.at("panels").list() {
			m, ok := p.any.(map[string]any)
			if !ok || isCopy(p) {
				continue
			}
			w := min(query.GridColumns, 2*p.at("span").whole(1, 12, 4))
			if x+w > query.GridColumns {
				x, y = 0, below
			}
			h := gridHeight(p.at("height"), height)
			if !p.at("gridPos").isObject() {
				m["gridPos"] = map[string]any{"x": float64(x), "y": float64(y), "w": float64(w), "h": float64(h)}
			}
			x, below = x+w, max(below, y+h)
			g.panels = append(g.panels, p)
		}
		y = below
		all = append(all, g)
	}
	return all
}

// gridHeight is a height in pixels as rows of the grid, of 38 pixels each.
func gridHeight(v value, otherwise int) int {
	px, ok := value{strings.TrimSuffix(v.line(), "px")}.number()
	if !ok {
		return otherwise
	}
	return int(math.Ceil(max(90, min(px, 2000)) / 38))
}

// place reads all panels, and puts them into the board.
func (im *importer) place(groups []group) {
	for _, g := range groups {
		if g.row.any == nil && len(g.panels) == 0 {
			continue
		}
		title := ""
		if g.titled {
			title = g.row.at("title").line()
		}
		row := query.Row{Title: title, From: len(im.board.Panels), Collapsed: g.row.at("collapsed").yes() || g.row.at("collapse").yes()}
		if name := g.row.at("repeat").line(); name != "" && g.titled {
			if im.has[name] {
				row.Repeat = name
			} else {
				im.report.note("row %q is not repeated: there is no variable %q on the board", title, name)
			}
		}
		im.panelsOf(g.panels, title)
		if row.To = len(im.board.Panels); g.titled && row.To > row.From {
			im.board.Rows = append(im.board.Rows, row)
		}
	}
}

// panelsOf reads the panels of one row; their places count from its top.
func (im *importer) panelsOf(panels []value, row string) {
	top := math.Inf(1)
	for _, v := range panels {
		if y := position(v, "y"); y < top {
			top = y
		}
	}
	if len(im.board.Rows) == 0 && row == "" && len(im.board.Panels) > 0 {
		top = min(top, 0) // rows without titles are one below the other
	}
	for _, v := range panels {
		if !v.isObject() {
			im.report.note("a panel that is no object: %q", fmt.Sprint(v.any)[:min(40, len(fmt.Sprint(v.any)))])
			continue
		}
		p := im.panel(v)
		p.report.Row = row
		if p.report.As != "" && len(im.board.Panels) == maxPanels {
			p.refuse(fmt.Sprintf("a board has at most %d panels", maxPanels))
		}
		if p.report.As != "" {
			p.board.Place = placeOf(v, top)
			im.board.Panels = append(im.board.Panels, p.board)
		}
		im.report.Panels = append(im.report.Panels, p.report)
	}
}

// placeOf is gridPos within the grid.
func placeOf(v value, top float64) *query.Place {
	pos := v.at("gridPos")
	if !pos.isObject() {
		return nil
	}
	pl := query.Place{X: pos.at("x").whole(0, query.GridColumns-1, 0), W: pos.at("w").whole(1, query.GridColumns, 12), H: pos.at("h").whole(1, 1000, 8)}
	pl.W = min(pl.W, query.GridColumns-pl.X)
	if y, ok := pos.at("y").number(); ok {
		pl.Y = int(max(0, min(y-top, 100_000)))
	}
	return &pl
}
