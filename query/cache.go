package query

import (
	"container/list"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Cache is a Source that asks another one only for what it does not know yet.
// A grid point's value depends on nothing but data up to its time, so answers to
// different windows can be joined: a board that refreshes asks for its youngest
// points only. What is shown is what a full query would show:
//
//   - A point counts as known when it was asked at a time at which nothing of it
//     could change any more (Origin.Settle). Younger ones are shown, and asked again.
//   - Every question includes some points that are known already. If more than
//     5 % of them differ, everything of the expression is asked anew; and so it is
//     now and then anyway, for what was written into the past.
//   - Answers with warnings are partial: shown, and never known. So are those of a
//     server that leaves out parts of its storage without a word (About.Silent); when
//     other parts answer than did, everything is asked anew.
//   - Expressions for which that does not hold (see slides), steps that are not
//     whole milliseconds, servers that move points off the grid or whose answers to
//     two windows do not agree (Never), and addresses behind which several servers
//     take turns are passed through.
//
// Between the last point of the grid and now, where the step is larger than 15 s,
// the values of the moment are given as Series.Now.
//
// It is safe for several goroutines. One question at a time is asked for an
// expression and step; who waits for it gets the same answer.
type Cache struct {
	source Source
	cfg    CacheConfig

	mu      sync.Mutex
	entries map[cacheKey]*list.Element // of *cacheEntry
	recent  list.List                  // the latest used first
	bytes   int64
	verdict map[string]bool // expr -> slides
	again   bool            // somebody is asking for everything anew

	origin originWatch
}

// CacheConfig tunes a Cache; its zero value is what a screen needs.
type CacheConfig struct {
	Bytes   int64         // of values and labels that are held; 0 = 64 MiB
	Settle  time.Duration // instead of what the source says of itself
	Audit   int           // known points that every question repeats; 0 = 2, negative = none
	Refetch time.Duration // after which everything of an entry is asked anew; 0 = 15 min
	Now     func() time.Time
	Rand    func() float64 // in [0,1), for the jitter of Refetch
}

type cacheKey struct {
	server string
	expr   string
	step   int64
}

// cacheEntry is a held with its place in the cache.
type cacheEntry struct {
	key  cacheKey
	turn chan struct{} // holds one token while nobody is at work
	held *held
	size int64 // that is counted in Cache.bytes, under Cache.mu

	// Under turn.
	refetch  time.Time // when everything is asked anew
	version  int       // originState.version of what is held
	torn     int       // answers in a row that contradicted what was known
	tornAt   time.Time // of the last of them
	nowAsked time.Time
	last     Frame // the newest answer, if somebody waited for it

	flights atomic.Uint64 // answers so far
	waiting atomic.Int32  // who want their turn
}

// NewCache is a cache in front of source.
func NewCache(source Source, cfg CacheConfig) *Cache {
	if cfg.Bytes <= 0 {
		cfg.Bytes = 64 << 20
	}
	if cfg.Audit == 0 {
		cfg.Audit = 2
	}
	if cfg.Refetch <= 0 {
		cfg.Refetch = 15 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return time.Now().Round(0) } // a suspended machine's other clock stands still
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	c := &Cache{source: source, cfg: cfg, entries: map[cacheKey]*list.Element{}, verdict: map[string]bool{}}
	c.origin.turn = make(chan struct{}, 1)
	return c
}

// Skew is that of the source, if it knows.
func (c *Cache) Skew() (time.Duration, bool) { return skewOf(c.source) }

// ScrapeInterval is that of the source; 0 if it cannot say.
func (c *Cache) ScrapeInterval(ctx context.Context) (time.Duration, error) {
	if s, ok := c.source.(interface {
		ScrapeInterval(ctx context.Context) (time.Duration, error)
	}); ok {
		return s.ScrapeInterval(ctx)
	}
	return 0, nil
}

// Targets are those of the source, if it has any.
func (c *Cache) Targets(ctx context.Context) ([]RawTarget, error) {
	if s, ok := c.source.(interface {
		Targets(ctx context.Context) ([]RawTarget, error)
	}); ok {
		return s.Targets(ctx)
	}
	return nil, errNotThere
}

var errNotThere = errors.New("its source cannot say that")

// Instant is the source's: the value of a moment is never held.
func (c *Cache) Instant(ctx context.Context, expr string, at time.Time) (samples []Sample, warnings []string, err error) {
	if s, ok := c.source.(instanter); ok {
		return s.Instant(ctx, expr, at)
	}
	f, err := c.source.Range(ctx, expr, Grid{Start: at.UTC().Truncate(time.Millisecond), Step: time.Second, N: 1})
	for _, s := range f.Series {
		if s.Knows(0) {
			samples = append(samples, Sample{Labels: s.Labels, Value: s.Values[0], At: f.Grid.Start, Histogram: s.Histogram(0)})
		}
	}
	return samples, f.Warnings, err
}

// LabelValues and LabelNames are those of the source: Cache is a Directory where
// the source is one.
func (c *Cache) LabelValues(ctx context.Context, label string, s Selection) (values, warnings []string, err error) {
	if d, ok := c.source.(Directory); ok {
		return d.LabelValues(ctx, label, s)
	}
	return nil, nil, errNotThere
}

// LabelNames is Directory's.
func (c *Cache) LabelNames(ctx context.Context, s Selection) (names, warnings []string, err error) {
	if d, ok := c.source.(Directory); ok {
		return d.LabelNames(ctx, s)
	}
	return nil, nil, errNotThere
}

// skewOf is how far the clock of a source is ahead.
func skewOf(s Source) (time.Duration, bool) {
	if k, ok := s.(interface{ Skew() (time.Duration, bool) }); ok {
		return k.Skew()
	}
	return 0, false
}

// Range implements Source. The list of series is the caller's, their values are
// shared: they are read only.
func (c *Cache) Range(ctx context.Context, expr string, g Grid) (Frame, error) {
	began := c.cfg.Now()
	step := g.Step.Milliseconds()
	if step < 1 || g.Step%time.Millisecond != 0 || g.Start.UnixNano()%int64(g.Step) != 0 || g.N < 1 || g.N > maxPoints || !c.slides(expr) {
		return c.source.Range(ctx, expr, g)
	}
	if !c.origin.met() {
		return c.first(ctx, expr, g)
	}
	server, err := c.origin.look(ctx, c.source, c.cfg)
	if err != nil {
		return Frame{}, err
	}
	if server.offGrid || server.mixed || server.settle == Never {
		return c.source.Range(ctx, expr, g)
	}
	e := c.entry(cacheKey{server.id, expr, step})
	f, err := c.ask(ctx, e, g, server)
	if errors.Is(err, errOffGrid) {
		return c.source.Range(ctx, expr, g)
	}
	if err != nil {
		return Frame{}, err
	}
	f.At = c.cfg.Now()
	f.Took = f.At.Sub(began)
	return f, nil
}

// first asks for a frame while it is learned which server answers: a board opens
// with one round trip. What came is held then, if it is known by that time; who does
// not ask about the server itself does not wait for it.
func (c *Cache) first(ctx context.Context, expr string, g Grid) (Frame, error) {
	now := c.cfg.Now()
	var both sync.WaitGroup
	both.Go(func() { c.origin.meet(ctx, c.source, c.cfg) })
	f, err := c.source.Range(ctx, expr, g)
	both.Wait()
	server, _, usable := c.origin.fresh(now)
	if err != nil {
		return Frame{}, err
	}
	if f.offGrid > 0 {
		c.origin.leaveGrid()
	}
	if missing := server.about.Missing(); usable && missing != "" {
		f.Warnings = append(f.Warnings, missing)
	}
	if !usable || server.offGrid || server.settle == Never || f.offGrid > 0 {
		return f, nil
	}
	e := c.entry(cacheKey{server.id, expr, g.Step.Milliseconds()})
	select {
	case <-e.turn:
	default:
		return f, nil // somebody else is at it
	}
	defer func() { e.turn <- struct{}{} }()
	w := c.flight(e, g, server, now)
	if len(f.Warnings) == 0 && len(e.held.settled) == 0 {
		w.replace(&f)
		w.schedule(now)
		e.version = server.version
		c.weigh(e)
	}
	return f, nil
}

// slides remembers what slides says: a board asks the same all the time.
func (c *Cache) slides(expr string) bool {
	c.mu.Lock()
	ok, known := c.verdict[expr]
	c.mu.Unlock()
	if known {
		return ok
	}
	ok = slides(expr)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.verdict) >= 4096 {
		clear(c.verdict)
	}
	c.verdict[expr] = ok
	return ok
}

