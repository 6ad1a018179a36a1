package embedded

import (
	"context"
	"sync"
	"time"
)

// mostScrapes is how many targets are asked at once: a first look at a thousand of
// them must not look like an attack.
const mostScrapes = 64

// schedule visits every target at once and then after each of its intervals, until
// ctx ends. With Config.Spread the later visits are at the target's own phase of its
// interval, which is the same in every process.
func (s *Server) schedule(ctx context.Context, running *sync.WaitGroup) {
	house := time.Now()
	turned := house.Round(0)
	for _, t := range s.active() {
		t.due = time.Time{} // of an earlier Run
	}
	for ctx.Err() == nil {
		now := time.Now()
		if now.Round(0).Sub(turned).Abs() > leap+s.cfg.ScrapeInterval { // nothing was scraped meanwhile
			s.since.Store(0)
		}
		turned = now.Round(0)
		if !now.Before(house) {
			s.keepHouse(now)
			house = after(house, s.cfg.ScrapeInterval, now)
		}
		next := house
		for _, t := range s.active() {
			if t.due.IsZero() {
				t.due = now
			}
			if !now.Before(t.due) {
				s.visit(ctx, t, now, running)
				t.due = s.following(t, now)
			}
			if t.due.Before(next) {
				next = t.due
			}
		}
		timer := time.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
		case <-s.changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// following is when a target that was visited now is visited next.
func (s *Server) following(t *target, now time.Time) time.Time {
	interval := s.how(t).Interval
	if !s.cfg.Spread {
		return after(t.due, interval, now)
	}
	phase := int64(t.phase % uint64(interval))
	turn := (now.UnixNano() - phase) / int64(interval)
	return time.Unix(0, (turn+1)*int64(interval)+phase)
}

// after is the first of the moments at intervals from due that is later than now.
func after(due time.Time, interval time.Duration, now time.Time) time.Time {
	return due.Add(interval * (1 + now.Sub(due)/interval))
}

// keepHouse ends what has left, forgets what is too old, and writes the server's own
// metrics.
func (s *Server) keepHouse(now time.Time) {
	s.endLeaving(now.UnixMilli())
	s.store.expire(now.Add(-s.cfg.Retention).UnixMilli())
	s.reportSelf(now)
}

// visit scrapes a target beside the caller, unless it has not answered the last time
// yet.
func (s *Server) visit(ctx context.Context, t *target, now time.Time, running *sync.WaitGroup) {
	if !t.busy.TryLock() {
		return
	}
	running.Go(func() {
		defer t.busy.Unlock()
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
			s.scrape(ctx, t, now)
		case <-ctx.Done():
		}
	})
}
