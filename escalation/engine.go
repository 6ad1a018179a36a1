package escalation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// Config is what an engine works with. Book, Leases, Timeline, Senders, Install
// and Owner are needed; the rest has defaults.
type Config struct {
	Book     Book
	Leases   Leases
	Timeline Follower
	Audit    Incidents         // what the ladder is held against once a minute; nil is no audit
	Senders  map[string]Sender // by kind of sink: "pagerduty", "slack"
	Missing  map[string]string // by kind of sink: what it would need to send everything; nothing is missing from the others

	Policy  Policy // of incidents that carry none
	Chat    Chat   // what chats get beside headlines and replies
	Notes   bool   // PagerDuty takes notes: OpNote can be sent
	Install string // tells this store from every other, in dedup keys
	Owner   string // of the lease: "ana@bastion 4711"
	Timing  Timing // the zero Timing is DefaultTiming

	Rand    func() float64             // jitter, 0 to 1; nil is math/rand
	NewID   func(now time.Time) string // ULIDs; nil is the library's
	State   func(State)                // told whenever it changes; must not block
	Problem func(error)                // told what failed and is tried again, one at a time; must not block
}

// State is how the ladder and its ways out stand, for people.
type State struct {
	Holder string // who runs the ladder; "" is nobody
	Why    string // nobody does although this engine would; "" if it can
	Mine   bool   // it is this engine
	Sinks  []SinkState
}

// SinkState is how one kind of sink stands: "ok", "waiting" (something could
// not be delivered yet), "down" (left alone for a while after failures), "no key"
// (it was given none, so something cannot be delivered at all).
// Until is when one that is down is asked again.
type SinkState struct {
	Name, State, Why string
	Until            time.Time
}

// The states of a sink.
const (
	SinkOK      = "ok"
	SinkWaiting = "waiting"
	SinkDown    = "down"
	SinkNoKey   = "no key"
)

// Engine turns due rungs into messages and offers the messages to their sinks.
// Any number of engines may run on one store: the lease lets one of them work.
// Run and Deliver are not to be called at the same time.
type Engine struct {
	Config
	planner planner

	mu    sync.Mutex
	sinks map[string]*sinkHealth // by sink; only while the lease is held
	shown State
}

// workers bounds the requests that are under way at once. Only pages, and what
// stands in for them, take the last places: a chat that hangs holds up no page.
const (
	workers      = 8
	pagesAlone   = 2
	afterTrouble = time.Second // a store that fails is asked again so much later
)

// takeEvery is how often an engine without the lease asks for it.
const takeEvery = time.Second

// New is an engine that does nothing yet.
func New(c Config) *Engine {
	if c.Timing == (Timing{}) {
		c.Timing = DefaultTiming()
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	if c.NewID == nil {
		c.NewID = func(now time.Time) string { return ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String() }
	}
	if c.State == nil {
		c.State = func(State) {}
	}
	if c.Problem == nil {
		c.Problem = func(error) {}
	}
	c.Problem = oneAtATime(c.Problem)
	return &Engine{Config: c, planner: planner{install: c.Install, today: c.Policy, timing: c.Timing, chat: c.Chat, newID: c.NewID}, sinks: map[string]*sinkHealth{}}
}

// oneAtATime is tell for several goroutines.
func oneAtATime(tell func(error)) func(error) {
	var mu sync.Mutex
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		tell(err)
	}
}

// Run takes the lease when it is free and works while it holds it, until ctx
// ends; it then lets requests finish for a moment and gives the lease back.
// Errors of the store are told as problems and tried again.
func (e *Engine) Run(ctx context.Context) error {
	var known time.Time // until when somebody else is known to run the ladder
	stay := e.Timing.Stay
	for ctx.Err() == nil {
		lease, err := e.take(ctx, known)
		wait := takeEvery
		var held *HeldError
		switch {
		case err == nil:
			if wait = e.hold(ctx, lease, stay); wait > 0 {
				stay = min(2*stay, longestStay)
			}
		case errors.As(err, &held):
			known, stay = held.Expires, e.Timing.Stay
			e.watch(ctx, held.Owner)
			wait = min(wait, time.Until(held.Expires)+time.Millisecond) // what a dead process left is taken when it runs out
		case ctx.Err() == nil:
			e.Problem(fmt.Errorf("take the ladder: %w", err))
			if !time.Now().Before(known) {
				e.publish(State{Why: err.Error()})
			}
		}
		pause(ctx, wait)
	}
	return ctx.Err()
}

// take asks for the lease. A store that is slow to answer hides nothing: when
// the lease that was known of has run out, nobody runs the ladder, whatever the
// answer will be.
func (e *Engine) take(ctx context.Context, known time.Time) (Lease, error) {
	now := time.Now()
	late := time.AfterFunc(max(known.Sub(now), takeEvery), func() {
		e.publish(State{Why: "the store does not answer: another program may hold it locked"})
	})
	defer late.Stop()
	return e.Leases.Take(ctx, e.Owner, now, e.Timing.LeaseTTL)
}

// Deliver takes the lease, decides and sends what is due until nothing is left
// that could go within patience, and gives the lease back. The error is a
// *HeldError if another process runs the ladder: that one sends.
func (e *Engine) Deliver(ctx context.Context, patience time.Duration) error {
	for until := time.Now().Add(patience); ; {
		lease, err := e.Leases.Take(ctx, e.Owner, time.Now(), e.Timing.LeaseTTL)
		if err != nil {
			return err
		}
		lost := e.deliver(ctx, lease, until)
		if err := ctx.Err(); err != nil || !lost || !time.Now().Before(until) {
			return err
		}
	}
}

// deliver works under one lease until nothing is left to do, or says that it
// lost the lease.
func (e *Engine) deliver(ctx context.Context, lease Lease, until time.Time) (lost bool) {
	s := e.newShift(ctx, lease)
	defer s.end()
	for {
		next := s.turn()
		idle := !s.busy() && (next.IsZero() || next.After(until))
		if lost = s.lost(); lost || idle || ctx.Err() != nil || !time.Now().Before(until) {
			return lost
		}
		s.rest(next, until)
	}
}

// hold works under a lease until ctx ends or the lease is lost, and says how long
// the next one is left to others: they may reach a sink where this engine reached
// none for as long as stay.
func (e *Engine) hold(ctx context.Context, lease Lease, stay time.Duration) (aside time.Duration) {
	s := e.newShift(ctx, lease)
	s.stay = stay
	defer s.end()
	s.group.Go(s.audits) // whoever only delivers has not the time
	for !s.lost() && ctx.Err() == nil {
		s.rest(s.turn(), time.Now().Add(e.Timing.Audit))
	}
	if s.resigned {
		return standAside
	}
	return 0
}

// publish tells the state if it has changed.
func (e *Engine) publish(st State) {
	e.mu.Lock()
	same := st.Holder == e.shown.Holder && st.Why == e.shown.Why && st.Mine == e.shown.Mine && slices.Equal(st.Sinks, e.shown.Sinks)
	e.shown = st
	e.mu.Unlock()
	if !same {
		e.State(st)
	}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// pause is a sleep that ends early, and false, with ctx.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
