package loadtest

import (
	"fmt"
	"slices"
	"time"
)

// What a generator may be late by before its load is strained, and before it is
// no longer the load that was asked for.
const (
	strainedLag = 5 * time.Millisecond
	invalidLag  = 100 * time.Millisecond
)

// result sums the samples up. Aborted is when the run was cancelled, since its
// start, or negative; full says that the connection cap was reached.
func (r *recorder) result(aborted time.Duration, full bool) Result {
	end := r.schedule.Length()
	if aborted >= 0 {
		end = min(end, aborted)
	}
	out := Result{
		Service: r.total.service.Latency(), Lag: r.total.lag.Latency(), Thresholds: []ThresholdResult{}, Stages: []Totals{}, Seconds: r.kept, Rows: r.rows,
		DurationSeconds: max(0, end-r.plan.Warmup).Seconds(),
	}
	var whole stageTotal
	whole.response = r.total.response
	for i, s := range r.stages {
		whole.add(s)
		out.Stages = append(out.Stages, s.totals(r.window(i, i, end)))
	}
	out.Totals = whole.totals(r.window(0, len(r.stages)-1, end))
	for _, t := range r.plan.Thresholds {
		out.Thresholds = append(out.Thresholds, t.Evaluate(out.Totals))
	}
	out.Generator, out.Reasons = generatorFacts{
		totals: out.Totals, lag: out.Lag, unsent: whole.unsent, queued: r.queued, local: r.errors[ClassLocal], full: full,
	}.judge()
	if r.tripped != "" {
		out.AbortedBy = r.tripped
		out.Reasons = append([]string{fmt.Sprintf("ended after %v by %s", round(aborted), r.tripped)}, out.Reasons...)
	}
	out.Verdict, out.Reasons = out.judge(aborted >= 0)
	return out
}

func (s *stageTotal) add(o stageTotal) {
	s.errors += o.errors
	s.sentIn += o.sentIn
	s.unsent += o.unsent
	s.requests += o.requests
}

// window is how long the stages from..to were measured, in seconds, and how
// many arrivals were due in that time, when the run ended at end.
func (r *recorder) window(from, to int, end time.Duration) (seconds float64, due int64) {
	a, b := r.schedule.bounds[from], min(r.schedule.bounds[to+1], end)
	a = max(a, r.plan.Warmup)
	if b <= a {
		return 0, 0
	}
	if r.plan.Closed {
		return (b - a).Seconds(), 0 // users ask for no rate
	}
	return (b - a).Seconds(), r.schedule.Count(b) - r.schedule.Count(a)
}

func (s stageTotal) totals(seconds float64, due int64) Totals {
	return Totals{
		RequestedRate: ratio(float64(due), seconds), AchievedRate: ratio(float64(s.sentIn), seconds),
		Requests: s.requests, Errors: s.errors, ErrorRatio: ratio(float64(s.errors), float64(s.requests)),
		Latency: s.response.Latency(),
	}
}

// generatorFacts is what the generator is judged by.
type generatorFacts struct {
	totals                Totals
	lag                   Latency
	unsent, queued, local int64
	full                  bool
}

// judge says whether the load was the one asked for. Arrivals that waited for
// the target are not held against the generator: their wait is in the response
// times. It is mentioned because more connections would change the load.
func (g generatorFacts) judge() (Generator, []string) {
	state, reasons := GeneratorOK, []string(nil)
	blame := func(to Generator, format string, args ...any) {
		if state != GeneratorInvalid {
			state = to
		}
		reasons = append(reasons, fmt.Sprintf(format, args...))
	}
	n := float64(g.totals.Requests)
	limit := max(strainedLag, g.totals.Latency.P50/10)
	switch lag := g.lag.P99; {
	case lag > max(invalidLag, g.totals.Latency.P50):
		blame(GeneratorInvalid, "generator: late by %v (p99); the machine it runs on is too busy", round(lag))
	case lag > limit:
		blame(GeneratorStrained, "generator: late by %v (p99)", round(lag))
	}
	waited := float64(g.queued)
	if g.full && waited > 0.01*n {
		blame(GeneratorStrained, "generator: all connections were in use and %d arrivals waited; the wait is in the response time", g.queued)
	}
	share := ratio(g.totals.AchievedRate, g.totals.RequestedRate)
	if held := waited > 0.01*n; !held && share < 0.98 && g.totals.RequestedRate > 0 {
		to := GeneratorStrained
		if share < 0.9 {
			to = GeneratorInvalid
		}
		blame(to, "generator: reached only %.1f %% of the requested rate", 100*share)
	}
	if g.local > 0 {
		to := GeneratorStrained
		if float64(g.local) > 0.01*n {
			to = GeneratorInvalid
		}
		blame(to, "generator: %d requests found no port or file descriptor", g.local)
	}
	return state, reasons
}

// judge gives the verdict and adds its reasons before the generator's.
func (r Result) judge(aborted bool) (Verdict, []string) {
	var broken []string
	for _, t := range r.Thresholds {
		if !t.OK {
			broken = append(broken, t.Expr+" does not hold")
		}
	}
	if r.Requests > 0 && r.Requests == r.Errors {
		broken = append(broken, "not one request succeeded")
	}
	reasons := slices.Concat(broken, r.Reasons)
	switch {
	case aborted && r.AbortedBy == "":
		return Aborted, append([]string{"cancelled before the end"}, reasons...)
	case r.Generator == GeneratorInvalid:
		return Invalid, reasons
	case len(broken) > 0 || r.Requests == 0 || r.AbortedBy != "":
		return Fail, reasons
	}
	return Pass, reasons
}

// Judged is the result with its verdict, and the reasons for that before those it has.
// Aborted says that somebody ended the run before its end.
func (r Result) Judged(aborted bool) Result {
	r.Verdict, r.Reasons = r.judge(aborted)
	return r
}

// round is a duration with about three digits, for people.
func round(d time.Duration) time.Duration {
	for unit := time.Duration(1); ; unit *= 10 {
		if d.Abs() < 1000*unit {
			return d.Round(unit)
		}
	}
}
