package main

import (
	"context"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
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
	alerted  time.Time
	reviewed map[incident.ID]bool
}

// heldRun is an experiment whose hypothesis held.
type heldRun struct {
	experiment string
	targets    []string
	at         time.Time
}

// evidenceBack is how old evidence may be to be read at all.
const evidenceBack = 400 * 24 * time.Hour

// readHistory reads what the timeline tells up to now.
func readHistory(ctx context.Context, db *store.DB, now time.Time) (*history, error) {
	h := &history{signed: map[string]readiness.Signed{}, targets: map[string][]string{}, reviewed: map[incident.ID]bool{}}
	events, err := db.OfKinds(ctx, now.Add(-evidenceBack), now.Add(time.Hour),
		incident.RoutineSigned, incident.ChaosInjected, incident.ChaosFinished, incident.AlertFired, incident.PostmortemDrafted, incident.PostmortemEdited)
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
	}
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
