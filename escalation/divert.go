package escalation

import (
	"fmt"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// A page that its sink does not take stays queued there, and goes another way
// meanwhile. Where the policy names no way it is told to every chat at once. Where
// it does, the ways are taken one after the other: the next when the one before
// fails too, so that a last resort is reached when everything else is down, and is
// left in peace when it is not. All of them stay queued until one has accepted.

// divertFor is where a page about service goes that its sink does not take; nil is
// every chat.
func (p Policy) divertFor(service string) []string {
	if rule, ok := p.ServiceRule(service); ok && rule.Divert != nil {
		return rule.Divert
	}
	return p.Divert
}

// Divert is where a page of a level goes that its sink does not take. InTurn says
// that each is told only when those before it fail too.
func (r Rules) Divert(level incident.Level) (sinks []string, inTurn bool) {
	if r.divert != nil {
		return r.gameDay.instead(level, r.divert), true
	}
	return slices.DeleteFunc(r.PageSinks(), func(sink string) bool { return !speaks(sinkKind(sink)) }), false
}

// checkDivert looks at the ways in their order.
func checkDivert(path string, sinks []string, errorf complain) error {
	for i, sink := range sinks {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case !sinkSyntax.MatchString(sink):
			return errorf(at, "%q is not a sink; write slack:#CHANNEL, webhook:NAME, command:NAME or pagerduty:NAME", sink)
		case sinkKind(sink) == statusPage:
			return errorf(at, "%s is read by the public and calls nobody; write slack:#CHANNEL, webhook:NAME, command:NAME or pagerduty:NAME", sink)
		case slices.Contains(sinks[:i], sink):
			return errorf(at, "%s stands here twice; once is enough", sink)
		}
	}
	return nil
}

// isCall says whether m is a page, or stands in for one.
func (m Message) isCall() bool { return m.Operation == OpTrigger || m.Content().Diverts != "" }

// divert takes a page another way, given the ID of its message or of one that
// stands in for it: why is what happened to that one. Broken is the sinks that fail,
// and why. If no way is left, that is recorded. The page itself stays queued.
func (pl planner) divert(c Case, id, why string, broken map[string]string, now time.Time) (d Decision) {
	c.Messages = slices.Clone(c.Messages)
	failed, known := c.message(id)
	if !known {
		return d
	}
	page := failed
	if first := failed.Content().Diverts; first != "" {
		if page, known = c.message(first); !known {
			return d
		}
		why = page.Error // what the ways in between say is in the ledger
	}
	if page.Operation != OpTrigger || !page.Open() || stale(page, c, pl.timing, now) != "" {
		return d
	}
	sinks, inTurn := policyOf(c.Incident, pl.today).Divert(page.Level)
	if inTurn {
		pl.passOn(&c, &d, page, why, sinks, broken, now)
	} else {
		pl.tellChats(&c, &d, page, why, sinks, now)
	}
	pl.degrade(&c, &d, page, sinks, broken, now)
	return d
}

func (c Case) message(id string) (Message, bool) {
	i := slices.IndexFunc(c.Messages, func(m Message) bool { return m.ID == id })
	if i < 0 {
		return Message{}, false
	}
	return c.Messages[i], true
}

// tellChats tells every chat, once.
func (pl planner) tellChats(c *Case, d *Decision, page Message, why string, chats []string, now time.Time) {
	if slices.ContainsFunc(c.Messages, func(o Message) bool { return o.Content().Diverts == page.ID }) {
		return
	}
	for _, sink := range chats {
		pl.standIn(c, d, page, sink, why, 0, now)
	}
}

// passOn tells the first sink that may take it, and those before it that fail.
func (pl planner) passOn(c *Case, d *Decision, page Message, why string, sinks []string, broken map[string]string, now time.Time) {
	if slices.ContainsFunc(sinks, func(sink string) bool { m, known := c.called(page, sink); return known && m.State == Accepted }) {
		return // whoever was passed over meanwhile is not told after all
	}
	for i, sink := range sinks {
		told, known := c.called(page, sink)
		if !known {
			pl.standIn(c, d, page, sink, why, i+1, now)
		}
		if broken[sink] == "" && (!known || told.Open() && told.State != Failed) {
			return // it is on its way
		}
	}
}

// called is the message that calls for the same level and round through a sink,
// whatever for, if one may have got there or still may.
func (c Case) called(page Message, sink string) (Message, bool) {
	for _, o := range c.Messages {
		if o.Sink == sink && o.Level == page.Level && o.Round == page.Round && (o.State != Superseded || o.reached()) && o.isCall() {
			return o, true
		}
	}
	return Message{}, false
}

// standIn queues what says through another sink that somebody is to be called.
// Turn is its place in the policy's list, from 1; 0 is that of every chat.
func (pl planner) standIn(c *Case, d *Decision, page Message, sink, why string, turn int, now time.Time) {
	content := page.Content()
	content.Text = fmt.Sprintf("%s cannot be reached, so %s (%s) was NOT paged for %s %s: call by phone. %s", page.Sink, page.Level, people(content.Who), c.Incident.ID, c.Incident.Title, why)
	content.Diverts, content.Turn = page.ID, turn
	m := Message{Stream: sink + "/divert/" + page.ID, Sink: sink, Operation: OpPost, Level: page.Level, Round: page.Round}
	if !speaks(sinkKind(sink)) { // a page there too, with an end
		m.Operation, m.DedupKey = OpTrigger, page.DedupKey+"/for/"+sink
	}
	pl.queue(c, d, m, content, now)
	page.Error = "passed on to " + sink // whether that took it is an event of its own
	d.Events = append(d.Events, page.event(incident.PageDiverted, now))
}

// needless says why nobody is to be called any more by m, which stands in for a
// page; empty if it is wanted, or does not stand in for any.
func (c Case) needless(m Message) string {
	content := m.Content()
	if content.Diverts == "" {
		return ""
	}
	if c.Incident.Status.Over() {
		return fmt.Sprintf("the incident is %s", c.Incident.Status)
	}
	for _, o := range c.Messages {
		if o.State != Accepted || o.ID == m.ID {
			continue
		}
		if o.ID == content.Diverts {
			return fmt.Sprintf("%s has taken the page by now", o.Sink)
		}
		if content.Turn > 0 && o.Level == m.Level && o.Round == m.Round && o.Content().Turn > 0 {
			return fmt.Sprintf("%s has taken it in the place of others", o.Sink)
		}
	}
	return ""
}
