package escalation_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
)

// What was queued before the fields of a Content stood in groups means the same, and
// is written the same way.
func TestContentOfOlderStores(t *testing.T) {
	const old = `{"reason":"climbed","page":"critical","until":"resolved","who":["bob"],"text":"L2 called","headline":true,"late_seconds":3,` +
		`"acked_at":"2026-11-24T03:00:00Z","joins":2,"resweep":true,"thread":"slack:#incidents/01A","diverts":"01B","sweeps":"01C","sweep_ref":"C0/1.2",` +
		`"tried_at":"2026-11-24T03:01:00Z","top":true,"ends":"2026-11-24T04:00:00Z","room":{"channel":"C0ROOM"},` +
		`"alarm":{"level":"L2","due":"2026-11-24T03:15:00Z","at":"2026-11-24T03:17:00Z"},"event":"01D","test":true}`
	c := escalation.Message{Payload: json.RawMessage(old)}.Content()
	at := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	require.Equal(t, escalation.Sweep{Resweep: true, Sweeps: "01C", SweepRef: "C0/1.2", TriedAt: at.Add(time.Minute)}, c.Sweep)
	require.Equal(t, escalation.InChat{
		Thread: "slack:#incidents/01A", Top: true, Ends: at.Add(time.Hour), Room: &escalation.RoomStep{Channel: "C0ROOM"},
		Alarm: &escalation.Alarm{Level: "L2", Due: at.Add(15 * time.Minute), At: at.Add(17 * time.Minute)},
	}, c.InChat)
	again, err := json.Marshal(c)
	require.NoError(t, err)
	require.JSONEq(t, old, string(again))
}
