package grafana

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// graph reads the chart of Grafana before version 8.
func (p *panel) graph() {
	g := p.json
	p.board.Type = query.TimeSeries
	switch mode := g.at("xaxis", "mode").text(); mode {
	case "series":
		p.board.Type = query.TopN
		p.reduceByName(strings.Join(g.at("xaxis", "values").texts(), ""))
		p.report.lacks("a bar a series, in the order of their size")
	case "histogram":
		p.report.lacks("values over time instead of how often each was")
	}
	p.graphForm()
	p.graphAxes()
	p.graphLegend(g.at("legend"))
	for _, o := range g.at("seriesOverrides").list() {
		p.seriesOverride(o)
	}
	p.graphThresholds()
	p.board.Links = append(p.board.Links, p.links(g.at("options", "dataLinks").list())...)
}

// graphForm is how the series are drawn; what is not said is Grafana's default.
func (p *panel) graphForm() {
	g := p.json
	lines := g.at("lines").any == nil || g.at("lines").yes()
	switch fill, said := g.at("fill").number(); {
	case g.at("bars").yes() && !lines:
		p.board.Draw = query.Bars
	case g.at("bars").yes():
		p.board.Draw = query.Bars
		p.report.lacks("lines over the bars")
	case !lines && g.at("points").yes():
		p.board.Draw = query.Points
	case !said || fill > 0:
		p.board.Draw = query.Area
	case g.at("steppedLine").yes():
		p.board.Draw = query.StepLine
	}
	if g.at("stack").yes() {
		p.board.Stack = query.StackNormal
		if g.at("percentage").yes() {
			p.board.Stack = query.StackPercent
		}
	}
	switch g.at("nullPointMode").text() {
	case "connected":
		p.board.Nulls = query.Connect
	case "null as zero":
		p.board.Nulls = query.Zero
	}
}

// graphAxes is the unit and the bounds of the left axis.
func (p *panel) graphAxes() {
	axes := p.json.at("yaxes").list()
	if len(axes) == 0 { // before version 4
		p.board.Unit = p.im.unit(strings.Join(p.json.at("y_formats").texts()[:min(1, len(p.json.at("y_formats").texts()))], ""))
		p.board.Min, p.board.Max = p.json.at("grid", "leftMin").pointer(), p.json.at("grid", "leftMax").pointer()
		p.bounds(&p.board.Field)
		return
	}
	left := axes[0]
	p.board.Unit = p.im.unit(left.at("format").line())
	p.board.AxisLabel = left.at("label").line()
	p.property(&p.board.Field, "min", left.at("min"))
	p.property(&p.board.Field, "max", left.at("max"))
	p.property(&p.board.Field, "decimals", firstOf(left.at("decimals"), p.json.at("decimals")))
	p.bounds(&p.board.Field)
	if base := left.at("logBase").whole(1, 1000, 1); base != 1 {
		p.scale(value{map[string]any{"type": "log", "log": float64(base)}})
	}
}

func firstOf(all ...value) value {
	for _, v := range all {
		if _, ok := v.number(); ok {
			return v
		}
	}
	return value{}
}

func (p *panel) graphLegend(l value) {
	p.board.Legend.Hide = l.at("show").any != nil && !l.at("show").yes()
	if !l.at("values").yes() {
		return
	}
	for _, one := range []string{"current", "min", "max", "avg", "total"} {
		if l.at(one).yes() {
			r, _ := reducerOf(one)
			p.board.Legend.Calc = append(p.board.Legend.Calc, r)
		}
	}
	if r, ok := reducerOf(l.at("sort").text()); ok {
		p.board.Legend.Sort, p.board.Legend.Asc = r, !l.at("sortDesc").yes()
	}
}

