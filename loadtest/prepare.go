package loadtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Means are what a run needs beside its plan. The zero value is enough for a plan
// without auth, baseline and guards.
type Means struct {
	// Progress is called from one goroutine at most ten times a second, and once more
	// at the end; when it is slow, snapshots are left out and the load goes on.
	Progress func(Progress)
	// Keep is given every second once it is over, with its rows, in their order, by the
	// goroutine that counts: it must not wait for anything. What it is given is not in the
	// result, so that a long run takes no more memory than a short one. It may be nil.
	Keep   func(Second, []Row)
	Reveal Reveal
	Prober Prober
	// Factors change the rate of an open plan from now on: 1.1 is a tenth more of what
	// it would be.
	Factors <-chan float64
	// Drain is how long requests in flight may take once the run is cancelled; 0 is half
	// a second. When Cut is closed, their sockets are.
	Drain time.Duration
	Cut   <-chan struct{}
}

// kit is what a plan has been made into.
type kit struct {
	ends  []endpoint
	flows []flow
	data  *table
	dial  dialFunc
	web   *http.Client // nil where the fast driver does everything
}

// bodies are the targets with their body files read.
func (p Plan) bodies() (Plan, *fault) {
	read := func(t *Target, where string) *fault {
		if t.BodyFile == "" {
			return nil
		}
		src, err := readBeside(p.Dir, t.BodyFile, maxBody)
		if err != nil {
			return faultf(where+".body_file", "the body cannot be read: %v", err)
		}
		t.Body = string(src)
		return nil
	}
	p = p.withDefaults() // its targets are copies
	for i := range p.Targets {
		if bad := read(&p.Targets[i], at("targets", i, "")); bad != nil {
			return p, bad
		}
	}
	for i := range p.Scenarios {
		for j := range p.Scenarios[i].Steps {
			if bad := read(&p.Scenarios[i].Steps[j].Target, fmt.Sprintf("scenarios[%d].steps[%d]", i, j)); bad != nil {
				return p, bad
			}
		}
	}
	return p, nil
}

// files reads what the plan names, and makes its requests ready.
func (p Plan) files(endOf []int, secrets []string) ([]flow, *table, *fault) {
	p, bad := p.bodies()
	if bad != nil {
		return nil, nil, bad
	}
	data, err := p.Data.read(p.Dir)
	if err != nil {
		return nil, nil, faultf("data.file", "%v", err)
	}
	flows, bad := p.makeFlows(endOf, data, secrets)
	return flows, data, bad
}

// validateFiles is what is wrong with the files that the plan names, and with what
// depends on them; or nil.
func (p Plan) validateFiles() *fault {
	if _, err := p.HTTP.TLS.config(p.Dir); err != nil {
		return faultf("tls", "%v", err)
	}
	_, _, bad := p.files(make([]int, len(p.requestTargets())), nil)
	return bad
}

func (p Plan) errorf(bad *fault) error {
	return fmt.Errorf("plan %s: %s: %s", p.Name, bad.path, bad.message)
}

// prepare makes a plan with defaults ready to run.
func (p Plan) prepare(ctx context.Context, m Means) (kit, error) {
	ends, endOf, err := p.resolve(ctx, net.DefaultResolver)
	if err != nil {
		return kit{}, err
	}
	secrets, err := p.secrets(ctx, m.Reveal)
	if err != nil {
		return kit{}, fmt.Errorf("plan %s: %w", p.Name, err)
	}
	k := kit{ends: ends, dial: dialTCP}
	var bad *fault
	if k.flows, k.data, bad = p.files(endOf, secrets); bad != nil {
		return kit{}, p.errorf(bad)
	}
	if p.needsWeb(ends) {
		if k.web, err = newWeb(p, ends, net.DefaultResolver); err != nil {
			return kit{}, fmt.Errorf("plan %s: %w", p.Name, err)
		}
	}
	return k, nil
}

func (p Plan) needsWeb(ends []endpoint) bool {
	for _, e := range ends {
		if e.secure {
			return true
		}
	}
	return !p.HTTP.plainOnly()
}

