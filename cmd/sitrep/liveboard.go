package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// liveBoard is the board that a screen shows. Panels that are pinned to it come with
// a poller of their own: a board that is being asked is never written to.
type liveBoard struct {
	mu      sync.Mutex
	poller  *query.Poller
	end     context.CancelFunc // of its run; nil before
	changed bool
	span    time.Duration // of the window that was wanted last
	columns int           // 0: none was
	until   time.Time
}

// Run asks the board until ctx ends.
func (b *liveBoard) Run(ctx context.Context) error {
	for {
		b.mu.Lock()
		run, end := context.WithCancel(ctx)
		b.end, b.changed = end, false
		p := b.poller
		b.mu.Unlock()
		err := poll(run, p)
		end()
		b.mu.Lock()
		again := b.changed && ctx.Err() == nil && errors.Is(err, context.Canceled)
		b.mu.Unlock()
		if !again {
			return err
		}
	}
}

// SetWindow is Poller's.
func (b *liveBoard) SetWindow(span time.Duration, columns int, end time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.span, b.columns, b.until = span, columns, end
	b.poller.SetWindow(span, columns, end)
}

// Refresh is Poller's.
func (b *liveBoard) Refresh() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.poller.Refresh()
}

// mostPinned bounds the panels of a board that people add to.
const mostPinned = 500

// Pin adds a panel, for as long as the screen is open. It is the first one: where a
// person looks for what was just asked.
func (b *liveBoard) Pin(p query.Panel) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.poller
	if len(old.Board.Panels) >= mostPinned {
		return errors.New("the board has as many panels as a board can have")
	}
	board := *old.Board
	board.Panels = slices.Concat([]query.Panel{p}, old.Board.Panels)
	board.Rows = slices.Clone(old.Board.Rows)
	for i := range board.Rows {
		board.Rows[i].From++
		board.Rows[i].To++
	}
	b.poller = &query.Poller{Source: old.Source, Board: &board, Report: old.Report, Now: old.Now, Name: old.Name}
	if b.columns > 0 {
		b.poller.SetWindow(b.span, b.columns, b.until)
	}
	b.changed = true
	if b.end != nil {
		b.end()
	}
	return nil
}
