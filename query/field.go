package query

import (
	"regexp"
	"slices"
)

// Field is how the values of a series or column are read and drawn. The zero
// value of a part is its default, and in an Override that nothing is overridden.
type Field struct {
	Unit       string      `json:"unit,omitempty"`     // a Grafana unit, see FormatValue; unknown ones are printed as they are
	Decimals   *int        `json:"decimals,omitempty"` // nil = as many as the eye can use
	Min        *float64    `json:"min,omitempty"`      // of the axis, whatever the values
	Max        *float64    `json:"max,omitempty"`
	SoftMin    *float64    `json:"soft_min,omitempty"` // of the axis, unless a value lies outside
	SoftMax    *float64    `json:"soft_max,omitempty"`
	Thresholds []Threshold `json:"thresholds,omitempty"`         // crossed upwards where lower is better, downwards where higher is
	Percent    bool        `json:"percent_thresholds,omitempty"` // thresholds are percentages of the way from min to max
	Mappings   []Mapping   `json:"mappings,omitempty"`           // the first that matches says it in words
	NoValue    string      `json:"no_value,omitempty"`           // in the place of "no data"
	Name       string      `json:"name,omitempty"`               // in the place of the legend, with {{label}}

	Draw     Draw     `json:"draw,omitempty"`     // default line
	Stack    Stack    `json:"stack,omitempty"`    // default none
	Nulls    Nulls    `json:"nulls,omitempty"`    // default gap
	Negative bool     `json:"negative,omitempty"` // drawn below zero: what goes out under what comes in
	Right    bool     `json:"right,omitempty"`    // its own axis at the right
	Hidden   bool     `json:"hidden,omitempty"`   // not drawn; in the legend it can be shown
	Cell     CellForm `json:"cell,omitempty"`     // of a table; default text
	Width    int      `json:"width,omitempty"`    // of a table's column, in Grafana's pixels
	Links    []Link   `json:"field_links,omitempty"`
}

// Draw is the form of a series.
type Draw string

// The forms of a series.
const (
	Line     Draw = "line"
	Area     Draw = "area"
	Bars     Draw = "bars"
	Points   Draw = "points"
	StepLine Draw = "steps"
)

// Stack is how series of one panel stand on each other.
type Stack string

// The ways to stack.
const (
	StackNormal  Stack = "normal"
	StackPercent Stack = "percent"
	StackNone    Stack = "none" // of an override, against its panel
)

// Nulls is what is drawn where a series has no sample.
type Nulls string

// What a missing sample becomes.
const (
	Gap     Nulls = "gap"
	Connect Nulls = "connect"
	Zero    Nulls = "zero"
)

// CellForm is how a table draws a value.
type CellForm string

// The forms of a cell.
const (
	CellText       CellForm = "text"
	CellColour     CellForm = "color"      // the text in the state's colour
	CellBackground CellForm = "background" // the whole cell in it
	CellGauge      CellForm = "gauge"
)

// Threshold is a value from which on a panel is in trouble.
type Threshold struct {
	Value float64 `json:"value"`
	State State   `json:"state"`
}

// Mapping says a value in words. One of Value, From and To, Regex or Special
// names the values that it is for.
type Mapping struct {
	Value   string   `json:"value,omitempty"` // as text: "1", "up"
	From    *float64 `json:"from,omitempty"`  // inclusive; nil is without end
	To      *float64 `json:"to,omitempty"`
	Regex   string   `json:"regex,omitempty"`
	Special Special  `json:"special,omitempty"`
	Text    string   `json:"text,omitempty"`  // empty: the value itself, in the state's colour
	State   State    `json:"state,omitempty"` // empty: as the thresholds say
}

// Special is a class of values that are no ordinary numbers.
type Special string

// The classes.
const (
	SpecialNull        Special = "null"
	SpecialNaN         Special = "nan"
	SpecialNullAndNaN  Special = "null+nan"
	SpecialTrue        Special = "true"
	SpecialFalse       Special = "false"
	SpecialEmptyString Special = "empty"
)

