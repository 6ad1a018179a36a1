package escalation_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
)

// lockable is a store that another program can lock: whoever writes waits for
// ten seconds in vain, as SQLite's busy timeout makes them.
type lockable struct {
	escalation.Leases
	mu     sync.Mutex
	locked bool
}

func (l *lockable) lock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.locked = true
}

func (l *lockable) Take(ctx context.Context, owner string, now time.Time, ttl time.Duration) (escalation.Lease, error) {
	l.mu.Lock()
	locked := l.locked
	l.mu.Unlock()
	if !locked {
		return l.Leases.Take(ctx, owner, now, ttl)
	}
	select {
	case <-ctx.Done():
		return escalation.Lease{}, ctx.Err()
	case <-time.After(10 * time.Second):
		return escalation.Lease{}, errLocked
	}
}

type lockedError struct{}

func (lockedError) Error() string { return "database is locked" }

var errLocked error = lockedError{}

// The holder of the lease dies and nobody can take it over: people are told at
// most a second after the lease has run out, and why, although the store takes ten
// to say so.
func TestADeadHolderIsNotShownOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, err := w.store.Take(t.Context(), "dead@bastion 1", time.Now(), 30*time.Second)
		require.NoError(t, err)
		leases := &lockable{Leases: w.store}
		var mu sync.Mutex
		var shown escalation.State
		state := func() escalation.State {
			mu.Lock()
			defer mu.Unlock()
			return shown
		}
		e := escalation.New(escalation.Config{
			Book: w.store, Leases: leases, Timeline: w.store, Install: "test0000", Owner: "ana@bastion 2",
			State: func(st escalation.State) {
				mu.Lock()
				defer mu.Unlock()
				shown = st
			},
		})
		ctx, end := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() {
			defer close(over)
			_ = e.Run(ctx)
		}()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, "dead@bastion 1", state().Holder)
		leases.lock()
		time.Sleep(19 * time.Second)
		synctest.Wait()
		require.Equal(t, "dead@bastion 1", state().Holder, "its lease lives for another second, whatever became of it")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Empty(t, state().Holder)
		require.Contains(t, state().Why, "locked")
		end()
		<-over
	})
}
