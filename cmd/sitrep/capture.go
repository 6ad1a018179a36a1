package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
)

// archive is what the capturer needs of a store.
type archive interface {
	Incidents(ctx context.Context, openOnly bool, limit int) ([]incident.Incident, error)
	Timeline(ctx context.Context, id incident.ID) ([]incident.Event, error)
	After(ctx context.Context, seq int64, limit int) ([]incident.Event, error)
	Wait(ctx context.Context, seq int64) error
	Keep(ctx context.Context, e incident.Event, boards []incident.Frozen) (bool, error)
}

// capturer keeps what all boards showed at the moments of incidents: range queries
// that end in the past, so that nothing is lost if it comes late. Whatever fails is
// tried again for as long as the server can be expected to remember.
type capturer struct {
	log     archive
	boards  []query.Board
	source  query.Source
	sources query.Sources                       // by the names that boards use
	name    string                              // of the source
	impact  map[string]serviceConfig            // what to ask about an incident's service when it is over
	scrape  func(context.Context) time.Duration // the interval of the scrapes; 0 = unknown
	wait    func() time.Duration                // how long after a moment this process begins with it
	kept    func(context.Context, incident.ID)  // the series of an incident's moment were kept
	problem func(string)

	cursor   int64
	pending  map[string]*capturing // by the moment's event
	failures int                   // times in a row that the server said nothing
	again    time.Time             // when it is asked the next time
	told     string                // the last complaint
}

// capturing is a moment that is to be kept.
type capturing struct {
	incident.Moment
	tries int
	due   time.Time
}

const (
	// captureReach is how old a moment may be: what a server keeps at least.
	captureReach = 24 * time.Hour
	// longestCapture bounds the window of a long incident's resolution.
	longestCapture  = 24 * time.Hour
	capturePoints   = 240
	captureTimeout  = 30 * time.Second
	patientCaptures = 3 // times that panels which did not answer are asked before the rest is kept
	// A scrape that is on its way at the moment arrives before it is asked for; who
	// does not run the ladder leaves the work to the one who does.
	captureSoon, captureLater = 2 * time.Second, 30 * time.Second
)

// Run follows the timeline until ctx ends.
func (c *capturer) Run(ctx context.Context) error {
	if len(c.boards) == 0 && len(c.impact) == 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	if err := c.begin(ctx, time.Now()); err != nil {
		return err
	}
	for {
		c.work(ctx, time.Now())
		if err := c.sleep(ctx, time.Now()); err != nil {
			return err
		}
		if err := c.follow(ctx, time.Now()); err != nil {
			return err
		}
	}
}

// begin finds the moments that nobody has kept.
func (c *capturer) begin(ctx context.Context, now time.Time) error {
	c.pending = map[string]*capturing{}
	open, err := c.log.Incidents(ctx, true, 0)
	if err != nil {
		return err
	}
	latest, err := c.log.Incidents(ctx, false, 200)
	if err != nil {
		return err
	}
	seen := map[incident.ID]bool{}
	for _, inc := range append(open, latest...) {
		c.cursor = max(c.cursor, inc.Seq)
		if old := inc.Status.Over() && now.Sub(inc.Clocks.Resolved) > captureReach; old || seen[inc.ID] {
			continue
		}
		seen[inc.ID] = true
		if err := c.consider(ctx, inc.ID, now); err != nil {
			return err
		}
	}
	return nil
}

// consider takes an incident's moments up that are not kept yet.
func (c *capturer) consider(ctx context.Context, id incident.ID, now time.Time) error {
	events, err := c.log.Timeline(ctx, id)
	if err != nil {
		return err
	}
	for _, m := range missing(events) {
		if _, known := c.pending[m.Event]; !known && now.Sub(m.At) < captureReach {
			c.pending[m.Event] = &capturing{Moment: m, due: m.At.Add(c.wait())}
		}
	}
	return nil
}

// missing is the moments of a timeline that nothing was kept of. Of an incident that
// another store recorded our boards show nothing.
func missing(events []incident.Event) []incident.Moment {
	kept := map[string]bool{}
	for _, e := range events {
		var p incident.Capture
		if e.Kind == incident.PostmortemImported {
			return nil
		}
		if e.Kind == incident.EvidenceCaptured && e.Payload(&p) == nil {
			kept[p.Event] = true
		}
	}
	return slices.DeleteFunc(incident.Moments(events), func(m incident.Moment) bool { return kept[m.Event] })
}

