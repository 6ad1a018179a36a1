package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

const (
	probeEvery    = time.Second
	injectTimeout = 5 * time.Second
	observeWithin = 5 * time.Second // or the duration, if that is shorter
	observeEvery  = 100 * time.Millisecond
	// expiryGrace is how long after its planned end a fault may stay before the
	// undertaker (and a carrier that can) ends it without asking the runner.
	expiryGrace = 3 * time.Second
)

// engine takes one resolved plan from baseline to verdict. Its undertaker is
// armed before it runs.
type engine struct {
	run, id string
	plan    Plan
	prober  Prober
	hands   Hands
	journal *Journal
	lease   *os.File
	say     func(Report)
	abort   <-chan string         // operator, starter gone, signal, undertaker gone
	sure    <-chan struct{}       // a person has confirmed
	halted  func() (string, bool) // the HALT file
	unheard <-chan struct{}       // closed once nobody waits for the verdict; nil: somebody does

	incidents Incidents       // for the guards that ask them
	beats     <-chan struct{} // the starter's terminal has answered

	mu     sync.Mutex // guards what follows: guards and probes report from their own goroutines
	phase  Phase
	until  time.Time
	values map[string]float64
	out    Outcome
	steps  []stepResult
	expect []Condition // of the probes, on numbers once there is a baseline
	seen   []course    // by the probes
	number int         // of the step, from 1
	over   time.Time   // when the last step is, by plan
}

// ending is why a run goes to its undo before its time.
type ending struct {
	verdict Verdict
	reason  string
}

func (e ending) Error() string { return e.reason }

// stepResult is what the score is made of.
type stepResult struct {
	weight              float64 // 0 is 1
	evaluations, within float64 // by the weights of the probes
	effect, aborted     bool
	recovered           *bool // in its own time; nil if it has none
}

// Run does the experiment and returns its outcome. It always undoes what it has
// injected, whatever happens and whatever ctx says.
func (e *engine) Run(ctx context.Context) Outcome {
	life, end := context.WithCancelCause(ctx)
	defer end(nil)
	e.prepare()
	var watch sync.WaitGroup
	watch.Go(func() { e.watch(life, end) })
	e.report(Report{Kind: KindStarted, Phase: Arming, Faults: e.plan.faults(), Services: e.plan.services(), Text: e.plan.beginning()})
	stop := e.baseline(life)
	if stop == nil {
		stop = e.recovering(life, e.method(life))
	}
	end(nil)
	watch.Wait()
	return e.finish(stop)
}

func (e *engine) prepare() {
	e.values = map[string]float64{}
	began := time.Now()
	e.out = Outcome{
		Run: e.run, Hypothesis: e.plan.Experiment.Hypothesis, Seed: e.plan.Choice.Seed, StartedAt: &began,
		Faults: []FaultOutcome{}, Probes: []ProbeOutcome{}, Guards: []GuardOutcome{},
	}
	e.seen = make([]course, len(e.plan.Experiment.SteadyState))
	for _, p := range e.plan.Experiment.SteadyState {
		e.out.Probes = append(e.out.Probes, ProbeOutcome{Name: p.Name, Expect: p.Expect.String(), Phases: p.Phases})
		e.expect = append(e.expect, p.Expect)
	}
	for _, g := range e.plan.Experiment.Guards {
		e.out.Guards = append(e.out.Guards, GuardOutcome{Name: g.Name, AbortWhen: g.Trips()})
	}
	for _, s := range e.plan.Steps {
		for _, inj := range s.Injections {
			e.out.Faults = append(e.out.Faults, FaultOutcome{ID: inj.ID, Kind: inj.Kind, Target: inj.Target, Tier: inj.Tier})
		}
	}
}

