package escalation_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// Whoever has the incident is called once more when it turns out to be worse, and
// PagerDuty calls nobody else by its own policy: the page rings for a minute and
// is acknowledged, as everything is that somebody has.
func TestRaisedWhileAcknowledgedRingsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declareUnder(trusting(), incident.Sev2)
		w.after(2 * time.Minute)
		_, err := w.desk.Acknowledge(t.Context(), w.by("ana"), inc.ID)
		require.NoError(t, err)
		w.after(10 * time.Minute)
		_, err = w.desk.ChangeSeverity(t.Context(), w.by("bob"), inc.ID, incident.Sev1, "customers cannot pay")
		require.NoError(t, err)
		w.after(59 * time.Minute)
		require.Equal(t, []string{"0s L1 r1 error", "10m0s L1 r2 critical"}, w.pages())
		acks := w.pd.calls(escalation.OpAcknowledge)
		require.Len(t, acks, 2)
		require.Equal(t, 2, acks[1].m.Round)
		require.Equal(t, 11*time.Minute, acks[1].at.Sub(w.start))
		messages, err := w.store.Messages(t.Context(), inc.ID)
		require.NoError(t, err)
		for _, m := range messages {
			if m.Operation == escalation.OpTrigger && m.Round == 2 {
				require.Zero(t, m.AcknowledgedAt, "nobody has answered this one")
			}
		}
	})
}

// What is given back while it rings goes on ringing, and a climb is for others:
// its page stays open whoever has acknowledged before.
func TestOnlyTheRaisedPageIsTakenAsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev2)
		_, err := w.desk.Acknowledge(t.Context(), w.by("ana"), inc.ID)
		require.NoError(t, err)
		w.after(10 * time.Minute)
		_, err = w.desk.ChangeSeverity(t.Context(), w.by("bob"), inc.ID, incident.Sev1, "customers cannot pay")
		require.NoError(t, err)
		w.after(10*time.Minute + 30*time.Second)
		_, err = w.desk.Unacknowledge(t.Context(), w.by("ana"), inc.ID)
		require.NoError(t, err)
		w.after(12 * time.Minute)
		for _, c := range w.pd.calls(escalation.OpAcknowledge) {
			require.Equal(t, 1, c.m.Round, "what was called before the acknowledgement")
		}

		other := w.declare(incident.Sev1)
		w.after(28 * time.Minute)
		_, err = w.desk.Acknowledge(t.Context(), w.by("ana"), other.ID)
		require.NoError(t, err)
		w.after(60 * time.Minute)
		for _, c := range w.pd.calls(escalation.OpAcknowledge) {
			require.False(t, c.m.Incident == other.ID && c.m.Level == "L3", "L3 was called after it, and answers for itself")
		}
	})
}

// The ladder went on to L3 although somebody has the incident, and then it turns out
// to be less than was thought: a SEV-3 reaches L2, so L3's telephone stops.
func TestALowerSeverityStopsThePagesThatItDoesNotReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declareUnder(trusting(), incident.Sev1)
		w.after(16 * time.Minute)
		_, err := w.desk.Acknowledge(t.Context(), w.by("ana"), inc.ID)
		require.NoError(t, err)
		w.after(50 * time.Minute)
		before := len(w.pd.calls(escalation.OpAcknowledge))
		require.Equal(t, "45m0s L3 r1 critical", w.pages()[len(w.pages())-1])
		_, err = w.desk.ChangeSeverity(t.Context(), w.by("ana"), inc.ID, incident.Sev3, "one customer")
		require.NoError(t, err)
		w.after(51 * time.Minute)
		acks := w.pd.calls(escalation.OpAcknowledge)[before:]
		require.Len(t, acks, 1)
		require.Equal(t, incident.Level("L3"), acks[0].m.Level)
		require.Equal(t, 50*time.Minute, acks[0].at.Sub(w.start).Round(time.Second))
	})
}
