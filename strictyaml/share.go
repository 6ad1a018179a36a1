package strictyaml

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Share is a part of a whole, 0 to 1, written as 90% or 0.9.
type Share float64

// UnmarshalYAML reads it, and refuses what is no part of a whole.
func (s *Share) UnmarshalYAML(n ast.Node) error {
	written := n.GetToken().Value
	text, percent := strings.CutSuffix(strings.TrimSpace(written), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		return &yaml.SyntaxError{Message: fmt.Sprintf("%q is no share: write one such as 20%%", written), Token: n.GetToken()}
	}
	*s = Share(v)
	return nil
}
