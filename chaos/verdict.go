package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// finish judges the run, closes its journal and reports the end.
func (e *engine) finish(stop *ending) Outcome {
	e.out.Verdict, e.out.Reason = judge(e.out, stop)
	e.out.Score = score(e.steps, e.out)
	if e.out.Verdict != UndoFailed {
		if err := e.journal.appendNow(recClosed, "", string(e.out.Verdict)+": "+e.out.Because()); err != nil {
			e.out.Reason += "; " + err.Error()
		}
	}
	e.mu.Lock()
	for i := range e.seen {
		e.out.Probes[i].Series = e.seen[i].points
	}
	e.phase, e.until = Finished, time.Time{}
	out := e.out
	e.mu.Unlock()
	e.report(Report{Kind: KindFinished, Text: out.Said(), Outcome: &out})
	return out
}

// judge is the verdict on the system. An undo that failed overrides everything;
// then what ended the run early; then what the probes saw.
func judge(out Outcome, stop *ending) (Verdict, string) {
	if out.Verdict == UndoFailed {
		return UndoFailed, "a fault could not be undone; run `sitrep chaos recover`"
	}
	var missed []string
	for _, p := range out.Probes {
		switch {
		case len(p.Phases) > 0 && !slices.Contains(p.Phases, During):
		case p.Within < p.Evaluations:
			missed = append(missed, fmt.Sprintf("%s left its band (%s) in %d of %d evaluations", p.Name, p.Expect, p.Evaluations-p.Within, p.Evaluations))
		}
	}
	blind := out.blind()
	switch {
	case stop != nil && stop.verdict == Deviated && missed != nil:
		return Deviated, strings.Join(append(missed, stop.reason), "; ")
	case stop != nil:
		return stop.verdict, stop.reason
	case missed != nil:
		return Deviated, strings.Join(missed, "; ")
	case blind != "":
		return Inconclusive, blind
	}
	return Held, "the steady state held and returned"
}

// blind says which probe saw too little while the fault held, or nothing.
func (o Outcome) blind() string {
	for _, p := range o.Probes {
		switch {
		case len(p.Phases) > 0 && !slices.Contains(p.Phases, During):
		case p.Evaluations == 0:
			return p.Name + " had no data while the fault held"
		case p.Blind():
			return fmt.Sprintf("%s had too little data while the fault held: %s, and at most %g %% may go without", p.Name, p.Answered(), blindAbove*100)
		}
	}
	return ""
}

// score is, over the steps that took effect,
//
//	sum(w x p) / sum(w)
//	p = evaluations in tolerance / evaluations x (1 if recovered in time, else 1/2)
//
// w is the weight of the step; each evaluation counts with the weight of its probe.
// A step that was aborted has p = 0. A step with a recovery time of its own is judged
// by that, the others by the recovery of the run. It is nil when nothing took effect, an
// undo failed, or a probe saw too little for a verdict. Source: LitmusChaos' resilience score, with time and honesty added.
func score(steps []stepResult, out Outcome) *float64 {
	sum, weights := 0.0, 0.0
	for _, s := range steps {
		w := weightOf(s.weight)
		switch {
		case s.aborted:
			weights += w
		case s.effect && s.evaluations > 0:
			weights += w
			p := s.within / s.evaluations
			recovered := out.RecoverySeconds != nil
			if s.recovered != nil {
				recovered = *s.recovered
			}
			if !recovered {
				p /= 2
			}
			sum += w * p
		}
	}
	if weights == 0 || out.Verdict == UndoFailed || out.Verdict == Inconclusive && out.blind() != "" {
		return nil
	}
	mean := min(sum/weights, 1) // what rounding adds
	return &mean
}
