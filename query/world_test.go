package query_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"sort"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/sitrep-dev/sitrep/query"
)

// world is a server whose samples become visible some time after their own time,
// asked by the real PromQL engine.
type world struct {
	engine *promql.Engine
	series []*lateSeries

	mu   sync.Mutex
	now  time.Time
	fail func() error // what a query meets instead of an answer
	said []string     // warnings of every answer

	asked, points int // queries and points of answers
}

// lateSeries is one series; seen[i] is when samples[i] becomes visible, in order.
type lateSeries struct {
	labels  labels.Labels
	samples []chunks.Sample
	seen    []int64
}

// worldWords are what is asked of a world.
var worldWords = []string{
	`load`, `rate(requests_total[1m])`, `irate(requests_total[2m])`, `sum by (code) (rate(requests_total[90s]))`,
	`topk(2, load)`, `absent(load{pod="p1"})`, `max_over_time(load[3m:20s])`, `requests_total offset 2m`,
	`load{pod="p0"} or load{pod="p2"}`, `deriv(load[2m])`, `time() - timestamp(load)`, `increase(requests_total[1m]) / 0`,
	`took`, `sum(rate(took[1m]))`, `sum by (pod) (increase(took[2m]))`, `took or load`, `histogram_quantile(0.9, sum(rate(took[1m])))`,
}

// newWorld is hours of samples around start, of pods that come, go, restart and
// fall silent, each late by less than lag.
func newWorld(seed uint64, start time.Time, hours int, lag time.Duration) *world {
	r := rand.New(rand.NewPCG(seed, 7))
	w := &world{now: start, fail: func() error { return nil }}
	w.engine = promql.NewEngine(promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: 5_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{}),
		NoStepSubqueryIntervalFn: func(int64) int64 { return 15_000 },
	})
	from := start.Add(-2 * time.Hour).UnixMilli()
	until := start.Add(time.Duration(hours) * time.Hour).UnixMilli()
	for pod := range 5 {
		interval := int64([]int{10_000, 15_000, 30_000}[r.IntN(3)])
		phase := r.Int64N(interval)
		begin, end := from, until
		if pod >= 2 { // churn
			begin += r.Int64N(until - from)
			end = begin + r.Int64N(until-begin)
		}
		pick := func(name, code string) *lateSeries {
			l := labels.FromStrings("__name__", name, "pod", fmt.Sprintf("p%d", pod), "job", "shop")
			if code != "" {
				l = labels.FromStrings("__name__", name, "pod", fmt.Sprintf("p%d", pod), "job", "shop", "code", code)
			}
			s := &lateSeries{labels: l}
			w.series = append(w.series, s)
			return s
		}
		load, took, ok, bad := pick("load", ""), pick("took", ""), pick("requests_total", "200"), pick("requests_total", "500")
		good, wrong, seen, outage := 0.0, 0.0, int64(0), int64(0)
		native := newNative()
		for t := begin + phase; t < end; t += interval {
			if r.IntN(400) == 0 {
				outage = t + r.Int64N(20*60_000)
			}
			late := t + r.Int64N(max(1, lag.Milliseconds()))
			seen = max(seen, late)
			if t < outage {
				if t+interval >= outage || r.IntN(20) == 0 { // a failed scrape ends the series
					for _, s := range []*lateSeries{load, took, ok, bad} {
						s.add(t, math.Float64frombits(value.StaleNaN), seen)
					}
				}
				continue
			}
			if r.IntN(300) == 0 {
				good, wrong = 0, 0 // a restart
				native = newNative()
			}
			good, wrong = good+float64(r.IntN(50)), wrong+float64(r.IntN(3))
			v := 10*math.Sin(float64(t)/3e5) + r.Float64()
			if r.IntN(80) == 0 {
				v = []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1)}[r.IntN(5)]
			}
			for range r.IntN(10) {
				native.PositiveBuckets[r.IntN(len(native.PositiveBuckets))]++
				native.Count++
				native.Sum += 0.25
			}
			took.samples, took.seen = append(took.samples, nativeSample{t, native.Copy()}), append(took.seen, seen)
			load.add(t, v, seen)
			ok.add(t, good, seen)
			bad.add(t, wrong, seen)
		}
	}
	return w
}

func (s *lateSeries) add(t int64, v float64, seen int64) {
	s.samples, s.seen = append(s.samples, floatSample{t, v}), append(s.seen, seen)
}

// clock is the server's time, and everybody's.
func (w *world) clock() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }

func (w *world) pass(d time.Duration) { w.mu.Lock(); w.now = w.now.Add(d); w.mu.Unlock() }

// Range is the server, failing now and then.
func (w *world) Range(ctx context.Context, expr string, g query.Grid) (query.Frame, error) {
	w.mu.Lock()
	err, said := w.fail(), w.said
	w.mu.Unlock()
	if err != nil {
		return query.Frame{}, err
	}
	f, err := w.truth(ctx, expr, g)
	f.Warnings = said
	w.mu.Lock()
	w.asked++
	for _, s := range f.Series {
		w.points += len(s.Values)
	}
	w.mu.Unlock()
	return f, err
}

