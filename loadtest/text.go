package loadtest

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// seqName is the placeholder that every request may have: the number of its arrival,
// from 0.
const seqName = "seq"

var (
	placeholder = regexp.MustCompile(`\{\{\s*\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}`)
	nameForm    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// text is a string of a plan with its placeholders, such as {{.user}}, cut out.
type text []part

// part is a literal, or the place of a variable.
type part struct {
	literal string
	name    string // of the variable; empty for a literal
	slot    int    // where its value is: a column of the data, or a place among what was extracted
	kind    slotKind
	escape  func(string) string // nil: the value as it is
}

type slotKind int

const (
	slotSeq slotKind = iota
	slotColumn
	slotExtracted
)

// parseText cuts s at its placeholders.
func parseText(s string) (text, error) {
	var out text
	at := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(s, -1) {
		if m[0] > at {
			out = append(out, part{literal: s[at:m[0]]})
		}
		out = append(out, part{name: s[m[2]:m[3]]})
		at = m[1]
	}
	if at < len(s) {
		out = append(out, part{literal: s[at:]})
	}
	for _, p := range out {
		if i := strings.Index(p.literal, "{{"); p.name == "" && i >= 0 {
			return nil, fmt.Errorf("%.40q is no placeholder; write one such as {{.user}}", p.literal[i:])
		}
	}
	return out, nil
}

// names are the variables of the text.
func (t text) names() (all []string) {
	for _, p := range t {
		if p.name != "" {
			all = append(all, p.name)
		}
	}
	return all
}

// values are what placeholders stand for in one request.
type values struct {
	seq       int64
	row       []string // of the data
	extracted []string
}

// append adds the text with its values to b.
func (t text) append(b []byte, v *values) []byte {
	for _, p := range t {
		switch {
		case p.name == "":
			b = append(b, p.literal...)
		case p.kind == slotSeq:
			b = strconv.AppendInt(b, v.seq, 10)
		default:
			b = append(b, p.value(v)...)
		}
	}
	return b
}

func (p part) value(v *values) string {
	s := ""
	if p.kind == slotColumn {
		s = v.row[p.slot]
	} else {
		s = v.extracted[p.slot]
	}
	if p.escape != nil {
		return p.escape(s)
	}
	return s
}

// slots say where variables are found: columns of the data, and what a scenario
// extracts, in the order of its steps.
type slots struct {
	columns   map[string]int
	extracted map[string]int
}

// bind gives every variable its place.
func (t text) bind(s slots) (text, error) {
	out := append(text(nil), t...)
	for i, p := range out {
		if p.name == "" || p.name == seqName {
			continue
		}
		if at, ok := s.extracted[p.name]; ok {
			out[i].kind, out[i].slot = slotExtracted, at
		} else if at, ok := s.columns[p.name]; ok {
			out[i].kind, out[i].slot = slotColumn, at
		} else {
			return nil, fmt.Errorf("{{.%s}} stands for nothing; there is: %s", p.name, strings.Join(s.names(), ", "))
		}
	}
	return out, nil
}

func (s slots) names() []string {
	return append(append(sortedKeys(s.extracted), sortedKeys(s.columns)...), seqName)
}

// uriText is the path and query of a URL with its placeholders; values are escaped for
// where they stand.
func uriText(raw string) (text, error) {
	_, rest, _ := strings.Cut(raw, "://")
	i := strings.IndexAny(rest, "/?#")
	if i < 0 {
		return text{{literal: "/"}}, nil
	}
	uri, _, _ := strings.Cut(rest[i:], "#")
	if !strings.HasPrefix(uri, "/") {
		uri = "/" + uri
	}
	t, err := parseText(uri)
	if err != nil {
		return nil, err
	}
	escape := url.PathEscape
	for i, p := range t {
		if p.name != "" {
			t[i].escape = escape
			continue
		}
		if strings.ContainsRune(p.literal, '?') {
			escape = url.QueryEscape
		}
		t[i].literal = escapeHigh(p.literal)
	}
	return t, nil
}

// escapeHigh percent-encodes what is not ASCII.
func escapeHigh(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= 0x80 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// headerSafe keeps a value from ending its header.
func headerSafe(s string) string {
	if !strings.ContainsFunc(s, isControl) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, s)
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}
