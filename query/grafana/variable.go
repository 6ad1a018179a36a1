package grafana

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// variables reads templating.list.
func (im *importer) variables() {
	list := im.json.at("templating", "list").list()
	for _, v := range list {
		if v.at("type").text() == "datasource" {
			im.sources[v.at("name").line()] = v.at("query").line()
		}
	}
	for _, v := range list {
		report := VariableReport{Name: v.at("name").line(), Type: v.at("type").line()}
		one, note := im.variable(v)
		report.Note = note
		if one != nil {
			report.Carried = true
			im.has[one.Name] = true
			im.board.Variables = append(im.board.Variables, *one)
		}
		im.report.Variables = append(im.report.Variables, report)
	}
	if _, ring := im.board.Order(); len(ring) > 0 {
		im.report.note("the variables %s name each other in a ring: none of them can be asked first", strings.Join(ring, ", "))
	}
}

var variableName = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// variable reads one; nil is one that is not carried, and the note says why, or
// what of it is not.
func (im *importer) variable(v value) (*query.Variable, string) {
	name := v.at("name").line()
	switch {
	case !variableName.MatchString(name) || strings.HasPrefix(name, "__"):
		return nil, fmt.Sprintf("%q is no name of a variable", name)
	case im.has[name]:
		return nil, "there is one of this name already"
	case len(im.board.Variables) == maxVariables:
		return nil, fmt.Sprintf("a board has at most %d variables", maxVariables)
	}
	one := &query.Variable{Name: name, Label: v.at("label").line(), Hide: v.at("hide").whole(0, 9, 0) == 2}
	if one.Label == name {
		one.Label = ""
	}
	one.Multi, one.All = v.at("multi").yes(), v.at("includeAll").yes()
	if one.All {
		one.AllValue = v.at("allValue").line()
	}
	note := ""
	switch kind := v.at("type").text(); kind {
	case "query":
		note = im.queryVariable(one, v)
	case "custom":
		one.Type, one.Options = query.CustomVariable, options(v)
	case "interval":
		one.Type, one.Options = query.IntervalVariable, options(v)
		if v.at("auto").yes() {
			one.Auto = v.at("auto_count").whole(1, 10_000, 30)
			if d, ok := length(v.at("auto_min").line()); ok {
				one.AutoMin = strictyaml.Duration(d)
			}
		}
	case "constant":
		one.Type, one.Hide = query.ConstantVariable, true
		one.Value = first(v.at("query").texts())
		return one, ""
	case "textbox":
		one.Type = query.TextVariable
		if one.Value = first(current(v)); one.Value == nil {
			one.Value = first(v.at("query").texts())
		}
		return one, ""
	case "datasource":
		return im.sourceVariable(one, v)
	case "adhoc":
		return nil, "filters that a person adds to every query"
	default:
		return nil, fmt.Sprintf("there are no variables of the type %q", v.at("type").line())
	}
	if (one.Type == query.CustomVariable || one.Type == query.IntervalVariable) && len(one.Options) == 0 {
		one.Type = query.TextVariable
		note = "it has no options: a text box"
	}
	im.chosen(one, v)
	return one, note
}

// chosen is the value at first: the one that the dashboard was saved with.
func (im *importer) chosen(one *query.Variable, v value) {
	values := current(v)
	switch {
	case slices.Contains(values, query.AllOptions):
		values = nil
		if one.All {
			values = []string{query.AllOptions}
		}
	case !one.Multi && len(values) > 1:
		values = first(values)
	}
	if len(values) == 1 && strings.HasPrefix(values[0], "$__auto_interval") {
		values[0] = "$__auto"
	}
	one.Value = values
}

// first is the only value of a variable that has no more.
func first(values []string) []string {
	if len(values) == 0 {
		return nil
	}
	return values[:1]
}

// current is what was chosen when the dashboard was saved.
func current(v value) []string {
	at := v.at("current", "value")
	if at.any == nil {
		return nil
	}
	return at.texts()
}

