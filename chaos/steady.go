package chaos

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// baselineTries is how often the first look is repeated, a second apart, when
// there is no data.
const baselineTries = 3

// baseline looks at guards and steady state before anything is touched: no data
// for a guard refuses the run, a sick system makes it inconclusive.
func (e *engine) baseline(ctx context.Context) *ending {
	e.enter(Baseline, time.Time{}, "looking at the steady state")
	for i, g := range e.plan.Experiment.Guards {
		if !g.asks() {
			continue
		}
		if stop := e.guardSees(ctx, i, g); stop != nil {
			return stop
		}
	}
	samples, stop := e.before(ctx)
	if stop != nil {
		return stop
	}
	return e.calibrate(samples)
}

// guardSees looks once through a guard.
func (e *engine) guardSees(ctx context.Context, i int, g Guard) *ending {
	v, err := e.first(ctx, func(ctx context.Context) (*float64, error) {
		return measure(ctx, e.prober, g.PromQL, g.StaleAfter.D(), probeEvery)
	})
	if stop := stopped(ctx); stop != nil {
		return stop
	}
	if v == nil {
		return &ending{Refused, blindGuard(g, err).Error()}
	}
	breached, _ := (&guardCount{Guard: g}).step(v)
	e.guardSample(i, Sample{Value: v, OK: !breached, For: g.For})
	if breached {
		return &ending{Inconclusive, fmt.Sprintf("guard %s is %s before anything was injected (abort when %s): never inject into a sick system", g.Name, number(v), g.AbortWhen)}
	}
	return nil
}

// blindGuard refuses a run for a guard that has no data; err may say why.
func blindGuard(g Guard, err error) error {
	return Refuse("guard-blind", "a guard must see before anything is injected: check its promql", "guard %s has no data%s", g.Name, because(err, probeEvery))
}

// before looks at the probes once, or every second for as long as the experiment wants,
// and gives what each has seen. One that is out of its tolerance ends it.
func (e *engine) before(ctx context.Context) (samples [][]float64, stop *ending) {
	probes, length := e.plan.Experiment.SteadyState, e.plan.Experiment.Baseline.For.D()
	samples = make([][]float64, len(probes))
	until := time.Now().Add(length)
	for {
		for i, p := range probes {
			if !p.in(Before) {
				continue
			}
			look := func(ctx context.Context) (*float64, error) { return p.look(ctx, e.prober) }
			v, err := look(ctx)
			if v == nil && length == 0 {
				v, err = e.again(ctx, look, v, err)
			}
			if stop := stopped(ctx); stop != nil {
				return nil, stop
			}
			e.probeSample(i, v)
			switch {
			case v == nil && length == 0:
				return nil, &ending{Inconclusive, fmt.Sprintf("%s has no data before anything was injected%s", p.Name, because(err, p.patience()))}
			case v == nil:
				continue
			case !p.Expect.OfBaseline && !p.Expect.Holds(*v):
				return nil, &ending{Inconclusive, fmt.Sprintf("%s is %s before anything was injected, expected %s: never inject into a sick system%s", p.Name, number(v), p.Expect, because(err, p.patience()))}
			}
			samples[i] = append(samples[i], *v)
		}
		left := time.Until(until)
		if left <= 0 {
			return samples, nil
		}
		wait(ctx, min(left, probeEvery))
	}
}

// calibrate takes the mean of what each probe has seen for its baseline.
func (e *engine) calibrate(samples [][]float64) *ending {
	b := e.plan.Experiment.Baseline
	for i, p := range e.plan.Experiment.SteadyState {
		if !p.in(Before) {
			continue
		}
		if n := len(samples[i]); n < max(b.MinSamples, 1) {
			return &ending{Inconclusive, fmt.Sprintf("%s had data %d times in %s before anything was injected; baseline.min_samples is %d", p.Name, n, b.For, max(b.MinSamples, 1))}
		}
		mean := 0.0
		for _, v := range samples[i] {
			if p.Expect.OfBaseline && endless(p.Expect.Against(v).Value) { // whatever comes is within a multiple of it
				return &ending{Inconclusive, fmt.Sprintf("%s was without an end (%s) while its baseline was taken: give it an expect with a number, or mend its query", p.Name, number(&v))}
			}
			mean += v / float64(len(samples[i]))
		}
		if p.Expect.OfBaseline && mean <= 0 {
			return &ending{Inconclusive, fmt.Sprintf("the baseline of %s is %s, of which there is no multiple: give it an expect with a number", p.Name, number(&mean))}
		}
		e.mu.Lock()
		e.out.Probes[i].Before = &mean
		if p.Expect.OfBaseline {
			e.expect[i] = p.Expect.Against(mean)
			e.out.Probes[i].Expect = fmt.Sprintf("%s (%s %s)", p.Expect, p.Expect.Op, number(&e.expect[i].Value))
		}
		e.mu.Unlock()
	}
	return nil
}

// first looks until there is data, a few times.
func (e *engine) first(ctx context.Context, look func(context.Context) (*float64, error)) (*float64, error) {
	v, err := look(ctx)
	return e.again(ctx, look, v, err)
}

// again repeats a first look that found no data.
func (e *engine) again(ctx context.Context, look func(context.Context) (*float64, error), v *float64, err error) (*float64, error) {
	for try := 1; try < baselineTries && v == nil && ctx.Err() == nil; try++ {
		wait(ctx, probeEvery)
		v, err = look(ctx)
	}
	return v, err
}

func because(err error, patience time.Duration) string {
	if err == nil {
		return ""
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ": no answer within " + strictyaml.FormatDuration(patience)
	}
	return ": " + heard(err.Error()) // it may repeat a URL with a token
}

