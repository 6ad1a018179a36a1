package escalation_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// kindsOf is when events of a kind happened, since the start.
func (w *world) kindsOf(id incident.ID, kind incident.Kind) (when []time.Duration) {
	events, err := w.store.Timeline(w.t.Context(), id)
	require.NoError(w.t, err)
	for _, e := range events {
		if e.Kind == kind {
			when = append(when, e.At.Sub(w.start))
		}
	}
	return when
}

// SEV-1 owes an update every 20 minutes. One that is late is reminded of once;
// a status is an update too.
func TestOverdueUpdateIsRemindedOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev1)
		require.Equal(t, 20*time.Minute, escalation.UpdateDueAt(inc).Sub(w.start))
		_, err := w.desk.Acknowledge(t.Context(), w.by("ana"), inc.ID)
		require.NoError(t, err)
		w.after(19 * time.Minute)
		require.Empty(t, w.kindsOf(inc.ID, incident.UpdateDue))
		w.after(45 * time.Minute)
		require.Equal(t, []time.Duration{20 * time.Minute}, w.kindsOf(inc.ID, incident.UpdateDue), "once, although two are overdue")

		inc, err = w.desk.Update(t.Context(), w.by("ana"), inc.ID, incident.Update{Conditions: "checkout fails in eu"})
		require.NoError(t, err)
		require.Equal(t, 65*time.Minute, escalation.UpdateDueAt(inc).Sub(w.start))
		w.after(60 * time.Minute)
		_, err = w.desk.ChangeStatus(t.Context(), w.by("ana"), inc.ID, incident.StatusIdentified, "a slow index")
		require.NoError(t, err)
		w.after(100 * time.Minute)
		require.Equal(t, []time.Duration{20 * time.Minute, 80 * time.Minute}, w.kindsOf(inc.ID, incident.UpdateDue))

		inc, err = w.desk.Resolve(t.Context(), w.by("ana"), inc.ID, "index rebuilt")
		require.NoError(t, err)
		require.Zero(t, escalation.UpdateDueAt(inc))
		w.after(5 * time.Hour)
		require.Len(t, w.kindsOf(inc.ID, incident.UpdateDue), 2, "nothing is owed once it is over")
	})
}

func TestUpdateIsDueByTheSeverity(t *testing.T) {
	inc := incident.Incident{Severity: incident.Sev3, Status: incident.StatusOpen}
	require.Zero(t, escalation.UpdateDueAt(inc), "what was never declared owes nothing")
	inc.Clocks.Declared = three
	require.Equal(t, three.Add(4*time.Hour), escalation.UpdateDueAt(inc))
	inc.Severity, inc.Clocks.LastUpdate = incident.Sev2, three.Add(time.Hour)
	require.Equal(t, three.Add(90*time.Minute), escalation.UpdateDueAt(inc))
}

// What is merged into another incident is over: every page of it is resolved,
// none is opened any more, and the other one's ladder goes on.
func TestMergeEndsTheLadderAsAResolutionDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		one, two := w.declare(incident.Sev1), w.declare(incident.Sev1)
		w.after(7 * time.Minute) // two rounds each
		pages := len(w.pages())
		require.Equal(t, 4, pages)
		merged, survivor, err := w.desk.Merge(t.Context(), w.by("ana"), two.ID, one.ID)
		require.NoError(t, err)
		require.Equal(t, incident.StatusClosed, merged.Status)
		require.False(t, survivor.Status.Over())
		w.after(14 * time.Minute)

		messages, err := w.store.Messages(t.Context(), two.ID)
		require.NoError(t, err)
		triggered, resolved := map[string]bool{}, map[string]bool{}
		for _, m := range messages {
			require.False(t, m.Open())
			switch m.Operation {
			case escalation.OpTrigger:
				triggered[m.DedupKey] = true
			case escalation.OpResolve:
				resolved[m.DedupKey] = true
			}
		}
		require.Len(t, triggered, 2)
		require.Equal(t, triggered, resolved)
		require.Empty(t, w.kindsOf(one.ID, incident.Resolved))
		require.Greater(t, len(w.pages()), pages, "the other one's ladder goes on")
		require.Zero(t, escalation.NextLevelAt(merged, time.Now()))
		require.Equal(t, []incident.ID{one.ID}, w.everDue())
		var told []string
		for _, c := range w.slack.calls(escalation.OpPost) {
			told = append(told, c.m.Content().Text)
		}
		require.Contains(t, strings.Join(told, "\n"), "merged into "+string(one.ID)+": "+one.Title)
	})
}

// A chat that was told of an action is told its right words; it never hears of
// notes, nor of what was corrected in them.
func TestWhoWasToldWrongIsToldRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev1)
		_, err := w.desk.Note(t.Context(), w.by("ana"), inc.ID, "pool exhausted")
		require.NoError(t, err)
		_, err = w.desk.Did(t.Context(), w.by("ana"), inc.ID, incident.Action{Text: "rolled back v41"})
		require.NoError(t, err)
		w.after(time.Minute)
		events, err := w.store.Timeline(t.Context(), inc.ID)
		require.NoError(t, err)
		for _, e := range events {
			switch e.Kind {
			case incident.NoteAdded, incident.ActionTaken:
				_, err := w.desk.Correct(t.Context(), w.by("ana"), inc.ID, incident.Ref{ID: e.ID}, "right words of "+string(e.Kind))
				require.NoError(t, err)
			}
		}
		w.after(2 * time.Minute)
		var told []string
		for _, c := range w.slack.calls(escalation.OpPost) {
			told = append(told, c.m.Content().Text)
		}
		require.Contains(t, strings.Join(told, "\n"), "corrected: right words of action.taken")
		require.NotContains(t, strings.Join(told, "\n"), "note.added")
	})
}
