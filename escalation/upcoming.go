package escalation

import (
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// RungState is where a rung stands as the screen shows it.
type RungState string

// The states of a rung.
const (
	RungDone      RungState = "done"      // entered and left
	RungNow       RungState = "now"       // entered last
	RungNext      RungState = "next"      // will be entered at Due unless something stops it
	RungContinues RungState = "continues" // the same, although somebody has acknowledged
	RungStopped   RungState = "stopped"   // the acknowledgement stopped the climb to it
	RungBeyond    RungState = "beyond"    // the severity does not reach it; by hand only
)

// Rung is one level of the ladder as the screen shows it.
type Rung struct {
	Level   incident.Level
	Who     []incident.Person
	Notify  []string
	State   RungState
	Rounds  int       // notifications so far
	Entered time.Time // of the present rung; zero for the others (the timeline knows)
	Due     time.Time // when a later rung is due if nothing happens; for the present one its next round
}

// Upcoming is the whole ladder of inc, lowest level first, with what will
// happen if nobody does anything. An incident that is over has no upcoming
// levels: those not entered are stopped.
func Upcoming(inc incident.Incident, rules Rules, now time.Time) []Rung {
	rungs := rules.Ladder(inc.Severity)
	l := look{inc: inc, rules: rules, resp: rules.Response(inc.Severity), rungs: rungs, now: now}
	at := standsAt(rungs, inc.Rung.Level)
	reach := levelIndex(rungs, l.resp.Reaches)
	out := make([]Rung, len(rungs))
	due, flowing := l.awake(l.now), !inc.Status.Over()
	for i, rule := range rungs {
		r := Rung{Level: rule.Level, Who: rule.Who, Notify: rule.Notify, Rounds: inc.Rung.Rounds[rule.Level]}
		switch {
		case i < at:
			r.State = RungDone
		case i == at:
			r.State, r.Entered = RungNow, inc.Rung.Entered
			l.at = i
			r.Due = l.roundAt()
			due = inc.Rung.Entered
		case !flowing:
			r.State = RungStopped
		case i > reach:
			r.State = RungBeyond
		default:
			r.State, r.Due = RungNext, due
			if inc.Acknowledged() {
				r.State = RungContinues
			}
		}
		out[i] = r
		if i >= at && rule.Until == UntilAcknowledged && inc.Acknowledged() {
			flowing = false
		}
		if i >= at {
			due = l.awake(latest(due.Add(scaled(rule.EscalateAfter, l.resp.Scale)), inc.Rung.Snoozed, now))
		}
	}
	return out
}

// roundAt is when the present rung is notified again if nobody answers; zero
// for never.
func (l look) roundAt() time.Time {
	if l.inc.Status.Over() {
		return time.Time{}
	}
	at, ok := l.renotifyAt()
	if again, repeats := l.repeatAt(); repeats && (!ok || again.Before(at)) {
		at, ok = again, true
	}
	if !ok {
		return time.Time{}
	}
	return l.awake(latest(at, l.inc.Rung.Snoozed))
}

func latest(times ...time.Time) time.Time {
	return slices.MaxFunc(times, func(a, b time.Time) int { return a.Compare(b) })
}

// NextLevelAt is when the next level will be called if nobody does anything,
// by the policy that inc was declared with; zero for never. A time that has
// passed means that nobody runs the ladder, and is given as now.
func NextLevelAt(inc incident.Incident, now time.Time) time.Time {
	for _, r := range Upcoming(inc, policyOf(inc, Policy{}), now) {
		if r.State == RungNext || r.State == RungContinues {
			return r.Due
		}
	}
	return time.Time{}
}

// QuietUntil is when the quiet hours are over that keep the ladder from calling
// anybody for inc; zero if none do: what a person asks for, and what was begun
// before, goes on.
func QuietUntil(inc incident.Incident, now time.Time) time.Time {
	if inc.Status.Over() || inc.Rung.Level != "" {
		return time.Time{}
	}
	return policyOf(inc, Policy{}).QuietUntil(inc.Severity, now)
}

// CallsAgainAt is when the level that inc stands at is called again if nobody does
// anything, by the policy that inc was declared with; zero for never.
func CallsAgainAt(inc incident.Incident, now time.Time) time.Time {
	for _, r := range Upcoming(inc, policyOf(inc, Policy{}), now) {
		if r.State == RungNow {
			return r.Due
		}
	}
	return time.Time{}
}

// CanEscalate says whether level can be asked for by hand, and if not, why, by the
// policy that inc was declared with (Rules.CanEscalate).
func CanEscalate(inc incident.Incident, level incident.Level) error {
	return policyOf(inc, Policy{}).CanEscalate(inc, level)
}

// policyOf is the rules of the policy that inc was declared with; failing that,
// of today's; failing that, of the default: somebody has to be called.
func policyOf(inc incident.Incident, today Policy) Rules {
	if p, err := Thaw(inc.Policy); err == nil {
		return p.For(inc)
	}
	if len(today.Severities) > 0 {
		return today.For(inc)
	}
	return Default().For(inc)
}
