package imports

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// How a response assertion compares; bits of Assertion.test_type.
const (
	testMatch     = 1
	testContains  = 2
	testNot       = 4
	testEquals    = 8
	testSubstring = 16
	testOr        = 32
)

// asserts makes expectations of the assertions in scope.
func (g *group) asserts(st *step, s scope) {
	for _, a := range s.asserts {
		switch a.class() {
		case "DurationAssertion":
			g.longest(a)
		case "JSONPathAssertion":
			g.assertJSON(st, a)
		case "ResponseAssertion":
			g.assertResponse(st, a)
		}
	}
	if looks := st.Expect.Body != "" || len(st.Expect.JSON) > 0 || len(s.extracts) > 0; looks && has(st.Headers, "Accept-Encoding") {
		for name := range st.Headers {
			if strings.EqualFold(name, "Accept-Encoding") {
				delete(st.Headers, name)
			}
		}
		g.note(g.p.e, "Accept-Encoding is left out where the body is looked at: answers are not unpacked here")
	}
}

// longest makes a threshold of the time that an answer may take.
func (g *group) longest(a *element) {
	ms, ok := g.vars.number(a.prop("DurationAssertion.duration"), g.at(a))
	if !ok || milliseconds(ms) == 0 {
		g.note(a, "not carried over: nobody knows how long an answer may take")
		return
	}
	threshold := "max < " + strictyaml.FormatDuration(milliseconds(ms))
	g.note(a, "what is longer is an error there; here the threshold %q fails the run, and counts all requests", threshold)
	if !slices.Contains(g.draft.thresholds, threshold) {
		g.draft.thresholds = append(g.draft.thresholds, threshold)
	}
}

// assertJSON takes over the value that is expected at a path.
func (g *group) assertJSON(st *step, a *element) {
	path, want := a.prop("JSON_PATH"), a.prop("EXPECTED_VALUE")
	switch {
	case a.flag("INVERT"), a.flag("EXPECT_NULL"), !a.flag("JSONVALIDATION"), a.flag("ISREGEX") && regexp.QuoteMeta(want) != want:
		g.note(a, "not carried over: a plan expects a value at a path, written out")
	case !plainPath.MatchString(path):
		g.note(a, "not carried over: a path here has keys and places alone, such as $.items[0].id")
	default:
		if st.Expect.JSON == nil {
			st.Expect.JSON = map[string]string{}
		}
		st.Expect.JSON[path], _ = g.vars.text(want, g.at(a))
	}
}

// plainPath is a path into JSON as a plan has it.
var plainPath = regexp.MustCompile(`^\$?\.?[\w-]+(\[\d+\])*(\.[\w-]+(\[\d+\])*)*$`)

func (g *group) assertResponse(st *step, a *element) {
	kind, err := strconv.Atoi(strings.TrimSpace(a.prop("Assertion.test_type")))
	if err != nil {
		g.note(a, "not carried over: how it compares is not said")
		return
	}
	var tests []string
	for _, t := range append(a.list("Asserion.test_strings"), a.list("Assertion.test_strings")...) { // the former is how JMeter spells it
		text, _ := g.vars.text(t.text(), g.at(a))
		if placeholders.MatchString(text) {
			g.note(a, "not carried over: what it expects is known only in the run")
			return
		}
		tests = append(tests, text)
	}
	switch field := a.prop("Assertion.test_field"); field {
	case "Assertion.response_code":
		g.assertStatus(st, a, kind, tests)
	case "Assertion.response_data", "Assertion.response_data_as_document":
		g.assertBody(st, a, kind, tests)
	default:
		g.note(a, "not carried over: it looks at %s; a plan looks at status and body", cut(strings.TrimPrefix(field, "Assertion.")))
	}
}

// assertStatus lists the statuses that are as expected.
func (g *group) assertStatus(st *step, a *element, kind int, tests []string) {
	fits, ok := g.matcher(a, kind, tests)
	if !ok {
		return
	}
	any := a.flag("Assertion.assume_success")
	statuses := known(func(code string) bool { return (any || code < "400") && fits(code) })
	if len(st.Expect.Status) > 0 {
		statuses = slices.DeleteFunc(statuses, func(code int) bool { return !slices.Contains(st.Expect.Status, code) })
	}
	if len(statuses) == 0 {
		g.note(a, "not carried over: no status of HTTP below 400 is like that; a plan that takes errors lists them under expect: {status: …}")
		return
	}
	st.Expect.Status = statuses
}

// matcher says of a text whether it is as the tests want it.
func (g *group) matcher(a *element, kind int, tests []string) (func(string) bool, bool) {
	var all []func(string) bool
	for _, t := range tests {
		switch {
		case kind&testEquals != 0:
			all = append(all, func(s string) bool { return s == t })
		case kind&testSubstring != 0:
			all = append(all, func(s string) bool { return strings.Contains(s, t) })
		default:
			if kind&testMatch != 0 {
				t = "^(?:" + t + ")$"
			}
			re, err := regexp.Compile(t)
			if err != nil {
				g.note(a, "not carried over: %v", err)
				return nil, false
			}
			all = append(all, re.MatchString)
		}
	}
	not, or := kind&testNot != 0, kind&testOr != 0
	return func(s string) bool {
		for _, one := range all {
			if fits := one(s) != not; fits == or {
				return or
			}
		}
		return !or
	}, true
}

