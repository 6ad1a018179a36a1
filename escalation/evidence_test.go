package escalation_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// What is kept of the boards calls nobody, tells nobody and puts nothing off: a night
// with it sends what the same night without it sends.
func TestKeptEvidenceMovesNothing(t *testing.T) {
	sent := map[bool][]string{}
	for _, keeping := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.run("ana@bastion 1")()
			inc := w.declare(incident.Sev1)
			n := 0
			keep := func() {
				if n++; !keeping {
					return
				}
				_, err := w.store.Keep(t.Context(), incident.Event{
					Incident: inc.ID, At: time.Now(), Kind: incident.EvidenceCaptured, Actor: incident.Sitrep, Text: "the board as it was", Once: fmt.Sprint("captured/", n),
					Data: incident.Payload(incident.Capture{Event: fmt.Sprint(n)}),
				}, nil)
				require.NoError(t, err)
			}
			for minutes := range 70 { // calls, climbs and reminders
				w.after(time.Duration(minutes)*time.Minute + 7*time.Second)
				keep()
			}
			_, err := w.desk.Resolve(t.Context(), w.by("bob"), inc.ID, "rolled back")
			require.NoError(t, err)
			w.after(71 * time.Minute)
			keep()
			w.after(3 * time.Hour)
			messages, err := w.store.Messages(t.Context(), inc.ID)
			require.NoError(t, err)
			for _, m := range messages {
				sent[keeping] = append(sent[keeping], fmt.Sprint(m.QueuedAt.Sub(w.start).Round(time.Second), m.Sink, m.Operation, m.Level, m.Round, m.State, m.Content().Text))
			}
			require.Len(t, w.pd.calls(escalation.OpResolve), len(w.pd.calls(escalation.OpTrigger)))
		})
	}
	require.Equal(t, sent[false], sent[true])
	require.NotEmpty(t, sent[true])
}