// queryVariable reads what is asked for the options.
func (im *importer) queryVariable(one *query.Variable, v value) (note string) {
	text := v.at("query").line()
	if v.at("query").isObject() {
		text = v.at("query", "query").line()
	}
	if text == "" {
		text = v.at("definition").line()
	}
	if s := im.sourceOf(v.at("datasource")); !s.isPrometheus() || text == "" {
		one.Type, one.Options = query.CustomVariable, options(v)
		note = "its options are no query of Prometheus (" + language(s.kind) + "): those of the file"
		if text == "" {
			note = "it has no query: the options of the file"
		}
		if len(one.Options) == 0 {
			one.Type = query.TextVariable
			note = strings.Replace(note, "those of the file", "a text box", 1)
		}
		return note
	}
	one.Type, one.Query = query.QueryVariable, text
	if !query.IsLookup(text) {
		note = fmt.Sprintf("its query %q is none that can be asked", text)
	}
	re, ok := regexOf(v.at("regex").text())
	if !ok {
		note = fmt.Sprintf("its regular expression %s, which Go does not know: all values are offered", v.at("regex").line())
		re = ""
	}
	one.Regex = re
	one.Sort = map[int]query.Sort{
		1: query.SortAlpha, 2: query.SortAlphaDesc, 3: query.SortNumber, 4: query.SortNumberDesc,
		5: query.SortAlpha, 6: query.SortAlphaDesc, 7: query.SortNatural, 8: query.SortNaturalDesc,
	}[v.at("sort").whole(0, 99, 0)]
	return note
}

// sourceVariable is one of the data sources of a kind.
func (im *importer) sourceVariable(one *query.Variable, v value) (*query.Variable, string) {
	if kind := v.at("query").line(); !(source{kind: kind}).isPrometheus() {
		return nil, fmt.Sprintf("it chooses a data source of the kind %q", kind)
	}
	one.Type, one.Multi, one.All, one.AllValue = query.SourceVariable, false, false, ""
	re, ok := regexOf(v.at("regex").text())
	if !ok {
		return one, fmt.Sprintf("its regular expression %s, which Go does not know: all sources are offered", v.at("regex").line())
	}
	one.Regex = re
	if name := strings.Join(current(v), ""); name != "" && name != "default" && !strings.HasPrefix(name, "$") {
		return one, fmt.Sprintf("the source %q was chosen: which of sitrep.yaml is that?", name)
	}
	return one, ""
}

// options are what a custom or interval variable offers: its query, value by value,
// or "text : value".
func options(v value) (all []query.Option) {
	for _, piece := range pieces(v.at("query")) {
		o := query.Option{Value: piece}
		if text, val, ok := strings.Cut(piece, " : "); ok {
			if o = (query.Option{Text: strings.TrimSpace(text), Value: strings.TrimSpace(val)}); o.Text == o.Value {
				o.Text = ""
			}
		}
		all = append(all, o)
	}
	if len(all) > 0 {
		return all
	}
	for _, o := range v.at("options").list() {
		one := query.Option{Text: o.at("text").line(), Value: o.at("value").line()}
		if one.Text == one.Value {
			one.Text = ""
		}
		if one.Value != "" && one.Value != query.AllOptions && !strings.HasPrefix(one.Value, "$__auto") {
			all = append(all, one)
		}
	}
	return all
}

// pieces are the parts of a list with commas; \, is a comma in a part.
func pieces(v value) (all []string) {
	if !v.isText() {
		return nil
	}
	const comma = "\x00" // no text has it
	for piece := range strings.SplitSeq(strings.ReplaceAll(v.line(), `\,`, comma), ",") {
		if piece = strings.TrimSpace(strings.ReplaceAll(piece, comma, ",")); piece != "" {
			all = append(all, strings.Trim(piece, `"`))
		}
	}
	return all
}
