package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/incident"
)

// heard is what an entry of PagerDuty's log means for an incident of ours that one of
// its pages opened. By is whoever did it, at their time; back is when the incident
// was last given back or reopened, zero for never.
//
// What no person did is told only where people there will be called by it. An
// acknowledgement there is one here, unless it is older than back or its author has
// the incident already. A resolution there acknowledges, and does not resolve: the
// incident is over when somebody says here what ended it, and until then the ladder
// holds those who wait for that.
func heard(inc incident.Incident, e pagerduty.Entry, by incident.By, back time.Time) []incident.Event {
	person := e.By.ID != ""
	stale := !back.IsZero() && !by.At.After(back)
	note := func(format string, args ...any) []incident.Event {
		events, err := inc.Note(by, fmt.Sprintf(format, args...))
		if err != nil { // merged into another, which has pages of its own
			return nil
		}
		return events
	}
	switch e.Did {
	case pagerduty.DidAcknowledge:
		if !person || stale {
			return nil
		}
		return acknowledgedThere(inc, by)
	case pagerduty.DidResolve:
		if !person || inc.Status.Over() {
			return nil
		}
		said := note("%s resolved it in PagerDuty; here %s stays open until somebody says what ended it (sitrep incident resolve %s)", by.Actor, inc.ID, inc.ID)
		if stale || inc.Acknowledged() {
			return said
		}
		return append(acknowledgedThere(inc, by), said...)
	case pagerduty.DidNote:
		if text := head(e.Text, longestSummary); person && text != "" {
			return note("%s", text)
		}
	case pagerduty.DidEscalate:
		if !person {
			return note("PagerDuty escalated it%s: nobody had acknowledged there", to(e.To))
		}
		return note("%s escalated it in PagerDuty%s", by.Actor, to(e.To))
	case pagerduty.DidExhaust:
		return note("in PagerDuty everybody was called whom its escalation policy names, and nobody acknowledged there")
	case pagerduty.DidUnacknowledge:
		return note("in PagerDuty it is unacknowledged again: %s", head(e.Text, longestForeign))
	case pagerduty.DidAssign, pagerduty.DidReassign:
		if person {
			return note("%s reassigned it in PagerDuty%s", by.Actor, to(e.To))
		}
	case pagerduty.DidSnooze, pagerduty.DidDelegate, pagerduty.DidMerge, pagerduty.DidReopen, pagerduty.DidRequest:
		if person {
			return note("in PagerDuty: %s", head(e.Text, longestForeign))
		}
	}
	return nil
}

// acknowledgedThere is nothing if whoever did it has the incident already.
func acknowledgedThere(inc incident.Incident, by incident.By) []incident.Event {
	events, err := inc.Acknowledge(by)
	if err != nil {
		return nil
	}
	events[0].Text = fmt.Sprintf("%s acknowledged in PagerDuty", by.Actor)
	if inc.Acknowledged() {
		events[0].Text = fmt.Sprintf("%s joined in PagerDuty; %s acknowledged first", by.Actor, inc.Clocks.AckBy)
	}
	return events
}

// to names those who have it now.
func to(users []pagerduty.User) string {
	var names []string
	for _, u := range users[:min(len(users), 10)] {
		names = append(names, head(u.Name, longestForeign))
	}
	if len(names) == 0 {
		return ""
	}
	return " to " + strings.Join(names, ", ")
}

// heardBy is who an event is by that was learnt from PagerDuty: the name that the
// configuration gives the user, which nobody there can choose, else the one they
// have there, which is what they say. A time that cannot be is now.
func (c *config) heardBy(e pagerduty.Entry, declared, now time.Time) incident.By {
	by := incident.By{Actor: sourcePagerDuty, Source: sourcePagerDuty, At: e.At}
	if e.By.ID != "" {
		var known bool
		if by.Actor, known = c.personOf(e.By); !known {
			name := head(e.By.Name, longestForeign)
			if name == "" {
				name = "user " + head(e.By.ID, longestForeign)
			}
			by.Actor, by.Claimed = incident.Person(name), true
		}
	}
	if by.At.Before(declared) || by.At.After(now) {
		by.At = now
	}
	return by
}
