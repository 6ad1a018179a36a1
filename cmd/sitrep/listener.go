package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// listener puts on the timeline what people do in PagerDuty about incidents of ours.
// Of several processes the one that runs the ladder does it, and commands after they
// did something there; the store keeps every entry of PagerDuty's log to one time.
// It belongs to one goroutine.
type listener struct {
	db      *store.DB
	api     *pagerduty.API
	config  *config
	mine    func() bool // whether this process runs the ladder
	most    int         // requests of one look
	trouble complaint

	as   incident.By     // who has just acted there from here
	user string          // in whose name, by ID; empty if nobody has
	seen map[string]bool // entries that need no second look, by their name on the timeline
	from int             // of the open incidents, the one that the next look begins with
}

const (
	listenEvery    = 15 * time.Second
	listenOverlap  = 2 * time.Minute // PagerDuty's log takes in what comes late
	listenMost     = 100             // requests of one look: far below the 960 a minute that PagerDuty allows
	listenPatience = 20 * time.Second
	mostSeen       = 10_000
)

// newListener is nil without a token.
func (c *config) newListener(db *store.DB, mine func() bool, problem func(string)) *listener {
	api := c.pagerdutyAPI()
	if api == nil {
		return nil
	}
	return &listener{db: db, api: api, config: c, mine: mine, most: listenMost, trouble: complaint{problem: problem}, seen: map[string]bool{}}
}

// Run listens while this process runs the ladder and an incident is open, until ctx
// ends.
func (l *listener) Run(ctx context.Context) error {
	for {
		wait := leaseLook
		if l.mine() {
			err := l.look(ctx, time.Now())
			if ctx.Err() != nil {
				return ctx.Err()
			}
			wait = l.pause(err)
		}
		if err := pauseFor(ctx, wait); err != nil {
			return err
		}
	}
}

// pause says what went wrong, once, and how long to wait for the next look: as long
// as PagerDuty wants to be left alone, if it says so.
func (l *listener) pause(err error) time.Duration {
	if err == nil {
		l.trouble.say("")
		return listenEvery
	}
	var call *pagerduty.CallError
	if errors.As(err, &call) && call.Class == escalation.Throttled {
		return max(call.After, listenEvery) // it passes, and nobody can do anything about it
	}
	l.trouble.say(fmt.Sprintf("what people do in PagerDuty is not heard: %v", err))
	return listenEvery
}

// look listens about the open incidents, as many as one look may ask for; the next
// one goes on with the rest.
func (l *listener) look(ctx context.Context, now time.Time) error {
	pages, err := l.db.OpenPages(ctx, sourcePagerDuty)
	if err != nil || len(pages) == 0 {
		return err
	}
	if len(l.seen) > mostSeen {
		clear(l.seen) // the store knows them too
	}
	left, first := l.most, l.from
	listened := map[string]bool{}
	for i := range pages {
		at := (first + i) % len(pages)
		if left <= 0 {
			l.from = at
			return nil
		}
		n, err := l.hear(ctx, pages[at], listened, now)
		if err != nil {
			l.from = at + 1 // one that always fails does not keep the others unheard
			return fmt.Errorf("%s: %w", pages[at].Incident, err)
		}
		left -= n
	}
	l.from = 0
	return nil
}

