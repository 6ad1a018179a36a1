package loadtest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// pool holds the workers. It grows when fewer than spare of them are idle, one
// for each that becomes busy, up to limit, and never shrinks.
type pool struct {
	limit, spare int
	start        func(*worker)
	make         func(id int) *worker

	warming sync.WaitGroup // the first workers, until they are connected
	running sync.WaitGroup
	mu      sync.Mutex
	workers []*worker
	isCut   bool
	size    atomic.Int64
	idle    atomic.Int64
	busy    atomic.Int64
	full    atomic.Bool // the limit was reached with nobody idle
}

// open starts the first workers.
func (p *pool) open(start func(*worker), make func(id int) *worker) {
	p.start, p.make = start, make
	for range p.spare {
		p.warming.Add(1)
		p.add()
	}
}

func (p *pool) add() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isCut || len(p.workers) >= p.limit {
		return
	}
	w := p.make(len(p.workers))
	p.workers = append(p.workers, w)
	p.size.Add(1)
	p.running.Go(func() { p.start(w) })
}

// leaveIdle is called by a worker that has something to do.
func (p *pool) leaveIdle() {
	idle := p.idle.Add(-1)
	p.busy.Add(1)
	switch {
	case p.size.Load() >= int64(p.limit):
		if idle <= 0 {
			p.full.Store(true)
		}
	case idle < int64(p.spare):
		p.add()
	}
}

func (p *pool) enterIdle() {
	p.busy.Add(-1)
	p.idle.Add(1)
}

// cut ends every request in flight.
func (p *pool) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isCut = true
	for _, w := range p.workers {
		for _, c := range w.conns {
			c.cut()
		}
	}
}

// worker carries one request at a time. It has a connection for each endpoint
// of the plan.
type worker struct {
	id     int
	engine *engine
	conns  []*conn
	timer  *time.Timer
}

func (e *engine) newWorker(id int) *worker {
	w := &worker{id: id, engine: e, conns: make([]*conn, len(e.ends)), timer: time.NewTimer(time.Hour)}
	w.timer.Stop()
	for i, end := range e.ends {
		w.conns[i] = newConn(end, e.dial, e.plan.Timeout)
	}
	return w
}

// run connects, waits for begin and works until no arrivals are left.
func (w *worker) run(ctx context.Context, begin <-chan struct{}) {
	e := w.engine
	defer w.close()
	w.connect(ctx)
	if w.id < e.pool.spare {
		e.pool.warming.Done()
	}
	<-begin
	e.pool.idle.Add(1)
	free := time.Now()
	if w.id < e.pool.spare {
		free = e.start // it was ready before
	}
	for {
		a, ok := w.next()
		if !ok {
			e.pool.idle.Add(-1)
			return
		}
		e.pool.leaveIdle()
		free = w.serve(ctx, a, free)
		e.pool.enterIdle()
	}
}

// connect opens the connections ahead of need. A failure here is not yet any
// request's: the first one on the connection tries again and reports it.
func (w *worker) connect(ctx context.Context) {
	for _, c := range w.conns {
		_ = c.open(ctx, time.Now().Add(c.timeout))
	}
}

func (w *worker) close() {
	w.timer.Stop()
	for _, c := range w.conns {
		c.close()
	}
}

// arrival is one request that the schedule wants sent.
type arrival struct {
	n     int64
	stage int
	due   time.Duration
}

// next takes the next arrival and returns when it is due, or false when there
// are none left or the run was stopped.
func (w *worker) next() (arrival, bool) {
	e := w.engine
	select {
	case e.turns <- struct{}{}:
		defer func() { <-e.turns }()
	case <-e.stop:
		return arrival{}, false
	}
	select {
	case <-e.stop:
		return arrival{}, false
	default:
	}
	a := arrival{n: e.tickets.Add(1) - 1}
	var ok bool
	if a.due, a.stage, ok = e.schedule.Due(a.n); !ok {
		return a, false
	}
	wait := time.Until(e.start.Add(a.due))
	if wait <= 0 {
		return a, true
	}
	w.timer.Reset(wait)
	select {
	case <-w.timer.C:
		return a, true
	case <-e.stop:
		return a, false
	}
}

// serve sends the arrival and records it; free is since when the worker had
// nothing to do, and the result is the same for the next arrival.
//
// The rule that keeps both sides honest: if the worker was free when the
// arrival was due, then what it is late by is the generator's fault. That goes
// into the lag, and the response time starts at the real sending. If it became
// free only after, the target's slowness held the arrival up, and the response
// time starts when it was due.
func (w *worker) serve(ctx context.Context, a arrival, free time.Time) time.Time {
	e := w.engine
	now := time.Now()
	at := e.start.Add(a.due)
	s := sample{n: a.n, stage: a.stage, sent: now.Sub(e.start), lag: now.Sub(at)}
	if s.queued = free.After(at); s.queued {
		s.lag = 0
	} else {
		at = now
	}
	req := e.requests[e.round[a.n%int64(len(e.round))]]
	if s.queued && now.Sub(at) >= e.plan.Timeout {
		s.class, s.response, s.done = ClassUnsent, now.Sub(at), s.sent
		e.record(w, s, req, 0, nil)
		return now
	}
	e.sent.Add(1)
	status, done, err := w.conns[req.end].exchange(ctx, req, now)
	if err != nil && ctx.Err() != nil {
		return done // the end of the run cut it off: nothing was measured
	}
	s.class = classify(status, err)
	s.response, s.service, s.done = done.Sub(at), done.Sub(now), done.Sub(e.start)
	e.record(w, s, req, status, err)
	return done
}

func (e *engine) record(w *worker, s sample, req *request, status int, err error) {
	if s.class == ClassUnsent {
		e.samples.note(s.class, func() string { return req.name + ": no connection was free within the timeout" })
	} else if s.class != "" {
		e.samples.note(s.class, func() string { return sampleText(req, status, err) })
	}
	e.shards[w.id%shardCount].add(s)
}
