package loadtest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Who follows a run by what is kept of it sees what whoever does it sees, whatever part of it
// comes with each look, and how often.
func TestAFollowerSeesTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := planOf(20, 30*time.Second)
		head := plan.Head("LT-1", time.Now())
		v := &virtual{service: func(_ time.Duration, n int64) time.Duration { return time.Duration(1+n%40) * time.Millisecond }}
		var seconds []Second
		var rows []Row
		f := NewFollower(head)
		var fresh []Second
		v.means.Keep = func(s Second, more []Row) {
			seconds, rows = append(seconds, s), append(rows, more...)
			if s.Second%3 == 0 { // twice, and with what was there before
				for range 2 {
					now, err := f.Take(seconds, rows)
					require.NoError(t, err)
					fresh = append(fresh, now...)
				}
				p := f.Progress(time.Now())
				require.Equal(t, s.Second+1, f.Next())
				require.InDelta(t, 20, p.RequestedRate, 1)
				require.InDelta(t, (30*time.Second - p.Elapsed).Seconds(), p.Remaining.Seconds(), 0.001)
			}
		}
		r := v.runShown(t, t.Context(), plan, func(Progress) {})
		now, err := f.Take(seconds, rows)
		require.NoError(t, err)
		fresh = append(fresh, now...)
		require.Len(t, fresh, len(seconds))
		p := f.Progress(time.Now())
		require.Equal(t, r.Requests, p.Requests)
		require.Equal(t, r.Errors, p.Errors)
		require.Equal(t, r.Latency, p.Latency)
		require.Equal(t, r.Lag, p.Lag)
		require.Equal(t, 1, p.Stages)

		rows[0].Response = []byte("no histogram")
		_, err = NewFollower(head).Take(seconds, rows)
		require.ErrorContains(t, err, "second 0")
	})
}
