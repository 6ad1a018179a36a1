package escalation_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// anyPolicy is a policy with odd clocks, ladders of different lengths, and
// rungs that an acknowledgement stops or not.
func anyPolicy(t *rapid.T) escalation.Policy {
	p := escalation.Policy{Severities: map[incident.Severity]escalation.Response{}, Ladders: map[string][]escalation.LevelRule{}}
	for _, name := range []string{"default", "other"} {
		n := rapid.IntRange(1, 4).Draw(t, name)
		for i := range n {
			r := escalation.LevelRule{
				Level: incident.Level("L" + string(rune('1'+i))), RespondWithin: clock(t, true), EscalateAfter: clock(t, i == n-1),
				Until: rapid.SampledFrom([]escalation.Until{escalation.UntilAcknowledged, escalation.UntilResolved}).Draw(t, "until"), Notify: []string{"pagerduty:" + name, "slack:#incidents"},
			}
			if i == n-1 {
				r.RepeatEvery = clock(t, true)
			}
			p.Ladders[name] = append(p.Ladders[name], r)
		}
	}
	for _, sev := range incident.Severities() {
		ladder := rapid.SampledFrom([]string{"default", "other"}).Draw(t, "ladder")
		p.Severities[sev] = escalation.Response{
			RespondWithin: clock(t, false), ResolveWithin: clock(t, false), UpdateEvery: clock(t, false), Ladder: ladder,
			Page:    rapid.SampledFrom([]escalation.Page{escalation.PageCritical, escalation.PageError, escalation.PageWarning, escalation.PageNone}).Draw(t, "page"),
			Reaches: rapid.SampledFrom(p.Ladders[ladder]).Draw(t, "reaches").Level, Scale: rapid.SampledFrom([]float64{1, 1, 4, 0.5, 1.7}).Draw(t, "scale"),
		}
	}
	_, err := escalation.Thaw(p.Frozen(""))
	require.NoError(t, err)
	return p
}

func clock(t *rapid.T, never bool) strictyaml.Duration {
	lengths := []time.Duration{61 * time.Second, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}
	if never {
		lengths = append(lengths, 0)
	}
	return strictyaml.Duration(rapid.SampledFrom(lengths).Draw(t, "clock"))
}

// aWhile is how long nothing happens.
func aWhile(t *rapid.T) time.Duration {
	return rapid.SampledFrom([]time.Duration{0, time.Millisecond, 4 * time.Second, time.Minute, 5 * time.Minute, 16 * time.Minute, 47 * time.Minute, 3 * time.Hour}).Draw(t, "a while")
}

// command is something that a person may do. It may be refused.
type command struct {
	name string
	do   func(incident.Incident, incident.By) ([]incident.Event, error)
}

func (c command) GoString() string { return c.name }

func anyCommand(t *rapid.T) command {
	level := rapid.SampledFrom([]incident.Level{"", incident.NextLevel, "L1", "L2", "L3", "L4", "L9"}).Draw(t, "level")
	sev := rapid.SampledFrom(incident.Severities()).Draw(t, "severity")
	length := aWhile(t)
	return rapid.SampledFrom([]command{
		{"acknowledge", incident.Incident.Acknowledge},
		{"give back", incident.Incident.Unacknowledge},
		{"escalate to " + string(level), escalate(level)},
		{"severity " + string(sev), severity(sev)},
		{"snooze " + length.String(), snooze(length)},
		{"resolve", resolve},
		{"reopen", incident.Incident.Reopen},
		{"close", incident.Incident.Close},
		{"merge", func(inc incident.Incident, by incident.By) ([]incident.Event, error) {
			return inc.Merge(by, incident.Incident{ID: "INC-2", Status: incident.StatusOpen})
		}},
		{"note", func(inc incident.Incident, by incident.By) ([]incident.Event, error) { return inc.Note(by, "looking") }},
		{"update", func(inc incident.Incident, by incident.By) ([]incident.Event, error) {
			return inc.Update(by, incident.Update{Conditions: "a third of the checkouts fail"})
		}},
	}).Draw(t, "command")
}

// What holds of the ladder whatever people do, and whenever somebody looks.
func TestLadderLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := declared(t, anyPolicy(t), rapid.SampledFrom(incident.Severities()).Draw(t, "declared as"))
		var events []incident.Event
		first := n.inc
		for range rapid.IntRange(1, 12).Draw(t, "things that happen") {
			n.now = n.now.Add(aWhile(t)) // nobody looks meanwhile
			for range rapid.IntRange(0, 2).Draw(t, "at once") {
				done, err := anyCommand(t).do(n.inc, n.by())
				if err != nil {
					continue
				}
				for _, e := range done {
					n.inc = n.inc.Apply(e)
				}
				events = append(events, done...)
			}
			events = append(events, oneLook(t, n)...)
		}
		again := first
		for _, e := range events {
			again = again.Apply(e)
		}
		require.JSONEq(t, string(incident.Payload(n.inc)), string(incident.Payload(again)), "the same events make the same incident")
		upcomingIsWhatHappens(t, n)
	})
}