// truth is what a full query answers at this moment.
func (w *world) truth(ctx context.Context, expr string, g query.Grid) (query.Frame, error) {
	q, err := w.engine.NewRangeQuery(ctx, &worldView{w, w.clock().UnixMilli()}, promql.NewPrometheusQueryOpts(false, 0, nil), expr, g.Start, g.End(), g.Step)
	if err != nil {
		return query.Frame{}, err
	}
	defer q.Close()
	matrix, err := q.Exec(ctx).Matrix()
	if err != nil {
		return query.Frame{}, err
	}
	f := query.Frame{Grid: g}
	sort.Sort(matrix)
	for _, m := range matrix {
		s := query.Series{Labels: query.Labels(m.Metric.Map()), Values: make([]float64, g.N)}
		s.Legend, s.Expr = s.Labels.String(), expr
		for i := range s.Values {
			s.Values[i] = query.Absent()
		}
		for _, p := range m.Floats {
			s.Values[g.Index(time.UnixMilli(p.T))] = p.F
		}
		for _, p := range m.Histograms {
			if s.Histograms == nil {
				s.Histograms = make([]*query.Histogram, g.N)
			}
			s.Histograms[g.Index(time.UnixMilli(p.T))] = worldHistogram(p.H)
		}
		f.Series = append(f.Series, s)
	}
	return f, nil
}

// newNative is a native histogram without observations, in ten buckets.
func newNative() *histogram.FloatHistogram {
	return &histogram.FloatHistogram{Schema: 1, PositiveSpans: []histogram.Span{{Offset: -3, Length: 10}}, PositiveBuckets: make([]float64, 10)}
}

func worldHistogram(h *histogram.FloatHistogram) *query.Histogram {
	out := &query.Histogram{Count: h.Count, Sum: h.Sum}
	for it := h.AllBucketIterator(); it.Next(); {
		if b := it.At(); b.Count != 0 {
			out.Buckets = append(out.Buckets, query.Bucket{Lower: b.Lower, Upper: b.Upper, Count: b.Count})
		}
	}
	return out
}

// worldView is what is visible at a moment.
type worldView struct {
	w   *world
	now int64
}

func (v *worldView) Querier(mint, maxt int64) (storage.Querier, error) {
	return &worldQuerier{v, mint, maxt}, nil
}

type worldQuerier struct {
	v          *worldView
	mint, maxt int64
}

func (q *worldQuerier) Select(_ context.Context, _ bool, _ *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	var set worldSet
	for _, s := range q.v.w.series {
		match := true
		for _, m := range ms {
			match = match && m.Matches(s.labels.Get(m.Name))
		}
		visible := sort.Search(len(s.seen), func(i int) bool { return s.seen[i] > q.v.now })
		from := sort.Search(visible, func(i int) bool { return s.samples[i].T() >= q.mint })
		to := sort.Search(visible, func(i int) bool { return s.samples[i].T() > q.maxt })
		if match && from < to {
			set.all = append(set.all, storage.NewListSeries(s.labels, s.samples[from:to]))
		}
	}
	sort.Slice(set.all, func(i, j int) bool { return labels.Compare(set.all[i].Labels(), set.all[j].Labels()) < 0 })
	return &set
}

func (q *worldQuerier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.New("not asked for by a query")
}

func (q *worldQuerier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.New("not asked for by a query")
}

func (q *worldQuerier) Close() error { return nil }

type worldSet struct {
	all []storage.Series
	at  int
}

func (s *worldSet) Next() bool                        { s.at++; return s.at <= len(s.all) }
func (s *worldSet) At() storage.Series                { return s.all[s.at-1] }
func (s *worldSet) Err() error                        { return nil }
func (s *worldSet) Warnings() annotations.Annotations { return nil }

// floatSample is a chunks.Sample.
type floatSample struct {
	t int64
	v float64
}

func (s floatSample) T() int64                      { return s.t }
func (s floatSample) ST() int64                     { return 0 }
func (s floatSample) F() float64                    { return s.v }
func (s floatSample) H() *histogram.Histogram       { return nil }
func (s floatSample) FH() *histogram.FloatHistogram { return nil }
func (s floatSample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s floatSample) Copy() chunks.Sample           { return s }

// nativeSample is a chunks.Sample of a native histogram. It gives copies: the engine
// keeps what it reads in buffers, and writes the next query's points into them.
type nativeSample struct {
	t int64
	h *histogram.FloatHistogram
}

func (s nativeSample) T() int64                      { return s.t }
func (s nativeSample) ST() int64                     { return 0 }
func (s nativeSample) F() float64                    { return 0 }
func (s nativeSample) H() *histogram.Histogram       { return nil }
func (s nativeSample) FH() *histogram.FloatHistogram { return s.h.Copy() }
func (s nativeSample) Type() chunkenc.ValueType      { return chunkenc.ValFloatHistogram }
func (s nativeSample) Copy() chunks.Sample           { return nativeSample{s.t, s.h.Copy()} }
