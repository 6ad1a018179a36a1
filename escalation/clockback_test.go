package escalation_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// The clock is set back by an hour while an incident climbs: that hour is not
// waited for. What the clocks said before stands on the timeline and in the
// outbox as times to come.
func TestTheClockIsSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		before := w.start.Add(time.Hour) // what the clock showed when it was declared
		by := w.by("ana")
		by.At = before
		inc, err := w.desk.Declare(t.Context(), by, "", incident.Declaration{Title: "Checkout 5xx", Severity: incident.Sev1, Policy: escalation.Default().Frozen("")})
		require.NoError(t, err)
		lease, err := w.store.Take(t.Context(), "dead@bastion 1", w.start, time.Second)
		require.NoError(t, err)
		called := incident.Escalation{Level: "L1", Round: 1, Reason: escalation.ReasonDeclared, Severity: incident.Sev1}
		require.NoError(t, w.store.Turn(t.Context(), lease, w.start, inc.ID, func(escalation.Case) (escalation.Decision, error) {
			return escalation.Decision{
				Events: []incident.Event{{Incident: inc.ID, At: before, Kind: incident.EscalationEntered, Actor: incident.Sitrep, Data: incident.Payload(called)}},
				Queue: []escalation.Message{{ // it was to be tried again in a minute
					ID: "01", Incident: inc.ID, Stream: "s", Sink: "pagerduty:primary", Operation: escalation.OpTrigger, Level: "L1", Round: 1, DedupKey: "k",
					State: escalation.Pending, QueuedAt: before, NotBefore: before.Add(time.Minute), Attempts: 1, Payload: incident.Payload(escalation.Content{Page: escalation.PageCritical}),
				}},
				Looked: true, Next: before.Add(5 * time.Minute), Told: inc.Seq + 2,
				Health: []escalation.SinkHealth{{Sink: "pagerduty:primary", Refilled: before, Until: before.Add(time.Minute), Failures: 3, Broken: true}},
			}, nil
		}))
		w.after(2 * time.Second)
		ctx, end := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() {
			defer close(over)
			_ = w.engine("ana@bastion 2").Run(ctx)
		}()
		w.after(6 * time.Minute)
		require.NotEmpty(t, w.pages(), "the page that waited for a minute is not put off for an hour")
		require.Len(t, w.said(inc.ID, incident.ClockSetBack), 1)
		require.Contains(t, w.said(inc.ID, incident.ClockSetBack)[0], "set back by 59m58s or more: the clocks of L1 begin anew")
		w.after(16 * time.Minute)
		pages := w.pages()
		require.Equal(t, "15m2s L2 r1 critical", pages[len(pages)-1], fmt.Sprint(pages))
		end()
		<-over
	})
}
