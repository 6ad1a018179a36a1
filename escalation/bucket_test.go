package escalation

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// However much is asked of a sink, no minute holds more than it allows.
func TestNoMinuteAboveTheLimit(t *testing.T) {
	for sink, c := range map[string]struct{ limit, least int }{"pagerduty:primary": {120, 590}, "slack:#incidents": {63, 590}, updates: {50, 440}} {
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
			require.LessOrEqual(t, within, c.limit, sink)
		}
		require.Greater(t, len(sent), c.least, "%s: and it is not left idle", sink)
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

// What Slack says about one of its methods is not about the channel; both buckets are
// stored with an attempt, and a request that was not made is given back to both.
func TestUpdatesArePacedAcrossChannels(t *testing.T) {
	e := New(Config{})
	now := time.Unix(1000, 0)
	update, post := Message{Sink: "slack:#a", Operation: OpUpdate}, Message{Sink: "slack:#a", Operation: OpPost}
	require.Len(t, e.noted(update), 2)
	require.Len(t, e.noted(post), 1)
	require.Equal(t, []string{"webhook:a"}, paced(Message{Sink: "webhook:a", Operation: OpUpdate}))
	e.learn(update, Outcome{Class: Throttled, After: time.Minute}, now)
	require.Equal(t, now, e.health("slack:#a").notBefore(now))
	require.Equal(t, now.Add(time.Minute), e.health(updates).notBefore(now))

	later := now.Add(time.Hour)
	e.health(updates).spend(later)
	e.health("slack:#a").spend(later)
	e.refund(update)
	require.InDelta(t, 5, e.health(updates).Tokens, 0.01)
	require.InDelta(t, 3, e.health("slack:#a").Tokens, 0.01)
}
