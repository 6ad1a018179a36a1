package escalation

import (
	"fmt"
	"slices"
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

// The most that an explanation looks at: whoever is called as often is not called
// less by the next, and a ladder that only ever looks comes to no end.
const (
	MostCalls = 200
	mostLooks = 10 * MostCalls
)

// Explain says who would be called when for an incident of severity sev, by
// running the ladder itself over horizon, at most MostCalls calls. Whoever
// acknowledges in the script does nothing after that. Whole says that nobody is
// called after the last of them within the horizon; if not, end is how far the
// explanation looked.
func Explain(p Policy, sev incident.Severity, s Script, horizon time.Duration) (calls []Call, end time.Time, whole bool) {
	calls, _, end, whole = s.play(p, sev, horizon)
	return calls, end, whole
}

// play runs the ladder; inc is what the incident has become by end.
func (s Script) play(p Policy, sev incident.Severity, horizon time.Duration) (calls []Call, inc incident.Incident, end time.Time, whole bool) {
	inc = s.Incident(sev)
	start, rules := inc.Clocks.Declared, p.For(inc)
	end = start
	for looks := 0; len(calls) < MostCalls && looks < mostLooks; looks++ {
		since := end.Sub(start)
		if s.Acknowledged > 0 && since >= s.Acknowledged && inc.Clocks.FirstAck.IsZero() {
			inc = inc.Apply(incident.Event{Kind: incident.Acknowledged, At: end})
		}
		if s.Resolved > 0 && since >= s.Resolved {
			return calls, inc, end, true
		}
		due, next := Next(inc, rules, end)
		for _, step := range due {
			if step.Reason == ReasonByHand {
				step.Reason = ReasonMissed // in a script nobody asks for more but attention
			}
			calls = append(calls, Call{since, end, step.Level, step.Round, step.Reason, step.Page, step.Who, step.Notify})
			inc = inc.Apply(step.Event(inc, end))
		}
		_, after, attends := attention(inc, rules, end)
		inc = after
		next = s.before(start, end, earlier(next, attends))
		if next.IsZero() || next.Sub(start) > horizon {
			return calls, inc, end, true
		}
		end = next
	}
	return calls, inc, end, false
}

// Prospect is a rung as an explanation shows it: its clocks under the severity's
// scale, and its first call.
type Prospect struct {
	Rung
	First  *Call         // nil if it is not called within the horizon; then State and Due say why
	Again  time.Duration // notified again so often while nobody acknowledges; 0 = never
	Repeat time.Duration // and so often until it is resolved; 0 = never
	Climbs time.Duration // to the next rung, so long after the first call; 0 = never
	Until  Until         // what stops the climb, or the repeats of the last rung
}

// Prospects is the whole ladder of an incident of severity sev, lowest level
// first, as Explain plays it.
func Prospects(p Policy, sev incident.Severity, s Script, horizon time.Duration) []Prospect {
	calls, inc, end, _ := s.play(p, sev, horizon)
	rules := p.For(inc)
	scale := rules.Response(sev).Scale
	rungs := rules.Ladder(sev)
	reach := levelIndex(rungs, rules.Response(sev).Reaches)
	out := make([]Prospect, len(rungs))
	for i, r := range Upcoming(inc, rules, end) {
		rule := rungs[i]
		out[i] = Prospect{
			Rung: r, Until: rule.Until,
			Again: scaled(rule.RespondWithin, scale), Repeat: scaled(rule.RepeatEvery, scale), Climbs: scaled(rule.EscalateAfter, scale),
		}
		if i > reach {
			out[i].State = RungBeyond // whatever else stops it
		}
		if first := slices.IndexFunc(calls, func(c Call) bool { return c.Level == r.Level }); first >= 0 {
			out[i].First = &calls[first]
		}
	}
	return out
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
