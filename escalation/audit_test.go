package escalation_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store/storetest"
)

// forgetful is a store whose marks of what is due are lost.
type forgetful struct{ *storetest.Memory }

func (f forgetful) Due(ctx context.Context, l escalation.Lease, now time.Time) ([]incident.ID, time.Time, error) {
	ids, _, err := f.Memory.Due(ctx, l, now.Add(-1000*time.Hour)) // news it sees, clocks it does not
	return ids, time.Time{}, err
}

// What the loop forgets the audit does, within two looks, and the timeline says
// that it had to.
func TestTheAuditDoesWhatWasForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.engine("ana@bastion 1").Config
		c.Book = forgetful{w.store}
		ctx, end := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() {
			defer close(over)
			_ = escalation.New(c).Run(ctx)
		}()
		inc := w.declare(incident.Sev1)
		w.after(5 * time.Minute)
		require.Equal(t, []string{"0s L1 r1 critical"}, w.pages())
		w.after(7 * time.Minute)
		require.Len(t, w.pages(), 2, "the second round was due after 5m")
		require.Contains(t, w.said(inc.ID, incident.AuditFailed)[0], "L1 round 2 (unanswered) was due and had not been done; it is done now")
		end()
		<-over
	})
}

// An audit of a ladder that works says nothing.
func TestTheAuditOfAWorkingLadder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev1)
		w.after(12 * time.Hour)
		require.Empty(t, w.said(inc.ID, incident.AuditFailed))
		require.Empty(t, w.problems)
	})
}
