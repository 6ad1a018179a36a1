package store_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// What a chat calls a headline, or the channel it made, leads back to the incident;
// what it calls anything else does not.
func TestAbout(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "s.db"))
	inc, err := incident.NewDesk(db).Declare(t.Context(), incident.By{Actor: "ana", At: time.Now()}, "", incident.Declaration{Title: "x", Severity: incident.Sev1})
	require.NoError(t, err)
	now := time.Now()
	lease, err := db.Take(t.Context(), "ana", now, time.Minute)
	require.NoError(t, err)
	message := func(id string, op escalation.Operation, ref string) escalation.Message {
		return escalation.Message{ID: id, Incident: inc.ID, Stream: id, Sink: "slack:#a", Operation: op, Payload: []byte(`{}`), State: escalation.Accepted, QueuedAt: now, Ref: ref}
	}
	require.NoError(t, db.Turn(t.Context(), lease, now, inc.ID, func(escalation.Case) (escalation.Decision, error) {
		return escalation.Decision{Queue: []escalation.Message{
			message("1", escalation.OpPost, "C1/1.000001"), message("2", escalation.OpCreate, "C2"), message("3", escalation.OpTopic, "C3"), message("4", escalation.OpPost, ""),
		}}, nil
	}))
	for ref, want := range map[string]incident.ID{"C1/1.000001": inc.ID, "C2": inc.ID, "C3": "", "C1": "", "": ""} {
		got, err := db.About(t.Context(), ref)
		require.NoError(t, err)
		require.Equal(t, want, got, ref)
	}
}
