package slo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Finding is what a server says against an objective, or what is odd about it.
type Finding struct {
	Path  string // the key of the file that it is about, such as sli.events.total
	Fault bool   // the objective cannot be kept like this; else it is a remark
	Text  string
}

// Findings are what the check of an objective against its server gave.
type Findings struct {
	List  []Finding
	Slots int     // of the last hour, that anything is known of
	Last  Count   // of that hour
	Ratio float64 // of bad events in it

	Recorded string // the series that its server records of it; empty without
}

// Faults are the findings that are no remarks.
func (f Findings) Faults() int {
	n := 0
	for _, one := range f.List {
		if one.Fault {
			n++
		}
	}
	return n
}

func (f *Findings) add(path string, fault bool, format string, args ...any) {
	f.List = append(f.List, Finding{Path: path, Fault: fault, Text: fmt.Sprintf(format, args...)})
}

// checkedSpan is how far back a check looks.
const checkedSpan = time.Hour

// Check asks a server the questions of an objective about the last hour: whether there
// is data, whether each is one series, whether the ratio is one, and, where there is
// nothing, which of the labels matches nothing. The error is of a server that does not
// answer.
func Check(ctx context.Context, server query.Asker, o Objective, width time.Duration, now time.Time) (Findings, error) {
	var f Findings
	for _, r := range o.Remarks() {
		f.add("alerts", false, "%s", r)
	}
	q := o.SLI.Questions(width)
	first := now.Add(-checkedSpan).Truncate(width)
	g := query.Grid{Start: first.Add(width), Step: width, N: max(1, int(now.Truncate(width).Sub(first)/width))}
	values := map[string][]float64{}
	for _, one := range o.SLI.asked(q) {
		got, err := column(ctx, server, o.Name, one.expr, g)
		var many *SeriesError
		var refused *query.Error
		switch {
		case errors.As(err, &many):
			f.add(one.path, true, "it gives %d series (%s), and one number is needed: write sum(…) around it", many.N, strings.Join(many.Series, ", "))
			continue
		case errors.As(err, &refused) && errors.Is(refused.Kind, query.ErrQuery):
			f.add(one.path, true, "the server refuses it: %s", refused.Msg)
			continue
		case err != nil:
			return f, err
		}
		values[one.path] = got
		if slices.ContainsFunc(got, finite) {
			continue
		}
		if err := f.explainNothing(ctx, server, one, now); err != nil {
			return f, err
		}
	}
	f.compare(o.SLI, values)
	f.sum(q, o.SLI, values, g, width)
	if err := f.recorded(ctx, server, o, width, now); err != nil {
		return f, err
	}
	return f, f.bounds(ctx, server, o.SLI, now)
}

// recorded says what the server records of an objective, and whether it is of use.
func (f *Findings) recorded(ctx context.Context, server query.Asker, o Objective, width time.Duration, now time.Time) error {
	slots, err := ReadRecorded(ctx, server, o, width, width, now.Add(-checkedSpan), now)
	total, _ := o.Recorded(width)
	switch {
	case err != nil && unusable(err):
		f.add("sli", false, "the server records its slots, and they are not used: %v", err)
		return nil
	case err != nil:
		return err
	case len(slots) > 0:
		f.Recorded = total
		f.add("sli", false, "the server records its slots: what is older than what sitrep counted is read from %s", total)
		return nil
	}
	samples, _, err := server.Instant(ctx, o.slothRatio(), now)
	if err == nil && len(samples) > 0 {
		f.add("sli", false, "the server records Sloth's ratios of it, which are no counts and are not used; sitrep slo rules writes rules that record counts")
	}
	return nil // a server that refuses the question has none
}

// asked is a question with the key that it comes from.
type asked struct {
	path, expr string
	mayMiss    bool // no data is no fault: nothing was bad yet
}

