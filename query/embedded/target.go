package embedded

import (
	"cmp"
	"hash/fnv"
	"io"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
)

// Options is how a target is scraped. The zero value is what the server's Config
// says, and the endpoint's labels give way to the target's.
type Options struct {
	Interval, Timeout time.Duration
	HonorLabels       bool // the endpoint's labels win over the target's
	IgnoreTimestamps  bool // samples are stamped with the scrape's time, whatever the endpoint says
	SampleLimit       int  // a page with more samples after Relabel is a failed scrape; 0 = no limit
	MaxBody           int64
	Relabel           []*relabel.Config // metric_relabel_configs: what becomes of each series
	Client            *http.Client      // with the credentials of the target
}

// target is one endpoint under scrape. busy is held during a scrape, and guards
// everything but status and options; due belongs to the schedule.
type target struct {
	url     string
	labels  labels.Labels // job, instance and what the configuration adds
	phase   uint64        // spreads targets over their interval
	options atomic.Pointer[Options]
	due     time.Time

	busy    sync.Mutex
	cache   map[string]*cached // by the series as the endpoint writes it
	turn    uint64
	named   naming
	reports []sample // up and its like, so that their series are found once

	status atomic.Pointer[targetStatus]
}

// naming is what decides under which labels a page's series are stored.
type naming struct {
	honor bool
	rules []*relabel.Config
}

// rename ends every series of a target whose naming has changed since the last page.
func (t *target) rename(batch []sample, how Options, at int64) []sample {
	now := naming{how.HonorLabels, how.Relabel}
	if !reflect.DeepEqual(now, t.named) {
		t.named = now
		t.turn++
		batch = t.ended(batch, at-1)
		t.turn++
	}
	return batch
}

// cached is a series of the target and the turn in which it was last seen.
type cached struct {
	series  *series
	turn    uint64
	dropped bool // the target's rules want none of it
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
	if t.Job != "" {
		b.Set(model.JobLabel, t.Job)
	}
	if t.Instance != "" {
		b.Set(model.InstanceLabel, t.Instance)
	}
	out := &target{url: t.URL, labels: b.Labels(), cache: map[string]*cached{}}
	h := fnv.New64a()
	_, _ = io.WriteString(h, t.URL+out.labels.String()) // a hash takes everything
	out.phase = h.Sum64()
	out.options.Store(&t.Options)
	return out
}

// how is the target's options, with the server's where it has none.
func (s *Server) how(t *target) Options {
	o := *t.options.Load()
	if o.Interval > 0 && o.Timeout == 0 {
		o.Timeout = min(o.Interval*9/10, 10*time.Second)
	}
	o.Interval = min(cmp.Or(o.Interval, s.cfg.ScrapeInterval), longestPause)
	o.Timeout = min(cmp.Or(o.Timeout, s.cfg.ScrapeTimeout), o.Interval)
	o.MaxBody = min(cmp.Or(o.MaxBody, s.cfg.MaxBody), mostBody)
	if o.Client == nil {
		o.Client = s.cfg.Client
	}
	return o
}

// SetTargets replaces the list. A target that stays keeps its state; the series
// of one that leaves end (staleness markers) with the next scrape. How a target is
// scraped may change while it stays.
func (s *Server) SetTargets(list []Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.targets
	s.targets = make([]*target, 0, len(list))
	for _, want := range list {
		t := newTarget(want)
		for i, have := range old {
			if have != nil && have.url == t.url && labels.Equal(have.labels, t.labels) {
				have.options.Store(t.options.Load())
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
	select {
	case s.changed <- struct{}{}:
	default: // a wake is waiting already, and carries nothing
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
