package embedded

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// target is one endpoint under scrape. busy is held during a scrape, and guards
// everything but status.
type target struct {
	url    string
	labels labels.Labels // job, instance and what the configuration adds

	busy    sync.Mutex
	cache   map[string]*cached // by the series as the endpoint writes it
	turn    uint64
	reports []sample // up and its like, so that their series are found once

	status atomic.Pointer[targetStatus]
}

// cached is a series of the target and the turn in which it was last seen.
type cached struct {
	series *series
	turn   uint64
}

// targetStatus is what /api/v1/targets tells.
type targetStatus struct {
	at       time.Time
	duration time.Duration
	up       bool
	err      string
}

func newTarget(t Target) *target {
	b := labels.NewBuilder(labels.EmptyLabels())
	for name, v := range t.Labels {
		b.Set(name, v)
	}
	b.Set(model.JobLabel, t.Job)
	b.Set(model.InstanceLabel, t.Instance)
	return &target{url: t.URL, labels: b.Labels(), cache: map[string]*cached{}}
}

// SetTargets replaces the list. A target that stays keeps its state; the series
// of one that leaves end (staleness markers) with the next scrape.
func (s *Server) SetTargets(list []Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.targets
	s.targets = make([]*target, 0, len(list))
	for _, want := range list {
		t := newTarget(want)
		for i, have := range old {
			if have != nil && have.url == t.url && labels.Equal(have.labels, t.labels) {
				t, old[i] = have, nil
				break
			}
		}
		s.targets = append(s.targets, t)
	}
	for _, have := range old {
		if have != nil {
			s.leaving = append(s.leaving, have)
		}
	}
}

// active is the list of targets now; the slice is the caller's.
func (s *Server) active() []*target {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*target(nil), s.targets...)
}

// endLeaving ends the series of targets that left. One whose last scrape is
// still under way is kept for the next turn.
func (s *Server) endLeaving(t int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var later []*target
	for _, l := range s.leaving {
		if !l.busy.TryLock() {
			later = append(later, l)
			continue
		}
		l.turn++
		batch := l.ended(nil, t)
		for _, r := range l.reports {
			batch = append(batch, sample{ref: r.ref, labels: r.labels, t: t, v: stale(), exempt: true})
		}
		s.store.commit(batch)
		l.busy.Unlock()
	}
	s.leaving = later
}

// ended appends a staleness marker for every series that this turn has not
// seen, and forgets it.
func (t *target) ended(batch []sample, at int64) []sample {
	for raw, c := range t.cache {
		if c.turn == t.turn {
			continue
		}
		if c.series != nil {
			batch = append(batch, sample{ref: c.series, labels: c.series.labels, t: at, v: stale()})
		}
		delete(t.cache, raw)
	}
	return batch
}
