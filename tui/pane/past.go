package pane

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// ChaosPast is a run of an experiment as the timeline tells of it.
type ChaosPast struct {
	Run, ID, Experiment string
	By                  string    // who started it
	Began               time.Time // or was refused
	Ended               time.Time // zero: nobody recorded how it ended, or it goes on
	Outcome             *chaos.Outcome
	Holder              string    // who has it while it goes on, as far as anybody here knows
	Live                *ChaosRun // what is known here of a run that goes on; nil of any other
}

// History is the runs of one experiment, or with "" of all, in their order: those of the
// timeline, with what is seen of those that go on, and those of which no event is here
// yet, or none will be, as another process records them elsewhere.
func (w *Chaos) History(name string) []ChaosPast {
	var out []ChaosPast
	for _, p := range w.Past {
		if name == "" || p.Experiment == name {
			out = append(out, p)
		}
	}
	for i := range w.Runs {
		r := &w.Runs[i]
		if name != "" && r.Experiment != name {
			continue
		}
		at := slices.IndexFunc(out, func(p ChaosPast) bool { return p.Run == r.Run && p.ID == r.ID })
		if at < 0 {
			one := ChaosPast{Run: r.Run, ID: r.ID, Experiment: r.Experiment, Began: r.Began}
			if !r.Here() {
				one.By = "another process"
			}
			for at = len(out); at > 0 && !r.Began.IsZero() && out[at-1].Began.After(r.Began); {
				at--
			}
			out = slices.Insert(out, at, one)
		}
		switch p := &out[at]; {
		case p.Outcome != nil:
		case r.Outcome == nil:
			p.Live = r
		default:
			p.Outcome = r.Outcome
		}
	}
	return out
}

// PastOf are the runs of one experiment, in their order.
func PastOf(all []ChaosPast, name string) []ChaosPast {
	var out []ChaosPast
	for _, p := range all {
		if p.Experiment == name {
			out = append(out, p)
		}
	}
	return out
}

// Record says how many of those runs held that could tell, and how many could not:
// "3 of 4 held; 1 inconclusive, 2 refused".
func Record(runs []ChaosPast) string {
	count := map[string]int{}
	for _, p := range runs {
		count[p.Verdict()]++
	}
	var rest []string
	told := len(runs)
	for _, v := range []string{string(chaos.Inconclusive), string(chaos.Refused), unknownVerdict, goesOn} {
		if n := count[v]; n > 0 {
			told -= n
			rest = append(rest, fmt.Sprintf("%d %s", n, v))
		}
	}
	text := fmt.Sprintf("%d of %d held", count[string(chaos.Held)], told)
	switch {
	case len(runs) > 0 && count[goesOn] == len(runs):
		text = "none is over yet"
	case told == 0:
		text = "none could tell"
	}
	if len(rest) > 0 {
		text += "; " + strings.Join(rest, ", ")
	}
	return text
}

// In place of a verdict: of a run of which nobody recorded how it ended, and of one that
// has not.
const (
	unknownVerdict = "unknown"
	goesOn         = "goes on"
)

// Trends are the scores (0 to 1) and the seconds of recovery of runs, in their order,
// NaN where there is none. Runs that were refused never began, and are left out.
func Trends(runs []ChaosPast) (scores, recoveries []float64) {
	known := func(v *float64) float64 {
		if v == nil {
			return math.NaN()
		}
		return *v
	}
	for _, p := range runs {
		if v := p.Verdict(); v == unknownVerdict || v == goesOn || v == string(chaos.Refused) {
			continue
		}
		scores, recoveries = append(scores, known(p.Outcome.Score)), append(recoveries, known(p.Outcome.RecoverySeconds))
	}
	return scores, recoveries
}

// lastExperiment is the one that ran last; empty if none did.
func lastExperiment(w *Chaos) string {
	if n := len(w.Runs); n > 0 {
		return w.Runs[n-1].Experiment
	}
	if n := len(w.Past); n > 0 {
		return w.Past[n-1].Experiment
	}
	return ""
}

// Verdict is how the run ended, in a word, or that it goes on.
func (p ChaosPast) Verdict() string {
	switch {
	case p.Outcome == nil && (p.Live != nil || p.Holder != ""):
		return goesOn
	case p.Outcome == nil || p.Outcome.Verdict == "":
		return unknownVerdict
	}
	return string(p.Outcome.Verdict)
}

// ScoreText is the score in percent, empty without one.
func (p ChaosPast) ScoreText() string {
	if p.Outcome == nil || p.Outcome.Score == nil {
		return ""
	}
	return fmt.Sprintf("%.0f%%", 100**p.Outcome.Score)
}

// RecoveryText is how long the steady state took to return, empty if it did not or
// nobody looked.
func (p ChaosPast) RecoveryText() string {
	if p.Outcome == nil || p.Outcome.RecoverySeconds == nil {
		return ""
	}
	if text := fmt.Sprintf("%.1f s", *p.Outcome.RecoverySeconds); text != "0.0 s" {
		return text
	}
	return "at once"
}

// Reason is why it ended so, or since when it goes on and who has it.
func (p ChaosPast) Reason(zone *time.Location) string {
	switch {
	case p.Outcome != nil:
		return p.Outcome.Why()
	case p.Holder != "":
		return "since " + p.Began.In(zone).Format("15:04:05Z07:00") + ", in the hands of " + p.Holder
	}
	return "nobody recorded how it ended: its processes died, or it goes on with the journals of another user"
}
