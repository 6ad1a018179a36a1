package chaos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
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
	for seed == 0 {
		seed = cmp.Or(e.Targets.Seed, rand.Uint64())
	}
	choice, err := Choose(all, e.Targets, seed)
	p.Choice = choice
	if err != nil {
		return p, err
	}
	p.Experiment.Guards = withInterlock(e.Guards, choice.Chosen)
	known := map[string]Fault{}
	for _, f := range faults {
		known[f.Kind()] = f
	}
	n := 0
	for _, s := range e.Method {
		step := PlannedStep{Step: s}
		if s.Fault == "" {
			p.Steps = append(p.Steps, step)
			continue
		}
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
		return Refuse("no-undo", "check what the configuration, or the list of chaos.targets, says of it", "it could not be undone: %v", err)
	}
	return nil
}

// final says whether all of the plan, and whether some of it, is never undone.
func (p Plan) final() (all, some bool) {
	all = true
	for _, s := range p.Steps {
		for _, inj := range s.Injections {
			some = some || inj.Tier == TierIrreversible
			all = all && inj.Tier == TierIrreversible
		}
	}
	return all && some, some
}

// Text is the plan in words. scrape is how often Prometheus looks, 0 if that is not
// known.
func (p Plan) Text(scrape time.Duration) string {
	var b strings.Builder
	e := p.Experiment
	fmt.Fprintf(&b, "experiment  %s\n", e.Name)
	if e.Hypothesis != "" {
		fmt.Fprintf(&b, "hypothesis  %s\n", typed(e.Hypothesis))
	}
	if e.Owner != "" {
		fmt.Fprintf(&b, "owner       %s\n", e.Owner)
	}
	fmt.Fprintf(&b, "targets     %s (%d of %d that match: %s; seed %d)\n", strings.Join(p.names(), ", "),
		len(p.Choice.Chosen), len(p.Choice.Matched), strings.Join(p.Choice.Matched, ", "), p.Choice.Seed)
	for _, q := range e.SteadyState {
		when := ""
		if len(q.Phases) > 0 {
			when = fmt.Sprintf(" (%v)", q.Phases)
		}
		fmt.Fprintf(&b, "healthy     %s %s%s\n            %s\n", q.Name, q.Expect, when, typed(q.What()))
	}
	if e.Baseline.For > 0 {
		fmt.Fprintf(&b, "baseline    looked at for %s, at least %d times\n", e.Baseline.For, e.Baseline.MinSamples)
	}
	final, irreversible := p.final()
	for _, g := range e.Guards {
		g.text(&b, scrape, final, irreversible)
	}
	for _, doubt := range Doubts(e) {
		fmt.Fprintf(&b, "doubt       %s\n", doubt)
	}
	for i, s := range p.Steps {
		s.text(&b, i+1)
	}
	fmt.Fprintf(&b, "length      %s of faults, then up to %s for recovery\n", strictyaml.FormatDuration(e.Length()), e.Recovery)
	if e.OnDisconnect == DisconnectContinue {
		b.WriteString("disconnect  it goes on under guards and deadline when whoever has started it is gone\n")
	}
	return b.String()
}

// typed is a query or a sentence as a person would type it, on one line, so that it cannot
// forge a line of the plan. Whatever shows the plan takes care of its terminal.
func typed(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("\n\v\f\r\u0085\u2028\u2029", r) })
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	return strings.Join(lines, " ")
}

// text is step n of a plan.
func (s PlannedStep) text(b *strings.Builder, n int) {
	if s.Wait > 0 {
		fmt.Fprintf(b, "step %-6d wait for %s\n", n, s.Wait)
		return
	}
	fmt.Fprintf(b, "step %-6d %s for %s\n", n, s.Fault, s.Duration)
	for _, inj := range s.Injections {
		inj.text(b)
	}
	if s.RecoverWithin > 0 {
		fmt.Fprintf(b, "  then      the steady state is back within %s, or nothing follows\n", s.RecoverWithin)
	}
}

func (inj Injection) text(b *strings.Builder) {
	fmt.Fprintf(b, "  on        %s, tier %s (%s)\n", inj.Target, inj.Tier, inj.Tier.Means())
	for _, need := range inj.Needs {
		fmt.Fprintf(b, "  needs     %s\n", need)
	}
	for _, line := range inj.Preview {
		fmt.Fprintf(b, "  do        %s\n", line)
	}
	if inj.Confirm != "" {
		fmt.Fprintf(b, "  confirm   within %s, or it is undone: %s\n", strictyaml.FormatDuration(ConfirmWithin), inj.Confirm)
	}
	for _, op := range inj.Undo {
		fmt.Fprintf(b, "  undo      %s\n", op)
	}
	if _, held := inj.Injector.(Preparer); held {
		b.WriteString("  undo      end the process that holds it\n  gone      that process has ended\n")
	}
	if !inj.Gone.IsNothing() || inj.Tier == TierIrreversible {
		fmt.Fprintf(b, "  gone      %s\n", inj.Gone)
	}
}

// faults is every injection of the plan, in its order.
func (p Plan) faults() []FaultRef {
	var all []FaultRef
	for _, s := range p.Steps {
		for _, inj := range s.Injections {
			all = append(all, *ref(inj))
		}
	}
	return all
}

// beginning says whom it hurts: "begins on payments-1 (1 of 2 that match)".
func (p Plan) beginning() string {
	text := "begins on " + strings.Join(p.names(), ", ")
	if n := len(p.Choice.Matched); n > len(p.Choice.Chosen) {
		text += fmt.Sprintf(" (%d of %d that match)", len(p.Choice.Chosen), n)
	}
	return text
}

// services are those of the targets.
func (p Plan) services() (list []string) {
	for _, t := range p.Choice.Chosen {
		if t.Service != "" && !slices.Contains(list, t.Service) {
			list = append(list, t.Service)
		}
	}
	return list
}

func (p Plan) names() []string {
	var names []string
	for _, t := range p.Choice.Chosen {
		names = append(names, t.Name)
	}
	return names
}
