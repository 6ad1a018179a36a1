package escalation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// planner is the pure half of the engine: a case and the time in, a decision
// out.
type planner struct {
	install string
	today   Policy // for incidents that carry none
	timing  Timing
	chat    Chat
	newID   func(now time.Time) string
}

// plan is one pass over one incident: the ladder's next steps, the messages
// they need, whether an update is overdue, what acknowledgements, resolutions and
// changes ask to be told, and what is not to be sent any more. Next is when the ladder must look again.
func (pl planner) plan(c Case, lease Lease, now time.Time) (d Decision, next time.Time) {
	c.Messages = slices.Clone(c.Messages)
	p := policyOf(c.Incident, pl.today)
	pl.recover(&c, &d, lease, now)
	pl.restart(&c, &d, now)
	firsts := map[string]bool{} // streams whose headline is queued in this pass
	steps, next := Next(c.Incident, p, now)
	for _, s := range steps {
		e := s.Event(c.Incident, now)
		d.Events = append(d.Events, e)
		c.Incident = c.Incident.Apply(e)
		pl.call(&c, &d, s, firsts, now)
		pl.elsewhere(&c, &d, p, s, now)
	}
	alarm := pl.alarm(&c, &d, p, earlier(next, callsAgainAt(c.Incident, p)), now)
	next = earlier(next, pl.remind(&c, &d, p, now))
	next = earlier(next, pl.attend(&c, &d, p, now))
	next = earlier(next, alarm)
	pl.withdraw(&c, &d, now)
	next = earlier(next, pl.finish(&c, &d, p, now))
	pl.announce(&c, &d, p, now)
	pl.room(&c, &d, firsts, now)
	pl.questions(&c, &d, p, now)
	pl.headlines(&c, &d, now) // first: a reply may have to wait
	pl.report(&c, &d, firsts, now)
	pl.pictures(&c, &d, now)
	if n := len(c.News); n > 0 {
		d.Told = c.News[n-1].Seq
	}
	for _, m := range c.Messages {
		next = earlier(next, pl.lostAt(m)) // whoever is sending it may never come back to say how it went
	}
	d.Looked, d.Next = true, next
	return d, next
}

// queue adds a new message to the case and the decision.
func (pl planner) queue(c *Case, d *Decision, m Message, content Content, now time.Time) {
	m.ID, m.Incident, m.State, m.QueuedAt = pl.newID(now), c.Incident.ID, Pending, now
	m.Payload = incident.Payload(content)
	if n := len(c.Messages); n > 0 {
		m.Seq = c.Messages[n-1].Seq + 1 // only to order it here: the book gives the real one
	}
	c.Messages = append(c.Messages, m)
	d.Queue = append(d.Queue, m)
	d.Events = append(d.Events, m.event(incident.PageQueued, now))
}

// put notes a change of message i, and the event that says so.
func (pl planner) put(c *Case, d *Decision, m Message, kind incident.Kind, now time.Time) {
	i := slices.IndexFunc(c.Messages, func(o Message) bool { return o.ID == m.ID })
	c.Messages[i] = m
	if kind != "" {
		d.Events = append(d.Events, m.event(kind, now))
	}
	for j, queued := range d.Queue {
		if queued.ID == m.ID {
			d.Queue[j] = m
			return
		}
	}
	for j, changed := range d.Put {
		if changed.ID == m.ID {
			d.Put[j] = m
			return
		}
	}
	d.Put = append(d.Put, m)
}

// recover takes over what a dead or frozen process was sending: nobody knows
// whether it arrived.
func (pl planner) recover(c *Case, d *Decision, lease Lease, now time.Time) {
	for _, m := range c.Messages {
		if m.State != Sending || m.Epoch == lease.Epoch && pl.timing.notLonger(pl.lostAt(m), now).After(now) {
			continue
		}
		m.State, m.Murky, m.Error = Ambiguous, true, "the process that was sending it is gone"
		m.NotBefore = now
		if m.Kind() == "slack" {
			m.NotBefore = now.Add(pl.timing.HistoryLag)
		}
		pl.put(c, d, m, incident.PageAmbiguous, now)
	}
}

// lostAt is when an attempt has certainly ended, although nothing was written
// about it; zero for a message that is not being sent.
func (pl planner) lostAt(m Message) time.Time {
	if m.State != Sending {
		return time.Time{}
	}
	return m.LastTryAt.Add(2 * pl.timing.Attempt)
}

