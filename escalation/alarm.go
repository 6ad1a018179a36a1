package escalation

import (
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// The operations on the message that a chat says by itself when nobody stops it.
const (
	OpSchedule   Operation = "schedule"
	OpUnschedule Operation = "unschedule"
)

// Alarm is what a chat is to say by itself at At: that the rung that was due at
// Due was not called, because nobody ran the ladder.
type Alarm struct {
	Level incident.Level `json:"level"`
	Due   time.Time      `json:"due"`
	At    time.Time      `json:"at"`
}

// How the alarm moves. A chat does not take back what is due within a minute, so
// it is moved before that; and it takes 30 of them in five minutes, so one that is
// only a little off is left.
const (
	alarmNear    = 100 * time.Second
	alarmSlack   = 30 * time.Second
	alarmRetry   = time.Minute     // after one that was refused
	LeastDeadMan = 2 * time.Minute // what Chat.DeadMan has to be at least, or 0
)

// alarm keeps one scheduled message standing in every chat while the ladder has
// something to do, always later than that; and none when it has not. It answers
// when it must be moved.
func (pl planner) alarm(c *Case, d *Decision, p Rules, next, now time.Time) (wake time.Time) {
	if _, ever := c.latest(OpSchedule); !ever && pl.chat.DeadMan <= 0 {
		return wake
	}
	want := Alarm{Due: next.Truncate(time.Second)}
	who := []incident.Person(nil)
	if pl.chat.DeadMan > 0 && !next.IsZero() && !c.Incident.Status.Over() {
		want.At = want.Due.Add(pl.chat.DeadMan)
		want.Level, who = dueAt(c.Incident, p, next, now)
	}
	for _, post := range c.chats() {
		if post.Sink == "slack:"+c.room() {
			continue
		}
		m := Message{Sink: post.Sink, Stream: "alarm/" + post.Stream, Operation: OpSchedule}
		last, stands := c.lastAlarm(m.Stream)
		have := Alarm{}
		if a := last.Content().Alarm; a != nil && last.Operation == OpSchedule {
			have = *a
		}
		// What is not on its way can still be made another one: to schedule looks
		// first at what stands, whatever became of earlier attempts.
		free := last.Open() && last.State != Sending
		switch {
		case last.State == Sending:
			wake = earlier(wake, pl.lostAt(last))
		case want.At.IsZero() && (!stands || last.Operation == OpUnschedule):
		case want.At.IsZero():
			if free {
				last.State, last.Error = Superseded, "the ladder has nothing more to do"
				pl.put(c, d, last, incident.PageSuperseded, now)
			}
			if c.scheduled(m.Stream) {
				m.Operation = OpUnschedule
				pl.queue(c, d, m, Content{}, now)
			}
		case last.State == Failed && now.Sub(last.LastTryAt) < alarmRetry:
			wake = earlier(wake, last.LastTryAt.Add(alarmRetry))
		case last.Operation == OpSchedule && free:
			if !have.At.Equal(want.At) {
				last.Payload = incident.Payload(Content{Who: who, InChat: InChat{Alarm: &want}})
				pl.put(c, d, last, "", now)
			}
		case last.Operation == OpSchedule && last.State == Accepted && !have.moves(want, now):
			if at := have.At.Add(-alarmNear); at.After(now) { // else the ladder itself is due before it matters
				wake = earlier(wake, at)
			}
		default:
			pl.queue(c, d, m, Content{Who: who, InChat: InChat{Alarm: &want}}, now)
		}
	}
	return wake
}

// moves says whether an alarm that stands has to be moved to where want is: it
// is much later than wanted, or will soon be too near to be taken back.
func (a Alarm) moves(want Alarm, now time.Time) bool {
	if want.At.Before(a.At.Add(-alarmSlack)) {
		return true
	}
	return want.At.After(a.At) && a.At.Sub(now) <= alarmNear
}

// lastAlarm is the last message of the stream that was not withdrawn.
func (c Case) lastAlarm(stream string) (Message, bool) {
	for _, m := range slices.Backward(c.Messages) {
		if m.Stream == stream && m.State != Superseded {
			return m, true
		}
	}
	return Message{}, false
}

// scheduled says whether a message of the stream may stand at the chat.
func (c Case) scheduled(stream string) bool {
	return slices.ContainsFunc(c.Messages, func(o Message) bool {
		return o.Stream == stream && o.Operation == OpSchedule && o.reached()
	})
}

// dueAt is which level the ladder calls at next, and whom.
func dueAt(inc incident.Incident, p Rules, next, now time.Time) (incident.Level, []incident.Person) {
	rungs := Upcoming(inc, p, now)
	for _, r := range rungs {
		if (r.State == RungNext || r.State == RungContinues) && !r.Due.After(next) {
			return r.Level, r.Who
		}
	}
	for _, r := range rungs {
		if r.State == RungNow {
			return r.Level, r.Who
		}
	}
	return inc.Rung.Level, nil
}
