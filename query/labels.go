package query

import (
	"slices"
	"strconv"
	"strings"
)

// Labels are the label pairs of one series or alert. The values come from
// outside and may contain anything; draw them only through a sanitizer. A
// Labels that was handed out is shared and must not be written to.
type Labels map[string]string

// String is the form Prometheus prints, sorted by name:
// http_requests_total{code="500", job="api"}. No labels at all is {}.
func (l Labels) String() string {
	var b strings.Builder
	name := l["__name__"]
	plain := legacyName(name)
	if plain {
		b.WriteString(name)
	}
	b.WriteByte('{')
	first := true
	if name != "" && !plain {
		b.WriteString(strconv.Quote(name))
		first = false
	}
	for _, k := range l.Names() {
		if k == "__name__" {
			continue
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		if legacyName(k) && !strings.Contains(k, ":") {
			b.WriteString(k)
		} else {
			b.WriteString(strconv.Quote(k))
		}
		b.WriteByte('=')
		b.WriteString(strconv.Quote(l[k]))
	}
	b.WriteByte('}')
	if plain && b.Len() == len(name)+2 {
		return name
	}
	return b.String()
}

// Names are the label names, sorted.
func (l Labels) Names() []string {
	names := make([]string, 0, len(l))
	for k := range l {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

// compare orders series the way Prometheus does: by the first label, in order
// of name, whose name or value differs.
func (l Labels) compare(o Labels) int {
	a, b := l.Names(), o.Names()
	for i := range min(len(a), len(b)) {
		if c := strings.Compare(a[i], b[i]); c != 0 {
			return c
		}
		if c := strings.Compare(l[a[i]], o[b[i]]); c != 0 {
			return c
		}
	}
	return len(a) - len(b)
}

// legacyName reports whether s can be written without quotes: [a-zA-Z_:][a-zA-Z0-9_:]*.
func legacyName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c == ':' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// CompareLabels orders series the way Prometheus does.
func CompareLabels(a, b Labels) int { return a.compare(b) }
