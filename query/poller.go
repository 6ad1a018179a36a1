package query

import (
	"context"
	"maps"
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
	Source  Source
	Sources Sources // by the names that boards use; one that is not there is an error of its panels
	Board   *Board
	Report  func(*Snapshot)  // called by Run's goroutine only; must not block for long
	Now     func() time.Time // nil = time.Now
	Name    string           // Snapshot.Source
	Scrape  time.Duration    // interval of the scrapes where none is learned, for $__rate_interval; 0 = 15 s

	mu      sync.Mutex
	want    window
	pending poke
	kick    chan struct{}
	order   *order   // of the panels that are asked; nil = all of them
	shown   expanded // what was reported last: the places that Ask means
}

// window is what the person wants to see.
type window struct {
	board    *Board      // nil = Poller.Board
	chosen   Values      // of its variables
	compared Comparisons // of its panels
	span     time.Duration
	columns  int
	end      time.Time // zero = live
	gen      uint64
}

func (w window) grid(now time.Time) Grid {
	end := w.end
	if end.IsZero() {
		end = now
	}
	return Align(end, w.span, w.columns)
}

// SetWindow shows another span, width or end (the zero time is live; a span of 0 is
// the board's own). Queries for the old window are cancelled; its frames stay until
// new ones arrive.
func (p *Poller) SetWindow(span time.Duration, columns int, end time.Time) {
	p.change(func(w *window) { w.span, w.columns, w.end = span, columns, end })
}

// SetBoard shows another board, with these values of its variables, live, as long
// as its own range, and compared as it says. Panels in rows that are collapsed at first are not asked, until
// Ask names them.
func (p *Poller) SetBoard(b *Board, chosen Values) {
	p.mu.Lock()
	p.order = &order{}
	p.mu.Unlock()
	p.change(func(w *window) {
		w.board, w.chosen, w.compared, w.span, w.end = b, maps.Clone(chosen), nil, 0, time.Time{}
	})
}

// SetValues chooses other values of the variables that are named; the others stay.
func (p *Poller) SetValues(chosen Values) {
	p.change(func(w *window) {
		all := maps.Clone(w.chosen)
		if all == nil {
			all = Values{}
		}
		maps.Copy(all, chosen)
		w.chosen = all
	})
}

// change makes another generation of what is wanted.
func (p *Poller) change(set func(*window)) {
	p.mu.Lock()
	set(&p.want)
	p.want.gen++
	p.mu.Unlock()
	p.wake()
}

// poke is what is wanted at once.
type poke struct {
	again bool // another round
	anew  bool // with what the variables offer, too
	more  bool // panels that were not asked before: in the round that is under way, else in another
}

func (k poke) and(other poke) poke {
	return poke{k.again || other.again, k.anew || other.anew, k.more || other.more}
}

// Refresh polls now instead of at the next turn, variables too.
func (p *Poller) Refresh() { p.remind(poke{again: true, anew: true}) }

// remind has something done at once.
func (p *Poller) remind(k poke) {
	if k == (poke{}) {
		return
	}
	p.mu.Lock()
	p.pending = p.pending.and(k)
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

// wanted is the current window; it also takes what is pending.
func (p *Poller) wanted() (window, poke) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w, k := p.want, p.pending
	p.pending = poke{}
	if w.board == nil {
		w.board = p.Board
	}
	if w.span <= 0 {
		w.span = w.board.Range
	}
	return w, k
}

// server is now by the clock of a source, where that is wrong by as much as can be
// told from the server's Date: else there would be a gap, or points that are not
// yet there.
func server(s Source, now time.Time) time.Time {
	if ahead, known := skewOf(s); known && ahead.Abs() >= 2*time.Second {
		return now.Add(ahead)
	}
	return now
}

func (p *Poller) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}

// named is a source by the name that a board uses.
func (p *Poller) named(name string) (Source, error) {
	if p.Source != nil && (name == "" || name == mainSource && p.Sources[mainSource] == nil) {
		return p.Source, nil
	}
	return p.Sources.Named(name)
}
