package postmortem

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/sitrep-dev/sitrep/templates"
)

// Standard is the name of the template that is taken if nobody chose another.
const Standard = "standard"

// BuiltIn are the names of the templates that this program carries. The others have the
// chapters that readers of Google's, PagerDuty's and Atlassian's documents look for.
func BuiltIn() []string { return []string{Standard, "google", "pagerduty", "atlassian"} }

// Template is the shape of a post-mortem. The zero value is of no use.
type Template struct{ parsed *template.Template }

// Choice is the template that somebody chose for a post-mortem. Text is that of a
// user's own file as it was when it could be read last, so that a draft never waits
// for a file; of those that this program carries it is empty.
type Choice struct {
	Name string `json:"name"`
	Text string `json:"text,omitempty"`
}

func (c *Choice) String() string {
	if c == nil {
		return Standard
	}
	return c.Name
}

// template is the chosen one. A text that a later sitrep does not understand any more
// gives way to the standard template: the end of an incident is no time to refuse.
func (c *Choice) template() Template {
	switch {
	case c == nil:
	case c.Text == "":
		return builtIn(c.Name)
	default:
		if t, err := ParseTemplate(c.Name, c.Name, c.Text); err == nil {
			return t
		}
	}
	return builtIn(Standard)
}

// builtIn is a template that this program carries, the standard one for a name that it
// does not know. That they can be read is held by the tests; they are no input.
func builtIn(name string) Template {
	file := "postmortem.md"
	if name != Standard && slices.Contains(BuiltIn(), name) {
		file = "postmortem-" + name + ".md"
	}
	src, err := templates.Read(file)
	if err != nil {
		panic(err)
	}
	t, err := ParseTemplate(name, file, string(src))
	if err != nil {
		panic(err)
	}
	return t
}

// ParseTemplate reads a template in the syntax of text/template. It may name
// what the standard one names (templates/postmortem.md), and what the others do; an
// unknown name is an error here, not in the night. A value
// must stand at the end of its line, because it may go on with a list. Errors say
// where in file.
func ParseTemplate(name, file, text string) (Template, error) {
	t, err := template.New(name).Option("missingkey=error").Parse(text)
	if err == nil {
		err = t.Execute(io.Discard, lines{})
	}
	if err == nil {
		err = t.Execute(io.Discard, full()) // what stands in {{if}} is tried, too
	}
	if err != nil {
		return Template{}, placed(name, file, text, err)
	}
	return Template{t}, nil
}

// full is an incident that has everything.
func full() lines { return lines{Experiments: "-", Loads: "-"} }

// TemplateError is a template that cannot be read, and where.
type TemplateError struct {
	File         string
	Line, Column int
	What         string
}

func (e *TemplateError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.What)
}

var (
	position  = regexp.MustCompile(`^:(\d+)(?::(\d+))?: (?s)(.*)$`)
	within    = regexp.MustCompile(`^executing "[^"]*" at <([^>]*)>: (?s)(.*)$`)
	offending = regexp.MustCompile(`"([^"]+)"|<([^>]+)>|U\+[0-9A-F]{4,6} '(.)'`)
)

// placed finds line and column of what text/template complains of. It counts columns
// only while it executes, and from 0; of what cannot be parsed it names the words.
func placed(name, file, text string, err error) error {
	e := &TemplateError{File: file, Line: 1, Column: 1, What: err.Error()}
	rest, ours := strings.CutPrefix(err.Error(), "template: "+name)
	m := position.FindStringSubmatch(rest)
	if !ours || m == nil {
		return e
	}
	e.Line, _ = strconv.Atoi(m[1]) // digits, by the pattern
	e.What = m[3]
	if in := within.FindStringSubmatch(e.What); in != nil {
		e.What = in[1] + ": " + in[2]
	}
	all := strings.Split(text, "\n")
	e.Line = min(max(e.Line, 1), len(all))
	line := all[e.Line-1]
	if column, err := strconv.Atoi(m[2]); err == nil {
		e.Column = min(column, len(line)) + 1
		return e
	}
	e.Column = max(strings.Index(line, "{{"), 0) + 1
	for _, q := range offending.FindAllStringSubmatch(e.What, -1) {
		word := q[1] + q[2] + q[3]
		if at := strings.Index(line, word); word != "" && at >= 0 {
			e.Column = at + 1
			break
		}
	}
	return e
}
