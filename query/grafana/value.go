package grafana

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// value is a piece of JSON that others wrote: of any type, whatever was agreed.
// What is not there, or of another type, reads as nothing.
type value struct{ any }

// at goes down by keys.
func (v value) at(keys ...string) value {
	for _, k := range keys {
		m, _ := v.any.(map[string]any)
		v = value{m[k]}
	}
	return v
}

// list is the elements of an array; nothing else has any.
func (v value) list() []value {
	l, _ := v.any.([]any)
	all := make([]value, len(l))
	for i := range l {
		all[i] = value{l[i]}
	}
	return all
}

// keys are those of an object, sorted.
func (v value) keys() []string {
	m, _ := v.any.(map[string]any)
	return slices.Sorted(maps.Keys(m))
}

func (v value) isObject() bool {
	_, ok := v.any.(map[string]any)
	return ok
}

// text is a string, a number or a truth as text of several lines, without what a
// terminal obeys.
func (v value) text() string {
	switch t := v.any.(type) {
	case string:
		return clean(t)
	case float64:
		return strconv.FormatFloat(t, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(t)
	}
	return ""
}

// line is text in one line.
func (v value) line() string { return strings.Join(strings.Fields(v.text()), " ") }

// yes is a truth, also as Grafana's old files write it.
func (v value) yes() bool {
	switch t := v.any.(type) {
	case bool:
		return t
	case string:
		return t == "true"
	case float64:
		return t != 0
	}
	return false
}

// number is a finite number, also one in quotes.
func (v value) number() (float64, bool) {
	n := math.NaN()
	switch t := v.any.(type) {
	case float64:
		n = t
	case string:
		if parsed, err := strconv.ParseFloat(strings.TrimSpace(t), 64); err == nil {
			n = parsed
		}
	}
	return n, !math.IsNaN(n) && !math.IsInf(n, 0)
}

// pointer is number, or nil.
func (v value) pointer() *float64 {
	if n, ok := v.number(); ok {
		return &n
	}
	return nil
}

// whole is a number as an int within bounds; otherwise where there is none.
func (v value) whole(least, most, otherwise int) int {
	n, ok := v.number()
	if !ok {
		return otherwise
	}
	return int(max(float64(least), min(float64(most), math.Round(n))))
}

// texts are the elements of an array, or a single one, as lines that hold something.
func (v value) texts() (all []string) {
	each := []value{v}
	if _, isList := v.any.([]any); isList {
		each = v.list()
	}
	for _, e := range each {
		if t := e.line(); t != "" {
			all = append(all, t)
		}
	}
	return all
}

// longestText bounds one text, in bytes.
const longestText = 16 << 10

// clean takes out the characters that a terminal obeys, but for line ends and tabs.
func clean(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || r == unicode.ReplacementChar || r == '\ufeff') {
			return -1
		}
		return r
	}, text)
	if len(text) > longestText {
		text = strings.ToValidUTF8(text[:longestText], "")
	}
	return text
}

func (v value) isText() bool {
	_, ok := v.any.(string)
	return ok
}
