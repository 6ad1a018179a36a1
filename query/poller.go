package query

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Source answers range queries: a Client, the engine in this process, or a
// recording. Range must honour ctx and be safe for several goroutines. The list of
// series in its Frame belongs to the caller; their labels and values may be shared
// with others and are never written to. A source may also know the Skew of its
// server's clock, as Client does: the window of a Poller then ends at its now.
type Source interface {
	Range(ctx context.Context, expr string, g Grid) (Frame, error)
}

const (
	inFlight     = 8 // queries at once; Prometheus itself runs 20
	queryTimeout = 10 * time.Second
	longestPause = 5 * time.Second // between tries while the server is down
)

// Poller asks the queries of a board again and again and reports what is known.
// Set the fields before Run; the methods may be called from any goroutine, also
// before Run.
type Poller struct {
	Source Source
	Board  *Board
	Report func(*Snapshot)  // called by Run's goroutine only; must not block for long
	Now    func() time.Time // nil = time.Now
	Name   string           // Snapshot.Source
	Scrape time.Duration    // interval of the scrapes, for $__rate_interval; 0 = 15 s

	mu      sync.Mutex
	want    window
	refresh bool
	only    map[int]bool // panels that are asked; nil = all
	kick    chan struct{}
}

// window is what the person wants to see.
type window struct {
	span    time.Duration
	columns int
	end     time.Time // zero = live
	gen     uint64
}

func (w window) grid(now time.Time) Grid {
	end := w.end
	if end.IsZero() {
		end = now
	}
	return Align(end, w.span, w.columns)
}

// SetWindow shows another span, width or end (the zero time is live). Queries
// for the old window are cancelled; its frames stay until new ones arrive.
func (p *Poller) SetWindow(span time.Duration, columns int, end time.Time) {
	p.mu.Lock()
	p.want = window{span: span, columns: columns, end: end, gen: p.want.gen + 1}
	p.mu.Unlock()
	p.wake()
}

// Refresh polls now instead of at the next turn.
func (p *Poller) Refresh() {
	p.mu.Lock()
	p.refresh = true
	p.mu.Unlock()
	p.wake()
}

func (p *Poller) wake() {
	select {
	case p.signal() <- struct{}{}:
	default: // a wake is already waiting, and carries nothing
	}
}

func (p *Poller) signal() chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kick == nil {
		p.kick = make(chan struct{}, 1)
	}
	return p.kick
}

// wanted is the current window; it also takes a pending Refresh.
func (p *Poller) wanted() (window, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w, again := p.want, p.refresh
	p.refresh = false
	if w.span <= 0 {
		w.span = p.Board.Range
	}
	return w, again
}

// grid is that of a window at now. A clock that is wrong by as much as can be
// told from the server's Date would show a gap, or points that are not yet there.
func (p *Poller) grid(w window, now time.Time) Grid {
	if ahead, known := skewOf(p.Source); known && ahead.Abs() >= 2*time.Second {
		now = now.Add(ahead)
	}
	return w.grid(now)
}

func (p *Poller) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}

// Run polls until ctx ends and returns its error. The first snapshot comes at
// once, then one whenever a panel has news. A panel that fails keeps its last
// good frame; while everything fails only one query at a time tries whether the
// server is back, at most 5 s apart, and the first success polls all at once.
func (p *Poller) Run(ctx context.Context) error {
	r := run{
		Poller: p, kicked: p.signal(), slots: make(chan struct{}, inFlight),
		panels: make([]PanelData, len(p.Board.Panels)),
	}
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
	kicked   <-chan struct{}
	slots    chan struct{}
	workers  sync.WaitGroup
	panels   []PanelData
	failures int // rounds in a row in which nothing was answered

	shown      bool   // there was a first snapshot,
	generation uint64 // and the last one was of this window
}

