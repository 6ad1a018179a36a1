package escalation

import (
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// mostCommanderAsks is how often it is said that nobody is commander: whoever has
// not listened three times will not at the fourth.
const mostCommanderAsks = 3

// duty is one thing that is to be recorded at an incident: due says when, zero is
// never; record makes the event.
type duty struct {
	due    time.Time
	record func() incident.Event
}

// duties are looked at in this order.
func duties() []func(incident.Incident, Rules) duty {
	return []func(incident.Incident, Rules) duty{respondMissed, resolveMissed, ackTimeout, questionDue, commanderMissing}
}

// at is when a duty is due for inc, zero for never, and what it is in a word.
// Quiet hours and a snooze put it off as they do the ladder's calls.
func (d duty) at(inc incident.Incident, r Rules) (time.Time, string) {
	if d.due.IsZero() || inc.Status.Over() {
		return time.Time{}, ""
	}
	return r.quietUntil(inc.Severity, latest(d.due, inc.Rung.Snoozed)), string(d.record().Kind)
}

// attention sees to it that an incident is not left alone by those who took it:
// it asks whoever acknowledged and has done nothing since whether they are still
// on it, takes the acknowledgement back if nobody answers, says that nobody is
// commander, records that a target was missed, and asks for the next level when
// that was the one to resolve. It is pure: the events that are due at now, what
// the incident is after them, and when to look again. Once holds all of it where
// the fold cannot.
func attention(inc incident.Incident, r Rules, now time.Time) (events []incident.Event, after incident.Incident, next time.Time) {
	if !inc.Declared() || inc.Status.Over() {
		return nil, inc, time.Time{}
	}
	record := func(e incident.Event) {
		e.Incident, e.At, e.Actor, e.Source = inc.ID, now, incident.Sitrep, source
		events = append(events, e)
		inc = inc.Apply(e)
	}
	for _, of := range duties() {
		duty := of(inc, r)
		due, _ := duty.at(inc, r)
		if due.IsZero() {
			continue
		}
		if due.After(now) {
			next = earlier(next, due)
			continue
		}
		e := duty.record()
		record(e)
		next = now // what follows from it is looked at in the next pass
		if p := (incident.Overdue{}); e.Kind == incident.TargetMissed && e.Payload(&p) == nil && p.Target == incident.TargetResolve && wantsMore(inc, r) {
			record(incident.Event{
				Kind: incident.EscalationWanted, Text: "the next level is called: " + e.Text, Once: "more/" + e.Once,
				Data: incident.Payload(incident.Escalation{Level: incident.NextLevel, Reason: e.Text, Severity: inc.Severity}),
			})
		}
	}
	return events, inc, next
}

// attend records what attention finds, and asks whoever is to be asked.
func (pl planner) attend(c *Case, d *Decision, r Rules, now time.Time) (next time.Time) {
	events, after, next := attention(c.Incident, r, now)
	for _, e := range events {
		d.Events = append(d.Events, e)
		if e.Kind == incident.AckQuestioned {
			pl.question(c, d, e, now)
		}
	}
	c.Incident = after
	return next
}

// callsAgainAt is when people will be called about an incident that somebody has,
// if nothing happens: because nobody answers whether they are still on it, or
// because the target is missed. Zero is never.
func callsAgainAt(inc incident.Incident, r Rules) time.Time {
	if !inc.Acknowledged() {
		return time.Time{} // the ladder itself calls
	}
	missed, _ := resolveMissed(inc, r).at(inc, r)
	back, _ := ackTimeout(inc, r).at(inc, r)
	if asks, _ := questionDue(inc, r).at(inc, r); !asks.IsZero() {
		back = asks.Add(answerWithin(inc, r))
	}
	return earlier(missed, back)
}

// respondMissed records that nobody has acknowledged in the time that the
// severity allows. What is done about it is the rungs' business.
func respondMissed(inc incident.Incident, r Rules) duty {
	within := r.Response(inc.Severity).RespondWithin.D()
	due := inc.Clocks.Declared.Add(within)
	if within <= 0 || !inc.Clocks.FirstAck.IsZero() || !due.After(inc.Attention.RespondMissed) {
		return duty{}
	}
	return duty{due, func() incident.Event { return missed(inc, incident.TargetRespond, due, within, "acknowledged") }}
}

// resolveMissed records that the incident is not resolved in the time that its
// severity allows.
func resolveMissed(inc incident.Incident, r Rules) duty {
	within := r.Response(inc.Severity).ResolveWithin.D()
	due := inc.Clocks.Declared.Add(within)
	if within <= 0 || !due.After(inc.Attention.ResolveMissed) {
		return duty{}
	}
	return duty{due, func() incident.Event { return missed(inc, incident.TargetResolve, due, within, "resolved") }}
}

func missed(inc incident.Incident, target incident.Target, due time.Time, within time.Duration, done string) incident.Event {
	return incident.Event{
		Kind: incident.TargetMissed, Data: incident.Payload(incident.Overdue{Target: target, DueAt: due}),
		Text: fmt.Sprintf("not %s within the %s that %s allows", done, strictyaml.FormatDuration(within), inc.Severity),
		Once: fmt.Sprintf("target/%s/%s/%d", inc.Key, target, due.UnixMicro()),
	}
}

// wantsMore says whether the severity reaches a further level, and an
// acknowledgement is all that keeps the ladder from climbing there.
func wantsMore(inc incident.Incident, r Rules) bool {
	rungs := r.Ladder(inc.Severity)
	at := standsAt(rungs, inc.Rung.Level)
	stopped := at >= 0 && inc.Acknowledged() && rungs[at].Until == UntilAcknowledged
	return stopped && at < levelIndex(rungs, r.Response(inc.Severity).Reaches) && inc.Rung.Wanted == ""
}

// idleSince is when a person last did something about inc.
func idleSince(inc incident.Incident) time.Time {
	return latest(inc.Attention.Active, inc.Clocks.Acknowledged)
}

// questionDue asks whoever has acknowledged whether they are still on it, when
// nobody has done anything for the severity's ack_timeout.
func questionDue(inc incident.Incident, r Rules) duty {
	after := r.Response(inc.Severity).AckTimeout.D()
	if after <= 0 || !inc.Acknowledged() || inc.InDoubt() {
		return duty{}
	}
	since := idleSince(inc)
	return duty{latest(since, inc.Rung.Snoozed).Add(after), func() incident.Event {
		return incident.Event{
			Kind: incident.AckQuestioned, Data: incident.Payload(incident.Question{Of: inc.Clocks.AckBy, Since: since}),
			Text: fmt.Sprintf("%s, still on it? Nothing has happened since %s; without an answer in %s it goes back to the ladder",
				inc.Clocks.AckBy, since.UTC().Format("15:04Z"), strictyaml.FormatDuration(answerWithin(inc, r))),
			Once: fmt.Sprintf("ack.questioned/%s/%d", inc.Key, since.UnixMicro()),
		}
	}}
}

// ackTimeout takes back the acknowledgement of somebody who does not answer.
func ackTimeout(inc incident.Incident, r Rules) duty {
	if !inc.InDoubt() {
		return duty{}
	}
	asked := inc.Attention.Questioned
	return duty{asked.Add(answerWithin(inc, r)), func() incident.Event {
		return incident.Event{
			Kind: incident.Unacknowledged,
			Text: fmt.Sprintf("the acknowledgement of %s has run out: no answer since %s", inc.Clocks.AckBy, asked.UTC().Format("15:04Z")),
			Once: fmt.Sprintf("ack.timeout/%s/%d", inc.Key, asked.UnixMicro()),
		}
	}}
}

// answerWithin is the time to answer "still on it?": what the severity allows
// for a first answer.
func answerWithin(inc incident.Incident, r Rules) time.Duration {
	return r.Response(inc.Severity).RespondWithin.D()
}

// DoubtEndsAt is when an acknowledgement that stands in doubt is taken back,
// by the policy that inc was declared with; zero if it does not.
func DoubtEndsAt(inc incident.Incident) time.Time {
	if !inc.InDoubt() {
		return time.Time{}
	}
	r := policyOf(inc, Policy{})
	return r.quietUntil(inc.Severity, latest(inc.Attention.Questioned.Add(answerWithin(inc, r)), inc.Rung.Snoozed))
}

// commanderMissing says that nobody commands an incident that somebody is at: a
// few times, ever later. Before anybody is, the ladder's calls say more.
func commanderMissing(inc incident.Incident, r Rules) duty {
	within, asks := r.Response(inc.Severity).CommanderWithin.D(), inc.Attention.CommanderAsks
	if within <= 0 || !inc.Acknowledged() || inc.Roles[incident.Commander] != "" || asks >= mostCommanderAsks {
		return duty{}
	}
	due := latest(inc.Clocks.Declared.Add(within), inc.Clocks.Acknowledged)
	if asks > 0 {
		due = inc.Attention.CommanderAsked.Add(within << asks)
	}
	return duty{due, func() incident.Event {
		return incident.Event{
			Kind: incident.CommanderMissing, Data: incident.Payload(incident.Missing{Times: asks + 1}),
			Text: fmt.Sprintf("nobody is commander yet (sitrep incident assign %s commander NAME)", inc.ID),
			Once: fmt.Sprintf("commander/%s/%d", inc.Key, asks+1),
		}
	}}
}

// question asks in the chats, calling whoever is asked by name.
func (pl planner) question(c *Case, d *Decision, e incident.Event, now time.Time) {
	for _, chat := range c.chats() {
		content := Content{Reason: ReasonUnanswered, Text: e.Text, Who: []incident.Person{c.Incident.Clocks.AckBy}, Page: PageInfo}
		pl.reply(c, d, Message{Stream: chat.Stream, Sink: chat.Sink, Operation: OpPost}, content, now)
	}
}
