package embedded

import (
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// A rule that looks at the last 5 minutes is wrong while only the last minute is
// known: rate() rises from too little to what is true as its window fills. How far
// an expression looks back is its reach.

// Reach is how far back from its time expr looks: the longest sum of ranges, offsets
// and subqueries on the way to a selector. 0 looks only at the newest samples, and
// so is taken what cannot be read.
func Reach(expr string) time.Duration {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return 0
	}
	return reachOf(tree, nil)
}

// reachOf adds what the selected metrics, as far as they are recorded, look back
// themselves.
func reachOf(tree parser.Expr, recorded map[string]time.Duration) (most time.Duration) {
	parser.Inspect(tree, func(n parser.Node, path []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		sum := max(v.OriginalOffset, 0) + recorded[metricOf(v)]
		for _, above := range path {
			switch above := above.(type) {
			case *parser.MatrixSelector:
				sum += above.Range
			case *parser.SubqueryExpr:
				sum += above.Range + max(above.OriginalOffset, 0)
			}
		}
		most = max(most, sum)
		return nil
	})
	return most
}

func metricOf(v *parser.VectorSelector) string {
	for _, m := range v.LabelMatchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return ""
}

// setReach gives every rule its reach. Rules that record from each other are followed
// as often as there are rules in a chain of a sane length; one that records from
// itself ends there.
func setReach(p parser.Parser, groups []*group) {
	recorded := map[string]time.Duration{}
	for range 8 {
		again := false
		for _, g := range groups {
			for _, r := range g.rules {
				tree, err := p.ParseExpr(r.query)
				if err != nil {
					continue
				}
				if reach := reachOf(tree, recorded); reach > r.reach {
					r.reach, again = reach, true
				}
				if r.alert == nil {
					recorded[r.name] = max(recorded[r.name], r.reach)
				}
			}
		}
		if !again {
			return
		}
	}
}

// holds says whether a rule has to wait: samples do not reach back far enough yet.
func (s *Server) holds(r *rule, now time.Time) bool {
	return s.cfg.RampUp && s.Fill(r.reach, now) < 1
}

// Fill is how much of the time before now that something of this reach looks at was
// recorded since Run began, from 0 to 1. Without any reach one sample is enough.
func (s *Server) Fill(reach time.Duration, now time.Time) float64 {
	since := s.since.Load()
	switch have := now.Sub(time.UnixMilli(since)); {
	case since == 0 || have < 0:
		return 0
	case have >= reach:
		return 1
	default:
		return float64(have) / float64(reach)
	}
}
