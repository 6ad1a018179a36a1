package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/health"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/slo"
	"github.com/sitrep-dev/sitrep/readiness"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// gatherer gathers what the cards of services and the routine are made of for the
// screen: every five minutes, and soon after something happened that counts. What the
// objectives and the checks say is known in this process; the server is asked for its
// rules alone, and while it does not answer what it said last holds.
type gatherer struct {
	*centre
	mailbox *tui.Mailbox
	ask     func(context.Context) ([]query.RawRule, error)

	pause    time.Duration // after an event: a burst of them costs one gathering
	patience time.Duration // with the server

	cursor int64
	told   *history
	rules  []query.RawRule
	at     time.Time // when the server told the rules; zero: never
	asked  time.Time
	err    error         // of the last question
	soon   time.Duration // until the next gathering, while first looks are awaited

	mu    sync.Mutex
	again bool   // a person wants it gathered now
	stir  func() // ends the wait that is under way
}

// gatherEvery is how often it is gathered without an event. While objectives or checks
// wait for their first look it is sooner, beginning with gatherSoon.
const (
	gatherEvery = 5 * time.Minute
	gatherSoon  = 2 * time.Second
)

func newGatherer(c *centre, m *tui.Mailbox) *gatherer {
	return &gatherer{centre: c, mailbox: m, ask: c.client.Rules, pause: 300 * time.Millisecond, patience: 10 * time.Second, soon: gatherSoon, stir: func() {}}
}

// refresh has it gathered again at once, with the server asked. It may be called from
// any goroutine, and does not wait.
func (g *gatherer) refresh() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.again = true
	g.stir()
}

// wanted says whether a person wants it gathered, once.
func (g *gatherer) wanted() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	again := g.again
	g.again = false
	return again
}

// Run keeps what the screen knows of readiness true until ctx ends. It fails when the
// store cannot be read; what was published last stays then, with its age.
func (g *gatherer) Run(ctx context.Context) (err error) {
	if g.cursor, err = g.db.Last(ctx); err != nil { // first: what comes meanwhile is learnt twice rather than missed
		return err
	}
	if g.told, err = readHistory(ctx, g.db, time.Now()); err != nil {
		return err
	}
	for {
		if now := time.Now(); g.wanted() || now.Sub(g.asked) >= gatherEvery {
			g.askRules(ctx, now)
		}
		if err := g.publish(ctx, time.Now()); err != nil {
			return err
		}
		if err := g.next(ctx); err != nil {
			return err
		}
	}
}

// askRules asks the server for its rules. An answer that fails is no reason to forget
// the one before.
func (g *gatherer) askRules(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, g.patience)
	defer cancel()
	g.asked = now
	rules, err := g.ask(ctx)
	if g.err = err; err == nil {
		g.rules, g.at = rules, now
	}
}

// publish works out cards and routine of what is known, and shows them.
func (g *gatherer) publish(ctx context.Context, now time.Time) error {
	ready := g.ready()
	e := &knowledge{
		db: g.db, now: now, objectives: g.standings(), rules: g.rules, rulesErr: g.err, rulesAt: g.at,
		runbooks: g.runbooks, plans: ready.plans, gamedays: ready.days, policy: g.policy, looked: g.looked(), history: g.told,
	}
	for _, x := range ready.experiments {
		e.experiments = append(e.experiments, x.Experiment)
	}
	if err := e.readStates(ctx); err != nil {
		return err
	}
	r := &pane.Readiness{Due: readiness.Review(e.facts(), now), At: now, Err: g.err, Told: g.at}
	for _, service := range e.services() {
		r.Cards = append(r.Cards, readiness.Assess(e.of(service), now))
	}
	g.mailbox.Update(func(w *pane.World) { w.Readiness = r })
	return nil
}

// standings are the objectives as the screen shows them. Before the first look at them
// nothing is known of any.
func (g *gatherer) standings() []slo.Status {
	if known := g.mailbox.World().SLOs; len(known) > 0 {
		return known
	}
	out := make([]slo.Status, len(g.objectives))
	for i, o := range g.objectives {
		out[i].Objective = o
	}
	return out
}

// looked is when the last of the checks was looked at; zero while one was not, or could
// not be.
func (g *gatherer) looked() (at time.Time) {
	if g.checker == nil {
		return at
	}
	for _, r := range g.checker.runner.Results() {
		if r.Status == health.Unknown {
			return time.Time{}
		}
		if at.IsZero() || r.At.Before(at) {
			at = r.At
		}
	}
	return at
}

// next returns when it is time to gather again.
func (g *gatherer) next(ctx context.Context) error {
	wait := gatherEvery
	if g.unlooked() {
		wait, g.soon = g.soon, min(2*g.soon, gatherEvery)
	}
	until, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	g.mu.Lock()
	g.stir = cancel
	again := g.again
	g.mu.Unlock()
	for !again {
		err := g.db.Wait(until, g.cursor)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case until.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		if err := pause(ctx, g.pause); err != nil {
			return err
		}
		if news, err := g.take(ctx); err != nil || news {
			return err
		}
	}
	return nil
}

// unlooked says whether an objective or a check waits for its first look.
func (g *gatherer) unlooked() bool {
	if len(g.objectives) > 0 && len(g.mailbox.World().SLOs) == 0 {
		return true
	}
	return g.checker != nil && slices.ContainsFunc(g.checker.runner.Results(), func(r health.Result) bool { return r.At.IsZero() })
}

// take learns what was recorded since, and says whether any of it is worth a gathering.
func (g *gatherer) take(ctx context.Context) (news bool, err error) {
	for {
		events, err := g.db.After(ctx, g.cursor, mostEvents)
		if err != nil || len(events) == 0 {
			return news, err
		}
		g.cursor = events[len(events)-1].Seq
		for i := range events {
			g.told.learn(&events[i])
			news = news || readies(events[i].Kind)
		}
	}
}

// readies says whether an event of that kind changes a card or the routine at once.
// Alerts fire often, and that one did is needed once in 90 days: they wait for the clock.
func readies(k incident.Kind) bool {
	family, _, _ := strings.Cut(string(k), ".")
	switch k {
	case incident.RoutineSigned, incident.LoadFinished, incident.ChaosFinished, incident.GamedayStarted, incident.GamedayFinished, incident.GamedayReminded:
		return true
	}
	return family == "incident" || family == "item" || family == "postmortem"
}
