package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// recovering waits until the steady state is back, and until what could not be
// undone has healed. Of a run that was ended early it is looked at too, in the same
// time, and said beside the reason: whoever ends a run wants to know whether all is
// well again. Where an undo has failed the runner makes way for its undertaker.
func (e *engine) recovering(life context.Context, stop *ending) *ending {
	ended := stopped(life)
	if stop == nil {
		stop = ended
	}
	if e.out.Verdict == UndoFailed || ended != nil && len(e.steps) == 0 {
		return stop
	}
	text := "waiting for the steady state"
	if err := e.journal.appendNow(recOver, "", text); err != nil { // whoever waits for the undo waits longer
		text += "; " + err.Error()
	}
	if ended == nil {
		return e.recover(life, stop, text)
	}
	ctx, cancel := e.patience(life)
	defer cancel()
	return e.recover(ctx, stop, text)
}

// patience is a context for the look after life has ended: it ends when nobody waits
// for the verdict any more.
func (e *engine) patience(life context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(life))
	go func() {
		select {
		case <-ctx.Done():
		case <-e.unheard:
			cancel()
		}
	}()
	return ctx, cancel
}

// recover looks until the steady state is back, ctx ends, or the time for it is over.
func (e *engine) recover(ctx context.Context, stop *ending, text string) *ending {
	missing, took := e.back(ctx, e.plan.Experiment.Recovery.D(), text)
	said := ""
	switch late := stopped(ctx); {
	case late != nil && stop == nil:
		return late
	case late != nil:
		said = "nobody waited to see whether the steady state returned"
	case missing != "" && stop == nil:
		return &ending{Deviated, missing}
	case missing != "":
		said = missing
	default:
		s := took.Seconds()
		e.out.RecoverySeconds = &s
		said = "the steady state was back " + afterSo(took)
	}
	if stop != nil && stop.verdict == Aborted {
		e.out.Recovery = said
	}
	return stop
}

func afterSo(took time.Duration) string {
	if took = took.Round(100 * time.Millisecond); took > 0 {
		return "after " + strictyaml.FormatDuration(took)
	}
	return "at once"
}

// back waits for health, and says how long that took or what is missing.
func (e *engine) back(ctx context.Context, window time.Duration, text string) (missing string, took time.Duration) {
	began := time.Now()
	e.enter(Recovering, began.Add(window), text)
	wctx, cancel := context.WithDeadline(ctx, began.Add(window))
	defer cancel()
	for {
		missing = e.healthy(wctx)
		if missing == "" || ctx.Err() != nil {
			return "", time.Since(began)
		}
		if wctx.Err() != nil {
			return fmt.Sprintf("not recovered within %s: %s", strictyaml.FormatDuration(window), missing), 0
		}
		wait(wctx, probeEvery)
	}
}
