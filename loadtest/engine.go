package loadtest

import (
	"context"
	"fmt"
	"math"
	"net"
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

// Run executes the plan and returns what it found. The error is about the plan
// alone: one that is wrong, or whose targets are refused (ErrRefused); then
// nothing was sent. A target that fails in any way is a Result.
//
// Progress, if not nil, is called from one goroutine at most ten times a
// second, and once more at the end; when it is slow, snapshots are left out and
// the load goes on. Cancelling ctx stops the arrivals at once and cuts off what
// is still in flight after half a second; the verdict is then Aborted and the
// result holds what was measured until then.
func Run(ctx context.Context, plan Plan, progress func(Progress)) (Result, error) {
	if bad := plan.validate(); bad != nil {
		return Result{}, fmt.Errorf("plan %s: %s: %s", plan.Name, bad.path, bad.message)
	}
	plan = plan.withDefaults()
	ends, endOf, err := plan.resolve(ctx, net.DefaultResolver)
	if err != nil {
		return Result{}, err
	}
	e := newEngine(plan, ends, endOf, dialTCP)
	board := newBoard()
	go board.run(progress)
	defer board.close()
	return e.run(ctx, board.post), nil
}

// engine deals tickets, one for each arrival, to workers that each carry one
// request at a time. There is no dispatcher: a free worker takes the next
// ticket, sleeps until it is due and sends.
type engine struct {
	plan     Plan
	schedule Schedule
	ends     []endpoint
	requests []*request
	round    []int // which request arrival n is: round[n mod len]
	dial     dialFunc

	start   time.Time
	tickets atomic.Int64
	turns   chan struct{} // held by workers that wait for their arrival to be due
	stop    chan struct{} // closed: no more arrivals
	pool    pool
	shards  [shardCount]shard
	sent    atomic.Int64
	samples firstSamples
}

func newEngine(plan Plan, ends []endpoint, endOf []int, dial dialFunc) *engine {
	e := &engine{plan: plan, schedule: NewSchedule(plan.Stages), ends: ends, round: deal(plan.Targets), dial: dial}
	for i, t := range plan.Targets {
		e.requests = append(e.requests, newRequest(t, endOf[i]))
	}
	// Enough workers wait at a time that the next look-ahead of arrivals finds
	// one each, and no more: those behind stay free for a change of mind.
	ahead := int(math.Ceil(plan.PeakRate()*lookAhead.Seconds())) + 2
	e.turns = make(chan struct{}, min(ahead, plan.Connections))
	e.stop = make(chan struct{})
	e.pool.limit, e.pool.spare = plan.Connections, cap(e.turns)
	return e
}

// run is the loop of a run: it opens the pool, drains the shards ten times a
// second and ends when the last worker has.
func (e *engine) run(ctx context.Context, post func(Progress)) Result {
	dialing, hangUp := context.WithCancel(context.Background())
	defer hangUp()
	began := time.Now()
	begin, done := make(chan struct{}), make(chan struct{})
	e.pool.open(func(w *worker) { w.run(dialing, begin) }, e.newWorker)
	stopWarming := context.AfterFunc(ctx, hangUp)
	e.pool.warming.Wait()
	warmed := stopWarming()
	e.start = time.Now()
	close(begin)
	go func() { e.pool.running.Wait(); close(done) }()

	rec := newRecorder(e.plan, e.schedule)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	cancelled, cutAt := ctx.Done(), (<-chan time.Time)(nil)
	aborted := time.Duration(-1)
	for {
		select {
		case <-ticker.C:
			now := time.Since(e.start)
			e.drain(rec)
			rec.advance(now)
			post(e.progress(rec, now))
		case <-cancelled:
			aborted, cancelled = time.Since(e.start), nil
			if !warmed {
				aborted = 0
			}
			close(e.stop)
			cutAt = time.After(grace)
		case <-cutAt:
			hangUp()
			e.pool.cut()
		case <-done:
			e.drain(rec)
			rec.finish()
			result := e.result(rec, began, aborted)
			post(e.progress(rec, time.Since(e.start)))
			return result
		}
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

func (e *engine) progress(rec *recorder, now time.Duration) Progress {
	p := rec.progress(now)
	sent := e.sent.Load()
	p.AchievedRate = rec.sendRate(now, sent)
	p.InFlight = int(e.pool.busy.Load())
	p.Connections = int(e.pool.size.Load())
	p.ErrorsByClass = e.samples.counts(rec.errors)
	return p
}

func (e *engine) result(rec *recorder, began time.Time, aborted time.Duration) Result {
	r := rec.result(aborted, e.pool.full.Load())
	r.Plan, r.StartedAt = e.plan.Name, began.UTC()
	r.ErrorsByClass = e.samples.counts(rec.errors)
	return r
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

func (f *firstSamples) counts(n map[Class]int64) map[Class]ErrorCount {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make(map[Class]ErrorCount, len(n))
	for c, count := range n {
		out[c] = ErrorCount{Count: count, Sample: f.text[c]}
	}
	return out
}
