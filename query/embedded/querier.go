package embedded

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// Querier makes the store a storage.Queryable, which is what the engine reads.
func (st *store) Querier(mint, maxt int64) (storage.Querier, error) {
	return &querier{st: st, mint: mint, maxt: maxt}, nil
}

type querier struct {
	st         *store
	mint, maxt int64
}

// Select takes its snapshot at once; it does not block writers while it is read.
func (q *querier) Select(_ context.Context, _ bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	mint, maxt := q.mint, q.maxt
	if hints != nil {
		mint, maxt = hints.Start, hints.End
	}
	set := &seriesSet{i: -1}
	q.st.mu.RLock()
	for _, s := range q.st.match(ms) {
		if chunks := s.view(mint, maxt); len(chunks) > 0 {
			set.all = append(set.all, &seriesView{labels: s.labels, chunks: chunks})
		}
	}
	q.st.mu.RUnlock()
	slices.SortFunc(set.all, func(a, b *seriesView) int { return labels.Compare(a.labels, b.labels) })
	return set
}

// overlapping calls f for every matching series with samples in the range,
// under the lock.
func (q *querier) overlapping(ms []*labels.Matcher, f func(*series)) {
	q.st.mu.RLock()
	defer q.st.mu.RUnlock()
	for _, s := range q.st.match(ms) {
		if n := len(s.chunks); n > 0 && s.chunks[0].min <= q.maxt && s.chunks[n-1].max >= q.mint {
			f(s)
		}
	}
}

func (q *querier) LabelValues(_ context.Context, name string, _ *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	seen := map[string]bool{}
	q.overlapping(ms, func(s *series) {
		if v := s.labels.Get(name); v != "" {
			seen[v] = true
		}
	})
	return sortedKeys(seen), nil, nil
}

func (q *querier) LabelNames(_ context.Context, _ *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	seen := map[string]bool{}
	q.overlapping(ms, func(s *series) {
		s.labels.Range(func(l labels.Label) { seen[l.Name] = true })
	})
	return sortedKeys(seen), nil, nil
}

func (q *querier) Close() error { return nil }

type seriesSet struct {
	all []*seriesView
	i   int
}

func (s *seriesSet) Next() bool                        { s.i++; return s.i < len(s.all) }
func (s *seriesSet) At() storage.Series                { return s.all[s.i] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

type seriesView struct {
	labels labels.Labels
	chunks []chunk
}

func (v *seriesView) Labels() labels.Labels { return v.labels }

func (v *seriesView) Iterator(reuse chunkenc.Iterator) chunkenc.Iterator {
	return iterator(v.chunks, reuse)
}

func sortedKeys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