// oneLook lets the ladder look once and holds what it does to the laws.
func oneLook(t *rapid.T, n *night) (events []incident.Event) {
	given := incident.Payload(n.inc)
	asked, at := escalation.Next(n.inc, n.policy.For(n.inc), n.now)
	twice, _ := escalation.Next(n.inc, n.policy.For(n.inc), n.now)
	require.Equal(t, asked, twice, "asked the same, it answers the same")
	require.Equal(t, string(given), string(incident.Payload(n.inc)))
	require.LessOrEqual(t, len(asked), 2)
	if len(asked) == 2 {
		require.Equal(t, escalation.ReasonByHand, asked[1].Reason, "one thing at a time, or what a person asked for at the beginning")
	}
	if n.inc.Status.Over() {
		require.Empty(t, asked)
		require.Zero(t, at)
	}
	exception := n.inc.Rung.Unanswered
	climbed := 0
	for pass := 0; ; pass++ {
		due, next := escalation.Next(n.inc, n.policy.For(n.inc), n.now)
		for _, s := range due {
			before := n.inc.Rung
			require.Equal(t, before.Rounds[s.Level]+1, s.Round, "no round is called twice, and none left out")
			require.GreaterOrEqual(t, string(s.Level), min(string(before.Level), string(n.policy.For(n.inc).Ladder(n.inc.Severity)[len(n.policy.For(n.inc).Ladder(n.inc.Severity))-1].Level)), "it does not go down")
			require.False(t, s.Due.After(n.now))
			require.False(t, s.Due.Before(three))
			if s.Level != "L1" {
				require.Equal(t, escalation.PageCritical, s.Page)
			}
			if s.Reason == escalation.ReasonClimbed {
				climbed++
			}
			e := s.Event(n.inc, n.now)
			events = append(events, e)
			n.inc = n.inc.Apply(e)
			require.Equal(t, s.Level, n.inc.Rung.Level)
		}
		if len(due) == 0 {
			require.True(t, next.IsZero() || next.After(n.now))
			break
		}
		require.Equal(t, n.now, next, "after a step it is asked again")
		if pass > 0 {
			require.True(t, exception && (due[0].Reason == escalation.ReasonSeverity || due[0].Reason == escalation.ReasonClimbed), "applying the steps and asking again wants nothing more: %v", due)
		}
		require.Less(t, pass, 2)
	}
	require.LessOrEqual(t, climbed, 1, "after a gap it climbs one rung")
	return events
}

// upcomingIsWhatHappens compares what the screen shows with what the ladder
// then does if nobody does anything.
func upcomingIsWhatHappens(t *rapid.T, n *night) {
	shown := escalation.Upcoming(n.inc, n.policy.For(n.inc), n.now)
	entered, called := map[incident.Level]time.Time{}, map[incident.Level]time.Time{}
	start := n.inc.Rung.Level
	inc, now := n.inc, n.now
	for now.Before(n.now.Add(24 * time.Hour)) { // nothing that is shown is further away
		due, next := escalation.Next(inc, n.policy.For(inc), now)
		for _, s := range due {
			if s.Enter {
				entered[s.Level] = now
			} else if called[s.Level].IsZero() {
				called[s.Level] = now
			}
			require.Zero(t, s.Late, "somebody looks whenever the ladder wants it")
			inc = inc.Apply(s.Event(inc, now))
		}
		if next.IsZero() {
			break
		}
		now = next
	}
	require.Len(t, shown, len(n.policy.For(n.inc).Ladder(n.inc.Severity)))
	firstNext := time.Time{}
	for _, r := range shown {
		switch r.State {
		case escalation.RungNext, escalation.RungContinues:
			require.Equal(t, entered[r.Level], r.Due, "%s is %s", r.Level, r.State)
			require.Equal(t, n.inc.Acknowledged(), r.State == escalation.RungContinues)
			if firstNext.IsZero() {
				firstNext = r.Due
			}
		case escalation.RungNow:
			if r.Level == start && !r.Due.IsZero() && (inc.Rung.Level == start || r.Due.Before(climbOf(shown))) {
				require.Equal(t, called[r.Level], r.Due, "the next round of %s", r.Level)
			}
			if r.Level == start && r.Due.IsZero() {
				require.NotContains(t, called, r.Level)
			}
		default:
			require.NotContains(t, entered, r.Level, "%s is %s", r.Level, r.State)
			require.Zero(t, r.Due)
		}
	}
	frozen := n.inc
	frozen.Policy = n.policy.Frozen("")
	require.Equal(t, firstNext, escalation.NextLevelAt(frozen, n.now))
}

// climbOf is when the present rung is left.
func climbOf(rungs []escalation.Rung) time.Time {
	i := slices.IndexFunc(rungs, func(r escalation.Rung) bool {
		return r.State == escalation.RungNext || r.State == escalation.RungContinues
	})
	return rungs[i].Due
}

// Explain is the ladder itself: what it says of a declared severity is what
// Upcoming shows before the first look.
func TestExplainAgreesWithUpcoming(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t)
		sev := rapid.SampledFrom(incident.Severities()).Draw(t, "severity")
		n := declared(t, p, sev)
		calls := explain(p, sev, escalation.Script{}, 1000*time.Hour)
		for _, r := range escalation.Upcoming(n.inc, p.For(n.inc), n.now) {
			i := slices.IndexFunc(calls, func(c escalation.Call) bool { return c.Level == r.Level })
			if r.State == escalation.RungBeyond {
				require.Negative(t, i, "%s", r.Level)
				continue
			}
			if i < 0 {
				require.Len(t, calls, 200, "it is not among the first 200 calls")
				continue
			}
			require.Equal(t, escalation.RungNext, r.State)
			require.Equal(t, calls[i].After, r.Due.Sub(three), "%s", r.Level)
		}
		st := escalation.Summarise(calls)
		require.Equal(t, len(calls), st.Calls)
		require.True(t, slices.IsSortedFunc(calls, func(a, b escalation.Call) int { return int(a.After - b.After) }))
		b, err := json.Marshal(calls)
		require.NoError(t, err)
		require.True(t, json.Valid(b))
	})
}
