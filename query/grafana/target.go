package grafana

import (
	"fmt"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// targets reads the queries of the panel, each with what became of it.
func (p *panel) targets() {
	own := p.im.sourceOf(p.json.at("datasource"))
	list := p.json.at("targets").list()
	if own.kind == "dashboard" {
		own, list = p.shared(list)
	}
	for i, t := range list {
		s := p.im.sourceOf(t.at("datasource"))
		if s.kind == "" && s.name == "" || own.kind != "mixed" && own.kind != "" && !t.at("datasource").isObject() {
			s = own
		}
		p.target(i, t, s)
	}
}

// shared is the queries of the panel whose answers this one shows.
func (p *panel) shared(list []value) (source, []value) {
	for _, t := range list {
		id, ok := t.at("panelId").number()
		if other, found := p.im.panels[id]; ok && found && p.im.sourceOf(other.at("datasource")).kind != "dashboard" {
			return p.im.sourceOf(other.at("datasource")), other.at("targets").list()
		}
	}
	return source{kind: "dashboard"}, list
}

// target reads one query.
func (p *panel) target(i int, t value, s source) {
	ref := t.at("refId").line()
	text := queryText(t)
	said := QueryReport{Ref: ref, Text: text}
	defer func() { p.report.Queries = append(p.report.Queries, said) }()
	raw, isExpr := t.at("expr").any.(string)
	switch {
	case s.kind == "dashboard":
		said.Why = "the result of another panel, which is not there"
	case !s.isPrometheus():
		said.Why = "it is " + language(s.kind)
		p.foreign(ref, text, t)
	case strings.TrimSpace(text) == "":
		said.Why = empty
	case !isExpr:
		said.Why = "it is " + language("")
		p.foreign(ref, text, t)
	case len(raw) > longestText:
		said.Why = fmt.Sprintf("it is longer than %d KiB", longestText>>10)
	case len(p.board.Queries) == maxQueries:
		said.Why = fmt.Sprintf("a panel has at most %d queries", maxQueries)
	default:
		q := query.Query{Expr: strings.TrimSpace(text), Legend: p.legendOf(t), Ref: p.refOf(ref), Hidden: t.at("hide").yes()}
		if fault := p.im.board.CheckExpr(q.Expr); fault != nil {
			said.Why = "it is not PromQL as Prometheus knows it: " + fault.Msg
			p.foreign(ref, text, t)
			return
		}
		said.Carried, said.Why = true, p.im.doubt(q.Expr)
		p.how(&q, t)
		p.from(&q, s)
		p.board.Queries = append(p.board.Queries, q)
	}
}

// foreign keeps a query that cannot be asked, for a panel that is not drawn.
func (p *panel) foreign(ref, text string, t value) {
	if text != "" && len(p.kept) < maxQueries && len(text) < longestText {
		p.kept = append(p.kept, query.Query{Expr: strings.TrimSpace(text), Hidden: t.at("hide").yes()})
	}
}

// queryText is what a person would call the query, whatever the language.
func queryText(t value) string {
	for _, key := range []string{"expr", "query", "rawSql", "rawQuery", "target", "expression", "queryText", "url"} {
		if text := t.at(key).text(); strings.TrimSpace(text) != "" {
			return text
		}
	}
	return ""
}

// doubt says of an expression with variables that it may not be PromQL whatever
// they stand for.
func (im *importer) doubt(expr string) string {
	filled := im.assumed.Fill(expr)
	if filled == expr {
		return ""
	}
	if fault := query.CheckExpr(filled); fault != nil {
		return "with the first values of its variables it does not parse: " + fault.Msg
	}
	return ""
}

// refOf is the query's letter; empty where its place gives it the same. One that is
// taken is left to the place, or to the next letter that is free.
func (p *panel) refOf(ref string) string {
	place := (&query.Panel{Queries: make([]query.Query, len(p.board.Queries)+1)}).Ref(len(p.board.Queries))
	if ref == "" {
		ref = place
	}
	if p.refs[ref] {
		was := ref
		for i := range 2 * maxQueries {
			ref = (&query.Panel{Queries: make([]query.Query, i+1)}).Ref(i)
			if !p.refs[ref] {
				break
			}
		}
		p.report.lacks("two queries %s (the later is called %s)", was, ref)
	}
	p.refs[ref] = true
	if ref == place {
		return ""
	}
	return ref
}

func (p *panel) legendOf(t value) string { return t.at("legendFormat").line() }

// how reads when and in which form a query is asked.
func (p *panel) how(q *query.Query, t value) {
	q.Instant = t.at("instant").yes() && !t.at("range").yes()
	if t.at("instant").yes() && t.at("range").yes() {
		p.report.lacks("query %s is asked for its range alone, not for the newest value beside it", p.report.ref(t))
	}
	switch format := t.at("format").text(); format {
	case "table":
		q.Format = query.AsTable
	case "heatmap":
		q.Format = query.AsHeatmap
	case "time_series", "":
	default:
		p.report.lacks("the format %q of a query", t.at("format").line())
	}
	q.MinStep = p.step(t.at("interval"))
	if n, ok := t.at("intervalFactor").number(); ok && n > 1 {
		p.im.coarse++
	}
	if t.at("exemplar").yes() {
		p.im.exemplars++
	}
}

func (r *PanelReport) ref(t value) string {
	if ref := t.at("refId").line(); ref != "" {
		return ref
	}
	return fmt.Sprint(len(r.Queries) + 1)
}

// step reads a least step: 1m, >1m, $interval.
func (p *panel) step(v value) string {
	text := strings.TrimSpace(strings.TrimPrefix(v.line(), ">"))
	switch name := (source{name: text}).variable(); {
	case text == "" || text == "auto" || strings.HasPrefix(name, "__"):
		return ""
	case name != "":
		if p.im.has[name] {
			return "$" + name
		}
	default:
		if _, err := strictyaml.ParseDuration(text); err == nil {
			return text
		}
	}
	p.report.lacks("the least step %q", text)
	return ""
}

// from says which source the query goes to, where that is not the board's.
func (p *panel) from(q *query.Query, s source) {
	if name := s.variable(); name != "" {
		if p.im.has[name] && "$"+name != p.im.board.Source {
			q.Source = "$" + name
		}
		return
	}
	if s.name != "" && p.im.usual != "" && s.name != p.im.usual {
		p.report.lacks("data source %q: its queries go to the board's; name one of the sources of sitrep.yaml with source:", s.name)
	}
}
