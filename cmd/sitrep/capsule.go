package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/embedded"
	"github.com/sitrep-dev/sitrep/store"
)

// capsuleKeeper keeps what this process scrapes with the incidents that are open
// meanwhile: every few minutes a stretch, so that a process that dies loses little.
// The process that runs the ladder does it.
type capsuleKeeper struct {
	db      *store.DB
	server  *embedded.Server
	since   func() time.Time // recorded without a break since then; zero: nothing is
	source  string
	limit   int64
	mine    func() bool
	problem func(string)

	self  string                    // of this recorder
	until map[incident.ID]time.Time // kept up to
	full  map[incident.ID]bool
}

const (
	capsulePace = 5 * time.Second // between looks
	capsuleSpan = 5 * time.Minute // of a stretch
	capsuleLead = time.Hour       // before the incident's beginning, as far as it was recorded
	capsuleTail = 10 * time.Minute
)

// capsules is nil if nothing is scraped here, ever.
func (c *centre) capsules() *capsuleKeeper {
	cfg, err := c.app.config()
	if err != nil { // it has been read, or there were no centre
		return nil
	}
	k := &capsuleKeeper{
		db: c.db, source: c.client.URL(), mine: c.mine.Load, problem: c.news.problem, self: ulid.Make().String(),
		until: map[incident.ID]time.Time{}, full: map[incident.ID]bool{}, limit: int64(cfg.Embedded.CapsuleMB) << 20,
	}
	if k.limit == 0 {
		k.limit = defaultCapsuleMB << 20
	}
	switch {
	case c.scraper != nil:
		began := time.Now()
		k.server, k.since = c.scraper.server, func() time.Time { return began }
	case c.standby != nil:
		k.server, k.since = c.standby.Direct(), c.standby.Recorded
	default:
		return nil
	}
	return k
}

// Run looks until ctx ends, and keeps then what was not kept yet.
func (k *capsuleKeeper) Run(ctx context.Context) error {
	said := complaint{problem: k.problem}
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			k.look(last, time.Now(), true) //nolint:errcheck // nobody is there to be told
			return ctx.Err()
		case <-time.After(capsulePace):
		}
		said.say(errorText(k.look(ctx, time.Now(), false)))
	}
}

// look keeps a stretch of every incident that is due one.
func (k *capsuleKeeper) look(ctx context.Context, now time.Time, all bool) error {
	since := k.since()
	if since.IsZero() || !k.mine() {
		return nil
	}
	list, err := k.db.Incidents(ctx, false, 200)
	if err != nil {
		return err
	}
	var errs error
	for _, inc := range list {
		end := now
		if inc.Status.Over() {
			end = inc.Clocks.Resolved.Add(capsuleTail)
			if end.After(now) {
				end = now
			}
		}
		from, known := k.until[inc.ID]
		if !known {
			kept, err := k.db.CapsuleUntil(ctx, inc.ID) // by an earlier process
			if err != nil {
				return errors.Join(errs, err)
			}
			from = latest(latest(since, inc.Clocks.Detected.Add(-capsuleLead)), kept)
		}
		due := end.Sub(from) >= capsuleSpan || end.Before(now) || all
		if k.full[inc.ID] || !end.After(from) || !due && known {
			continue
		}
		errs = errors.Join(errs, k.keep(ctx, inc.ID, from, end))
	}
	return errs
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// keep keeps a stretch; one without samples is none.
func (k *capsuleKeeper) keep(ctx context.Context, id incident.ID, from, to time.Time) error {
	list, err := k.server.Capsules(from, to)
	for _, c := range list {
		if err != nil {
			break
		}
		if c.Left > 0 {
			k.problem(fmt.Sprintf("%d series are not kept with %s: each has more samples than could be read again", c.Left, id))
		}
		err = k.db.AddCapsule(ctx, incident.Event{
			Incident: id, At: to, Kind: incident.EvidenceRecorded, Actor: incident.Sitrep, Source: "evidence", Once: "recorded/" + string(id) + "/" + k.self,
			Text: fmt.Sprintf("what sitrep scrapes itself in place of %s is kept with %s", k.source, id),
			Data: incident.Payload(incident.Recording{Source: k.source, From: from}),
		}, incident.Capsule{From: c.From, To: c.To, Series: c.Series, Samples: c.Samples, Chunks: c.Body}, k.limit)
	}
	if errors.Is(err, incident.ErrCapsuleFull) {
		k.full[id] = true
		k.problem(fmt.Sprintf("%v; set embedded.capsule_mb to keep more", err))
		return nil
	}
	if err == nil {
		k.until[id] = to
	}
	return err
}
