package embedded

import (
	"context"
	"errors"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// ErrNothingLearned is that of a server which never told what it scrapes.
var ErrNothingLearned = errors.New("nothing was learned from it yet that could be scraped in its stead")

// Once is what a program that does not stay knows without the server: every target that
// it last told of, scraped once. What looks back knows nothing.
type Once struct {
	Client    *query.Client // of what was scraped
	Learned   time.Time     // when the server told its targets
	Good, All int           // targets that answered, and that it told of
	Shut      string        // which jobs are not scraped, and why
}

// ScrapeOnce scrapes what was learned. Alerts are those that the server told of last,
// and those of rules that do not look back.
func ScrapeOnce(ctx context.Context, l Learned, cfg Config, keys Keys, now time.Time) (*Once, error) {
	if len(l.Targets) == 0 {
		return nil, ErrNothingLearned
	}
	cfg.RampUp = true
	s, err := New(cfg)
	if err != nil {
		return nil, err
	}
	p := l.plan(keys)
	if err := l.apply(s, p); err != nil {
		return nil, err
	}
	s.Resume(l.Alerts)
	s.Scrape(ctx, now)
	s.Evaluate(ctx, now)
	o := &Once{Learned: l.At, All: len(l.Targets), Shut: p.shutText()}
	o.Good, _ = s.Up()
	o.Client, err = query.NewClient(query.Config{URL: Address, HTTP: s.Transport()})
	return o, err
}
