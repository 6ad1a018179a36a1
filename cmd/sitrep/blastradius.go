package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// hurt is what a run of chaos was let do, and when.
type hurt struct {
	selects  map[string]string // labels of its targets
	targets  []string          // by name
	from, to time.Time         // to is zero while it runs
}

// drillOf is the open drill within whose blast radius a burn lies: one during which a
// run hurt what the burn's labels name, no longer ago than the burn looks back. There
// is none for anything else, and that pages for real.
func drillOf(drills []incident.Incident, runs []hurt, labels map[string]string, back time.Duration, now time.Time) incident.ID {
	for _, d := range drills {
		if !d.Drill || d.Status.Over() {
			continue
		}
		for _, r := range runs {
			during := r.to.IsZero() || r.to.After(d.Clocks.Declared) && r.to.After(now.Add(-back))
			if during && r.covers(labels) {
				return d.ID
			}
		}
	}
	return ""
}

// covers says that what a run was aimed at is what the labels name: its service, and
// every other label that both have.
func (h hurt) covers(labels map[string]string) bool {
	service := labels["service"]
	if service == "" {
		return false
	}
	if h.selects["service"] != service && !slices.Contains(h.targets, service) {
		return false
	}
	for name, value := range h.selects {
		if theirs, has := labels[name]; name != "service" && has && theirs != value {
			return false
		}
	}
	return true
}

// hurts are the runs that the timeline says began since then. What an experiment
// selects is what its file says now.
func hurts(ctx context.Context, db *store.DB, experiments []chaos.Experiment, since, now time.Time) ([]hurt, error) {
	events, err := db.OfKinds(ctx, since, now.Add(time.Hour), incident.ChaosStarted, incident.ChaosInjected, incident.ChaosFinished)
	if err != nil {
		return nil, fmt.Errorf("read the runs of chaos: %w", err)
	}
	runs := map[string]*hurt{}
	var order []string
	for _, e := range events {
		var rep chaos.Report
		if e.Payload(&rep) != nil || rep.ID == "" {
			continue
		}
		r := runs[rep.ID]
		if r == nil {
			r = &hurt{from: e.At}
			runs[rep.ID], order = r, append(order, rep.ID)
			for _, x := range experiments {
				if x.Name == rep.Experiment {
					r.selects = maps.Clone(x.Targets.Select)
				}
			}
		}
		if rep.Fault != nil {
			r.targets = append(r.targets, rep.Fault.Target)
		}
		if e.Kind == incident.ChaosFinished {
			r.to = e.At
		}
	}
	list := make([]hurt, len(order))
	for i, id := range order {
		list[i] = *runs[id]
	}
	return list, nil
}
