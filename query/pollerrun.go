package query

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// Run polls until ctx ends and returns its error. The first snapshot comes at
// once, then one whenever a panel has news. A panel that fails keeps its last
// good frame, unless that is of other values of the variables. Of a source that
// answers nothing only one query at a time tries whether it is back, at most 5 s
// apart, and the first success polls all of its panels at once.
func (p *Poller) Run(ctx context.Context) error {
	r := p.newRun()
	defer r.workers.Wait()
	for ctx.Err() == nil {
		pause := r.turn(ctx)
		if pause == 0 {
			continue
		}
		if err := r.sleep(ctx, pause); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// run is the state of one Run, owned by its goroutine.
type run struct {
	*Poller
	kicked  <-chan struct{}
	workers sync.WaitGroup

	base     *Board // as in its file
	variable variables
	filled   *expanded // base with the values of its variables
	showing  *expanded // and compared as a person wants
	panels   []PanelData
	basis    []string            // what the frames of panels are answers to
	failing  map[string]int      // by source: rounds in a row in which it answered nothing
	scrapes  map[string]*scrapes // by source
	learned  time.Time           // when scrapes were

	reported   bool   // there was a first snapshot,
	generation uint64 // and the last one was of this window
}

func (p *Poller) newRun() *run {
	return &run{Poller: p, kicked: p.signal(), failing: map[string]int{}, scrapes: map[string]*scrapes{}}
}

// turn is one round of queries. It returns how long to wait for the next; 0
// means at once, because the window is another one or a server is back.
func (r *run) turn(ctx context.Context) time.Duration {
	w, poked := r.wanted()
	started := r.now()
	r.turnTo(w, poked)
	if !r.reported || w.gen != r.generation {
		r.reported, r.generation = true, w.gen
		r.publish(w)
	}
	if !r.settle(ctx, w) {
		return 0
	}
	asked := r.sort(r.jobs(w))
	if len(asked) == 0 {
		return w.board.Refresh
	}
	got, done := r.round(ctx, w, asked)
	switch {
	case !done, got.back:
		return 0
	case got.down > 0:
		return backoff(got.down)
	}
	return next(w.board.Refresh, r.now().Sub(started), w, got.failed, started)
}

// turnTo makes room for another board.
func (r *run) turnTo(w window, poked poke) {
	if poked.anew && r.variable.from != nil {
		r.variable.from.forget()
		r.variable.stale = true
	}
	if w.board == r.base {
		if w.gen != r.generation {
			r.showing = r.filled.comparing(w.compared)
		}
		return
	}
	r.base, r.variable, r.learned = w.board, variables{}, time.Time{}
	r.failing, r.scrapes = map[string]int{}, map[string]*scrapes{}
	r.showing, r.panels, r.basis = nil, nil, nil
	r.show(w.board.expand(nil), w.compared)
}

// show goes over to the board with other values. Panels that stand on both keep
// what they show.
func (r *run) show(filled *expanded, c Comparisons) {
	e := filled.comparing(c)
	data, basis := make([]PanelData, len(e.keys)), make([]string, len(e.keys))
	if r.showing != nil {
		was := make(map[string]int, len(r.showing.keys))
		for i, key := range r.showing.keys {
			was[key] = i
		}
		for i, key := range e.keys {
			if j, ok := was[key]; ok {
				data[i], basis[i] = r.panels[j], r.basis[j]
			}
		}
	}
	r.filled, r.showing, r.panels, r.basis = filled, e, data, basis
}

// next is the pause after a round. A server that needs long gets as long again
// to breathe; a window in the past that is complete does not change.
func next(refresh, took time.Duration, w window, failed bool, started time.Time) time.Duration {
	if !w.end.IsZero() && started.Sub(w.end) > 5*time.Minute && !failed {
		return 24 * time.Hour // until SetWindow or Refresh
	}
	return max(refresh-took, min(took, longestPause), 10*time.Millisecond)
}

// backoff is the pause after n rounds without any answer: 1, 2, 4, 5, 5 s ...
func backoff(n int) time.Duration {
	return min(time.Second<<min(n-1, 4), longestPause)
}

// sleep waits, or less if the window changes or a Refresh comes.
func (r *run) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
	case <-r.kicked:
	}
	return nil
}

// publish reports what is known.
func (r *run) publish(w window) {
	r.mu.Lock()
	r.shown = *r.showing
	r.mu.Unlock()
	if r.Report == nil {
		return
	}
	source, err := r.named(r.base.sourceOf(&Panel{}, &Query{}))
	if err != nil {
		source = r.Source
	}
	r.Report(&Snapshot{
		Board: r.showing.board, Panels: slices.Clone(r.panels), Offers: r.variable.offers, Chosen: maps.Clone(w.chosen), Compared: w.compared,
		Generation: w.gen, At: r.now(), Grid: w.grid(server(source, r.now())), Source: r.Name,
	})
}

// silent reports whether err means that the server as a whole does not answer,
// not that it minds this one query.
func silent(err error) bool {
	return err != nil && !errors.Is(err, ErrQuery) && !errors.Is(err, ErrTooLarge)
}
