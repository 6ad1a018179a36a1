package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// nobodyRuns is said wherever an incident is open that nobody will be called for.
const nobodyRuns = "nobody runs the ladder: start sitrep daemon"

// warnUnwatched says on standard error that nobody runs the ladder, if one of these
// incidents is open. Whoever only looks is told nothing else by it: a store that
// cannot be read has failed the command itself.
func (a *app) warnUnwatched(ctx context.Context, db *store.DB, list ...incident.Incident) {
	if !slices.ContainsFunc(list, func(inc incident.Incident) bool { return !inc.Status.Over() }) {
		return
	}
	if lease, err := db.Lease(ctx); err == nil && !lease.Live(time.Now()) {
		fmt.Fprintln(a.stderr, nobodyRuns)
	}
}

// warnAnyUnwatched says the same of all open incidents, and which quiet hours
// hold.
func (a *app) warnAnyUnwatched(ctx context.Context, db *store.DB) {
	if open, err := db.Incidents(ctx, true, 0); err == nil {
		a.warnUnwatched(ctx, db, open...)
	}
}
