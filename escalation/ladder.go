package escalation

import (
	"fmt"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// The reasons for which a rung is notified (incident.Escalation.Reason).
const (
	ReasonDeclared       = "declared"
	ReasonUnanswered     = "unanswered"
	ReasonClimbed        = "climbed"
	ReasonByHand         = "by_hand"
	ReasonSeverity       = "severity"
	ReasonService        = "service"
	ReasonRepeat         = "repeat"
	ReasonUnacknowledged = "unacknowledged"
	ReasonReopened       = "reopened"
	ReasonMissed         = "target_missed" // of an explanation only: on the timeline it is by hand, of sitrep's
)

// lateFrom is the least delay that is worth saying: shorter ones are how often
// the ladder looks.
const lateFrom = 5 * time.Second

// Step is one thing that the ladder wants now: to enter a rung, or to notify
// the rung it stands on again, in a new round.
type Step struct {
	Level  incident.Level
	Round  int // 1 for the first notification of the level within the incident
	Enter  bool
	Reason string
	Page   Page // PageNone: recorded, nobody is paged
	Until  Until
	Who    []incident.Person
	Notify []string
	Due    time.Time
	Late   time.Duration // how long nobody ran the ladder; 0 if it was in time
}

// Next says what the ladder wants of inc at now, and when it must look again
// (zero: not before something happens). It is pure; applying the events of the
// steps (Event) and asking again at the same now wants nothing more, unless an
// un-acknowledgement came together with what is due besides: a raised severity,
// or a climb that no acknowledgement stops.
//
//   - A rung is notified again, in a new round, while nobody has acknowledged,
//     respond_within after its last round.
//   - It climbs escalate_after its entry: from a rung until "acknowledged" only
//     while nobody has, from a rung until "resolved" in any case, up to the
//     level that the severity reaches.
//   - The last rung calls again every repeat_every.
//   - The severity's scale multiplies all of these, counted from entry, so that
//     lowering a severity stretches the clocks that run. Raising it notifies the
//     present rung at once; a climb that would be overdue under the new scale
//     gets its full time from now.
//   - When it turns out to be about a service whose rules call others at the
//     present rung, that rung is entered again at once.
//   - After a gap it climbs one rung: the clocks of the next begin at now.
//   - In the quiet hours of the severity nothing of this happens: what is due in
//     them is due at their end, one thing a pass as always.
//   - By hand, any level from the present one upward, whatever the severity
//     reaches, snoozed, quiet or not.
func Next(inc incident.Incident, r Rules, now time.Time) (due []Step, next time.Time) {
	if !inc.Declared() || inc.Status.Over() {
		return nil, time.Time{}
	}
	l := look{inc: inc, rules: r, resp: r.Response(inc.Severity), rungs: r.Ladder(inc.Severity), now: now}
	if len(l.rungs) == 0 {
		return nil, time.Time{}
	}
	l.at = standsAt(l.rungs, inc.Rung.Level)
	if over := l.awake(now); over.After(now) {
		if to := l.wanted(); to >= 0 {
			return []Step{l.step(to, true, ReasonByHand, now)}, now
		}
		return nil, over
	}
	if inc.Rung.Level == "" {
		return l.begin(), now
	}
	if step, ok := l.byEvent(); ok {
		return []Step{step}, now
	}
	return l.byClock()
}

// look is one look at the ladder.
type look struct {
	inc   incident.Incident
	rules Rules
	resp  Response
	rungs []LevelRule
	at    int // index of the present rung, -1 before the first
	now   time.Time
}

// awake is t, or the end of the quiet hours of the severity that t lies in.
func (l look) awake(t time.Time) time.Time { return l.rules.quietUntil(l.inc.Severity, t) }

// begin enters the first rung, and at once the one that somebody asked for: a
// request by hand is for more people, not for others.
func (l look) begin() []Step {
	reason, since := ReasonDeclared, l.awake(l.inc.Clocks.Declared)
	if len(l.inc.Rung.Rounds) > 0 {
		reason = ReasonReopened
	}
	if reason == ReasonReopened || l.inc.Rung.Unanswered || l.inc.Acknowledged() || l.heldBack() {
		since = l.now // when it was reopened, given back or raised is not folded, and who is there waits for nobody
	}
	steps := []Step{l.step(0, true, reason, since)}
	if to := l.wanted(); to > 0 {
		steps = append(steps, l.step(to, true, ReasonByHand, l.now))
	}
	return steps
}

// heldBack says whether the first call may have waited for the end of quiet hours
// that the incident, whose severity is another one by now, does not have.
func (l look) heldBack() bool {
	declared := l.inc.Clocks.Declared
	return !l.awake(declared).After(declared) && slices.ContainsFunc(incident.Severities(), func(sev incident.Severity) bool {
		return l.rules.quietUntil(sev, declared).After(declared)
	})
}

// byEvent is what something that happened asks for, snoozed or not.
func (l look) byEvent() (Step, bool) {
	rung, rule := l.inc.Rung, l.rungs[l.at]
	if to := l.wanted(); to >= 0 {
		return l.step(to, true, ReasonByHand, l.now), true
	}
	if rung.Unanswered {
		// An acknowledgement had stopped the clock of such a rung; it starts again.
		return l.step(l.at, rule.Until == UntilAcknowledged, ReasonUnacknowledged, l.now), true
	}
	if l.inc.Severity.WorseThan(rung.Severity) {
		climb, climbs := l.climbAt()
		return l.step(l.at, climbs && !climb.After(l.now), ReasonSeverity, l.now), true
	}
	if rung.Recall {
		return l.step(l.at, true, ReasonService, l.now), true // others are called, whose time begins now
	}
	return Step{}, false
}

// wanted is the index of the level that was asked for by hand, -1 if none was
// or if it cannot be had (CanEscalate says why).
func (l look) wanted() int {
	switch l.inc.Rung.Wanted {
	case "":
		return -1
	case incident.NextLevel:
		if l.inc.Rung.Level == "" {
			return 0
		}
		return min(l.at+1, len(l.rungs)-1)
	}
	if to := levelIndex(l.rungs, l.inc.Rung.Wanted); to >= l.at {
		return to
	}
	return -1
}

// byClock is what time asks for: at most one thing, the climb first.
func (l look) byClock() (due []Step, next time.Time) {
	type alarm struct {
		at     time.Time
		level  int
		enter  bool
		reason string
	}
	var alarms []alarm
	if at, ok := l.climbAt(); ok {
		alarms = append(alarms, alarm{at, l.at + 1, true, ReasonClimbed})
	}
	if at, ok := l.repeatAt(); ok {
		alarms = append(alarms, alarm{at, l.at, false, ReasonRepeat})
	}
	if at, ok := l.renotifyAt(); ok {
		alarms = append(alarms, alarm{at, l.at, false, ReasonUnanswered})
	}
	for _, a := range alarms {
		a.at = l.awake(latest(a.at, l.inc.Rung.Snoozed))
		if !a.at.After(l.now) {
			return []Step{l.step(a.level, a.enter, a.reason, a.at)}, l.now
		}
		if next.IsZero() || a.at.Before(next) {
			next = a.at
		}
	}
	return nil, next
}

// climbAt is when the next rung is due, if ever.
func (l look) climbAt() (time.Time, bool) {
	rule := l.rungs[l.at]
	if l.at >= levelIndex(l.rungs, l.resp.Reaches) || rule.EscalateAfter == 0 {
		return time.Time{}, false
	}
	if rule.Until == UntilAcknowledged && l.inc.Acknowledged() {
		return time.Time{}, false
	}
	return l.inc.Rung.Entered.Add(scaled(rule.EscalateAfter, l.resp.Scale)), true
}

// repeatAt is the first whole multiple of repeat_every, counted from entry,
// that lies after the last round.
func (l look) repeatAt() (time.Time, bool) {
	rule, rung := l.rungs[l.at], l.inc.Rung
	every := scaled(rule.RepeatEvery, l.resp.Scale)
	if every <= 0 || l.at > levelIndex(l.rungs, l.resp.Reaches) {
		return time.Time{}, false
	}
	if rule.Until == UntilAcknowledged && l.inc.Acknowledged() {
		return time.Time{}, false
	}
	passed := max(0, rung.Notified.Sub(rung.Entered)) / every
	return rung.Entered.Add((passed + 1) * every), true
}

// renotifyAt is when a rung that has not answered is notified again.
func (l look) renotifyAt() (time.Time, bool) {
	after := scaled(l.rungs[l.at].RespondWithin, l.resp.Scale)
	if after <= 0 || l.inc.Acknowledged() || l.page(l.at, "") == PageNone {
		return time.Time{}, false
	}
	return l.inc.Rung.Notified.Add(after), true
}

func (l look) step(level int, enter bool, reason string, due time.Time) Step {
	rule := l.rungs[level]
	s := Step{
		Level: rule.Level, Round: l.inc.Rung.Rounds[rule.Level] + 1, Enter: enter, Reason: reason,
		Page: l.page(level, reason), Until: rule.Until, Who: rule.Who, Notify: rule.Notify, Due: due,
	}
	if late := l.now.Sub(due); late >= lateFrom {
		s.Late = late
	}
	if (reason == ReasonDeclared || reason == ReasonReopened) && l.inc.Acknowledged() {
		s.Page = PageNone // somebody has it before anybody was called
	}
	return s
}

// page is how loud a rung is. Above the first it is always critical, because a
// low-urgency page wakes nobody and does not climb; so is what a person asks
// for where the severity pages nobody by itself. A rung that names no sink is
// only recorded: its people are called in some other way.
func (l look) page(level int, reason string) Page {
	if len(l.rungs[level].Notify) == 0 {
		return PageNone
	}
	if level > 0 || (reason == ReasonByHand && l.resp.Page == PageNone) {
		return PageCritical
	}
	return l.resp.Page
}

// Event is the step as the timeline records it, at now and under the severity
// that inc has.
func (s Step) Event(inc incident.Incident, now time.Time) incident.Event {
	kind, verb := incident.EscalationRenotified, "notified again, round %d"
	if s.Enter {
		kind, verb = incident.EscalationEntered, "called, round %d"
	}
	text := fmt.Sprintf("%s "+verb+": %s", s.Level, s.Round, s.why(inc))
	if s.Page == PageNone {
		text = fmt.Sprintf("%s entered, nobody paged: %s", s.Level, s.why(inc))
	}
	if s.Late > 0 {
		text += ", late by " + strictyaml.FormatDuration(s.Late.Round(time.Second))
	}
	return incident.Event{
		Incident: inc.ID, At: now, Kind: kind, Actor: incident.Sitrep, Source: source, Text: text,
		Data: incident.Payload(incident.Escalation{
			Level: s.Level, Round: s.Round, Reason: s.Reason, Severity: inc.Severity,
			Who: s.Who, Notify: s.Notify, LateSeconds: s.Late.Seconds(),
		}),
	}
}

// source is where the ladder's and the outbox's events come from.
const source = "ladder"

// why is the reason in words.
func (s Step) why(inc incident.Incident) string {
	switch s.Reason {
	case ReasonDeclared:
		if inc.Acknowledged() {
			return fmt.Sprintf("%s has it already", inc.Clocks.AckBy)
		}
		return fmt.Sprintf("%s declared", inc.Severity)
	case ReasonUnanswered:
		return "nobody has acknowledged"
	case ReasonClimbed:
		if s.Until == UntilAcknowledged || !inc.Acknowledged() {
			return fmt.Sprintf("%s did not answer", inc.Rung.Level)
		}
		return fmt.Sprintf("not resolved since %s was called", inc.Rung.Level)
	case ReasonByHand:
		if inc.Rung.WantedWhy != "" {
			return "asked for: " + inc.Rung.WantedWhy
		}
		return "asked for by hand"
	case ReasonSeverity:
		return fmt.Sprintf("now %s", inc.Severity)
	case ReasonService:
		return "it is about " + inc.Service
	case ReasonRepeat:
		return "still not resolved"
	case ReasonUnacknowledged:
		return "it was given back"
	}
	return s.Reason
}

// CanEscalate says whether level can be asked for by hand, and if not, why.
// Empty and incident.NextLevel mean the level after the present one; the last
// level can be asked for again.
func (r Rules) CanEscalate(inc incident.Incident, level incident.Level) error {
	rungs := r.Ladder(inc.Severity)
	to := levelIndex(rungs, level)
	switch {
	case level == "" || level == incident.NextLevel:
		return nil
	case to < 0:
		names := make([]incident.Level, len(rungs))
		for i, r := range rungs {
			names[i] = r.Level
		}
		return fmt.Errorf("escalate %s: the ladder has no level %q, only %v", inc.ID, level, names)
	case to < standsAt(rungs, inc.Rung.Level):
		return fmt.Errorf("escalate %s: it stands at %s already; the ladder does not go down to %s", inc.ID, inc.Rung.Level, level)
	}
	return nil
}

// standsAt is the index of the rung that an incident stands on, -1 before the
// first. A level that the ladder does not have is above its end, because levels
// have no gaps: the severity was lowered to one with a shorter ladder.
func standsAt(rungs []LevelRule, level incident.Level) int {
	if at := levelIndex(rungs, level); at >= 0 || level == "" {
		return at
	}
	return len(rungs) - 1
}

func levelIndex(rungs []LevelRule, level incident.Level) int {
	return slices.IndexFunc(rungs, func(r LevelRule) bool { return r.Level == level })
}

func scaled(d strictyaml.Duration, scale float64) time.Duration {
	return time.Duration(float64(d) * scale)
}
