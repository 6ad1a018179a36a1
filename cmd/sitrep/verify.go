package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/loadtest/compare"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// verify runs a plan before an incident is resolved: what does not hold its thresholds, or
// is worse than its baseline, where one is recorded, is not over. What it finds goes to
// standard error, as standard output is about the incident.
func (a *app) verify(ctx context.Context, id incident.ID, plan string) error {
	p, err := a.planNamed(plan)
	if err != nil {
		return err
	}
	compared := false
	err = a.withStore(ctx, func(db *store.DB) error {
		inc, err := db.Incident(ctx, id)
		if err != nil {
			return err
		}
		if inc.Status.Over() {
			return fmt.Errorf("resolve %s: %w: it is already %s", id, incident.ErrTooLate, inc.Status) // before a minute is spent
		}
		base, err := recordedBaseline(ctx, db, p.Name)
		compared = base != nil
		return err
	})
	if err != nil {
		return err
	}
	beside := *a
	beside.stdout = a.stderr
	if err := beside.runLoad(ctx, p, "", compared); err != nil {
		return fmt.Errorf("%s is not resolved: %w", id, err)
	}
	return nil
}

// verify is the same from the screen: it runs a plan, shows how that goes, and resolves the
// incident if it holds.
func (o *operator) verify(ctx context.Context, order pane.Verify) (pane.Receipt, error) {
	inc, err := o.db.Incident(ctx, order.ID)
	if err == nil && inc.Status.Over() {
		err = fmt.Errorf("verify %s: %w: it is already %s", order.ID, incident.ErrTooLate, inc.Status)
	}
	if err != nil {
		return pane.Receipt{}, err
	}
	base, err := recordedBaseline(ctx, o.db, order.Plan)
	if err != nil {
		return pane.Receipt{}, err
	}
	plan, run, cancel, err := o.takeLoad(ctx, order.Plan, fmt.Sprintf("sitrep incident resolve %s --verify %s", order.ID, order.Plan))
	if err != nil {
		return pane.Receipt{}, err
	}
	check := pane.Check{Incident: order.ID, Plan: order.Plan, Began: time.Now()}
	o.mailbox.Update(func(w *pane.World) { w.Check = &check })
	type end struct {
		receipt pane.Receipt
		err     error
	}
	ended := make(chan end, 1)
	o.work.Go(func() {
		defer cancel()
		res, err := o.runLoad(run, plan)
		if err == nil {
			err = o.heldUp(run, res, base)
		}
		var r pane.Receipt
		if err == nil {
			r, err = o.resolve(run, order.ID, order.Resolution, fmt.Sprintf("the check %s by %s held", res.Run, res.Plan))
		}
		over := check
		over.Over = true
		if err != nil {
			over.Failed = err.Error()
			err = fmt.Errorf("%s is not resolved: %w", order.ID, err)
		}
		o.mailbox.Update(func(w *pane.World) { w.Check = &over })
		ended <- end{r, err}
	})
	select {
	case e := <-ended:
		return e.receipt, e.err
	case <-ctx.Done():
		return pane.Receipt{}, ctx.Err()
	}
}

// heldUp says why a run does not show that what hurt is over.
func (o *operator) heldUp(ctx context.Context, res loadtest.Result, base *loadtest.Result) error {
	if err := verdictOfLoad(res); err != nil || base == nil {
		return err
	}
	beside := *o.app
	beside.stdout = io.Discard
	return beside.compareRuns(ctx, o.db, *base, res, compare.Options{})
}

// recordedBaseline is that of a plan; nil without one.
func recordedBaseline(ctx context.Context, db *store.DB, plan string) (*loadtest.Result, error) {
	all, err := db.Baselines(ctx)
	if err != nil || !slices.ContainsFunc(all, func(b store.LoadBaseline) bool { return b.Plan == plan }) {
		return nil, err
	}
	base, err := baselineOf(ctx, db, plan)
	return &base, err
}
