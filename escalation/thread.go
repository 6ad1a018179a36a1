package escalation

import (
	"slices"
	"time"
	"unicode/utf8"

	"github.com/sitrep-dev/sitrep/incident"
)

// longestReply is how far a waiting reply is extended, in runes: what a sink
// shows of one message whole.
const longestReply = 3000

// reply queues lines for the thread of a chat: at most one post in Timing.Thread.
// One that has not gone out yet takes the lines in; a new one waits until the
// last is that old, which claim holds too. A message that calls people is not made
// to wait: it takes the place of what waits, and says that too.
func (pl planner) reply(c *Case, d *Decision, m Message, content Content, now time.Time) {
	last, ok := c.waitingReply(m.Stream, pl.timing, now)
	old := last.Content()
	ok = ok && utf8.RuneCountInString(old.Text)+utf8.RuneCountInString(content.Text) <= longestReply
	switch together := old.Text + "\n" + content.Text; {
	case ok && !content.calls():
		old.Text = together
		if !content.Ends.IsZero() {
			old.Ends = content.Ends
		}
		last.Payload = incident.Payload(old)
		pl.put(c, d, last, "", now)
		return
	case ok && !old.calls():
		content.Text = together
		last.State, last.Error = Superseded, "it is said together with what calls people"
		pl.put(c, d, last, incident.PageSuperseded, now)
	case !content.calls():
		m.NotBefore = c.apart(m, pl.timing)
	}
	pl.queue(c, d, m, content, now)
}

// calls says whether a message calls people.
func (c Content) calls() bool { return c.Diverts != "" || c.Page != "" && c.Page != PageNone }

// isReply says whether m is a post in a thread, and not what the thread hangs on.
func (m Message) isReply() bool { return m.Operation == OpPost && !m.Content().Headline }

// waitingReply is the last reply of a stream, if no attempt was made for it and it
// will not soon be too old to be sent.
func (c Case) waitingReply(stream string, t Timing, now time.Time) (Message, bool) {
	for _, m := range slices.Backward(c.Messages) {
		if m.Stream != stream || !m.isReply() || m.State == Superseded {
			continue
		}
		return m, m.State == Pending && m.Attempts == 0 && now.Sub(m.QueuedAt) < t.StaleText/2
	}
	return Message{}, false
}

// apart is when m may follow the last reply of its thread; zero is at once.
func (c Case) apart(m Message, t Timing) (at time.Time) {
	if t.Thread <= 0 || !m.isReply() || m.Content().calls() {
		return at
	}
	for _, o := range c.Messages {
		if o.Stream == m.Stream && o.ID != m.ID && o.isReply() && !o.LastTryAt.IsZero() {
			at = latest(at, o.LastTryAt.Add(t.Thread))
		}
	}
	return at
}
