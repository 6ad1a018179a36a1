package escalation_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

const namedLadder = `
severities:
  SEV-1: {page: critical, ladder: default, reaches: L3, ack_timeout: 0s}
ladders:
  default:
    - {level: L1, respond_within: 5m, escalate_after: 15m, until: acknowledged, notify: ["pagerduty:primary"], who: [ana]}
    - {level: L2, respond_within: 15m, escalate_after: 30m, until: resolved, notify: ["pagerduty:lead"], who: [bob]}
    - {level: L3, respond_within: 30m, until: resolved, notify: ["pagerduty:manager"]}
`

// answered is which pages were acknowledged at PagerDuty, and when.
func (w *world) answered() (list []string) {
	for _, c := range w.pd.calls(escalation.OpAcknowledge) {
		list = append(list, c.at.Sub(w.start).Round(time.Second).String()+" "+string(c.m.Level))
	}
	return list
}

// Who has the incident is one person; whoever was called besides answers for
// their own page by joining, and for nobody else's.
func TestWhoeverJoinsAnswersTheirOwnPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declareUnder(load(t, namedLadder), incident.Sev1)
		ack := func(who incident.Person) {
			t.Helper()
			_, err := w.desk.Acknowledge(t.Context(), w.by(who), inc.ID)
			require.NoError(t, err)
		}
		w.after(2 * time.Minute)
		ack("ana")
		_, err := w.desk.Escalate(t.Context(), w.by("ana"), inc.ID, "L2", "I need a hand")
		require.NoError(t, err)
		w.after(5 * time.Minute)
		require.Equal(t, []string{"0s L1 r1 critical", "2m0s L2 r1 critical"}, w.pages())
		require.Equal(t, []string{"2m0s L1"}, w.answered(), "L2's page is L2's")
		ack("eve") // she is named nowhere: as good as anybody of the level that was called last
		w.after(6 * time.Minute)
		require.Equal(t, []string{"2m0s L1", "5m0s L2"}, w.answered())

		w.after(40 * time.Minute)
		require.Equal(t, "32m0s L3 r1 critical", w.pages()[2])
		ack("bob")
		w.after(41 * time.Minute)
		require.Len(t, w.answered(), 2, "bob is of L2, whose page is answered, and not of L3")
		ack("cara")
		w.after(42 * time.Minute)
		require.Equal(t, []string{"2m0s L1", "5m0s L2", "41m0s L3"}, w.answered())
		messages, err := w.store.Messages(t.Context(), inc.ID)
		require.NoError(t, err)
		for _, m := range messages {
			if m.Operation == escalation.OpTrigger && m.Level == "L3" {
				require.Equal(t, 41*time.Minute, m.AcknowledgedAt.Sub(w.start), "when she joined")
			}
		}
	})
}

// A page that goes out after somebody joined is a new question to them.
func TestJoiningAnswersNoLaterPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declareUnder(load(t, namedLadder), incident.Sev1)
		w.after(time.Minute)
		for _, who := range []incident.Person{"ana", "bob"} {
			_, err := w.desk.Acknowledge(t.Context(), w.by(who), inc.ID)
			require.NoError(t, err)
		}
		_, err := w.desk.Escalate(t.Context(), w.by("ana"), inc.ID, "L2", "where are you?")
		require.NoError(t, err)
		w.after(3 * time.Minute)
		require.Equal(t, []string{"1m0s L1"}, w.answered())
		_, err = w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		w.after(4 * time.Minute)
		require.Equal(t, []string{"1m0s L1", "3m0s L2"}, w.answered())
	})
}