// assertBody makes a regular expression of what a body has to hold.
func (g *group) assertBody(st *step, a *element, kind int, tests []string) {
	var all []string
	for _, t := range tests {
		switch {
		case kind&testEquals != 0:
			t = `\A` + regexp.QuoteMeta(t) + `\z`
		case kind&testSubstring != 0:
			t = regexp.QuoteMeta(t)
		case kind&testMatch != 0:
			t = `\A(?:` + t + `)\z`
		}
		if _, err := regexp.Compile(t); err != nil {
			g.note(a, "not carried over: %v", err)
			return
		}
		all = append(all, t)
	}
	switch {
	case len(all) == 0:
	case kind&testNot != 0:
		g.note(a, "not carried over: a plan says what a body holds, not what it must not hold")
	case st.Expect.Body != "":
		g.note(a, "not carried over: the body has an expectation already, and a plan has one for each request")
	case kind&testOr != 0:
		st.Expect.Body = "(?:" + strings.Join(all, ")|(?:") + ")"
	default:
		st.Expect.Body = all[0]
		if len(all) > 1 {
			g.note(a, "of %d patterns the first is carried over: a plan has one for each request", len(all))
		}
	}
	if a.flag("Assertion.assume_success") {
		g.note(a, "a status of 400 or more is an error here, whatever the body says")
	}
}

// extract takes over what is taken out of the answer of the last step; later steps may
// name it.
func (g *group) extract(s scope) {
	st := &g.steps[len(g.steps)-1]
	for _, x := range s.extracts {
		names, from := []string{x.prop("RegexExtractor.refname")}, []loadtest.Extract{}
		if x.class() == "JSONPostProcessor" {
			names = strings.Split(x.prop("JSONPostProcessor.referenceNames"), ";")
			for _, path := range strings.Split(x.prop("JSONPostProcessor.jsonPathExprs"), ";") {
				if path = strings.TrimSpace(path); !plainPath.MatchString(path) {
					g.note(x, "the path %q is not carried over: one here has keys and places alone, such as $.items[0].id", cut(path))
					path = ""
				}
				from = append(from, loadtest.Extract{JSON: path})
			}
			g.first(x, "JSONPostProcessor.match_numbers", "JSONPostProcessor.defaultValues")
		} else if one, ok := g.pattern(x); ok {
			from = append(from, one)
		}
		for i, name := range names {
			if name = strings.TrimSpace(name); name == "" || i >= len(from) || from[i] == (loadtest.Extract{}) {
				continue
			}
			ours := variableName(name)
			if st.Extract == nil {
				st.Extract = map[string]loadtest.Extract{}
			}
			st.Extract[ours], g.vars.taken[name] = from[i], ours
		}
	}
}

// first notes what is different of which match is taken, and of one that is not there.
func (g *group) first(x *element, number, otherwise string) {
	if n := strings.TrimSpace(x.prop(number)); n != "" && n != "1" {
		g.note(x, "the first match is taken; there it is number %s", cut(n))
	}
	if x.prop(otherwise) != "" {
		g.note(x, "what is not found fails the request here; there it is %q", cut(x.prop(otherwise)))
	}
}

// headerPattern is an expression for a line of the headers.
var headerPattern = regexp.MustCompile(`^\^?([A-Za-z][A-Za-z0-9-]*):(?: |\\s\*|\\s\+)?(.*)$`)

// pattern is the expression of an extractor, with the group that it takes.
func (g *group) pattern(x *element) (out loadtest.Extract, ok bool) {
	g.first(x, "RegexExtractor.match_number", "RegexExtractor.default")
	text := x.prop("RegexExtractor.regex")
	switch where := x.prop("RegexExtractor.useHeaders"); where {
	case "", "false", "unescaped", "as_document":
	case "true":
		m := headerPattern.FindStringSubmatch(text)
		if m == nil {
			g.note(x, "not carried over: a plan takes a value from one header, by its name")
			return out, false
		}
		out.Header, text = m[1], m[2]
	default:
		g.note(x, "not carried over: it looks at %s; a plan takes values from headers and bodies", cut(where))
		return out, false
	}
	template := strings.TrimSpace(x.prop("RegexExtractor.template"))
	n, err := strconv.Atoi(strings.Trim(template, "$"))
	if err != nil || n < 0 {
		g.note(x, "not carried over: it makes %q of the match; a plan takes one group", cut(template))
		return out, false
	}
	re, err := only(text, n)
	if err != nil {
		g.note(x, "not carried over: %v", err)
		return out, false
	}
	out.Regexp = re
	return out, true
}

// only is an expression whose one group is its n-th; of 0, the whole match.
func only(text string, n int) (string, error) {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return "", err
	}
	var strip func(r *syntax.Regexp)
	strip = func(r *syntax.Regexp) {
		for i, sub := range r.Sub {
			for sub.Op == syntax.OpCapture && sub.Cap != n {
				sub = sub.Sub[0]
			}
			r.Sub[i] = sub
			strip(sub)
		}
	}
	if n == 1 && re.MaxCap() == 1 {
		return text, nil
	}
	whole := &syntax.Regexp{Op: syntax.OpConcat, Sub: []*syntax.Regexp{re}}
	strip(whole)
	return whole.String(), nil
}
