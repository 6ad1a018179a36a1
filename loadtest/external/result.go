package external

import (
	"fmt"
	"strings"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// head is what every result of an engine says. Its generator is strained at the best:
// nobody knows how late it was.
func head(engine, plan string) loadtest.Result {
	return loadtest.Result{
		Plan: plan, Engine: engine, Model: "closed", Verdict: loadtest.Running, Generator: loadtest.GeneratorStrained,
		Thresholds: []loadtest.ThresholdResult{}, Stages: make([]loadtest.Totals, 1), ErrorsByClass: map[loadtest.Class]loadtest.ErrorCount{},
		Reasons: []string{
			fmt.Sprintf("%s measures from when a request was sent, not from when it was due: whoever waited for a slow answer sent nothing meanwhile, and is in no percentile (coordinated omission)", name(engine)),
			"generator: nothing says how late it was",
		},
	}
}

// name is an engine without its version.
func name(engine string) string {
	n, _, _ := strings.Cut(engine, " ")
	return n
}

// blame makes the generator invalid, and says why.
func blame(r *loadtest.Result, format string, args ...any) {
	r.Generator = loadtest.GeneratorInvalid
	r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...))
}

// local says what the engine itself has failed to send.
func local(r *loadtest.Result) {
	n := r.ErrorsByClass[loadtest.ClassLocal].Count
	switch {
	case n > r.Requests/100:
		blame(r, "generator: %d requests never left it", n)
	case n > 0:
		r.Reasons = append(r.Reasons, fmt.Sprintf("generator: %d requests never left it", n))
	}
}
