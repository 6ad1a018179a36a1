package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/cmd/sitrep/lab"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/slo"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// mostProblems is how many problems of engines a screen remembers.
const mostProblems = 20

// screen opens the command centre; l is the lab that it shows, if any.
func (a *app) screen(ctx context.Context, l *lab.Lab) error {
	if err := tui.Usable(); err != nil {
		return err
	}
	db, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	mailbox := tui.NewMailbox()
	c, err := a.newCentre(ctx, db, "tui", mailboxNews(mailbox))
	if err != nil {
		return err
	}
	defer c.close()
	options, err := a.screenOptions(ctx, db, mailbox)
	if err != nil {
		return err
	}
	life, end := context.WithCancel(ctx)
	defer end()
	boards, err := a.boardsToShow()
	if err != nil {
		return err
	}
	board := c.newShownBoard(boards, mailbox)
	op := newOperator(life, c, mailbox, board)
	if op.explore, err = newExplorer(c, mailbox, board); err != nil {
		return err
	}
	options.Operator = op
	here := newPresence(db, c.rec.by.Actor, mailbox)
	options.LooksAt = here.look
	if op.duties, err = c.newDuties(ctx, mailbox); err != nil {
		return err
	}
	options.Shows = op.duties.Shows
	op.gatherer = newGatherer(c, mailbox)
	prepare := newFileWatch(c, mailbox)
	if err := prepare.read(); err != nil {
		return err
	}
	mailbox.Update(func(w *pane.World) {
		w.Delivery.Policy, w.People, w.Phones, w.Runbooks = c.policy, c.people(), c.phones(), c.runbooks
		for i := range boards {
			w.Boards = append(w.Boards, boards[i].Name)
		}
	})
	g, engines := errgroup.WithContext(life)
	c.start(engines, g)
	follow := &follower{db: db, mailbox: mailbox, onCall: c.onCall}
	g.Go(func() error { return c.keep(engines, "the timeline", follow.Run) })
	g.Go(func() error { return c.keep(engines, "who is here", here.Run) })
	g.Go(func() error { return c.keep(engines, "who is on call now", op.duties.Run) })
	g.Go(func() error { return c.keep(engines, "the statistics", newFigures(db, mailbox, options.Zone).Run) })
	g.Go(func() error { return c.keep(engines, "what can be started", prepare.Run) })
	g.Go(func() error { return c.keep(engines, "the scorecard", op.gatherer.Run) })
	g.Go(func() error {
		return c.keep(engines, "the runs", func(ctx context.Context) error { return watchRuns(ctx, mailbox) })
	})
	g.Go(func() error {
		return c.keep(engines, "the HALT file", func(ctx context.Context) error { return watchHalt(ctx, mailbox) })
	})
	g.Go(func() error {
		return c.keep(engines, "the past runs", func(ctx context.Context) error { return watchPast(ctx, db, mailbox) })
	})
	g.Go(func() error {
		return c.keep(engines, "the game days", func(ctx context.Context) error { return watchGamedays(ctx, db, mailbox) })
	})
	g.Go(func() error { return c.keep(engines, "load of others", op.watchLoads) })
	g.Go(func() error { return c.keep(engines, "the board", board.Run) })
	if l != nil {
		g.Go(func() error { return watchLedger(engines, l, mailbox) })
	}
	left := mailbox.World()
	g.Go(func() error {
		defer end() // the person is done, so everything ends
		err := tui.Run(engines, options)
		left = mailbox.World()
		return err
	})
	err = g.Wait()
	op.wait()
	a.sayFarewell(left)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	if l == nil && a.terminalLost() {
		err = errors.Join(err, a.handOver(context.WithoutCancel(ctx), db))
	}
	return err
}

// mailboxNews passes on what the engines say to the screen.
func mailboxNews(m *tui.Mailbox) news {
	return news{
		signals: func(s *query.Snapshot) { m.Update(func(w *pane.World) { w.Signals = query.Signals(s) }) },
		ladder:  func(s escalation.State) { m.Update(func(w *pane.World) { w.Delivery = delivery(w.Delivery, s) }) },
		slos:    func(all []slo.Status) { m.Update(func(w *pane.World) { w.SLOs = all }) },
		alerts: func(n alertNews) {
			m.Update(func(w *pane.World) {
				w.Alerts = pane.Alerts{List: n.list, Silences: n.silences, Rules: n.rules, Manager: n.manager, Tellers: n.tellers, At: n.at, Err: n.err}
			})
		},
		problem: func(text string) { tell(m, pane.Problem{Text: text, At: time.Now()}) },
		told:    func(text string) { tell(m, pane.Problem{Text: text, At: time.Now(), Past: true}) },
		solved: func(text string) {
			m.Update(func(w *pane.World) {
				w.Problems = slices.DeleteFunc(slices.Clone(w.Problems), func(p pane.Problem) bool { return p.Text == text })
			})
		},
	}
}

