package escalation

import (
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// UpdateDueAt is when people outside are owed the next update of inc, by the
// policy that it was declared with: update_every after the last one, or after
// the declaration. A change of status counts as an update. Zero is never: once
// it is over nothing is owed.
func UpdateDueAt(inc incident.Incident) time.Time { return updateDueAt(inc, policyOf(inc, Policy{})) }

func updateDueAt(inc incident.Incident, r Rules) time.Time {
	every := r.Response(inc.Severity).UpdateEvery.D()
	if !inc.Declared() || inc.Status.Over() || every <= 0 {
		return time.Time{}
	}
	return latest(inc.Clocks.Declared, inc.Clocks.LastUpdate).Add(every)
}

// remind notes that an update is overdue, once for every one that is, and says
// when to look again. Once holds it where the fold cannot: two engines that each
// believed to hold the lease.
func (pl planner) remind(c *Case, d *Decision, r Rules, now time.Time) (next time.Time) {
	inc := c.Incident
	due := updateDueAt(inc, r)
	if due.IsZero() || !due.After(inc.Clocks.Reminded) {
		return time.Time{}
	}
	if due.After(now) {
		return due
	}
	e := incident.Event{
		Incident: inc.ID, At: now, Kind: incident.UpdateDue, Actor: incident.Sitrep, Source: source,
		Text: fmt.Sprintf("an update is due since %s: %s asks for one every %s (sitrep incident update %s)",
			due.UTC().Format("15:04:05Z"), inc.Severity, strictyaml.FormatDuration(r.Response(inc.Severity).UpdateEvery.D()), inc.ID),
		Data: incident.Payload(incident.Reminder{DueAt: due}), Once: fmt.Sprintf("update.due/%s/%d", inc.Key, due.UnixMicro()),
	}
	d.Events = append(d.Events, e)
	c.Incident = inc.Apply(e)
	return time.Time{}
}