// sleep waits for news on the timeline, or until something is due.
func (c *capturer) sleep(ctx context.Context, now time.Time) error {
	wait, cancel := ctx, context.CancelFunc(func() {})
	if next := c.next(); !next.IsZero() {
		wait, cancel = context.WithTimeout(ctx, max(next.Sub(now), time.Millisecond))
	}
	defer cancel()
	if err := c.log.Wait(wait, c.cursor); err != nil && wait.Err() == nil {
		return err
	}
	return ctx.Err()
}

// next is when something is due; zero for never.
func (c *capturer) next() (next time.Time) {
	for _, p := range c.pending {
		if next.IsZero() || p.due.Before(next) {
			next = p.due
		}
	}
	if !next.IsZero() && next.Before(c.again) {
		return c.again
	}
	return next
}

// follow reads what is new.
func (c *capturer) follow(ctx context.Context, now time.Time) error {
	for {
		events, err := c.log.After(ctx, c.cursor, mostEvents)
		if err != nil || len(events) == 0 {
			return err
		}
		about := map[incident.ID]bool{}
		for _, e := range events {
			switch e.Kind {
			case incident.Declared, incident.EscalationEntered, incident.StatusChanged, incident.Mitigated, incident.ActionTaken, incident.Resolved:
				about[e.Incident] = true
			case incident.EvidenceCaptured:
				var p incident.Capture
				if e.Payload(&p) == nil {
					delete(c.pending, p.Event)
				}
			}
		}
		delete(about, "")
		for _, id := range slices.Sorted(maps.Keys(about)) {
			if err := c.consider(ctx, id, now); errors.Is(err, incident.ErrUnknown) {
				continue // an event of an incident that no declaration is known of
			} else if err != nil {
				return err
			}
		}
		c.cursor = events[len(events)-1].Seq
	}
}

// work keeps what is due, the oldest first: a server forgets it first.
func (c *capturer) work(ctx context.Context, now time.Time) {
	if now.Before(c.again) {
		return
	}
	due := slices.SortedFunc(maps.Values(c.pending), func(a, b *capturing) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Event, b.Event)) })
	for _, p := range due {
		if p.due.After(now) {
			continue
		}
		if now.Sub(p.At) >= captureReach {
			delete(c.pending, p.Event)
			c.problem(fmt.Sprintf("%s, %s at %s: what the boards showed then was not kept, and is not asked for any more", p.Incident, p.What, stamp(p.At)))
			continue
		}
		if !c.try(ctx, p, now) {
			return
		}
	}
}

// try keeps one moment; false if the server or the store is not there.
func (c *capturer) try(ctx context.Context, p *capturing, now time.Time) bool {
	p.tries++
	shot, err := c.shoot(ctx, p.Moment, now)
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		c.fail(p, now, err)
		return false
	case shot.later && p.tries < patientCaptures, shot.series() == 0:
		p.due = now.Add(min(10*time.Second<<min(p.tries-1, 5), 5*time.Minute))
		return true
	}
	if err := c.keep(ctx, p.Moment, shot, now); err != nil {
		c.fail(p, now, err)
		return false
	}
	c.failures, c.again, c.told = 0, time.Time{}, ""
	delete(c.pending, p.Event)
	return true
}

// fail tries again, later and later, and says so once.
func (c *capturer) fail(p *capturing, now time.Time, err error) {
	c.failures++
	c.again = now.Add(min(time.Second<<min(c.failures-1, 10), 5*time.Minute))
	text := fmt.Sprintf("%s, %s: what the boards show is not kept yet: %v", p.Incident, p.What, err)
	if text != c.told {
		c.told = text
		c.problem(text)
	}
}

func (c *capturer) keep(ctx context.Context, m incident.Moment, s shot, now time.Time) error {
	fresh, err := c.log.Keep(ctx, s.event(m, c.name, now), s.frozen)
	if fresh && err == nil {
		c.kept(ctx, m.Incident)
	}
	return err
}

// shot is what the boards showed at a moment.
type shot struct {
	frozen  []incident.Frozen
	boards  []incident.CapturedBoard
	unread  []string
	leftOut []string
	later   bool // some panels did not answer, and may yet
}

func (s shot) series() (n int) {
	for _, b := range s.boards {
		n += b.Series
	}
	return n
}

