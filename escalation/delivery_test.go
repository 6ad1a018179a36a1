package escalation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// A message's way is what the outbox and the timeline say together.
func TestDeliveries(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 3, 1, 3, 0, s, 0, time.UTC) }
	event := func(kind incident.Kind, s int, id string) incident.Event {
		return incident.Event{Kind: kind, At: at(s), Data: incident.Payload(escalation.PageData{Message: id})}
	}
	all := escalation.Deliveries([]escalation.Message{
		{ID: "a", State: escalation.Accepted, QueuedAt: at(0), AcceptedAt: at(9), AcknowledgedAt: at(40)},
		{ID: "b", State: escalation.Accepted, QueuedAt: at(0), AcceptedAt: at(9), Murky: true},
		{ID: "c", State: escalation.Failed, QueuedAt: at(0), NotBefore: at(50), Error: "401"},
		{ID: "d", State: escalation.Pending, QueuedAt: at(0)},
		{ID: "e", State: escalation.Superseded, QueuedAt: at(0), Error: "ana has acknowledged"},
	}, []incident.Event{
		event(incident.PageAmbiguous, 3, "b"), event(incident.PageAmbiguous, 5, "b"), event(incident.PageReconciled, 9, "b"),
		event(incident.PageDiverted, 4, "c"), event(incident.PageAmbiguous, 4, "nobody"),
		{Kind: incident.PageAmbiguous, Data: []byte("{")},
	})
	words := []string{}
	for _, d := range all {
		words = append(words, d.Outcome())
	}
	require.Equal(t, []string{"acknowledged", "reconciled", "failed", "queued", "superseded"}, words)
	require.Equal(t, at(3), all[1].AmbiguousAt, "the first time")
	took, ok := all[0].Took()
	require.True(t, ok)
	require.Equal(t, 9*time.Second, took)
	answered, ok := all[0].Answered()
	require.True(t, ok)
	require.Equal(t, 31*time.Second, answered)
	_, ok = all[3].Took()
	require.False(t, ok)
	require.Equal(t, []bool{false, false, true, false, false}, []bool{all[0].Troubled(), all[1].Troubled(), all[2].Troubled(), all[3].Troubled(), all[4].Troubled()})
}
