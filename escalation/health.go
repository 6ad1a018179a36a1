package escalation

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"
)

// SinkHealth is how a sink has been doing: how much may be asked of it, and
// whether it is to be left alone. It is stored with every attempt, so that
// whoever takes the ladder over asks no faster than the dead one would have.
type SinkHealth struct {
	Sink     string
	Tokens   float64   // requests that it would take at once, at Refilled
	Refilled time.Time // zero before the first request
	Until    time.Time // left alone until then: throttled, or failing
	Failures int       // in a row
	Broken   bool      // failures, not throttling, are why it is left alone; and then why it is probed
	Why      string    // of the last failure
}

// sinkHealth is that of a sink which the holder of the lease asks.
type sinkHealth struct {
	SinkHealth
	rate, burst float64   // tokens a second, and at most
	probing     bool      // the one request that finds out whether it works again is under way
	carries     bool      // the last page that went there was taken, and nothing failed since
	asked       time.Time // until when it asked to be left alone
	failed      time.Time // the last failure that was ours; what another holder saw may have been anything
}

// failuresInARow open the breaker. After its time one request goes alone: its
// failure opens the breaker again, its success lets the others go.
const failuresInARow = 3

// updates is the bucket of chat.update, which Slack counts for the workspace and
// not for a channel: about 50 a minute, so 5 at once and 45 a minute. It is kept
// as a sink is. Source: Slack, Rate limits, tier 3.
const updates = "slack:chat.update" // no channel has a name with a dot

// paced is the buckets that an attempt at m takes from: the sink's own, and after it
// the one that it shares with others.
func paced(m Message) []string {
	if m.Operation == OpUpdate && m.Kind() == "slack" {
		return []string{m.Sink, updates}
	}
	return []string{m.Sink}
}

// health is the sink's; the caller holds the mutex.
func (e *Engine) health(sink string) *sinkHealth {
	h, ok := e.sinks[sink]
	if !ok {
		h = &sinkHealth{SinkHealth: SinkHealth{Sink: sink}}
		h.rate, h.burst = pace(sinkKind(sink))
		if sink == updates {
			h.rate, h.burst = 45.0/60, 5
		}
		e.sinks[sink] = h
	}
	return h
}

// pace is how many requests a second a sink takes, and how many at once.
// PagerDuty takes about 120 events in any minute for a key, so 20 at once and
// 100 a minute; Slack a message a second in a channel; Statuspage a request a
// second. Of the others nobody knows. Sources: PagerDuty, Events API v2 rate
// limiting; Slack, Rate limits; Atlassian, Statuspage API.
func pace(kind string) (rate, burst float64) {
	switch kind {
	case "pagerduty":
		return 100.0 / 60, 20
	case "slack":
		return 1, 3
	case "statuspage":
		return 1, 1
	}
	return 2, 10
}

// remember takes over what is stored of the sinks. A time that only a clock
// which has gone back explains is not waited for.
func (e *Engine) remember(stored []SinkHealth, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sinks = map[string]*sinkHealth{}
	for _, known := range stored {
		h := e.health(known.Sink)
		h.SinkHealth = known
		longest := longestThrottle
		if h.Broken {
			longest = e.Timing.BreakerOpen // a sink that fails is never left alone for longer
		}
		if until := now.Add(longest); h.Until.After(until) {
			h.Until = until
		}
		if !h.Broken {
			h.asked = h.Until
		}
	}
}

// noted is how the sink of m does, for the store.
func (e *Engine) noted(m Message) (list []SinkHealth) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, bucket := range paced(m) {
		list = append(list, e.health(bucket).SinkHealth)
	}
	return list
}

// notBefore is when the sink may be asked next.
func (h *sinkHealth) notBefore(now time.Time) time.Time {
	if h.Until.After(now) {
		return h.Until
	}
	if h.refill(now); h.Tokens >= 1 {
		return now
	}
	return now.Add(time.Duration(math.Ceil((1 - h.Tokens) / h.rate * float64(time.Second))))
}

func (h *sinkHealth) refill(now time.Time) {
	if h.Refilled.IsZero() {
		h.Tokens = h.burst
	} else {
		h.Tokens = min(h.burst, h.Tokens+h.rate*max(0, now.Sub(h.Refilled).Seconds()))
	}
	h.Refilled = now
}

func (h *sinkHealth) spend(now time.Time) {
	h.refill(now)
	h.Tokens--
	h.probing = h.Broken
}

// refund takes back a spend that no request came of.
func (e *Engine) refund(m Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, bucket := range paced(m) {
		h := e.health(bucket)
		h.Tokens++
		h.probing = false
	}
}

// alone is until when the sink of m is to be left alone; zero if it may be asked.
func (e *Engine) alone(m Message) (until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	for _, bucket := range paced(m) {
		if at := e.Timing.notLonger(e.health(bucket).Until, now); at.After(now) { // as mayGo sees it, or the two would send a message to and fro
			until = latest(until, at)
		}
	}
	return until
}

