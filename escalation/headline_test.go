package escalation_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// An update that nobody knows the end of may arrive after a newer one: the
// newest is sent again when it cannot any more, and is the last that the chat
// hears.
func TestALateHeadlineIsPutRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declareUnder(trusting(), incident.Sev1)
		w.after(10 * time.Second)
		w.slack.answer(escalation.Outcome{Class: escalation.Unsure, Err: errors.New("no answer in time")})
		_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		synctest.Wait()
		_, err = w.desk.ChangeSeverity(t.Context(), w.by("bob"), inc.ID, incident.Sev2, "one region only")
		require.NoError(t, err)
		w.after(25 * time.Second)
		before := w.slack.calls(escalation.OpUpdate)
		w.after(2 * time.Minute)
		after := w.slack.calls(escalation.OpUpdate)
		require.Len(t, after, len(before)+1, "once more")
		last := after[len(after)-1]
		require.Equal(t, before[len(before)-1].m.Content().Text, last.m.Content().Text)
		require.Contains(t, last.m.Content().Text, "SEV-2")
		require.Equal(t, before[0].m.Parent, last.m.Parent, "the same message")
		require.GreaterOrEqual(t, last.at.Sub(before[0].at), escalation.DefaultTiming().Settle)
	})
}

// What is sent again leads to the incident's own channel as the headline did.
func TestALateHeadlineKeepsItsLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.chatty("ana@bastion 1", rooms())()
		inc := w.declareUnder(trusting(), incident.Sev2)
		w.after(time.Minute)
		w.slack.answer(slices.Repeat([]escalation.Outcome{{Class: escalation.Unsure, Err: errors.New("no answer in time")}}, 4)...) // whichever of the first go first
		_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		w.after(70 * time.Second)
		_, err = w.desk.ChangeSeverity(t.Context(), w.by("bob"), inc.ID, incident.Sev1, "every region")
		require.NoError(t, err)
		w.after(4 * time.Minute)
		var last escalation.Message
		for _, c := range w.slack.calls(escalation.OpUpdate) {
			if c.m.Sink == "slack:#incidents" {
				last = c.m
			}
		}
		require.True(t, last.Content().Resweep)
		require.Contains(t, last.Content().Text, "SEV-1")
		require.NotNil(t, last.Content().Room)
	})
}
