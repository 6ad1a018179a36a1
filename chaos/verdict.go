package chaos

import (
	"fmt"
	"time"
)

// finish judges the run, closes its journal and reports the end.
func (e *engine) finish(stop *ending) Outcome {
	e.out.Verdict, e.out.Reason = judge(e.out, stop)
	e.out.Score = score(e.steps, e.out)
	if e.out.Verdict != UndoFailed {
		if err := e.journal.appendNow(recClosed, "", string(e.out.Verdict)+": "+e.out.Reason); err != nil {
			e.out.Reason += "; " + err.Error()
		}
	}
	e.mu.Lock()
	e.phase, e.until = Finished, time.Time{}
	out := e.out
	e.mu.Unlock()
	e.report(Report{Kind: KindFinished, Text: string(out.Verdict) + ": " + out.Reason, Outcome: &out})
	return out
}

// judge is the verdict on the system. An undo that failed overrides everything;
// then what ended the run early; then what the probes saw.
func judge(out Outcome, stop *ending) (Verdict, string) {
	if out.Verdict == UndoFailed {
		return UndoFailed, "a fault could not be undone; run `sitrep chaos recover`"
	}
	missed, blind := "", ""
	for _, p := range out.Probes {
		switch {
		case p.Evaluations == 0:
			blind = p.Name + " had no data while the fault held"
		case p.Within < p.Evaluations:
			missed = fmt.Sprintf("%s left its band (%s) in %d of %d evaluations", p.Name, p.Expect, p.Evaluations-p.Within, p.Evaluations)
		}
	}
	switch {
	case stop != nil && stop.verdict == Deviated && missed != "":
		return Deviated, missed + "; " + stop.reason
	case stop != nil:
		return stop.verdict, stop.reason
	case missed != "":
		return Deviated, missed
	case blind != "":
		return Inconclusive, blind
	}
	return Held, "the steady state held and returned"
}

// score is the mean over the steps that took effect of
//
//	p = evaluations in tolerance / evaluations x (1 if recovered, else 1/2)
//
// with p = 0 for a step that was aborted; all steps weigh the same. It is nil
// when nothing took effect or an undo failed. Source: LitmusChaos' resilience
// score, with time and honesty added.
func score(steps []stepResult, out Outcome) *float64 {
	sum, n := 0.0, 0
	for _, s := range steps {
		switch {
		case s.aborted:
			n++
		case s.effect && s.evaluations > 0:
			n++
			p := float64(s.within) / float64(s.evaluations)
			if out.RecoverySeconds == nil {
				p /= 2
			}
			sum += p
		}
	}
	if n == 0 || out.Verdict == UndoFailed {
		return nil
	}
	mean := sum / float64(n)
	return &mean
}
