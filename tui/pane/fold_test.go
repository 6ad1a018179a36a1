package pane

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

// A storm is a line, at its beginning; what people did meanwhile is not hidden by it.
func TestAStormIsOneLine(t *testing.T) {
	joined := func(after time.Duration, name string, n int) *incident.Event {
		return &incident.Event{
			ID: name + after.String(), Incident: "INC-1", At: night.Add(after), Kind: incident.AlertAttached, Text: "one notification",
			Data: incident.Payload(incident.Attached{Alerts: n, Names: map[string]int{name: n}}),
		}
	}
	note := &incident.Event{ID: "note", Incident: "INC-1", At: night.Add(time.Second), Kind: incident.NoteAdded, Text: "it is the network"}
	events := []*incident.Event{joined(0, "Slow", 10), note}
	for i := range 19 {
		events = append(events, joined(time.Duration(i)*time.Minute, "PodDown", 10))
	}
	events = append(events, joined(time.Hour, "Late", 1))
	of := func(kind incident.Kind, after time.Duration, home string) *incident.Event {
		return &incident.Event{ID: string(kind) + after.String() + home, At: night.Add(after), Kind: kind, Text: "PodDown", Data: incident.Payload(map[string]string{"name": "PodDown", "incident": home})}
	}
	for i := range 3 {
		after := time.Hour + time.Duration(i)*time.Second
		events = append(events, of(incident.AlertFired, after, "INC-1"), of(incident.AlertResolved, after, "INC-1"))
	}
	events = append(events, of(incident.AlertFired, 2*time.Hour, ""))
	first := events[0].Text
	got := folded(events)
	require.Len(t, got, 5)
	require.Equal(t, "200 alerts joined within 18m: PodDown ×190, Slow ×10", got[0].Text)
	require.Equal(t, "Slow0s", got[0].ID, "it stays the line that it was")
	require.Equal(t, []string{"it is the network", "one notification"}, []string{got[1].Text, got[2].Text})
	require.Equal(t, "3 alerts ended within 2s: PodDown ×3", got[3].Text)
	require.Equal(t, "PodDown", got[4].Text, "what was only listed has its own line")
	require.Equal(t, first, events[0].Text, "what was recorded is as it was")
}
