package loadtest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Scenario is what one person does: its steps one after the other, as one arrival. A
// step that fails ends it: the next could not be made from its answer. Weight is its
// share of the mix.
type Scenario struct {
	Name      string
	Weight    int
	Steps     []Step
	NoCookies bool // cookies that answers set are kept for the later steps, if not
}

// Step is a request of a scenario. Think is how long the person looks at the answer
// before the next step; Extract is what the later steps need of it.
type Step struct {
	Target
	Think   Think
	Extract map[string]Extract
}

// Think is a time between Min and Max, each as likely as the other; no time at all if
// both are 0.
type Think struct{ Min, Max time.Duration }

// UnmarshalYAML reads 1s, or {min: 1s, max: 3s}.
func (t *Think) UnmarshalYAML(n ast.Node) error {
	if _, ok := n.(ast.MapNode); !ok {
		var d strictyaml.Duration
		if err := d.UnmarshalYAML(n); err != nil {
			return err
		}
		t.Min, t.Max = d.D(), d.D()
		return nil
	}
	var between struct {
		Min strictyaml.Duration `yaml:"min"`
		Max strictyaml.Duration `yaml:"max"`
	}
	if err := yaml.NodeToValue(n, &between, yaml.Strict()); err != nil {
		return err
	}
	t.Min, t.Max = between.Min.D(), between.Max.D()
	return nil
}

func (t Think) draw() time.Duration {
	if t.Max <= t.Min {
		return t.Min
	}
	return t.Min + time.Duration(rand.Int64N(int64(t.Max-t.Min)+1))
}

// Extract takes a value out of an answer: by a path into its JSON, or the first group
// of a regular expression in its body, or in the header that is named.
type Extract struct {
	JSON   string `yaml:"json"`
	Header string `yaml:"header"`
	Regexp string `yaml:"regexp"`
}

// extractor is an Extract made ready; its value goes to slot.
type extractor struct {
	name   string
	slot   int
	path   jsonPath
	header string
	re     *regexp.Regexp
}

func (x Extract) ready(name string) (out extractor, err error) {
	out = extractor{name: name, header: x.Header}
	switch {
	case x.JSON != "" && (x.Header != "" || x.Regexp != ""):
		return out, fmt.Errorf("extract %s has either json, or header and regexp", name)
	case x.JSON == "" && x.Header == "" && x.Regexp == "":
		return out, fmt.Errorf("extract %s says not where: json, header or regexp", name)
	case x.JSON != "":
		out.path, err = parseJSONPath(x.JSON)
	case x.Regexp != "":
		if out.re, err = regexp.Compile(x.Regexp); err == nil && out.re.NumSubexp() > 1 {
			err = fmt.Errorf("extract %s: the expression has %d groups; one is taken", name, out.re.NumSubexp())
		}
	}
	return out, err
}

func (x extractor) keeps() keep {
	if x.header != "" {
		return keepHeader
	}
	return keepBody
}

// take is the value in the answer.
func (x extractor) take(a answer) (string, error) {
	if x.path != nil {
		v, err := x.path.find(a.body)
		if err != nil {
			return "", fmt.Errorf("%w: extract %s: %v", errUnexpected, x.name, err)
		}
		return v, nil
	}
	in := string(a.body)
	if x.header != "" {
		all := a.values(x.header)
		if len(all) == 0 {
			return "", fmt.Errorf("%w: extract %s: there is no header %s", errUnexpected, x.name, x.header)
		}
		in = all[0]
	}
	if x.re == nil {
		return in, nil
	}
	m := x.re.FindStringSubmatch(in)
	if m == nil {
		return "", fmt.Errorf("%w: extract %s: nothing matches %q", errUnexpected, x.name, x.re)
	}
	return m[len(m)-1], nil
}

// jar keeps the cookies of one run of a scenario, by host. Paths are not looked at.
type jar struct{ of map[string][]*http.Cookie }

// The bounds of a jar: a server that sets cookies without end fills it and no more.
const (
	mostCookies     = 50
	longestCookie   = 4096
	setCookieHeader = "Set-Cookie"
)

func (j *jar) forget() { clear(j.of) }

// take keeps what the answer of host sets, and drops what it takes back.
func (j *jar) take(host string, a answer, now time.Time) {
	for _, line := range a.values(setCookieHeader) {
		c, err := http.ParseSetCookie(line)
		if err != nil || len(line) > longestCookie {
			continue
		}
		kept := slices.DeleteFunc(j.of[host], func(old *http.Cookie) bool { return old.Name == c.Name })
		gone := c.MaxAge < 0 || !c.Expires.IsZero() && c.MaxAge == 0 && c.Expires.Before(now)
		if !gone && len(kept) < mostCookies {
			kept = append(kept, c)
		}
		if j.of == nil {
			j.of = map[string][]*http.Cookie{}
		}
		j.of[host] = kept
	}
}

// line is the value of Cookie for host, or empty.
func (j *jar) line(host string) string {
	var b strings.Builder
	for i, c := range j.of[host] {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.Name + "=" + c.Value)
	}
	return b.String()
}