func (s SLI) asked(q Questions) (list []asked) {
	add := func(path, expr string, mayMiss bool) {
		if expr != "" {
			list = append(list, asked{path, expr, mayMiss})
		}
	}
	switch {
	case s.Events != nil:
		add("sli.events.total", q.Total, false)
		add("sli.events.bad", q.Bad, true)
		add("sli.events.good", q.Good, false)
	case s.ErrorRatio != nil:
		add("sli.error_ratio.promql", q.Ratio, false)
		add("sli.error_ratio.total", q.Total, false)
	case s.Latency != nil && s.Latency.Total != "":
		add("sli.latency.histogram", q.Good, false)
		add("sli.latency.total", q.Total, false)
	case s.Latency != nil:
		add("sli.latency.histogram", q.Good, false)
		add("sli.latency", q.Total, false)
	case s.Probe != nil:
		add("sli.probe.promql", q.Ratio, false)
	case s.Throughput != nil:
		add("sli.throughput.counter", q.Rate, false)
	}
	return list
}

// explainNothing says of a question without an answer what in it matches nothing.
func (f *Findings) explainNothing(ctx context.Context, server query.Asker, one asked, now time.Time) error {
	why, err := nothingOf(ctx, server, one.expr, now)
	if err != nil {
		return err
	}
	switch {
	case one.mayMiss && why == "":
		f.add(one.path, false, "nothing was bad in the last hour")
	case one.mayMiss:
		f.add(one.path, false, "nothing was bad in the last hour, or it is not counted here: %s", why)
	case why == "":
		f.add(one.path, true, "it gives no number in the last hour, though its series are there: %s", one.expr)
	default:
		f.add(one.path, true, "no data in the last hour: %s", why)
	}
	return nil
}

// nothingOf is the first selector of an expression that matches nothing, and which of
// its labels is to blame; empty if every one matches.
func nothingOf(ctx context.Context, server query.Asker, expr string, now time.Time) (string, error) {
	e, err := parser.NewParser(parser.Options{EnableExperimentalFunctions: true}).ParseExpr(expr)
	if err != nil {
		return "", nil // it was sent, and refused or not
	}
	var selectors []*parser.VectorSelector
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if v, is := n.(*parser.VectorSelector); is {
			selectors = append(selectors, v)
		}
		return nil
	})
	for _, v := range selectors {
		if why, err := nothingMatches(ctx, server, v, now); why != "" || err != nil {
			return why, err
		}
	}
	return "", nil
}

func nothingMatches(ctx context.Context, server query.Asker, v *parser.VectorSelector, now time.Time) (string, error) {
	some := func(matchers ...*labels.Matcher) (bool, error) {
		sel := parser.VectorSelector{LabelMatchers: matchers}
		samples, _, err := server.Instant(ctx, fmt.Sprintf("count(last_over_time(%s[1h]))", sel.String()), now)
		return len(samples) > 0, err
	}
	if there, err := some(v.LabelMatchers...); there || err != nil {
		return "", err
	}
	named := slices.IndexFunc(v.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual })
	if named < 0 {
		return fmt.Sprintf("no series matches %s", v), nil
	}
	name := v.LabelMatchers[named]
	if there, err := some(name); err != nil || !there {
		return fmt.Sprintf("there is no metric %s on this server", name.Value), err
	}
	for _, m := range v.LabelMatchers {
		if m == name {
			continue
		}
		if there, err := some(name, m); err != nil || !there {
			if err != nil {
				return "", err
			}
			known, err := valuesOf(ctx, server, name, m.Name, now)
			return fmt.Sprintf("no series of %s has %s; %s", name.Value, m, known), err
		}
	}
	return fmt.Sprintf("every label of %s matches some series, but none has them all", v), nil
}

// valuesOf says which values a label has.
func valuesOf(ctx context.Context, server query.Asker, metric *labels.Matcher, label string, now time.Time) (string, error) {
	sel := parser.VectorSelector{LabelMatchers: []*labels.Matcher{metric}}
	samples, _, err := server.Instant(ctx, fmt.Sprintf("count by (%s) (last_over_time(%s[1h]))", label, sel.String()), now)
	if err != nil {
		return "", err
	}
	var list []string
	for _, s := range samples {
		if v := s.Labels[label]; v != "" {
			list = append(list, fmt.Sprintf("%q", v))
		}
	}
	slices.Sort(list)
	const shown = 8
	switch {
	case len(list) == 0:
		return fmt.Sprintf("none has the label %s", label), nil
	case len(list) > shown:
		list = append(list[:shown:shown], fmt.Sprintf("and %d more", len(list)-shown))
	}
	return fmt.Sprintf("its values of %s are %s", label, strings.Join(list, ", ")), nil
}