// call queues what a step tells its sinks. The first message to a chat is the
// headline; later steps reply to it.
func (pl planner) call(c *Case, d *Decision, s Step, firsts map[string]bool, now time.Time) {
	content := Content{Reason: s.Reason, Page: s.Page, Until: s.Until, Who: s.Who, Late: s.Late.Seconds(), AckedAt: c.Incident.Clocks.Acknowledged, Joins: len(c.Incident.Joins)}
	for _, sink := range s.Notify {
		m := Message{Sink: sink, Level: s.Level, Round: s.Round}
		if sinkKind(sink) == "slack" {
			m.Operation, m.Stream = OpPost, chatStream(sink, c.Incident)
			switch {
			case !slices.ContainsFunc(c.Messages, func(o Message) bool { return o.Stream == m.Stream }):
				m.Level, m.Round = "", 0
				pl.queue(c, d, m, Content{Headline: true, Text: Headline(c.Incident)}, now)
				firsts[m.Stream] = true
			case s.Page != PageNone && !firsts[m.Stream]:
				content := content
				content.Text = s.Event(c.Incident, now).Text
				pl.reply(c, d, m, content, now)
			}
			continue
		}
		if s.Page == PageNone {
			continue
		}
		m.Operation, m.DedupKey = OpTrigger, DedupKey(pl.install, c.Incident, s.Level, s.Round)
		if slices.ContainsFunc(c.Messages, func(o Message) bool { return o.Operation == OpTrigger && o.DedupKey == m.DedupKey }) {
			m.DedupKey += "/" + sink // a rung may call through several
		}
		m.Stream = sink + "/" + m.DedupKey
		pl.queue(c, d, m, content, now)
	}
}

// withdraw supersedes messages that no attempt was made for, or whose attempt
// failed, and that are not wanted any more.
func (pl planner) withdraw(c *Case, d *Decision, now time.Time) {
	for _, m := range c.Messages {
		if !m.Open() || m.State == Sending {
			continue
		}
		if why := stale(m, *c, pl.timing, now); why != "" {
			m.State, m.Error = Superseded, why
			pl.put(c, d, m, incident.PageSuperseded, now)
		}
	}
}

// ringing is how long the page of a raised severity may ring although somebody has
// the incident already: time enough for a phone, and less than PagerDuty waits
// before it calls the next person of its own policy.
const ringing = time.Minute

// finish queues what ends the pages that went out: an acknowledgement for every
// key triggered before it, a resolution for every key ever triggered. A raised
// severity calls whoever has the incident, who need not say so again: that page is
// acknowledged when it has rung, which next waits for. A page of the climb is for
// others, and stays open until they join.
func (pl planner) finish(c *Case, d *Decision, p Rules, now time.Time) (next time.Time) {
	inc := c.Incident
	for _, t := range slices.Clone(c.Messages) {
		if t.Operation != OpTrigger || !t.reached() {
			continue
		}
		m := Message{Stream: t.Stream, Sink: t.Sink, Level: t.Level, Round: t.Round, DedupKey: t.DedupKey}
		at := c.answeredAt(t, p)
		answered := !at.IsZero()
		rings := inc.Acknowledged() && !answered && t.Content().Reason == ReasonSeverity && t.State == Accepted
		heard := rings && !t.AcceptedAt.Add(ringing).After(now)
		if inc.Acknowledged() && p.beyond(t, inc.Severity) {
			heard = true // the severity was lowered: nobody is called there any more
		} else if rings && !heard && !inc.Status.Over() {
			next = earlier(next, t.AcceptedAt.Add(ringing))
		}
		if answered && t.State == Accepted && t.AcknowledgedAt.IsZero() {
			t.AcknowledgedAt = at
			pl.put(c, d, t, incident.PageAcknowledged, now)
		}
		switch {
		case inc.Status.Over() && !c.has(t.Stream, OpResolve):
			m.Operation = OpResolve
		case !inc.Status.Over() && (answered || heard) && !c.has(t.Stream, OpAcknowledge) && !c.has(t.Stream, OpResolve):
			m.Operation = OpAcknowledge
		default:
			continue
		}
		pl.queue(c, d, m, Content{Who: t.Content().Who}, now) // a telephone that was called is told that it is over
	}
	return next
}

// beyond says whether the ladder climbed further for page t than a severity now
// reaches. Whom a person called by hand was meant, whatever the severity.
func (r Rules) beyond(t Message, sev incident.Severity) bool {
	switch t.Content().Reason {
	case ReasonClimbed, ReasonRepeat, ReasonUnanswered:
		rungs := r.Ladder(sev)
		at := levelIndex(rungs, t.Level)
		return at < 0 || at > levelIndex(rungs, r.Response(sev).Reaches)
	}
	return false
}

// has says whether a stream has a message of that operation that was not
// withdrawn.
func (c Case) has(stream string, op Operation) bool {
	return slices.ContainsFunc(c.Messages, func(m Message) bool {
		return m.Stream == stream && m.Operation == op && m.State != Superseded
	})
}

// reached says whether the sink may know of the message.
func (m Message) reached() bool { return m.State == Accepted || m.State == Sending || m.Murky }

// report tells the chats what happened, one reply a pass at most (see reply). The
// incident's own channel is told of the ladder's steps too, and how it ended.
func (pl planner) report(c *Case, d *Decision, firsts map[string]bool, now time.Time) {
	room := c.room()
	if len(c.News) == 0 && room == "" {
		return
	}
	for _, post := range c.chats() {
		own := room != "" && post.Sink == "slack:"+room
		lines := c.told(post.Sink, own)
		content := Content{InChat: InChat{Top: own}}
		if own && c.Incident.Status.Over() && !c.ended(post.Stream) {
			lines, content.Ends = append(lines, Summary(c.Incident)), c.Incident.Clocks.Resolved
		}
		if len(lines) == 0 || firsts[post.Stream] {
			continue
		}
		content.Text = strings.Join(lines, "\n")
		pl.reply(c, d, Message{Stream: post.Stream, Sink: post.Sink, Operation: OpPost}, content, now)
	}
}

