package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// openGameday declares the drill of a day, gives its roles to people, and records that the
// run of head begins: all of that, or nothing. A process that dies leaves no drill that
// nobody knows to end.
func openGameday(ctx context.Context, db *store.DB, by incident.By, day gameday.Day, head gameday.Result, policy json.RawMessage) (began gameday.Report, err error) {
	_, err = db.Open(ctx, func(id incident.ID) ([]incident.Event, error) {
		declared, err := incident.Declare(by, id, incident.Declaration{
			Title: "game day " + day.Name, Severity: incident.Severity(day.Severity), Service: day.Service, Drill: true,
			Labels: map[string]string{"gameday": head.Run}, Policy: policy,
		})
		if err != nil {
			return nil, err
		}
		events, inc := []incident.Event{declared}, incident.Fold(declared)
		for _, role := range incident.Roles() {
			who := incident.Person(day.Roles[string(role)])
			if who == "" {
				continue
			}
			given, err := inc.Assign(by, role, who)
			if err != nil {
				return nil, err
			}
			events = append(events, given...)
		}
		head.Drill = string(id)
		began = head.Report(gameday.KindStarted, by.At, fmt.Sprintf("begins: %d steps, declared as %s", len(day.Steps), id))
		began.Result = &head
		return append(events, gamedayEvent(by, id, began)), nil
	})
	return began, err
}

// closeGameday records how a run ended and resolves its drill, with what was found as
// action items of it: all of that, or nothing. Whoever is not the first to do so changes
// nothing.
func closeGameday(ctx context.Context, db *store.DB, by incident.By, r gameday.Result, owner string) (first bool, err error) {
	rep := r.Report(gameday.KindFinished, by.At, fmt.Sprintf("%s: %s", r.Verdict, r.Reason))
	rep.Result = &r
	_, err = db.Decide(ctx, incident.ID(r.Drill), func(inc incident.Incident) ([]incident.Event, error) {
		events := []incident.Event{gamedayEvent(by, inc.ID, rep)}
		if inc.MergedInto != "" {
			return events, nil
		}
		for _, found := range r.Findings {
			more, err := inc.AddItem(by, found, incident.Person(owner), time.Time{})
			if err != nil {
				return nil, err
			}
			events, inc = append(events, more...), inc.Apply(more[0])
		}
		if inc.Status.Over() {
			return events, nil
		}
		more, err := inc.Resolve(by, fmt.Sprintf("game day %s is over: %s", r.Day, r.Verdict))
		return append(events, more...), err
	})
	var twice *incident.DuplicateError
	if errors.As(err, &twice) {
		return false, nil
	}
	return err == nil, err
}
