package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// hurt is what a run of chaos was let do, and when.
type hurt struct {
	selects  map[string]string // labels of its targets
	targets  []string          // by name
	recovery time.Duration     // how long what it did may take to get well
	from, to time.Time         // to is zero while it runs
}

// radius is what an open drill covers at a time.
type radius struct {
	drill incident.ID
	runs  []hurt              // those that still count
	also  map[string][]string // what the drill's policy says that they may burn besides
}

// radii are those of the open drills. A run counts if it was let do something during the
// drill and has not ended for longer than its recovery and grace: so long the short
// window of a rule remembers it.
func radii(drills []incident.Incident, runs []hurt, grace time.Duration, now time.Time) (list []radius) {
	for _, d := range drills {
		if !d.Drill || d.Status.Over() {
			continue
		}
		r := radius{drill: d.ID}
		if policy, err := escalation.Thaw(d.Policy); err == nil && policy.GameDay != nil {
			r.also = policy.GameDay.Also
		}
		for _, run := range runs {
			if run.to.IsZero() && now.Sub(run.from) < longestRun || run.to.After(d.Clocks.Declared) && !now.After(run.to.Add(run.recovery+grace)) {
				r.runs = append(r.runs, run)
			}
		}
		list = append(list, r)
	}
	return list
}

// drillOf is the drill within whose blast radius a burn with these labels lies. Without
// one the burn is real, and why says what the drills cover; empty if there are none.
func drillOf(radii []radius, labels map[string]string) (_ incident.ID, why string) {
	var whys []string
	for _, r := range radii {
		if r.covers(labels) {
			return r.drill, ""
		}
		whys = append(whys, r.String())
	}
	return "", strings.Join(whys, ", ")
}

// covers says that what a run is aimed at is what the labels name, or may burn it.
func (r radius) covers(labels map[string]string) bool {
	service := labels["service"]
	return service != "" && slices.ContainsFunc(r.runs, func(h hurt) bool {
		return h.fits(labels) && slices.ContainsFunc(h.services(), func(hit string) bool {
			return hit == service || slices.Contains(r.also[hit], service)
		})
	})
}

// String says what a drill covers: the drill INC-4 covers only payments.
func (r radius) String() string {
	var names []string
	for _, h := range r.runs {
		for _, hit := range h.services() {
			names = append(append(names, hit), r.also[hit]...)
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return fmt.Sprintf("the drill %s covers nothing, because no run of chaos goes on in it", r.drill)
	}
	return fmt.Sprintf("the drill %s covers only %s", r.drill, strings.Join(names, ", "))
}

// services are those that a run is aimed at, as far as its experiment or the names of its
// targets say.
func (h hurt) services() (list []string) {
	for _, label := range []string{"service", "job"} {
		if s := h.selects[label]; s != "" {
			list = append(list, s)
			break
		}
	}
	return append(list, h.targets...)
}

// fits says that no label of what a run is aimed at says otherwise than these.
func (h hurt) fits(labels map[string]string) bool {
	for name, value := range h.selects {
		if theirs, has := labels[name]; name != "service" && name != "job" && has && theirs != value {
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
					r.selects, r.recovery = maps.Clone(x.Targets.Select), x.Recovery.D()
				}
			}
		}
		if rep.Fault != nil && !slices.Contains(r.targets, rep.Fault.Target) {
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
