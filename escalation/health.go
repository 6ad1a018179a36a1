package escalation

import (
	"maps"
	"math"
	"slices"
	"time"
)

// sinkHealth is what the present holder of the lease knows of a sink: how fast
// it may be asked, and whether it is to be left alone. It is lost with the
// lease; the messages' own times are not.
type sinkHealth struct {
	rate, burst float64   // tokens a second, and at most
	tokens      float64   // at refilled
	refilled    time.Time // zero before the first request
	until       time.Time // left alone until then: throttled, or failing
	failures    int       // in a row
	broken      bool      // failures, not throttling, are why it is left alone; and then why it is probed
	probing     bool      // the one request that finds out whether it works again is under way
	why         string    // of the last failure
}

// failuresInARow open the breaker. After its time one request goes alone: its
// failure opens the breaker again, its success lets the others go.
const failuresInARow = 3

// health is the sink's; the caller holds the mutex. Slack allows a message a
// second in a channel; PagerDuty about 120 events in any minute for a key, so 20
// at once and 100 a minute. Source: PagerDuty, Events API v2 rate limiting.
func (e *Engine) health(sink string) *sinkHealth {
	h, ok := e.sinks[sink]
	if !ok {
		h = &sinkHealth{rate: 100.0 / 60, burst: 20}
		if sinkKind(sink) == "slack" {
			h.rate, h.burst = 1, 3
		}
		e.sinks[sink] = h
	}
	return h
}

// notBefore is when the sink may be asked next.
func (h *sinkHealth) notBefore(now time.Time) time.Time {
	if h.until.After(now) {
		return h.until
	}
	if h.refill(now); h.tokens >= 1 {
		return now
	}
	return now.Add(time.Duration(math.Ceil((1 - h.tokens) / h.rate * float64(time.Second))))
}

func (h *sinkHealth) refill(now time.Time) {
	if h.refilled.IsZero() {
		h.tokens = h.burst
	} else {
		h.tokens = min(h.burst, h.tokens+h.rate*now.Sub(h.refilled).Seconds())
	}
	h.refilled = now
}

func (h *sinkHealth) spend(now time.Time) {
	h.refill(now)
	h.tokens--
	h.probing = h.broken
}

// refund takes back a spend that no request came of.
func (e *Engine) refund(sink string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.health(sink)
	h.tokens++
	h.probing = false
}

// open says whether the sink is left alone because it fails.
func (h *sinkHealth) open(now time.Time) bool { return h.broken && h.until.After(now) }

// learn takes the outcome of an attempt in. A refusal is no failure of the
// sink: it answered.
func (e *Engine) learn(m Message, o Outcome, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.health(m.Sink)
	h.probing = false
	switch o.Class {
	case Done, Dead:
		if h.broken {
			h.until = time.Time{} // a throttled sink stays alone: another request was accepted just before
		}
		h.failures, h.broken, h.why = 0, false, ""
	case Throttled:
		h.until, h.broken, h.why = now.Add(o.After), false, "asked to slow down"
	case NotSent, Unsure:
		h.failures++
		h.why = o.Err.Error()
		if h.failures >= failuresInARow {
			h.until, h.broken = now.Add(e.Timing.BreakerOpen), true
		}
	}
}

// show publishes how the sinks stand, given the first open message of every
// stream.
func (s *shift) show(heads []Message) {
	now := time.Now()
	var kinds []SinkState
	s.mu.Lock()
	sinks := slices.Sorted(maps.Keys(s.sinks)) // the first of two that are down gives the reason, and keeps giving it
	for _, name := range []string{"pagerduty", "slack"} {
		st := SinkState{Name: name, State: SinkOK}
		if why, missing := s.Missing[name]; missing {
			st.State, st.Why = SinkNoKey, why
		}
		for _, sink := range sinks {
			if h := s.sinks[sink]; st.State == SinkOK && sinkKind(sink) == name && h.open(now) {
				st.State, st.Why = SinkDown, h.why
			}
		}
		for _, m := range heads {
			if m.Kind() == name && m.Error != "" && st.State == SinkOK {
				st.State, st.Why = SinkWaiting, m.Error
			}
		}
		kinds = append(kinds, st)
	}
	s.mu.Unlock()
	s.publish(State{Holder: s.Owner, Mine: true, Sinks: kinds})
}
