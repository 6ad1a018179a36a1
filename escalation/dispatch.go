package escalation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

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

// errAskedMeanwhile is why a message stays here although it was claimed: the answer
// to another request, which was under way, asked for patience while that was committed.
var errAskedMeanwhile = errors.New("its sink asked to be left alone just before the wire, so nothing was sent")

// heldBack is why a message that was claimed at a time may not go to the wire; nil if
// it may.
func (s *shift) heldBack(m Message, claimed time.Time) error {
	if time.Now().Round(0).Sub(claimed.Round(0)) > s.Timing.grace() { // by the wall clock: the other one sleeps with the machine
		return errHeldUp
	}
	if !s.alone(m).IsZero() {
		return errAskedMeanwhile
	}
	return nil
}

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
	outcome := Outcome{Class: NotSent, Err: s.heldBack(m, now)}
	sent := outcome.Err == nil
	if sent {
		outcome = s.wire(m, inc)
	}
	jitter := s.Rand()
	over := time.Now()
	if sent && m.Operation != OpNote { // notes go another way than pages, and must not hold them up
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
