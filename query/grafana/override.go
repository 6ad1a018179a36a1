package grafana

import (
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// overrides reads fieldConfig.overrides.
func (p *panel) overrides() {
	for _, o := range p.json.at("fieldConfig", "overrides").list() {
		var set query.Field
		var style, interpolation string
		var fill value
		shaped := false
		props, custom := map[string]any{}, map[string]any{}
		for _, prop := range o.at("properties").list() {
			id, v := prop.at("id").text(), prop.at("value")
			switch name, isCustom := strings.CutPrefix(id, "custom."); {
			case name == "drawStyle" && isCustom:
				style, shaped = v.text(), true
			case name == "lineInterpolation" && isCustom:
				interpolation, shaped = v.text(), true
			case name == "fillOpacity" && isCustom:
				fill, shaped = v, true
			case isCustom:
				custom[name] = v.any
			default:
				props[id] = v.any
			}
			p.property(&set, id, v)
		}
		if shaped && p.board.Type == query.TimeSeries {
			set.Draw = p.reshape(style, interpolation, fill)
		}
		if set.Nulls == query.Gap && p.board.Nulls == "" {
			set.Nulls = ""
		}
		if set.Cell == query.CellText && p.board.Cell == "" {
			set.Cell = ""
		}
		p.bounds(&set)
		if props["thresholds"] != nil {
			p.overrideThresholds(&set, value{props}, value{custom})
		}
		p.override(o.at("matcher"), set)
	}
}

// reshape is the form of a series of which only some parts are overridden.
func (p *panel) reshape(style, interpolation string, fill value) query.Draw {
	custom := p.json.at("fieldConfig", "defaults", "custom")
	if style == "" {
		style = custom.at("drawStyle").text()
	}
	if interpolation == "" {
		interpolation = custom.at("lineInterpolation").text()
	}
	opacity, ok := fill.number()
	if !ok {
		opacity, _ = custom.at("fillOpacity").number()
	}
	draw := shape(style, interpolation, opacity)
	if draw == query.Line && p.board.Draw == "" {
		return ""
	}
	return draw
}

// overrideThresholds sets those of an override, which go the way of the panel's.
func (p *panel) overrideThresholds(set *query.Field, props, custom value) {
	if props.at("color", "mode").any == nil {
		props.any.(map[string]any)["color"] = p.json.at("fieldConfig", "defaults", "color").any
	}
	thresholds, better, percent := p.thresholdsOf(props, custom)
	if thresholds == nil {
		return
	}
	if p.judged && better != p.board.Better {
		p.report.lacks("thresholds of a series that get worse the other way than those of the others")
		return
	}
	p.judged, p.board.Better = true, better
	set.Thresholds, set.Percent = thresholds, percent
}

// override adds one, unless it changes nothing that is drawn.
func (p *panel) override(matcher value, set query.Field) {
	if isZero(&set) {
		return
	}
	m, why := p.match(matcher)
	switch {
	case why != "":
		p.report.lacks("an override %s", why)
	case m != nil:
		p.board.Overrides = append(p.board.Overrides, query.Override{Match: *m, Set: set})
	}
}

// match is nil, without a reason, where nothing is matched.
func (p *panel) match(matcher value) (*query.Match, string) {
	options := matcher.at("options")
	switch id := matcher.at("id").text(); id {
	case "byName":
		if name := options.line(); name != "" {
			return &query.Match{Name: name}, ""
		}
		return nil, ""
	case "byRegexp":
		re, ok := regexOf(options.text())
		switch {
		case !ok:
			return nil, "by the regular expression " + options.line() + ", which Go does not know"
		case re == "":
			return nil, ""
		}
		return &query.Match{Regex: re}, ""
	case "byNames":
		names := options.at("names").texts()
		if options.at("mode").text() == "exclude" {
			return &query.Match{Except: names}, whyNone(names)
		}
		if len(names) == 0 {
			return nil, ""
		}
		return &query.Match{Names: names}, ""
	case "byFrameRefID":
		if ref := options.line(); ref != "" {
			return &query.Match{Ref: ref}, ""
		}
		return nil, ""
	case "byType":
		switch t := options.text(); t {
		case "number", "string", "time":
			return &query.Match{Type: t}, ""
		default:
			return nil, "of fields of the type " + options.line()
		}
	case "byValue":
		return byValue(options)
	case "":
		return nil, "without a matcher"
	default:
		return nil, "by " + matcher.at("id").line()
	}
}

func whyNone(names []string) string {
	if len(names) == 0 {
		return "of all series but none"
	}
	return ""
}

func byValue(options value) (*query.Match, string) {
	ops := map[string]string{
		"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "==", "neq": "!=", ">": ">", ">=": ">=", "<": "<", "<=": "<=", "=": "==", "==": "==", "!=": "!=",
	}
	op, number := ops[options.at("op").text()], options.at("value")
	reduce, ok := reducerOf(options.at("reducer").text())
	n, isNumber := number.number()
	if op == "" || !ok || !isNumber {
		return nil, "by the value " + options.at("reducer").line() + " " + options.at("op").line() + " " + number.line()
	}
	return &query.Match{Value: &query.Compare{Reduce: reduce, Op: op, Value: n}}, ""
}

// isZero reports whether a field says nothing.
func isZero(f *query.Field) bool {
	return f.Unit == "" && f.Decimals == nil && f.Min == nil && f.Max == nil && f.SoftMin == nil && f.SoftMax == nil && f.Thresholds == nil &&
		f.Mappings == nil && f.NoValue == "" && f.Name == "" && f.Draw == "" && f.Stack == "" && f.Nulls == "" && !f.Negative && !f.Right &&
		!f.Hidden && f.Cell == "" && f.Width == 0 && f.Links == nil
}
