package escalation_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// said lists the events of a kind in words: "36m0s text".
func (w *world) said(id incident.ID, kind incident.Kind) (list []string) {
	w.t.Helper()
	events, err := w.store.Timeline(w.t.Context(), id)
	require.NoError(w.t, err)
	for _, e := range events {
		if e.Kind == kind {
			list = append(list, fmt.Sprintf("%s %s", e.At.Sub(w.start).Round(time.Second), e.Text))
		}
	}
	return list
}

// Acknowledged and forgotten: who has it is asked, and pages go out again when
// nobody answers.
func TestAcknowledgedAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev1)
		w.after(time.Minute)
		_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		w.after(31*time.Minute - time.Second)
		require.Empty(t, w.said(inc.ID, incident.AckQuestioned))
		w.after(32 * time.Minute)
		require.Equal(t, []string{"31m0s bob, still on it? Nothing has happened since 00:01Z; without an answer in 5m it goes back to the ladder"}, w.said(inc.ID, incident.AckQuestioned))
		var asked *escalation.Message
		for _, c := range w.slack.calls(escalation.OpPost) {
			if strings.Contains(c.m.Content().Text, "still on it?") {
				asked = &c.m
			}
		}
		require.NotNil(t, asked)
		require.Equal(t, []incident.Person{"bob"}, asked.Content().Who)
		now, err := w.store.Incident(t.Context(), inc.ID)
		require.NoError(t, err)
		require.Equal(t, w.start.Add(36*time.Minute), escalation.DoubtEndsAt(now).In(w.start.Location()))
		w.after(37 * time.Minute)
		require.Equal(t, []string{"36m0s the acknowledgement of bob has run out: no answer since 00:31Z"}, w.said(inc.ID, incident.Unacknowledged))
		require.Equal(t, []string{"0s L1 r1 critical", "36m0s L1 r2 critical"}, w.pages())
		w.after(52 * time.Minute)
		require.Equal(t, "51m0s L2 r1 critical", w.pages()[len(w.pages())-1], "and the ladder climbs as if nobody had answered")
	})
}

// Any answer will do, and the next question comes the same time later.
func TestStillOnIt(t *testing.T) {
	for name, answer := range map[string]func(*world, incident.ID) error{
		"by acknowledging again": func(w *world, id incident.ID) error {
			_, err := w.desk.Acknowledge(w.t.Context(), w.by("bob"), id)
			return err
		},
		"by a note": func(w *world, id incident.ID) error {
			_, err := w.desk.Note(w.t.Context(), w.by("carol"), id, "-10m looked at the pool")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.run("ana@bastion 1")()
				inc := w.declare(incident.Sev2) // asks after an hour, and gives 15 minutes
				w.after(time.Minute)
				_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
				require.NoError(t, err)
				w.after(62 * time.Minute)
				require.Len(t, w.said(inc.ID, incident.AckQuestioned), 1)
				require.NoError(t, answer(w, inc.ID))
				w.after(121 * time.Minute)
				require.Len(t, w.said(inc.ID, incident.AckQuestioned), 1)
				require.Empty(t, w.said(inc.ID, incident.Unacknowledged))
				w.after(123 * time.Minute)
				require.Len(t, w.said(inc.ID, incident.AckQuestioned), 2)
				_, err = w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
				require.NoError(t, err)
				_, err = w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
				require.ErrorIs(t, err, incident.ErrNoChange, "once answered it is nothing new")
				require.Len(t, w.pages(), 1)
			})
		})
	}
}

func TestASnoozeIsNotQuestioned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev1)
		_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		_, err = w.desk.Assign(t.Context(), w.by("bob"), inc.ID, incident.Commander, "bob")
		require.NoError(t, err)
		_, err = w.desk.Snooze(t.Context(), w.by("bob"), inc.ID, 3*time.Hour, "waiting for the provider")
		require.NoError(t, err)
		w.after(3*time.Hour + 29*time.Minute)
		require.Empty(t, w.said(inc.ID, incident.AckQuestioned))
		w.after(3*time.Hour + 31*time.Minute)
		require.Len(t, w.said(inc.ID, incident.AckQuestioned), 1)
	})
}

func TestNobodyIsCommander(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc, led := w.declare(incident.Sev1), w.declare(incident.Sev1)
		w.after(7 * time.Minute)
		require.Empty(t, w.said(inc.ID, incident.CommanderMissing), "while nobody is there the pages say more")
		_, err := w.desk.Assign(t.Context(), w.by("bob"), led.ID, incident.Commander, "bob")
		require.NoError(t, err)
		for _, id := range []incident.ID{inc.ID, led.ID} {
			_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), id)
			require.NoError(t, err)
		}
		w.after(36 * time.Minute)
		require.Equal(t, []string{
			"7m0s nobody is commander yet (sitrep incident assign INC-1 commander NAME)",
			"17m0s nobody is commander yet (sitrep incident assign INC-1 commander NAME)",
		}, w.said(inc.ID, incident.CommanderMissing))
		for n := range 4 { // somebody is at it all the time
			w.after(time.Duration(36+20*n) * time.Minute)
			_, err = w.desk.Note(t.Context(), w.by("bob"), inc.ID, "still looking")
			require.NoError(t, err)
		}
		require.Len(t, w.said(inc.ID, incident.CommanderMissing), 3, "whoever has not listened three times will not at the fourth")
		require.Empty(t, w.said(led.ID, incident.CommanderMissing))
	})
}

// Who missed the target for the resolution gets the next level, if the
// acknowledgement is what keeps it away.
func TestMissedTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc, climbing := w.declareUnder(trusting(), incident.Sev1), w.declareUnder(trusting(), incident.Sev1)
		w.after(6 * time.Minute)
		require.Equal(t, []string{"5m0s not acknowledged within the 5m that SEV-1 allows"}, w.said(inc.ID, incident.TargetMissed))
		_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		w.after(59 * time.Minute)
		own := func() (list []string) {
			for _, c := range w.pd.calls(escalation.OpTrigger) {
				if c.m.Incident == inc.ID {
					list = append(list, fmt.Sprintf("%s %s", c.at.Sub(w.start).Round(time.Second), c.m.Level))
				}
			}
			return list
		}
		require.Equal(t, []string{"0s L1", "5m0s L1"}, own())
		w.after(61 * time.Minute)
		require.Equal(t, []string{"5m0s not acknowledged within the 5m that SEV-1 allows", "1h0m0s not resolved within the 1h that SEV-1 allows"}, w.said(inc.ID, incident.TargetMissed))
		require.Equal(t, []string{"0s L1", "5m0s L1", "1h0m0s L2"}, own())
		require.Contains(t, strings.Join(w.said(inc.ID, incident.EscalationEntered), "\n"), "not resolved within the 1h that SEV-1 allows")
		require.Empty(t, w.said(climbing.ID, incident.EscalationWanted), "the ladder of the other one climbs by itself")
		require.Len(t, w.said(climbing.ID, incident.TargetMissed), 2)
	})
}

// Whatever dies: what was said is not said again.
func TestAttentionIsRecordedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		inc := w.declare(incident.Sev1)
		_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		for n := range 40 {
			end := w.run(fmt.Sprintf("ana@bastion %d", n))
			w.after(time.Duration(n+1) * time.Minute)
			end()
		}
		require.Len(t, w.said(inc.ID, incident.AckQuestioned), 1)
		require.Len(t, w.said(inc.ID, incident.Unacknowledged), 1)
		require.Len(t, w.said(inc.ID, incident.CommanderMissing), 2, "and none while nobody has it")
	})
}