// watch ends the run when somebody asks for it.
func (e *engine) watch(ctx context.Context, end context.CancelCauseFunc) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case why := <-e.abort:
			end(ending{Aborted, why})
		case <-look.C:
			if text, yes := e.halted(); yes {
				end(ending{Aborted, HaltReason(text)})
			}
			if e.journal.lost() {
				end(ending{Aborted, fmt.Sprintf("its journal %s is gone: who removed or moved it left nothing by which others could end this run", e.journal.path)})
			}
		}
	}
}

// stopped is the reason for which ctx has ended, or nil if it has not.
func stopped(ctx context.Context) *ending {
	if ctx.Err() == nil {
		return nil
	}
	var why ending
	if !errors.As(context.Cause(ctx), &why) {
		why = ending{Aborted, context.Cause(ctx).Error()}
	}
	return &why
}

// method runs the steps one after the other, under the guards.
func (e *engine) method(life context.Context) *ending {
	ctx, end := context.WithCancelCause(life)
	defer end(nil)
	var guards sync.WaitGroup
	for i := range e.plan.Experiment.Guards {
		guards.Go(func() { e.guard(ctx, end, i) })
	}
	for i, s := range e.plan.Steps {
		e.begin(i)
		if s.Wait > 0 {
			e.enter(Waiting, time.Now().Add(s.Wait.D()), s.title()+": waiting for "+s.Wait.String())
			wait(ctx, s.Wait.D())
		} else {
			e.step(ctx, end, s)
		}
		if ctx.Err() != nil {
			break
		}
	}
	stop := stopped(ctx)
	end(nil)
	guards.Wait()
	e.mu.Lock()
	e.over = time.Time{}
	e.mu.Unlock()
	return stop
}