// told is the lines that the news is worth to a chat, one each; what it hears as
// an announcement it does not hear again.
func (c Case) told(sink string, ladder bool) (lines []string) {
	for _, e := range c.News {
		if worthTelling(e) && !c.announced(sink, e.ID) || ladder && (e.Kind == incident.EscalationEntered || e.Kind == incident.EscalationRenotified) {
			text := e.Text
			if e.Kind == incident.NoteCorrected {
				text = "corrected: " + text
			}
			lines = append(lines, fmt.Sprintf("%s %s", e.At.UTC().Format("15:04"), text))
		}
	}
	return lines
}

// ended says whether a stream was told how the incident ended.
func (c Case) ended(stream string) bool {
	return slices.ContainsFunc(c.Messages, func(m Message) bool {
		return m.Stream == stream && m.State != Superseded && m.Content().Ends.Equal(c.Incident.Clocks.Resolved)
	})
}

// worthTelling says whether an event goes into the thread. Plain notes do not:
// a thread is read by people who were not asked to write one. Who was told
// something wrong is told what is right.
func worthTelling(e incident.Event) bool {
	switch e.Kind {
	case incident.TargetMissed:
		var p incident.Overdue
		return e.Payload(&p) == nil && p.Target == incident.TargetResolve // that nobody answers is what the calls say
	case incident.NoteCorrected:
		var p incident.Correction
		return e.Payload(&p) == nil && p.Kind != e.Kind && worthTelling(incident.Event{Kind: p.Kind})
	case incident.Acknowledged, incident.Unacknowledged, incident.Assigned, incident.SeverityChanged, incident.ServiceSet, incident.StatusChanged,
		incident.Mitigated, incident.ActionTaken, incident.Resolved, incident.Reopened,
		incident.Merged, incident.Split, incident.UpdateDue, incident.UpdateSent,
		incident.CommanderMissing:
		return true
	}
	return false
}

// chats is the headline posts of a case, one for each chat.
func (c Case) chats() (posts []Message) {
	for _, m := range c.Messages {
		if m.Operation == OpPost && m.Content().Headline {
			posts = append(posts, m)
		}
	}
	return posts
}

// headlines keeps every headline true: one that has not gone out yet is
// rewritten, one that has is updated.
func (pl planner) headlines(c *Case, d *Decision, now time.Time) {
	want := Headline(c.Incident)
	for _, post := range c.chats() {
		last := post
		for _, m := range c.Messages {
			if m.Stream == post.Stream && m.Operation == OpUpdate && m.State != Superseded {
				last = m
			}
		}
		content := Content{Headline: true, Text: want}
		if room := c.room(); room != "" && post.Sink != "slack:"+room {
			content.Room = &RoomStep{Channel: room}
		}
		if was := last.Content(); was.Text == want && (was.Room == nil) == (content.Room == nil) {
			continue
		}
		if last.State == Pending && last.Attempts == 0 {
			last.Payload = incident.Payload(content)
			pl.put(c, d, last, "", now)
			continue
		}
		pl.queue(c, d, Message{Stream: post.Stream, Sink: post.Sink, Operation: OpUpdate}, content, now)
	}
}

// chatStream is one thread of one chat.
func chatStream(sink string, inc incident.Incident) string { return sink + "/" + inc.Key }

// Headline is the few lines that say where an incident stands. It changes only
// when the incident does, never with the time. The text is raw: titles are what
// somebody typed.
func Headline(inc incident.Incident) string {
	first := fmt.Sprintf("%s %s %s", inc.ID, inc.Severity, inc.Title)
	if inc.Drill {
		first = "[DRILL] " + first
	}
	state := string(inc.Status)
	switch {
	case inc.Status.Over():
	case inc.Acknowledged():
		state += fmt.Sprintf(", %s has it", inc.Clocks.AckBy)
	default:
		state += ", nobody has acknowledged"
	}
	if inc.Rung.Level != "" && !inc.Status.Over() {
		state += fmt.Sprintf(", %s called", inc.Rung.Level)
	}
	lines := []string{first, state}
	if inc.Service != "" {
		lines = append(lines, "service: "+inc.Service)
	}
	for _, role := range incident.Roles() {
		if who := inc.Roles[role]; who != "" {
			lines = append(lines, fmt.Sprintf("%s: %s", role, who))
		}
	}
	lines = append(lines, "declared: "+inc.Clocks.Declared.UTC().Format("2006-01-02 15:04 UTC"))
	if inc.Resolution != "" {
		lines = append(lines, "resolution: "+inc.Resolution)
	}
	return strings.Join(lines, "\n")
}