// shoot asks for all boards, one after the other. An error says that the server did
// not answer at all.
func (c *capturer) shoot(ctx context.Context, m incident.Moment, now time.Time) (s shot, err error) {
	ctx, cancel := context.WithTimeout(ctx, captureTimeout)
	defer cancel()
	scrape := c.scrape(ctx)
	room := incident.MostFrozen
	boards := c.boards
	if b, ask := impactBoard(c.impact, m); ask {
		boards = append(slices.Clip(boards), b)
	}
	for i := range boards {
		past := pastOf(m, boards[i].Range)
		past.Scrape, past.Sources = scrape, c.sources
		snap := query.Look(ctx, c.source, &boards[i], past, now)
		snap.Source = c.name
		got := snap.Reading()
		if got.Down != nil {
			return s, got.Down
		}
		s.later = s.later || got.Later
		for _, u := range got.Unread {
			s.unread = append(s.unread, snap.Board.Name+": "+u)
		}
		if got.Series == 0 {
			s.leftOut = append(s.leftOut, snap.Board.Name+": it has no series")
			continue // no work for nothing: an empty server is asked for a day
		}
		body, left, err := snap.Pack(room)
		for _, l := range left {
			s.leftOut = append(s.leftOut, snap.Board.Name+": "+l)
		}
		if body == nil {
			s.leftOut = append(s.leftOut, fmt.Sprintf("%s: the whole board, for want of room", snap.Board.Name))
			if err != nil {
				s.leftOut[len(s.leftOut)-1] = fmt.Sprintf("%s: %v", snap.Board.Name, err)
			}
			continue
		}
		packed, err := query.Decode(body) // what stands in the store is what is told
		if err != nil {
			return s, err
		}
		room -= len(body)
		s.frozen = append(s.frozen, incident.Frozen{Board: snap.Board.Name, From: snap.Grid.Start, To: snap.Grid.End(), Series: body})
		s.boards = append(s.boards, captured(packed, len(body)))
	}
	return s, nil
}

// pastOf is the window of a moment: the board's own range before it, and for a
// resolution from one range before the declaration.
func pastOf(m incident.Moment, length time.Duration) query.Past {
	if m.Kind == incident.Resolved {
		length = max(length, min(m.At.Sub(m.Declared)+length, longestCapture))
	}
	return query.Past{Span: length, Columns: capturePoints, End: m.At}
}

func captured(s *query.Snapshot, size int) incident.CapturedBoard {
	b := incident.CapturedBoard{Name: s.Board.Name, From: s.Grid.Start, To: s.Grid.End(), Step: s.Grid.Step.Seconds(), Panels: len(s.Panels), Bytes: size}
	b.Series, b.Values = s.Values()
	for _, course := range query.Courses(s) {
		out := incident.Course{
			Name: course.Name, Unit: course.Unit, Query: course.Query, Series: course.Series, Step: course.Step.Seconds(), Higher: course.Higher,
			Threshold: course.Threshold, State: string(course.State), PeakAt: course.PeakAt, FirstOut: course.FirstOut, LastOut: course.LastOut,
		}
		if !math.IsNaN(course.Peak) {
			out.Peak = &course.Peak
		}
		if out.Threshold != nil && math.IsInf(*out.Threshold, 0) {
			out.Threshold = nil // JSON has no such number
		}
		b.Signals = append(b.Signals, out)
	}
	return b
}

// mostSaid bounds what an event's text names of what is missing; its data has all.
const mostSaid = 3

// event is what the timeline says of it.
func (s shot) event(m incident.Moment, source string, now time.Time) incident.Event {
	var parts []string
	for _, b := range s.boards {
		parts = append(parts, fmt.Sprintf("%s with %s, %s", b.Name, count(b.Panels, "panel"), plainSeries(b.Series)))
	}
	text := fmt.Sprintf("the board as it was when %s was %s: %s", m.Incident, m.What, strings.Join(parts, "; "))
	for what, list := range map[string][]string{"left out": s.leftOut, "not read": s.unread} {
		if len(list) > 0 {
			text += fmt.Sprintf("; %s: %s", what, strings.Join(list[:min(len(list), mostSaid)], ", "))
		}
		if more := len(list) - mostSaid; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
	}
	return incident.Event{
		Incident: m.Incident, At: now, Kind: incident.EvidenceCaptured, Actor: incident.Sitrep, Source: "evidence", Text: text, Once: m.Once(),
		Data: incident.Payload(incident.Capture{
			Event: m.Event, Kind: m.Kind, What: m.What, At: m.At, Source: source, Boards: s.boards, Unread: s.unread, LeftOut: s.leftOut,
		}),
	}
}

