package grafana

import (
	"fmt"
	"html"
	"regexp"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// panel is one panel on its way.
type panel struct {
	im     *importer
	json   value
	kind   string // Grafana's type
	board  query.Panel
	report PanelReport
	refs   map[string]bool
	kept   []query.Query // in other languages, should it not be drawn
	judged bool          // its thresholds have a direction
}

// empty is why a query is not carried that asks nothing in Grafana either.
const empty = "it asks nothing"

var labelName = regexp.MustCompile(`^[a-zA-Z_]\w*$`)

// panel reads one panel of the dashboard.
func (im *importer) panel(v value) *panel {
	p := &panel{im: im, json: im.library(v), refs: map[string]bool{}}
	p.kind = p.json.at("type").line()
	p.board = query.Panel{
		Title: p.json.at("title").line(), Description: strings.TrimSpace(p.json.at("description").text()), Better: query.Lower,
	}
	p.report = PanelReport{Title: p.board.Title, Type: p.kind, Notes: []string{}, Queries: []QueryReport{}}
	if p.kind == "" && p.json.at("libraryPanel").isObject() {
		p.report.Title = p.json.at("libraryPanel", "name").line()
		p.refuse(fmt.Sprintf("the library panel %q is not in the file: export the dashboard with its library panels, or import it by its URL", p.report.Title))
		return p
	}
	draw, known := p.forms()[p.kind]
	p.targets()
	if !known {
		p.leave(fmt.Sprintf("there is no panel of the type %q", p.kind))
		return p
	}
	draw()
	if p.report.Outcome == "" {
		p.finish()
	}
	return p
}

// library is the panel that a library panel stands for, where the file has it.
func (im *importer) library(v value) value {
	model := im.json.at("__elements", v.at("libraryPanel", "uid").text(), "model")
	if v.at("type").text() != "" || !model.isObject() {
		return v
	}
	merged := map[string]any{}
	for _, from := range []value{model, v} {
		for _, k := range from.keys() {
			merged[k] = from.at(k).any
		}
	}
	return value{merged}
}

// forms are the types of panels that have a form here, and how each is read.
func (p *panel) forms() map[string]func() {
	return map[string]func(){
		"timeseries": p.timeseries, "graph": p.graph, "stat": p.stat, "singlestat": p.singlestat, "grafana-singlestat-panel": p.singlestat,
		"gauge": p.gauge, "bargauge": p.bargauge, "table": p.table, "table-old": p.table, "heatmap": p.heatmap,
		"heatmap-new": p.heatmap, "state-timeline": p.stateTimeline, "status-history": p.stateTimeline, "text": p.text, "text2": p.text,
		"piechart": p.piechart, "grafana-piechart-panel": p.piechart, "histogram": p.histogram, "alertlist": p.alertlist, "barchart": p.barchart,
	}
}

// finish reads what all kinds have, and says how it ended.
func (p *panel) finish() {
	if p.board.Type.Asks() && len(p.board.Queries) == 0 {
		why := "it has no query"
		for _, q := range p.report.Queries {
			why = "none of its queries can be asked: " + q.Why
		}
		p.leave(why)
		return
	}
	if p.board.Type.Asks() {
		p.transformations()
		p.time()
		p.alert()
	}
	if name := p.json.at("repeat").line(); name != "" {
		if p.im.has[name] {
			p.board.Repeat = name
		} else {
			p.report.lacks("it is not repeated: there is no variable %q on the board", name)
		}
	}
	p.board.Links = append(p.board.Links, p.links(p.json.at("links").list())...)
	p.title()
	p.report.As, p.report.Outcome = p.board.Type, Drawn
	for _, q := range p.report.Queries {
		if !q.Carried && q.Why != empty {
			p.report.lacks("query %s: %s", q.Ref, q.Why)
		}
	}
	if len(p.report.Notes) > 0 {
		p.report.Outcome = Simplified
	}
}

// title gives a panel without one a name to call it by.
func (p *panel) title() {
	if p.board.Title == "" && p.board.Type != query.Text {
		p.board.Title = string(p.board.Type)
		if len(p.board.Queries) > 0 && p.board.Queries[0].Legend != "" && !strings.ContainsAny(p.board.Queries[0].Legend, "{_$") {
			p.board.Title = p.board.Queries[0].Legend
		}
	}
}

// leave makes the panel one that only shows its title and queries.
func (p *panel) leave(why string) {
	p.board = query.Panel{
		Title: p.board.Title, Description: p.board.Description, Type: query.NotDrawn, Better: query.Lower,
		Queries: append(p.board.Queries, p.kept...),
	}
	for i := range p.board.Queries {
		p.board.Queries[i] = query.Query{Expr: p.board.Queries[i].Expr, Legend: p.board.Queries[i].Legend}
	}
	if len(p.board.Queries) > maxQueries {
		p.board.Queries = p.board.Queries[:maxQueries]
	}
	for i := range p.report.Queries {
		if q := &p.report.Queries[i]; q.Carried {
			q.Carried, q.Why = false, "kept as text: its panel is not drawn"
		}
	}
	p.title()
	p.report.As, p.report.Outcome = query.NotDrawn, NotDrawn
	p.report.Notes = []string{why}
}

// refuse leaves the panel out of the board.
func (p *panel) refuse(why string) {
	p.report.As, p.report.Outcome = "", NotDrawn
	p.report.Notes = append(p.report.Notes, why)
	for i := range p.report.Queries {
		p.report.Queries[i].Carried, p.report.Queries[i].Why = false, why
	}
}

func (p *panel) timeseries() {
	p.board.Type = query.TimeSeries
	p.defaults()
	p.legend()
	p.overrides()
}

func (p *panel) stat() {
	p.board.Type = query.Stat
	p.defaults()
	p.reduceOptions()
	o := p.json.at("options")
	p.board.Spark = o.at("graphMode").text() != "none"
	if p.board.Show == "" {
		p.board.Show = map[string]query.StatText{"value": query.ShowValue, "name": query.ShowName, "value_and_name": query.ShowBoth}[o.at("textMode").text()]
	}
	if o.at("showPercentChange").yes() {
		p.report.lacks("the change in percent beside the value")
	}
	p.overrides()
}

func (p *panel) gauge() {
	p.board.Type = query.Gauge
	p.defaults()
	p.reduceOptions()
	p.overrides()
}

func (p *panel) bargauge() {
	p.board.Type = query.BarGauge
	p.defaults()
	p.reduceOptions()
	p.overrides()
}

func (p *panel) stateTimeline() {
	p.board.Type = query.StateTimeline
	p.defaults()
	p.overrides()
}

func (p *panel) piechart() {
	p.board.Type = query.TopN
	p.report.lacks("its slices are bars, the largest first")
	if p.kind == "grafana-piechart-panel" {
		p.board.Unit = p.im.unit(p.json.at("format").line())
		p.reduceByName(p.json.at("valueName").text())
		return
	}
	p.defaults()
	p.reduceOptions()
	p.overrides()
}

// histogram is of the values of all series, however old; here they are drawn over
// time.
func (p *panel) histogram() {
	p.board.Type = query.TimeSeries
	for _, q := range p.board.Queries {
		if q.Format == query.AsHeatmap {
			p.board.Type = query.Heatmap
		}
	}
	p.report.lacks("values over time instead of how often each was")
	p.defaults()
	p.overrides()
}

// barchart has a bar a row of a table, and of series a bar a point.
func (p *panel) barchart() {
	p.board.Type, p.board.Every = query.BarGauge, true
	for _, q := range p.board.Queries {
		if !q.Instant && q.Format != query.AsTable {
			p.board.Type, p.board.Every = query.TimeSeries, false
		}
	}
	p.defaults()
	if p.board.Type == query.TimeSeries {
		p.board.Draw = query.Bars
		p.legend()
	}
	if mode := p.json.at("options", "stacking").text(); mode == "normal" || mode == "percent" {
		p.board.Stack = query.Stack(mode)
	}
	if x := p.json.at("options", "xField").line(); x != "" && x != "Time" {
		p.report.lacks("bars by the field %q", x)
	}
	p.overrides()
}

func (p *panel) heatmap() {
	p.board.Type = query.Heatmap
	p.defaults()
	y := p.json.at("options", "yAxis")
	if !y.isObject() {
		y = p.json.at("yAxis")
		p.board.Unit = p.im.unit(y.at("format").line())
	}
	if unit := y.at("unit").line(); unit != "" {
		p.board.Unit = p.im.unit(unit)
	}
	for id, key := range map[string]string{"decimals": "decimals", "min": "min", "max": "max"} {
		if y.at(key).any != nil {
			p.property(&p.board.Field, id, y.at(key))
		}
	}
	p.bounds(&p.board.Field)
	if p.json.at("options", "calculate").yes() || p.json.at("dataFormat").text() == "timeseries" {
		p.report.lacks("buckets made of the series' values: only series that are buckets are drawn as such")
	}
}

// unasked takes the queries off a panel of a kind that asks none; Grafana leaves
// those of the kind that it was before.
func (p *panel) unasked() {
	p.board.Queries = nil
	for i := range p.report.Queries {
		p.report.Queries[i].Carried, p.report.Queries[i].Why = false, empty
	}
}

func (p *panel) alertlist() {
	p.board.Type = query.AlertList
	p.unasked()
	o := p.json.at("options")
	for _, key := range []string{"alertName", "alertInstanceLabelFilter", "folder", "tags", "dashboardTitle"} {
		if v := o.at(key); len(v.texts())+len(v.keys()) > 0 {
			p.report.lacks("which alerts are listed (%s): all are", key)
		}
	}
}

var (
	tags   = regexp.MustCompile(`(?s)<(script|style)\b.*?</(script|style)>|<!--.*?-->|<[^>]*>`)
	breaks = regexp.MustCompile(`(?i)<br\s*/?>|</(p|div|h[1-6]|li|tr)>`)
	blank  = regexp.MustCompile(`\n\s*\n\s*\n+`)
)

func (p *panel) text() {
	p.board.Type = query.Text
	p.unasked()
	content, mode := p.json.at("options", "content").text(), p.json.at("options", "mode").text()
	if !p.json.at("options", "content").isText() {
		content, mode = p.json.at("content").text(), p.json.at("mode").text()
	}
	if mode == "html" {
		plain := html.UnescapeString(tags.ReplaceAllString(breaks.ReplaceAllString(content, "\n"), ""))
		if content = strings.TrimSpace(blank.ReplaceAllString(clean(plain), "\n\n")); plain != content {
			p.report.lacks("HTML: its text alone")
		}
	}
	if content = strings.TrimSpace(content); content == "" {
		if p.board.Title == "" {
			p.refuse("it is an empty text without a title")
			return
		}
		content = p.board.Title
	}
	p.board.Markdown = content
}

// time reads the panel's own window.
func (p *panel) time() {
	p.board.MinStep = p.step(p.json.at("interval"))
	for key, to := range map[string]*strictyaml.Duration{"timeFrom": &p.board.LastSpan, "timeShift": &p.board.Shift} {
		text := strings.TrimPrefix(strings.TrimPrefix(p.json.at(key).line(), "now-"), "-")
		if text == "" {
			continue
		}
		if d, ok := length(text); ok && d > 0 {
			*to = strictyaml.Duration(d)
		} else {
			p.report.lacks("its own time (%s %q)", key, p.json.at(key).line())
		}
	}
}

// alert says that a rule which stood in the panel is not carried.
func (p *panel) alert() {
	if a := p.json.at("alert"); a.isObject() {
		p.report.lacks("its alert rule %q: rules are Prometheus' here", a.at("name").line())
	}
	if len(p.json.at("timeRegions").list()) > 0 {
		p.report.lacks("coloured regions of time")
	}
}

// legend reads the legend of a chart since Grafana 8.
func (p *panel) legend() {
	l := p.json.at("options", "legend")
	show := l.at("showLegend")
	p.board.Legend.Hide = l.at("displayMode").text() == "hidden" || show.any != nil && !show.yes()
	p.board.Legend.Calc = p.reducers("the legend", l.at("calcs").texts())
	if by := l.at("sortBy").line(); by != "" && len(p.board.Legend.Calc) > 0 {
		if r, ok := calcTitled(by); ok {
			p.board.Legend.Sort, p.board.Legend.Asc = r, !l.at("sortDesc").yes()
		}
	}
}

// calcTitled is a calculation by the title of its column.
func calcTitled(title string) (query.Reducer, bool) {
	r, ok := map[string]query.Reducer{
		"last *": query.ReduceLast, "last": query.ReduceLast, "first": query.ReduceFirst, "first *": query.ReduceFirst, "mean": query.ReduceMean,
		"max": query.ReduceMax, "min": query.ReduceMin, "total": query.ReduceSum, "count": query.ReduceCount, "range": query.ReduceRange,
		"difference": query.ReduceDiff, "delta": query.ReduceDelta, "stddev": query.ReduceStdDev, "median": query.ReduceMedian,
		"current": query.ReduceLast, "avg": query.ReduceMean, "difference percent": query.ReduceChange, "95th %": query.ReduceP95, "99th %": query.ReduceP99,
	}[strings.ToLower(title)]
	return r, ok
}
