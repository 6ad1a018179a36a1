package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/query/embedded"
	"github.com/sitrep-dev/sitrep/query/slo"
	"github.com/sitrep-dev/sitrep/store"
)

// centre is everything that works behind a screen or a daemon. What it learns
// goes to news, which never blocks.
type centre struct {
	app        *app
	db         *store.DB
	client     *query.Client
	sources    query.Sources     // for what is asked again and again
	scraper    *scraper          // nil: there is a server
	standby    *embedded.Standby // nil: nothing stands in for the server
	checker    *checker          // nil: the configuration has no checks
	closeAll   func()            // their connections
	policy     escalation.Policy
	boards     []query.Board
	files      atomic.Pointer[prepared] // see ready
	runbooks   []runbook.Runbook
	signals    *signals
	rec        *recorder
	ladder     *escalation.Engine
	mirror     *changeMirror // nil: no changes go to or come from PagerDuty
	listener   *listener     // nil: PagerDuty is not read
	onCall     *onCallList
	desk       *alertDesk
	watch      *alertWatch
	objectives []slo.Objective
	burns      *burnWatch       // nil: there are no objectives
	webhook    *webhookListener // nil: no notifications are taken in
	listens    *ear             // nil: nobody hears of Slack's buttons
	mine       atomic.Bool      // this process runs the ladder
	news       news
}

// news is what a screen wants to know of the engines. Every function may be
// called from any goroutine and must not block.
type news struct {
	signals func(*query.Snapshot)
	ladder  func(escalation.State)
	alerts  func(alertNews)
	slos    func([]slo.Status)
	problem func(string)
	told    func(string) // what was wrong, and is done with
	solved  func(string) // a problem that was told is none any more
}

// complaint is one that takes back what it said.
func (n news) complaint() complaint { return complaint{problem: n.problem, solved: n.solved} }

