package escalation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// reasonElsewhere marks what is told to another channel about a page that nobody
// answers.
const reasonElsewhere = "elsewhere"

// elsewhere tells the channels of another kind than the rung's own that it does
// not answer. What a sink has accepted need not have reached anybody: PagerDuty
// has taken pages for hours that woke nobody (2023-01-06), and the one channel
// that a rung calls through says nothing of that.
func (pl planner) elsewhere(c *Case, d *Decision, r Rules, s Step, now time.Time) {
	if s.Reason != ReasonUnanswered || s.Page == PageNone {
		return
	}
	for _, sink := range r.Elsewhere(s.Notify) {
		content := Content{Reason: reasonElsewhere, Page: s.Page, Until: s.Until, Who: s.Who, Text: fmt.Sprintf(
			"%s %s: %s (%s) does not answer. %s Call by phone.", c.Incident.ID, c.Incident.Title, s.Level, people(s.Who), c.became(s))}
		pl.queue(c, d, Message{Stream: fmt.Sprintf("%s/elsewhere/%s/%s/r%d", sink, c.Incident.Key, s.Level, s.Round), Sink: sink, Operation: OpPost, Level: s.Level, Round: s.Round}, content, now)
	}
}

// Elsewhere is the chats that are told when a rung which calls through these
// sinks is not answered: all that the policy calls through, unless the rung itself
// tells one.
func (r Rules) Elsewhere(notify []string) (chats []string) {
	var own []string
	for _, sink := range notify {
		own = append(own, sinkKind(sink))
	}
	for _, sink := range r.PageSinks() {
		if kind := sinkKind(sink); speaks(kind) && !slices.Contains(own, kind) {
			chats = append(chats, sink)
		}
	}
	return chats
}

// speaks says whether a sink of that kind takes plain words.
func speaks(kind string) bool { return kind == "slack" }

// became is what became of the pages of a level so far.
func (c Case) became(s Step) string {
	var said []string
	for _, m := range c.Messages {
		if m.Operation != OpTrigger || m.Level != s.Level || m.Round >= s.Round {
			continue
		}
		state := string(m.State)
		if m.State == Accepted {
			state = "accepted " + m.AcceptedAt.UTC().Format("15:04Z") + ", which does not mean that it woke anybody"
		}
		said = append(said, fmt.Sprintf("Round %d through %s: %s.", m.Round, m.Sink, state))
	}
	return strings.Join(said, " ")
}

// answered says why nobody needs to hear any more that a rung does not answer.
func answered(m Message, inc incident.Incident) string {
	switch {
	case m.Content().Reason != reasonElsewhere:
		return ""
	case inc.Status.Over():
		return fmt.Sprintf("the incident is %s", inc.Status)
	case inc.Acknowledged():
		return fmt.Sprintf("%s has acknowledged", inc.Clocks.AckBy)
	}
	return ""
}
