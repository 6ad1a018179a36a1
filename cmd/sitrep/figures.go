package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// figures works the statistics out for the screen, those of alerts too, and says which
// incidents of long ago have left something to be done. It reads all incidents once,
// and then those that something happened to.
type figures struct {
	db      *store.DB
	mailbox *tui.Mailbox
	zone    *time.Location // that tells when it is night; nil is UTC

	pause time.Duration // after a change: a busy night costs a computation now and then

	cursor  int64
	all     map[incident.ID]incident.Incident
	firings *firings
}

func newFigures(db *store.DB, m *tui.Mailbox, zone *time.Location) *figures {
	return &figures{db: db, mailbox: m, zone: zone, pause: 2 * time.Second}
}

// figuresEvery is how often they are worked out without a change: the ranges end
// now.
const figuresEvery = time.Hour

// Run keeps the figures true until ctx ends.
func (f *figures) Run(ctx context.Context) error {
	if err := f.load(ctx); err != nil {
		return err
	}
	for {
		f.publish(time.Now())
		if err := f.next(ctx); err != nil {
			return err
		}
	}
}

// load reads everything. The cursor is taken first: what comes meanwhile is read
// twice rather than missed.
func (f *figures) load(ctx context.Context) (err error) {
	if f.cursor, err = f.db.Last(ctx); err != nil {
		return err
	}
	list, err := f.db.Incidents(ctx, false, 0)
	if err != nil {
		return err
	}
	f.all = make(map[incident.ID]incident.Incident, len(list))
	for _, inc := range list {
		f.all[inc.ID] = inc
	}
	f.firings, err = readFirings(ctx, f.db, time.Now().Add(-firingMemory))
	return err
}

// next returns when the figures may be others.
func (f *figures) next(ctx context.Context) error {
	until, cancel := context.WithTimeout(ctx, figuresEvery)
	defer cancel()
	for {
		err := f.db.Wait(until, f.cursor)
		if ctx.Err() == nil && until.Err() != nil && (err == nil || errors.Is(err, context.DeadlineExceeded)) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := pause(ctx, f.pause); err != nil {
			return err
		}
		changed, err := f.take(ctx)
		if err != nil || changed {
			return err
		}
	}
}

// take reads the incidents anew that something happened to which counts.
func (f *figures) take(ctx context.Context) (changed bool, err error) {
	for {
		events, err := f.db.After(ctx, f.cursor, mostEvents)
		if err != nil || len(events) == 0 {
			return changed, err
		}
		f.cursor = events[len(events)-1].Seq
		fresh := map[incident.ID]bool{}
		for _, e := range events {
			changed = f.firings.learn(&e) || changed
			if e.Incident == "" || fresh[e.Incident] || !counts(e.Kind) {
				continue
			}
			fresh[e.Incident] = true
			inc, err := f.db.Incident(ctx, e.Incident)
			if err != nil {
				return changed, err
			}
			f.all[e.Incident], changed = inc, true
		}
	}
}

// counts says whether an event of that kind may change a figure: pages and the
// steps of the ladder, which are most, do not.
func counts(k incident.Kind) bool {
	family, _, _ := strings.Cut(string(k), ".")
	return family == "incident" || family == "item" || family == "action"
}

func (f *figures) publish(now time.Time) {
	list := make([]incident.Incident, 0, len(f.all))
	var promised []incident.Incident
	for _, inc := range f.all {
		list = append(list, inc)
		if slices.ContainsFunc(inc.Items, func(it incident.OpenItem) bool { return it.Closed.IsZero() }) {
			promised = append(promised, inc)
		}
	}
	slices.SortFunc(promised, func(a, b incident.Incident) int { return a.Clocks.Declared.Compare(b.Clocks.Declared) })
	f.firings.forget(now.Add(-firingMemory))
	worked, record := pane.FiguresOf(list, now), f.firings.record(list, f.zone, now)
	f.mailbox.Update(func(w *pane.World) { w.Figures, w.Promised, w.Record = worked, promised, record })
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
