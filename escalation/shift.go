package escalation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

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
