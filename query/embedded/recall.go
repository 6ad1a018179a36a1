package embedded

import (
	"context"
	"fmt"
	"time"
)

// What is scraped in a server's place outlives the process that did it: another one on
// the same store fills the same gap.

// Stretch is what was scraped in the server's place from one time to another.
type Stretch struct {
	Gap      time.Time // the server's last answer before
	From, To time.Time
	Bodies   [][]byte // capsules
}

// Scraped is what was scraped after from and up to to, while the server did not answer
// or its windows filled; without Bodies if nothing was.
func (s *Standby) Scraped(from, to time.Time) (Stretch, error) {
	st := Stretch{To: to}
	s.mu.Lock()
	for _, o := range s.outages {
		if o.gap.from.IsZero() || o.known(from, to) == 0 {
			continue
		}
		if st.Gap.IsZero() {
			st.Gap = o.gap.from
		}
		for _, d := range o.direct {
			if d.overlap(from, to) > 0 && (st.From.IsZero() || d.from.Before(st.From)) {
				st.From = d.from
			}
		}
	}
	s.mu.Unlock()
	if st.From.IsZero() {
		return Stretch{}, nil
	}
	if st.From.Before(from) {
		st.From = from
	}
	list, err := s.server.Capsules(st.From, to)
	for _, c := range list {
		st.Bodies = append(st.Bodies, c.Body)
	}
	return st, err
}

// StandsIn says since when something is scraped here in the server's place; zero if
// nothing is now.
func (s *Standby) StandsIn() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.outages)
	if n == 0 || !s.health.down && !s.closing || len(s.outages[n-1].direct) == 0 {
		return time.Time{}
	}
	return s.outages[n-1].direct[0].from
}

// recall takes up what other processes have scraped, once and before anything is
// scraped here: time only goes forward in a series.
func (s *Standby) recall(ctx context.Context, now time.Time) {
	if s.cfg.Recall == nil {
		return
	}
	list, err := s.cfg.Recall(ctx)
	s.cfg.Recall = nil
	if err != nil {
		s.cfg.Problem(fmt.Sprintf("what was scraped before in place of Prometheus cannot be read: %v", err))
		return
	}
	oldest := now.Add(-s.server.cfg.Retention)
	for _, st := range list {
		if st.To.Before(oldest) || st.To.After(now.Add(mostAhead)) || !st.From.Before(st.To) || st.Gap.After(st.To) || st.Gap.Before(oldest.Add(-s.server.cfg.Retention)) {
			continue
		}
		if !s.takeUp(st) {
			s.cfg.Problem(fmt.Sprintf("what was scraped in place of Prometheus from %s to %s UTC is damaged: its gap stays", st.From.UTC().Format(time.TimeOnly), st.To.UTC().Format(time.TimeOnly)))
		}
	}
}

// takeUp takes a stretch in; false if a part of it is damaged.
func (s *Standby) takeUp(st Stretch) bool {
	for _, b := range st.Bodies {
		if _, _, err := s.server.load(b); err != nil {
			return false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() {
		s.began = st.From
	}
	n := len(s.outages)
	if n == 0 || !s.outages[n-1].gap.from.Equal(st.Gap) {
		s.outages = append(s.outages[max(0, n-15):], outage{gap: span{from: st.Gap}, recalled: true})
		n = len(s.outages)
	}
	o := &s.outages[n-1]
	if k := len(o.direct); k > 0 && !o.direct[k-1].to.Before(st.From) {
		o.direct[k-1].to = st.To
	} else {
		o.direct = append(o.direct, span{st.From, st.To})
	}
	return true
}

// compare learns of what another process has scraped which of it the server lacks.
func (s *Standby) compare(ctx context.Context, now time.Time) {
	s.mu.Lock()
	window := 2 * s.interval()
	var open []outage
	for _, o := range s.outages {
		if o.recalled {
			open = append(open, o)
		}
	}
	s.mu.Unlock()
	for _, o := range open {
		until := o.direct[len(o.direct)-1].to.Add(4 * window)
		if until.After(now) {
			until = now
		}
		gap, missing, known := s.gapSince(ctx, o.gap.from, until, window)
		if !known {
			return // the next probe asks again
		}
		s.mu.Lock()
		for i := range s.outages {
			if p := &s.outages[i]; p.recalled && p.gap.from.Equal(o.gap.from) {
				p.recalled = missing && gap.to.IsZero() // the server has just come back
				if p.gap = gap; !missing {
					p.gap = span{}
				}
			}
		}
		s.mu.Unlock()
	}
}

// longestBreak is how long ago another process may have ended, so that the outage which
// it stood in for is taken for the one that goes on.
const longestBreak = 10 * time.Minute

// leap is how much more than a turn of Run takes may pass between two of them: beyond
// it this machine was suspended, or its clock was set.
const leap = time.Minute

// wake notes a hole in what is recorded where this machine was asleep.
func (s *Standby) wake(now time.Time) {
	now = now.Round(0) // the other clock stands still meanwhile
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.turned
	s.turned = now
	if before.IsZero() || now.Sub(before).Abs() < leap {
		return
	}
	s.since = now
	if n := len(s.outages); n > 0 {
		s.outages[n-1].shut(before)
	}
}
