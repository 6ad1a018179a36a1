package fault

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"

	"github.com/sitrep-dev/sitrep/chaos"
)

// match says which requests a fault is about. What is empty narrows nothing.
type match struct {
	Percent float64  `json:"percent"` // of those that fit, 0 is all of them
	Methods []string `json:"methods,omitempty"`
	Path    string   `json:"path,omitempty"`        // what it begins with
	Pattern string   `json:"path_regexp,omitempty"` // what it matches
	Header  string   `json:"header,omitempty"`      // the name of one that must be there
	Value   string   `json:"value,omitempty"`       // its value, to the letter

	pattern *regexp.Regexp
}

// matchParams are the parameters that narrow.
var matchParams = []string{"percent", "methods", "path", "path_regexp", "header"}

var (
	methodName = regexp.MustCompile(`^[A-Z]{1,32}$`)
	headerName = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]{1,128}$`)
)

func readMatch(with chaos.With) (m match, err error) {
	if m.Percent, err = with.Percent("percent"); err != nil {
		return m, err
	}
	for method := range strings.FieldsFuncSeq(string(with["methods"]), func(r rune) bool { return r == ',' || r == ' ' }) {
		if !methodName.MatchString(method) {
			return m, &chaos.ParamError{Key: "methods", Message: fmt.Sprintf("%q is no method; write for example methods: GET, POST", method)}
		}
		m.Methods = append(m.Methods, method)
	}
	if m.Path = string(with["path"]); m.Path != "" && m.Path[0] != '/' {
		return m, &chaos.ParamError{Key: "path", Message: fmt.Sprintf("%q is no beginning of a path, such as /checkout; a regular expression is path_regexp", m.Path)}
	}
	m.Pattern = string(with["path_regexp"])
	if header, given := with["header"]; given {
		name, value, ok := strings.Cut(string(header), ":")
		m.Header, m.Value = name, strings.TrimSpace(value)
		if !ok || !headerName.MatchString(name) {
			return m, &chaos.ParamError{Key: "header", Message: fmt.Sprintf(`%q is no header; write for example header: "X-Canary: 1"`, header)}
		}
	}
	if err := m.compile(); err != nil {
		return m, &chaos.ParamError{Key: "path_regexp", Message: err.Error()}
	}
	return m, nil
}

// longestPattern is more than anybody writes by hand; the time that a match takes grows
// with it.
const longestPattern = 4 << 10

// check refuses what no experiment could say, and makes it ready.
func (m *match) check() error {
	switch {
	case !(m.Percent >= 0 && m.Percent <= 100): // NaN too
		return fmt.Errorf("percent %g: want 0 to 100", m.Percent)
	case len(m.Methods) > 32:
		return fmt.Errorf("methods: %d are too many", len(m.Methods))
	case m.Path != "" && m.Path[0] != '/':
		return fmt.Errorf("path %.80q: want the beginning of a path, such as /checkout", m.Path)
	case m.Header != "" && !headerName.MatchString(m.Header):
		return fmt.Errorf("header %.80q is no name of a header", m.Header)
	case m.Header == "" && m.Value != "":
		return errors.New("a value, and no header that has it")
	case len(m.Path) > longestPattern || len(m.Pattern) > longestPattern || len(m.Value) > longestPattern:
		return fmt.Errorf("path, path_regexp and value have at most %s each", chaos.FormatSize(longestPattern))
	}
	for _, method := range m.Methods {
		if !methodName.MatchString(method) {
			return fmt.Errorf("methods: %.40q is no method", method)
		}
	}
	return m.compile()
}

// compile must have been called before draws.
func (m *match) compile() (err error) {
	if m.Pattern != "" {
		m.pattern, err = regexp.Compile(m.Pattern)
	}
	return err
}

// narrows says whether it takes a look at the request to know.
func (m match) narrows() bool {
	return len(m.Methods) > 0 || m.Path != "" || m.Pattern != "" || m.Header != ""
}

// draws says whether a request is to be hurt: it fits, and the dice say so.
func (m match) draws(h *head) bool { return m.fits(h) && m.lot() }

func (m match) lot() bool { return m.Percent == 0 || rand.Float64()*100 < m.Percent }

func (m match) fits(h *head) bool {
	if len(m.Methods) > 0 && !oneOf(h.method, m.Methods) {
		return false
	}
	if m.Path != "" && !bytes.HasPrefix(h.path, []byte(m.Path)) {
		return false
	}
	if m.pattern != nil && !m.pattern.Match(h.path) {
		return false
	}
	return m.Header == "" || h.has(m.Header, m.Value)
}

func oneOf(word []byte, words []string) bool {
	for _, w := range words {
		if string(word) == w {
			return true
		}
	}
	return false
}

// String is how a plan says it: of 30 % of GET, POST /checkout with X-Canary: 1.
func (m match) String() string {
	text := "every request"
	if m.Percent > 0 {
		text = fmt.Sprintf("%g %% of the requests", m.Percent)
	}
	if len(m.Methods) > 0 {
		text += " by " + strings.Join(m.Methods, ", ")
	}
	if m.Path != "" {
		text += fmt.Sprintf(" to %q and below", m.Path)
	}
	if m.Pattern != "" {
		text += fmt.Sprintf(" to what matches %q", m.Pattern)
	}
	if m.Header != "" {
		text += fmt.Sprintf(" with %s: %q", m.Header, m.Value)
	}
	return text
}
