package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// changeMirror keeps the changes here and those at PagerDuty the same: what is
// recorded here is told there, and what pipelines told PagerDuty stands on our
// timeline. Of several processes the one that runs the ladder does it.
type changeMirror struct {
	db      *store.DB
	install string // tells what comes back from what others said
	host    string
	sender  *pagerduty.Sender
	to      string // the routing key's name; "" tells nothing
	reader  *pagerduty.API
	mine    func() bool // whether this process runs the ladder
	telling complaint
	reading complaint
}

// The names under which the store remembers how far the mirror has come.
const (
	markTold = "pagerduty.changes.told" // Seq of the last event
	markRead = "pagerduty.changes.read" // the moment up to which PagerDuty was asked
)

const (
	readEvery   = time.Minute
	readOverlap = 15 * time.Minute // PagerDuty orders by the sender's clock, and takes in what comes late
	clockSlack  = time.Minute      // its moments are whole seconds, and other clocks run ahead
	leaseLook   = 2 * time.Second
	longestWait = 5 * time.Minute

	mirrorPatience = 20 * time.Second // for one exchange with PagerDuty, or one look at all its changes
)

// mirror is nil where the configuration wants none. Run needs its mine.
func (a *app) mirror(ctx context.Context, db *store.DB, problem func(string)) (*changeMirror, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	wants := c.PagerDuty.Changes
	if wants.SendTo == "" && !wants.Receive {
		return nil, nil
	}
	m := &changeMirror{db: db, to: wants.SendTo, sender: a.pagerduty(c, db), telling: complaint{problem: problem}, reading: complaint{problem: problem}}
	if m.host, err = os.Hostname(); err != nil {
		m.host = "sitrep"
	}
	if m.install, err = db.Install(ctx); err != nil {
		return nil, err
	}
	if wants.Receive {
		m.reader = c.pagerdutyAPI()
	}
	return m, nil
}

// Run mirrors until ctx ends.
func (m *changeMirror) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if m.to != "" {
		g.Go(func() error { return m.tell(ctx) })
	}
	if m.reader != nil {
		g.Go(func() error { return m.read(ctx) })
	}
	return g.Wait()
}

// tell follows the timeline and tells PagerDuty of changes.
func (m *changeMirror) tell(ctx context.Context) error {
	last, err := m.db.Last(ctx)
	if err != nil {
		return err
	}
	cursor, err := m.cursor(ctx, last)
	for pause := time.Second; err == nil; {
		if err = m.db.Wait(ctx, cursor); err != nil {
			return err
		}
		if !m.mine() {
			if err = pauseFor(ctx, leaseLook); err == nil {
				cursor, err = m.cursor(ctx, cursor) // another process may have told
			}
			continue
		}
		var wait time.Duration
		if cursor, wait, err = m.step(ctx, cursor, time.Now()); wait > 0 {
			err = errors.Join(err, pauseFor(ctx, max(wait, pause)))
			pause = min(2*pause, longestWait)
			continue
		}
		pause = time.Second
	}
	return err
}

