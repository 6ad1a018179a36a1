package grafana

import (
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// reducerOf is Grafana's name of a calculation as ours; false for one that is not
// known here.
func reducerOf(id string) (query.Reducer, bool) {
	r, ok := map[string]query.Reducer{
		"lastNotNull": query.ReduceLast, "last": query.ReduceLast, "current": query.ReduceLast,
		"firstNotNull": query.ReduceFirst, "first": query.ReduceFirst,
		"min": query.ReduceMin, "max": query.ReduceMax, "mean": query.ReduceMean, "avg": query.ReduceMean, "median": query.ReduceMedian,
		"sum": query.ReduceSum, "total": query.ReduceSum, "count": query.ReduceCount,
		"range": query.ReduceRange, "diff": query.ReduceDiff, "diffperc": query.ReduceChange, "delta": query.ReduceDelta,
		"stdDev": query.ReduceStdDev, "p95": query.ReduceP95, "p99": query.ReduceP99,
	}[id]
	return r, ok
}

// reducers are those of a list that are known; the others are said.
func (p *panel) reducers(of string, ids []string) (known []query.Reducer) {
	for _, id := range ids {
		if r, ok := reducerOf(id); ok {
			known = append(known, r)
		} else if id != "" {
			p.report.lacks("the calculation %q of %s", id, of)
		}
	}
	return known
}

// reduceTo sets what a series comes to; last is the default.
func (p *panel) reduceTo(r query.Reducer) {
	if r != query.ReduceLast {
		p.board.Reduce = r
	}
}

// reduceOptions reads how a stat, gauge, bar gauge or pie makes one number.
func (p *panel) reduceOptions() {
	o := p.json.at("options", "reduceOptions")
	calcs := o.at("calcs").texts()
	known := p.reducers("the value", calcs)
	if len(known) > 0 {
		p.reduceTo(known[0])
	}
	if len(known) > 1 {
		p.report.lacks("only the first of the calculations %s", strings.Join(calcs, ", "))
	}
	p.board.Every = o.at("values").yes() && p.board.Type != query.TopN
	fields := o.at("fields").line()
	if fields == "" || fields == "/^Value$/" || strings.HasPrefix(fields, "/^Value #") {
		return
	}
	label := strings.TrimSuffix(strings.TrimPrefix(fields, "/^"), "$/")
	if p.board.Type == query.Stat && labelName.MatchString(label) && label != "Time" && len(p.board.Queries) == 1 {
		p.board.Name, p.board.Show = "{{"+label+"}}", query.ShowName
		return
	}
	p.report.lacks("only the fields %s", fields)
}
