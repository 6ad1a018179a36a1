package query

import (
	"context"
	"slices"
	"sync"
	"time"
)

// batch is what one source is asked in a round. Of one that did not answer it is
// one query, which tries whether it is back.
type batch struct {
	name  string
	jobs  []job
	probe bool
}

// nowhere is the source of jobs that cannot be asked.
const nowhere = "\x00"

// sort has the jobs by source, in the order in which they came.
func (r *run) sort(all []job) []batch {
	at := map[string]int{}
	var batches []batch
	for _, j := range all {
		if j.err != nil {
			j.source = nowhere
		}
		i, ok := at[j.source]
		if !ok {
			i = len(batches)
			at[j.source] = i
			batches = append(batches, batch{name: j.source})
		}
		batches[i].jobs = append(batches[i].jobs, j)
	}
	for i := range batches {
		if n := r.failing[batches[i].name]; n > 0 {
			b := &batches[i]
			b.jobs, b.probe = []job{b.jobs[(n-1)%len(b.jobs)]}, true
		}
	}
	return batches
}

// outcome of a round: failed if any query did, back if a source answers again.
// Down is 0 if any source answered, else for how many rounds none has.
type outcome struct {
	failed, back bool
	down         int
}

// round asks the queries and takes the answers in as they come. It is not done
// if ctx ended or the window changed meanwhile; what is still in flight then is
// cancelled and its answer dropped. A probe shows only its failure, on every
// panel of its source; its success is asked again with the rest.
func (r *run) round(ctx context.Context, w window, batches []batch) (outcome, bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &tally{
		run: r, gather: newGathering(r.showing.board), silent: map[string]bool{}, answers: make(chan part, inFlight),
		queues: map[string]*queue{}, begun: map[int]bool{},
	}
	t.begin(ctx, batches)
	again := poke{}
	for t.left > 0 {
		select {
		case <-ctx.Done():
			return t.got, false
		case <-r.kicked:
			now, more := r.wanted()
			again = again.and(more)
			if now.gen != w.gen {
				r.remind(again)
				return t.got, false
			}
			if more.more {
				again.more = false
				t.join(ctx, w)
			}
		case a := <-t.answers:
			if t.count(a) && ctx.Err() == nil {
				r.publish(w)
			}
		}
	}
	r.remind(again) // asked for while this round was on its way
	t.judge()
	return t.got, ctx.Err() == nil
}

// tally is what has come in of a round.
type tally struct {
	run    *run
	gather *gathering
	silent map[string]bool // sources that have not answered anything yet
	left   int
	got    outcome

	answers chan part
	queues  map[string]*queue // by source
	begun   map[int]bool      // panels that are asked in this round
}

// begin has the batches asked, the first jobs of each first.
func (t *tally) begin(ctx context.Context, batches []batch) {
	for i := range batches {
		b := &batches[i]
		t.left += len(b.jobs)
		if _, known := t.silent[b.name]; !known {
			t.silent[b.name] = true
		}
		for _, j := range b.jobs {
			t.begun[j.panel] = true
		}
		if !b.probe {
			t.gather.expect(b.jobs)
		}
	}
	for i := range batches {
		t.start(ctx, &batches[i], len(batches) > 1)
	}
}

// join asks panels that came into sight while the round is under way, before those
// that still wait: a slow query elsewhere does not keep them empty.
func (t *tally) join(ctx context.Context, w window) {
	var jobs []job
	now := t.run.now()
	for _, i := range t.run.asked() {
		if !t.begun[i] {
			jobs = append(jobs, t.run.jobsOf(i, w, now)...)
		}
	}
	batches := slices.DeleteFunc(t.run.sort(jobs), func(b batch) bool { return b.probe }) // one is under way
	t.begin(ctx, batches)
}

// count takes in an answer and those that wait behind it, and reports whether a
// panel changed.
func (t *tally) count(a part) (news bool) {
	for {
		t.left--
		t.got.failed = t.got.failed || a.err != nil
		if a.source != nowhere && !silent(a.err) {
			t.silent[a.source] = false
		}
		news = t.run.take(t.gather, a) || news
		select {
		case a = <-t.answers:
		default:
			return news
		}
	}
}

// judge takes note of which sources answered.
func (t *tally) judge() {
	delete(t.silent, nowhere)
	alive, failing := len(t.silent) == 0, t.run.failing
	for name, silent := range t.silent {
		if silent {
			failing[name]++
			t.got.down = max(t.got.down, failing[name])
			continue
		}
		t.got.back = t.got.back || failing[name] > 0
		delete(failing, name)
		alive = true
	}
	if alive {
		t.got.down = 0
	}
}

// start asks the queries of one source, so many at once, the first ones first and
// before those that wait already.
func (t *tally) start(ctx context.Context, b *batch, others bool) {
	within := queryTimeout
	if b.probe && others { // who answers is not kept waiting for who does not
		within = min(max(t.run.base.Refresh, time.Second), queryTimeout)
	}
	q := t.queues[b.name]
	if q == nil {
		q = &queue{}
		t.queues[b.name] = q
	}
	for range q.first(b.jobs) {
		t.run.workers.Go(func() {
			for j, ok := q.next(); ok; j, ok = q.next() {
				a := j.ask(ctx, within)
				a.probe = b.probe
				select {
				case t.answers <- a:
				case <-ctx.Done(): // nobody waits for it any more
				}
			}
		})
	}
}

// queue is the jobs that wait for one source.
type queue struct {
	mu      sync.Mutex
	waiting []job
	workers int
}

// first puts jobs before those that wait, and says how many workers are missing.
func (q *queue) first(jobs []job) (missing int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.Concat(jobs, q.waiting)
	missing = max(min(inFlight, q.workers+len(jobs))-q.workers, 0)
	q.workers += missing
	return missing
}

// next is the next job; without any the worker that asks is done.
func (q *queue) next() (job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.workers--
		return job{}, false
	}
	j := q.waiting[0]
	q.waiting = q.waiting[1:]
	return j, true
}

// take puts an answer into the panels and reports whether a panel changed.
func (r *run) take(g *gathering, a part) bool {
	if a.probe {
		if !silent(a.err) {
			return false
		}
		for i := range r.panels {
			if r.asks(i, a.source) {
				r.fail(i, a.err, a.took)
			}
		}
		return true
	}
	now, complete := g.add(a, r.panels[a.panel], r.now())
	switch {
	case !complete:
		return false
	case now.Err != nil:
		r.fail(a.panel, now.Err, now.Took)
	default:
		r.panels[a.panel], r.basis[a.panel] = now, basisOf(&r.showing.board.Panels[a.panel])
	}
	return true
}

// fail says what went wrong with a panel. It keeps its frame, unless that answers
// another question than the one that failed.
func (r *run) fail(i int, err error, took time.Duration) {
	d := &r.panels[i]
	if r.basis[i] != basisOf(&r.showing.board.Panels[i]) {
		*d = PanelData{}
	}
	d.Err, d.Took = err, took
}

// asks reports whether panel i has a query for a source.
func (r *run) asks(i int, source string) bool {
	p := &r.showing.board.Panels[i]
	return p.Type.Asks() && slices.ContainsFunc(p.Queries, func(q Query) bool {
		return !q.Hidden && r.showing.board.sourceOf(p, &q) == source
	})
}
