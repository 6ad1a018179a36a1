package escalation

import (
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Call is one row of an explanation: who would be called when.
type Call struct {
	After  time.Duration // since the declaration
	At     time.Time
	Level  incident.Level
	Round  int
	Reason string
	Page   Page
	Who    []incident.Person
	Notify []string
}

// Script is an incident that is only thought of: what is declared, when (the
// zero At is any time), and what people do about it, in times since then, zero for
// never.
type Script struct {
	At                     time.Time
	Service                string
	Drill                  bool
	Acknowledged, Resolved time.Duration
}

// Incident is the incident of the script as it is declared.
func (s Script) Incident(sev incident.Severity) incident.Incident {
	inc := incident.Incident{ID: "INC-0", Severity: sev, Status: incident.StatusOpen, Service: s.Service, Drill: s.Drill}
	inc.Clocks.Declared = s.At
	if s.At.IsZero() {
		inc.Clocks.Declared = time.Unix(0, 0).UTC()
	}
	return inc
}

// Explain says who would be called when for an incident of severity sev, by
// running the ladder itself over horizon, at most 200 calls.
func Explain(p Policy, sev incident.Severity, s Script, horizon time.Duration) []Call {
	const most = 200
	inc := s.Incident(sev)
	start, rules := inc.Clocks.Declared, p.For(inc)
	var calls []Call
	for now := start; len(calls) < most; {
		since := now.Sub(start)
		if s.Acknowledged > 0 && since >= s.Acknowledged && !inc.Acknowledged() {
			inc = inc.Apply(incident.Event{Kind: incident.Acknowledged, At: now})
		}
		if s.Resolved > 0 && since >= s.Resolved {
			return calls
		}
		due, next := Next(inc, rules, now)
		for _, step := range due {
			calls = append(calls, Call{since, now, step.Level, step.Round, step.Reason, step.Page, step.Who, step.Notify})
			inc = inc.Apply(step.Event(inc, now))
		}
		next = s.before(start, now, next)
		if next.IsZero() || next.Sub(start) > horizon {
			return calls
		}
		now = next
	}
	return calls
}

// before is the ladder's next look, or what the script does if that is sooner.
func (s Script) before(start, now, next time.Time) time.Time {
	for _, d := range []time.Duration{s.Acknowledged, s.Resolved} {
		if at := start.Add(d); d > 0 && at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// Stats counts what a policy asks of people within horizon if nobody answers.
type Stats struct {
	Calls   int
	Pages   map[incident.Level]int
	Reaches incident.Level
	Within  time.Duration // until the highest level is called first
}

// Summarise counts the rows of an explanation.
func Summarise(calls []Call) Stats {
	st := Stats{Calls: len(calls), Pages: map[incident.Level]int{}}
	for _, c := range calls {
		if c.Page != PageNone {
			st.Pages[c.Level]++
		}
		if c.Round == 1 && c.Level != st.Reaches {
			st.Reaches, st.Within = c.Level, c.After // a ladder goes up
		}
	}
	return st
}

// String is one line for people: "15m0s L2 round 1 (climbed) critical".
func (c Call) String() string {
	return fmt.Sprintf("%s %s round %d (%s) %s", c.After, c.Level, c.Round, c.Reason, c.Page)
}
