package compare

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// Change is what became of a metric, or of all.
type Change string

// The changes. Unclear is neither a pass nor a failure: it has to be measured longer.
const (
	Same      Change = "same"
	Improved  Change = "improved"
	Regressed Change = "regressed"
	Unclear   Change = "unclear"
)

// Options say which changes matter. The zero value means the defaults.
type Options struct {
	Margin float64       // of response times and of the rate, as a share; 0.1
	Errors float64       // of the share of errors, as a difference; 0.001
	Floor  time.Duration // a response time that changes by less matters to nobody; 1 ms, what a timer is late by

	// Before are earlier runs of the same plan. From three on, what they differ by from
	// each other widens the intervals.
	Before []loadtest.Result
}

func (o Options) withDefaults() Options {
	if o.Margin == 0 {
		o.Margin = 0.1
	}
	if o.Errors == 0 {
		o.Errors = 0.001
	}
	if o.Floor == 0 {
		o.Floor = time.Millisecond
	}
	return o
}

// Comparison is what changed from one run to another.
type Comparison struct {
	Base     string         `json:"base"`
	Run      string         `json:"run"`
	Plan     string         `json:"plan"`
	Verdict  Change         `json:"verdict"`
	Metrics  []MetricChange `json:"metrics"`
	Pairs    int            `json:"pairs,omitempty"`        // that were run side by side; 0 of two runs
	NeedSecs float64        `json:"need_seconds,omitempty"` // that each run must last to be clear; 0 where none would do
	Notes    []string       `json:"notes,omitempty"`
}

