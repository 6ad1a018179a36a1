package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
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
		all, err := db.Baselines(ctx)
		compared = slices.ContainsFunc(all, func(b store.LoadBaseline) bool { return b.Plan == p.Name })
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
