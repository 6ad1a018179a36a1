package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
	"github.com/sitrep-dev/sitrep/store"
)

// errNotRecorded is that of an incident with which no samples were kept.
var errNotRecorded = errors.New("no samples were kept with it")

// recording is what was recorded with an incident: it is asked in the place of a server.
type recording struct {
	id              incident.ID
	client          *query.Client
	catalog         *query.Catalog // its words
	from, to        time.Time
	every           time.Duration // between the scrapes; 0 = it does not tell
	series, samples int           // of the stretch with the most series; of all
	damaged         []string      // stretches that cannot be read
}

// openRecorded reads the capsules of an incident.
func openRecorded(ctx context.Context, db *store.DB, id incident.ID) (*recording, error) {
	if _, err := db.Incident(ctx, id); err != nil {
		return nil, err
	}
	list, err := db.Capsules(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: %w: sitrep did not scrape itself then, or the policy has dropped them (sitrep incident evidence %s lists what the boards showed)", id, errNotRecorded, id)
	}
	r := &recording{id: id}
	var bodies [][]byte
	for _, c := range list {
		bodies = append(bodies, c.Chunks)
		r.series, r.samples = max(r.series, c.Series), r.samples+c.Samples
	}
	o, err := embedded.Open(bodies...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", id, err)
	}
	for _, i := range o.Damaged {
		r.damaged = append(r.damaged, fmt.Sprintf("%s to %s", stamp(list[i].From), stamp(list[i].To)))
	}
	r.from, r.to, r.every = o.From, o.To, o.Server.Spacing()
	if r.client, err = query.NewClient(query.Config{URL: embedded.Address, HTTP: o.Server.Transport()}); err != nil {
		return nil, err
	}
	r.catalog = query.NewCatalog(r.client)
	return r, nil
}

// recorded is what was recorded with an incident of the store.
func (a *app) recorded(ctx context.Context, name string) (r *recording, err error) {
	id, err := incident.ParseID(name)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	err = a.withStore(ctx, func(db *store.DB) error {
		r, err = openRecorded(ctx, db, id)
		return err
	})
	return r, err
}

// name is who answers, and what of it cannot be read.
func (r *recording) name() string {
	text := "what was recorded with " + string(r.id)
	if n := len(r.damaged); n > 0 {
		text += fmt.Sprintf(" (%d stretches are damaged and left out, the first is %s)", n, r.damaged[0])
	}
	return text
}

// stretch says of when it can be asked.
func (r *recording) stretch() string {
	return fmt.Sprintf("%s to %s", stamp(r.from), stamp(r.to))
}

// covers refuses a window of which nothing was recorded: an empty picture would look
// like an answer.
func (r *recording) covers(from, to time.Time) error {
	if to.Before(r.from) || from.After(r.to) {
		return withCode(exitInconclusive, fmt.Errorf("%s: samples were recorded from %s: nothing is known of %s", r.id, r.stretch(), stamp(to)))
	}
	return nil
}

// sources are that alone: whoever stands in for one server records no other.
func (r *recording) sources(cfg *config) query.Sources {
	all := query.Sources{"": query.NewCache(r.client, query.CacheConfig{})}
	for name := range cfg.Sources {
		all[name] = unrecorded{name, r.id}
	}
	return all
}

// look asks a board of what was recorded.
func (r *recording) look(ctx context.Context, cfg *config, b *query.Board, past query.Past, now time.Time) (*query.Snapshot, error) {
	if past.End.IsZero() {
		past.End = r.to
	}
	if past.Span <= 0 {
		past.Span = b.Range
	}
	if err := r.covers(past.End.Add(-past.Span), past.End); err != nil {
		return nil, err
	}
	past.Sources, past.Scrape = r.sources(cfg), r.every
	snap := query.Look(ctx, past.Sources[""], b, past, now)
	snap.Source, snap.Frozen = r.name(), true
	return snap, nil
}

// unrecorded is a source of which nothing was recorded.
type unrecorded struct {
	name string
	id   incident.ID
}

// Range is query.Source's.
func (u unrecorded) Range(context.Context, string, query.Grid) (query.Frame, error) {
	return query.Frame{}, fmt.Errorf("source %s: nothing of it was recorded with %s; only targets of the first server are scraped from here", u.name, u.id)
}

// shelf holds what was recorded with the incident that was asked about last: opening
// it takes longer than a question.
type shelf struct {
	db *store.DB

	mu   sync.Mutex
	last *recording
	at   time.Time
}

// shelved is how long it is held: an incident that is open gets more.
const shelved = time.Minute

func (s *shelf) open(ctx context.Context, id incident.ID) (*recording, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil && s.last.id == id && time.Since(s.at) < shelved {
		return s.last, nil
	}
	r, err := openRecorded(ctx, s.db, id)
	if err == nil {
		s.last, s.at = r, time.Now()
	}
	return r, err
}
