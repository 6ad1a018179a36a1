package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// openFrozen is a board as it was kept at a moment; or, if that is asked for or the
// policy has dropped it, of the samples that were recorded with the incident.
func (o *operator) openFrozen(ctx context.Context, order pane.OpenFrozen) (pane.Receipt, error) {
	f := &pane.Frozen{Incident: order.Incident, What: order.What, At: order.At, Event: order.Event}
	r, err := o.explore.shelf.open(ctx, order.Incident)
	if err == nil {
		f.Recorded = &pane.Stretch{From: r.from, To: r.to}
	} else if order.Recorded || !errors.Is(err, errNotRecorded) {
		return pane.Receipt{}, err
	}
	kept, err := o.keptBoard(ctx, order)
	if err != nil {
		return pane.Receipt{}, err
	}
	if kept != nil && !order.Recorded {
		f.Snapshot = kept
		return pane.Receipt{Frozen: f}, nil
	}
	if r == nil {
		return pane.Receipt{}, fmt.Errorf("%s, %s: %w", order.Incident, order.What, errDropped)
	}
	board, err := o.boardNamed(order.Board, kept)
	if err != nil {
		return pane.Receipt{}, err
	}
	cfg, err := o.app.config()
	if err != nil {
		return pane.Receipt{}, err
	}
	past := query.Past{Span: order.Span, Columns: order.Columns, End: order.End}
	if past.Span <= 0 {
		past.Span = board.Range
	}
	if past.End.IsZero() {
		past.End = aroundMoment(order.At, past.Span, r.to)
	}
	ctx, cancel := context.WithTimeout(ctx, captureWithin)
	defer cancel()
	if f.Snapshot, err = r.look(ctx, cfg, board, past, time.Now()); err != nil {
		return pane.Receipt{}, err
	}
	f.Asked = true
	return pane.Receipt{Frozen: f}, nil
}

// captureWithin bounds how long a board of recorded samples may be worked out.
const captureWithin = 20 * time.Second

// aroundMoment is the end of a window with more before a moment than after it, no
// later than what was recorded.
func aroundMoment(at time.Time, span time.Duration, last time.Time) time.Time {
	end := at.Add(span / 4)
	if end.After(last) && !at.After(last) {
		return last
	}
	return end
}

// keptBoard is the board as it was kept then; nil if it is not there, or not any more.
func (o *operator) keptBoard(ctx context.Context, order pane.OpenFrozen) (*query.Snapshot, error) {
	boards, err := thawed(ctx, o.db, order.Event)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(boards, func(s *query.Snapshot) bool { return s.Board.Name == order.Board }); i >= 0 {
		return boards[i], nil
	}
	return nil, nil
}

// boardNamed is a board of the configuration, or as it was when it was kept.
func (o *operator) boardNamed(name string, kept *query.Snapshot) (*query.Board, error) {
	if i := slices.IndexFunc(o.boards, func(b query.Board) bool { return b.Name == name }); i >= 0 {
		return &o.boards[i], nil
	}
	if kept != nil {
		return kept.Board, nil
	}
	return nil, fmt.Errorf("there is no board %s any more (boards: in sitrep.yaml), and it was not kept then", name)
}