func number(v *float64) string {
	if v == nil {
		return "no data"
	}
	if endless(*v) {
		return strconv.FormatFloat(math.Copysign(math.Inf(1), *v), 'g', -1, 64)
	}
	return strconv.FormatFloat(*v, 'g', 4, 64)
}

// guard watches through one guard until ctx ends, or ends it.
func (e *engine) guard(ctx context.Context, end context.CancelCauseFunc, i int) {
	switch g := e.plan.Experiment.Guards[i]; {
	case g.Incident != "":
		e.incidentGuard(ctx, end, i)
	case g.Operator != nil:
		e.operatorGuard(ctx, end, i)
	default:
		e.queryGuard(ctx, end, i)
	}
}

// queryGuard evaluates a guard's query on its interval.
func (e *engine) queryGuard(ctx context.Context, end context.CancelCauseFunc, i int) {
	g := &guardCount{Guard: e.plan.Experiment.Guards[i]}
	every := time.NewTicker(g.Interval.D())
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		patience := max(g.Interval.D(), probeEvery)
		v, err := measure(ctx, e.prober, g.PromQL, g.StaleAfter.D(), patience)
		if ctx.Err() != nil {
			return
		}
		breached, tripped := g.step(v)
		e.guardSample(i, Sample{Value: v, OK: !breached, Tripped: tripped, Row: g.row, For: g.For})
		if tripped {
			end(ending{Aborted, fmt.Sprintf("guard %s: %s%s (abort when %s, %d in a row)", g.Name, number(v), because(err, patience), g.AbortWhen, g.For)})
			return
		}
	}
}

// sample evaluates one probe every second until ctx ends.
func (e *engine) sample(ctx context.Context, i int) {
	p := e.plan.Experiment.SteadyState[i]
	for {
		v, _ := p.look(ctx, e.prober)
		if ctx.Err() != nil {
			return
		}
		e.during(i, v)
		e.probeSample(i, v)
		wait(ctx, probeEvery)
	}
}

func (e *engine) during(i int, v *float64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.out.Probes[i].Looks++
	if v == nil {
		return
	}
	out, step := &e.out.Probes[i], &e.steps[len(e.steps)-1]
	weight := weightOf(e.plan.Experiment.SteadyState[i].Weight)
	out.During = v
	if out.Worst == nil || e.expect[i].Worse(*v, *out.Worst) {
		out.Worst = v
	}
	out.Evaluations++
	step.evaluations += weight
	if e.expect[i].Holds(*v) {
		out.Within++
		step.within += weight
	}
}

// healthy says what is still missing from health, or nothing.
func (e *engine) healthy(ctx context.Context) (missing string) {
	for i, p := range e.plan.Experiment.SteadyState {
		if !p.in(After) {
			continue
		}
		v, err := p.look(ctx, e.prober)
		if v != nil {
			e.mu.Lock()
			e.out.Probes[i].After = v
			e.mu.Unlock()
		}
		e.probeSample(i, v)
		if v == nil || !e.expect[i].Holds(*v) {
			missing = fmt.Sprintf("%s is %s, expected %s", p.Name, number(v), e.expect[i])
			if p.PromQL == "" {
				missing += because(err, p.patience())
			}
		}
	}
	for _, s := range e.plan.Steps {
		for _, inj := range s.Injections {
			if text := e.healed(ctx, inj); text != "" {
				missing = text
			}
		}
	}
	return missing
}

// healed looks after a fault that could not be undone.
func (e *engine) healed(ctx context.Context, inj Injection) (missing string) {
	r, ok := inj.Injector.(Recoverer)
	var done bool
	e.fault(inj.ID, func(f *FaultOutcome) { done = f.InjectedAt == nil || f.GoneAt != nil })
	if !ok || done {
		return ""
	}
	text, ok, err := r.Recovered(ctx)
	if err != nil {
		return fmt.Sprintf("%s: %v", inj.Target, err)
	}
	if !ok {
		return text
	}
	at := time.Now()
	e.fault(inj.ID, func(f *FaultOutcome) { f.GoneAt = &at })
	e.report(Report{Kind: KindUndone, Text: text, Fault: ref(inj)})
	return ""
}

func (e *engine) probeSample(i int, v *float64) {
	p, expect := e.plan.Experiment.SteadyState[i], e.expect[i]
	ok := v != nil && (expect.Holds(*v) || expect.OfBaseline) // while the baseline is taken, whatever is there is it
	e.remember(p.Name, v)
	e.mu.Lock()
	since := time.Since(*e.out.StartedAt).Round(100 * time.Millisecond)
	e.seen[i].add(Point{At: Seconds(since), Value: v, Out: !ok})
	e.mu.Unlock()
	e.report(Report{
		Kind: KindProbe, Text: fmt.Sprintf("%s %s (expected %s)", p.Name, number(v), expect),
		Sample: &Sample{Name: p.Name, Value: v, OK: ok, Limit: expect.String()},
	})
}

// guardSample counts one evaluation of a guard, and tells of it.
func (e *engine) guardSample(i int, s Sample) {
	g := e.plan.Experiment.Guards[i]
	s.Name, s.Limit = g.Name, g.Trips()
	e.remember(g.Name, s.Value)
	e.mu.Lock()
	out := &e.out.Guards[i]
	out.Evaluations++
	out.Last, out.Tripped = s.Value, out.Tripped || s.Tripped
	if !s.OK {
		out.Breaches++
	}
	e.mu.Unlock()
	e.report(Report{Kind: KindGuard, Text: fmt.Sprintf("%s %s (abort when %s)", g.Name, number(s.Value), g.Trips()), Sample: &s})
}

func (e *engine) remember(name string, v *float64) {
	if v == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.values[name] = *v
}
