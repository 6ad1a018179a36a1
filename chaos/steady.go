package chaos

import (
	"context"
	"errors"
	"fmt"
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
		v, err := e.first(ctx, g.PromQL)
		if stop := stopped(ctx); stop != nil {
			return stop
		}
		if v == nil {
			r := Refusal{"guard-blind", fmt.Sprintf("guard %s has no data%s", g.Name, because(err)), "a guard must see before anything is injected: check its promql"}
			return &ending{Refused, r.Error()}
		}
		breached, _ := (&guardCount{Guard: g}).step(v)
		e.guardSample(i, v, breached, false)
		if breached {
			return &ending{Inconclusive, fmt.Sprintf("guard %s is %s before anything was injected (abort when %s): never inject into a sick system", g.Name, number(v), g.AbortWhen)}
		}
	}
	for i, p := range e.plan.Experiment.SteadyState {
		v, err := e.first(ctx, p.PromQL)
		if stop := stopped(ctx); stop != nil {
			return stop
		}
		e.mu.Lock()
		e.out.Probes[i].Before = v
		e.mu.Unlock()
		e.probeSample(p, v)
		if v == nil {
			return &ending{Inconclusive, fmt.Sprintf("%s has no data before anything was injected%s", p.Name, because(err))}
		}
		if !p.Expect.Holds(*v) {
			return &ending{Inconclusive, fmt.Sprintf("%s is %s before anything was injected, expected %s: never inject into a sick system", p.Name, number(v), p.Expect)}
		}
	}
	return nil
}

func (e *engine) first(ctx context.Context, promql string) (v *float64, err error) {
	for try := range baselineTries {
		if try > 0 {
			wait(ctx, probeEvery)
		}
		if v, err = measure(ctx, e.prober, promql, probeEvery); v != nil || ctx.Err() != nil {
			return v, err
		}
	}
	return nil, err
}

func because(err error) string {
	if err == nil {
		return ""
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ": no answer within " + strictyaml.FormatDuration(probeEvery)
	}
	return ": " + err.Error()
}

func number(v *float64) string {
	if v == nil {
		return "no data"
	}
	return strconv.FormatFloat(*v, 'g', 4, 64)
}

// guard evaluates one guard on its interval until ctx ends, or ends it.
func (e *engine) guard(ctx context.Context, end context.CancelCauseFunc, i int) {
	g := &guardCount{Guard: e.plan.Experiment.Guards[i]}
	every := time.NewTicker(g.Interval.D())
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		v, err := measure(ctx, e.prober, g.PromQL, max(g.Interval.D(), probeEvery))
		if ctx.Err() != nil {
			return
		}
		breached, tripped := g.step(v)
		e.guardSample(i, v, breached, tripped)
		if tripped {
			end(ending{Aborted, fmt.Sprintf("guard %s: %s%s (abort when %s, %d in a row)", g.Name, number(v), because(err), g.AbortWhen, g.For)})
			return
		}
	}
}

// sample evaluates one probe every second until ctx ends.
func (e *engine) sample(ctx context.Context, i int) {
	p := e.plan.Experiment.SteadyState[i]
	for {
		v, _ := measure(ctx, e.prober, p.PromQL, probeEvery)
		if ctx.Err() != nil {
			return
		}
		e.during(i, p, v)
		e.probeSample(p, v)
		wait(ctx, probeEvery)
	}
}

func (e *engine) during(i int, p Probe, v *float64) {
	if v == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	out, step := &e.out.Probes[i], &e.steps[len(e.steps)-1]
	out.During = v
	out.Evaluations++
	step.evaluations++
	if p.Expect.Holds(*v) {
		out.Within++
		step.within++
	}
}

// recovering waits until the steady state is back, and until what could not be
// undone has healed. Whoever ended the run by hand does not wait for it, and
// where an undo has failed the runner makes way for its undertaker.
func (e *engine) recovering(ctx context.Context, stop *ending) *ending {
	if e.out.Verdict == UndoFailed || ctx.Err() != nil {
		return stop
	}
	window := e.plan.Experiment.Recovery.D()
	began := time.Now()
	e.enter(Recovering, began.Add(window), "waiting for the steady state")
	wctx, cancel := context.WithDeadline(ctx, began.Add(window))
	defer cancel()
	for {
		missing := e.healthy(wctx)
		if life := stopped(ctx); life != nil {
			if stop == nil {
				stop = life
			}
			return stop
		}
		if missing == "" {
			s := time.Since(began).Seconds()
			e.out.RecoverySeconds = &s
			return stop
		}
		if wctx.Err() != nil {
			if stop == nil {
				stop = &ending{Deviated, fmt.Sprintf("not recovered within %s: %s", strictyaml.FormatDuration(window), missing)}
			}
			return stop
		}
		wait(wctx, probeEvery)
	}
}

// healthy says what is still missing from health, or nothing.
func (e *engine) healthy(ctx context.Context) (missing string) {
	for i, p := range e.plan.Experiment.SteadyState {
		v, _ := measure(ctx, e.prober, p.PromQL, probeEvery)
		if v != nil {
			e.mu.Lock()
			e.out.Probes[i].After = v
			e.mu.Unlock()
		}
		e.probeSample(p, v)
		if v == nil || !p.Expect.Holds(*v) {
			missing = fmt.Sprintf("%s is %s, expected %s", p.Name, number(v), p.Expect)
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

func (e *engine) probeSample(p Probe, v *float64) {
	ok := v != nil && p.Expect.Holds(*v)
	e.remember(p.Name, v)
	e.report(Report{Kind: KindProbe, Text: fmt.Sprintf("%s %s (expected %s)", p.Name, number(v), p.Expect), Sample: &Sample{Name: p.Name, Value: v, OK: ok}})
}

func (e *engine) guardSample(i int, v *float64, breached, tripped bool) {
	g := e.plan.Experiment.Guards[i]
	e.remember(g.Name, v)
	e.mu.Lock()
	out := &e.out.Guards[i]
	out.Evaluations++
	out.Last, out.Tripped = v, out.Tripped || tripped
	if breached {
		out.Breaches++
	}
	e.mu.Unlock()
	e.report(Report{Kind: KindGuard, Text: fmt.Sprintf("%s %s (abort when %s)", g.Name, number(v), g.AbortWhen), Sample: &Sample{Name: g.Name, Value: v, OK: !breached, Tripped: tripped}})
}

func (e *engine) remember(name string, v *float64) {
	if v == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.values[name] = *v
}
