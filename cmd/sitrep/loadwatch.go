package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

const (
	mostCourse  = 3600            // seconds of a run that the screen shows; the archive has all
	targetEvery = 3 * time.Second // between looks at the target's metrics
)

// loadWatch shows a run as it goes: its seconds, and what the target's own metrics say of
// the same time.
type loadWatch struct {
	board   query.Board // the panels of the target
	service string
	look    func(context.Context, *query.Board, query.Past) *query.Snapshot
	mailbox *tui.Mailbox
	begin   time.Time
	news    chan struct{}

	mu      sync.Mutex
	seconds []loadtest.Second
	target  *query.Snapshot // nil before it has answered
}

func newLoadWatch(service string, boards []query.Board, look func(context.Context, *query.Board, query.Past) *query.Snapshot, mailbox *tui.Mailbox) *loadWatch {
	w := &loadWatch{board: targetBoard(service, boards), service: service, look: look, mailbox: mailbox, begin: time.Now(), news: make(chan struct{}, 1)}
	mailbox.Update(func(world *pane.World) { world.Load.Course, world.Load.OK = nil, 0 })
	return w
}

// keep is for loadtest.Means.Keep.
func (w *loadWatch) keep(s loadtest.Second, _ []loadtest.Row) {
	w.take(time.Now().Add(-time.Duration(s.Second+1)*time.Second), s) // by our clock, as the charts of the target are
}

// take adds seconds of a run that began then.
func (w *loadWatch) take(begin time.Time, fresh ...loadtest.Second) {
	w.mu.Lock()
	if len(w.seconds) == 0 {
		w.begin = begin
	}
	if w.seconds = append(w.seconds, fresh...); len(w.seconds) > mostCourse {
		w.seconds = append(w.seconds[:0:0], w.seconds[len(w.seconds)-mostCourse:]...)
	}
	w.mu.Unlock()
	w.wake()
}

// began is when the first second that is shown began.
func (w *loadWatch) began() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.begin
}

func (w *loadWatch) wake() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// run publishes until ctx ends, and what came last after it.
func (w *loadWatch) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			w.publish()
			return
		case <-w.news:
			w.publish()
		}
	}
}

func (w *loadWatch) publish() {
	w.mu.Lock()
	seconds, target, begin := slices.Clone(w.seconds), w.target, w.begin
	w.mu.Unlock()
	if len(seconds) == 0 {
		return
	}
	course := pane.LoadBoard(begin, time.Now(), seconds)
	if target != nil {
		pane.Beside(course, target, w.service)
	}
	last := seconds[len(seconds)-1]
	w.mailbox.Update(func(world *pane.World) { world.Load.Course, world.Load.OK = course, float64(last.OK()) })
}

// ask looks at the target's metrics until ctx ends.
func (w *loadWatch) ask(ctx context.Context) {
	ticker := time.NewTicker(targetEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		w.mu.Lock()
		span := time.Since(w.begin)
		w.mu.Unlock()
		snap := w.look(ctx, &w.board, query.Past{Span: min(span, mostCourse*time.Second), Columns: mostCourse})
		if snap == nil || ctx.Err() != nil {
			continue
		}
		w.mu.Lock()
		w.target = snap
		w.mu.Unlock()
		w.wake()
	}
}

// look asks a board once.
func (o *operator) look(ctx context.Context, board *query.Board, past query.Past) *query.Snapshot {
	ctx, cancel := context.WithTimeout(ctx, 2*targetEvery)
	defer cancel()
	past.Sources = o.sources
	return query.Look(ctx, o.live(), board, past, time.Now())
}
