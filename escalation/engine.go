package escalation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sitrep-dev/sitrep/incident"
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

// shift is the time of one lease.
type shift struct {
	*Engine
	ctx  context.Context // ends with the lease, or with the engine
	stop context.CancelFunc
	send context.Context // of requests: ends a moment later
	cut  context.CancelFunc

	group  sync.WaitGroup
	wake   chan struct{} // one place: something may be due
	leased sync.Mutex
	lease  Lease

	flight sync.Mutex
	flying map[string]bool      // streams with a request under way
	later  map[string]time.Time // messages that claim sent back, and until when
	around map[string]string    // messages that were taken another way, and which sinks failed then; the loop's own
	cursor int64
	gone   bool

	began    time.Time
	stay     time.Duration // see hopeless
	resigned bool          // only the goroutine that turns
}

func (e *Engine) newShift(ctx context.Context, lease Lease) *shift {
	s := &shift{Engine: e, lease: lease, wake: make(chan struct{}, 1), flying: map[string]bool{}, later: map[string]time.Time{}, around: map[string]string{}, began: time.Now()}
	s.ctx, s.stop = context.WithCancel(ctx)
	s.send, s.cut = context.WithCancel(context.WithoutCancel(ctx))
	known, err := e.Book.Health(ctx)
	if err != nil && ctx.Err() == nil {
		e.Problem(fmt.Errorf("read how the sinks were doing: %w", err)) // and begin anew: a page must go
	}
	e.remember(known, time.Now())
	s.group.Go(s.renew)
	return s
}

// lastWords is how long requests may finish after the engine was told to end.
const lastWords = 2 * time.Second

// end waits for what is under way and gives the lease back.
func (s *shift) end() {
	s.stop()
	timer := time.AfterFunc(lastWords, s.cut)
	s.group.Wait()
	timer.Stop()
	s.cut()
	free, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), lastWords)
	defer cancel()
	if err := s.Leases.Release(free, s.present()); err != nil {
		s.Problem(fmt.Errorf("give the ladder back: %w", err))
	}
	if !s.resigned { // nobody runs it for a moment, and that is no news
		s.publish(State{})
	}
}

func (s *shift) present() Lease {
	s.leased.Lock()
	defer s.leased.Unlock()
	return s.lease
}

// renew keeps the lease. What cannot be renewed in time is lost.
func (s *shift) renew() {
	for pause(s.ctx, s.Timing.LeaseRenew) {
		now := time.Now()
		renewed, err := s.Leases.Renew(s.ctx, s.present(), now, s.Timing.LeaseTTL)
		switch {
		case err == nil:
			s.leased.Lock()
			s.lease = renewed
			s.leased.Unlock()
		case errors.Is(err, ErrLeaseLost) || !s.present().Live(now):
			s.lose()
			return
		case s.ctx.Err() == nil:
			s.Problem(fmt.Errorf("keep the ladder: %w", err))
		}
	}
}

func (s *shift) lose() {
	s.flight.Lock()
	s.gone = true
	s.flight.Unlock()
	s.stop()
}

func (s *shift) lost() bool {
	s.flight.Lock()
	defer s.flight.Unlock()
	return s.gone
}

// busy says whether a request is under way, or has ended since the last rest:
// what it held up is to be looked at.
func (s *shift) busy() bool {
	s.flight.Lock()
	defer s.flight.Unlock()
	return len(s.flying) > 0 || len(s.wake) > 0
}

// rest waits until next, or until something happens, at most until the limit.
func (s *shift) rest(next, limit time.Time) {
	if next.IsZero() || next.After(limit) {
		next = limit
	}
	ctx, cancel := context.WithDeadline(s.ctx, next)
	defer cancel()
	news, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		if s.Timeline.Wait(ctx, s.cursor) == nil { // an error is the end of ctx, or shows again in turn
			close(news)
		}
	}()
	select {
	case <-s.wake:
	case <-news:
	case <-ctx.Done():
	}
	cancel()
	<-over
}

// turn looks at every incident that may need something, starts what can be
// sent, and says when to look again; zero is not before something happens. With
// a store that fails it takes its time.
func (s *shift) turn() (next time.Time) {
	var err error
	if s.cursor, err = s.Timeline.Last(s.ctx); err == nil {
		next, err = s.decide()
	}
	var send time.Time
	if err == nil {
		send, err = s.dispatch()
	}
	switch {
	case errors.Is(err, ErrLeaseLost):
		s.lose()
	case err != nil && s.ctx.Err() == nil:
		s.Problem(err)
		pause(s.ctx, afterTrouble) // here, and not in rest: without the store it cannot tell what is news
		return time.Now()
	}
	return earlier(next, send)
}

