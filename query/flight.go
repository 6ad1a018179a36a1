package query

import (
	"context"
	"errors"
	"time"
)

// errOffGrid is for Cache.Range alone: the server does not answer at the points
// that it is asked for.
var errOffGrid = errors.New("the server moves points off the grid")

// settleUnknown is how late a sample may come where nothing is known.
const settleUnknown = time.Minute

// Answers to two windows that contradict each other so often in a row are not joined
// any more for a while: a deduplicated pair of replicas may be told as the one or the
// other, depending on where the window begins.
const mostTorn = 3

// fly brings an entry up to date and gives its window g. The caller has its turn.
func (c *Cache) fly(ctx context.Context, e *cacheEntry, g Grid, server originState) (Frame, error) {
	w := c.flight(e, g, server, c.cfg.Now())
	if since := w.now.Sub(e.tornAt); e.torn >= mostTorn && since >= 0 && since < settleEvery {
		return w.pass(ctx)
	}
	e.held.unsettle(w.until)
	if e.version != server.version && w.missing == "" {
		e.held.forget() // it was whole, or lacked something, without anybody knowing
		e.version = server.version
	}
	whole := c.takeRefetch(e, w.now)
	f, err := w.answer(ctx, whole)
	if whole {
		c.endRefetch()
		if err != nil {
			e.refetch = w.now.Add(time.Minute) // too much at once; what is known is still good
		}
		if err != nil && ctx.Err() == nil && !silent(err) && !errors.Is(err, errOffGrid) {
			f, err = w.answer(ctx, false)
		}
	}
	if err != nil {
		return Frame{}, err
	}
	if e.refetch.IsZero() || whole && len(f.Warnings) == 0 && !w.now.Before(e.refetch) {
		w.schedule(w.now)
	}
	return f, nil
}

