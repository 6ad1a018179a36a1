package grafana

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// transformations reads the steps from the answers to the picture.
func (p *panel) transformations() {
	known := transforms()
	for i, t := range p.json.at("transformations").list() {
		if t.at("disabled").yes() {
			continue
		}
		id := t.at("id").text()
		if id == "filterByRefId" && i == 0 && p.onlyQueries(t.at("options", "include")) {
			continue
		}
		read := known[id]
		if read == nil {
			p.report.lacks("the transformation %s", t.at("id").line())
			continue
		}
		if t.at("filter").isObject() || t.at("topic").line() == "annotations" {
			p.report.lacks("the transformation %s is of all queries", id)
		}
		for _, step := range read(p, t.at("options")) {
			if step != (query.Transform{}) {
				p.board.Transforms = append(p.board.Transforms, step)
			}
		}
	}
}

// onlyQueries hides the queries whose letters the pattern does not name.
func (p *panel) onlyQueries(include value) bool {
	pattern := include.text()
	if include.isObject() {
		pattern = include.at("options").text()
	}
	re, ok := regexOf(pattern)
	if !ok || re == "" {
		return false
	}
	keep := regexp.MustCompile(re)
	for i := range p.board.Queries {
		if !keep.MatchString(p.board.Ref(i)) {
			p.board.Queries[i].Hidden = true
		}
	}
	return true
}

// transforms are the transformations that there is a form for.
func transforms() map[string]func(p *panel, o value) []query.Transform {
	return map[string]func(p *panel, o value) []query.Transform{
		"organize": func(p *panel, o value) []query.Transform { return p.organize(o) },
		"merge":    func(*panel, value) []query.Transform { return []query.Transform{{Merge: &struct{}{}}} },
		"joinByField": func(p *panel, o value) []query.Transform {
			return []query.Transform{{Join: &query.Join{By: cmp.Or(o.at("byField").line(), "Time"), Inner: o.at("mode").text() == "inner"}}}
		},
		"seriesToColumns": func(p *panel, o value) []query.Transform {
			return []query.Transform{{Join: &query.Join{By: cmp.Or(o.at("byField").line(), "Time")}}}
		},
		"renameByRegex":      func(p *panel, o value) []query.Transform { return p.renames(o) },
		"filterFieldsByName": func(p *panel, o value) []query.Transform { return p.columns(o) },
		"reduce":             func(p *panel, o value) []query.Transform { return p.reduces(o) },
		"sortBy":             func(p *panel, o value) []query.Transform { return p.sorts(o) },
		"calculateField":     func(p *panel, o value) []query.Transform { return p.calculates(o) },
		"groupBy":            func(p *panel, o value) []query.Transform { return p.groups(o) },
		"labelsToFields":     func(p *panel, o value) []query.Transform { return p.labels(o) },
		"filterByValue":      func(p *panel, o value) []query.Transform { return p.rows(o) },
		"limit": func(_ *panel, o value) []query.Transform {
			return []query.Transform{{Limit: o.at("limitField").whole(0, 1_000_000, 10)}}
		},
		"convertFieldType": func(p *panel, o value) []query.Transform { return p.converts(o) },
		"seriesToRows":     func(*panel, value) []query.Transform { return []query.Transform{{SeriesToRows: &struct{}{}}} },
		"concatenate":      func(*panel, value) []query.Transform { return []query.Transform{{Concatenate: &struct{}{}}} },
	}
}

