package query

import (
	"context"
	"time"
)

// Poll asks every query of a board once, as a Poller's first round at now does,
// and returns what is known when all have answered or ctx has ended. A panel
// that failed says so in its Err; one that was not answered in time is empty.
func Poll(ctx context.Context, source Source, board *Board, now time.Time) *Snapshot {
	p := &Poller{Source: source, Board: board, Now: func() time.Time { return now }}
	return p.once(ctx)
}
