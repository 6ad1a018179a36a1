package escalation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// An update that a person wrote for people outside goes to every sink of its
// severity's audience, once to each: the message carries the ID of the update.
// To a chat that has a thread about the incident it is a reply which is shown in
// the channel too. A status page is told what a person wrote and nothing else:
// its first update opens an incident there, and the end of ours closes it.

// announce queues the updates among the news, and closes what is open on status
// pages of an incident that is over.
func (pl planner) announce(c *Case, d *Decision, r Rules, now time.Time) {
	for i, e := range c.News {
		content, ok := announcement(e)
		if !ok {
			continue
		}
		for _, sink := range c.audience(r, c.severityBefore(i)) {
			if c.announced(sink, e.ID) {
				continue
			}
			pl.queue(c, d, Message{Stream: c.announceStream(sink), Sink: sink, Operation: OpAnnounce}, content, now)
		}
	}
	pl.published(c, d, now)
	if c.Incident.Status.Over() {
		pl.closePages(c, d, now)
	}
}

// announcement is what an event says to people outside, if it says anything:
// an update, or other words for one.
func announcement(e incident.Event) (Content, bool) {
	var u incident.Update
	switch e.Kind {
	case incident.UpdateSent:
		if e.Payload(&u) != nil || u.Conditions == "" {
			return Content{Text: e.Text, Event: e.ID}, true // damaged: its text is left
		}
		lines := []string{u.Conditions}
		if u.Actions != "" {
			lines = append(lines, "Actions: "+u.Actions)
		}
		if u.Needs != "" {
			lines = append(lines, "Needs: "+u.Needs)
		}
		return Content{Text: strings.Join(lines, "\n"), Update: u, Event: e.ID}, true
	case incident.NoteCorrected:
		var p incident.Correction
		if e.Payload(&p) == nil && p.Kind == incident.UpdateSent {
			return Content{Text: "Corrected: " + e.Text, Update: incident.Update{Conditions: "Corrected: " + e.Text}, Event: e.ID}, true
		}
	}
	return Content{}, false
}

// severityBefore is the severity at the time of news i: it may have changed
// since.
func (c Case) severityBefore(i int) incident.Severity {
	for _, e := range c.News[i+1:] {
		var p incident.SeverityChange
		if e.Kind == incident.SeverityChanged && e.Payload(&p) == nil && p.From != "" {
			return p.From
		}
	}
	return c.Incident.Severity
}

// audience is where an update goes: the sinks of the severity's audience, and
// every status page that has an open incident of ours. A drill is not for the
// public.
func (c Case) audience(r Rules, sev incident.Severity) []string {
	sinks := r.AudienceSinks(sev)
	for _, m := range c.Messages {
		if m.Kind() == statusPage && !slices.Contains(sinks, m.Sink) && c.triggered(c.announceStream(m.Sink)) {
			sinks = append(sinks, m.Sink)
		}
	}
	if c.Incident.Drill {
		sinks = slices.DeleteFunc(slices.Clone(sinks), func(sink string) bool { return sinkKind(sink) == statusPage })
	}
	return sinks
}

const statusPage = "statuspage"

// announceStream is where updates to a sink stand in line: the thread about the
// incident if the sink has one. Of a status page, every reopening begins a new
// one, because it begins a new incident there.
func (c Case) announceStream(sink string) string {
	thread := chatStream(sink, c.Incident)
	if slices.ContainsFunc(c.chats(), func(m Message) bool { return m.Stream == thread }) {
		return thread
	}
	stream := sink + announceInfix + c.Incident.Key
	if sinkKind(sink) != statusPage {
		return stream
	}
	ended := 0
	for _, m := range c.Messages {
		if m.Sink == sink && m.Operation == OpResolve && m.State != Superseded {
			ended++
		}
	}
	latest := fmt.Sprintf("%s/%d", stream, ended)
	if c.Incident.Status.Over() && ended > 0 && !c.has(latest, OpAnnounce) {
		return fmt.Sprintf("%s/%d", stream, ended-1) // what is said after the end belongs to what has ended
	}
	return latest
}

const announceInfix = "/announce/"

// aside says whether the message stands in a line of announcements alone, so
// that nothing but later ones waits for it.
func (m Message) aside() bool { return strings.HasPrefix(m.Stream, m.Sink+announceInfix) }

// announced says whether a sink was told of an event.
func (c Case) announced(sink, event string) bool {
	return slices.ContainsFunc(c.Messages, func(m Message) bool {
		return m.Operation == OpAnnounce && m.Sink == sink && m.Content().Event == event
	})
}

// closePages queues the end of every incident on a status page that was told of
// before the end of ours. Its words are not those of the resolution, which were
// written for ourselves.
func (pl planner) closePages(c *Case, d *Decision, now time.Time) {
	var content Content
	if c.Incident.MergedInto != "" {
		content.Text = "This incident goes on as part of another one."
	}
	for _, m := range slices.Clone(c.Messages) {
		if m.Kind() != statusPage || m.Operation != OpAnnounce || !m.reached() || m.QueuedAt.After(c.Incident.Clocks.Resolved) {
			continue
		}
		if m.Stream == c.announceStream(m.Sink) && !c.has(m.Stream, OpResolve) {
			pl.queue(c, d, Message{Stream: m.Stream, Sink: m.Sink, Operation: OpResolve}, content, now)
		}
	}
}

// parent is what message m replies to or changes: the first post of its stream,
// or the incident on the status page that the first update opened.
func (c Case) parent(m Message) string {
	for _, o := range c.Messages {
		opens := o.Operation == OpPost || o.Operation == OpAnnounce && o.Kind() == statusPage
		if o.Stream == m.thread() && opens && o.Ref != "" {
			return o.Ref
		}
	}
	return ""
}

// UpdateReaches is where an update of inc would go, by the policy that it was
// declared with: its audience, and the threads that chats have about it.
// Messages are those that were queued about inc.
func UpdateReaches(inc incident.Incident, messages []Message) []string {
	c := Case{Incident: inc, Messages: messages}
	sinks := slices.Clone(c.audience(policyOf(inc, Policy{}), inc.Severity))
	for _, post := range c.chats() {
		if !slices.Contains(sinks, post.Sink) {
			sinks = append(sinks, post.Sink)
		}
	}
	return sinks
}
