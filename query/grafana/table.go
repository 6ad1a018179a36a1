package grafana

import (
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// table reads a table; one with styles is of Grafana before version 7.
func (p *panel) table() {
	p.board.Type = query.Table
	if p.kind == "table-old" || p.json.at("styles").any != nil && !p.json.at("fieldConfig", "defaults").isObject() {
		p.oldTable()
		return
	}
	p.defaults()
	p.overrides()
	for _, s := range p.json.at("options", "sortBy").list() {
		if column := s.at("displayName").line(); column != "" {
			p.board.SortBy = append(p.board.SortBy, query.SortBy{Column: column, Desc: s.at("desc").yes()})
		}
	}
	p.footer()
}

// footer is a row below the table with sums and the like.
func (p *panel) footer() {
	if f := p.json.at("options", "footer"); f.at("show").yes() && !f.at("countRows").yes() {
		p.report.lacks("the row of %s below the table", strings.Join(f.at("reducer").texts(), ", "))
	}
}

// oldTable reads styles, columns and the transform.
func (p *panel) oldTable() {
	styles := p.json.at("styles").list()
	var named []string
	for _, s := range styles {
		p.style(s, named)
		if name := s.at("pattern").line(); !strings.HasPrefix(name, "/") {
			named = append(named, name)
		}
	}
	slices.Reverse(p.board.Overrides) // of styles the first that matches is the one
	switch how := p.json.at("transform").text(); how {
	case "timeseries_to_columns":
		p.board.Transforms = append(p.board.Transforms, query.Transform{Join: &query.Join{By: "Time"}})
	case "timeseries_to_rows":
		p.board.Transforms = append(p.board.Transforms, query.Transform{SeriesToRows: &struct{}{}})
	case "timeseries_aggregations":
		var ids []string
		for _, c := range p.json.at("columns").list() {
			ids = append(ids, c.at("value").text())
		}
		p.board.Transforms = append(p.board.Transforms, query.Transform{ReduceTo: &query.ReduceTo{Calc: p.reducers("the table", ids)}})
	case "table", "":
		if len(p.board.Queries) > 1 {
			p.board.Transforms = append(p.board.Transforms, query.Transform{Merge: &struct{}{}})
		}
	default:
		p.report.lacks("a table made as %q", p.json.at("transform").line())
	}
	if n, ok := p.json.at("sort", "col").number(); ok {
		p.report.lacks("sorted by its column %v", n+1)
	}
}

// style is what an old table says of a column, by name or /regex/. Columns that
// have been named before are not meant.
func (p *panel) style(s value, named []string) {
	pattern, set := s.at("pattern").text(), query.Field{}
	if s.at("type").text() == "hidden" {
		set.Hidden = true
	}
	if alias := s.at("alias").line(); alias != "" {
		set.Name = alias
	}
	if s.at("type").text() == "number" {
		set.Unit = p.im.unit(s.at("unit").line())
		p.property(&set, "decimals", s.at("decimals"))
	}
	if mode := s.at("colorMode").text(); mode != "" {
		set.Cell = query.CellColour
		if mode != "value" {
			set.Cell = query.CellBackground
		}
		p.oldThresholds(&set, s.at("thresholds").texts(), s.at("colors").texts())
	}
	if s.at("link").yes() {
		set.Links = p.links([]value{{map[string]any{"title": s.at("linkTooltip").line(), "url": s.at("linkUrl").any}}})
	}
	for _, key := range []string{"valueMaps", "rangeMaps"} {
		for _, m := range s.at(key).list() {
			if key == "rangeMaps" {
				m = with(m, "type", "2")
			}
			set.Mappings = append(set.Mappings, p.mappings([]value{m})...)
		}
	}
	if isZero(&set) || pattern == "" {
		return
	}
	match := query.Match{Name: value{pattern}.line()}
	if strings.HasPrefix(pattern, "/") {
		re, ok := p.regex(pattern, "a column's style")
		if !ok {
			return
		}
		match = query.Match{Regex: re}
		if re == ".*" && len(named) > 0 {
			match = query.Match{Except: slices.Clone(named)}
		}
	}
	p.board.Overrides = append(p.board.Overrides, query.Override{Match: match, Set: set})
}
