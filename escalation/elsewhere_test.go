package escalation_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// pagerOnly is the default policy with an L1 that only PagerDuty is told of.
func pagerOnly() escalation.Policy {
	p := escalation.Default()
	rungs := slices.Clone(p.Ladders["default"])
	rungs[0].Notify = []string{"pagerduty:primary"}
	p.Ladders = map[string][]escalation.LevelRule{"default": rungs}
	return p
}

// A page that was accepted and woke nobody is told to the other channel.
func TestUnansweredIsToldElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		w.declareUnder(pagerOnly(), incident.Sev1)
		w.after(4 * time.Minute)
		require.Empty(t, w.slack.calls(escalation.OpPost), "it has time to answer")
		w.after(6 * time.Minute)
		posts := w.slack.calls(escalation.OpPost)
		require.Len(t, posts, 1)
		require.Equal(t, "slack:#incidents", posts[0].m.Sink)
		text := posts[0].m.Content().Text
		require.Contains(t, text, "L1 (primary on call) does not answer. Round 1 through pagerduty:primary: accepted 00:00Z, which does not mean that it woke anybody. Call by phone.")
		w.after(11 * time.Minute)
		require.Len(t, w.slack.calls(escalation.OpPost), 2, "with every round")
	})
}

// What a rung calls through by itself is not told twice, and whoever has
// acknowledged meanwhile is left in peace.
func TestElsewhereIsNotMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		w.declare(incident.Sev1)
		w.after(6 * time.Minute)
		for _, c := range w.slack.calls(escalation.OpPost) {
			require.False(t, strings.Contains(c.m.Content().Text, "does not answer"))
		}
		w.slack.answer(slices.Repeat([]escalation.Outcome{{Class: escalation.NotSent}}, 200)...)
		inc := w.declareUnder(pagerOnly(), incident.Sev1)
		w.after(12 * time.Minute)
		_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		synctest.Wait()
		all, err := w.store.Messages(t.Context(), inc.ID)
		require.NoError(t, err)
		i := slices.IndexFunc(all, func(m escalation.Message) bool { return strings.Contains(m.Content().Text, "does not answer") })
		require.Equal(t, escalation.Superseded, all[i].State)
		require.Equal(t, "bob has acknowledged", all[i].Error)
	})
}
