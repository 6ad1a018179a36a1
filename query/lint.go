package query

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Warning is something in an expression that parses and is most likely not
// meant. Pos and End are byte offsets into the expression.
type Warning struct {
	Rule     string // stable name: self-ratio, mixed-ratio, missing-le, rate-of-sum
	Message  string
	Pos, End int
}

// Lint finds the mistakes that a rule or an experiment can carry for years,
// because the expression is valid and only never says anything. An expression
// that does not parse has no warnings; see CheckExpr.
func Lint(expr string) []Warning {
	tree, err := parse(expr)
	if err != nil {
		return nil
	}
	var found []Warning
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.BinaryExpr:
			if w := lintRatio(n); w != nil {
				found = append(found, *w)
			}
		case *parser.Call:
			if w := lintQuantile(n); w != nil {
				found = append(found, *w)
			}
		}
		return nil
	})
	return found
}

func warn(n parser.Node, rule, format string, args ...any) *Warning {
	at := n.PositionRange()
	return &Warning{Rule: rule, Message: fmt.Sprintf(format, args...), Pos: int(at.Start), End: int(at.End)}
}

// operand is one side of a ratio: a selector under functions and arithmetic
// with numbers, or an aggregation.
type operand struct {
	shape      string // what is done to the selector: rate[300000] and so on
	metric     string
	matchers   []string
	aggregated bool
}

// lintRatio: a / b matches series by all their labels. Where both are the same
// metric, a series can only meet itself, whatever the matchers select: the
// ratio is 1 where they overlap and empty elsewhere.
func lintRatio(n *parser.BinaryExpr) *Warning {
	if n.Op != parser.DIV || n.VectorMatching == nil || len(n.VectorMatching.MatchingLabels) > 0 || n.VectorMatching.On {
		return nil
	}
	l, okL := operandOf(n.LHS)
	r, okR := operandOf(n.RHS)
	if !okL || !okR || l.metric == "" || l.metric != r.metric {
		return nil
	}
	switch {
	case !l.aggregated && !r.aggregated && l.shape == r.shape:
		return warn(n, "self-ratio", "every series of %s is divided by itself, so this is always 1 or empty; aggregate both sides: sum by (job) (...) / sum by (job) (...)", l.metric)
	case l.aggregated != r.aggregated:
		return warn(n, "mixed-ratio", "only one side is aggregated, so the label sets of %s never match and this is empty; aggregate both sides by the same labels", l.metric)
	}
	return nil
}

// operandOf describes e if it is simple enough to be sure about.
func operandOf(e parser.Expr) (operand, bool) {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return operandOf(e.Expr)
	case *parser.StepInvariantExpr:
		return operandOf(e.Expr)
	case *parser.UnaryExpr:
		return operandOf(e.Expr)
	case *parser.BinaryExpr:
		if _, ok := e.RHS.(*parser.NumberLiteral); ok && (e.Op == parser.MUL || e.Op == parser.DIV) {
			return operandOf(e.LHS)
		}
		if _, ok := e.LHS.(*parser.NumberLiteral); ok && e.Op == parser.MUL {
			return operandOf(e.RHS)
		}
	case *parser.AggregateExpr:
		o, ok := operandOf(e.Expr)
		// topk and its like keep the series' own labels.
		switch e.Op {
		case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO, parser.COUNT_VALUES:
			return o, false
		}
		// without () with no label drops nothing but the name.
		if e.Without {
			return o, false
		}
		o.aggregated = true
		return o, ok
	case *parser.Call:
		for _, arg := range e.Args {
			if o, ok := operandOf(arg); ok {
				o.shape = e.Func.Name + "(" + o.shape + ")"
				return o, e.Func.Name != "label_replace" && e.Func.Name != "label_join"
			}
		}
	case *parser.MatrixSelector:
		o, ok := operandOf(e.VectorSelector)
		o.shape += fmt.Sprintf("[%d]", e.Range.Milliseconds())
		return o, ok
	case *parser.VectorSelector:
		return selector(e), true
	}
	return operand{}, false
}

func selector(e *parser.VectorSelector) operand {
	o := operand{metric: e.Name}
	for _, m := range e.LabelMatchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			o.metric = m.Value
			continue
		}
		o.matchers = append(o.matchers, m.String())
	}
	slices.Sort(o.matchers)
	// A series against its own past is a fair question.
	o.shape = fmt.Sprintf("offset %d", e.OriginalOffset.Milliseconds())
	if e.Timestamp != nil {
		o.shape += fmt.Sprintf("@%d", *e.Timestamp)
	}
	return o
}

// lintQuantile: histogram_quantile works on the buckets, so an aggregation
// under it must keep le.
func lintQuantile(n *parser.Call) *Warning {
	if n.Func.Name != "histogram_quantile" || len(n.Args) != 2 {
		return nil
	}
	var inner parser.Expr = n.Args[1]
	for {
		p, ok := inner.(*parser.ParenExpr)
		if !ok {
			break
		}
		inner = p.Expr
	}
	a, ok := inner.(*parser.AggregateExpr)
	if !ok || !classic(a.Expr) {
		return nil
	}
	if slices.Contains(a.Grouping, "le") == a.Without {
		return warn(a, "missing-le", "the aggregation under histogram_quantile drops le, so the result is empty; write %s by (le, ...)", a.Op)
	}
	return nil
}

// classic reports whether e selects the _bucket series of a classic histogram;
// native histograms have no le.
func classic(e parser.Expr) bool {
	o, ok := operandOf(e)
	return ok && strings.HasSuffix(o.metric, "_bucket")
}