func plainSeries(n int) string {
	if n == 1 {
		return "1 series"
	}
	return fmt.Sprintf("%d series", n)
}

// captures runs the capturer, once it can be known whether this process runs the
// ladder.
func (c *centre) captures(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(captureSoon):
	}
	return c.capturer().Run(ctx)
}

// capturer is the engine of a centre.
func (c *centre) capturer() *capturer {
	var impact map[string]serviceConfig
	if cfg, err := c.app.config(); err == nil { // it has been read, or there were no centre
		impact = cfg.Services
	}
	return &capturer{
		impact: impact,
		log:    c.db, boards: c.boards, source: c.live(), sources: c.sources, name: c.client.URL(), scrape: scrapeOf(c.live()), problem: c.news.problem,
		wait: func() time.Duration {
			if c.mine.Load() {
				return captureSoon
			}
			return captureLater
		},
		kept: func(ctx context.Context, id incident.ID) { c.note(redraft(ctx, c.db, id)) },
	}
}

// scrapeOf asks the server for its interval once, when it is needed first.
func scrapeOf(source query.Source) func(context.Context) time.Duration {
	client, ok := source.(interface {
		ScrapeInterval(ctx context.Context) (time.Duration, error)
	})
	if !ok {
		return func(context.Context) time.Duration { return 0 }
	}
	known := time.Duration(0)
	return func(ctx context.Context) time.Duration {
		if known == 0 {
			ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
			defer cancel()
			known, _ = client.ScrapeInterval(ctx) // unknown is 0, the default
		}
		return known
	}
}

// redraft brings the post-mortem of an incident that is over up to date with what
// was kept after its end; one that was never drafted is left alone.
func redraft(ctx context.Context, db *store.DB, id incident.ID) error {
	inc, err := db.Incident(ctx, id)
	if err != nil || !inc.Status.Over() || inc.MergedInto != "" {
		return err
	}
	if _, err := db.Postmortems().Load(ctx, id); errors.Is(err, postmortem.ErrNone) {
		return nil
	} else if err != nil {
		return err
	}
	_, err = refreshDraft(ctx, db, id, incident.By{Actor: incident.Sitrep, Source: "evidence", At: time.Now()})
	if errors.Is(err, postmortem.ErrConflict) {
		return nil // whoever was faster has drafted from the same timeline
	}
	return err
}

// capturePatience is how long a command stays to keep what the boards show, after
// its pages are out.
const capturePatience = 3 * time.Second

// capture keeps the moments that a command made, if nobody runs who would. It says
// nothing and fails nothing: what it misses is kept by the next process that stays.
func (a *app) capture(ctx context.Context, db *store.DB, by incident.By, ids ...incident.ID) {
	boards, err := a.boards()
	cfg, cfgErr := a.config()
	if err != nil || cfgErr != nil || len(boards) == 0 && len(cfg.Services) == 0 {
		return
	}
	if len(boards) > 0 && len(signalsOf(boards[0]).Panels) > 0 && by.Evidence == nil {
		return // the server was asked a moment ago, and did not answer
	}
	if lease, err := db.Lease(ctx); err != nil || lease.Live(time.Now()) && lease.Owner != a.owner() {
		return
	}
	client, err := a.prometheus(ctx)
	if err != nil {
		return
	}
	sources, closeAll, err := a.boardSources(ctx, client)
	if err != nil {
		return
	}
	defer closeAll()
	ctx, cancel := context.WithTimeout(ctx, capturePatience)
	defer cancel()
	c := &capturer{
		log: db, boards: boards, impact: cfg.Services, source: client, sources: sources, name: client.URL(), scrape: scrapeOf(client), problem: func(string) {},
		kept: func(ctx context.Context, id incident.ID) { _ = redraft(ctx, db, id) }, // the next draft has it
	}
	for _, id := range ids {
		events, err := db.Timeline(ctx, id)
		if err != nil {
			return
		}
		now := time.Now()
		for _, m := range missing(events) {
			if now.Sub(m.At) > capturePatience+deliverPatience {
				continue // not this command's
			}
			s, err := c.shoot(ctx, m, now)
			if err != nil || s.later || s.series() == 0 || c.keep(ctx, m, s, now) != nil {
				return
			}
		}
	}
}

// ladderState notes whether this process runs the ladder, and passes it on.
func (c *centre) ladderState(tell func(escalation.State)) func(escalation.State) {
	return func(s escalation.State) {
		c.mine.Store(s.Mine)
		tell(s)
	}
}
