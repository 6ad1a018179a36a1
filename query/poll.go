package query

import (
	"context"
	"time"
)

// Poll asks every query of a board once, as a Poller's first round at now does,
// and returns what is known when all have answered or ctx has ended. A panel
// that failed says so in its Err; one that was not answered in time is empty.
func Poll(ctx context.Context, source Source, board *Board, now time.Time) *Snapshot {
	var last *Snapshot
	p := &Poller{Source: source, Board: board, Now: func() time.Time { return now }, Report: func(s *Snapshot) { last = s }}
	r := run{Poller: p, kicked: p.signal(), slots: make(chan struct{}, inFlight), panels: make([]PanelData, len(board.Panels))}
	r.turn(ctx)
	r.workers.Wait()
	return last
}