// entry is that of a key, as the latest used.
func (c *Cache) entry(key cacheKey) *cacheEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.entries[key]; ok {
		c.recent.MoveToFront(at)
		return at.Value.(*cacheEntry)
	}
	e := &cacheEntry{key: key, turn: make(chan struct{}, 1), held: newHeld(key.expr, key.step)}
	e.turn <- struct{}{}
	c.entries[key] = c.recent.PushFront(e)
	return e
}

// ask answers from an entry. Who had to wait for the answer to the same grid
// takes that.
func (c *Cache) ask(ctx context.Context, e *cacheEntry, g Grid, server originState) (Frame, error) {
	arrived := e.flights.Load()
	e.waiting.Add(1)
	select {
	case <-ctx.Done():
		e.waiting.Add(-1)
		return Frame{}, ctx.Err()
	case <-e.turn:
		e.waiting.Add(-1)
	}
	defer func() { e.turn <- struct{}{} }()
	if e.flights.Load() != arrived && e.last.Grid == g {
		f := e.last
		f.Series = slices.Clone(f.Series)
		return f, nil
	}
	f, err := c.fly(ctx, e, g, server)
	if err != nil {
		return Frame{}, err
	}
	e.last = Frame{}
	if e.waiting.Load() > 0 {
		e.last = f
		e.last.Series = slices.Clone(f.Series)
	}
	e.flights.Add(1)
	c.weigh(e)
	return f, nil
}

// weigh counts an entry's memory and drops what was not used for longest.
func (c *Cache) weigh(e *cacheEntry) {
	size := e.held.bytes()
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, in := c.entries[e.key]; !in || at.Value.(*cacheEntry) != e {
		return // it was dropped while it was at work
	}
	c.bytes += size - e.size
	e.size = size
	for c.bytes > c.cfg.Bytes && c.recent.Len() > 1 {
		last := c.recent.Back()
		old := last.Value.(*cacheEntry)
		if old == e {
			break
		}
		c.recent.Remove(last)
		delete(c.entries, old.key)
		c.bytes -= old.size
	}
}
