package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// ConfirmWithin is how long a fault that could cut off the person who has started it
// stays without their word.
const ConfirmWithin = 10 * time.Second

// askToConfirm ends the run if nobody confirms in time those of the injections that
// want it. It returns then, when they are confirmed, and when the step is over.
func (e *engine) askToConfirm(ctx context.Context, end context.CancelCauseFunc, injections []Injection, until time.Time) {
	why := ""
	for _, inj := range injections {
		if inj.Confirm != "" {
			why = fmt.Sprintf("%s on %s: %s", inj.Kind, inj.Target, inj.Confirm)
		}
	}
	if why == "" {
		return
	}
	select {
	case <-e.sure: // to nothing that was asked now
	default:
	}
	within := strictyaml.FormatDuration(ConfirmWithin)
	e.report(Report{Kind: KindConfirm, Text: fmt.Sprintf("confirm within %s that you still see this, or it is undone: %s", within, why)})
	over := time.NewTimer(ConfirmWithin)
	defer over.Stop()
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	select {
	case <-ctx.Done():
	case <-e.sure:
		e.report(Report{Kind: KindConfirmed, Text: "somebody is still there"})
	case <-over.C:
		end(ending{Aborted, fmt.Sprintf("nobody confirmed within %s: %s", within, why)})
	}
}