// open says whether the sink is left alone because it fails.
func (h SinkHealth) open(now time.Time) bool { return h.Broken && h.Until.After(now) }

// broken is the sinks that fail, also while one request finds out whether they still
// do, and why.
func (e *Engine) broken() map[string]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := map[string]string{}
	for sink, h := range e.sinks {
		if h.Broken {
			all[sink] = h.Why
		}
	}
	return all
}

// learn takes the outcome of an attempt in. A refusal is no failure of the
// sink: it answered.
func (e *Engine) learn(m Message, o Outcome, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.health(m.Sink)
	h.probing = false
	h.carried(m, o)
	if buckets := paced(m); o.Class == Throttled { // Slack's 429 is about the method
		h = e.health(buckets[len(buckets)-1])
	}
	switch o.Class {
	case Done, Dead:
		e.reached(m.Kind(), now)
		if h.Broken {
			h.Until = h.asked // a throttled sink stays alone: another request was accepted just before
		}
		h.Failures, h.Broken, h.Why = 0, false, ""
	case Throttled:
		until := latest(now.Add(o.After), h.asked)
		if !h.Broken {
			until = latest(until, h.Until) // of two answers to requests that were under way the later time counts
		}
		h.Until, h.Broken, h.Why, h.asked = until, false, "asked to slow down", until
	case NotSent, Unsure:
		h.Failures++
		h.Why = o.Err.Error()
		if h.asked.After(now) {
			return // it is left alone because it asked for that, and whoever takes over must know
		}
		if h.Failures >= failuresInARow {
			h.Until, h.Broken, h.failed = now.Add(e.Timing.BreakerOpen), true, now
		}
	}
}

// reached lets the other keys and channels of a service be tried at once when it has
// answered one: they failed because it could not be reached. The caller holds the
// mutex.
func (e *Engine) reached(kind string, now time.Time) {
	if kind != "pagerduty" && kind != "slack" {
		return // each webhook and command is a service of its own
	}
	for _, h := range e.sinks {
		if sinkKind(h.Sink) == kind {
			if now.Sub(h.failed) >= betweenTries {
				h.tryNow()
			}
		}
	}
}

// betweenTries keeps what works from having what does not asked all the time.
const betweenTries = 5 * time.Second

// tryNow ends the time that a failing sink is left alone, unless it asked for that.
func (h *sinkHealth) tryNow() {
	if h.Broken && !h.failed.IsZero() {
		h.Until = h.asked
	}
}

// show publishes how the sinks stand, given the first open message of every
// stream.
func (s *shift) show(heads []Message) {
	s.mu.Lock()
	known := make([]SinkHealth, 0, len(s.sinks))
	for _, h := range s.sinks {
		known = append(known, h.SinkHealth)
	}
	s.mu.Unlock()
	s.publish(State{Holder: s.Owner, Mine: true, Sinks: s.states(known, heads, time.Now())})
}

// states is how the kinds of sink stand, for people: PagerDuty and Slack, and
// whatever else the policy names or was asked.
func (e *Engine) states(known []SinkHealth, heads []Message, now time.Time) []SinkState {
	slices.SortFunc(known, func(a, b SinkHealth) int { return cmp.Compare(a.Sink, b.Sink) }) // the first of two that are down gives the reason, and keeps giving it
	var list []SinkState
	for _, kind := range e.kinds(known) {
		st := SinkState{Name: kind, State: SinkOK}
		if why, missing := e.Missing[kind]; missing {
			st.State, st.Why = SinkNoKey, why
		}
		for _, h := range known {
			if st.State == SinkOK && sinkKind(h.Sink) == kind && h.open(now) {
				st.State, st.Why, st.Until = SinkDown, h.Why, h.Until
			}
		}
		for _, m := range heads {
			if m.Kind() == kind && m.Error != "" && m.Operation != OpNote && st.State == SinkOK {
				st.State, st.Why = SinkWaiting, m.Error
			}
		}
		list = append(list, st)
	}
	return list
}

// kinds is the kinds of sink that people are told of, the two usual ones first.
func (e *Engine) kinds(known []SinkHealth) []string {
	var others []string
	for _, sink := range e.Policy.Sinks() {
		others = append(others, sinkKind(sink))
	}
	for _, h := range known {
		others = append(others, sinkKind(h.Sink))
	}
	slices.Sort(others)
	usual := []string{"pagerduty", "slack"}
	return append(usual, slices.DeleteFunc(slices.Compact(others), func(k string) bool { return slices.Contains(usual, k) })...)
}

// watch tells how things stand while another process holds the ladder, from what
// that one has stored.
func (e *Engine) watch(ctx context.Context, holder string) {
	known, err := e.Book.Health(ctx)
	var heads []Message
	if err == nil {
		heads, err = e.Book.Heads(ctx)
	}
	if err != nil {
		e.publish(State{Holder: holder})
		return
	}
	e.publish(State{Holder: holder, Sinks: e.states(known, heads, time.Now())})
}
