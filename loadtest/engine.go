package loadtest

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	tick       = 100 * time.Millisecond // of the progress
	grace      = 500 * time.Millisecond // for requests in flight when a run is cancelled
	lookAhead  = 2 * time.Millisecond   // of arrivals that connections already wait for
	shardCount = 8
)

// engine deals tickets, one for each arrival, to workers that each carry one
// request at a time. There is no dispatcher: a free worker takes the next
// ticket, sleeps until it is due and sends.
type engine struct {
	plan  Plan
	table atomic.Pointer[timetable]
	kit
	round []int // which flow arrival n is: round[n mod len]
	means Means
	most  float64 // the cap: requests a second

	start   time.Time
	tickets atomic.Int64
	turns   chan struct{} // held by workers that wait for their arrival to be due
	stop    chan struct{} // closed: no more arrivals
	pool    pool
	shards  [shardCount]shard
	sent    atomic.Int64
	samples firstSamples
}

// timetable is the schedule until it changes, which closes changed.
type timetable struct {
	Schedule
	changed chan struct{}
}

func newEngine(plan Plan, k kit) *engine {
	e := &engine{plan: plan, kit: k, round: deal(plan.weights()), most: plan.rateCap(k.ends)}
	e.table.Store(&timetable{NewSchedule(plan.Stages), make(chan struct{})})
	// Enough workers wait at a time that the next look-ahead of arrivals finds
	// one each, and no more: those behind stay free for a change of mind.
	ahead := int(math.Ceil(plan.PeakRate()*lookAhead.Seconds())) + 2
	e.turns = make(chan struct{}, min(ahead, plan.Connections))
	e.stop = make(chan struct{})
	e.pool.limit, e.pool.spare = plan.Connections, cap(e.turns)
	if plan.Closed {
		e.pool.spare = plan.Connections // every user has a worker
	}
	return e
}

// run is the loop of a run: it opens the pool, drains the shards ten times a
// second and ends when the last worker has.
func (e *engine) run(ctx context.Context, post func(Progress)) Result {
	dialing, hangUp := context.WithCancel(context.Background())
	defer e.pool.guards.Wait()
	defer hangUp()
	begin, done := make(chan struct{}), make(chan struct{})
	e.pool.open(func(w *worker) { w.run(dialing, begin) }, e.newWorker)
	stopWarming := context.AfterFunc(ctx, hangUp)
	e.pool.warming.Wait()
	warmed := stopWarming()
	e.start = time.Now()
	close(begin)
	go func() { e.pool.running.Wait(); close(done) }()

	rec := newRecorder(e.plan, e.table.Load().Schedule)
	rec.keep, rec.sampleOf = e.means.Keep, e.samples.of
	trips := e.guard(dialing)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	cancelled, cutAt := ctx.Done(), (<-chan time.Time)(nil)
	aborted := time.Duration(-1)
	halt := func(why string, patience time.Duration) {
		if aborted < 0 {
			aborted, rec.tripped = time.Since(e.start), why
			close(e.stop)
			cutAt = time.After(patience)
		}
	}
	for {
		select {
		case <-ticker.C:
			now := time.Since(e.start)
			e.drain(rec)
			rec.atTick(now, e.mark())
			rec.advance(now)
			if why := rec.broken(); why != "" {
				halt(why, grace)
			}
			post(e.progress(rec, now))
		case why := <-trips:
			halt(why, grace)
		case f := <-e.means.Factors:
			e.rescale(rec, f)
		case <-cancelled:
			cancelled = nil
			halt("", max(e.means.Drain, grace))
			if !warmed {
				aborted = 0
			}
		case <-e.means.Cut:
			e.means.Cut = nil
			halt("", 0)
			hangUp()
			e.pool.cut()
		case <-cutAt:
			hangUp()
			e.pool.cut()
		case <-done:
			e.drain(rec)
			rec.atTick(time.Since(e.start), e.mark())
			rec.finish()
			result := e.result(rec, aborted)
			post(e.progress(rec, time.Since(e.start)))
			return result
		}
	}
}

// guard starts the guards; each tells once why the run must end. They end with ctx.
func (e *engine) guard(ctx context.Context) <-chan string {
	trips := make(chan string, len(e.plan.Guards))
	for _, g := range e.plan.Guards {
		e.pool.guards.Go(func() { g.watch(ctx, e.means.Prober, trips) })
	}
	return trips
}

