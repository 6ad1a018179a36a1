package main

import (
	"context"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/readiness"
	"github.com/sitrep-dev/sitrep/store"
)

// history is what events tell of the readiness of services: signatures, experiments,
// alerts, post-mortems. It learns them in the order of recording.
type history struct {
	signed   map[string]readiness.Signed // the last of each duty, by ID
	targets  map[string][]string         // of runs of chaos, by ULID
	held     []heldRun
	days     []heldDay
	alerted  time.Time
	reviewed map[incident.ID]bool
}

// heldRun is an experiment whose hypothesis held.
type heldRun struct {
	experiment string
	targets    []string
	at         time.Time
}

// heldDay is a run of a game day.
type heldDay struct {
	day         string
	drill       incident.ID
	began       time.Time
	ended       time.Time // zero: it did not come to its end, and found nothing that ended it
	experiments []string  // that were run
}

// evidenceBack is how old evidence may be to be read at all.
const evidenceBack = 400 * 24 * time.Hour

// readHistory reads what the timeline tells up to now.
func readHistory(ctx context.Context, db *store.DB, now time.Time) (*history, error) {
	h := &history{signed: map[string]readiness.Signed{}, targets: map[string][]string{}, reviewed: map[incident.ID]bool{}}
	events, err := db.OfKinds(ctx, now.Add(-evidenceBack), now.Add(time.Hour),
		incident.RoutineSigned, incident.ChaosInjected, incident.ChaosFinished, incident.AlertFired, incident.PostmortemDrafted, incident.PostmortemEdited,
		incident.GamedayStarted, incident.GamedayFinished)
	if err != nil {
		return nil, err
	}
	for i := range events {
		h.learn(&events[i])
	}
	return h, nil
}

// learn takes in one event, of whatever kind. One whose data cannot be read tells nothing.
func (h *history) learn(e *incident.Event) {
	switch e.Kind {
	case incident.RoutineSigned:
		var s signature
		if e.Payload(&s) == nil {
			h.signed[s.Duty] = readiness.Signed{By: string(e.Actor), At: e.At, Until: s.Until, Note: s.Note}
		}
	case incident.ChaosInjected, incident.ChaosFinished:
		h.learnRun(e)
	case incident.AlertFired:
		h.alerted = e.At
	case incident.PostmortemDrafted, incident.PostmortemEdited:
		h.reviewed[e.Incident] = true
	case incident.GamedayStarted, incident.GamedayFinished:
		h.learnDay(e)
	}
}

// learnDay takes in that a game day began, or how it ended.
func (h *history) learnDay(e *incident.Event) {
	var rep gameday.Report
	if e.Payload(&rep) != nil || rep.Result == nil {
		return
	}
	r := rep.Result
	d := heldDay{day: r.Day, drill: e.Incident, began: r.StartedAt}
	whole := !slices.ContainsFunc(r.Steps, func(s gameday.StepResult) bool { return s.EndedAt == nil })
	if r.Verdict == chaos.Held || r.Verdict == chaos.Deviated || r.Verdict == chaos.Inconclusive && whole {
		d.ended = e.At
	}
	for _, s := range r.Steps {
		for _, c := range s.Chaos {
			d.experiments = append(d.experiments, c.Experiment)
		}
	}
	h.days = append(slices.DeleteFunc(h.days, func(o heldDay) bool { return o.drill == d.drill }), d)
}

func (h *history) learnRun(e *incident.Event) {
	var rep chaos.Report
	if e.Payload(&rep) != nil {
		return
	}
	if rep.Fault != nil {
		h.targets[rep.ID] = append(h.targets[rep.ID], rep.Fault.Target)
	}
	if e.Kind == incident.ChaosFinished && rep.Outcome != nil && rep.Outcome.Verdict == chaos.Held {
		h.held = append(h.held, heldRun{rep.Experiment, h.targets[rep.ID], e.At})
	}
}