// slack is how far a part may be above its whole: each is extrapolated by itself.
const slack = 1.05

// compare holds that a ratio is between 0 and 1, and that no part is larger than the
// whole.
func (f *Findings) compare(s SLI, values map[string][]float64) {
	for _, path := range []string{"sli.error_ratio.promql", "sli.probe.promql"} {
		for _, v := range values[path] {
			if finite(v) && (v < -1e-9 || v > 1+1e-9) {
				what := "a share of bad events"
				if s.Probe != nil {
					what, v = "a gauge of 0 to 1", 1-v
				}
				f.add(path, true, "it gives %s where %s is needed, from 0 to 1", trimmed(v), what)
				break
			}
		}
	}
	total := values["sli.events.total"]
	for _, path := range []string{"sli.events.bad", "sli.events.good"} {
		for i, v := range values[path] {
			if i < len(total) && finite(v) && finite(total[i]) && v > total[i]*slack+1 {
				f.add(path, true, "it counts %s events where sli.events.total counts %s: it has to be a part of them", trimmed(v), trimmed(total[i]))
				break
			}
		}
	}
}

// sum puts the hour together as the watch would.
func (f *Findings) sum(q Questions, s SLI, values map[string][]float64, g query.Grid, width time.Duration) {
	var t Tally
	for i := range g.N {
		a := Answer{Nothing(), Nothing(), Nothing(), Nothing(), Nothing()}
		for _, one := range s.asked(q) {
			v := values[one.path]
			if i >= len(v) {
				continue
			}
			switch one.expr {
			case q.Total:
				a.Total = v[i]
			case q.Bad:
				a.Bad = v[i]
			case q.Good:
				a.Good = v[i]
			case q.Ratio:
				a.Ratio = v[i]
			case q.Rate:
				a.Rate = v[i]
			}
		}
		if slot, known := q.Slot(a, g.Time(i).Add(-width), width); known {
			t.Put(slot)
			f.Slots++
		}
	}
	f.Last = t.Sum(g.Start.Add(-width), g.End())
	f.Ratio = f.Last.Ratio()
}

// bounds holds that a classic histogram has a bucket that ends where the promise does.
func (f *Findings) bounds(ctx context.Context, server query.Asker, s SLI, now time.Time) error {
	expr := s.Bounds()
	if expr == "" {
		return nil
	}
	samples, _, err := server.Instant(ctx, expr, now)
	if err != nil || len(samples) == 0 {
		return err // that there is nothing was said
	}
	var les []string
	for _, one := range samples {
		les = append(les, one.Labels["le"])
	}
	if s.HasBound(les) {
		return nil
	}
	slices.SortFunc(les, func(a, b string) int { return cmp.Compare(boundOf(a), boundOf(b)) })
	f.List = slices.DeleteFunc(f.List, func(one Finding) bool { return one.Path == "sli.latency.histogram" }) // this is why
	f.add("sli.latency.below", true, "the histogram has no bucket that ends at %s s, so what took no longer cannot be counted; its buckets end at %s", trimmed(s.Latency.Below.Float()), strings.Join(les, ", "))
	return nil
}

// Place says where in an objective's file a finding is.
func Place(file string, src []byte, f Finding) error {
	doc, err := strictyaml.Decode(file, src, &objectiveFile{})
	if err != nil {
		return err
	}
	return doc.Errorf(f.Path, "%s", f.Text)
}

// boundOf is a bucket's bound as a number; what is none comes last.
func boundOf(le string) float64 {
	v, err := strconv.ParseFloat(le, 64)
	if err != nil {
		return math.Inf(1)
	}
	return v
}
