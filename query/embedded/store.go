package embedded

import (
	"math"
	"sync"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
)

// store keeps series in memory. A commit is atomic for readers: they see a
// whole scrape or none of it.
type store struct {
	mu       sync.RWMutex
	byHash   map[uint64][]*series
	postings map[string]map[string][]*series // label name, value
	count    int
	limit    int    // of count; labels may have usualText of bytes for each
	text     int    // bytes of all labels
	refused  uint64 // samples of series that would have exceeded the limit
	rejected uint64 // samples that went back in time
}

func newStore(limit int) *store {
	return &store{byHash: map[uint64][]*series{}, postings: map[string]map[string][]*series{}, limit: limit}
}

// sample is one value to commit, for a series that is known (ref) or only named
// (labels). Exempt samples are taken even above the series limit: what the
// server says about itself must not vanish when it is full.
type sample struct {
	ref    *series
	labels labels.Labels
	t      int64
	v      float64
	h      *histogram.FloatHistogram // instead of v; the store's own from then on
	exempt bool
}

// committed says what became of a batch.
type committed struct{ added, refused, rejected int }

// commit appends a batch and fills in ref of every sample that was taken.
func (st *store) commit(batch []sample) committed {
	st.mu.Lock()
	defer st.mu.Unlock()
	var c committed
	for i := range batch {
		b := &batch[i]
		if b.ref != nil && b.ref.gone {
			if b.h == nil && value.IsStaleNaN(b.v) {
				continue // it has ended already
			}
			b.labels, b.ref = b.ref.labels, nil
		}
		if b.ref == nil {
			b.ref = st.find(b.labels)
		}
		if b.ref == nil {
			if (st.count >= st.limit || st.text+textOf(b.labels) > st.limit*usualText) && !b.exempt {
				c.refused++
				continue
			}
			b.ref = st.create(b.labels)
			c.added++
		}
		if !b.ref.add(b) {
			c.rejected++
		}
	}
	st.refused += uint64(c.refused)
	st.rejected += uint64(c.rejected)
	return c
}

// refuse counts samples that were not even offered.
func (st *store) refuse(n int) {
	st.mu.Lock()
	st.refused += uint64(n)
	st.mu.Unlock()
}

func (st *store) find(l labels.Labels) *series {
	for _, s := range st.byHash[l.Hash()] {
		if labels.Equal(s.labels, l) {
			return s
		}
	}
	return nil
}

func (st *store) create(l labels.Labels) *series {
	s := &series{labels: l}
	h := l.Hash()
	st.byHash[h] = append(st.byHash[h], s)
	st.count++
	st.text += textOf(l)
	l.Range(func(l labels.Label) {
		values := st.postings[l.Name]
		if values == nil {
			values = map[string][]*series{}
			st.postings[l.Name] = values
		}
		values[l.Value] = append(values[l.Value], s)
	})
	return s
}

// match returns the series that satisfy every matcher, in no order. The caller
// holds the lock.
func (st *store) match(ms []*labels.Matcher) []*series {
	var out []*series
	keep := func(candidates []*series) {
		for _, s := range candidates {
			if matches(s, ms) {
				out = append(out, s)
			}
		}
	}
	if least, ok := st.fewest(ms); ok {
		keep(least)
		return out
	}
	for _, candidates := range st.byHash {
		keep(candidates)
	}
	return out
}

// fewest is the shortest list of candidates that an equality matcher gives.
func (st *store) fewest(ms []*labels.Matcher) (least []*series, ok bool) {
	for _, m := range ms {
		if m.Type != labels.MatchEqual || m.Value == "" {
			continue
		}
		if l := st.postings[m.Name][m.Value]; !ok || len(l) < len(least) {
			least, ok = l, true
		}
	}
	return least, ok
}

func matches(s *series, ms []*labels.Matcher) bool {
	for _, m := range ms {
		if !m.Matches(s.labels.Get(m.Name)) {
			return false
		}
	}
	return true
}

// expire forgets samples (a chunk at a time) before t, and empty series.
func (st *store) expire(t int64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	touched := map[labels.Label]bool{}
	for h, list := range st.byHash {
		kept := list[:0]
		for _, s := range list {
			if s.drop(t) {
				kept = append(kept, s)
				continue
			}
			s.gone = true
			st.count--
			st.text -= textOf(s.labels)
			s.labels.Range(func(l labels.Label) { touched[l] = true })
		}
		clear(list[len(kept):])
		if st.byHash[h] = kept; len(kept) == 0 {
			delete(st.byHash, h)
		}
	}
	for l := range touched {
		st.sweep(l)
	}
}

// sweep takes series that are gone out of one posting list.
func (st *store) sweep(l labels.Label) {
	list := st.postings[l.Name][l.Value]
	kept := make([]*series, 0, len(list))
	for _, s := range list {
		if !s.gone {
			kept = append(kept, s)
		}
	}
	if len(kept) > 0 {
		st.postings[l.Name][l.Value] = kept
		return
	}
	delete(st.postings[l.Name], l.Value)
	if len(st.postings[l.Name]) == 0 {
		delete(st.postings, l.Name)
	}
}

// stats returns counts for the server's own metrics.
func (st *store) stats() (series, chunks int, bytes int64, refused, rejected uint64) {
	st.mu.RLock()
	defer st.mu.RUnlock()
	for _, list := range st.byHash {
		for _, s := range list {
			chunks += len(s.chunks)
			for _, c := range s.chunks {
				bytes += int64(len(c.data.Bytes()))
			}
		}
	}
	return st.count, chunks, bytes, st.refused, st.rejected
}

// stale is the value that ends a series: instant queries stop returning it at
// once instead of five minutes later.
func stale() float64 { return math.Float64frombits(value.StaleNaN) }
