package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Plan is an experiment with its targets drawn and every operation known.
type Plan struct {
	Experiment Experiment
	Choice     Choice
	Steps      []PlannedStep
}

// PlannedStep is one step on all chosen targets.
type PlannedStep struct {
	Step
	Injections []Injection
}

// Resolve draws the targets and lets the faults say what they would do. It
// touches nothing. id is the ULID of the run; a seed of 0 draws one. Whatever
// must not be is a *Refusal.
func Resolve(ctx context.Context, e Experiment, faults []Fault, all []Target, id string, seed uint64) (Plan, error) {
	p := Plan{Experiment: e}
	if seed == 0 {
		seed = rand.Uint64()
	}
	choice, err := Choose(all, e.Targets, seed)
	p.Choice = choice
	if err != nil {
		return p, err
	}
	known := map[string]Fault{}
	for _, f := range faults {
		known[f.Kind()] = f
	}
	n := 0
	for _, s := range e.Method {
		step := PlannedStep{Step: s}
		for _, t := range choice.Chosen {
			n++
			fault, ok := known[s.Fault]
			if !ok {
				return p, fmt.Errorf("plan %s: unknown fault %q", e.Name, s.Fault)
			}
			inj, err := fault.Plan(ctx, fmt.Sprintf("%s-%d", strings.ToLower(id), n), s, t)
			if err == nil {
				err = inj.undoable()
			}
			if err != nil {
				return p, fmt.Errorf("plan %s on %s: %w", s.Fault, t.Name, err)
			}
			step.Injections = append(step.Injections, inj)
		}
		p.Steps = append(p.Steps, step)
	}
	return p, nil
}

// undoable refuses what nobody would undo: the list of operations is as short
// then as it is now.
func (inj Injection) undoable() error {
	err := inj.Gone.Valid()
	for _, op := range inj.Undo {
		err = errors.Join(err, op.Valid())
	}
	_, held := inj.Injector.(Preparer) // its end is the proof
	if err == nil && inj.Gone.IsNothing() && inj.Tier != TierIrreversible && !held {
		err = errors.New("nothing would prove it gone")
	}
	if err != nil {
		return Refuse("no-undo", "check what the targets URL says of it", "it could not be undone: %v", err)
	}
	return nil
}

// PlanText is what `chaos run --dry-run` prints: whom it would hurt, the exact
// operations and their undo, what ends it, and how long it takes. It reads the
// targets and touches nothing.
func PlanText(ctx context.Context, e Experiment, faults []Fault, from Sources, id string, seed uint64) (string, error) {
	all, err := from.Find(ctx)
	if err != nil {
		return "", err
	}
	p, err := Resolve(ctx, e, faults, all, id, seed)
	if err != nil {
		return "", err
	}
	text := p.Text()
	if seed == 0 && len(p.Choice.Chosen) < len(p.Choice.Matched) {
		text += "draw        one of several; a run draws its own targets\n"
	}
	return text, nil
}

// Text is the plan in words.
func (p Plan) Text() string {
	var b strings.Builder
	e := p.Experiment
	fmt.Fprintf(&b, "experiment  %s\n", e.Name)
	if e.Hypothesis != "" {
		fmt.Fprintf(&b, "hypothesis  %q\n", e.Hypothesis)
	}
	fmt.Fprintf(&b, "targets     %s (%d of %d that match: %s; seed %d)\n", strings.Join(p.names(), ", "),
		len(p.Choice.Chosen), len(p.Choice.Matched), strings.Join(p.Choice.Matched, ", "), p.Choice.Seed)
	for _, q := range e.SteadyState {
		fmt.Fprintf(&b, "healthy     %s %s\n            %q\n", q.Name, q.Expect, q.PromQL)
	}
	for _, g := range e.Guards {
		fmt.Fprintf(&b, "guard       %s: abort when %s, every %s, %d in a row, no data: %s\n            %q\n            undone at the latest %s after the metric shows it\n",
			g.Name, g.AbortWhen, g.Interval, g.For, g.NoData, g.PromQL, strictyaml.FormatDuration(g.Interval.D()*time.Duration(g.For)+undoTimeout))
	}
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "step %d      %s for %s\n", i+1, s.Fault, s.Duration)
		for _, inj := range s.Injections {
			inj.text(&b)
		}
	}
	fmt.Fprintf(&b, "length      %s of faults, then up to %s for recovery\n", strictyaml.FormatDuration(e.Length()), e.Recovery)
	return b.String()
}

func (inj Injection) text(b *strings.Builder) {
	fmt.Fprintf(b, "  on        %s, tier %s (%s)\n", inj.Target, inj.Tier, inj.Tier.Means())
	for _, line := range inj.Preview {
		fmt.Fprintf(b, "  do        %s\n", line)
	}
	for _, op := range inj.Undo {
		fmt.Fprintf(b, "  undo      %s\n", op)
	}
	fmt.Fprintf(b, "  gone      %s\n", inj.Gone)
}

func (p Plan) names() []string {
	var names []string
	for _, t := range p.Choice.Chosen {
		names = append(names, t.Name)
	}
	return names
}
