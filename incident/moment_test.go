package incident_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

// The night as it is told, and the moments of it.
func TestMomentsOfANight(t *testing.T) {
	began := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	var events []incident.Event
	var inc incident.Incident
	add := func(list []incident.Event, err error) {
		require.NoError(t, err)
		for _, e := range list {
			e.Seq = int64(len(events) + 1)
			e.ID = fmt.Sprint("event-", e.Seq)
			events, inc = append(events, e), inc.Apply(e)
		}
	}
	by := func(minutes int) incident.By {
		return incident.By{Actor: "ana", Source: "cli", At: began.Add(time.Duration(minutes) * time.Minute)}
	}
	rung := func(minutes int, kind incident.Kind, level incident.Level, reason string) {
		b := by(minutes)
		add([]incident.Event{{Incident: "INC-1", At: b.At, Kind: kind, Actor: incident.Sitrep, Data: incident.Payload(incident.Escalation{Level: level, Round: 1, Reason: reason})}}, nil)
	}
	add([]incident.Event{{Incident: "INC-1", At: began.Add(-time.Minute), Kind: incident.NoteAdded, Text: "too early"}}, nil)
	e, err := incident.Declare(by(0), "INC-1", incident.Declaration{Title: "x", Severity: incident.Sev1})
	add([]incident.Event{e}, err)
	rung(0, incident.EscalationEntered, "L1", "declared")
	rung(5, incident.EscalationRenotified, "L1", "unanswered")
	rung(15, incident.EscalationEntered, "L2", "climbed")
	add(inc.Acknowledge(by(16)))
	add(inc.ChangeStatus(by(18), incident.StatusIdentified, ""))
	add(inc.Did(by(20), incident.Action{Text: "looked"}))
	add(inc.Did(by(25), incident.Action{Text: "rolled back", Mitigates: true}))
	add(inc.ChangeStatus(by(26), incident.StatusMonitoring, ""))
	rung(27, incident.EscalationEntered, "L4", "repeat")
	add(inc.Resolve(by(30), "rolled back"))
	add([]incident.Event{{Incident: "INC-1", At: by(31).At, Kind: incident.EvidenceCaptured, Data: incident.Payload(incident.Capture{Event: "event-2"})}}, nil)
	add(inc.Reopen(by(40)))
	rung(40, incident.EscalationEntered, "L1", "reopened")
	add(inc.Resolve(by(50), "rolled back again")) // no mitigation of its own: one moment, not two
	var told []string
	for _, m := range incident.Moments(append(events, events[3:]...)) { // what is offered twice counts once
		require.Equal(t, began, m.Declared)
		require.Equal(t, incident.ID("INC-1"), m.Incident)
		told = append(told, fmt.Sprintf("%s %s by %s", m.At.Format("15:04"), m.What, m.Kind))
	}
	require.Equal(t, []string{
		"03:00 declared by incident.declared", "03:15 escalated to L2 by escalation.entered", "03:25 mitigated by action.taken",
		"03:30 resolved by incident.resolved", "03:40 escalated to L1 by escalation.entered", "03:50 resolved by incident.resolved",
	}, told)
	require.Empty(t, incident.Moments(nil))

	after := inc
	captured := incident.Event{Seq: 99, Incident: "INC-1", Kind: incident.EvidenceCaptured, At: by(60).At, Data: incident.Payload(incident.Capture{})}
	after = after.Apply(captured)
	after.Seq = inc.Seq
	require.Equal(t, inc, after, "what was kept changes nothing")
}
