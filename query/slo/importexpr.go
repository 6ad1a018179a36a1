package slo

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// templateWindow is how Sloth writes the window in PromQL.
var templateWindow = regexp.MustCompile(`\{\{-?\s*\.window\s*-?\}\}`)

// probeRange stands for $window while an expression is parsed.
const probeRange = "7654321s"

// windowed is PromQL of another format with $window where its range stands, and
// whether a fixed range had to be replaced for it.
func windowed(expr string) (out string, fixed string) {
	expr = templateWindow.ReplaceAllLiteralString(expr, windowMark)
	if strings.Contains(expr, windowMark) {
		return strings.TrimSpace(expr), ""
	}
	e, err := parsePromQL(expr)
	if err != nil {
		return expr, ""
	}
	var edits []edit
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if m, is := n.(*parser.MatrixSelector); is {
			end := int(m.EndPos)
			from := strings.LastIndexByte(expr[:end], '[')
			fixed = strings.Trim(expr[from:end], "[]")
			edits = append(edits, edit{from + 1, end - 1, windowMark})
		}
		return nil
	})
	return applied(expr, edits), fixed
}

// counted is PromQL that counts events, made of one that may give events a second:
// rate becomes increase. Why is what is odd about the outcome.
func counted(expr string) (out, why string) {
	out, fixed := windowed(expr)
	if fixed != "" {
		why = fmt.Sprintf("its range of %s is replaced: sitrep asks minute by minute", fixed)
	}
	e, err := parsePromQL(strings.ReplaceAll(out, windowMark, probeRange))
	if err != nil {
		return out, why // whoever reads the file says what is wrong
	}
	if agg, is := e.(*parser.AggregateExpr); is && agg.Op == parser.SUM && len(agg.Grouping) == 0 {
		if v, is := agg.Expr.(*parser.VectorSelector); is && v.OriginalOffset == 0 {
			return v.String(), "the sum of a counter is counted by how much it grows"
		}
	}
	text := strings.ReplaceAll(out, windowMark, probeRange)
	var edits []edit
	if !perSecond(e, &edits) {
		if strings.Contains(out, "rate(") {
			why = strings.TrimPrefix(why+"; it is no sum of rates, so its numbers are taken as counts of events", "; ")
		}
		return out, why
	}
	return strings.ReplaceAll(applied(text, edits), probeRange, windowMark), why
}

func parsePromQL(expr string) (parser.Expr, error) {
	return parser.NewParser(parser.Options{EnableExperimentalFunctions: true}).ParseExpr(expr)
}

// edit replaces a part of a text.
type edit struct {
	from, to int
	by       string
}

func applied(text string, edits []edit) string {
	slices.SortFunc(edits, func(a, b edit) int { return b.from - a.from })
	for _, e := range edits {
		text = text[:e.from] + e.by + text[e.to:]
	}
	return text
}

// perSecond says that an expression is a sum of rates over the window, which become
// increases by the edits: times the seconds of the window it is a count.
func perSecond(e parser.Expr, edits *[]edit) bool {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return perSecond(e.Expr, edits)
	case *parser.AggregateExpr:
		return slices.Contains([]parser.ItemType{parser.SUM, parser.AVG, parser.MIN, parser.MAX}, e.Op) && perSecond(e.Expr, edits)
	case *parser.Call:
		if e.Func.Name != "rate" && e.Func.Name != "irate" {
			return false
		}
		at := int(e.PosRange.Start)
		*edits = append(*edits, edit{at, at + len(e.Func.Name), "increase"})
		return true
	case *parser.BinaryExpr:
		switch e.Op {
		case parser.ADD, parser.SUB:
			return perSecond(e.LHS, edits) && perSecond(e.RHS, edits)
		case parser.LOR:
			return perSecond(e.LHS, edits) && (zero(e.RHS) || perSecond(e.RHS, edits))
		case parser.MUL, parser.DIV:
			_, number := e.RHS.(*parser.NumberLiteral)
			return number && perSecond(e.LHS, edits)
		}
	}
	return false
}

// zero is vector(0).
func zero(e parser.Expr) bool {
	if p, is := e.(*parser.ParenExpr); is {
		return zero(p.Expr)
	}
	c, is := e.(*parser.Call)
	if !is || c.Func.Name != "vector" || len(c.Args) != 1 {
		return false
	}
	n, is := c.Args[0].(*parser.NumberLiteral)
	return is && n.Val == 0
}

// events takes two queries over as counts of events; kind is good or bad.
func (d *draft) events(kind string, part, total branch) {
	a, whyA := counted(part.text())
	b, whyB := counted(total.text())
	if whyA != "" {
		d.note(part, "%s", whyA)
	}
	if whyB != "" {
		d.note(total, "%s", whyB)
	}
	d.form("events", entry{kind, quoted(a)}, entry{"total", quoted(b)})
}
