package imports

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// variables are what ${…} stands for in a plan of JMeter.
type variables struct {
	defined    map[string]string // by the plan itself
	properties map[string]string // that somebody gave
	row        map[string]string // columns of the data: what they are called here
	taken      map[string]string // out of answers until now
	braces     bool              // some text had "{{" in it, which begins a placeholder here
	left       int               // how many more may be put into the text that is being made
}

// place takes notes for one place of the file.
type place func(format string, args ...any)

// Variables may stand for each other: how deep, how many in one text, and how long it gets, is
// bounded.
const (
	mostNested = 10
	mostValues = 1000
	mostText   = 1 << 20
)

// text is a text as a plan has it: variables of JMeter that are known stand as their
// values, those of the data and of earlier answers as placeholders. What nobody knows is
// noted, and stays as it is. Known says whether it all was.
func (v *variables) text(s string, note place) (out string, known bool) {
	v.left = mostValues
	return v.expand(s, note, mostNested)
}

func (v *variables) expand(s string, note place, depth int) (string, bool) {
	var b strings.Builder
	known := true
	for {
		i := strings.Index(s, "${")
		literal := s[:max(i, 0)]
		if i < 0 {
			literal = s
		}
		v.braces = v.braces || strings.Contains(literal, "{{")
		b.WriteString(literal)
		if i < 0 {
			return b.String(), known
		}
		end := closing(s[i:])
		if end < 0 {
			b.WriteString(s[i:])
			return b.String(), known
		}
		whole, inner := s[i:i+end+1], s[i+2:i+end]
		if v.left--; v.left < 0 || b.Len() > mostText {
			note("variables stand for each other in too many ways; the rest is left out")
			return b.String(), false
		}
		value, ok := v.value(inner, note, depth)
		if !ok {
			value, known = whole, false
		}
		b.WriteString(value)
		s = s[i+end+1:]
	}
}

// closing is the place of the brace that closes the one s begins with; -1 if there is none.
func closing(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func (v *variables) value(name string, note place, depth int) (string, bool) {
	if depth == 0 {
		note("${%s} stands for itself; it is left as it is", cut(name))
		return "", false
	}
	if function, is := strings.CutPrefix(name, "__"); is {
		return v.function(function, note, depth)
	}
	if inner, ok := v.expand(name, note, depth-1); ok { // ${user_${n}}
		name = inner
	}
	if ours := cmp.Or(v.taken[name], v.row[name]); ours != "" {
		return "{{." + ours + "}}", true
	}
	if value, ok := v.defined[name]; ok {
		return v.expand(value, note, depth-1)
	}
	note("nothing here says what ${%s} is; it is left as it is", cut(name))
	return "", false
}

// function is the value of a function of JMeter, where there is one before a run.
func (v *variables) function(call string, note place, depth int) (string, bool) {
	name, args := call, []string(nil)
	if i := strings.IndexByte(call, '('); i >= 0 && strings.HasSuffix(call, ")") {
		name, args = call[:i], arguments(call[i+1:len(call)-1])
	}
	switch name {
	case "P", "property":
		if len(args) == 0 {
			break
		}
		if value, given := v.properties[args[0]]; given {
			return value, true
		}
		otherwise := ""
		if name == "P" {
			otherwise = "1" // as JMeter has it
		}
		if last := len(args) - 1; name == "P" && last == 1 || name == "property" && last == 2 {
			otherwise = args[last]
		}
		if otherwise == "" {
			note("the property %s has no value; say -J %s=VALUE", cut(args[0]), cut(args[0]))
			return "", false
		}
		value, ok := v.expand(otherwise, note, depth-1)
		note("the property %s is written as %s; -J %s=VALUE gives another", cut(args[0]), cut(value), cut(args[0]))
		return value, ok
	case "UUID", "counter", "Random", "RandomString", "time", "threadNum":
		note("${__%s} is the number of the arrival here, {{.seq}}", cut(call))
		return "{{.seq}}", true
	}
	note("the function ${__%s} is not carried over; it is left as it is", cut(call))
	return "", false
}

// arguments cuts at commas, but not at those behind a backslash or within braces.
func arguments(s string) (all []string) {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && s[i+1] == ',':
			i++
			b.WriteByte(',')
			continue
		case c == ',' && depth == 0:
			all = append(all, strings.TrimSpace(b.String()))
			b.Reset()
			continue
		case c == '{':
			depth++
		case c == '}':
			depth--
		}
		b.WriteByte(s[i])
	}
	return append(all, strings.TrimSpace(b.String()))
}

// number is a number that a plan of JMeter says, perhaps by a variable.
func (v *variables) number(s string, note place) (float64, bool) {
	text, known := v.text(strings.TrimSpace(s), note)
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if !known || err != nil || n-n != 0 { // NaN, or endless
		return 0, false
	}
	return n, true
}

var notVariable = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// variableName is a name as a plan can have it.
func variableName(name string) string {
	name = strings.Trim(notVariable.ReplaceAllString(name, "_"), "_")
	switch {
	case name == "", name[0] >= '0' && name[0] <= '9':
		return "v_" + name
	case name == "seq":
		return "seq_"
	}
	return name
}
