package escalation

import (
	"fmt"
	"slices"
	"time"
)

// OpNote is a note on what a page of ours opened at PagerDuty.
const OpNote Operation = "note"

// tellOfOutage says at PagerDuty that a chat does not answer, where somebody waits
// for what was to be said there: once an outage and incident.
func (pl planner) tellOfOutage(c Case, id string, now time.Time) (d Decision) {
	c.Messages = slices.Clone(c.Messages)
	m, known := c.message(id)
	if !known || !m.Open() || c.toldOfOutage() || stale(m, c, pl.timing, now) != "" {
		return d
	}
	for _, page := range slices.Backward(c.Messages) {
		if page.Operation != OpTrigger || page.Kind() != "pagerduty" || page.State != Accepted {
			continue
		}
		pl.queue(&c, &d, Message{
			Stream: fmt.Sprintf("note/%s/%d", page.Stream, len(c.Messages)), Sink: page.Sink, Operation: OpNote, DedupKey: page.DedupKey,
		}, Content{Text: fmt.Sprintf("Slack does not answer: updates are in sitrep (%s).", c.Incident.ID), Chat: m.Sink}, now)
		return d
	}
	return d
}

// wantsChat says whether people wait in a chat for what m says.
func (m Message) wantsChat() bool {
	return m.Kind() == "slack" && (m.Operation == OpPost || m.Operation == OpUpdate || m.Operation == OpAnnounce) && m.Content().Diverts == ""
}

// toldOfOutage says whether PagerDuty was told that a chat does not answer, and it
// has not since. Of two channels one is enough.
func (c Case) toldOfOutage() bool {
	return slices.ContainsFunc(c.Messages, func(m Message) bool {
		return m.Operation == OpNote && c.answersSince(m.Content().Chat, m.QueuedAt) == ""
	})
}

// answersSince says that a chat has taken something since then; empty if not.
func (c Case) answersSince(chat string, since time.Time) string {
	for _, m := range c.Messages {
		if m.Sink == chat && m.State == Accepted && m.AcceptedAt.After(since) {
			return fmt.Sprintf("%s answers again", chat)
		}
	}
	return ""
}
