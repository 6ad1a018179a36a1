package query

import "github.com/prometheus/prometheus/promql/parser"

// Metric is a metric that an expression selects. Pos is a byte offset into it.
type Metric struct {
	Name string
	Pos  int
}

// Metrics are the metrics that an expression selects by name, in its order; none of
// one that does not parse.
func Metrics(expr string) []Metric {
	tree, err := parse(expr)
	if err != nil {
		return nil
	}
	var found []Metric
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		if v, is := n.(*parser.VectorSelector); is {
			if name := selector(v).metric; name != "" {
				found = append(found, Metric{name, int(v.PositionRange().Start)})
			}
		}
		return nil
	})
	return found
}
