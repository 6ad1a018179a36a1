// Package alert knows alerts: it watches those of Prometheus and Alertmanager and
// tells each transition once, reads Alertmanager's webhook, groups what comes
// together, speaks Alertmanager's API and lints alerting rules.
package alert

import (
	"context"
	"errors"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// Source gives the alerts and alerting rules of a server; *query.Client does.
type Source interface {
	Alerts(ctx context.Context) ([]query.RawAlert, error)
	Rules(ctx context.Context) ([]query.RawRule, error)
}

// Watcher polls a Source. Set the fields before Run; all functions are called
// by Run's goroutine.
type Watcher struct {
	Source   Source
	Interval time.Duration // between polls; 0 = 5 s
	Known    []Alert       // reported as firing before this process started

	// Again, if set, has the next poll begin at once.
	Again <-chan struct{}

	// Report is told each transition once, of one poll together. If it fails,
	// what still holds of them is offered again with the next poll.
	Report func(context.Context, []Change) error

	// Latest, if set, is told after every poll what is pending and firing,
	// firing first; after a failed poll the last known list with the error.
	// An error of Report comes here too.
	Latest func([]Alert, error)

	// Rules, if set, is told after every poll how the alerting rules do; one
	// with Health "err" cannot fire.
	Rules func([]Rule)
}

// Later is what Report answers when it took all that it was told but these, and
// nothing is wrong: what still holds of them is offered again, and Latest hears no
// error.
type Later []Change

func (Later) Error() string { return "later" }

// longest wait between polls while the server does not answer.
const longestPause = 5 * time.Second

// Run polls until ctx ends and returns its error. An alert resolves only by
// answers without it, never by an error (see memory.step for the rest).
func (w *Watcher) Run(ctx context.Context) error {
	interval := w.Interval
	if interval <= 0 {
		interval = 5 * time.Second
	}
	known := remember(w.Known)
	var last []Alert
	for {
		var err error
		known, last, err = w.poll(ctx, known, last)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if w.Latest != nil {
			w.Latest(last, err)
		}
		pause := interval
		if err != nil {
			pause = min(pause, longestPause)
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-w.Again:
			t.Stop()
		case <-t.C:
		}
	}
}

// poll asks once and reports what changed. The memory moves on only when the
// report was taken.
func (w *Watcher) poll(ctx context.Context, known memory, last []Alert) (memory, []Alert, error) {
	raw, err := w.Source.Alerts(ctx)
	if err != nil {
		return known, last, err
	}
	rules, rulesErr := w.Source.Rules(ctx)
	if rulesErr != nil {
		rules = nil // not every backend has them
	} else if w.Rules != nil {
		w.Rules(rules)
	}
	now := From(raw)
	changes, next := known.step(now, rules)
	if len(changes) > 0 && w.Report != nil {
		var later Later
		switch err := w.Report(ctx, changes); {
		case errors.As(err, &later):
			next.putOff(later)
		case err != nil:
			return known, now, err
		}
	}
	return next, now, nil
}
