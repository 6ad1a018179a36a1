package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// Matcher says what the value of one label has to be. A label that an alert does
// not have counts as empty, as it does for Alertmanager.
type Matcher struct {
	Name, Value string
	Regex       bool // Value is a regular expression for all of the label's value
	Not         bool

	pattern *regexp.Regexp
	broken  bool // Value is no expression that can be read, which is known already
}

var matcherShape = regexp.MustCompile(`^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(.*?)\s*$`)

// ParseMatcher reads name=value, name!=value, name=~regex or name!~regex; the
// value may stand in double quotes.
func ParseMatcher(text string) (Matcher, error) {
	parts := matcherShape.FindStringSubmatch(text)
	if parts == nil {
		return Matcher{}, fmt.Errorf("%.80q is not a matcher: write service=checkout, region!=eu, pod=~\"web-.*\" or pod!~\"web-.*\"", text)
	}
	m := Matcher{Name: parts[1], Value: parts[3], Regex: strings.HasSuffix(parts[2], "~"), Not: parts[2][0] == '!'}
	if strings.HasPrefix(m.Value, `"`) {
		v, err := strconv.Unquote(m.Value)
		if err != nil {
			return Matcher{}, fmt.Errorf("matcher %.80q: the quotes are not closed, or what is in them cannot be read", text)
		}
		m.Value = v
	}
	return m.compiled()
}

// Exactly is the matcher for one value.
func Exactly(name, value string) Matcher { return Matcher{Name: name, Value: value} }

// compiled is m ready to match.
func (m Matcher) compiled() (Matcher, error) {
	if !m.Regex || m.pattern != nil {
		return m, nil
	}
	p, err := regexp.Compile("^(?:" + m.Value + ")$")
	if err != nil {
		return m, fmt.Errorf("matcher %.80s: the regular expression cannot be read: %s", m, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	m.pattern = p
	return m, nil
}

// Matches says whether labels satisfy m. One whose expression cannot be read
// matches nothing.
func (m Matcher) Matches(labels query.Labels) bool {
	v := labels[m.Name]
	if !m.Regex {
		return (v == m.Value) != m.Not
	}
	if m.broken {
		return false
	}
	c, err := m.compiled()
	return err == nil && c.pattern.MatchString(v) != m.Not
}

// String is m as Alertmanager and amtool write it.
func (m Matcher) String() string {
	op := "="
	switch {
	case m.Regex && m.Not:
		op = "!~"
	case m.Regex:
		op = "=~"
	case m.Not:
		op = "!="
	}
	return m.Name + op + strconv.Quote(m.Value)
}

// wireMatcher is a Matcher in Alertmanager's API; versions before 0.22 leave
// isEqual out.
type wireMatcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual *bool  `json:"isEqual"`
}

// MarshalJSON writes m as Alertmanager reads it.
func (m Matcher) MarshalJSON() ([]byte, error) {
	equal := !m.Not
	return json.Marshal(wireMatcher{m.Name, m.Value, m.Regex, &equal})
}

// UnmarshalJSON reads what Alertmanager writes.
func (m *Matcher) UnmarshalJSON(b []byte) error {
	var w wireMatcher
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("matcher: %w", err)
	}
	*m = Matcher{Name: w.Name, Value: w.Value, Regex: w.IsRegex, Not: w.IsEqual != nil && !*w.IsEqual}
	c, err := m.compiled()
	c.broken = err != nil
	*m = c
	return nil
}

// Matchers all have to hold.
type Matchers []Matcher

// ParseMatchers reads several. A set that matches an alert without any label would
// hide everything, which Alertmanager refuses too.
func ParseMatchers(texts []string) (Matchers, error) {
	all := make(Matchers, 0, len(texts))
	for _, t := range texts {
		m, err := ParseMatcher(t)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	switch {
	case len(all) == 0:
		return nil, errors.New("a silence needs a matcher, such as alertname=HighLatency")
	case all.Match(nil):
		return nil, fmt.Errorf("%s matches alerts without any label, so nearly all: one matcher has to ask for a value", all)
	}
	return all, nil
}

// Match says whether labels satisfy all of ms.
func (ms Matchers) Match(labels query.Labels) bool {
	return !slices.ContainsFunc(ms, func(m Matcher) bool { return !m.Matches(labels) })
}

// mostShown is how many matchers a person reads.
const mostShown = 20

// Shown is String for a person, who does not read thousands.
func (ms Matchers) Shown() string {
	if len(ms) <= mostShown {
		return ms.String()
	}
	return strings.TrimSuffix(ms[:mostShown].String(), "}") + fmt.Sprintf(", … and %d more}", len(ms)-mostShown)
}

// String is {a="b", c=~"d"}.
func (ms Matchers) String() string {
	parts := make([]string, len(ms))
	for i, m := range ms {
		parts[i] = m.String()
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// Preview is the alerts of list that the matchers would hide.
func (ms Matchers) Preview(list []Alert) []Alert {
	var hit []Alert
	for _, a := range list {
		if ms.Match(a.Labels) {
			hit = append(hit, a)
		}
	}
	return hit
}

// Target is what matchers are about, as a person types it to confirm: a service or an
// alert's name, else the first value. What cannot be typed is "silence".
func (ms Matchers) Target() string {
	var names []string
	for _, label := range []string{"service", "alertname", ""} {
		for _, m := range ms {
			if !m.Not && (m.Name == label || label == "") {
				names = append(names, m.Value)
			}
		}
	}
	for _, name := range names {
		typed := strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
		if name != "" && len(name) <= 40 && typed {
			return name
		}
	}
	return "silence"
}

// MatchersFor are the matchers of exactly the alerts that share all labels of list;
// nil if they share none.
func MatchersFor(list []Alert) Matchers {
	if len(list) == 0 {
		return nil
	}
	var all Matchers
	for _, name := range list[0].Labels.Names() {
		value := list[0].Labels[name]
		if value != "" && !slices.ContainsFunc(list[1:], func(a Alert) bool { return a.Labels[name] != value }) {
			all = append(all, Exactly(name, value))
		}
	}
	return all
}
