package gameday

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
)

// worst orders verdicts from the one that overrides all others.
var worst = []chaos.Verdict{chaos.UndoFailed, chaos.Refused, chaos.Aborted, chaos.Deviated, chaos.Inconclusive, chaos.Held}

func worse(a, b chaos.Verdict) bool { return slices.Index(worst, a) < slices.Index(worst, b) }

// judge is the verdict of a day. An undo that failed overrides everything; then what ended
// it early; then its parts.
func judge(steps []StepResult, stop *ending) (chaos.Verdict, string) {
	verdict := chaos.Held
	for _, s := range steps {
		if s.Verdict != "" && worse(s.Verdict, verdict) {
			verdict = s.Verdict
		}
	}
	if stop != nil && verdict != chaos.UndoFailed {
		return stop.verdict, stop.reason
	}
	if verdict == chaos.Held {
		return verdict, "everything held"
	}
	var why []string
	for _, s := range steps {
		if s.Verdict == verdict {
			why = append(why, s.ID+": "+s.Reason)
		}
	}
	return verdict, strings.Join(why, "; ")
}

// settle gives a step the verdict and the reason of its worst part.
func (s *StepResult) settle() {
	s.Verdict = chaos.Held
	for name, p := range s.parts() {
		switch {
		case worse(p.Verdict, s.Verdict):
			s.Verdict, s.Reason = p.Verdict, name+": "+p.Reason
		case p.Verdict == s.Verdict && p.Verdict != chaos.Held:
			s.Reason += "; " + name + ": " + p.Reason
		}
	}
}

// parts are those of the step, by what they are, in their order.
func (s *StepResult) parts() iter.Seq2[string, Part] {
	return func(yield func(string, Part) bool) {
		if s.Load != nil && !yield("load "+s.Load.Plan, s.Load.Part) {
			return
		}
		for _, c := range s.Chaos {
			if !yield("chaos "+c.Experiment, c.Part) {
				return
			}
		}
	}
}

// lasted notes when the part began and ended.
func (p *Part) lasted(from, to time.Time) {
	from, to = from.UTC(), to.UTC()
	p.StartedAt, p.EndedAt = &from, &to
}

// findings are what did not hold, of all steps.
func findings(steps []StepResult) []string {
	found := []string{}
	for i := range steps {
		for name, p := range steps[i].parts() {
			if p.Finding {
				found = append(found, fmt.Sprintf("%s: %s %s: %s", steps[i].ID, name, p.Verdict, p.Reason))
			}
		}
	}
	return found
}

// loadPart is what a run of a plan comes to; wanted says that somebody had asked for its end.
func loadPart(plan string, r loadtest.Result, err error, wanted bool) (part LoadPart, early bool) {
	part = LoadPart{Run: r.Run, Plan: plan, Totals: r.Totals}
	part.Reason = strings.Join(against(r), "; ")
	switch {
	case err != nil:
		part.Verdict, part.Reason, early = unable(wanted), err.Error(), true
	case r.Verdict == loadtest.Pass:
		part.Verdict = chaos.Held
	case r.Verdict == loadtest.Aborted || r.AbortedBy != "":
		part.Verdict, early = chaos.Aborted, true
	case r.Verdict == loadtest.Fail:
		part.Verdict = chaos.Deviated
	default:
		part.Verdict = chaos.Inconclusive
	}
	part.Finding = part.Verdict != chaos.Held && !(early && wanted)
	return part, early
}

// against is why a run did not pass. What the generator was like is no reason, unless it
// was the reason.
func against(r loadtest.Result) []string {
	if r.Verdict == loadtest.Invalid {
		return r.Reasons
	}
	return slices.DeleteFunc(slices.Clone(r.Reasons), func(why string) bool { return strings.HasPrefix(why, "generator: ") })
}

// unable is the verdict of what could not be done.
func unable(wanted bool) chaos.Verdict {
	if wanted {
		return chaos.Aborted
	}
	return chaos.Inconclusive
}

// chaosPart is the same of an experiment.
func chaosPart(experiment string, o chaos.Outcome, err error, wanted bool) (part ChaosPart, early bool) {
	part = ChaosPart{Run: o.Run, Experiment: experiment, Score: o.Score, RecoverySeconds: o.RecoverySeconds}
	part.Verdict, part.Reason = o.Verdict, o.Why()
	if err != nil && o.Verdict == "" {
		part.Verdict, part.Reason, early = unable(wanted), err.Error(), true
	}
	switch part.Verdict {
	case chaos.Aborted, chaos.Refused, chaos.UndoFailed:
		early = true
	}
	part.Finding = part.Verdict == chaos.UndoFailed || part.Verdict != chaos.Held && !(early && wanted)
	return part, early
}
