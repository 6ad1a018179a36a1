package gameday

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
)

// Means are what a walk works with. Load and Chaos begin nothing once their context has
// ended, end what they have begun when it ends, and return when that is over and undone.
type Means struct {
	Load  func(ctx context.Context, plan string) (loadtest.Result, error)
	Chaos func(ctx context.Context, experiment string) (chaos.Outcome, error)
	// Answers are those to a step, from its beginning on, until ctx ends.
	Answers func(ctx context.Context, step string) iter.Seq[Answer]
	// Ended says why the day is to end; it is asked all the time, and empty if it is not.
	Ended func() string
	// Quiet is called once, when the day has ended and no load is sent any more: a fault may
	// still be being undone, nothing new begins.
	Quiet func()
	// Tell is given every step that begins or ends, from one goroutine.
	Tell func(Report)
}

// lookEvery is how often Ended is asked.
const lookEvery = 250 * time.Millisecond

// ending is why a day is over before its time.
type ending struct {
	verdict chaos.Verdict
	reason  string
}

func (e ending) Error() string { return e.reason }

// walk is a day that goes on.
type walk struct {
	day     Day
	means   Means
	result  Result
	end     context.CancelCauseFunc
	sending chan struct{} // holds one token while load is sent, and for good once the day has ended
}

// Walk goes through the steps of a day and returns when everything that it has begun is
// over and undone. Head is Day.Head of it. When ctx ends, its cause is why the day does.
func Walk(ctx context.Context, day Day, head Result, m Means) Result {
	life, end := context.WithCancelCause(ctx)
	w := &walk{day, m, head, end, make(chan struct{}, 1)}
	w.result.Steps = slices.Clone(head.Steps)
	w.look()
	var beside sync.WaitGroup
	beside.Go(func() { w.watch(life) })
	beside.Go(func() { w.quiet(life) })
	for i := range day.Steps {
		if life.Err() != nil {
			break
		}
		w.step(life, i)
	}
	stop := stopped(life)
	end(nil)
	beside.Wait()
	now := time.Now().UTC()
	w.result.EndedAt = &now
	w.result.Verdict, w.result.Reason = judge(w.result.Steps, stop)
	w.result.Findings = findings(w.result.Steps)
	return w.result
}

// stopped is why ctx has ended, or nil if it has not.
func stopped(ctx context.Context) *ending {
	if ctx.Err() == nil {
		return nil
	}
	var why ending
	if !errors.As(context.Cause(ctx), &why) {
		why = ending{chaos.Aborted, context.Cause(ctx).Error()}
	}
	return &why
}

// watch ends the day when somebody asks for it.
func (w *walk) watch(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			w.look()
		}
	}
}

func (w *walk) look() {
	if why := w.means.Ended(); why != "" {
		w.end(ending{chaos.Aborted, why})
	}
}

func (w *walk) quiet(ctx context.Context) {
	<-ctx.Done()
	w.sending <- struct{}{}
	w.means.Quiet()
}

func (w *walk) step(ctx context.Context, i int) {
	s, out := w.day.Steps[i], &w.result.Steps[i]
	began := time.Now().UTC()
	out.StartedAt = &began
	if s.Ask != "" {
		until := began.Add(s.Within.D())
		out.Until = &until
	}
	w.tell(KindStepBegun, *out, fmt.Sprintf("step %s begins: %s", s.ID, s.what()))
	whole := true
	switch {
	case s.Wait > 0:
		out.Verdict = chaos.Held
		whole = pause(ctx, s.Wait.D())
	case s.Ask != "":
		w.ask(ctx, s, out)
	default:
		w.hurt(ctx, s, out)
		out.settle()
		whole = len(out.Chaos) == len(s.Chaos) && (out.Load != nil || s.Load == "")
	}
	if stop := stopped(ctx); !whole && worse(chaos.Aborted, out.Verdict) {
		out.Verdict, out.Reason = chaos.Aborted, stop.reason
	}
	over := time.Now().UTC()
	out.EndedAt = &over
	text := fmt.Sprintf("step %s: %s", s.ID, out.Verdict)
	if out.Reason != "" {
		text += ": " + out.Reason
	}
	w.tell(KindStepEnded, *out, text)
	if slices.Contains(w.day.AbortOn, out.Verdict) {
		w.end(ending{out.Verdict, fmt.Sprintf("%s, and abort_on has %s: the steps after it were left out", text, out.Verdict)})
	}
}

func (w *walk) tell(kind string, s StepResult, text string) {
	rep := w.result.Report(kind, time.Now(), text)
	rep.Step = &s
	w.means.Tell(rep)
}

// hurt puts load on something while experiments run, one after the other.
func (w *walk) hurt(ctx context.Context, s Step, out *StepResult) {
	began := time.Now()
	var load sync.WaitGroup
	if s.Load != "" {
		load.Go(func() { out.Load = w.load(ctx, s) })
	}
	for _, r := range s.Chaos {
		if !pause(ctx, r.At.D()-time.Since(began)) {
			break
		}
		out.Chaos = append(out.Chaos, w.chaos(ctx, s, r.Run))
	}
	load.Wait()
}

// load is nil if the day had ended before anything was sent.
func (w *walk) load(ctx context.Context, s Step) *LoadPart {
	select {
	case <-ctx.Done():
		return nil
	case w.sending <- struct{}{}:
	}
	defer func() { <-w.sending }()
	if ctx.Err() != nil {
		return nil
	}
	began := time.Now()
	res, err := w.means.Load(ctx, s.Load)
	part, early := loadPart(s.Load, res, err, ctx.Err() != nil)
	part.lasted(began, time.Now())
	if early {
		w.end(ending{part.Verdict, fmt.Sprintf("step %s: load %s ended early: %s", s.ID, s.Load, part.Reason)})
	}
	return &part
}

// chaos runs one experiment. Whoever it is that ends it early, the day is over when its
// fault is undone.
func (w *walk) chaos(ctx context.Context, s Step, name string) ChaosPart {
	began := time.Now()
	out, err := w.means.Chaos(ctx, name)
	part, early := chaosPart(name, out, err, ctx.Err() != nil)
	part.lasted(began, time.Now())
	if early {
		verdict := part.Verdict
		if verdict == chaos.Refused { // it says nothing of the system
			verdict = chaos.Inconclusive
		}
		w.end(ending{verdict, fmt.Sprintf("step %s: chaos %s: %s: %s", s.ID, name, part.Verdict, part.Reason)})
	}
	return part
}

// pause waits, and says whether it could to the end of it.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}
