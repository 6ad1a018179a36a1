package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/sitrep-dev/sitrep/query"
)

// group is a group of rules; they are evaluated one after the other, so that a
// rule sees what the ones before it recorded.
type group struct {
	name     string
	file     string
	interval time.Duration
	limit    int
	rules    []*rule

	mu   sync.Mutex // held during an evaluation, and to read its results
	at   time.Time
	took time.Duration
}

// rule is one alerting or recording rule with the result of its last
// evaluation, guarded by its group's lock.
type rule struct {
	name        string
	query       string // in the parser's own spelling, as Prometheus shows it
	labels      map[string]string
	alert       *alerting     // nil: a recording rule
	reach       time.Duration // how far back it looks, through what other rules record
	held        bool          // it waits until samples reach back so far
	at          time.Time
	took        time.Duration
	err         error
	annotations map[string]string
	wrote       map[uint64]labels.Labels // the series of the last evaluation
}

// parseRules reads a rule file with Prometheus' own parser.
func (s *Server) parseRules(file string, src []byte) ([]*group, error) {
	if len(src) == 0 {
		return nil, nil
	}
	parsed, errs := rulefmt.Parse(src, false, model.UTF8Validation, s.parser, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		return nil, ruleFaults(file, errs)
	}
	var groups []*group
	for _, g := range parsed.Groups {
		interval := cmp.Or(time.Duration(g.Interval), s.cfg.EvaluationInterval)
		out := &group{name: g.Name, file: file, interval: interval, limit: g.Limit}
		for _, r := range g.Rules {
			expr, err := s.parser.ParseExpr(r.Expr)
			if err != nil {
				return nil, fmt.Errorf("%s: group %q: %w", file, g.Name, err)
			}
			out.rules = append(out.rules, newRule(r, g.Labels, expr))
		}
		groups = append(groups, out)
	}
	return groups, nil
}

// RuleFile is a file of Prometheus' rules; the name is for errors and /api/v1/rules.
type RuleFile struct {
	Name string
	Src  []byte
}

