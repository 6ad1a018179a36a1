package main

import (
	"context"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// pastRuns is what the timeline tells of runs of experiments: a fold of the events of
// pastKinds, to be learned in the order of recording.
type pastRuns struct {
	list []pane.ChaosPast
	at   map[string]int // in list, by ULID
}

func pastKinds() []incident.Kind {
	return []incident.Kind{incident.ChaosStarted, incident.ChaosFinished}
}

// readPast reads all of them, however long ago.
func readPast(ctx context.Context, db *store.DB) (*pastRuns, error) {
	events, err := db.OfKinds(ctx, time.Unix(0, 0), time.Now().Add(time.Hour), pastKinds()...)
	if err != nil {
		return nil, err
	}
	p := &pastRuns{at: map[string]int{}}
	for i := range events {
		p.learn(&events[i])
	}
	return p, nil
}

// learn takes an event in; false if it says nothing of runs.
func (p *pastRuns) learn(e *incident.Event) bool {
	var r chaos.Report
	if !slices.Contains(pastKinds(), e.Kind) || e.Payload(&r) != nil || r.ID == "" {
		return false
	}
	i, known := p.at[r.ID]
	if !known {
		i = len(p.list)
		p.at[r.ID] = i
		p.list = append(p.list, pane.ChaosPast{Run: r.Run, ID: r.ID, Experiment: r.Experiment, By: e.Who(), Began: e.At})
	}
	one := &p.list[i]
	if e.Kind == incident.ChaosFinished && r.Outcome != nil {
		one.Ended, one.Outcome = e.At, r.Outcome
		if one.Experiment == "" { // of a runner that died
			one.Experiment = r.Experiment
		}
	}
	return true
}

// held says of runs whose journals are open who has them.
func (p *pastRuns) held(open []chaos.OpenRun) {
	for _, o := range open {
		if i, known := p.at[o.ID]; known && p.list[i].Outcome == nil {
			p.list[i].Holder = o.Holder()
		}
	}
}

// newest are the last n. What is returned is never written to again.
func (p *pastRuns) newest(n int) []pane.ChaosPast {
	return slices.Clone(p.list[max(0, len(p.list)-n):])
}

// mostPast is how many runs the screen looks back.
const mostPast = 500

// watchPast keeps the past runs of the screen's world true until ctx ends.
func watchPast(ctx context.Context, db *store.DB, m *tui.Mailbox) error {
	var past *pastRuns
	return follow(ctx, db,
		func() (err error) { past, err = readPast(ctx, db); return err },
		func(e *incident.Event) bool { return past.learn(e) },
		func() { m.Update(func(w *pane.World) { w.Chaos.Past = past.newest(mostPast) }) })
}

// follow reads what there is, shows it, and shows it again whenever events that have come
// since change it, until ctx ends. learn says whether an event does.
func follow(ctx context.Context, db *store.DB, read func() error, learn func(*incident.Event) bool, show func()) error {
	cursor, err := db.Last(ctx) // first: what comes meanwhile is read twice rather than missed
	if err != nil {
		return err
	}
	if err := read(); err != nil {
		return err
	}
	for changed := true; ; {
		if changed {
			show()
		}
		if err := db.Wait(ctx, cursor); err != nil {
			return err
		}
		events, err := db.After(ctx, cursor, mostEvents)
		if err != nil {
			return err
		}
		changed = false
		for i := range events {
			cursor = events[i].Seq
			changed = learn(&events[i]) || changed
		}
	}
}