// Override changes the field of some series or columns.
type Override struct {
	Match Match `json:"match"`
	Set   Field `json:"set"`
}

// Match names series or table columns: by one of its parts.
type Match struct {
	Name   string   `json:"name,omitempty"` // the whole legend
	Names  []string `json:"names,omitempty"`
	Except []string `json:"except,omitempty"` // all but these legends
	Regex  string   `json:"regex,omitempty"`  // found anywhere in the legend
	Ref    string   `json:"ref,omitempty"`    // of the query
	Type   string   `json:"type,omitempty"`   // number, string, time
	Value  *Compare `json:"value,omitempty"`  // what the series comes to
}

// Compare holds a reduced series against a number.
type Compare struct {
	Reduce Reducer `json:"reduce"`
	Op     string  `json:"op"` // > >= < <= == !=
	Value  float64 `json:"value"`
}

// Holds reports whether v compares as c says. No value never does.
func (c Compare) Holds(v float64) bool {
	switch c.Op {
	case ">":
		return v > c.Value
	case ">=":
		return v >= c.Value
	case "<":
		return v < c.Value
	case "<=":
		return v <= c.Value
	case "==":
		return v == c.Value
	case "!=":
		return v == v && v != c.Value
	}
	return false
}

// Format writes v in the field's unit, with its decimals where it has any.
// Mappings are for Words.
func (f *Field) Format(v float64) string {
	if f.Decimals != nil {
		return FormatDecimals(f.Unit, v, *f.Decimals)
	}
	return FormatValue(f.Unit, v)
}

// FieldOf is the field of one series of the panel: with the overrides that match
// it, the later winning.
func (p *Panel) FieldOf(s *Series) Field {
	f := p.Field
	for i := range p.Overrides {
		if o := &p.Overrides[i]; o.Match.series(s) {
			f = f.with(&o.Set)
		}
	}
	return f
}

// series reports whether m names s.
func (m *Match) series(s *Series) bool {
	switch {
	case m.Name != "":
		return s.Legend == m.Name
	case len(m.Names) > 0:
		return slices.Contains(m.Names, s.Legend)
	case len(m.Except) > 0:
		return !slices.Contains(m.Except, s.Legend)
	case m.Regex != "":
		re, err := regexp.Compile(m.Regex)
		return err == nil && re.MatchString(s.Legend)
	case m.Ref != "":
		return s.Ref == m.Ref
	case m.Type != "":
		return m.Type == "number"
	case m.Value != nil:
		return m.Value.Holds(m.Value.Reduce.Of(s.Values))
	}
	return false
}

// with is f where over has nothing to say, and else over.
func (f Field) with(over *Field) Field {
	set(&f.Unit, over.Unit)
	set(&f.Decimals, over.Decimals)
	set(&f.Min, over.Min)
	set(&f.Max, over.Max)
	set(&f.SoftMin, over.SoftMin)
	set(&f.SoftMax, over.SoftMax)
	set(&f.NoValue, over.NoValue)
	set(&f.Name, over.Name)
	set(&f.Draw, over.Draw)
	set(&f.Stack, over.Stack)
	set(&f.Nulls, over.Nulls)
	set(&f.Negative, over.Negative)
	set(&f.Right, over.Right)
	set(&f.Hidden, over.Hidden)
	set(&f.Cell, over.Cell)
	set(&f.Width, over.Width)
	if over.Thresholds != nil {
		f.Thresholds, f.Percent = over.Thresholds, over.Percent
	}
	if over.Mappings != nil {
		f.Mappings = over.Mappings
	}
	if over.Links != nil {
		f.Links = over.Links
	}
	return f
}

func set[T comparable](dst *T, v T) {
	var zero T
	if v != zero {
		*dst = v
	}
}
