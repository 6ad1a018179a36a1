package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/store"
)

// centre is everything that works behind a screen or a daemon. What it learns
// goes to news, which never blocks.
type centre struct {
	app         *app
	db          *store.DB
	client      *query.Client
	policy      escalation.Policy
	boards      []query.Board
	experiments []experiment
	plans       []loadtest.Plan
	signals     *signals
	rec         *recorder
	ladder      *escalation.Engine
	news        news
}

// news is what a screen wants to know of the engines. Every function may be
// called from any goroutine and must not block.
type news struct {
	signals func(*query.Snapshot)
	ladder  func(escalation.State)
	alerts  func([]alert.Alert, error)
	problem func(string)
}

// silent is news for a program without a screen.
func silent(problem func(string)) news {
	return news{
		signals: func(*query.Snapshot) {}, ladder: func(escalation.State) {}, alerts: func([]alert.Alert, error) {}, problem: problem,
	}
}

// newCentre reads the configuration and everything that it names, so that a
// wrong file is told before anything starts.
func (a *app) newCentre(ctx context.Context, db *store.DB, source string, n news) (*centre, error) {
	c := &centre{app: a, db: db, news: n}
	var err error
	if c.policy, err = a.policy(); err != nil {
		return nil, err
	}
	if c.boards, err = a.boards(); err != nil {
		return nil, err
	}
	if c.experiments, c.plans, err = a.prepared(); err != nil {
		return nil, err
	}
	if c.client, err = a.prometheus(ctx); err != nil {
		return nil, err
	}
	who, err := a.actor()
	if err != nil {
		return nil, err
	}
	c.signals = newSignals(c.client, c.boards, n.signals)
	c.rec = &recorder{db: db, actor: who, source: source, freeze: c.signals.freeze}
	c.ladder, err = a.ladder(ctx, db, n.ladder, func(err error) { n.problem(err.Error()) })
	return c, err
}

// start begins every engine that screen and daemon have in common, in g.
func (c *centre) start(ctx context.Context, g *errgroup.Group) {
	g.Go(func() error { // not before the first picture: a proxy that hangs takes its time
		c.undoLeftovers(ctx)
		return nil
	})
	watcher := &alert.Watcher{
		Known: c.firing(ctx), Source: c.client, Interval: alertInterval(c.boards), Latest: c.news.alerts,
		Report: func(ctx context.Context, changes []alert.Change) error { return c.rec.alerts(ctx, c.policy, changes) },
	}
	for name, run := range map[string]func(context.Context) error{
		"the ladder": c.ladder.Run, "the alerts": watcher.Run, "the signals": c.signals.Run,
	} {
		g.Go(func() error { return c.keep(ctx, name, run) })
	}
}

// firing is the alerts that the timeline knows as firing: those that end while
// nobody watches are told as resolved at the next start.
func (c *centre) firing(ctx context.Context) []alert.Alert {
	now := time.Now()
	events, err := c.db.Between(ctx, now.Add(-lookBack), now, mostEvents)
	if err != nil {
		c.news.problem(fmt.Sprintf("read the alerts of the last day: %v", err))
		return nil
	}
	known := map[string]alert.Alert{}
	for _, e := range events {
		var a alert.Alert
		if e.Kind != incident.AlertFired && e.Kind != incident.AlertResolved || e.Payload(&a) != nil {
			continue
		}
		delete(known, a.Fingerprint)
		if e.Kind == incident.AlertFired {
			known[a.Fingerprint] = a
		}
	}
	return slices.Collect(maps.Values(known))
}

// alertInterval is how often the alerts are asked for: as often as the board.
func alertInterval(boards []query.Board) time.Duration {
	if len(boards) > 0 {
		return boards[0].Refresh
	}
	return 5 * time.Second
}

// keep runs an engine again when it ends before its time, and says so, until
// ctx ends: one engine's trouble is never the end of the others.
func (c *centre) keep(ctx context.Context, name string, run func(context.Context) error) error {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		err := run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		c.news.problem(fmt.Sprintf("%s stopped: %v; it starts again in %s", name, err, pause))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// undoLeftovers undoes what dead runs have left on this host, and puts on the
// timeline what their own recorder could not.
func (c *centre) undoLeftovers(ctx context.Context) {
	dir, err := chaosDir()
	if err != nil {
		c.news.problem(err.Error())
		return
	}
	done, err := chaos.Recover(ctx, dir)
	for _, r := range done {
		if len(r.Undone) > 0 {
			c.news.problem(fmt.Sprintf("%s %s was left by a process that died; undone now: %s", r.Run, r.Experiment, orNone(r.Undone)))
		}
	}
	if err != nil {
		c.news.problem(fmt.Sprintf("faults of dead runs are not proven undone: %v; run sitrep chaos recover", err))
	}
	if err := c.rec.journals(ctx, dir, time.Now().Add(-lookBack)); err != nil {
		c.news.problem(fmt.Sprintf("read the chaos journals: %v", err))
	}
}

// by is the stamp of what the person at this program does now.
func (c *centre) by() incident.By {
	return incident.By{Actor: c.rec.actor, Source: c.rec.source, At: time.Now(), Evidence: c.signals.freeze()}
}

func (c *centre) close() { c.client.CloseIdle() }
