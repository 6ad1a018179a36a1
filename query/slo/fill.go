package slo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Filling is how far the past of an objective is known, while it is being asked for.
type Filling struct {
	Objective string
	First     time.Time // the oldest that is known
	Horizon   time.Time // as far as is asked for
}

// fillPatience is how long a server may take for all of the past of one objective.
const fillPatience = 2 * time.Minute

// Fill asks for all that was before anybody looked, stretch by stretch, until the
// window of every objective is full or its server has nothing older; what came is kept
// as it comes, so that what was interrupted goes on where it was. It is for one who does
// not stay: Run does the same, a stretch a look. Said is told before each stretch.
//
// Its error is of the objectives of which something is missing; Look says how all stand.
func (w *Watch) Fill(ctx context.Context, now time.Time, said func(Filling)) error {
	var errs []error
	for _, o := range w.list {
		if o.width == 0 {
			continue // its server was not reached: Look said so
		}
		if err := w.fill(ctx, o, now, said); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (w *Watch) fill(ctx context.Context, o *watched, now time.Time, said func(Filling)) error {
	patient, cancel := context.WithTimeout(ctx, fillPatience)
	defer cancel()
	for o.undug(now) {
		said(Filling{Objective: o.Objective.Name, First: o.tally.First(), Horizon: o.horizon(now)})
		err := w.dig(patient, o, now)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("%w; what came is kept, and the next time goes on from there", err)
		}
		if err := w.keep(ctx); err != nil {
			return err
		}
	}
	o.tally.Forget(o.horizon(now))
	return nil
}

// Statuses are the objectives as they stand, without a look.
func (w *Watch) Statuses(now time.Time) []Status {
	all := make([]Status, len(w.list))
	for i, o := range w.list {
		all[i] = o.status(now)
	}
	return all
}
