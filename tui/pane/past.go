package pane

import (
	"fmt"
	"math"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// ChaosPast is a run of an experiment as the timeline tells of it.
type ChaosPast struct {
	Run, Experiment string
	By              string    // who started it
	Began           time.Time // or was refused
	Ended           time.Time // zero: nobody recorded how it ended, or it goes on
	Outcome         *chaos.Outcome
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

// Count is how many of them ended so.
func Count(runs []ChaosPast, v chaos.Verdict) (n int) {
	for _, p := range runs {
		if p.Outcome != nil && p.Outcome.Verdict == v {
			n++
		}
	}
	return n
}

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
		if p.Outcome == nil || p.Outcome.Verdict == chaos.Refused {
			continue
		}
		scores, recoveries = append(scores, known(p.Outcome.Score)), append(recoveries, known(p.Outcome.RecoverySeconds))
	}
	return scores, recoveries
}

// Verdict is how the run ended, in a word.
func (p ChaosPast) Verdict() string {
	if p.Outcome == nil || p.Outcome.Verdict == "" {
		return "unknown"
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
	return fmt.Sprintf("%.1f s", *p.Outcome.RecoverySeconds)
}

// Reason is why it ended so.
func (p ChaosPast) Reason() string {
	if p.Outcome == nil {
		return ""
	}
	return p.Outcome.Reason
}
