package escalation_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// lastResort is a policy whose pages go to a chat, then to a text message.
func lastResort(t *testing.T) escalation.Policy {
	p, err := escalation.LoadPolicy("policy.yaml", []byte(`
divert: ["slack:#fallback", "command:sms"]
ladders: {default: [{level: L1, until: resolved, notify: ["pagerduty:primary", "slack:#incidents"], who: [ana]}]}
`))
	require.NoError(t, err)
	return p
}

// withCommands is a world whose engine also runs commands.
func (w *world) withCommands(notes bool) (end func(), sms *sink) {
	sms = &sink{name: "sms", lease: w.pd.lease}
	ctx, stop := w.t.Context(), make(chan struct{})
	e := w.engine("ana@bastion 1")
	e.Senders["command"], e.Notes = sms, notes
	run, cancel := context.WithCancel(ctx)
	go func() {
		defer close(stop)
		_ = e.Run(run)
	}()
	return func() { cancel(); <-stop }, sms
}

// standIns are what was queued in the place of a page, by sink.
func (w *world) standIns(id incident.ID) map[string]escalation.Message {
	all, err := w.store.Messages(w.t.Context(), id)
	require.NoError(w.t, err)
	found := map[string]escalation.Message{}
	for _, m := range all {
		if m.Content().Diverts != "" {
			require.NotContains(w.t, found, m.Sink, "nobody is told the same page twice")
			found[m.Sink] = m
		}
	}
	return found
}

func (w *world) told(id incident.ID, kind incident.Kind) (texts []string) {
	events, err := w.store.Timeline(w.t.Context(), id)
	require.NoError(w.t, err)
	for _, e := range events {
		if e.Kind == kind {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// The first way takes it: the last resort is left in peace.
func TestAWayThatWorksIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.answer(failing(escalation.NotSent, "connection refused", 1000)...)
		end, sms := w.withCommands(false)
		defer end()
		inc := w.declareUnder(lastResort(t), incident.Sev1)
		w.after(10 * time.Minute)
		in := w.standIns(inc.ID)
		require.Len(t, in, 1)
		require.Equal(t, escalation.Accepted, in["slack:#fallback"].State)
		require.Empty(t, sms.calls(escalation.OpTrigger))
		require.Empty(t, w.told(inc.ID, incident.DeliveryDegraded))
	})
}

// PagerDuty and Slack are down, each in its own way: the last resort is reached,
// once, and when they are back nothing stale is said.
func TestTheLastResortIsReached(t *testing.T) {
	for name, bad := range map[string]escalation.Class{"refused": escalation.Dead, "no connection": escalation.NotSent, "no answer": escalation.Unsure} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.pd.answer(failing(bad, "it is down", 8)...)
				w.slack.answer(failing(escalation.NotSent, "connection refused", 14)...)
				end, sms := w.withCommands(false)
				defer end()
				inc := w.declareUnder(lastResort(t), incident.Sev1)
				w.after(90 * time.Second)
				pages := sms.calls(escalation.OpTrigger)
				require.Len(t, pages, 1)
				require.Contains(t, escalation.NoticeText(pages[0].m, inc), "pagerduty:primary cannot be reached, so L1 (ana) was NOT paged for INC-1 Checkout 5xx: call by phone.")
				require.Equal(t, "command:sms has taken it in the place of others", w.standIns(inc.ID)["slack:#fallback"].Error)
				w.after(30 * time.Minute)
				require.Len(t, sms.calls(escalation.OpTrigger), 1)
				for _, c := range w.slack.calls(escalation.OpPost) {
					require.True(t, c.m.Content().Diverts == "" || c.end != "accepted")
				}
				all, err := w.store.Messages(t.Context(), inc.ID)
				require.NoError(t, err)
				i := slices.IndexFunc(all, func(m escalation.Message) bool { return m.Sink == "pagerduty:primary" })
				require.Equal(t, escalation.Accepted, all[i].State, "the page itself is still wanted")
				_, err = w.desk.Resolve(t.Context(), w.by("bob"), inc.ID, "rolled back")
				require.NoError(t, err)
				w.after(35 * time.Minute)
				ends := sms.calls(escalation.OpResolve)
				require.Len(t, ends, 1, "whoever was told hears the end too")
				require.Equal(t, pages[0].m.DedupKey, ends[0].m.DedupKey)
			})
		})
	}
}

