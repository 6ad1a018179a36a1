package escalation

import (
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// mostToDo is how many action items stand in a post about a post-mortem: a channel
// reads a few, the post-mortem has them all.
const mostToDo = 8

// published queues a word about the post-mortem for every chat that has a thread about
// the incident, shown in the channel too: once for each time that it was published.
func (pl planner) published(c *Case, d *Decision, now time.Time) {
	for _, e := range c.News {
		if e.Kind != incident.PostmortemPublished {
			continue
		}
		for _, post := range c.chats() {
			if c.announced(post.Sink, e.ID) {
				continue
			}
			pl.queue(c, d, Message{Stream: post.Stream, Sink: post.Sink, Operation: OpAnnounce}, Content{Text: learnt(c.Incident, e), Event: e.ID, Lasts: true}, now)
		}
	}
}

// learnt is what a chat is told of a post-mortem: what happened, what is to be done
// by whom, and where to read it. It is raw: senders escape it.
func learnt(inc incident.Incident, e incident.Event) string {
	first := fmt.Sprintf("The post-mortem of %s is published (%s)", inc.ID, e.Who())
	var p incident.StageChange
	if e.Payload(&p) == nil && p.From == incident.StagePublished {
		first = fmt.Sprintf("The post-mortem of %s is published anew (%s)", inc.ID, e.Who())
	}
	lines := []string{first + ": " + inc.Title}
	took := string(inc.Severity)
	if d, ok := inc.TimeToMitigate(); ok {
		took += fmt.Sprintf(", mitigated after %s", d.Round(time.Second))
	}
	if d, ok := inc.TimeToResolve(); ok {
		took += fmt.Sprintf(", resolved after %s", d.Round(time.Second))
	}
	if inc.Resolution != "" {
		took += ": " + inc.Resolution
	}
	lines = append(lines, took)
	open := 0
	for _, it := range inc.Items {
		if !it.Closed.IsZero() {
			continue
		}
		if open++; open > mostToDo {
			continue
		}
		line := fmt.Sprintf("to do: %s %s", it.Item.Item, it.Text)
		if it.Owner != "" {
			line += " - " + string(it.Owner)
		}
		if !it.Due.IsZero() {
			line += " - " + it.Due.UTC().Format(time.DateOnly)
		}
		lines = append(lines, line)
	}
	if open > mostToDo {
		lines = append(lines, fmt.Sprintf("and %d more to do", open-mostToDo))
	}
	return strings.Join(append(lines, fmt.Sprintf("sitrep postmortem show %s", inc.ID)), "\n")
}