// mostPasses bounds the steps of one incident in one turn: the ladder asks for
// one thing at a time.
const mostPasses = 5

// decide plans every incident that is due.
func (s *shift) decide() (next time.Time, err error) {
	ids, next, err := s.Book.Due(s.ctx, s.present(), time.Now())
	if err != nil {
		return next, err
	}
	for _, id := range ids {
		at, err := s.planOne(id)
		if errors.Is(err, ErrLeaseLost) || s.ctx.Err() != nil {
			return next, err
		}
		if err != nil { // one damaged incident is no reason to forget the others
			s.Problem(fmt.Errorf("the ladder of %s: %w", id, err))
			at = time.Now().Add(afterTrouble)
		}
		next = earlier(next, at)
	}
	return next, nil
}

func (s *shift) planOne(id incident.ID) (next time.Time, err error) {
	for range mostPasses {
		now := time.Now()
		err = s.Book.Turn(s.ctx, s.present(), now, id, func(c Case) (d Decision, _ error) {
			d, next = s.planner.plan(c, s.present(), now)
			return d, nil
		})
		if err != nil || next.IsZero() || next.After(now) {
			return next, err
		}
	}
	return next, nil
}

// dispatch starts a request for every stream whose head may go.
func (s *shift) dispatch() (next time.Time, err error) {
	heads, err := s.Book.Heads(s.ctx)
	if err != nil {
		return next, err
	}
	now := time.Now()
	ranks := make(map[string]int, len(heads)) // worked out once: it is read from the payload, and there may be thousands
	for _, m := range heads {
		ranks[m.ID] = m.priority()
	}
	slices.SortStableFunc(heads, func(a, b Message) int {
		return cmp.Or(cmp.Compare(ranks[a.ID], ranks[b.ID]), cmp.Compare(a.Seq, b.Seq))
	})
	s.show(heads)
	s.forget(heads)
	if s.hopeless(heads, now) {
		return now, s.resign(heads, now)
	}
	for _, m := range heads {
		at, failing := s.mayGo(m, ranks[m.ID], now)
		if failing != "" {
			err := s.another(m, failing)
			if errors.Is(err, ErrLeaseLost) {
				return next, err
			}
			if err != nil {
				s.Problem(fmt.Errorf("divert %s to %s: %w", m.Operation, m.Sink, err))
				next = earlier(next, now.Add(afterTrouble))
			}
		}
		if at.After(now) {
			next = earlier(next, at)
			continue
		}
		s.launch(m)
	}
	return next, nil
}

// forget drops what claim said about messages that are no heads any more.
func (s *shift) forget(heads []Message) {
	s.flight.Lock()
	defer s.flight.Unlock()
	known := make(map[string]bool, len(heads))
	for _, m := range heads {
		known[m.ID] = true
	}
	maps.DeleteFunc(s.later, func(id string, _ time.Time) bool { return !known[id] })
	maps.DeleteFunc(s.around, func(id, _ string) bool { return !known[id] })
}

