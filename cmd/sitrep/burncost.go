package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/slo"
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
		if end.IsZero() || now.Sub(end) > costsWithin || inc.MergedInto != "" || inc.Service == "" {
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
	begun := inc.Clocks.Detected
	if begun.IsZero() {
		begun = inc.Clocks.Declared
	}
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
			Objective: o.Name, Ratio: share, Events: events, Left: s.Standing.Left,
			Minutes: share * o.Budget() * to.Sub(start).Minutes(),
		})
	}
	return list, true
}
