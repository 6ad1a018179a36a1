package imports

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// draft is a plan on its way into a file.
type draft struct {
	format, file, name string
	line, column       int
	closed             bool
	stages             []loadtest.Stage
	targets            []step
	scenarios          []scenario
	data               string // a file
	files              map[string][]byte
	connections        int
	timeout            time.Duration
	connect            time.Duration
	redirects          int
	noKeepAlive        bool
	thresholds         []string
	refused            string
	notes              []Note
}

type scenario struct {
	name      string
	noCookies bool
	steps     []step
}

// step is a request of a scenario, or a target. Missing is what a person must add before a
// plan can be made of it: a URL, or the file of its body.
type step struct {
	loadtest.Step
	name    string
	missing string
}

func (d *draft) note(line, column int, key, format string, args ...any) {
	d.notes = append(d.notes, Note{Line: line, Column: column, Key: key, Text: strictyaml.Hide(fmt.Sprintf(format, args...))})
}

var notName = regexp.MustCompile(`[^a-z0-9_.-]+`)

// slug is a text as a name.
func slug(text string) string {
	text = strings.Trim(notName.ReplaceAllString(strings.ToLower(text), "-"), "-._")
	return strings.TrimRight(text[:min(len(text), 50)], "-._")
}

// cut keeps a text of somebody else's short enough for a line.
func cut(text string) string {
	const most = 80
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// fillIn marks what a person must write: until then `load check` fails there.
const fillIn = "# FILL IN: "

func (d *draft) finish() Imported {
	out := Imported{Name: d.name, Format: d.format, Line: d.line, Column: d.column, Refused: d.refused, Notes: sorted(d.notes)}
	if out.Refused == "" && len(d.targets)+len(d.scenarios) == 0 {
		out.Refused = "there is no request in it that can be carried over"
	}
	if out.Refused != "" {
		return out
	}
	out.YAML, out.Files = d.yaml(), d.files
	if len(out.YAML) > strictyaml.MaxSize {
		out.Refused = fmt.Sprintf("the plan would have %d bytes; the most is %d", len(out.YAML), strictyaml.MaxSize)
		out.YAML, out.Files = "", nil
	}
	return out
}

func (d *draft) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# from %s: a plan of %s\nname: %s\nstages:\n", oneLine(filepath.Base(d.file)), d.format, quoted(d.name))
	unit := "rate"
	if d.closed {
		unit = "users"
	}
	for _, s := range d.stages {
		if s.From == s.To {
			fmt.Fprintf(&b, "  - {%s: %s, for: %s}\n", unit, number(s.To), strictyaml.FormatDuration(s.For))
		} else {
			fmt.Fprintf(&b, "  - {from: %s, to: %s, for: %s}\n", number(s.From), number(s.To), strictyaml.FormatDuration(s.For))
		}
	}
	d.settings(&b)
	if len(d.targets) > 0 {
		b.WriteString("targets:\n")
		for _, t := range d.targets {
			t.yaml(&b, "  ")
		}
	}
	if len(d.scenarios) > 0 {
		b.WriteString("scenarios:\n")
		for _, s := range d.scenarios {
			fmt.Fprintf(&b, "  - name: %s\n", quoted(s.name))
			if s.noCookies {
				b.WriteString("    cookies: false\n")
			}
			b.WriteString("    steps:\n")
			for _, st := range s.steps {
				st.yaml(&b, "      ")
			}
		}
	}
	return b.String()
}

func (d *draft) settings(b *strings.Builder) {
	if d.connections > 0 {
		fmt.Fprintf(b, "connections: %d\n", d.connections)
	}
	if d.timeout > 0 {
		fmt.Fprintf(b, "timeout: %s\n", strictyaml.FormatDuration(d.timeout))
	}
	var http []string
	if d.redirects > 0 {
		http = append(http, fmt.Sprintf("redirects: %d", d.redirects))
	}
	if d.noKeepAlive {
		http = append(http, "keep_alive: false")
	}
	if d.connect > 0 {
		http = append(http, "connect_timeout: "+strictyaml.FormatDuration(d.connect))
	}
	if len(http) > 0 {
		fmt.Fprintf(b, "http: {%s}\n", strings.Join(http, ", "))
	}
	if d.data != "" {
		fmt.Fprintf(b, "data: {file: %s}\n", quoted(d.data))
	}
	if len(d.thresholds) > 0 {
		var all []string
		for _, t := range d.thresholds {
			all = append(all, quoted(t))
		}
		fmt.Fprintf(b, "thresholds: [%s]\n", strings.Join(all, ", "))
	}
}

