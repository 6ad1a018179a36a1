package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// operatorGuard ends the run when whoever has started it is no longer heard of: their
// terminal is asked all the time, and each answer is passed on (Handle.Beat). A fault
// that cuts the way to it is noticed so, long before the connection is given up.
//
// The first beat must come within the patience like every other. Time in which this
// process itself did not run does not count: what came in it is looked at first.
func (e *engine) operatorGuard(ctx context.Context, end context.CancelCauseFunc, i int) {
	g := e.plan.Experiment.Guards[i]
	every := time.NewTicker(g.Operator.Every.D())
	defer every.Stop()
	for misses := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		select {
		case <-e.beats:
			misses = 0
		default:
			misses++
		}
		n := float64(misses)
		lost := misses >= g.Operator.Misses
		e.guardSample(i, Sample{Value: &n, OK: misses == 0, Tripped: lost, Row: misses, For: g.Operator.Misses})
		if lost {
			end(ending{Aborted, fmt.Sprintf("guard %s: the terminal of whoever started the run has not answered for %s", g.Name,
				strictyaml.FormatDuration(time.Duration(misses)*g.Operator.Every.D()))})
			return
		}
	}
}
