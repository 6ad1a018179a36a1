package escalation_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store/storetest"
)

// slow takes its time with every turn of one incident, before it or after the commit.
type slow struct {
	*storetest.Memory
	id            incident.ID
	before, after time.Duration
}

func (s *slow) Turn(ctx context.Context, l escalation.Lease, now time.Time, id incident.ID, decide func(escalation.Case) (escalation.Decision, error)) error {
	if id != s.id {
		return s.Memory.Turn(ctx, l, now, id, decide)
	}
	time.Sleep(s.before)
	defer time.Sleep(s.after)
	return s.Memory.Turn(ctx, l, now, id, decide)
}

// Two pages are let go at once, and one waits for the store. When its turn has
// come, or its claim is committed, the sink has asked for patience: it is left alone.
func TestAPageThatWaitedForTheStoreIsNotImpatient(t *testing.T) {
	t.Run("before the last look", func(t *testing.T) { waitedForTheStore(t, slow{before: time.Second}) })
	t.Run("after the commit", func(t *testing.T) { waitedForTheStore(t, slow{after: time.Second}) })
}

func waitedForTheStore(t *testing.T, book slow) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.answer(escalation.Outcome{Class: escalation.Throttled, After: time.Minute, Err: errors.New("429")})
		w.declare(incident.Sev1)
		second := w.declare(incident.Sev1)
		c := w.engine("ana@bastion 1").Config
		book.Memory, book.id = w.store, second.ID
		c.Book = &book
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() {
			defer close(over)
			_ = escalation.New(c).Run(ctx)
		}()
		w.after(58 * time.Second)
		require.Len(t, w.pd.calls(escalation.OpTrigger), 1)
		w.after(70 * time.Second)
		require.Len(t, w.pd.calls(escalation.OpTrigger), 3, "and asked when the time is over")
		cancel()
		<-over
	})
}

// A sink asks to be left alone while other requests to it are under way, of which
// some fail and then one is accepted: it is left alone as it asked.
func TestFailuresShortenNoPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.hang = 2 * time.Second
		w.pd.answer(escalation.Outcome{Class: escalation.Throttled, After: 20 * time.Second, Err: errors.New("429")})
		w.pd.answer(failing(escalation.NotSent, "connection reset", 3)...)
		defer w.run("ana@bastion 1")()
		for range 6 {
			w.declare(incident.Sev1)
		}
		w.after(5 * time.Second)
		w.declare(incident.Sev1)
		w.after(21 * time.Second)
		require.Len(t, w.pages(), 6)
		w.after(2 * time.Minute)
		require.Len(t, w.pages(), 11)
	})
}
