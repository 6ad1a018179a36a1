package loadtest

import (
	"context"
	"sync"
)

// SecondLog takes the seconds of a run as they come. KeepSeconds keeps all of them or none.
type SecondLog interface {
	KeepSeconds(ctx context.Context, run string, seconds []Second, rows []Row) error
}

// Keeper writes the seconds of one run to a log, beside the engine: Keep never waits for
// it. What the log does not take is tried again with the next second, so that a store that is
// busy or full for a while loses nothing; until then it is kept in memory.
type Keeper struct {
	Log SecondLog
	Run string

	mu      sync.Mutex
	seconds []Second
	rows    []Row
	news    chan struct{}
}

// NewKeeper is one for a run.
func NewKeeper(log SecondLog, run string) *Keeper {
	return &Keeper{Log: log, Run: run, news: make(chan struct{}, 1)}
}

// Keep is for Means.Keep.
func (k *Keeper) Keep(s Second, rows []Row) {
	k.mu.Lock()
	k.seconds, k.rows = append(k.seconds, s), append(k.rows, rows...)
	k.mu.Unlock()
	select {
	case k.news <- struct{}{}:
	default:
	}
}

// Write writes until ctx ends. Flush writes what came after.
func (k *Keeper) Write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.news:
		}
		_ = k.Flush(ctx) // the next second, or the last Flush, tries again
	}
}

// Flush writes what is not written yet. Not to be called beside Write.
func (k *Keeper) Flush(ctx context.Context) error {
	k.mu.Lock()
	seconds, rows := k.seconds, k.rows
	k.seconds, k.rows = nil, nil
	k.mu.Unlock()
	if len(seconds) == 0 {
		return nil
	}
	err := k.Log.KeepSeconds(ctx, k.Run, seconds, rows)
	if err != nil {
		k.mu.Lock()
		k.seconds, k.rows = append(seconds, k.seconds...), append(rows, k.rows...)
		k.mu.Unlock()
	}
	return err
}
