package chaos

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Condition is a comparison with a number, as files write it: "< 0.01", or with what
// the baseline was: "<= 1.5x baseline".
type Condition struct {
	Op         string // one of < <= > >= == !=
	Value      float64
	OfBaseline bool // Value is a multiple of the baseline
}

// ParseCondition reads an operator and a finite number, or a multiple of the baseline.
func ParseCondition(s string) (Condition, error) {
	bad := fmt.Errorf("%q is not a condition; write an operator (< <= > >= == !=) and a number or a multiple of the baseline, for example \"< 0.01\" or \"<= 1.5x baseline\"", s)
	text := strings.TrimSpace(s)
	i := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("<>=!", r) })
	if i <= 0 {
		return Condition{}, bad
	}
	c := Condition{Op: text[:i]}
	figure, multiple := strings.CutSuffix(text[i:], "x baseline")
	v, err := strconv.ParseFloat(strings.TrimSpace(figure), 64)
	if multiple && v <= 0 {
		return Condition{}, bad
	}
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return Condition{}, bad
	}
	c.Value, c.OfBaseline = v, multiple
	switch c.Op {
	case "<", "<=", ">", ">=", "==", "!=":
		return c, nil
	}
	return Condition{}, bad
}

// Against is the condition as one on a number, once the baseline is known.
func (c Condition) Against(baseline float64) Condition {
	if !c.OfBaseline {
		return c
	}
	return Condition{Op: c.Op, Value: c.Value * baseline}
}

// Holds says whether v satisfies the condition. NaN satisfies none, not even !=, and
// nothing satisfies one on a baseline that is not known: see Against.
func (c Condition) Holds(v float64) bool {
	if c.OfBaseline {
		return false
	}
	switch c.Op {
	case "<":
		return v < c.Value
	case "<=":
		return v <= c.Value
	case ">":
		return v > c.Value
	case ">=":
		return v >= c.Value
	case "==":
		return v == c.Value
	case "!=":
		return v != c.Value && !math.IsNaN(v)
	}
	return false
}

// Worse says whether a is further from satisfying the condition than b, or nearer to
// failing it.
func (c Condition) Worse(a, b float64) bool {
	switch c.Op {
	case "<", "<=":
		return a > b
	case ">", ">=":
		return a < b
	case "!=":
		return math.Abs(a-c.Value) < math.Abs(b-c.Value)
	}
	return math.Abs(a-c.Value) > math.Abs(b-c.Value)
}

func (c Condition) String() string {
	if c.Op == "" {
		return ""
	}
	text := c.Op + " " + strconv.FormatFloat(c.Value, 'g', -1, 64)
	if c.OfBaseline {
		text += "x baseline"
	}
	return text
}

// UnmarshalYAML reads the condition at its place in the file.
func (c *Condition) UnmarshalYAML(n ast.Node) error {
	v, err := ParseCondition(scalar(n))
	if err != nil {
		return &yaml.SyntaxError{Message: err.Error(), Token: n.GetToken()}
	}
	*c = v
	return nil
}

// MarshalText writes the form that files use.
func (c Condition) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Condition) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		return nil
	}
	*c, err = ParseCondition(string(b))
	return err
}

// scalar is the text of a plain or quoted value; anything else is empty.
func scalar(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case ast.ScalarNode:
		return n.GetToken().Value
	}
	return ""
}