// tell adds what an engine has to say.
func tell(m *tui.Mailbox, p pane.Problem) {
	m.Update(func(w *pane.World) {
		w.Problems = append(slices.Clone(w.Problems[max(0, len(w.Problems)-mostProblems+1):]), p)
	})
}

// watchRuns shows the runs of other processes on this host.
func watchRuns(ctx context.Context, m *tui.Mailbox) error {
	dir, err := chaosDir()
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var before []chaos.OpenRun
	for {
		open, err := chaos.Active(dir)
		if err != nil {
			return err
		}
		if len(open) > 0 || len(before) > 0 {
			ends := endsOf(before, open)
			m.Update(func(w *pane.World) { w.Chaos.Runs = withEnds(withOthers(w.Chaos.Runs, open), ends) })
		}
		before = open
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// endsOf are how the runs ended that were open before, by ULID, as far as their journals tell.
func endsOf(before, open []chaos.OpenRun) map[string]*chaos.Outcome {
	ends := map[string]*chaos.Outcome{}
	for _, b := range before {
		if slices.ContainsFunc(open, func(o chaos.OpenRun) bool { return o.ID == b.ID }) {
			continue
		}
		if l, err := chaos.ReadLog(b.Journal); err == nil { // a journal that is gone tells nothing
			ends[b.ID] = l.Outcome()
		}
	}
	return ends
}

// watchHalt shows whether somebody has forbidden runs. It is an engine of its own: a
// journal that cannot be read hides no HALT.
func watchHalt(ctx context.Context, m *tui.Mailbox) error {
	dir, err := chaosDir()
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var told *chaos.HaltFile
	for {
		var now *chaos.HaltFile
		if h, is := chaos.ReadHalt(dir); is {
			now = &h
		}
		if (now == nil) != (told == nil) || now != nil && *now != *told {
			m.Update(func(w *pane.World) { w.Chaos.Halt = now })
		}
		told = now
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// watchLedger shows what the lab's stand-ins received.
func watchLedger(ctx context.Context, l *lab.Lab, m *tui.Mailbox) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var known time.Time // of the newest entry: a full ledger no longer grows
	for {
		if entries := l.Ledger(); len(entries) > 0 && entries[len(entries)-1].At.After(known) {
			known = entries[len(entries)-1].At
			list := make([]pane.LedgerEntry, len(entries))
			for i, e := range entries {
				list[i] = pane.LedgerEntry{At: e.At, Service: e.Service, Path: e.Path, Summary: e.Summary, Status: e.Status}
			}
			m.Update(func(w *pane.World) { w.Ledger = list })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (a *app) screenOptions(ctx context.Context, db *store.DB, m *tui.Mailbox) (tui.Options, error) {
	c, err := a.config()
	if err != nil {
		return tui.Options{}, err
	}
	who, err := a.actor()
	if err != nil {
		return tui.Options{}, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	prod, err := a.prod()
	if err != nil {
		return tui.Options{}, err
	}
	o := tui.Options{Mailbox: m, Actor: who, Host: host, Context: a.flags.context, Prod: prod}
	if o.Zone, err = c.zone(); err != nil {
		return o, err
	}
	if o.Theme, err = c.theme(); err != nil {
		return o, err
	}
	o.WriteUntil, err = a.elevated(ctx, db, prod) // last: it stands on the timeline
	return o, err
}

// delivery is how the ladder stands, for the screen.
func delivery(d pane.Delivery, s escalation.State) pane.Delivery {
	d.Unasked = false
	d.Holder, d.Why, d.Mine, d.Sinks = s.Holder, s.Why, s.Mine, nil
	for _, sink := range s.Sinks {
		d.Sinks = append(d.Sinks, pane.Sink{Name: sink.Name, State: sink.State, Why: sink.Why, Until: sink.Until})
	}
	return d
}