func (p *panel) organize(o value) []query.Transform {
	var out query.Organize
	for _, name := range o.at("excludeByName").keys() {
		if o.at("excludeByName", name).yes() {
			out.Exclude = append(out.Exclude, value{name}.line())
		}
	}
	index := o.at("indexByName")
	for _, name := range index.keys() {
		if _, ok := index.at(name).number(); ok {
			out.Order = append(out.Order, name)
		}
	}
	slices.SortStableFunc(out.Order, func(a, b string) int {
		x, _ := index.at(a).number()
		y, _ := index.at(b).number()
		return cmp.Compare(x, y)
	})
	for i := range out.Order {
		out.Order[i] = value{out.Order[i]}.line()
	}
	for _, name := range o.at("renameByName").keys() {
		if to := o.at("renameByName", name).line(); to != "" {
			if out.Rename == nil {
				out.Rename = map[string]string{}
			}
			out.Rename[value{name}.line()] = to
		}
	}
	var kept []string
	for _, name := range o.at("includeByName").keys() {
		if o.at("includeByName", name).yes() {
			kept = append(kept, value{name}.line())
		}
	}
	steps := []query.Transform{}
	if len(kept) > 0 {
		steps = append(steps, query.Transform{Columns: &query.Columns{Names: kept}})
	}
	if out.Exclude != nil || out.Order != nil || out.Rename != nil {
		steps = append(steps, query.Transform{Organize: &out})
	}
	return steps
}

func (p *panel) renames(o value) []query.Transform {
	re, ok := p.regex(o.at("regex").text(), "names of series")
	if !ok || re == "" {
		return nil
	}
	return []query.Transform{{Rename: &query.Rename{Regex: re, To: o.at("renamePattern").line()}}}
}

// allBut is the usual way to look ahead: everything that does not begin with.
var allBut = regexp.MustCompile(`^/?\^\(\?!([\w |.#-]+)\)\.\*\$?/?$`)

func (p *panel) columns(o value) []query.Transform {
	c := query.Columns{Names: o.at("include", "names").texts()}
	include := o.at("include", "pattern").text()
	var ok bool
	if m := allBut.FindStringSubmatch(include); m != nil {
		c.Exclude, include = "^(?:"+m[1]+")", ""
	}
	if c.Regex, ok = p.regex(include, "columns"); !ok {
		return nil
	}
	if c.Exclude != "" {
		if _, err := regexp.Compile(c.Exclude); err != nil || o.at("exclude", "pattern").text() != "" {
			p.report.lacks("columns by the regular expression %s, which Go does not know", o.at("include", "pattern").line())
			return nil
		}
	} else if c.Exclude, ok = p.regex(o.at("exclude", "pattern").text(), "columns"); !ok {
		return nil
	}
	if o.at("byVariable").yes() {
		p.report.lacks("columns chosen by a variable")
		return nil
	}
	if names := o.at("exclude", "names").texts(); len(names) > 0 {
		for i := range names {
			names[i] = regexp.QuoteMeta(names[i])
		}
		all := "^(?:" + strings.Join(names, "|") + ")$"
		if c.Exclude != "" {
			all = c.Exclude + "|" + all
		}
		c.Exclude = all
	}
	if c.Names == nil && c.Regex == "" && c.Exclude == "" {
		return nil
	}
	return []query.Transform{{Columns: &c}}
}

func (p *panel) reduces(o value) []query.Transform {
	calc := p.reducers("a transformation", o.at("reducers").texts())
	if len(calc) == 0 && len(o.at("reducers").texts()) > 0 {
		return nil
	}
	return []query.Transform{{ReduceTo: &query.ReduceTo{Calc: calc, Fields: o.at("mode").text() == "reduceFields"}}}
}

func (p *panel) sorts(o value) (all []query.Transform) {
	by := o.at("sort").list()
	for _, s := range slices.Backward(by) { // each keeps the order of the one before where it is equal
		if column := s.at("field").line(); column != "" {
			all = append(all, query.Transform{Sort: &query.SortBy{Column: column, Desc: s.at("desc").yes()}})
		}
	}
	return all
}

// operand is a column, or a number, of a calculation.
func operand(v value) string {
	if !v.isObject() {
		return v.line()
	}
	return cmp.Or(v.at("fixed").line(), v.at("matcher", "options").line())
}

