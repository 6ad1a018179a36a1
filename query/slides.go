package query

import "github.com/prometheus/prometheus/promql/parser"

// slides reports whether the value of expr at a time depends on nothing but that
// time and what was stored up to it. Only then may answers to different windows
// be joined. Not so for @ (with start() and end() the window's own ends, else a
// time that may be in the future of a point), for a negative offset, for
// smoothed selectors, which look ahead, and for the functions that tell of the
// window. What this parser does not know, such as the extensions of
// VictoriaMetrics, is not trusted either. Macros have been replaced by now:
// $__range is a plain range, and another one makes another expression.
func slides(expr string) bool {
	tree, err := parser.NewParser(parser.Options{EnableExperimentalFunctions: true}).ParseExpr(expr)
	if err != nil {
		return false
	}
	ok := true
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			ok = ok && n.Timestamp == nil && n.StartOrEnd == 0 && n.OriginalOffset >= 0 && n.OriginalOffsetExpr == nil && !n.Smoothed
		case *parser.SubqueryExpr:
			ok = ok && n.Timestamp == nil && n.StartOrEnd == 0 && n.OriginalOffset >= 0 && n.OriginalOffsetExpr == nil
		case *parser.Call:
			switch n.Func.Name {
			case "start", "end", "range":
				ok = false
			}
		}
		return nil
	})
	return ok
}