// Nothing takes a page: that stands on the timeline once, and so does the end of it.
func TestNobodyIsReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.answer(failing(escalation.NotSent, "connection refused", 40)...)
		w.slack.answer(failing(escalation.NotSent, "connection refused", 1000)...)
		end, sms := w.withCommands(false)
		defer end()
		sms.answer(failing(escalation.Dead, "exit status 1", 1000)...)
		inc := w.declareUnder(lastResort(t), incident.Sev1)
		w.after(2 * time.Minute)
		require.Equal(t, []string{"nobody was reached for L1 (ana): call by phone. Nothing takes the page: pagerduty:primary: connection refused; slack:#fallback: connection refused; command:sms: exit status 1"}, w.told(inc.ID, incident.DeliveryDegraded))
		now, err := w.store.Incident(t.Context(), inc.ID)
		require.NoError(t, err)
		require.True(t, now.Unreached())
		require.True(t, w.start.Equal(now.Degraded.Sinks[0].Since), "since the first try")
		w.after(20 * time.Minute)
		require.Len(t, w.told(inc.ID, incident.DeliveryDegraded), 1)
		require.Empty(t, w.told(inc.ID, incident.DeliveryRestored))
		w.after(2 * time.Hour)
		require.Len(t, w.told(inc.ID, incident.DeliveryDegraded), 1)
		require.Len(t, w.told(inc.ID, incident.DeliveryRestored), 1)
		now, err = w.store.Incident(t.Context(), inc.ID)
		require.NoError(t, err)
		require.False(t, now.Unreached())
	})
}

// With a policy that names no way it is the chats that are told, and both down is
// nobody reached. Somebody acknowledges; what answers next ends the outage.
func TestNobodyIsReachedByChats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.answer(failing(escalation.NotSent, "connection refused", 1000)...)
		w.slack.answer(failing(escalation.NotSent, "connection refused", 12)...)
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev1)
		w.after(30 * time.Second)
		require.Len(t, w.told(inc.ID, incident.DeliveryDegraded), 1)
		_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		w.after(15 * time.Minute)
		require.Len(t, w.told(inc.ID, incident.DeliveryRestored), 1)
	})
}

// Slack is down while people wait for what is said there: PagerDuty's incident gets
// a note, once an outage.
func TestAnOutageOfSlackIsNotedAtPagerDuty(t *testing.T) {
	for _, notes := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.slack.answer(failing(escalation.NotSent, "connection refused", 20)...)
			end, _ := w.withCommands(notes)
			defer end()
			inc := w.declareUnder(lastResort(t), incident.Sev1)
			w.after(10 * time.Minute)
			sent := w.pd.calls(escalation.OpNote)
			if !notes {
				require.Empty(t, sent)
				return
			}
			require.Len(t, sent, 1)
			require.Equal(t, "Slack does not answer: updates are in sitrep (INC-1).", sent[0].m.Content().Text)
			require.Equal(t, w.pd.calls(escalation.OpTrigger)[0].m.DedupKey, sent[0].m.DedupKey)
			w.after(40 * time.Minute) // it is back
			require.Len(t, w.pd.calls(escalation.OpNote), 1)
			w.slack.answer(failing(escalation.NotSent, "connection refused", 1000)...)
			_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
			require.NoError(t, err)
			w.after(50 * time.Minute)
			require.Len(t, w.pd.calls(escalation.OpNote), 2, "and down again")
		})
	}
}
