package escalation

import (
	"fmt"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// stale says why m is not wanted any more; empty if it is.
func stale(m Message, c Case, t Timing, now time.Time) string {
	inc, content := c.Incident, m.Content()
	switch m.Operation {
	case OpTrigger:
		switch {
		case inc.Status.Over():
			return fmt.Sprintf("the incident is %s", inc.Status)
		case content.Until == UntilAcknowledged && inc.Acknowledged() && !content.AckedAt.Equal(inc.Clocks.Acknowledged):
			return fmt.Sprintf("%s has acknowledged", inc.Clocks.AckBy)
		case c.newerRound(m):
			return "a newer round of the level is due"
		}
		return c.needless(m)
	case OpAcknowledge:
		switch {
		case inc.Status.Over():
			return fmt.Sprintf("the incident is %s", inc.Status)
		case !inc.Acknowledged():
			return "the acknowledgement was taken back"
		case !c.triggered(m.Stream):
			return "no page of this key went out"
		}
	case OpResolve:
		switch {
		case !c.triggered(m.Stream):
			return "no page of this key went out"
		case m.Kind() == statusPage && !inc.Status.Over() && !m.reached():
			return "the incident was reopened"
		}
	case OpUpdate:
		if content.Resweep && c.newestUpdate(m.thread()).Seq > m.Seq {
			return "a newer headline is there"
		}
		if slices.ContainsFunc(c.Messages, func(o Message) bool {
			return o.Stream == m.Stream && o.Operation == OpUpdate && o.Seq > m.Seq && o.Open()
		}) {
			return "a newer headline waits"
		}
		if content.Question != nil && c.parent(m) == "" && !c.blocked(m) {
			return "the question was not posted"
		}
	case OpPost:
		switch {
		case answered(m, inc) != "":
			return answered(m, inc)
		case m.Murky || content.Headline:
		case content.Diverts != "":
			return c.needless(m)
		case now.Sub(m.QueuedAt) > t.StaleText:
			return "it is too old to help"
		}
	case OpNote:
		switch why := c.answersSince(content.Chat, m.QueuedAt); {
		case inc.Status.Over():
			return fmt.Sprintf("the incident is %s", inc.Status)
		case why != "" && !m.Murky:
			return why
		case now.Sub(m.QueuedAt) > t.StaleText:
			return "it is too old to help"
		}
	case OpAnnounce:
		if !m.Murky && !content.Lasts && now.Sub(m.QueuedAt) > t.StaleText {
			return "it is too old to help"
		}
	}
	return ""
}

// newerRound says whether the same sink is to be called for the same level
// again: two pages at once say no more than one.
func (c Case) newerRound(m Message) bool {
	return slices.ContainsFunc(c.Messages, func(o Message) bool {
		return o.Operation == OpTrigger && o.Sink == m.Sink && o.Level == m.Level && o.Seq > m.Seq && o.State != Superseded
	})
}

// triggered says whether the sink may know of something in the stream that has
// an end.
func (c Case) triggered(stream string) bool {
	return slices.ContainsFunc(c.Messages, func(m Message) bool {
		return m.Stream == stream && (m.Operation == OpTrigger || m.Operation == OpAnnounce) && m.reached()
	})
}

// claim is the last look before the wire: it marks message id as being sent,
// unless something speaks against it. Then ok is false, and wait, if not zero,
// is when to try again.
func (pl planner) claim(c Case, id string, lease Lease, now time.Time) (d Decision, m Message, wait time.Time, ok bool) {
	c.Messages = slices.Clone(c.Messages)
	i := slices.IndexFunc(c.Messages, func(m Message) bool { return m.ID == id })
	if i < 0 {
		return d, m, wait, false
	}
	m = c.Messages[i]
	if !m.Open() || m.State == Sending || c.blocked(m) {
		return d, m, wait, false
	}
	if why := stale(m, c, pl.timing, now); why != "" {
		m.State, m.Error = Superseded, why
		pl.put(&c, &d, m, incident.PageSuperseded, now)
		return d, m, wait, false
	}
	if wait = pl.timing.notLonger(latest(m.NotBefore, c.settledAt(m, pl.timing), c.apart(m, pl.timing)), now); wait.After(now) {
		return d, m, wait, false
	}
	if margin := min(pl.timing.Attempt, pl.timing.LeaseTTL/2); !lease.Live(now.Add(margin)) {
		return d, m, now.Add(afterTrouble), false // it could not be renewed: who takes it over shall not meet us on the wire
	}
	m.State, m.Attempts, m.LastTryAt, m.Epoch, m.Error = Sending, m.Attempts+1, now, lease.Epoch, ""
	if m.FirstTryAt.IsZero() {
		m.FirstTryAt = now
	}
	pl.put(&c, &d, m, incident.PageAttempted, now)
	m.Parent = c.parent(m)
	return d, m, time.Time{}, true
}

// blocked says whether an earlier message of the stream is still to be sent.
func (c Case) blocked(m Message) bool {
	return slices.ContainsFunc(c.Messages, func(o Message) bool { return o.Stream == m.Stream && o.Seq < m.Seq && o.Open() })
}

// settledAt is when an earlier, ambiguous attempt of the stream cannot arrive
// any more: a late trigger after the resolve would open a page that nobody
// closes.
func (c Case) settledAt(m Message, t Timing) (at time.Time) {
	if m.Operation != OpAcknowledge && m.Operation != OpResolve {
		return at
	}
	for _, o := range c.Messages {
		if o.Stream == m.Stream && o.Seq < m.Seq && o.Murky {
			at = latest(at, o.LastTryAt.Add(t.Settle))
		}
	}
	return at
}

// settle records how an attempt ended. A message that was taken over meanwhile
// belongs to somebody else: nothing is written about it.
func (pl planner) settle(c Case, sent Message, o Outcome, jitter float64, now time.Time) (d Decision) {
	c.Messages = slices.Clone(c.Messages)
	i := slices.IndexFunc(c.Messages, func(m Message) bool { return m.ID == sent.ID })
	if i < 0 || c.Messages[i].State != Sending || c.Messages[i].Epoch != sent.Epoch {
		return d
	}
	m := c.Messages[i]
	if o.Err != nil {
		m.Error = o.Err.Error()
	}
	switch o.Class {
	case Done:
		m.State, m.AcceptedAt, m.Ref, m.Error = Accepted, now, o.Ref, ""
		kind := incident.PageAccepted
		if o.Reconciled {
			kind = incident.PageReconciled
		}
		pl.put(&c, &d, m, kind, now)
		pl.sweep(&c, &d, m, now)
		pl.restore(c, &d, m, now)
	case Throttled:
		m.State, m.Attempts, m.NotBefore = Pending, m.Attempts-1, now.Add(max(o.After, shortest))
		if m.Murky {
			m.State = Ambiguous
		}
		pl.put(&c, &d, m, "", now)
	case Dead:
		m.State, m.NotBefore = Failed, time.Time{}
		if again(m, c.Incident, now) {
			m.NotBefore = now.Add(pl.timing.RetryDead) // somebody may mend the key, the token, the channel
		}
		pl.put(&c, &d, m, incident.PageFailed, now)
	case NotSent:
		m.State, m.NotBefore = Pending, now.Add(pl.backoff(m, jitter))
		if m.Murky {
			m.State = Ambiguous
		}
		pl.put(&c, &d, m, incident.PageFailed, now)
	default:
		m.State, m.Murky, m.NotBefore = Ambiguous, true, now.Add(pl.backoff(m, jitter))
		pl.put(&c, &d, m, incident.PageAmbiguous, now)
	}
	return d
}

// again says whether a refused message is to be offered again: a page, and what
// stands in for one, while it is wanted; the end of a page for a day, because the
// page may be open; the headline while the incident lasts.
func again(m Message, inc incident.Incident, now time.Time) bool {
	switch content := m.Content(); m.Operation {
	case OpTrigger:
		return true
	case OpResolve:
		return now.Sub(m.QueuedAt) < 24*time.Hour
	case OpPost:
		return !inc.Status.Over() && (content.Headline || content.Diverts != "")
	case OpAnnounce:
		return m.aside() // until it is stale; a thread need not wait for it
	}
	return false
}

// sweep queues what cleans up behind an attempt that nobody knew the end of: a
// second resolve, dropped by PagerDuty if nothing is open and closing the late
// trigger otherwise; for chats and status pages a look for second copies, and the
// newest headline again where an older one may have come after it.
func (pl planner) sweep(c *Case, d *Decision, m Message, now time.Time) {
	next := Message{Stream: m.Stream, Sink: m.Sink, Level: m.Level, Round: m.Round, DedupKey: m.DedupKey}
	switch {
	case m.Operation == OpResolve && !m.Content().Resweep && c.murky(m.Stream) && comesLate(m.Kind()):
		next.Operation, next.NotBefore = OpResolve, now.Add(pl.timing.Resweep)
		pl.queue(c, d, next, Content{Sweep: Sweep{Resweep: true}}, now)
	case m.Murky && (m.Operation == OpPost || m.Operation == OpAnnounce && (m.Kind() == "slack" || m.Kind() == statusPage)):
		next.Operation, next.NotBefore = OpSweep, now.Add(pl.timing.Sweep)
		next.Stream = "sweep/" + m.ID // the thread need not wait for it
		pl.queue(c, d, next, Content{Sweep: Sweep{Sweeps: m.ID, SweepRef: m.Ref, TriedAt: m.FirstTryAt}}, now)
	case m.Operation == OpUpdate && c.overtaken(m, pl.timing, now):
		next.Operation, next.NotBefore = OpUpdate, now.Add(pl.timing.Settle)
		next.Stream = "sweep/" + m.ID
		again := c.newestUpdate(m.thread()).Content()
		again.Resweep, again.Thread = true, m.thread()
		pl.queue(c, d, next, again, now)
	}
}

// comesLate says whether a page to such a sink may arrive after its end, and be
// open then for ever. A command was ended, and nothing of it comes.
func comesLate(kind string) bool { return kind == "pagerduty" || kind == "webhook" }

// overtaken says whether what the chat shows may not be the newest headline after
// m was accepted: an older one that nobody knows the end of may come yet, or m is
// itself older than one that went out beside it.
func (c Case) overtaken(m Message, t Timing, now time.Time) bool {
	if m.Content().Resweep && c.newestUpdate(m.thread()).Seq > m.Seq {
		return true
	}
	return slices.ContainsFunc(c.Messages, func(o Message) bool {
		return o.Operation == OpUpdate && o.ID != m.ID && o.thread() == m.thread() && o.Murky && o.LastTryAt.Add(t.Settle).After(now)
	})
}

// newestUpdate is the last headline that was queued for a thread in its turn.
func (c Case) newestUpdate(thread string) (newest Message) {
	for _, o := range c.Messages {
		if o.Operation == OpUpdate && o.Stream == thread && o.State != Superseded {
			newest = o
		}
	}
	return newest
}

func (c Case) murky(stream string) bool {
	return slices.ContainsFunc(c.Messages, func(m Message) bool { return m.Stream == stream && m.Murky })
}

// backoff is full jitter: anything from nothing to the base doubled with every
// attempt, at most the cap. An ambiguous chat message waits at least until its
// copy could be seen. Source: AWS Architecture Blog, Exponential Backoff And
// Jitter.
func (pl planner) backoff(m Message, jitter float64) time.Duration {
	most := pl.timing.BackoffCap
	if m.Operation == OpTrigger || m.Operation == OpAcknowledge || m.Operation == OpResolve {
		most = pl.timing.PageBackoffCap
	}
	d := pl.timing.BackoffBase << min(m.Attempts, 16)
	wait := time.Duration(jitter * float64(min(d, most)))
	if m.Murky && m.Kind() == "slack" {
		wait = max(wait, pl.timing.HistoryLag)
	}
	return wait
}

func people(who []incident.Person) string {
	if len(who) == 0 {
		return "nobody named"
	}
	s := string(who[0])
	for _, p := range who[1:] {
		s += ", " + string(p)
	}
	return s
}
