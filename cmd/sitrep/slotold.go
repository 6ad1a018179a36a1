package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/slo"
	"github.com/sitrep-dev/sitrep/store"
)

// toldSpan is how far back the timeline is read for burns that go on.
const toldSpan = 40 * 24 * time.Hour

// toldBurn is the last that the timeline says of a rule of an objective.
type toldBurn struct {
	Event    string // its ID
	Firing   bool
	Incident incident.ID
	At       time.Time
}

// burnsTold is what the timeline says of every rule of an objective, by the rule.
func burnsTold(ctx context.Context, db *store.DB, o slo.Objective, now time.Time) (map[string]toldBurn, error) {
	events, err := db.OfKinds(ctx, now.Add(-toldSpan), now.Add(time.Hour), incident.BurnBegan, incident.BurnEnded)
	if err != nil {
		return nil, fmt.Errorf("read the burns of %s: %w", o.Name, err)
	}
	told := map[string]toldBurn{}
	for _, e := range events {
		var b incident.Burn
		if e.Payload(&b) != nil || b.Objective != o.Name {
			continue
		}
		told[b.Rule] = toldBurn{Event: e.ID, Firing: e.Kind == incident.BurnBegan, Incident: e.Incident, At: e.At}
	}
	return told, nil
}

// toldBurns are the rules of which the timeline says that they fire.
func toldBurns(ctx context.Context, db *store.DB, o slo.Objective, now time.Time) (list []string, err error) {
	told, err := burnsTold(ctx, db, o, now)
	for _, r := range o.Rules {
		if told[r.Name].Firing {
			list = append(list, r.Name)
		}
	}
	return list, err
}
