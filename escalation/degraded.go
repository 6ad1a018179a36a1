package escalation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// degrade records that a page is due and nothing takes it: neither what its level
// calls through nor any way that it was to go instead. Once an outage and incident.
func (pl planner) degrade(c *Case, d *Decision, page Message, ways []string, broken map[string]string, now time.Time) {
	if c.Incident.Unreached() {
		return
	}
	sinks := []string{}
	for _, m := range c.Messages {
		if m.Level == page.Level && m.Round == page.Round && m.isCall() && !slices.Contains(sinks, m.Sink) {
			sinks = append(sinks, m.Sink)
		}
	}
	for _, sink := range ways {
		if !slices.Contains(sinks, sink) {
			sinks = append(sinks, sink)
		}
	}
	p := incident.Degradation{Level: page.Level, Round: page.Round, Who: page.Content().Who}
	var said []string
	for _, sink := range sinks {
		f, failing := c.failing(page, sink, broken)
		if !failing {
			return
		}
		p.Sinks = append(p.Sinks, f)
		said = append(said, f.Why)
	}
	e := incident.Event{
		Incident: c.Incident.ID, At: now, Kind: incident.DeliveryDegraded, Actor: incident.Sitrep, Source: source, Data: incident.Payload(p),
		Text: fmt.Sprintf("nobody was reached for %s (%s): call by phone. Nothing takes the page: %s", page.Level, people(p.Who), strings.Join(said, "; ")),
		Once: fmt.Sprintf("degraded/%s/%d", c.Incident.Key, c.Incident.Degraded.Times+1),
	}
	d.Events = append(d.Events, e)
	c.Incident = c.Incident.Apply(e)
}

// failing says whether a sink does not take what calls for the same level and round
// as page, since when and why.
func (c Case) failing(page Message, sink string, broken map[string]string) (f incident.Failing, failing bool) {
	m, known := c.called(page, sink)
	why, down := broken[sink]
	if !down && !(known && m.State == Failed) || known && m.State == Accepted {
		return f, false
	}
	f = incident.Failing{Sink: sink, Why: why}
	if m.Error != "" {
		f.Why = m.Error
	}
	if !strings.HasPrefix(f.Why, sink) { // most errors begin with the sink
		f.Why = sink + ": " + f.Why
	}
	for _, o := range c.Messages { // the first try since it took anything
		switch {
		case o.Sink != sink:
		case o.State == Accepted && o.AcceptedAt.After(f.Since):
			f.Since = time.Time{}
		case o.State != Accepted && !o.FirstTryAt.IsZero() && (f.Since.IsZero() || o.FirstTryAt.Before(f.Since)):
			f.Since = o.FirstTryAt
		}
	}
	return f, true
}

// restore records that a way out works again, when m was accepted: a page, or what
// stands in for one; or anything else through one of the sinks that failed, if no
// page waits any more.
func (pl planner) restore(c Case, d *Decision, m Message, now time.Time) {
	outage := c.Incident.Degraded
	if !c.Incident.Unreached() {
		return
	}
	waits := slices.ContainsFunc(c.Messages, func(o Message) bool { return o.isCall() && o.Open() })
	ours := slices.ContainsFunc(outage.Sinks, func(f incident.Failing) bool { return f.Sink == m.Sink })
	if !m.isCall() && (waits || !ours) {
		return
	}
	lasted := now.Sub(outage.Since)
	d.Events = append(d.Events, incident.Event{
		Incident: c.Incident.ID, At: now, Kind: incident.DeliveryRestored, Actor: incident.Sitrep, Source: source,
		Data: incident.Payload(incident.Restored{Sink: m.Sink, Seconds: lasted.Seconds()}),
		Text: fmt.Sprintf("%s has accepted: after %s there is a way out again", m.Sink, lasted.Round(time.Second)),
		Once: fmt.Sprintf("restored/%s/%d", c.Incident.Key, outage.Times),
	})
}