// turn is one round of queries. It returns how long to wait for the next; 0
// means at once, because the window is another one or the server is back.
func (r *run) turn(ctx context.Context) time.Duration {
	w, _ := r.wanted()
	started := r.now()
	grid := r.grid(w, started)
	if !r.shown || w.gen != r.generation {
		r.shown, r.generation = true, w.gen
		r.publish(w, grid)
	}
	all := r.jobs()
	if len(all) == 0 {
		return r.Board.Refresh
	}
	if r.failures > 0 {
		probe := all[(r.failures-1)%len(all)]
		got, done := r.round(ctx, w, grid, []job{probe}, true)
		if !done {
			return 0
		}
		if got.down {
			r.failures++
			return backoff(r.failures)
		}
		r.failures = 0
		started = r.now()
		grid = r.grid(w, started)
	}
	got, done := r.round(ctx, w, grid, all, false)
	switch {
	case !done:
		return 0
	case got.down:
		r.failures++
		return backoff(r.failures)
	}
	return next(r.Board.Refresh, r.now().Sub(started), w, got.failed, started)
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

type job struct{ panel, query int }

func jobs(b *Board) []job {
	var all []job
	for i, p := range b.Panels {
		for q := range p.Queries {
			if !p.Queries[q].Hidden && p.Type.Asks() {
				all = append(all, job{i, q})
			}
		}
	}
	return all
}

// outcome of a round: failed if any query did, down if nobody answered any.
type outcome struct{ failed, down bool }

// round asks the queries and takes the answers in as they come. It is not done
// if ctx ended or the window changed meanwhile; what is still in flight then is
// cancelled and its answer dropped. A probe shows only its failure, on every
// panel; its success is asked again with the rest.
func (r *run) round(ctx context.Context, w window, grid Grid, ask []job, probe bool) (outcome, bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan part, len(ask)) // room for all: no worker waits for us
	vars := Window{Step: grid.Step, Span: grid.Span(), Scrape: r.Scrape}
	for _, j := range ask {
		expr := Interpolate(r.Board.Panels[j.panel].Queries[j.query].Expr, vars)
		r.workers.Go(func() { r.work(ctx, j, expr, grid, answers) })
	}
	got := outcome{down: true}
	again := false
	gather := newGathering(r.Board, grid)
	for left := len(ask); left > 0; {
		select {
		case <-ctx.Done():
			return got, false
		case <-r.kicked:
			now, refresh := r.wanted()
			if now.gen != w.gen {
				return got, false
			}
			again = again || refresh
		case a := <-answers:
			news := false
			for more := true; more; {
				left--
				got.failed = got.failed || a.err != nil
				got.down = got.down && silent(a.err)
				news = r.take(gather, a, probe) || news
				select {
				case a = <-answers:
				default:
					more = false
				}
			}
			if news && ctx.Err() == nil {
				r.publish(w, grid)
			}
		}
	}
	if again {
		r.Poller.Refresh() // asked for while this round was on its way
	}
	return got, ctx.Err() == nil
}

// work asks one query and always answers, within its deadline.
func (r *run) work(ctx context.Context, j job, expr string, grid Grid, answers chan<- part) {
	a := part{panel: j.panel, query: j.query}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
		ctx, cancel := context.WithTimeout(ctx, queryTimeout)
		defer cancel()
		began := time.Now()
		a.frame, a.err = r.Source.Range(ctx, expr, grid)
		a.took = time.Since(began)
	case <-ctx.Done():
		a.err = ctx.Err()
	}
	answers <- a
}

// take puts an answer into the panels and reports whether a panel changed.
func (r *run) take(g *gathering, a part, probe bool) bool {
	if probe {
		if !silent(a.err) {
			return false
		}
		for i := range r.panels {
			r.panels[i].Err, r.panels[i].Took = a.err, a.took
		}
		return true
	}
	now, complete := g.add(a, r.panels[a.panel], r.now())
	if complete {
		r.panels[a.panel] = now
	}
	return complete
}

// silent reports whether err means that the server as a whole does not answer,
// not that it minds this one query.
func silent(err error) bool {
	return err != nil && !errors.Is(err, ErrQuery) && !errors.Is(err, ErrTooLarge)
}

func (r *run) publish(w window, grid Grid) {
	if r.Report == nil {
		return
	}
	r.Report(&Snapshot{
		Board: r.Board, Panels: append([]PanelData(nil), r.panels...),
		Generation: w.gen, At: r.now(), Grid: grid, Source: r.Name,
	})
}