func (p *panel) calculates(o value) []query.Transform {
	c := query.Calculate{As: o.at("alias").line(), Replace: o.at("replaceFields").yes()}
	switch mode := o.at("mode").text(); mode {
	case "binary":
		c.Left, c.Op, c.Right = operand(o.at("binary", "left")), o.at("binary", "operator").text(), operand(o.at("binary", "right"))
		if c.Left == "" || c.Right == "" || !slices.Contains([]string{"+", "-", "*", "/", "%"}, c.Op) {
			p.report.lacks("the calculation %s %s %s", c.Left, value{c.Op}.line(), c.Right)
			return nil
		}
	case "reduceRow", "":
		known := p.reducers("a row", []string{cmp.Or(o.at("reduce", "reducer").text(), "sum")})
		if len(known) == 0 {
			return nil
		}
		c.Reduce, c.Of = known[0], o.at("reduce", "include").texts()
	default:
		p.report.lacks("the calculation %q of a transformation", o.at("mode").line())
		return nil
	}
	return []query.Transform{{Calculate: &c}}
}

func (p *panel) groups(o value) []query.Transform {
	var g query.GroupBy
	for _, name := range o.at("fields").keys() {
		f, column := o.at("fields", name), value{name}.line()
		switch f.at("operation").text() {
		case "groupby":
			g.By = append(g.By, column)
		case "aggregate":
			if calc := p.reducers("the group of "+column, f.at("aggregations").texts()); len(calc) > 0 {
				if g.Calc == nil {
					g.Calc = map[string][]query.Reducer{}
				}
				g.Calc[column] = calc
			}
		}
	}
	if len(g.By) == 0 {
		return nil
	}
	return []query.Transform{{GroupBy: &g}}
}

func (p *panel) labels(o value) []query.Transform {
	if o.at("mode").text() == "rows" {
		p.report.lacks("labels as rows")
		return nil
	}
	return []query.Transform{{LabelsToFields: &query.LabelsToField{ValueLabel: o.at("valueLabel").line(), Keep: o.at("keepLabels").texts()}}}
}

func (p *panel) converts(o value) []query.Transform {
	c := query.Convert{Columns: map[string]string{}}
	for _, one := range o.at("conversions").list() {
		column, to := one.at("targetField").line(), map[string]string{"number": "number", "string": "string", "time": "time", "boolean": "bool"}[one.at("destinationType").text()]
		if column == "" || to == "" {
			p.report.lacks("the conversion of %q to %q", column, one.at("destinationType").line())
			continue
		}
		c.Columns[column] = to
	}
	if len(c.Columns) == 0 {
		return nil
	}
	return []query.Transform{{Convert: &c}}
}

// rows keeps or drops rows by their values.
func (p *panel) rows(o value) []query.Transform {
	w := query.Where{Any: o.at("match").text() == "any", Drop: o.at("type").text() == "exclude"}
	for _, f := range o.at("filters").list() {
		c, ok := p.condition(f)
		if !ok {
			p.report.lacks("rows by %s %s", f.at("fieldName").line(), f.at("config", "id").line())
			return nil
		}
		w.If = append(w.If, c)
	}
	if len(w.If) == 0 {
		return nil
	}
	return []query.Transform{{Where: &w}}
}

func (p *panel) condition(f value) (query.Condition, bool) {
	c := query.Condition{Column: f.at("fieldName").line()}
	is, against := f.at("config", "id").text(), f.at("config", "options", "value")
	switch is {
	case "isNull":
		c.Op = "null"
	case "isNotNull":
		c.Op = "notnull"
	case "regex":
		re, ok := regexOf(against.text())
		c.Regex = re
		return c, ok && re != "" && c.Column != ""
	case "substring":
		c.Regex = regexp.QuoteMeta(against.line())
		return c, c.Regex != "" && c.Column != ""
	default:
		c.Op = map[string]string{"greater": ">", "greaterOrEqual": ">=", "lower": "<", "lowerOrEqual": "<=", "equal": "==", "notEqual": "!="}[is]
		n, isNumber := against.number()
		switch {
		case isNumber:
			c.Value = n
		case is == "equal" && against.line() != "":
			c.Op, c.Text = "", against.line()
		case is == "notEqual" && against.line() != "":
			c.Text = against.line()
		default:
			return c, false
		}
	}
	return c, c.Op+c.Text != "" && c.Column != ""
}