// MetricChange is one metric. Response times are in seconds, errors a share of the
// requests, the rate per second. Low and High are the 95 % confidence interval of Change:
// the ratio of Now to Base, of errors their difference.
type MetricChange struct {
	Metric  string  `json:"metric"`
	Base    float64 `json:"base"`
	Now     float64 `json:"now"`
	Change  float64 `json:"change"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	Verdict Change  `json:"verdict"`
}

// confidence of an interval. With the margin on top, a regression is told of a service
// that has not changed in far fewer cases than the rest of it.
const confidence = 0.95

// Runs compares a run with the one it is measured against. An error says why they cannot
// be: they did not send the same, or one of them says nothing about its target.
func Runs(base, now loadtest.Result, o Options) (Comparison, error) {
	if err := fit(base, now); err != nil {
		return Comparison{}, err
	}
	o = o.withDefaults()
	runs, scale, err := prepare(append([]loadtest.Result{base, now}, o.Before...)...)
	if err != nil {
		return Comparison{}, err
	}
	c := Comparison{Base: base.Run, Run: now.Run, Plan: now.Plan, Notes: notes(base, now)}
	var need float64
	c.Metrics, need = o.changes(runs, scale, manyDraws, rand.New(rand.NewPCG(seed(base.Run, now.Run), 1)))
	c.Verdict = overall(c.Metrics)
	if times := 10.0; c.Verdict == Unclear && need <= times {
		c.NeedSecs = need * max(base.DurationSeconds, now.DurationSeconds)
	}
	if where, moved := moved(runs[0], runs[1], scale); c.Verdict == Same && moved > 0.1 {
		c.Notes = append(c.Notes, fmt.Sprintf("the spread has changed: %.0f %% of the requests have moved over %s", 100*moved, seconds(where)))
	}
	return c, nil
}

// changes are those from the first of the runs to the second; the others are of before.
// need is by how many times longer both must be where something is unclear.
func (o Options) changes(runs []run, scale []float64, draws int, rng *rand.Rand) (all []MetricChange, need float64) {
	figures := make([][metricCount]float64, len(runs))
	t := newTally(len(scale))
	for i, r := range runs {
		r.whole(t)
		figures[i] = r.figures(t, scale)
	}
	drawn := intervals(runs[0], runs[1], scale, draws, rng)
	for m := range metricCount {
		var ofRuns []float64
		for i := range figures {
			if i != 1 {
				ofRuns = append(ofRuns, figures[i][m])
			}
		}
		x, y := figures[0][m], figures[1][m]
		i, margins := drawn[m].wider(m, ofRuns), m.margins(o, x)
		c := MetricChange{Metric: m.String(), Base: x, Now: y, Change: m.change(x, y), Low: i.low, High: i.high, Verdict: m.judge(i, margins)}
		if c.Verdict == Unclear {
			need = max(need, m.need(c.Change, i, margins))
		}
		all = append(all, c)
	}
	return all, need
}

// overall is the worst of the metrics: what is regressed is, whatever else is unclear.
func overall(all []MetricChange) Change {
	worst := Same
	order := map[Change]int{Same: 0, Improved: 1, Unclear: 2, Regressed: 3}
	for _, m := range all {
		if order[m.Verdict] > order[worst] {
			worst = m.Verdict
		}
	}
	return worst
}

// fit says why two runs cannot be compared.
func fit(base, now loadtest.Result) error {
	for _, r := range []loadtest.Result{base, now} {
		switch {
		case r.Generator == loadtest.GeneratorInvalid:
			return fmt.Errorf("%s says nothing about its target: its generator was invalid (sitrep load show %s says why)", r.Run, r.Run)
		case r.Verdict == loadtest.Running:
			return fmt.Errorf("%s is not over yet", r.Run)
		case r.Verdict == loadtest.Aborted:
			return fmt.Errorf("%s was cut short; compare whole runs", r.Run)
		case r.AbortedBy != "":
			return fmt.Errorf("%s was ended by %s; compare whole runs", r.Run, r.AbortedBy)
		case len(r.Changes) > 0:
			return fmt.Errorf("the rate of %s was changed by hand; compare runs of what a plan says", r.Run)
		}
	}
	if a, b := engine(base), engine(now); a != b {
		return fmt.Errorf("%s was measured by %s and %s by %s: they measure from different moments, so that only runs of one engine can be compared", base.Run, a, now.Run, b)
	}
	if base.PlanHash != "" && now.PlanHash != "" && base.PlanHash != now.PlanHash {
		return fmt.Errorf("%s and %s did not send the same: the plan was changed in between (%.8s, now %.8s); set another baseline: sitrep load baseline %s %s", base.Run, now.Run, base.PlanHash, now.PlanHash, now.Plan, now.Run)
	}
	if base.PlanHash == "" || now.PlanHash == "" {
		if base.Plan != now.Plan {
			return fmt.Errorf("%s is of plan %s and %s of %s; only runs of one plan can be compared", base.Run, base.Plan, now.Run, now.Plan)
		}
	}
	if a, b := base.RequestedRate, now.RequestedRate; max(a, b) > 1.05*min(a, b) {
		return fmt.Errorf("%s was asked for %.4g/s and %s for %.4g/s: that is another load", base.Run, a, now.Run, b)
	}
	return nil
}

// engine is what measured a run, without its version.
func engine(r loadtest.Result) string {
	name, _, _ := strings.Cut(r.Engine, " ")
	return cmp.Or(name, "sitrep")
}

// notes are what a reader has to know of the two.
func notes(base, now loadtest.Result) (all []string) {
	if base.PlanHash == "" || now.PlanHash == "" {
		all = append(all, "nobody knows whether the plan was the same: that is not kept of one of the runs")
	}
	if base.Target != now.Target && base.Target != "" && now.Target != "" {
		all = append(all, fmt.Sprintf("the targets differ: %s was %s, %s is %s", base.Run, base.Target, now.Run, now.Target))
	}
	for _, r := range []loadtest.Result{base, now} {
		if r.Generator == loadtest.GeneratorStrained {
			all = append(all, fmt.Sprintf("the generator of %s was strained: a part of its response times may be its own", r.Run))
		}
	}
	return all
}

// moved is the largest distance between the distributions of response times of two runs,
// and where it is (Kolmogorov and Smirnov): equal percentiles may hide two camps.
func moved(base, now run, scale []float64) (where, share float64) {
	a, b := newTally(len(scale)), newTally(len(scale))
	base.whole(a)
	now.whole(b)
	var x, y float64
	for i, v := range scale {
		x += float64(a.n[i]) / float64(a.counted)
		y += float64(b.n[i]) / float64(b.counted)
		if d := max(x-y, y-x); d > share {
			where, share = v, d
		}
	}
	return where, share
}

// seed makes the same comparison come out the same.
func seed(texts ...string) uint64 {
	h := fnv.New64a()
	for _, t := range texts {
		h.Write([]byte(t + "\x00"))
	}
	return h.Sum64()
}
