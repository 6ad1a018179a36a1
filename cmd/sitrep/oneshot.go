package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// A command that does not stay scrapes once: where there is no server, and where the
// server does not answer. Values of the moment are known then; what looks back is not,
// and that is said: an empty answer would look like one.

// scrapeWithin bounds how long the targets of a server that is gone are waited for.
const scrapeWithin = 15 * time.Second

// gone says that an error means that nobody answers.
func gone(err error) bool {
	return errors.Is(err, query.ErrUnreachable) || errors.Is(err, query.ErrTimeout) || errors.Is(err, query.ErrStarting)
}

// insteadOf is a client of what the server that does not answer would scrape, scraped
// once now. Where nothing can stand in it is the server's own error, with the reason.
func (a *app) insteadOf(ctx context.Context, client *query.Client, why error) (*query.Client, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	why = withCode(exitInconclusive, why)
	if !gone(why) || c.Embedded.Fallback == "off" || c.Embedded.scrapes() || a.deputy != nil || ctx.Err() != nil {
		return nil, why
	}
	l, err := a.learned(ctx, client)
	if err != nil {
		return nil, errors.Join(why, err)
	}
	ctx, cancel := context.WithTimeout(ctx, scrapeWithin)
	defer cancel()
	once, err := embedded.ScrapeOnce(ctx, l, c.Embedded.server(), c.keys(ctx), time.Now())
	if errors.Is(err, embedded.ErrNothingLearned) {
		return nil, withCode(exitInconclusive, fmt.Errorf("%w; %w: an open sitrep, or sitrep daemon, learns it while the server answers", why, err))
	}
	if err != nil {
		return nil, errors.Join(why, err)
	}
	a.deputy = once
	fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(why.Error()))
	fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(saysOnce(once, time.Now())))
	return once.Client, nil
}

// saysOnce says what stands in for the server, and what of it cannot be known.
func saysOnce(o *embedded.Once, now time.Time) string {
	text := fmt.Sprintf("instead %d of the %s that it told of %s ago were scraped once, now: rate() and whatever else looks back cannot be known", o.Good, count(o.All, "target"), strictyaml.FormatDuration(now.Sub(o.Learned).Round(time.Second)))
	if o.Shut != "" {
		text += "; " + o.Shut
	}
	return text
}

// learned is what an earlier process has learned from a server; the zero value where
// there is no store.
func (a *app) learned(ctx context.Context, client *query.Client) (l embedded.Learned, err error) {
	path, err := a.storePath()
	if err != nil {
		return l, err
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return l, nil // a question makes no store
	}
	err = a.withStore(ctx, func(db *store.DB) error {
		l, err = loadLearned(ctx, db, client.URL())
		return err
	})
	return l, err
}

// learnedFrom is the question that what was learned from a server is the answer to.
func learnedFrom(url string) string { return "learned from " + url }

func loadLearned(ctx context.Context, db *store.DB, url string) (l embedded.Learned, err error) {
	body, _, err := db.Answer(ctx, learnedFrom(url))
	if err == nil && body != nil {
		err = json.Unmarshal(body, &l)
	}
	return l, err
}

// scrapedOnly says that whoever is asked was scraped once.
func (a *app) scrapedOnly() bool { return a.once != nil || a.deputy != nil }

// unknowable is why an expression cannot be answered; nil if it can.
func (a *app) unknowable(expr string) error {
	back := embedded.Reach(expr)
	if !a.scrapedOnly() || back == 0 {
		return nil
	}
	return withCode(exitInconclusive, fmt.Errorf("it looks back %s, and the targets were scraped once: that cannot be known (an open sitrep, or sitrep daemon, would have it)", strictyaml.FormatDuration(back)))
}

// onceMoment is the window in which what was scraped once at now is seen: grid points
// lie before it otherwise.
func onceMoment(now time.Time) query.Past {
	return query.Past{Span: 10 * time.Second, Columns: 10, End: now.Add(time.Second)}
}

// lookOnce asks a board of what was scraped once. Panels of which that says nothing
// say why.
func (a *app) lookOnce(ctx context.Context, client *query.Client, sources query.Sources, board *query.Board, past query.Past, now time.Time) *query.Snapshot {
	moment := onceMoment(now)
	moment.Values, moment.Sources, moment.Scrape = past.Values, sources, past.Scrape
	snap := query.Look(ctx, sources[""], board, moment, now)
	snap.Source = client.URL()
	for i := range snap.Panels {
		p, d := &snap.Board.Panels[i], &snap.Panels[i]
		for j := range p.Queries {
			q := &p.Queries[j]
			if !q.Hidden && strings.TrimSpace(q.Source+p.Source+snap.Board.Source) == "" && d.Err == nil {
				if d.Err = a.unknowable(query.Interpolate(q.Expr, query.Window{Step: time.Second, Span: board.Range})); d.Err != nil {
					d.Frame.Series = nil
				}
			}
		}
	}
	return snap
}