// cursor is where telling goes on: after what was told last; the first time,
// after start.
func (m *changeMirror) cursor(ctx context.Context, start int64) (int64, error) {
	text, err := m.db.Mark(ctx, markTold)
	if err != nil {
		return 0, err
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	return start, m.db.SetMark(ctx, markTold, strconv.FormatInt(start, 10))
}

// step tells of the next events. It answers how far it came, and how long to wait
// before it is tried again if it came no further.
func (m *changeMirror) step(ctx context.Context, cursor int64, now time.Time) (int64, time.Duration, error) {
	events, err := m.db.After(ctx, cursor, mostEvents)
	if err != nil {
		return cursor, 0, err
	}
	for _, e := range events {
		if !toldOutside(e) || now.Sub(e.At) > lookBack {
			cursor = e.Seq
			continue
		}
		o := m.send(ctx, e)
		switch o.Class {
		case escalation.Done:
			m.telling.say("")
		case escalation.Dead: // it will be refused again
			m.telling.say(fmt.Sprintf("PagerDuty was not told of the change %q: %v", e.Text, o.Err))
		default:
			m.telling.say(fmt.Sprintf("PagerDuty is not told of the change %q yet: %v", e.Text, o.Err))
			return cursor, max(o.After, time.Second), ctx.Err()
		}
		cursor = e.Seq
		if err := m.db.SetMark(ctx, markTold, strconv.FormatInt(cursor, 10)); err != nil {
			return cursor, 0, err
		}
	}
	return cursor, 0, nil
}

// send gives PagerDuty some time to answer.
func (m *changeMirror) send(ctx context.Context, e incident.Event) escalation.Outcome {
	ctx, cancel := context.WithTimeout(ctx, mirrorPatience)
	defer cancel()
	return m.sender.SendChange(ctx, m.to, m.outgoing(e))
}

// tellNow tells of what is due up to e, unless somebody runs who does.
func (m *changeMirror) tellNow(ctx context.Context, e incident.Event) error {
	lease, err := m.db.Lease(ctx)
	if err != nil || lease.Live(time.Now()) {
		return err
	}
	cursor, err := m.cursor(ctx, e.Seq-1)
	if err == nil {
		_, _, err = m.step(ctx, cursor, time.Now())
	}
	return err
}

// toldOutside says whether PagerDuty is told of an event: a change, an experiment
// or a load run, and none that came from there.
func toldOutside(e incident.Event) bool {
	switch e.Kind {
	case incident.ChangeRecorded:
		return e.Source != sourcePagerDuty
	case incident.ChaosStarted, incident.ChaosFinished, incident.LoadStarted, incident.LoadFinished, incident.LoadAborted:
		return true
	}
	return false
}

// sourcePagerDuty is the Source of events that were learnt from PagerDuty.
const sourcePagerDuty = "pagerduty"

// In the details of a change event of ours: whose it is, and which.
const (
	detailInstall = "sitrep_store"
	detailEvent   = "sitrep_event"
)

// outgoing is an event as PagerDuty is told of it.
func (m *changeMirror) outgoing(e incident.Event) pagerduty.Change {
	v, _ := changeOf(e, e.At)
	c := pagerduty.Change{
		Summary: e.Text, Source: m.host, At: e.At, Link: v.Link,
		Details: map[string]string{detailInstall: m.install, detailEvent: e.ID, "kind": string(e.Kind), "actor": string(e.Actor)},
	}
	if v.Type != "" {
		c.Details["type"] = v.Type
	}
	if v.Service != "" {
		c.Source = v.Service
	}
	return c
}

// read asks PagerDuty for its changes, again and again.
func (m *changeMirror) read(ctx context.Context) error {
	for {
		if m.mine() {
			switch err := m.take(ctx, time.Now()); {
			case err == nil:
				m.reading.say("")
			case ctx.Err() == nil:
				m.reading.say(fmt.Sprintf("the changes that PagerDuty knows cannot be read: %v", err))
			}
			if err := pauseFor(ctx, readEvery); err != nil {
				return err
			}
			continue
		}
		if err := pauseFor(ctx, leaseLook); err != nil {
			return err
		}
	}
}

// take records what PagerDuty knows since it was asked last, each once.
func (m *changeMirror) take(ctx context.Context, now time.Time) error {
	since := now.Add(-lookBack)
	if text, err := m.db.Mark(ctx, markRead); err != nil {
		return err
	} else if at, err := time.Parse(time.RFC3339, text); err == nil && at.Add(-readOverlap).After(since) {
		since = at.Add(-readOverlap)
	}
	ask, cancel := context.WithTimeout(ctx, mirrorPatience)
	defer cancel()
	list, err := m.reader.Changes(ask, since, now.Add(clockSlack))
	if err != nil {
		return err
	}
	for _, c := range list {
		if err := m.record(ctx, c, since.Add(-readOverlap), now); err != nil {
			return fmt.Errorf("change %.40q: %w", c.ID, err)
		}
	}
	return m.db.SetMark(ctx, markRead, now.UTC().Format(time.RFC3339))
}

// record puts a change on the timeline as far as it can be kept: its words are
// somebody else's, and one that is odd must not keep the others off the record.
func (m *changeMirror) record(ctx context.Context, in pagerduty.Change, since, now time.Time) error {
	if in.Details[detailInstall] == m.install || in.ID == "" || len(in.ID) > incident.MaxName/2 {
		return nil
	}
	who := incident.By{Actor: sourcePagerDuty, Source: sourcePagerDuty, At: in.At}
	if name := head(in.Details["actor"], longestForeign); name != "" {
		who.Actor, who.Claimed = incident.Person(name), true
	}
	if who.At.Before(since) || who.At.After(now) {
		who.At = now // none, or none that anybody was asked for
	}
	c := change{Text: head(in.Summary, longestSummary), ID: "pagerduty/" + in.ID, By: who, Type: "deploy", Service: head(in.Source, longestForeign), Link: head(in.Link, incident.MaxName)}
	if isChangeType(in.Details["type"]) {
		c.Type = in.Details["type"]
	}
	if c.Text == "" {
		c.Text = "a change without words"
	}
	_, _, err := c.record(ctx, m.db)
	return err
}

// What is kept of the words of others, in bytes. PagerDuty's own limit of a summary
// is 1024 characters.
const (
	longestSummary = 4096
	longestForeign = 200
)

// head is text without the blanks around it, cut to at most most bytes.
func head(text string, most int) string {
	text = strings.TrimSpace(text)
	if len(text) <= most {
		return text
	}
	cut := most - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
