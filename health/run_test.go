package health

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// looked is a probe that takes so long, and fails at every other look.
type looked struct {
	takes time.Duration
	at    []time.Time
}

func (p *looked) look(ctx context.Context) (float64, error) {
	p.at = append(p.at, time.Now())
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case <-time.After(p.takes):
	}
	if len(p.at)%2 == 0 {
		return 1, errors.New("odd")
	}
	return 1, nil
}

func TestEachCheckHasItsInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		often, seldom, stuck := &looked{takes: time.Second}, &looked{}, &looked{takes: time.Hour}
		r := NewRunner([]Check{
			{Name: "often", Type: HTTP, Every: 10 * time.Second, Timeout: 5 * time.Second, probe: often},
			{Name: "seldom", Type: HTTP, Every: time.Minute, Timeout: 5 * time.Second, probe: seldom},
			{Name: "stuck", Type: HTTP, Every: 10 * time.Second, Timeout: 5 * time.Second, probe: stuck},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(62 * time.Second)
		synctest.Wait()
		for i, status := range []Status{Unhealthy, Unhealthy, Unhealthy} {
			require.Equal(t, status, r.Results()[i].Status, i)
		}
		require.Len(t, often.at, 6, "the time that a look takes is not added to nothing")
		require.Len(t, seldom.at, 2)
		require.Equal(t, "no answer within 5s", r.Results()[2].Reason)
		s := r.standings()
		require.Equal(t, [2]uint64{1, 1}, [2]uint64{s[1].good, s[1].bad})
		require.Equal(t, [2]uint64{0, 4}, [2]uint64{s[2].good, s[2].bad}, "a look that is torn away is none")
		cancel()
		require.NoError(t, <-done)
	})
}

func TestWhatIsTornAwayChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRunner([]Check{{Name: "stuck", Type: HTTP, Every: 10 * time.Second, Timeout: 5 * time.Second, probe: &looked{takes: time.Hour}}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(3 * time.Second)
		cancel()
		require.NoError(t, <-done)
		require.Equal(t, Unknown, r.Results()[0].Status)
		require.True(t, r.Results()[0].At.IsZero())
	})
}
