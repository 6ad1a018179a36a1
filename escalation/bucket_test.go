package escalation

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// However much is asked of a sink, no minute holds more than it allows.
func TestNoMinuteAboveTheLimit(t *testing.T) {
	for sink, limit := range map[string]int{"pagerduty:primary": 120, "slack:#incidents": 63} {
		e := New(Config{})
		h := e.health(sink)
		now := time.Unix(0, 0)
		var sent []time.Time
		for end := now.Add(10 * time.Minute); now.Before(end); {
			if at := h.notBefore(now); at.After(now) {
				now = at
				continue
			}
			h.spend(now)
			sent = append(sent, now)
		}
		for i, from := range sent {
			within := 0
			for _, at := range sent[i:] {
				if at.Sub(from) < time.Minute {
					within++
				}
			}
			require.LessOrEqual(t, within, limit, sink)
		}
		require.Greater(t, len(sent), 590, "%s: and it is not left idle", sink)
	}
}

// Requests that were under way end after the sink has asked for patience: neither
// their failures nor a shorter wait take back what it asked for.
func TestNothingShortensAThrottling(t *testing.T) {
	e := New(Config{})
	now := time.Unix(1000, 0)
	asked := now.Add(2 * time.Minute)
	m := Message{Sink: "pagerduty:primary", Operation: OpTrigger}
	e.learn(m, Outcome{Class: Throttled, After: 2 * time.Minute}, now)
	e.learn(m, Outcome{Class: Throttled, After: time.Second}, now)
	for range failuresInARow {
		e.learn(m, Outcome{Err: errors.New("no answer in time")}, now)
	}
	e.learn(m, Outcome{Class: Done}, now)
	require.Equal(t, asked, e.health(m.Sink).notBefore(now))
}
