package query

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// Part is one node of an expression: what it is, and how many series it gives.
type Part struct {
	Expr   string
	Depth  int
	What   string // "sum by (code)", "rate over 5m", "selector", "/"
	Type   string // instant-vector, range-vector, scalar, string
	Asked  bool   // false: it was too much, or nothing to ask
	Series int
	Value  float64 // of a scalar; Absent otherwise
	Took   time.Duration
	Err    error
}

// mostAsked is how many parts of an expression are asked for.
const mostAsked = 8

// explainWithin bounds the questions of one explanation, all together.
const explainWithin = 15 * time.Second

// Instants answers instant queries; Client does.
type Instants interface {
	Instant(ctx context.Context, expr string, at time.Time) (samples []Sample, warnings []string, err error)
}

// Explain takes an expression apart, from the whole to its selectors, and asks of at
// most eight parts how many series they give at a time: a part that gives none
// where the one below gives some is where an empty answer comes from. The error is
// that of an expression that cannot be read.
func Explain(ctx context.Context, ask Instants, expr string, w Window, at time.Time) ([]Part, error) {
	if fault := CheckExpr(expr); fault != nil {
		return nil, fault
	}
	tree, err := parse(Interpolate(expr, w))
	if err != nil {
		return nil, err
	}
	var parts []Part
	partsOf(tree, 0, &parts)
	ctx, cancel := context.WithTimeout(ctx, explainWithin)
	defer cancel()
	var wait sync.WaitGroup
	asked := 0
	for i := range parts {
		p := &parts[i]
		p.Value = Absent()
		if asked == mostAsked || p.Type == string(parser.ValueTypeString) {
			continue
		}
		asked++
		wait.Go(func() { p.ask(ctx, ask, at) })
	}
	wait.Wait()
	return parts, nil
}

// partsOf lists the nodes of a tree, the outer ones first. Numbers and parentheses
// say nothing by themselves.
func partsOf(n parser.Expr, depth int, all *[]Part) {
	const most, deepest = 60, 40
	if len(*all) == most || depth > deepest {
		return
	}
	part := Part{Expr: n.String(), Depth: depth, Type: typeName(n.Type())}
	var below []parser.Expr
	switch n := n.(type) {
	case *parser.ParenExpr:
		partsOf(n.Expr, depth, all)
		return
	case *parser.StepInvariantExpr:
		partsOf(n.Expr, depth, all)
		return
	case *parser.NumberLiteral, *parser.StringLiteral:
		if depth > 0 {
			return
		}
		part.What = "number"
	case *parser.AggregateExpr:
		part.What = n.Op.String()
		if len(n.Grouping) > 0 || n.Without {
			word := "by"
			if n.Without {
				word = "without"
			}
			part.What += " " + word + " (" + strings.Join(n.Grouping, ", ") + ")"
		}
		below = []parser.Expr{n.Expr}
		if n.Param != nil {
			part.What = n.Param.String() + " " + part.What
		}
	case *parser.Call:
		part.What = n.Func.Name
		below = n.Args
	case *parser.BinaryExpr:
		part.What = n.Op.String()
		if m := n.VectorMatching; m != nil && (m.On || len(m.MatchingLabels) > 0) {
			word := "ignoring"
			if m.On {
				word = "on"
			}
			part.What += " " + word + " (" + strings.Join(m.MatchingLabels, ", ") + ")"
		}
		below = []parser.Expr{n.LHS, n.RHS}
	case *parser.UnaryExpr:
		part.What = n.Op.String()
		below = []parser.Expr{n.Expr}
	case *parser.SubqueryExpr:
		part.What = "over " + n.Range.String()
		below = []parser.Expr{n.Expr}
	case *parser.MatrixSelector:
		// The series are those of the selector within the range, which the server
		// counts as samples that it has at that time.
		part.What = "selector over " + n.Range.String()
	case *parser.VectorSelector:
		part.What = "selector"
	}
	*all = append(*all, part)
	for _, b := range below {
		partsOf(b, depth+1, all)
	}
}

// ask counts the series of a part. The answer is one number, however many they are.
func (p *Part) ask(ctx context.Context, ask Instants, at time.Time) {
	began := time.Now()
	defer func() { p.Took = time.Since(began) }()
	p.Asked = true
	expr := fmt.Sprintf("count(%s)", p.Expr)
	switch p.Type {
	case "scalar":
		expr = p.Expr
	case "range-vector":
		expr = fmt.Sprintf("count(count_over_time(%s))", p.Expr)
	}
	got, _, err := ask.Instant(ctx, expr, at)
	switch {
	case err != nil:
		p.Err = err
	case len(got) == 0:
	case p.Type == "scalar":
		p.Series, p.Value = 1, got[0].Value
	default:
		p.Series = int(got[0].Value)
	}
}