// mayGo is when a message may be tried: not after now means now, and takes up
// what the sink allows. Failing, if not empty, is why the sink is left alone
// meanwhile.
func (s *shift) mayGo(m Message, rank int, now time.Time) (at time.Time, failing string) {
	whenWoken := now.Add(time.Minute) // the end of a request wakes us
	s.flight.Lock()
	wait, places, flying := s.later[m.ID], workers-len(s.flying), s.flying[m.Stream]
	s.flight.Unlock()
	if rank > 0 {
		places -= pagesAlone
	}
	if flying {
		return whenWoken, ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.health(m.Sink)
	times := []time.Time{m.NotBefore, wait, s.planner.lostAt(m)}
	for _, bucket := range paced(m) {
		times = append(times, s.health(bucket).notBefore(now))
	}
	for _, t := range times {
		at = latest(at, s.Timing.notLonger(t, now)) // each by itself: one that a clock set back explains takes nothing from the others
	}
	if h.open(now) {
		failing = h.Why
	}
	switch {
	case at.After(now):
	case places <= 0 || h.probing:
		at = whenWoken
	default:
		for _, bucket := range paced(m) {
			s.health(bucket).spend(now)
		}
	}
	return at, failing
}

// launch takes one message through an attempt.
func (s *shift) launch(m Message) {
	s.flight.Lock()
	s.flying[m.Stream] = true
	s.flight.Unlock()
	s.group.Go(func() {
		if err := s.attempt(m); errors.Is(err, ErrLeaseLost) {
			s.lose()
		} else if err != nil && s.ctx.Err() == nil {
			s.Problem(fmt.Errorf("%s to %s: %w", m.Operation, m.Sink, err))
		}
		s.flight.Lock()
		defer s.flight.Unlock()
		delete(s.flying, m.Stream)
		select {
		case s.wake <- struct{}{}:
		default: // one is on its way already
		}
	})
}

// errHeldUp is why a message stays here whose last look has grown old: a process
// may be stopped at any instruction, and what stood then need not stand now.
var errHeldUp = errors.New("this process was held up between the last look and the wire, so nothing was sent")

// attempt is the last look, the wire, and what came of it.
func (s *shift) attempt(head Message) error {
	now := time.Now()
	var m Message
	var wait time.Time
	var inc incident.Incident
	ok := false
	err := s.Book.Turn(s.ctx, s.present(), now, head.Incident, func(c Case) (d Decision, _ error) {
		inc = c.Incident
		if wait = s.alone(head); !wait.IsZero() { // it has asked for that since this message was let go
			return d, nil
		}
		if d, m, wait, ok = s.planner.claim(c, head.ID, s.present(), now); ok {
			d.Health = s.noted(m) // before the wire: who takes over must know of this request
		}
		return d, nil
	})
	if err != nil || !ok {
		if err != nil {
			wait = time.Now().Add(afterTrouble)
		}
		s.refund(head)
		s.flight.Lock()
		s.later[head.ID] = wait
		s.flight.Unlock()
		return err
	}
	outcome := Outcome{Class: NotSent, Err: errHeldUp}
	onTime := time.Now().Round(0).Sub(now.Round(0)) <= s.Timing.grace() // by the wall clock: the other one sleeps with the machine
	if onTime {
		outcome = s.wire(m, inc)
	}
	jitter := s.Rand()
	over := time.Now()
	if onTime && m.Operation != OpNote { // notes go another way than pages, and must not hold them up
		s.learn(m, outcome, over)
	} else { // it says nothing of the sink
		s.refund(m)
	}
	err = s.record(m.Incident, func(c Case) (Decision, error) {
		d := s.planner.settle(c, m, outcome, jitter, over)
		d.Health = s.noted(m)
		return d, nil
	})
	if err == nil && m.isCall() && outcome.Class == Dead {
		err = s.divert(m, outcome.Err.Error())
	}
	return err
}

// record writes what came of an attempt, after the end of the engine too. While
// the store fails it tries again, until the attempt counts as lost.
func (s *shift) record(id incident.ID, settle func(Case) (Decision, error)) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), s.Timing.Attempt)
	defer cancel()
	for {
		err := s.Book.Turn(ctx, s.present(), time.Now(), id, settle)
		if err == nil || errors.Is(err, ErrLeaseLost) || s.send.Err() != nil || !pause(ctx, afterTrouble) {
			return err
		}
	}
}

// another takes what waits for a sink that fails another way, if there is one: a
// page the policy's, words for a chat a note that they are not there. It looks anew
// when other sinks fail than the last time.
func (s *shift) another(m Message, why string) error {
	calls := m.isCall()
	if !calls && !(s.Notes && m.wantsChat()) {
		return nil
	}
	mark := strings.Join(slices.Sorted(maps.Keys(s.broken())), " ")
	if s.around[m.ID] == mark {
		return nil
	}
	var err error
	if calls {
		err = s.divert(m, why)
	} else {
		now := time.Now()
		err = s.Book.Turn(s.ctx, s.present(), now, m.Incident, func(c Case) (Decision, error) { return s.planner.tellOfOutage(c, m.ID, now), nil })
	}
	if err == nil {
		s.around[m.ID] = mark
	}
	return err
}

// divert takes a page another way, given its message or one that stands in for it.
func (s *shift) divert(m Message, why string) error {
	now, broken := time.Now(), s.broken()
	return s.Book.Turn(s.ctx, s.present(), now, m.Incident, func(c Case) (Decision, error) {
		return s.planner.divert(c, m.ID, why, broken, now), nil
	})
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