// hearAll listens about every page of one incident.
func (l *listener) hearAll(ctx context.Context, id incident.ID, now time.Time) error {
	pages, err := l.db.OpenPages(ctx, sourcePagerDuty)
	if err != nil {
		return err
	}
	listened := map[string]bool{}
	for _, page := range pages {
		if page.Incident == id {
			if _, err := l.hear(ctx, page, listened, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// hear listens about one page. It answers how many requests that took. Listened is
// the incidents there that were listened to for one of ours in this look: a grouped
// one holds several pages.
func (l *listener) hear(ctx context.Context, page escalation.Message, listened map[string]bool, now time.Time) (requests int, err error) {
	ask, cancel := context.WithTimeout(ctx, listenPatience)
	defer cancel()
	found, err := l.api.ByKey(ask, page.DedupKey)
	if err != nil {
		return 1, err
	}
	requests = 1
	for _, there := range found {
		name := there.ID + " " + string(page.Incident)
		if listened[name] {
			continue
		}
		listened[name] = true
		requests++
		if err := l.listen(ask, page.Incident, there.ID, page.QueuedAt, now); err != nil {
			return requests, err
		}
	}
	return requests, nil
}

// listen reads the log of an incident there on from where it was read to.
func (l *listener) listen(ctx context.Context, id incident.ID, there string, queued, now time.Time) error {
	cursor, err := l.db.Heard(ctx, there, id)
	if err != nil {
		return err
	}
	since := cursor
	if since.IsZero() {
		since = queued
	}
	log, err := l.api.Log(ctx, there, since.Add(-listenOverlap), now.Add(clockSlack))
	if err != nil {
		return err
	}
	newest := since
	for _, e := range log {
		if err := l.record(ctx, id, e, now); err != nil {
			return err
		}
		if e.At.After(newest) && !e.At.After(now) {
			newest = e.At
		}
	}
	if newest.Equal(cursor) {
		return nil // nothing to write: others would wake for it
	}
	return l.db.SetHeard(ctx, there, id, newest)
}

// record puts on the timeline what an entry means, once, whoever has read it.
func (l *listener) record(ctx context.Context, id incident.ID, e pagerduty.Entry, now time.Time) error {
	once := "pagerduty:" + head(e.ID, longestForeign) + ":" + string(id)
	if l.seen[once] || e.Did == pagerduty.Other {
		return nil
	}
	own, err := l.own(ctx, id, e)
	if own || err != nil {
		return err
	}
	var moved *movedError
	err = error(&movedError{})
	for errors.As(err, &moved) { // somebody else acted meanwhile
		err = l.decide(ctx, id, e, once, now)
	}
	var there *incident.DuplicateError
	if errors.As(err, &there) {
		err = nil
	}
	if err == nil {
		l.seen[once] = true
	}
	return err
}

// own says whether an entry is a note of the ladder's, which is no person's doing,
// whoever's name it was written in.
func (l *listener) own(ctx context.Context, id incident.ID, e pagerduty.Entry) (bool, error) {
	if e.Ours == "" {
		return false, nil
	}
	messages, err := l.db.Messages(ctx, id)
	return slices.ContainsFunc(messages, func(m escalation.Message) bool { return m.ID == e.Ours }), err
}

// movedError says that an incident is another one than it was looked at as.
type movedError struct{}

func (*movedError) Error() string { return "the incident has changed" }

func (l *listener) decide(ctx context.Context, id incident.ID, e pagerduty.Entry, once string, now time.Time) error {
	before, err := l.db.Incident(ctx, id)
	if err != nil {
		return err
	}
	back, err := l.givenBack(ctx, before, now)
	if err != nil {
		return err
	}
	by := l.config.heardBy(e, before.Clocks.Declared, now)
	if l.user != "" && e.By.ID == l.user && !e.At.Before(l.as.At.Truncate(time.Second)) {
		by.Actor, by.Claimed, by.Via = l.as.Actor, l.as.Claimed, l.as.Via
	}
	if len(heard(before, e, by, back)) == 0 { // most entries: nobody is kept waiting for the store
		return nil
	}
	_, err = l.db.Decide(ctx, id, func(inc incident.Incident) ([]incident.Event, error) {
		if inc.Seq != before.Seq {
			return nil, &movedError{}
		}
		events := heard(inc, e, by, back)
		for i := range events {
			events[i].Once = once
			if i > 0 {
				events[i].Once = fmt.Sprintf("%s:%d", once, i)
			}
		}
		return events, nil
	})
	return err
}

// givenBack is when the incident was last given back or reopened; zero for never.
func (l *listener) givenBack(ctx context.Context, inc incident.Incident, now time.Time) (last time.Time, err error) {
	events, err := l.db.OfKinds(ctx, inc.Clocks.Declared, now.Add(clockSlack), incident.Unacknowledged, incident.Reopened)
	for _, e := range events {
		if e.Incident == inc.ID && e.At.After(last) {
			last = e.At
		}
	}
	return last, err
}