// SetRules replaces the rules; what was active of a rule that stays goes on. While
// Run runs they are evaluated only with the next Run.
func (s *Server) SetRules(files ...RuleFile) error {
	var groups []*group
	for _, f := range files {
		more, err := s.parseRules(f.Name, f.Src)
		if err != nil {
			return err
		}
		groups = append(groups, more...)
	}
	setReach(s.parser, groups)
	before := map[string]*rule{}
	for _, g := range s.ruleGroups() {
		for _, r := range g.rules {
			before[g.key(r)] = r
		}
	}
	for _, g := range groups {
		for _, r := range g.rules {
			if old := before[g.key(r)]; old != nil {
				r.wrote = old.wrote
				if r.alert != nil && old.alert != nil {
					r.alert.active = old.alert.active
				}
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups = groups
	return nil
}

// key tells rules apart.
func (g *group) key(r *rule) string {
	return strings.Join([]string{g.file, g.name, r.name, r.query}, "\x00")
}

// ruleGroups is the groups now; the slice is never written to.
func (s *Server) ruleGroups() []*group {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.groups
}

// Resume takes over alerts that another server has told of: a `for` that runs does
// not begin anew, and what fires does not end because its rule has to wait for its
// window. Alerts that no rule here makes are left out.
func (s *Server) Resume(alerts []query.RawAlert) {
	for _, g := range s.ruleGroups() {
		g.mu.Lock()
		for _, r := range g.rules {
			for _, a := range alerts {
				if r.makes(a) {
					r.alert.resume(a)
				}
			}
		}
		g.mu.Unlock()
	}
}

// makes says whether an alert can be one of this rule's.
func (r *rule) makes(a query.RawAlert) bool {
	if r.alert == nil || a.Labels[model.AlertNameLabel] != r.name {
		return false
	}
	for name, v := range r.labels {
		if !strings.Contains(v, "{{") && a.Labels[name] != v {
			return false
		}
	}
	return true
}

func (r *alerting) resume(a query.RawAlert) {
	lset := labels.FromMap(a.Labels)
	if h := lset.Hash(); r.active[h] == nil {
		r.active[h] = &alert{labels: lset, annotations: a.Annotations, value: a.Value, activeAt: a.ActiveAt, firing: a.State == "firing"}
	}
}

// ruleFaults puts the file's name before each fault. The parser gives most of
// them as line:column: message, and 0:0 where it lost the place.
func ruleFaults(file string, errs []error) error {
	for i, err := range errs {
		text := strings.TrimPrefix(err.Error(), "0:0: ")
		if text == "" || text[0] < '0' || text[0] > '9' {
			text = " " + text
		}
		errs[i] = fmt.Errorf("%s:%s", file, text)
	}
	return errors.Join(errs...)
}

func newRule(r rulefmt.Rule, groupLabels map[string]string, expr parser.Expr) *rule {
	out := &rule{name: cmp.Or(r.Alert, r.Record), query: expr.String(), labels: map[string]string{}, annotations: r.Annotations}
	for _, m := range []map[string]string{groupLabels, r.Labels} {
		for k, v := range m {
			out.labels[k] = v
		}
	}
	if r.Alert != "" {
		out.alert = &alerting{hold: time.Duration(r.For), keep: time.Duration(r.KeepFiringFor), active: map[uint64]*alert{}}
	}
	return out
}

// Evaluate evaluates every rule once, as of now. What goes wrong is told by
// /api/v1/rules, rule by rule.
func (s *Server) Evaluate(ctx context.Context, now time.Time) {
	for _, g := range s.ruleGroups() {
		s.evaluate(ctx, g, now)
	}
}

func (s *Server) evaluate(ctx context.Context, g *group, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	start := time.Now()
	for _, r := range g.rules {
		if r.held = s.holds(r, now); r.held {
			continue
		}
		began := time.Now()
		vec, err := s.evalRule(ctx, r, now)
		if ctx.Err() != nil {
			return // the server stops; the rule did nothing wrong
		}
		if err == nil {
			err = s.write(r, vec, now, g.limit)
		}
		r.at, r.took, r.err = now, time.Since(began), err
	}
	g.at, g.took = now, time.Since(start)
}

func (s *Server) evalRule(ctx context.Context, r *rule, now time.Time) (promql.Vector, error) {
	vec, err := s.instant(ctx, r.query, now)
	if err != nil {
		return nil, err
	}
	if r.alert != nil {
		return r.alert.step(vec, now, func(smp promql.Sample) (labels.Labels, map[string]string) {
			return s.expand(ctx, r, smp, now)
		})
	}
	return record(r, vec)
}

// record gives the results of a recording rule its name and labels.
func record(r *rule, vec promql.Vector) (promql.Vector, error) {
	seen := map[uint64]bool{}
	for i := range vec {
		b := labels.NewBuilder(vec[i].Metric)
		b.Set(model.MetricNameLabel, r.name)
		for k, v := range r.labels {
			b.Set(k, v)
		}
		vec[i].Metric = b.Labels()
		h := vec[i].Metric.Hash()
		if seen[h] {
			return nil, fmt.Errorf("two results have the same labels after recording: %s", vec[i].Metric)
		}
		seen[h] = true
	}
	return vec, nil
}

// write commits one rule's results at once, for the rules after it to read, and
// ends the series that the rule wrote last time and not this time.
func (s *Server) write(r *rule, vec promql.Vector, now time.Time, limit int) error {
	results := len(vec)
	if r.alert != nil {
		results = len(r.alert.active)
	}
	if limit > 0 && results > limit {
		return fmt.Errorf("the rule's %d results exceed the group's limit of %d", results, limit)
	}
	at := timestamp.FromTime(now)
	batch := make([]sample, 0, len(vec))
	wrote := make(map[uint64]labels.Labels, len(vec))
	for _, smp := range vec {
		wrote[smp.Metric.Hash()] = smp.Metric
		batch = append(batch, sample{labels: smp.Metric, t: at, v: smp.F, h: copied(smp.H)})
	}
	for h, l := range r.wrote {
		if _, still := wrote[h]; !still {
			batch = append(batch, sample{labels: l, t: at, v: stale()})
		}
	}
	r.wrote = wrote
	if done := s.store.commit(batch); done.refused > 0 {
		return fmt.Errorf("%d results refused: the server holds its limit of %d series", done.refused, s.cfg.MaxSeries)
	}
	return nil
}

// instant evaluates a query as of ts; the result is the caller's.
func (s *Server) instant(ctx context.Context, q string, ts time.Time) (promql.Vector, error) {
	query, err := s.engine.NewInstantQuery(ctx, s.store, nil, q, ts)
	if err != nil {
		return nil, err
	}
	defer query.Close()
	res := query.Exec(ctx)
	if res.Err != nil {
		return nil, res.Err
	}
	switch v := res.Value.(type) {
	case promql.Vector:
		return append(promql.Vector(nil), v...), nil
	case promql.Scalar:
		return promql.Vector{{T: v.T, F: v.V}}, nil
	}
	return nil, fmt.Errorf("a rule needs a vector or a scalar, %s gives a %s", q, res.Value.Type())
}
