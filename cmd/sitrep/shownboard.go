package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// shownBoard polls the board on the screen: the first one, until another is
// chosen. Its methods may be called from any goroutine.
type shownBoard struct {
	boards []query.Board
	poller func(*query.Board) *query.Poller
	other  chan struct{} // another board was chosen

	mu      sync.Mutex
	now     *query.Poller
	columns int
}

// shownBoard is nil without a board.
func (c *centre) shownBoard(m *tui.Mailbox) *shownBoard {
	if len(c.boards) == 0 {
		return nil
	}
	b := &shownBoard{boards: c.boards, other: make(chan struct{}, 1), poller: func(board *query.Board) *query.Poller {
		return &query.Poller{
			Source: c.sources[""], Board: board, Name: c.client.URL(),
			Report: func(s *query.Snapshot) { m.Update(func(w *pane.World) { w.Board = s }) },
		}
	}}
	b.turnTo(&b.boards[0])
	return b
}

func (b *shownBoard) turnTo(board *query.Board) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.poller(board)
	b.now.Ask(board.Open())
	if b.columns > 0 {
		b.now.SetWindow(0, b.columns, time.Time{})
	}
}

func (b *shownBoard) current() *query.Poller {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// Run polls until ctx ends, one board after the other.
func (b *shownBoard) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		one, end := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- poll(one, b.current()) }()
		select {
		case <-b.other:
			end()
			<-ended
		case err := <-ended:
			end()
			return err
		}
	}
	return ctx.Err()
}

// Show turns to another board, by the name of its file.
func (b *shownBoard) Show(name string) error {
	var known []string
	for i := range b.boards {
		if b.boards[i].Name == name {
			b.turnTo(&b.boards[i])
			b.turned()
			return nil
		}
		known = append(known, b.boards[i].Name)
	}
	return fmt.Errorf("show board %s: there is none of that name; there are %s (boards: in sitrep.yaml)", name, strings.Join(known, ", "))
}

// mostPinned bounds the panels of a board that people add to.
const mostPinned = 500

// Pin adds a panel to the board that is shown, for as long as the screen is open. It
// is the first one: where a person looks for what was just asked. The board has a
// poller of its own then: one that is being asked is never written to.
func (b *shownBoard) Pin(p query.Panel) error {
	old := b.current().Board
	if len(old.Panels) >= mostPinned {
		return errors.New("the board has as many panels as a board can have")
	}
	board := *old
	board.Panels = slices.Concat([]query.Panel{p}, old.Panels)
	board.Rows = slices.Clone(old.Rows)
	for i := range board.Rows {
		board.Rows[i].From++
		board.Rows[i].To++
	}
	for i := range b.boards {
		if b.boards[i].Name == board.Name {
			b.boards[i] = board
		}
	}
	b.turnTo(&board)
	b.turned()
	return nil
}

// turned tells Run.
func (b *shownBoard) turned() {
	select {
	case b.other <- struct{}{}:
	default: // Run has not seen the last turn yet, and will see this one
	}
}

// SetWindow, Ask and Refresh are those of the poller.
func (b *shownBoard) SetWindow(span time.Duration, columns int, end time.Time) {
	b.mu.Lock()
	b.columns = columns
	b.mu.Unlock()
	b.current().SetWindow(span, columns, end)
}

// Ask has only these panels asked.
func (b *shownBoard) Ask(panels []int) { b.current().Ask(panels) }

// Refresh asks again now.
func (b *shownBoard) Refresh() { b.current().Refresh() }
