package main

import (
	"context"
	"errors"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// errProved says that an item needs no proof any more.
var errProved = errors.New("it is closed, or waits for nothing")

// proveItems closes the action items that wait for an experiment which has held since
// they do. It looks at all runs since then, not only the one that has just ended: a
// sitrep that died between the end of a run and its items leaves them to the next.
func proveItems(ctx context.Context, db *store.DB, now time.Time) error {
	list, err := db.Incidents(ctx, false, 0)
	if err != nil {
		return err
	}
	var waiting []incident.Incident
	since := now
	for _, inc := range list {
		waits := false
		for _, it := range inc.Items {
			if it.Proof != "" && it.Closed.IsZero() {
				waits = true
				if it.Asked.Before(since) {
					since = it.Asked
				}
			}
		}
		if waits {
			waiting = append(waiting, inc)
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	ended, err := db.OfKinds(ctx, since, now.Add(time.Minute), incident.ChaosFinished)
	if err != nil {
		return err
	}
	for _, inc := range waiting {
		for _, it := range inc.Items {
			run, ok := heldSince(ended, it)
			if !ok {
				continue
			}
			by := incident.By{Actor: incident.Sitrep, Source: "chaos", At: now}
			_, err := db.Decide(ctx, inc.ID, func(inc incident.Incident) ([]incident.Event, error) {
				events, open := inc.ProveItem(by, it.Item.Item, run)
				if !open {
					return nil, errProved
				}
				return events, nil
			})
			if err != nil && !errors.Is(err, errProved) {
				return err
			}
		}
	}
	return nil
}

// heldSince is the first run of the item's experiment that held since the item waits.
func heldSince(ended []incident.Event, it incident.OpenItem) (run string, ok bool) {
	if it.Proof == "" || !it.Closed.IsZero() {
		return "", false
	}
	for _, e := range ended {
		var rep chaos.Report
		if e.Payload(&rep) != nil || rep.Outcome == nil || rep.Outcome.Verdict != chaos.Held || rep.Experiment != it.Proof || e.At.Before(it.Asked) {
			continue
		}
		return rep.Run, true
	}
	return "", false
}