// The bounds of what the rate may be changed to while a run goes on.
const (
	leastScale = 0.05
	mostScale  = 20
)

// rescale changes the rate from now on, within bounds: of the plan's, and of the cap.
func (e *engine) rescale(rec *recorder, factor float64) {
	if e.plan.Closed || !(factor > 0) {
		return
	}
	now, old := time.Since(e.start), e.table.Load()
	if peak := old.Peak(now); peak > 0 {
		factor = min(factor, e.most/peak)
	}
	factor = min(max(factor, leastScale/rec.scale), mostScale/rec.scale)
	if now >= old.Length() || factor == 1 {
		return
	}
	rec.scale *= factor
	rec.changes = append(rec.changes, RateChange{now.Seconds(), rec.scale})
	rec.schedule = old.Scale(now, factor)
	rec.first = rec.schedule.Count(e.plan.Warmup)
	e.table.Store(&timetable{rec.schedule, make(chan struct{})})
	close(old.changed)
}

func (e *engine) stopped() bool {
	select {
	case <-e.stop:
		return true
	default:
		return false
	}
}

// drain moves what the workers have recorded to the recorder.
func (e *engine) drain(rec *recorder) {
	for i := range e.shards {
		for _, s := range e.shards[i].take() {
			rec.record(s)
		}
	}
}

// mark is what has been done until now.
func (e *engine) mark() mark {
	return mark{e.sent.Load(), int(e.pool.busy.Load()), int(e.pool.size.Load())}
}

func (e *engine) progress(rec *recorder, now time.Duration) Progress {
	p := rec.progress(now)
	sent := e.sent.Load()
	p.AchievedRate = rec.sendRate(now, sent)
	p.Scale, p.Closed = rec.scale, e.plan.Closed
	p.InFlight = int(e.pool.busy.Load())
	p.Connections = int(e.pool.size.Load())
	p.ErrorsByClass = e.samples.counts(rec.errors)
	return p
}

func (e *engine) result(rec *recorder, aborted time.Duration) Result {
	r := rec.result(aborted, e.pool.full.Load())
	r.Plan, r.StartedAt = e.plan.Name, e.start.UTC()
	r.ErrorsByClass = e.samples.counts(rec.errors)
	r.Kind, r.Model, r.Changes = e.plan.Kind, "open", rec.changes
	if e.plan.Closed {
		r.Model = "closed"
	}
	r.Notes = e.notes(rec)
	return r
}

// notes are what a reader of the result has to know.
func (e *engine) notes(rec *recorder) (all []string) {
	if e.plan.Closed {
		all = append(all, "closed: latencies are those users saw. Whoever waits for a slow answer sends nothing meanwhile, so percentiles leave out those who would have come (coordinated omission); no rate can be concluded from them")
	}
	if e.plan.HTTP.TLS.Insecure && e.web != nil {
		all = append(all, "tls: insecure: no certificate was verified; anybody could have answered")
	}
	if n := len(rec.changes); n > 0 {
		all = append(all, fmt.Sprintf("the rate was changed %d times by hand, at last to %.0f %% of the plan's: this is not the plan's load", n, 100*rec.scale))
	}
	return all
}

// shard takes the samples of some of the workers between two drains.
type shard struct {
	mu    sync.Mutex
	buf   []sample
	spare []sample
	_     [64]byte // keeps neighbours' locks off one cache line
}

func (s *shard) add(x sample) {
	s.mu.Lock()
	s.buf = append(s.buf, x)
	s.mu.Unlock()
}

// take returns what was added since the last take; it is valid until the next.
func (s *shard) take() []sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := s.buf
	s.buf, s.spare = s.spare[:0], full
	return full
}

// firstSamples keeps one example of each class of errors.
type firstSamples struct {
	mu   sync.Mutex
	text map[Class]string
}

// note keeps text() if it is the first of its class.
func (f *firstSamples) note(c Class, text func() string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, have := f.text[c]; have {
		return
	}
	if f.text == nil {
		f.text = map[Class]string{}
	}
	f.text[c] = text()
}

// of is the example of a class.
func (f *firstSamples) of(c Class) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text[c]
}

func (f *firstSamples) counts(n map[Class]int64) map[Class]ErrorCount {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make(map[Class]ErrorCount, len(n))
	for c, count := range n {
		out[c] = ErrorCount{Count: count, Sample: f.text[c]}
	}
	return out
}
