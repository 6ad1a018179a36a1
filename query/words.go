package query

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Words is a value as a person reads it: as the first mapping that matches says,
// else in the field's unit. The state is the mapping's; it is empty where the
// thresholds decide.
func (f *Field) Words(v float64) (text string, state State) {
	if text, state, ok := f.Mapped(v); ok && text != "" {
		return text, state
	} else if !math.IsNaN(v) {
		return f.Format(v), state
	}
	if f.NoValue != "" {
		return f.NoValue, NoData
	}
	return string(NoData), NoData
}

// Mapped is what the first matching mapping says of a value. Its text is empty
// where it gives the value a state alone.
func (f *Field) Mapped(v float64) (text string, state State, ok bool) {
	for i := range f.Mappings {
		if m := &f.Mappings[i]; m.number(v) {
			return m.said(func() string { return strconv.FormatFloat(v, 'g', -1, 64) }), m.State, true
		}
	}
	return "", "", false
}

// WordsOf is a text as a person reads it.
func (f *Field) WordsOf(text string) (string, State) {
	for i := range f.Mappings {
		if m := &f.Mappings[i]; m.text(text) {
			if said := m.said(func() string { return text }); said != "" {
				return said, m.State
			}
			return text, m.State
		}
	}
	return text, ""
}

// said is the mapping's text; that of a regex may hold its groups.
func (m *Mapping) said(value func() string) string {
	if m.Regex == "" || !strings.Contains(m.Text, "$") {
		return m.Text
	}
	re, err := regexp.Compile(m.Regex)
	if err != nil {
		return m.Text
	}
	return re.ReplaceAllString(value(), template(m.Text))
}

// number reports whether the mapping is for v.
func (m *Mapping) number(v float64) bool {
	switch {
	case m.Special != "":
		return m.Special.holds(v)
	case math.IsNaN(v):
		return false
	case m.From != nil || m.To != nil:
		return (m.From == nil || v >= *m.From) && (m.To == nil || v <= *m.To)
	case m.Regex != "":
		return regexMatches(m.Regex, strconv.FormatFloat(v, 'g', -1, 64))
	}
	want, ok := asFloat(m.Value)
	return ok && want == v
}

func (m *Mapping) text(s string) bool {
	switch {
	case m.Special == SpecialEmptyString:
		return s == ""
	case m.Special == SpecialTrue:
		return s == "true"
	case m.Special == SpecialFalse:
		return s == "false"
	case m.Regex != "":
		return regexMatches(m.Regex, s)
	case m.From != nil || m.To != nil:
		v, ok := asFloat(s)
		return ok && m.number(v)
	}
	return m.Value != "" && m.Value == s
}

func (s Special) holds(v float64) bool {
	switch s {
	case SpecialNull:
		return IsAbsent(v)
	case SpecialNaN:
		return math.IsNaN(v) && !IsAbsent(v)
	case SpecialNullAndNaN:
		return math.IsNaN(v)
	case SpecialTrue:
		return v == 1
	case SpecialFalse:
		return v == 0
	}
	return false
}

func regexMatches(pattern, text string) bool {
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(text)
}

// Absolute is the field with thresholds in its unit, those that are percentages
// taken of the way from min to max, or from lo to hi where the field has none.
func (f Field) Absolute(lo, hi float64) Field {
	if !f.Percent {
		return f
	}
	if f.Min != nil {
		lo = *f.Min
	}
	if f.Max != nil {
		hi = *f.Max
	}
	f.Percent = false
	lines := make([]Threshold, 0, len(f.Thresholds))
	for _, t := range f.Thresholds {
		if v := lo + (hi-lo)*t.Value/100; !math.IsNaN(v) && !math.IsInf(v, 0) {
			lines = append(lines, Threshold{Value: v, State: t.State})
		}
	}
	f.Thresholds = lines
	return f
}
