package query

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// Names is whom a Catalog asks; Client is one.
type Names interface {
	LabelNames(ctx context.Context, s Selection) (names, warnings []string, err error)
	LabelValues(ctx context.Context, label string, s Selection) (values, warnings []string, err error)
	Metadata(ctx context.Context, metric string, limit int) (map[string][]Metadata, error)
}

// Catalog knows the words of a server: its metrics with what they are, labels and
// their values. It asks for a word once and then remembers it for a while. It is
// safe for concurrent use.
type Catalog struct {
	ask Names

	mu      sync.Mutex
	entries map[string]*entry
	about   map[string]Metadata // nil before it is known
	told    bool                // metadata was asked for
}

// entry is one list of names, or that it is being asked for.
type entry struct {
	ready chan struct{} // closed once the rest stands
	names []string      // sorted
	err   error
	until time.Time
}

// How long answers hold, and may take. A value is asked for while a person waits
// for it, all metrics once.
const (
	namesHold, valuesHold, failureHolds = 5 * time.Minute, time.Minute, 3 * time.Second
	metricsWait, valuesWait             = 10 * time.Second, 2 * time.Second
	mostMetrics                         = 500_000
	mostWords                           = 10_000
	longestWord                         = 1_000 // bytes: longer ones are left out, nobody reads them
	mostEntries                         = 200
)

// NewCatalog makes the catalog of a server.
func NewCatalog(ask Names) *Catalog {
	return &Catalog{ask: ask, entries: map[string]*entry{}}
}

// Warm learns what every completion needs: the metrics, and what they are.
func (c *Catalog) Warm(ctx context.Context) error {
	c.mu.Lock()
	known := c.told
	c.told = true
	c.mu.Unlock()
	var wait sync.WaitGroup
	if !known {
		wait.Go(func() { c.learn(ctx) })
	}
	_, err := c.metrics(ctx)
	wait.Wait()
	return err
}

// learn asks what the metrics are. Without an answer they have no type and no help.
func (c *Catalog) learn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, metricsWait)
	defer cancel()
	all, err := c.ask.Metadata(ctx, "", 0)
	about := make(map[string]Metadata, len(all))
	for name, list := range all {
		if len(list) > 0 && len(name) <= longestWord {
			about[name] = Metadata{Type: cut(list[0].Type, 20), Help: oneLine(cut(list[0].Help, 300)), Unit: cut(list[0].Unit, 20)}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told = err == nil; err == nil {
		c.about = about
	}
}

// About is what a metric is, as far as it is known here; the series of a histogram
// are what it is.
func (c *Catalog) About(metric string) (Metadata, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, suffix := range []string{"", "_bucket", "_sum", "_count", "_total"} {
		if base, is := strings.CutSuffix(metric, suffix); is {
			if m, ok := c.about[base]; ok {
				return m, true
			}
		}
	}
	return Metadata{}, false
}

// Suggest gives at most n words for a spot, the likeliest first. With an error there
// are those that need no server.
func (c *Catalog) Suggest(ctx context.Context, s Spot, n int) ([]Suggestion, error) {
	list := fixed(s)
	var err error
	var found []string
	switch s.Want {
	case WantExpression:
		if s.Word == "" {
			return nil, nil
		}
		var all []string
		if all, err = c.metrics(ctx); err == nil {
			found = Search(all, s.Word, n)
		}
		list = slices.Concat(c.asMetrics(found), list)
		if slices.ContainsFunc(fixed(s), func(w Suggestion) bool { return w.Text == s.Word }) || len(s.Word) <= 3 { // a short word is a function more often
			list = slices.Concat(fixed(s), c.asMetrics(found))
		}
	case WantLabel:
		found, err = c.labels(ctx, s.Match)
		list = asWords(Search(withoutName(found), s.Word, n), "label")
	case WantValue:
		found, err = c.values(ctx, s.Label, s.Match)
		list = asWords(Search(found, s.Word, n), "value")
	}
	return list[:min(len(list), n)], err
}

func withoutName(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "__name__" })
}