// begin says that step i is next, and when all of them will be over.
func (e *engine) begin(i int) {
	left := time.Duration(0)
	for _, s := range e.plan.Steps[i:] {
		left += s.Wait.D() + s.Duration.D()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.number, e.over = i+1, time.Now().Add(left)
}

// step injects one fault on every target, holds it, and takes it back.
func (e *engine) step(ctx context.Context, end context.CancelCauseFunc, s PlannedStep) {
	e.steps = append(e.steps, stepResult{weight: s.Weight, effect: true})
	until := time.Now().Add(s.Duration.D())
	e.enter(Injecting, until, s.Fault+" for "+s.Duration.String())
	var open []Entry
	defer release(s.Injections)
	for _, inj := range s.Injections {
		// Whoever has raised HALT waits for the journals that were there: a run that had
		// none yet has to see it by itself, and before anything is hurt.
		if text, yes := e.halted(); yes {
			end(ending{Aborted, HaltReason(text)})
		}
		if ctx.Err() != nil {
			break
		}
		entry, err := e.inject(ctx, inj, until)
		if entry != nil {
			open = append(open, *entry)
		}
		if err != nil {
			end(ending{Inconclusive, err.Error()})
		}
	}
	var samples sync.WaitGroup
	if ctx.Err() == nil {
		samples.Go(func() { e.askToConfirm(ctx, end, s.Injections, until) })
		e.observeAll(ctx, end, s.Injections, until)
	}
	if ctx.Err() == nil {
		e.enter(Verified, until, "the fault has taken effect")
		e.hold(ctx, end, s.Injections, open, until, &samples)
	}
	if late := time.Since(until); ctx.Err() == nil && late > expiryGrace {
		end(ending{Inconclusive, fmt.Sprintf("%s stayed %s beyond its time: its runner was stopped, or got no time", s.title(), late.Round(time.Second))})
	}
	e.undoStep(ctx, end, open)
	samples.Wait() // and not before: no query, however slow, keeps a fault in place
	e.recoverStep(ctx, end, s)
}

// recoverStep waits until health is back after a step that wants it. The next is not
// begun without: never inject into a sick system.
func (e *engine) recoverStep(ctx context.Context, end context.CancelCauseFunc, s PlannedStep) {
	if s.RecoverWithin == 0 || ctx.Err() != nil {
		return
	}
	missing, _ := e.back(ctx, s.RecoverWithin.D(), "waiting for the steady state after "+s.title())
	if ctx.Err() != nil {
		return
	}
	well := missing == ""
	e.steps[len(e.steps)-1].recovered = &well
	if !well {
		end(ending{Deviated, s.title() + ": " + missing})
	}
}

// release lets go of what the injections of a step have readied.
func release(injections []Injection) {
	for _, inj := range injections {
		if p, ok := inj.Injector.(Preparer); ok {
			p.Release()
		}
	}
}

// inject writes the intent down and does the deed. The entry is nil if nothing
// can have happened.
func (e *engine) inject(ctx context.Context, inj Injection, until time.Time) (*Entry, error) {
	boot, err := BootID()
	if err != nil {
		return nil, fmt.Errorf("inject %s on %s: %w", inj.Kind, inj.Target, err)
	}
	entry := Entry{ID: inj.ID, Intent: Intent{
		Kind: inj.Kind, Target: inj.Target, Tier: inj.Tier, Undo: inj.Undo, Gone: inj.Gone,
		BootID: boot, Until: until, Expires: until.Add(expiryGrace),
	}}
	armed := Armed{Until: entry.Expires, Lease: e.lease}
	deed, cancel := context.WithTimeout(ctx, injectTimeout)
	defer cancel()
	if err := inj.still(deed); err != nil { // the plan may be as old as the steps before it are long
		return nil, fmt.Errorf("inject %s on %s: %w", inj.Kind, inj.Target, err)
	}
	if p, ok := inj.Injector.(Preparer); ok {
		undo, gone, err := p.Prepare(deed, armed)
		if err != nil {
			return nil, fmt.Errorf("inject %s on %s: %w", inj.Kind, inj.Target, err)
		}
		entry.Undo, entry.Gone = append(undo, inj.Undo...), Every(append(gone, inj.Gone)...)
	}
	if err := e.journal.Append(Record{Rec: recIntent, At: time.Now(), Entry: inj.ID, Intent: &entry.Intent}); err != nil {
		return nil, fmt.Errorf("inject %s on %s: not without a journal: %w", inj.Kind, inj.Target, err)
	}
	if err := inj.still(deed); err != nil {
		return e.untouched(&entry, err)
	}
	evidence, err := inj.Injector.Inject(deed, armed)
	if err != nil {
		return &entry, fmt.Errorf("inject %s on %s: %w", inj.Kind, inj.Target, err)
	}
	at := time.Now()
	entry.Confirmed, entry.InjectedAt = true, at
	e.fault(inj.ID, func(f *FaultOutcome) { f.InjectedAt = &at })
	err = e.journal.Append(Record{Rec: recInjected, At: at, Entry: inj.ID, Text: evidence})
	e.report(Report{Kind: KindInjected, Text: evidence, Fault: ref(inj)})
	return &entry, err
}

// still is Still, where there is one.
func (inj Injection) still(ctx context.Context) error {
	if inj.Still == nil {
		return nil
	}
	return inj.Still(ctx)
}

// untouched closes the intent of a deed that was not done: its undo would hurt what others
// have done. Where that cannot be written down it is left to the undo all the same, as
// whoever reads the journal would do it.
func (e *engine) untouched(entry *Entry, why error) (*Entry, error) {
	err := fmt.Errorf("inject %s on %s: %w", entry.Kind, entry.Target, why)
	if jerr := e.journal.appendNow(recUndone, entry.ID, "it was not injected: "+why.Error()); jerr != nil {
		return entry, errors.Join(err, jerr)
	}
	return nil, err
}

func ref(inj Injection) *FaultRef {
	return &FaultRef{ID: inj.ID, Kind: inj.Kind, Target: inj.Target, Tier: inj.Tier}
}

// observeAll waits until every fault is seen to work. One that is not makes the
// run inconclusive: a hypothesis must not hold because the fault missed.
func (e *engine) observeAll(ctx context.Context, end context.CancelCauseFunc, injections []Injection, until time.Time) {
	inTime, cancel := context.WithDeadline(ctx, until) // however many there are to look at
	defer cancel()
	for _, inj := range injections {
		patience := min(observeWithin, max(0, time.Until(until)))
		effect, ok := e.observe(inTime, inj, patience)
		if ctx.Err() != nil {
			return
		}
		if !ok {
			e.steps[len(e.steps)-1].effect = false
			end(ending{Inconclusive, fmt.Sprintf("%s on %s showed no effect within %s: %s%s", inj.Kind, inj.Target, strictyaml.FormatDuration(patience.Round(time.Millisecond)), effect, wantsTraffic(inj.Kind))})
			return
		}
		e.fault(inj.ID, func(f *FaultOutcome) { f.Effect = effect })
		if err := e.journal.appendNow(recObserved, inj.ID, effect); err != nil {
			end(ending{Inconclusive, err.Error()})
			return
		}
		e.report(Report{Kind: KindObserved, Text: effect, Fault: ref(inj)})
	}
}

// wantsTraffic is what to do about a fault that only what passes can meet.
func wantsTraffic(kind string) string {
	family, _, _ := strings.Cut(kind, ".")
	switch family {
	case "http", "net", "dns", "toxic":
		return "; send traffic while it holds: sitrep load run PLAN, or b on the screen (F7 in the lab)"
	}
	return ""
}

func (e *engine) observe(ctx context.Context, inj Injection, patience time.Duration) (effect string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	effect = "nothing was seen"
	for ctx.Err() == nil {
		text, seen, err := inj.Injector.Observe(ctx)
		switch {
		case seen:
			return text, true
		case err != nil && ctx.Err() == nil:
			effect = err.Error()
		case text != "":
			effect = text
		}
		wait(ctx, observeEvery)
	}
	return effect, false
}

// hold lets the fault work and samples the steady state until its time is over.
// The samples may take a little longer to end. A fault that ends by itself before
// that makes the run inconclusive.
func (e *engine) hold(ctx context.Context, end context.CancelCauseFunc, injections []Injection, open []Entry, until time.Time, samples *sync.WaitGroup) {
	e.enter(Holding, until, "holding")
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	for i, inj := range injections {
		samples.Go(func() {
			why := ""
			if p, ok := inj.Injector.(Preparer); ok {
				why = p.Watch(ctx)
			} else {
				why = e.stays(ctx, open[i])
			}
			if why != "" {
				e.mu.Lock()
				e.steps[len(e.steps)-1].effect = false
				e.mu.Unlock()
				end(ending{Inconclusive, fmt.Sprintf("%s on %s ended before its time: %s", inj.Kind, inj.Target, why)})
			}
		})
	}
	for _, inj := range injections {
		if strings.HasPrefix(inj.Kind, "http.") {
			samples.Go(func() { e.recount(ctx, inj) })
		}
	}
	for i, p := range e.plan.Experiment.SteadyState {
		if p.in(During) {
			samples.Go(func() { e.sample(ctx, i) })
		}
	}
	<-ctx.Done()
}

// goneEvery is how often a fault is looked at that nobody holds.
const goneEvery = time.Second

// stays looks whether a fault is still in place until ctx ends, and says how it ended if
// it is not: somebody has continued the process, or removed what the kernel had. What
// cannot be undone is over at once, and a check that runs somebody's program is made once,
// at the end.
func (e *engine) stays(ctx context.Context, entry Entry) (why string) {
	if entry.Tier == TierIrreversible || entry.Gone.IsNothing() || entry.Gone.has("exec") {
		return ""
	}
	for {
		wait(ctx, goneEvery)
		if ctx.Err() != nil {
			return ""
		}
		look, cancel := context.WithTimeout(ctx, undoTimeout)
		evidence, gone, err := e.hands.Check(look, entry.Gone)
		cancel()
		if err == nil && gone && ctx.Err() == nil {
			return evidence
		}
	}
}

// recountEvery is how old the number of hurt requests is at most that an outcome tells.
const recountEvery = time.Second

// recount keeps what is told of a fault true that goes on hurting requests: one was
// enough to see that it works.
func (e *engine) recount(ctx context.Context, inj Injection) {
	for {
		wait(ctx, recountEvery)
		if ctx.Err() != nil {
			return
		}
		look, cancel := context.WithTimeout(ctx, recountEvery)
		effect, seen, err := inj.Injector.Observe(look)
		cancel()
		if err == nil && seen {
			e.fault(inj.ID, func(f *FaultOutcome) { f.Effect = effect })
		}
	}
}

// undoStep takes the faults back, side by side. It does not ask ctx.
func (e *engine) undoStep(ctx context.Context, end context.CancelCauseFunc, open []Entry) {
	why := "its time is over"
	if stop := stopped(ctx); stop != nil {
		why = stop.reason
		e.steps[len(e.steps)-1].aborted = stop.verdict == Aborted
		e.report(Report{Kind: KindAborting, Text: why})
	}
	e.enter(Undoing, time.Time{}, "undoing: "+why)
	free := context.WithoutCancel(ctx)
	var all sync.WaitGroup
	var failed atomic.Int64
	for _, entry := range open {
		all.Go(func() {
			if !e.undo(free, entry, why) {
				failed.Add(1)
			}
		})
	}
	all.Wait()
	if n := failed.Load(); n > 0 {
		e.out.Verdict = UndoFailed
		end(ending{UndoFailed, fmt.Sprintf("%d of %d faults could not be undone", n, len(open))})
		return
	}
	e.enter(Gone, time.Time{}, "every fault of this step is gone")
}

// undo takes one fault back and tells.
func (e *engine) undo(ctx context.Context, entry Entry, why string) (gone bool) {
	about := &FaultRef{ID: entry.ID, Kind: entry.Kind, Target: entry.Target, Tier: entry.Tier}
	evidence, gone, err := undo(ctx, e.journal, e.hands, entry, why)
	if !gone {
		e.report(Report{Kind: KindUndoFailed, Text: err.Error(), Fault: about})
		return false
	}
	if err != nil {
		evidence += "; " + err.Error() // gone, but the journal does not know
	}
	if entry.Tier == TierIrreversible {
		return true // it is over when its target has recovered, and that is told then
	}
	at := time.Now()
	e.fault(entry.ID, func(f *FaultOutcome) { f.GoneAt = &at })
	e.report(Report{Kind: KindUndone, Text: evidence, Fault: about})
	return true
}

// fault changes what is known of one fault.
func (e *engine) fault(id string, change func(*FaultOutcome)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.out.Faults {
		if e.out.Faults[i].ID == id {
			change(&e.out.Faults[i])
		}
	}
}

func (e *engine) enter(p Phase, until time.Time, text string) {
	e.mu.Lock()
	e.phase, e.until = p, until
	e.mu.Unlock()
	e.report(Report{Kind: KindPhase, Text: text})
}

// touch returns once the state of the run can be had, which is never if whoever
// has it is stuck.
func (e *engine) touch() {
	e.mu.Lock()
	defer e.mu.Unlock()
}

// report completes a report and passes it on.
func (e *engine) report(r Report) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.Run, r.ID, r.Experiment, r.At = e.run, e.id, e.plan.Experiment.Name, time.Now()
	if r.Phase == "" {
		r.Phase = e.phase
	}
	if !e.until.IsZero() {
		r.Remaining = Seconds(max(0, e.until.Sub(r.At)))
	}
	r.Step, r.Steps = e.number, len(e.plan.Steps)
	if !e.over.IsZero() {
		r.Rest = Seconds(max(0, e.over.Sub(r.At)))
	}
	if r.Sample == nil {
		r.Values = make(map[string]float64, len(e.values))
		for k, v := range e.values {
			r.Values[k] = v
		}
	}
	e.say(r)
}
