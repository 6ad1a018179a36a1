package escalation_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// A published post-mortem is told in the thread, once for each publication, also by an
// engine that starts a day later; what nobody has a thread about is told nowhere.
func TestAPublishedPostmortemIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run("ana@bastion 1")
		inc := w.declare(incident.Sev1)
		w.after(10 * time.Second)
		_, err := w.desk.AddItem(t.Context(), w.by("ana"), inc.ID, "alert on <pool> & co", "bob", time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC))
		require.NoError(t, err)
		for range 9 {
			_, err = w.desk.AddItem(t.Context(), w.by("ana"), inc.ID, "one more", "", time.Time{})
			require.NoError(t, err)
		}
		_, err = w.desk.Resolve(t.Context(), w.by("ana"), inc.ID, "index rebuilt")
		require.NoError(t, err)
		w.after(time.Minute)
		end()

		publish := func(from incident.Stage) {
			_, err := w.store.Append(t.Context(), incident.Event{
				Incident: inc.ID, At: time.Now(), Kind: incident.PostmortemPublished, Actor: "dana", Source: "cli",
				Data: incident.Payload(incident.StageChange{From: from, To: incident.StagePublished, Version: 1}),
			})
			require.NoError(t, err)
		}
		publish(incident.StageReviewed)
		w.after(24 * time.Hour)
		require.Empty(t, w.slack.calls(escalation.OpAnnounce))

		end = w.run("ana@bastion 2")
		w.after(25 * time.Hour)
		told := w.slack.calls(escalation.OpAnnounce)
		require.Len(t, told, 1)
		text := told[0].m.Content().Text
		require.Contains(t, text, "The post-mortem of "+string(inc.ID)+" is published (dana): "+inc.Title)
		require.Contains(t, text, ": index rebuilt\nto do: AI-1 alert on <pool> & co - bob - 2026-12-24\n", "raw: the sender escapes it")
		require.Contains(t, text, "\nand 2 more to do\nsitrep postmortem show "+string(inc.ID))
		require.NotEmpty(t, told[0].m.Parent, "in the thread")
		end()
		defer w.run("ana@bastion 3")()
		w.after(26 * time.Hour)
		require.Len(t, w.slack.calls(escalation.OpAnnounce), 1, "once")
		publish(incident.StagePublished)
		w.after(27 * time.Hour)
		told = w.slack.calls(escalation.OpAnnounce)
		require.Len(t, told, 2)
		require.Contains(t, told[1].m.Content().Text, "is published anew (dana)")
	})
}