// yaml writes the step as an item of a list.
func (s step) yaml(b *strings.Builder, indent string) {
	if s.name != "" {
		fmt.Fprintf(b, "%s# %s\n", indent, oneLine(cut(s.name)))
	}
	if s.missing != "" {
		fmt.Fprintf(b, "%s%s%s\n", indent, fillIn, oneLine(cut(s.missing)))
	}
	lead := indent + "- "
	line := func(format string, args ...any) {
		fmt.Fprintf(b, lead+format+"\n", args...)
		lead = indent + "  "
	}
	line("method: %s", quoted(s.Method))
	line("url: %s", quoted(s.URL))
	if s.Weight > 1 {
		line("weight: %d", s.Weight)
	}
	if len(s.Headers) > 0 {
		line("headers:")
		for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
			line("  %s: %s", quoted(name), quoted(s.Headers[name]))
		}
	}
	if s.Body != "" {
		line("body: %s", quoted(s.Body))
	}
	if s.BodyFile != "" {
		line("body_file: %s", quoted(s.BodyFile))
	}
	switch a := s.Auth; {
	case a.Bearer != "":
		line("auth: {bearer: %s}", quoted(string(a.Bearer)))
	case a.User != "":
		line("auth: {user: %s, password: %s}", quoted(a.User), quoted(string(a.Password)))
	}
	if e := expectText(s.Expect); e != "" {
		line("expect: {%s}", e)
	}
	if len(s.Extract) > 0 {
		line("extract:")
		for _, name := range slices.Sorted(maps.Keys(s.Extract)) {
			line("  %s: {%s}", name, extractText(s.Extract[name]))
		}
	}
	switch t := s.Think; {
	case t.Max == 0:
	case t.Min == t.Max:
		line("think: %s", strictyaml.FormatDuration(t.Min))
	default:
		line("think: {min: %s, max: %s}", strictyaml.FormatDuration(t.Min), strictyaml.FormatDuration(t.Max))
	}
}

func expectText(e loadtest.Expect) string {
	var parts []string
	if len(e.Status) > 0 {
		var all []string
		for _, s := range e.Status {
			all = append(all, strconv.Itoa(s))
		}
		parts = append(parts, "status: ["+strings.Join(all, ", ")+"]")
	}
	if e.Body != "" {
		parts = append(parts, "body: "+quoted(e.Body))
	}
	if len(e.JSON) > 0 {
		var all []string
		for _, path := range slices.Sorted(maps.Keys(e.JSON)) {
			all = append(all, quoted(path)+": "+quoted(e.JSON[path]))
		}
		parts = append(parts, "json: {"+strings.Join(all, ", ")+"}")
	}
	return strings.Join(parts, ", ")
}

func extractText(x loadtest.Extract) string {
	var parts []string
	for _, p := range [][2]string{{"json", x.JSON}, {"header", x.Header}, {"regexp", x.Regexp}} {
		if p[1] != "" {
			parts = append(parts, p[0]+": "+quoted(p[1]))
		}
	}
	return strings.Join(parts, ", ")
}

// number is a rate, or a count of users, with as many digits as it needs.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 10, 64) }

// quoted is a text as YAML reads it back.
func quoted(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// oneLine keeps a text from ending the comment that it stands in.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// braces is why a request is not carried over whose texts would be placeholders.
const braces = `not carried over: it holds "{{", which begins a placeholder of a plan`

// wrong is why the loader of plans would not take the step; empty if it would.
// Placeholders stand for something: whoever put them there has looked.
func (s step) wrong() string {
	trial := s
	fill := func(text string) string { return placeholders.ReplaceAllString(text, "x") }
	trial.Body, trial.BodyFile = fill(s.Body), ""
	if trial.URL = fill(s.URL); s.missing != "" {
		trial.URL = "http://localhost/"
	}
	trial.Headers = map[string]string{}
	for name, value := range s.Headers {
		trial.Headers[name] = fill(value)
	}
	plan := draft{name: "trial", stages: []loadtest.Stage{{From: 1, To: 1, For: time.Second}}, scenarios: []scenario{{name: "trial", steps: []step{trial}}}}
	_, err := loadtest.LoadPlan("trial.yaml", []byte(plan.yaml()))
	if wrong := (*strictyaml.Error)(nil); errors.As(err, &wrong) {
		return wrong.Message
	}
	return ""
}

// placeholders are those of a plan.
var placeholders = regexp.MustCompile(`\{\{\.[A-Za-z_][A-Za-z0-9_]*\}\}`)