// seriesOverride reads one of the overrides of old charts, by alias or /regex/.
func (p *panel) seriesOverride(o value) {
	alias := o.at("alias").text()
	match := query.Match{Name: value{alias}.line()}
	if strings.HasPrefix(alias, "/") {
		re, ok := p.regex(alias, "an override")
		if !ok {
			return
		}
		match = query.Match{Regex: re}
	}
	if alias == "" {
		return
	}
	var set query.Field
	if o.at("yaxis").whole(1, 2, 1) == 2 {
		p.rightAxis(&set)
	}
	set.Negative = o.at("transform").text() == "negative-Y"
	set.Hidden = o.at("hiddenSeries").yes() || o.at("lines").any != nil && !o.at("lines").yes() && !o.at("bars").yes() && !o.at("points").yes()
	if p.board.Type == query.TimeSeries {
		set.Draw = p.graphShape(o)
	}
	switch stack := o.at("stack"); {
	case stack.any == false && p.board.Stack != "":
		set.Stack = query.StackNone
	case (stack.any == true || stack.isText()) && p.board.Stack == "":
		set.Stack = query.StackNormal
	}
	set.Nulls = map[string]query.Nulls{"connected": query.Connect, "null as zero": query.Zero}[o.at("nullPointMode").text()]
	if !isZero(&set) {
		p.board.Overrides = append(p.board.Overrides, query.Override{Match: match, Set: set})
	}
}

// graphShape is the form of one series of an old chart, if it has another.
func (p *panel) graphShape(o value) query.Draw {
	fill, filled := o.at("fill").number()
	switch {
	case o.at("bars").yes():
		return query.Bars
	case o.at("points").yes() && o.at("lines").any != nil && !o.at("lines").yes():
		return query.Points
	case filled && fill > 0:
		return query.Area
	case o.at("steppedLine").yes():
		return query.StepLine
	case filled && p.board.Draw != "", o.at("lines").yes() && p.board.Draw == query.Bars:
		return query.Line
	}
	return ""
}

// rightAxis is the field of what is drawn against the other axis.
func (p *panel) rightAxis(set *query.Field) {
	set.Right = true
	axes := p.json.at("yaxes").list()
	if len(axes) < 2 {
		return
	}
	right := axes[1]
	if unit := p.im.unit(right.at("format").line()); unit != p.board.Unit {
		set.Unit = unit
	}
	p.property(set, "min", right.at("min"))
	p.property(set, "max", right.at("max"))
	p.bounds(set)
	if left := axes[0].at("logBase").whole(1, 1000, 1); right.at("logBase").whole(1, 1000, 1) != left {
		p.report.lacks("the logarithm of the right axis alone")
	}
}

// graphThresholds are lines and regions of an old chart.
func (p *panel) graphThresholds() {
	var all []query.Threshold
	directions := map[query.Better]bool{}
	for _, t := range p.json.at("thresholds").list() {
		at, ok := t.at("value").number()
		state := map[string]query.State{"critical": query.Crit, "warning": query.Warn, "ok": query.OK}[t.at("colorMode").text()]
		if state == "" {
			state, _ = stateOf(firstText(t.at("lineColor"), t.at("fillColor")))
		}
		if !ok || t.at("visible").any == false {
			continue
		}
		if state == "" {
			p.report.lacks("a line at %v", at)
			continue
		}
		better := query.Lower
		if t.at("op").text() == "lt" {
			better = query.Higher
		}
		directions[better] = true
		if state != query.OK {
			all = append(all, query.Threshold{Value: at, State: state})
		}
	}
	switch {
	case len(directions) > 1:
		p.report.lacks("thresholds in both directions")
	case len(all) > 0:
		p.board.Thresholds, p.judged = all, true
		if directions[query.Higher] {
			p.board.Better = query.Higher
		}
		slices.SortStableFunc(p.board.Thresholds, func(a, b query.Threshold) int {
			return map[bool]int{true: -1, false: 1}[a.Value <= b.Value]
		})
	}
}

func firstText(all ...value) string {
	for _, v := range all {
		if t := v.line(); t != "" {
			return t
		}
	}
	return ""
}

// reduceByName reads the one calculation that old panels name.
func (p *panel) reduceByName(name string) {
	if name == "" {
		return
	}
	if r, ok := reducerOf(name); ok {
		p.reduceTo(r)
	} else {
		p.report.lacks("%s", fmt.Sprintf("the calculation %q of the value", value{name}.line()))
	}
}
