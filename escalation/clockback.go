package escalation

import (
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// clockStep is how far a clock may be ahead of ours without having been set back:
// time servers step less.
const clockStep = 2 * time.Second

// setBack is how far the clock was set back since the rung of inc was called
// last; 0 if it was not.
func setBack(inc incident.Incident, now time.Time) time.Duration {
	if inc.Status.Over() || inc.Rung.Level == "" {
		return 0
	}
	if by := latest(inc.Rung.Entered, inc.Rung.Notified).Sub(now); by > clockStep {
		return by
	}
	return 0
}

// restart begins the clocks of a rung anew that lie in the future: the clock was
// set back, and how long they have run nobody knows. Without it a page that is
// due in 15 minutes would wait for the hour that comes again.
func (pl planner) restart(c *Case, d *Decision, now time.Time) {
	by := setBack(c.Incident, now)
	if by == 0 {
		return
	}
	e := incident.Event{
		Incident: c.Incident.ID, At: now, Kind: incident.ClockSetBack, Actor: incident.Sitrep, Source: source,
		Text: fmt.Sprintf("the clock of this host was set back by %s or more: the clocks of %s begin anew", strictyaml.FormatDuration(by.Round(time.Second)), c.Incident.Rung.Level),
	}
	d.Events = append(d.Events, e)
	c.Incident = c.Incident.Apply(e)
}

// notLonger is at, unless only a clock that was set back explains why it is so
// far away: nothing here is put off for longer than longest.
func (t Timing) notLonger(at, now time.Time) time.Time {
	if at.After(now.Add(t.longest())) {
		return now
	}
	return at
}

// longest is the longest time for which a message is put off.
func (t Timing) longest() time.Duration {
	return max(longestThrottle, t.BackoffCap, t.PageBackoffCap, t.RetryDead, t.Resweep, t.Sweep, t.Settle, 2*t.Attempt) + clockStep
}
