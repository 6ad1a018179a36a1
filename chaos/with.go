package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// With holds what a step gives its fault: `with: {latency: 300ms}`.
type With map[string]Value

// Value is a plain value as it stands in the file, or a list of them; the fault that
// takes it knows its type. Of a list every item ends with a zero byte, which no plain
// value may hold.
type Value string

const endOfItem = "\x00"

// UnmarshalYAML keeps the text of a scalar, or of a list of them, and refuses mappings.
func (v *Value) UnmarshalYAML(n ast.Node) error {
	list, isList := n.(*ast.SequenceNode)
	if !isList {
		text, err := plain(n)
		*v = Value(text)
		return err
	}
	*v = ""
	for _, item := range list.Values {
		text, err := plain(item)
		if err != nil {
			return err
		}
		*v += Value(text + endOfItem)
	}
	if *v == "" {
		return &yaml.SyntaxError{Message: "an empty list says nothing; leave it out", Token: n.GetToken()}
	}
	return nil
}

func plain(n ast.Node) (string, error) {
	switch n.(type) {
	case *ast.NullNode, *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		return "", &yaml.SyntaxError{Message: wantPlain, Token: n.GetToken()}
	}
	text := scalar(n)
	if strings.Contains(text, endOfItem) {
		return "", &yaml.SyntaxError{Message: "a zero byte is no text", Token: n.GetToken()}
	}
	return text, nil
}

const wantPlain = "want a plain value here, such as 300ms, 0.5 or 503"

// ListOf is a Value that is a list.
func ListOf(items ...string) Value {
	return Value(strings.Join(items, endOfItem) + endOfItem)
}

// String is how it stands in a file.
func (v Value) String() string {
	if !v.isList() {
		return string(v)
	}
	return "[" + strings.ReplaceAll(strings.TrimSuffix(string(v), endOfItem), endOfItem, ", ") + "]"
}

// isList says whether it is a list in the file.
func (v Value) isList() bool { return strings.HasSuffix(string(v), endOfItem) }

// ParamError is a fault's complaint about one of its parameters. Load turns it
// into an error at the parameter's place in the file.
type ParamError struct{ Key, Message string }

func (e *ParamError) Error() string { return e.Key + ": " + e.Message }

// Only refuses keys that are not in known and names the nearest one that is. What ends
// in [] there may be a list.
func (w With) Only(known ...string) error {
	var lists []string
	for i, k := range known {
		if name, ok := strings.CutSuffix(k, "[]"); ok {
			lists, known = append(lists, name), slices.Concat(known[:i], []string{name}, known[i+1:])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(w)) {
		switch {
		case w[k].isList() && slices.Contains(known, k) && !slices.Contains(lists, k):
			return &ParamError{k, wantPlain}
		case slices.Contains(known, k):
			continue
		}
		msg := fmt.Sprintf("unknown parameter %q; it takes %s", k, strings.Join(known, ", "))
		if near := nearest(k, known); near != "" {
			msg = fmt.Sprintf("unknown parameter %q; did you mean %q?", k, near)
		}
		return &ParamError{k, msg}
	}
	return nil
}

// Duration is the parameter as a duration of at most limit; absent it is
// fallback, and a negative fallback makes it required.
func (w With) Duration(key string, fallback, limit time.Duration) (time.Duration, error) {
	text, ok := w[key]
	if !ok && fallback < 0 {
		return 0, &ParamError{key, fmt.Sprintf("missing; write for example %s: 300ms", key)}
	}
	if !ok {
		return fallback, nil
	}
	d, err := strictyaml.ParseDuration(string(text))
	if err != nil {
		return 0, &ParamError{key, err.Error()}
	}
	if d > limit {
		return 0, &ParamError{key, fmt.Sprintf("%s is more than the cap of %s", text, strictyaml.FormatDuration(limit))}
	}
	return d, nil
}

// Ratio is the parameter as a share above 0 and up to 1.
func (w With) Ratio(key string, fallback float64) (float64, error) {
	text, ok := w[key]
	if !ok {
		return fallback, nil
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(v > 0 && v <= 1) {
		return 0, &ParamError{key, fmt.Sprintf("%q is not a share; write a number above 0 and up to 1", text)}
	}
	return v, nil
}

// Int is the parameter as a whole number from lo to hi.
func (w With) Int(key string, fallback, lo, hi int) (int, error) {
	text, ok := w[key]
	if !ok {
		return fallback, nil
	}
	v, err := strconv.Atoi(string(text))
	if err != nil || v < lo || v > hi {
		return 0, &ParamError{key, fmt.Sprintf("%q is not a whole number from %d to %d", text, lo, hi)}
	}
	return v, nil
}

// List is the parameter as a list; a plain value is a list of one.
func (w With) List(key string) []string {
	text, ok := w[key]
	if !ok {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), endOfItem), endOfItem)
}

// Word is the parameter as one of the allowed words; the first is the fallback.
func (w With) Word(key string, allowed ...string) (string, error) {
	text, ok := w[key]
	if !ok {
		return allowed[0], nil
	}
	if !slices.Contains(allowed, string(text)) {
		return "", &ParamError{key, fmt.Sprintf("%q is not one of %s", text, strings.Join(allowed, ", "))}
	}
	return string(text), nil
}

// nearest is the known word with the fewest edits, if those are at most a third
// of the word (and at least two, so that "process.puse" finds its way).
func nearest(word string, known []string) string {
	word = strings.ToLower(word[:min(len(word), 64)])
	best, limit := "", max(2, len(word)/3)+1
	for _, k := range known {
		if d := edits(word, k); d < limit {
			best, limit = k, d
		}
	}
	return best
}

// edits is the Levenshtein distance of two words, the longer cut to 64 bytes.
func edits(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
