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
	guards  sync.WaitGroup
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
	conns  []carrier
	timer  *time.Timer
	values values // of the arrival's placeholders
	jar    jar    // of its scenario
	buf    []byte
}

func (e *engine) newWorker(id int) *worker {
	w := &worker{id: id, engine: e, conns: make([]carrier, len(e.ends)), timer: time.NewTimer(time.Hour)}
	w.timer.Stop()
	for i, end := range e.ends {
		if e.web != nil && (end.secure || !e.plan.HTTP.plainOnly()) {
			w.conns[i] = newWebCarrier(e.web, e.plan.Timeout)
		} else {
			w.conns[i] = newConn(end, e.dial, timeouts{whole: e.plan.Timeout, connect: e.plan.HTTP.ConnectTimeout})
		}
	}
	return w
}

// run connects, waits for begin and works until no arrivals are left.
func (w *worker) run(ctx context.Context, begin <-chan struct{}) {
	e := w.engine
	defer w.close()
	if !e.plan.HTTP.Fresh() && !e.plan.Closed {
		w.connect(ctx)
	}
	if w.id < e.pool.spare {
		e.pool.warming.Done()
	}
	<-begin
	e.pool.idle.Add(1)
	free := time.Now()
	if w.id < e.pool.spare {
		free = e.start // it was ready before
	}
	if e.plan.Closed {
		w.live(ctx)
		e.pool.idle.Add(-1)
		return
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
		_ = c.open(ctx, time.Now().Add(w.engine.plan.Timeout))
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
	if e.stopped() {
		return arrival{}, false
	}
	a := arrival{n: e.tickets.Add(1) - 1}
	for {
		t := e.table.Load()
		var ok bool
		if a.due, a.stage, ok = t.Due(a.n); !ok {
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
		case <-t.changed: // it is due at another time now
		case <-e.stop:
			return a, false
		}
	}
}

// wait is false if the run was stopped before d was over.
func (w *worker) wait(d time.Duration) bool {
	w.timer.Reset(d)
	select {
	case <-w.timer.C:
		return true
	case <-w.engine.stop:
		return false
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
	f := &e.flows[e.round[a.n%int64(len(e.round))]]
	w.begin(f, a.n)
	now := time.Now()
	at := e.start.Add(a.due)
	s := sample{n: a.n, stage: a.stage, sent: now.Sub(e.start), lag: now.Sub(at), late: !e.plan.Closed}
	if s.queued = free.After(at); s.queued {
		s.lag = 0
	} else {
		at = now
	}
	req := f.requests[0]
	if s.queued && now.Sub(at) >= e.plan.Timeout {
		s.class, s.response, s.done = ClassUnsent, now.Sub(at), s.sent
		e.record(w, s, req, 0, nil)
		return now
	}
	e.sent.Add(1)
	done, ok := w.send(ctx, req, s, at, now)
	for _, next := range f.requests[1:] {
		if !ok || !w.thinks(req.think) {
			return done
		}
		req, now = next, time.Now()
		done, ok = w.send(ctx, req, sample{n: a.n, stage: a.stage, sent: now.Sub(e.start), step: true}, now, now)
	}
	return done
}

// begin forgets the arrival before.
func (w *worker) begin(f *flow, n int64) {
	w.values.seq, w.values.row = n, w.engine.data.row(n)
	if len(f.requests) > 1 || f.extracted > 0 {
		w.values.extracted = append(w.values.extracted[:0], make([]string, f.extracted)...)
		w.jar.forget()
	}
}

// thinks waits before the next step of a scenario; false if the run was stopped.
func (w *worker) thinks(t Think) bool {
	d := t.draw()
	return !w.engine.stopped() && (d <= 0 || w.wait(d))
}

// send carries one request at now, whose response time begins at at, and records it. Ok
// says that the next step may follow.
func (w *worker) send(ctx context.Context, req *request, s sample, at, now time.Time) (done time.Time, ok bool) {
	e := w.engine
	wire := req.bytes
	if req.form != nil {
		cookie := ""
		if req.cookies {
			cookie = w.jar.line(req.host)
		}
		w.buf = req.form.append(w.buf[:0], &w.values, cookie)
		wire = w.buf
	}
	got, done, err := w.conns[req.end].exchange(ctx, req, wire, now)
	if err != nil && ctx.Err() != nil {
		return done, false // the end of the run cut it off: nothing was measured
	}
	if err == nil && req.expect.takes(got.status) {
		if err = req.expect.meets(got); err == nil {
			err = w.keep(req, got, done)
		}
		s.class = classify(0, err)
	} else if s.class = classify(got.status, err); s.class == "" {
		s.class = ClassExpect
	}
	s.response, s.service, s.done = done.Sub(at), done.Sub(now), done.Sub(e.start)
	e.record(w, s, req, got.status, err)
	return done, s.class == ""
}

// keep takes what later steps need out of an answer.
func (w *worker) keep(req *request, got answer, now time.Time) error {
	if req.cookies {
		w.jar.take(req.host, got, now)
	}
	for _, x := range req.extract {
		v, err := x.take(got)
		if err != nil {
			return err
		}
		w.values.extracted[x.slot] = v
	}
	return nil
}

func (e *engine) record(w *worker, s sample, req *request, status int, err error) {
	if s.class == ClassUnsent {
		e.samples.note(s.class, func() string { return req.name + ": no connection was free within the timeout" })
	} else if s.class != "" {
		e.samples.note(s.class, func() string { return sampleText(req, status, err) })
	}
	e.shards[w.id%shardCount].add(s)
}
