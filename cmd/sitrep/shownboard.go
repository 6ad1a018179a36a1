package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// shownBoard polls the board on the screen: the first one, until another is
// chosen. What was chosen of a board's variables, and what its panels are
// compared with, it knows as long as it lives. Its
// methods may be called from any goroutine and do not wait for a server.
type shownBoard struct {
	boards []query.Board
	poller *query.Poller

	mu       sync.Mutex
	at       int                          // of the board that is shown
	chosen   map[string]query.Values      // by board
	compared map[string]query.Comparisons // by board
	last     *query.Snapshot              // what was reported last
	window   struct {                     // that was wanted last
		span    time.Duration
		columns int // 0: none was
		end     time.Time
	}
}

// newShownBoard shows the first of boards, of which there is one at the least.
func (c *centre) newShownBoard(boards []query.Board, m *tui.Mailbox) *shownBoard {
	b := &shownBoard{boards: boards, chosen: map[string]query.Values{}, compared: map[string]query.Comparisons{}}
	b.poller = &query.Poller{
		Source: c.sources[""], Sources: c.sources, Name: c.client.URL(),
		Report: func(s *query.Snapshot) {
			b.mu.Lock()
			b.last = s
			b.mu.Unlock()
			m.Update(func(w *pane.World) { w.Board = s })
		},
	}
	b.poller.SetBoard(&b.boards[0], nil)
	return b
}

// Run polls until ctx ends, one board after the other.
func (b *shownBoard) Run(ctx context.Context) error { return poll(ctx, b.poller) }

// Show turns to another board, by the name of its file.
func (b *shownBoard) Show(name string) error {
	i := slices.IndexFunc(b.boards, func(board query.Board) bool { return board.Name == name })
	if i < 0 {
		var known []string
		for _, board := range b.boards {
			known = append(known, board.Name)
		}
		return fmt.Errorf("show board %s: there is none of that name; there are %s (boards: in sitrep.yaml)", name, strings.Join(known, ", "))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = i
	b.turn()
	return nil
}

// turn has the poller ask the board that is to be shown, as it was looked at before.
func (b *shownBoard) turn() {
	board := &b.boards[b.at]
	b.poller.SetBoard(board, b.chosen[board.Name])
	if c := b.compared[board.Name]; len(c) > 0 {
		b.poller.SetComparisons(c)
	}
}

// mostPinned bounds the panels of a board that people add to.
const mostPinned = 500

// Pin adds a panel to the board that is shown, for as long as the screen is open. It
// is the first one: where a person looks for what was just asked. A board that is
// being asked is never written to: it is another one then.
func (b *shownBoard) Pin(p query.Panel) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	board := b.boards[b.at]
	if len(board.Panels) >= mostPinned {
		return errors.New("the board has as many panels as a board can have")
	}
	board.Panels = slices.Concat([]query.Panel{p}, board.Panels)
	board.Rows = slices.Clone(board.Rows)
	for i := range board.Rows {
		board.Rows[i].From++
		board.Rows[i].To++
	}
	b.boards = slices.Clone(b.boards)
	b.boards[b.at] = board
	b.turn()
	if w := b.window; w.columns > 0 { // it is the same board to whoever looks
		b.poller.SetWindow(w.span, w.columns, w.end)
	}
	return nil
}

// SetValues chooses values of the board's variables. Those that are not offered are
// refused, as far as it is known what is.
func (b *shownBoard) SetValues(values query.Values) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	board := &b.boards[b.at]
	var offers []query.Offer
	if b.last != nil && b.last.Board.Name == board.Name {
		offers = b.last.Offers
	}
	values, err := board.Choosing(values, offers)
	if err != nil {
		return err
	}
	all := maps.Clone(b.chosen[board.Name])
	if all == nil {
		all = query.Values{}
	}
	maps.Copy(all, values)
	b.chosen[board.Name] = all
	b.poller.SetValues(values)
	return nil
}

// Compare has panels of the board compared with earlier times, until it is said
// otherwise.
func (b *shownBoard) Compare(c query.Comparisons) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.compared[b.boards[b.at].Name] = c
	b.poller.SetComparisons(c)
}

// SetWindow, Ask and Refresh are those of the poller.
func (b *shownBoard) SetWindow(span time.Duration, columns int, end time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.window.span, b.window.columns, b.window.end = span, columns, end
	b.poller.SetWindow(span, columns, end)
}

// Ask has only these panels asked.
func (b *shownBoard) Ask(panels []int) { b.poller.Ask(panels) }

// Refresh asks again now.
func (b *shownBoard) Refresh() { b.poller.Refresh() }
