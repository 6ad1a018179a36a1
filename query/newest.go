package query

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// Newest is an expression for the time, in seconds since 1970, of the newest sample
// that expr reads; where it reads several metrics, of the one that is furthest behind.
// Metrics without a sample do not count, and where there is none at all, or none within
// the server's lookback, there is no answer. What expr reads on purpose from before
// (offset, @) is judged by what there is now.
func Newest(expr string) (string, error) {
	tree, err := parser.NewParser(parser.Options{EnableExperimentalFunctions: true}).ParseExpr(expr)
	if err != nil {
		return "", fmt.Errorf("what does %q read: %w", expr, err)
	}
	var parts []string
	seen := map[string]bool{}
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		v, is := n.(*parser.VectorSelector)
		if !is {
			return nil
		}
		now := parser.VectorSelector{Name: v.Name, LabelMatchers: v.LabelMatchers}
		if text := now.String(); !seen[text] {
			seen[text] = true
			parts = append(parts, fmt.Sprintf(`label_replace(max(timestamp(%s)), "part", "%d", "", "")`, text, len(parts)))
		}
		return nil
	})
	if len(parts) == 0 {
		return "", errors.New("the expression reads no metric, so nothing of it can be old")
	}
	return "min(" + strings.Join(parts, " or ") + ")", nil
}
