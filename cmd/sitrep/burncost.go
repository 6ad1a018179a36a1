package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/slo"
	"github.com/sitrep-dev/sitrep/store"
)

// costsWithin is how long after its end the cost of an incident is still worked out: a
// server may be away for a while.
const costsWithin = 24 * time.Hour

// costs records what incidents that are over took of the budgets of their services, once
// everything up to their end is known.
func (w *burnWatch) costs(ctx context.Context, all []slo.Status, now time.Time) error {
	const latest = 500
	list, err := w.db.Incidents(ctx, false, latest)
	if err != nil {
		return err
	}
	for _, inc := range list {
		end := inc.Clocks.Resolved
		if end.IsZero() || now.Sub(end) > costsWithin || inc.MergedInto != "" || inc.Imported != "" || inc.Service == "" {
			continue
		}
		once := fmt.Sprintf("slo/cost/%s/%d", inc.Key, end.Unix())
		if w.costed[once] {
			continue
		}
		costs, known := costsOf(inc, all, end)
		if !known || len(costs) == 0 {
			continue
		}
		by := incident.By{Actor: incident.Sitrep, Source: w.source, At: now}
		e := inc.RecordCosts(by, costs)
		e.Once = once
		if _, err := w.db.Append(ctx, e); err != nil {
			return err
		}
		if w.costed == nil {
			w.costed = map[string]bool{}
		}
		w.costed[once] = true
	}
	return nil
}

// costsOf is what an incident took of the budgets of its service up to a time, and
// whether everything up to then is known.
func costsOf(inc incident.Incident, all []slo.Status, end time.Time) (list []incident.Cost, known bool) {
	begun := inc.Noticed()
	for _, s := range all {
		o := s.Objective
		if o.Service != inc.Service || s.Tally == nil || s.Standing.Count.Known == 0 {
			continue
		}
		if s.Tally.Last().Before(end) {
			return nil, false
		}
		share, events := o.Cost(s.Tally, o.Onset(s.Tally, begun), end)
		start, to := o.Window.At(end)
		list = append(list, incident.Cost{
			Objective: o.Name, Ratio: share, Events: events, Left: s.Standing.Left, Window: o.Window.String(),
			Minutes: share * o.Budget() * to.Sub(start).Minutes(),
		})
	}
	return list, true
}

// costsSoFar are those of an incident that is open, as far as what is kept goes.
func costsSoFar(inc incident.Incident, all []slo.Status, now time.Time) []incident.Cost {
	list := []incident.Cost{}
	for _, s := range all {
		o := s.Objective
		if inc.Service == "" || o.Service != inc.Service || s.Tally == nil || s.Standing.Count.Known == 0 {
			continue
		}
		share, events, known := o.CostSoFar(s.Tally, inc.Noticed(), now)
		if !known {
			continue
		}
		start, end := o.Window.At(now)
		list = append(list, incident.Cost{
			Objective: o.Name, Ratio: share, Events: events, Left: s.Standing.Left, Window: o.Window.String(),
			Minutes: share * o.Budget() * end.Sub(start).Minutes(),
		})
	}
	return list
}

// soFar is what an open incident took until now, by what the store keeps: no server is
// asked, and an objective that cannot be read keeps nobody from looking at an incident.
func (a *app) soFar(ctx context.Context, db *store.DB, inc incident.Incident, now time.Time) []incident.Cost {
	if inc.Status.Over() || inc.Service == "" {
		return []incident.Cost{}
	}
	all, err := a.objectives()
	if err != nil {
		fmt.Fprintf(a.stderr, "sitrep: what it costs of error budgets is not known: %s\n", sanitise(firstError(err)))
		return []incident.Cost{}
	}
	w := slo.NewWatch(slo.WatchConfig{
		Objectives: all, Ledger: db, Leads: func() bool { return false },
		Told: func(context.Context, slo.Objective) ([]string, error) { return nil, nil },
	})
	return costsSoFar(inc, w.Look(ctx, now), now)
}
