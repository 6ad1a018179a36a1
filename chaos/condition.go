package chaos

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Condition is a comparison with a number, as files write it: "< 0.01".
type Condition struct {
	Op    string // one of < <= > >= == !=
	Value float64
}

// ParseCondition reads an operator and a finite number.
func ParseCondition(s string) (Condition, error) {
	bad := fmt.Errorf("%q is not a condition; write an operator (< <= > >= == !=) and a number, for example \"< 0.01\"", s)
	text := strings.TrimSpace(s)
	i := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("<>=!", r) })
	if i <= 0 {
		return Condition{}, bad
	}
	c := Condition{Op: text[:i]}
	v, err := strconv.ParseFloat(strings.TrimSpace(text[i:]), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return Condition{}, bad
	}
	c.Value = v
	switch c.Op {
	case "<", "<=", ">", ">=", "==", "!=":
		return c, nil
	}
	return Condition{}, bad
}

// Holds says whether v satisfies the condition. NaN satisfies none, not even !=.
func (c Condition) Holds(v float64) bool {
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

func (c Condition) String() string {
	if c.Op == "" {
		return ""
	}
	return c.Op + " " + strconv.FormatFloat(c.Value, 'g', -1, 64)
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
