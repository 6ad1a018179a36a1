package grafana

import (
	"regexp"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// property sets one property of a field. Names are those of overrides; the
// properties of fieldConfig.defaults go by the same.
func (p *panel) property(f *query.Field, id string, v value) {
	switch id {
	case "unit":
		f.Unit = p.im.unit(v.line())
	case "decimals":
		if _, ok := v.number(); ok {
			n := v.whole(0, 9, 0)
			f.Decimals = &n
		}
	case "min":
		f.Min = v.pointer()
	case "max":
		f.Max = v.pointer()
	case "noValue":
		f.NoValue = v.line()
	case "displayName", "displayNameFromDS":
		f.Name = p.displayName(v.line())
	case "mappings":
		f.Mappings = p.mappings(v.list())
	case "links":
		f.Links = p.links(v.list())
	default:
		if name, ok := strings.CutPrefix(id, "custom."); ok {
			p.custom(f, name, v)
		}
		// thresholds and color are of the whole field (thresholdsOf); description,
		// writeable, filterable and the like change no picture
	}
}

// custom sets what only some kinds of panels have.
func (p *panel) custom(f *query.Field, name string, v value) {
	switch name {
	case "axisSoftMin":
		f.SoftMin = v.pointer()
	case "axisSoftMax":
		f.SoftMax = v.pointer()
	case "stacking":
		f.Stack = map[string]query.Stack{"normal": query.StackNormal, "percent": query.StackPercent, "none": query.StackNone}[v.at("mode").text()]
		if f != &p.board.Field && f.Stack != query.StackNone && p.ownStack(v) {
			f.Stack = query.StackNone // a total over its parts
		}
	case "spanNulls":
		f.Nulls = query.Gap
		if v.yes() {
			f.Nulls = query.Connect
		}
	case "transform":
		switch v.text() {
		case "negative-Y":
			f.Negative = true
		case "constant":
			p.report.lacks("a series drawn as a constant line")
		}
	case "axisPlacement":
		f.Right = v.text() == "right"
	case "hideFrom":
		f.Hidden = v.at("viz").yes()
	case "hidden":
		f.Hidden = v.yes()
	case "width":
		f.Width = v.whole(0, 10_000, 0)
	case "displayMode":
		f.Cell = cellOf(v.text())
	case "cellOptions":
		f.Cell = cellOf(v.at("type").text())
	case "scaleDistribution":
		p.scale(v)
	case "axisLabel":
		if p.board.AxisLabel == "" {
			p.board.AxisLabel = v.line()
		}
	}
}

// ownStack reports whether series with this stacking stand on a stack apart from
// that of the panel's others.
func (p *panel) ownStack(stacking value) bool {
	usual := p.json.at("fieldConfig", "defaults", "custom", "stacking")
	return stacking.at("group").text() != usual.at("group").text() && usual.at("mode").text() == stacking.at("mode").text()
}

// shape is how a series is drawn, of the three properties that say so together.
func shape(style, interpolation string, fill float64) query.Draw {
	switch {
	case style == "bars":
		return query.Bars
	case style == "points":
		return query.Points
	case fill > 0:
		return query.Area
	case strings.HasPrefix(interpolation, "step"):
		return query.StepLine
	}
	return query.Line
}

func (p *panel) scale(v value) {
	switch v.at("type").text() {
	case "log":
		p.board.Log = 10
		if n := v.at("log").whole(2, 1000, 2); n != 10 {
			p.board.Log = 2
			if n != 2 {
				p.report.lacks("an axis with the logarithm of base %d (it has base 2)", n)
			}
		}
	case "symlog":
		p.report.lacks("an axis with a logarithm on both sides of zero")
	}
}

func cellOf(kind string) query.CellForm {
	switch {
	case strings.HasPrefix(kind, "color-text"):
		return query.CellColour
	case strings.HasPrefix(kind, "color-background"):
		return query.CellBackground
	case strings.Contains(kind, "gauge"):
		return query.CellGauge
	}
	return query.CellText
}

// unit reads the name of a unit; one that Grafana does not know is a text there too,
// and is said.
func (im *importer) unit(name string) string {
	if !query.KnownUnit(name) {
		im.unknown[name] = true
	}
	return name
}

var (
	fieldLabel = regexp.MustCompile(`\$\{__field\.labels\.(\w+)\}|\$\{__field\.labels\["?([^"\]}]+)"?\]\}`)
	fieldName  = regexp.MustCompile(`^\$\{__(?:series\.name|field\.name|field\.displayName)\}$|^\$__(?:series_name|field_name)$`)
)

// displayName is a name with {{label}} for the labels that it takes.
func (p *panel) displayName(text string) string {
	if fieldName.MatchString(text) {
		return "" // its own
	}
	text = fieldLabel.ReplaceAllString(text, "{{$1$2}}")
	if strings.Contains(text, "${__") || strings.Contains(text, "$__cell") {
		p.report.lacks("the name %q", text)
		return ""
	}
	return text
}

// defaults reads fieldConfig.defaults.
func (p *panel) defaults() {
	d := p.json.at("fieldConfig", "defaults")
	f := &p.board.Field
	for _, id := range d.keys() {
		if id != "custom" {
			p.property(f, id, d.at(id))
		}
	}
	custom := d.at("custom")
	for _, name := range custom.keys() {
		if name != "stacking" || custom.at("stacking", "mode").text() != "none" {
			p.custom(f, name, custom.at(name))
		}
	}
	if f.Nulls == query.Gap {
		f.Nulls = ""
	}
	if f.Cell == query.CellText {
		f.Cell = ""
	}
	if p.board.Type == query.TimeSeries {
		fill, _ := custom.at("fillOpacity").number()
		if f.Draw = shape(custom.at("drawStyle").text(), custom.at("lineInterpolation").text(), fill); f.Draw == query.Line {
			f.Draw = ""
		}
	}
	if _, limited := custom.at("spanNulls").number(); limited {
		p.report.lacks("gaps are connected however long they are")
	}
	p.bounds(f)
	if thresholds, better, percent := p.thresholdsOf(d, custom); thresholds != nil {
		f.Thresholds, f.Percent, p.board.Better = thresholds, percent, better
	}
}

// bounds leaves out bounds that hold nothing.
func (p *panel) bounds(f *query.Field) {
	if f.Min != nil && f.Max != nil && *f.Min >= *f.Max {
		p.report.lacks("an axis from %v to %v, which holds nothing", *f.Min, *f.Max)
		f.Min, f.Max = nil, nil
	}
}

// thresholdsOf are the thresholds of a field where Grafana shows them: every panel
// has some, and most of those of a chart say nothing.
func (p *panel) thresholdsOf(field, custom value) ([]query.Threshold, query.Better, bool) {
	if !p.showsThresholds(field, custom) {
		return nil, query.Lower, false
	}
	thresholds, better, why := judged(steps(field.at("thresholds", "steps").list()))
	if why != "" {
		p.report.lacks("%s", why)
	}
	return thresholds, better, field.at("thresholds", "mode").text() == "percentage" && thresholds != nil
}

// showsThresholds reports whether Grafana's picture depends on them.
func (p *panel) showsThresholds(field, custom value) bool {
	byColour := field.at("color", "mode").text()
	switch p.kind {
	case "timeseries", "barchart", "piechart", "histogram", "trend":
		style := custom.at("thresholdsStyle", "mode").text()
		return byColour == "thresholds" || style != "" && style != "off"
	case "stat":
		return (byColour == "" || byColour == "thresholds") && p.json.at("options", "colorMode").text() != "none"
	case "gauge":
		return byColour == "" || byColour == "thresholds" || p.json.at("options", "showThresholdMarkers").yes()
	case "bargauge", "state-timeline", "status-history":
		return byColour == "" || byColour == "thresholds"
	case "table":
		return (byColour == "" || byColour == "thresholds") && p.coloursCells()
	}
	return false
}

// coloursCells reports whether any column of a table is drawn by its state.
func (p *panel) coloursCells() bool {
	coloured := func(custom value) bool {
		return cellOf(custom.at("displayMode").text()) != query.CellText || cellOf(custom.at("cellOptions", "type").text()) != query.CellText
	}
	if coloured(p.json.at("fieldConfig", "defaults", "custom")) {
		return true
	}
	for _, o := range p.json.at("fieldConfig", "overrides").list() {
		for _, prop := range o.at("properties").list() {
			id := strings.TrimPrefix(prop.at("id").text(), "custom.")
			if coloured(value{map[string]any{id: prop.at("value").any}}) {
				return true
			}
		}
	}
	return false
}