// takeRefetch reports whether everything of an entry is to be asked anew now: of
// one entry at a time, so that a board does not do it all at once.
func (c *Cache) takeRefetch(e *cacheEntry, now time.Time) bool {
	// A clock that was set back must not put it off.
	if e.refetch.IsZero() || now.Before(e.refetch) && e.refetch.Sub(now) < 6*c.cfg.Refetch {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.again {
		return false
	}
	c.again = true
	return true
}

func (c *Cache) endRefetch() {
	c.mu.Lock()
	c.again = false
	c.mu.Unlock()
}

// flight is one look at a server for one entry.
type flight struct {
	*Cache
	e       *cacheEntry
	grid    Grid
	want    span      // the points of grid
	now     time.Time // by the server's clock, as far as it is known before it is asked
	until   int64     // the last point that is settled if it is asked now
	settle  time.Duration
	single  bool   // another step is another look at the same samples
	missing string // what the server leaves out without a word
}

func (c *Cache) flight(e *cacheEntry, g Grid, server originState, now time.Time) flight {
	skew, _ := c.Skew()
	now = now.Add(skew)
	step := g.Step.Milliseconds()
	first := g.Start.UnixMilli() / step
	w := flight{Cache: c, e: e, grid: g, want: span{first, first + int64(g.N) - 1}, now: now, settle: server.settle, missing: server.about.Missing()}
	w.single = len(server.about.Stores) == 0
	w.until = w.settledAt(now)
	return w
}

// settledAt is the last point of which nothing can change any more at a time.
func (w flight) settledAt(at time.Time) int64 {
	step := w.grid.Step.Milliseconds()
	return floor(at.Add(-w.settle).UnixMilli(), step) / step
}

// settled is the last point of an answer that may be held. The answer's own time
// decides where that is earlier: our clock may have jumped since we last compared it,
// and a proxy may have kept the answer for a while.
func (w flight) settled(f *Frame) int64 {
	if f.asOf.IsZero() {
		return w.until
	}
	return min(w.until, w.settledAt(f.asOf))
}

// pass asks for the whole window, and holds nothing.
func (w flight) pass(ctx context.Context) (Frame, error) {
	f, err := w.source.Range(ctx, w.e.key.expr, w.grid)
	if err == nil && w.missing != "" {
		f.Warnings = append(f.Warnings, w.missing)
	}
	return f, err
}

// schedule says when everything is to be asked anew: coarse steps less often, as
// their points cost most and change least.
func (w flight) schedule(now time.Time) {
	every := min(max(w.cfg.Refetch, 15*w.grid.Step), 4*w.cfg.Refetch)
	w.e.refetch = now.Add(time.Duration((0.75 + 0.5*w.cfg.Rand()) * float64(every)))
}

// answer asks what is missing, or everything, and gives the frame.
func (w flight) answer(ctx context.Context, whole bool) (Frame, error) {
	h := w.e.held
	asks := spans{w.want}
	if !whole {
		h.reach(w.want, 2*w.want.len()+64)
		if len(h.settled) == 0 && w.single {
			w.thinned()
		}
		asks = w.plan()
	}
	var warnings []string
	for _, s := range asks {
		f, err := w.fetch(ctx, s)
		if err != nil {
			return Frame{}, err
		}
		warnings = append(warnings, f.Warnings...)
		switch partial := len(f.Warnings) > 0; {
		case whole && !partial:
			w.replace(&f)
		case whole:
			h.reach(w.want, 2*w.want.len()+64)
			h.merge(s, &f, true, w.until)
		case !h.merge(s, &f, partial, w.settled(&f)):
			// The server tells another story now than it did: all of it again.
			w.e.torn++
			w.e.tornAt = w.now
			return w.answer(ctx, true)
		case !partial:
			w.e.torn = 0
		}
	}
	h.sweep()
	if err := w.moment(ctx); err != nil {
		return Frame{}, err
	}
	f := h.frame(w.grid, w.want)
	f.Warnings = warnings
	return f, nil
}

// replace makes an answer to the whole window all that is held.
func (w flight) replace(f *Frame) {
	h := w.e.held
	h.forget()
	h.reach(w.want, w.want.len())
	h.merge(w.want, f, false, w.settled(f))
}

// plan is what has to be asked, each with some known points beside it. Several
// gaps that are most of what is between them are one question.
func (w flight) plan() spans {
	h := w.e.held
	asks := h.settled.gaps(w.want)
	if len(asks) == 0 && w.origin.doubted() {
		asks = spans{{w.want.hi, w.want.hi}} // whatever comes, somebody has to answer
	}
	if n := len(asks); n > 1 {
		hull, missing := span{asks[0].lo, asks[n-1].hi}, int64(0)
		for _, s := range asks {
			missing += s.len()
		}
		if n > 3 || 2*missing >= hull.len() {
			asks = spans{hull}
		}
	}
	for i, s := range asks {
		for n := 0; n < w.cfg.Audit && s.len() < maxPoints && h.settled.has(s.lo-1); n++ {
			s.lo--
		}
		for n := asks[i].lo - s.lo; n < int64(w.cfg.Audit) && s.len() < maxPoints && h.settled.has(s.hi+1); n++ {
			s.hi++
		}
		asks[i] = s
	}
	return asks
}

// fetch asks the source for s.
func (w flight) fetch(ctx context.Context, s span) (Frame, error) {
	step := w.e.key.step
	g := Grid{Start: time.UnixMilli(s.lo * step).UTC(), Step: time.Duration(step) * time.Millisecond, N: int(s.len())}
	f, err := w.source.Range(ctx, w.e.key.expr, g)
	if err != nil {
		if ctx.Err() == nil && silent(err) {
			w.origin.doubt()
		}
		return Frame{}, err
	}
	w.origin.trust()
	if f.offGrid > 0 {
		w.origin.leaveGrid()
		return Frame{}, errOffGrid
	}
	if w.missing != "" {
		f.Warnings = append(f.Warnings, w.missing)
	}
	return f, nil
}

// thinned takes what it can from an entry of the same expression whose step
// divides ours.
func (w flight) thinned() {
	w.mu.Lock()
	var finer []*cacheEntry
	for at := w.recent.Front(); at != nil; at = at.Next() {
		o := at.Value.(*cacheEntry)
		if o.key.expr == w.e.key.expr && o.key.server == w.e.key.server && o.key.step < w.e.key.step && w.e.key.step%o.key.step == 0 {
			finer = append(finer, o)
		}
	}
	w.mu.Unlock()
	for _, o := range finer {
		select {
		case <-o.turn:
			w.e.held.thin(o.held, w.want)
			o.turn <- struct{}{}
		default: // it is at work, and waiting for each other ends badly
		}
		if len(w.e.held.settled) > 0 {
			return
		}
	}
}

// moment asks for the values of this moment, where the grid is coarse and ends
// with the last point before it. It costs as much as a point, so it is not asked
// at every turn. It also shows within half a minute that a server is gone which
// has nothing else to be asked.
func (w flight) moment(ctx context.Context) error {
	g, now := w.grid, w.now
	beyond := now.Sub(g.End())
	if g.Step <= 15*time.Second || beyond < 15*time.Second || beyond >= g.Step {
		return nil
	}
	pace := min(max(15*time.Second, g.Step/8), 30*time.Second)
	if since := now.Sub(w.e.nowAsked); since >= 0 && since < pace {
		return nil
	}
	at := now.Truncate(time.Second).UTC()
	f, err := w.source.Range(ctx, w.e.key.expr, Grid{Start: at, Step: g.Step, N: 1})
	switch {
	case err != nil && (ctx.Err() != nil || silent(err)):
		if ctx.Err() == nil {
			w.origin.doubt()
		}
		return err
	case err != nil || len(f.Warnings) > 0:
		f.Series = nil // no provisional point; the grid is not less true for it
	}
	w.e.nowAsked = now
	w.e.held.provisional(at, &f)
	return nil
}