func asWords(names []string, kind string) []Suggestion {
	out := make([]Suggestion, len(names))
	for i, n := range names {
		out[i] = Suggestion{Text: n, Insert: n, Kind: kind}
	}
	return out
}

func (c *Catalog) asMetrics(names []string) []Suggestion {
	out := make([]Suggestion, len(names))
	for i, n := range names {
		about, _ := c.About(n)
		kind := about.Type
		if kind == "" || kind == "unknown" {
			kind = "metric"
		}
		insert := n
		if !legacyName(n) {
			insert = Labels{"__name__": n}.String()
		}
		out[i] = Suggestion{Text: n, Insert: insert, Kind: kind, Help: about.Help}
	}
	return out
}

func (c *Catalog) metrics(ctx context.Context) ([]string, error) {
	return c.once(ctx, "metrics", namesHold, metricsWait, func(ctx context.Context) ([]string, error) {
		names, _, err := c.ask.LabelValues(ctx, "__name__", Selection{Limit: mostMetrics})
		return names, err
	})
}

func (c *Catalog) labels(ctx context.Context, match []string) ([]string, error) {
	return c.once(ctx, "labels\x00"+strings.Join(match, "\x00"), valuesHold, valuesWait, func(ctx context.Context) ([]string, error) {
		names, _, err := c.ask.LabelNames(ctx, Selection{Match: match, Limit: mostWords})
		return names, err
	})
}

func (c *Catalog) values(ctx context.Context, label string, match []string) ([]string, error) {
	return c.once(ctx, "values\x00"+label+"\x00"+strings.Join(match, "\x00"), valuesHold, valuesWait, func(ctx context.Context) ([]string, error) {
		values, _, err := c.ask.LabelValues(ctx, label, Selection{Match: match, Limit: mostWords})
		return values, err
	})
}

// once gives a list from memory, or asks for it; whoever comes meanwhile waits for
// the same answer.
func (c *Catalog) once(ctx context.Context, key string, hold, within time.Duration, ask func(context.Context) ([]string, error)) ([]string, error) {
	c.mu.Lock()
	e := c.entries[key]
	if e != nil && e.stands() && !time.Now().Before(e.until) {
		e = nil
	}
	mine := e == nil
	if mine {
		if len(c.entries) >= mostEntries {
			c.entries = map[string]*entry{}
		}
		e = &entry{ready: make(chan struct{})}
		c.entries[key] = e
	}
	c.mu.Unlock()
	if !mine {
		select {
		case <-e.ready:
			return e.names, e.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer close(e.ready)
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	names, err := ask(ctx)
	names = slices.DeleteFunc(names, func(n string) bool { return n == "" || len(n) > longestWord })
	slices.Sort(names)
	e.names, e.err, e.until = slices.Compact(names), err, time.Now().Add(hold)
	if err != nil {
		e.until = time.Now().Add(failureHolds)
		if errors.Is(err, context.Canceled) {
			e.until = time.Now()
		}
	}
	return e.names, e.err
}

// stands says that the answer is there. The lock of the catalog is held.
func (e *entry) stands() bool {
	select {
	case <-e.ready:
		return true
	default:
		return false
	}
}

// Search finds at most n of sorted names: those that begin with word, then those in
// which it begins a part, then those that hold it, each in their order. Only the
// last need a look at every name.
func Search(sorted []string, word string, n int) []string {
	from, _ := slices.BinarySearch(sorted, word)
	var found []string
	for _, name := range sorted[from:] {
		if len(found) == n || !strings.HasPrefix(name, word) {
			break
		}
		found = append(found, name)
	}
	if len(found) == n || word == "" {
		return found
	}
	low := strings.ToLower(word)
	var parts, inside []string
	for _, name := range sorted {
		if strings.HasPrefix(name, word) {
			continue
		}
		lower := strings.ToLower(name)
		switch at := strings.Index(lower, low); {
		case at < 0:
		case at == 0, strings.ContainsRune("_:./-", rune(lower[at-1])):
			parts = append(parts, name)
		case len(inside) < n:
			inside = append(inside, name)
		}
		if len(found)+len(parts) == n {
			break
		}
	}
	found = append(append(found, parts...), inside...)
	return found[:min(len(found), n)]
}
