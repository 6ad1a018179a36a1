package escalation_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// stuck is a sender that listens to nobody.
type stuck struct{ release chan struct{} }

func (s stuck) Send(context.Context, escalation.Message, incident.Incident) escalation.Outcome {
	<-s.release
	return escalation.Outcome{}
}

// A sender that never comes back holds up neither its page, which is offered
// again, nor the end of the process.
func TestASenderThatNeverComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		inc := w.declare(incident.Sev1)
		e := w.engine("ana@bastion 1")
		hangs := stuck{make(chan struct{})}
		defer close(hangs.release)
		e.Senders["pagerduty"] = hangs
		ctx, end := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() {
			defer close(over)
			_ = e.Run(ctx)
		}()
		w.after(11500 * time.Millisecond)
		page := w.firstPage(inc.ID)
		require.Equal(t, escalation.Ambiguous, page.State)
		require.Equal(t, "pagerduty:primary: its sender did not come back when its time was over: it may have been accepted", page.Error)
		w.after(time.Minute)
		require.Greater(t, w.firstPage(inc.ID).Attempts, 1, "it is offered again")
		asked := time.Now()
		end()
		<-over
		require.LessOrEqual(t, time.Since(asked), 5*time.Second)
	})
}

func (w *world) firstPage(id incident.ID) escalation.Message {
	w.t.Helper()
	all, err := w.store.Messages(w.t.Context(), id)
	require.NoError(w.t, err)
	for _, m := range all {
		if m.Operation == escalation.OpTrigger {
			return m
		}
	}
	w.t.Fatal("no page was queued")
	return escalation.Message{}
}
