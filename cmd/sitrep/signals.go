package main

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// signals keeps the values of the first board's signals fresh, whatever a
// screen shows at the moment: what is frozen into an event is what was true
// when it happened, not the week that somebody was looking at.
type signals struct {
	poller *query.Poller
	latest atomic.Pointer[query.Snapshot]
}

// newSignals is nil without a board that has signals: then nothing is frozen.
func newSignals(source query.Source, sources query.Sources, name string, boards []query.Board, report func(*query.Snapshot)) *signals {
	if len(boards) == 0 {
		return nil
	}
	board := signalsOf(boards[0])
	if len(board.Panels) == 0 {
		return nil
	}
	s := &signals{}
	s.poller = &query.Poller{Source: source, Sources: sources, Board: board, Name: name, Report: func(snap *query.Snapshot) {
		s.latest.Store(snap)
		report(snap)
	}}
	s.poller.SetWindow(board.Range, 2*query.SparkPoints, time.Time{})
	return s
}

// Run polls until ctx ends.
func (s *signals) Run(ctx context.Context) error {
	if s == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return poll(ctx, s.poller)
}

// poll runs a poller with the scrape interval that its server says; one that
// does not say gets the default.
func poll(ctx context.Context, p *query.Poller) error {
	if s, ok := p.Source.(interface {
		ScrapeInterval(ctx context.Context) (time.Duration, error)
	}); ok {
		ask, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		p.Scrape, _ = s.ScrapeInterval(ask) // unknown is 0, the default
		cancel()
	}
	return p.Run(ctx)
}

// freeze is the signals' values for an event; it never waits. Nil if nothing
// is known.
func (s *signals) freeze() json.RawMessage {
	if s == nil {
		return nil
	}
	snap := s.latest.Load()
	if snap == nil {
		return nil
	}
	return freeze(snap)
}

// recorder is the recorder of a command, with the signals kept fresh while it
// runs. Its store is set by the caller; stop ends the polling.
func (a *app) recorder(ctx context.Context) (rec *recorder, stop func(), err error) {
	by, err := a.by(nil)
	if err != nil {
		return nil, nil, err
	}
	rec = &recorder{by: by, freeze: func() json.RawMessage { return nil }}
	boards, err := a.boards()
	if err != nil {
		return nil, nil, err
	}
	client, err := a.prometheus(ctx)
	if err != nil {
		return nil, nil, err
	}
	sources, closeAll, err := a.boardSources(ctx, client)
	if err != nil {
		return nil, nil, err
	}
	live := newSignals(sources[""], sources, client.URL(), boards, func(*query.Snapshot) {})
	rec.freeze = live.freeze
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = live.Run(ctx) // ends with ctx; a signal that cannot be read is "no data"
	}()
	return rec, func() {
		cancel()
		<-over
		closeAll()
	}, nil
}