// silent is news for a program without a screen.
func silent(problem func(string)) news {
	return news{
		signals: func(*query.Snapshot) {}, ladder: func(escalation.State) {}, alerts: func(alertNews) {}, slos: func([]slo.Status) {}, problem: problem, told: problem, solved: func(string) {},
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
	ready, err := a.prepared()
	if err != nil {
		return nil, err
	}
	ready.days = a.knownGamedays(n.problem)
	c.files.Store(&ready)
	if c.runbooks, err = a.runbooks(); err != nil {
		return nil, err
	}
	if err := c.metrics(ctx); err != nil {
		return nil, err
	}
	by, err := a.by(nil)
	if err != nil {
		return nil, err
	}
	if cfg, err := a.config(); err != nil {
		return nil, err
	} else if err := cfg.silent(c.policy); err != nil {
		n.problem(err.Error())
	}
	c.signals = newSignals(c.sources[""], c.sources, c.client.URL(), c.boards, n.signals)
	by.Source = source
	c.rec = &recorder{db: db, by: by, freeze: c.signals.freeze}
	if err := c.alerts(ctx, source); err != nil {
		return nil, err
	}
	if c.objectives, err = a.objectives(); err != nil {
		return nil, err
	}
	c.burns = c.newBurnWatch(source)
	if c.mirror, err = a.mirror(ctx, db, n.problem); err != nil {
		return nil, err
	}
	if c.mirror != nil {
		c.mirror.mine = c.mine.Load
	}
	if cfg, err := a.config(); err == nil { // it has been read above
		c.listener, c.onCall = cfg.newListener(db, c.mine.Load, n.problem), cfg.onCall(db)
	}
	if c.listens, err = c.ear(); err != nil {
		return nil, err
	}
	c.ladder, err = a.ladder(ctx, db, c.ladderState(n.ladder), func(err error) { n.problem(err.Error()) })
	return c, err
}

// metrics makes the sources of metrics: a server with what stands in for it, or what is
// scraped here in place of one.
func (c *centre) metrics(ctx context.Context) (err error) {
	a := c.app
	if c.scraper, err = a.newScraper(ctx, c.news.problem); err != nil {
		return err
	}
	if c.scraper != nil {
		c.client = c.scraper.client
	} else if c.client, err = a.prometheus(ctx); err != nil {
		return err
	}
	if c.sources, c.closeAll, err = a.boardSources(ctx, c.client); err != nil {
		return err
	}
	checks, err := a.checks()
	if err != nil {
		return err
	}
	if len(checks) > 0 {
		if c.checker, err = newChecker(checks); err != nil {
			return err
		}
		c.sources[checksSource] = query.NewCache(c.checker.client, query.CacheConfig{})
	}
	if s := c.scraper; s != nil {
		c.sources[""] = embedded.Scraped{Cache: c.sources[""].(*query.Cache), Server: s.server, Interval: s.interval}
		return nil
	}
	if c.standby, err = a.standby(ctx, c.db, c.client, c.sources[""], c.news.problem); c.standby != nil {
		c.sources[""] = c.standby
	}
	return err
}

// ready is everything that can be started, as its files were when somebody looked last.
func (c *centre) ready() *prepared {
	if p := c.files.Load(); p != nil {
		return p
	}
	return &prepared{}
}

// live is the source of what is asked once: no cache of what panels have shown.
func (c *centre) live() query.Source {
	if c.standby != nil {
		return c.standby
	}
	return c.client
}

// asker is that of both kinds of questions.
func (c *centre) asker() query.Asker {
	if c.standby != nil {
		return c.standby
	}
	return c.client
}

// watched is where the alerts of Prometheus' rules come from.
func (c *centre) watched() alert.Source {
	if c.standby != nil {
		return c.standby
	}
	return c.client
}

// alerts makes what hears of alerts and decides on them.
func (c *centre) alerts(ctx context.Context, source string) error {
	cfg, err := c.app.config()
	if err != nil {
		return err
	}
	manager, err := c.app.alertmanager(ctx)
	if err != nil {
		return err
	}
	c.desk = &alertDesk{db: c.db, policy: c.policy, rules: cfg.Alerts.rules(), source: source, freeze: c.signals.freeze}
	servers, err := c.alertServers(ctx)
	if err != nil {
		return err
	}
	c.watch = &alertWatch{
		desk: c.desk, servers: servers, manager: manager, manages: cmp.Or(cfg.Manager.Interval.D(), 15*time.Second),
		tell: c.news.alerts, again: make(chan struct{}, 1),
	}
	c.watch.checks = &checkAlerts{desk: c.desk, mine: c.mine.Load, silences: c.watch.known}
	if c.checker != nil {
		c.watch.checks.runner = c.checker.runner
	}
	if cfg.Manager.Webhook.Listen == "" {
		return nil
	}
	in := webhookIn{desk: c.desk, poke: c.watch.poke, large: make(chan struct{}, mostNotifications), busy: make(chan struct{}, mostNotifications), now: time.Now}
	if token := cfg.Manager.Webhook.Token; token != "" {
		in.token = func(ctx context.Context) (string, error) { return token.read(ctx, cfg.dir) }
	}
	c.webhook = &webhookListener{address: cfg.Manager.Webhook.Listen, handler: in, problem: c.news.problem, retry: 5 * time.Second}
	return nil
}

// alertServers are all that are asked for alerts, the first one first.
func (c *centre) alertServers(ctx context.Context) ([]*alertServer, error) {
	cfg, err := c.app.config()
	if err != nil {
		return nil, err
	}
	every := alertInterval(c.boards)
	list := []*alertServer{{source: c.watched(), every: every}}
	for _, name := range slices.Sorted(maps.Keys(cfg.Sources)) {
		client, err := c.app.server(ctx, name)
		if err != nil {
			return nil, err
		}
		list = append(list, &alertServer{name: name, source: client, every: every})
	}
	return list, nil
}

// phones are the telephones that the configuration names.
func (c *centre) phones() map[incident.Person]string {
	out := map[incident.Person]string{}
	if cfg, err := c.app.config(); err == nil { // it has been read, or there were no centre
		for name, p := range cfg.People {
			if p.Phone != "" {
				out[incident.Person(name)] = p.Phone
			}
		}
	}
	return out
}

// people are those whom the configuration and the ladders name, in order.
func (c *centre) people() []incident.Person {
	var list []incident.Person
	if cfg, err := c.app.config(); err == nil { // it has been read, or there were no centre
		for name := range cfg.People {
			list = append(list, incident.Person(name))
		}
	}
	for _, rungs := range c.policy.Ladders {
		for _, r := range rungs {
			for _, who := range r.Who {
				if !strings.Contains(string(who), " ") { // "senior or lead" is nobody
					list = append(list, who)
				}
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// start begins every engine that screen and daemon have in common, in g.
func (c *centre) start(ctx context.Context, g *errgroup.Group) {
	engines := map[string]func(context.Context) error{
		"the ladder": c.ladder.Run, "the alerts": c.watch.Run, "alerts that flap": c.desk.Run, "the signals": c.signals.Run, "the undo of dead runs": c.undoDead,
		"the evidence": c.captures, "the retention": c.retain, "the game days of dead processes": c.deadGamedays,
	}
	if r := c.newDayReminder(); r != nil {
		engines["the reminders of game days"] = r.Run
	}
	if c.mirror != nil {
		engines["the changes at PagerDuty"] = c.mirror.Run
	}
	if c.listener != nil {
		engines["what people do in PagerDuty"] = c.listener.Run
		engines["who is on call"] = func(ctx context.Context) error { return c.onCall.Run(ctx, c.mine.Load, c.news.problem) }
	}
	if c.listens != nil {
		engines["Slack's buttons and commands"] = c.listens.Run
	}
	if c.burns != nil {
		engines["the objectives"] = c.burns.Run
	}
	if c.webhook != nil {
		engines["the alerts that Alertmanager sends"] = c.webhook.Run
	}
	if m := c.watch.manager; m != nil {
		engines["the silences until something is resolved"] = silenceKeeper{db: c.db, manager: m, mine: c.mine.Load, problem: c.news.problem}.Run
	}
	if c.scraper != nil {
		engines["the scraper"], engines["the targets"] = c.scraper.server.Run, c.scraper.discovery.Run
	}
	if c.checker != nil {
		engines["the checks"], engines["what the checks found"] = c.checker.runner.Run, c.checker.server.Run
	}
	if c.standby != nil {
		engines["what stands in for Prometheus"] = c.standby.Run
		engines["what is scraped in its place"] = newScrapedKeeper(c).Run
	}
	if k := c.capsules(); k != nil {
		engines["the capsules"] = k.Run
	}
	for name, run := range engines {
		g.Go(func() error { return c.keep(ctx, name, run) })
	}
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

// undoDead undoes what dead runs have left on this host, at the start and whenever
// the last process of one dies later. It is an engine of its own: a proxy that
// hangs takes its time, and no screen waits for it.
func (c *centre) undoDead(ctx context.Context) error {
	dir, err := chaosDir()
	if err != nil {
		return err
	}
	l := newLeftovers(c, dir)
	l.undo(ctx, time.Now())
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		open, err := chaos.Active(dir)
		if err != nil {
			l.complain(err)
		}
		l.look(ctx, open, time.Now())
	}
}

// leftovers is the memory of undoDead.
type leftovers struct {
	centre    *centre
	dir       string
	open      map[string]bool // the runs of the last look, by ULID: whether they lived
	tried     map[string]bool // the dead ones among them that were left after an undo
	again     time.Time       // when those are tried again
	pause     time.Duration
	waits     bool            // a run is over whose starter has yet to record it
	said      map[string]bool // the runs, by ULID, of which an undo was told
	complaint complaint
}

func newLeftovers(c *centre, dir string) *leftovers {
	return &leftovers{centre: c, dir: dir, said: map[string]bool{}, complaint: c.news.complaint()}
}

// look takes one look at the open runs. One that was dead at the last look too is
// undone: until then whoever started it may be at it. What became of runs that
// are gone goes on the timeline, for their recorder may have died with them.
func (l *leftovers) look(ctx context.Context, open []chaos.OpenRun, now time.Time) {
	before := l.open
	l.open = map[string]bool{}
	dead := map[string]bool{}
	fresh, gone := false, false
	for _, r := range open {
		l.open[r.ID] = r.Live
		if live, known := before[r.ID]; known && !live && !r.Live {
			dead[r.ID] = true
			fresh = fresh || !l.tried[r.ID]
		}
	}
	for id := range before {
		_, still := l.open[id]
		gone = gone || !still
	}
	switch {
	case fresh || len(dead) > 0 && !now.Before(l.again):
		l.tried = dead
		l.undo(ctx, now)
	case gone || l.waits:
		l.record(ctx)
	}
}

// undo undoes what it can and says so. What it cannot is tried again, later and
// later, and told once.
func (l *leftovers) undo(ctx context.Context, now time.Time) {
	done, err := chaos.Recover(ctx, l.dir)
	if ctx.Err() != nil {
		return // the next start goes on
	}
	for _, r := range done {
		if len(r.Undone) > 0 {
			l.centre.news.told(fmt.Sprintf("%s was left by a process that died; undone now: %s", leftName(r, l.centre.db.Path()), orNone(r.Undone)))
			l.said[r.ID] = true
		}
	}
	l.record(ctx)
	if err == nil {
		l.pause = 0
		l.complaint.say("")
		return
	}
	l.pause = min(max(2*l.pause, 2*time.Second), time.Minute)
	l.again = now.Add(l.pause)
	l.complain(err)
}

// complain says what cannot be undone.
func (l *leftovers) complain(err error) {
	l.complaint.say(fmt.Sprintf("faults of dead runs are not proven undone: %v", err))
}

func (l *leftovers) record(ctx context.Context) {
	ended, waits, err := l.centre.rec.journals(ctx, l.dir, time.Now())
	l.waits = waits
	for _, r := range ended {
		if !l.said[r.ID] {
			l.centre.news.told(untoldText(r))
		}
	}
	if err != nil && ctx.Err() == nil {
		l.centre.news.problem(fmt.Sprintf("read the chaos journals: %v", err))
	}
}

// by is the stamp of what the person at this program does now.
func (c *centre) by() incident.By {
	by := c.rec.by
	by.At, by.Evidence = time.Now(), c.signals.freeze()
	return by
}

// note tells of something that went wrong beside what was asked for.
func (c *centre) note(err error) {
	if err != nil {
		c.news.problem(err.Error())
	}
}

func (c *centre) close() { c.closeAll() }