// secrets are the values of Authorization, one for each of requestTargets.
func (p Plan) secrets(ctx context.Context, reveal Reveal) ([]string, error) {
	known := map[Auth]string{}
	var all []string
	for _, t := range p.requestTargets() {
		a := t.Auth
		if a == (Auth{}) {
			a = p.Auth
		}
		value, ok := known[a]
		if !ok {
			var err error
			if value, err = a.header(ctx, p.Dir, reveal); err != nil {
				return nil, err
			}
			known[a] = value
		}
		all = append(all, value)
	}
	return all, nil
}

// Fixed is the plan with its multiples of a baseline made numbers: what is measured now.
// A plan without a baseline is as it was.
func (p Plan) Fixed(ctx context.Context, prober Prober) (Plan, error) {
	if p.Baseline == "" {
		return p, nil
	}
	if prober == nil {
		return p, fmt.Errorf("plan %s: baseline: there is no Prometheus to ask", p.Name)
	}
	v, err := Guard{PromQL: p.Baseline}.ask(ctx, prober)
	switch {
	case err != nil:
		return p, fmt.Errorf("plan %s: baseline: %w", p.Name, err)
	case v == nil:
		return p, fmt.Errorf("plan %s: baseline: %s has no value now", p.Name, p.Baseline)
	case !(*v > 0):
		return p, fmt.Errorf("plan %s: baseline: it is %g per second now, and a multiple of it no load", p.Name, *v)
	}
	out := p
	out.Baseline, out.Stages = "", nil
	for _, s := range p.Stages {
		out.Stages = append(out.Stages, Stage{s.From * *v, s.To * *v, s.For})
	}
	if bad := out.validate(); bad != nil {
		return p, fmt.Errorf("plan %s: with a baseline of %.4g/s: %s: %s", p.Name, *v, bad.path, bad.message)
	}
	return out, nil
}

// look asks every guard once, before anything is sent: what is broken or blind already
// is not loaded.
func (p Plan) look(ctx context.Context, prober Prober) error {
	for _, g := range p.Guards {
		if prober == nil {
			return fmt.Errorf("plan %s: guard %s: there is no Prometheus to ask", p.Name, g.Name)
		}
		v, err := g.ask(ctx, prober)
		switch {
		case ctx.Err() != nil:
			return nil
		case v == nil && g.NoData != "abort":
		case v == nil, g.AbortWhen.holds(*v):
			return fmt.Errorf("plan %s: %w: before anything was sent, %s", p.Name, ErrRefused, g.says(v, err))
		}
	}
	return nil
}

// Rehearse is all that Run does before it sends something: the plan that it would run,
// or why it would not.
func (m Means) Rehearse(ctx context.Context, plan Plan) (Plan, error) {
	plan, _, err := m.ready(ctx, plan)
	return plan, err
}

func (m Means) ready(ctx context.Context, plan Plan) (Plan, kit, error) {
	if bad := plan.validate(); bad != nil {
		return plan, kit{}, plan.errorf(bad)
	}
	plan, err := plan.withDefaults().Fixed(ctx, m.Prober)
	if err != nil {
		return plan, kit{}, err
	}
	k, err := plan.prepare(ctx, m)
	if err == nil {
		err = plan.look(ctx, m.Prober)
	}
	return plan, k, err
}

// Run executes the plan and returns what it found. The error is about the plan
// alone: one that is wrong, or whose targets are refused (ErrRefused), or a guard
// that trips before the start; then nothing was sent. A target that fails in any
// way is a Result.
//
// Cancelling ctx stops the arrivals at once and cuts off what is still in flight
// after Drain; the verdict is then Aborted and the result holds what was measured
// until then.
func (m Means) Run(ctx context.Context, plan Plan) (Result, error) {
	hash := plan.Hash()
	plan, k, err := m.ready(ctx, plan)
	if err != nil {
		return Result{}, err
	}
	if k.web != nil {
		defer k.web.CloseIdleConnections()
	}
	board := newBoard()
	go board.run(m.Progress)
	defer board.close()
	e := newEngine(plan, k)
	e.means = m
	r := e.run(ctx, board.post)
	r.PlanHash, r.Target = hash, plan.Host()
	return r, nil
}

// Run is Means.Run with a progress alone.
func Run(ctx context.Context, plan Plan, progress func(Progress)) (Result, error) {
	return Means{Progress: progress}.Run(ctx, plan)
}
