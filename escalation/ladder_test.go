package escalation_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

var three = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

// night is an incident at three in the morning, and who was called.
type night struct {
	t      rapid.TB
	policy escalation.Policy
	inc    incident.Incident
	now    time.Time
	next   time.Time // when the ladder wants to look again
	calls  []string  // since they were last read
}

func declared(t rapid.TB, p escalation.Policy, sev incident.Severity) *night {
	return declaredAs(t, p, incident.Declaration{Severity: sev})
}

// declaredAs is an incident of that severity, about that service, and a drill if
// it is one.
func declaredAs(t rapid.TB, p escalation.Policy, d incident.Declaration) *night {
	n := &night{t: t, policy: p, now: three}
	d.Title, d.Policy = "checkout 5xx", p.Frozen(d.Service)
	e, err := incident.Declare(n.by(), "INC-1", d)
	require.NoError(t, err)
	e.ID = "01K0000000000000000000000A"
	n.inc = n.inc.Apply(e)
	return n
}

func (n *night) by() incident.By { return incident.By{Actor: "ana", Source: "test", At: n.now} }

// look asks the ladder, and asks again until it wants nothing more.
func (n *night) look() {
	for range 10 {
		var due []escalation.Step
		if due, n.next = escalation.Next(n.inc, n.policy.For(n.inc), n.now); len(due) == 0 {
			require.True(n.t, n.next.IsZero() || n.next.After(n.now), "it must not look again at once for nothing")
			return
		}
		for _, s := range due {
			n.calls = append(n.calls, n.line(s))
			n.inc = n.inc.Apply(s.Event(n.inc, n.now))
		}
	}
	n.t.Fatal("the ladder asks for more and more at one moment")
}

// line is one call: "15m L2 r1 climbed critical, late by 2h".
func (n *night) line(s escalation.Step) string {
	words := []string{strictyaml.FormatDuration(n.now.Sub(three)), string(s.Level), fmt.Sprintf("r%d", s.Round), s.Reason, string(s.Page)}
	if s.Late > 0 {
		words[4] += ", late by " + strictyaml.FormatDuration(s.Late)
	}
	return strings.Join(words, " ")
}

// until lets the ladder run to d after the declaration.
func (n *night) until(d time.Duration) *night {
	n.look()
	for end := three.Add(d); ; n.look() {
		if n.next.IsZero() || n.next.After(end) {
			n.now = end
			return n
		}
		n.now = n.next
	}
}

// nobody runs the ladder from now to d after the declaration.
func (n *night) nobodyUntil(d time.Duration) *night {
	n.now = three.Add(d)
	return n
}

// do is what a person does.
func (n *night) do(command func(incident.Incident, incident.By) ([]incident.Event, error)) *night {
	n.t.Helper()
	events, err := command(n.inc, n.by())
	require.NoError(n.t, err)
	for _, e := range events {
		n.inc = n.inc.Apply(e)
	}
	return n
}

func severity(to incident.Severity) func(incident.Incident, incident.By) ([]incident.Event, error) {
	return func(inc incident.Incident, by incident.By) ([]incident.Event, error) {
		return inc.ChangeSeverity(by, to, "it is another one")
	}
}

func escalate(to incident.Level) func(incident.Incident, incident.By) ([]incident.Event, error) {
	return func(inc incident.Incident, by incident.By) ([]incident.Event, error) {
		return inc.Escalate(by, to, "I need help")
	}
}

func snooze(length time.Duration) func(incident.Incident, incident.By) ([]incident.Event, error) {
	return func(inc incident.Incident, by incident.By) ([]incident.Event, error) {
		return inc.SnoozeUntil(by, by.At.Add(length), "the vendor is on it")
	}
}

func resolve(inc incident.Incident, by incident.By) ([]incident.Event, error) {
	return inc.Resolve(by, "rolled back")
}

// Who is called when, as the policy file that comes with sitrep says it.
func TestWhoIsCalled(t *testing.T) {
	ack, unack, reopen := incident.Incident.Acknowledge, incident.Incident.Unacknowledge, incident.Incident.Reopen
	for name, c := range map[string]struct {
		sev  incident.Severity
		play func(*night)
		want []string
	}{
		"nobody answers a SEV-1": {incident.Sev1, func(n *night) { n.until(8 * time.Hour) }, []string{
			"0s L1 r1 declared critical", "5m L1 r2 unanswered critical", "10m L1 r3 unanswered critical",
			"15m L2 r1 climbed critical", "30m L2 r2 unanswered critical",
			"45m L3 r1 climbed critical", "1h15m L3 r2 unanswered critical",
			"1h45m L4 r1 climbed critical", "2h45m L4 r2 unanswered critical", "3h45m L4 r3 repeat critical", "4h45m L4 r4 unanswered critical",
			"5h45m L4 r5 repeat critical", "6h45m L4 r6 unanswered critical", "7h45m L4 r7 repeat critical",
		}},
		"nobody answers a SEV-2: the first call is less loud": {incident.Sev2, func(n *night) { n.until(16 * time.Minute) }, []string{
			"0s L1 r1 declared error", "5m L1 r2 unanswered error", "10m L1 r3 unanswered error", "15m L2 r1 climbed critical",
		}},
		"nobody answers a SEV-3: four times slower, and no further than L2": {incident.Sev3, func(n *night) { n.until(5 * time.Hour) }, []string{
			"0s L1 r1 declared warning", "20m L1 r2 unanswered warning", "40m L1 r3 unanswered warning",
			"1h L2 r1 climbed critical", "2h L2 r2 unanswered critical", "3h L2 r3 unanswered critical", "4h L2 r4 unanswered critical", "5h L2 r5 unanswered critical",
		}},
		"a SEV-4 pages nobody": {incident.Sev4, func(n *night) { n.until(100 * time.Hour) }, []string{"0s L1 r1 declared none"}},

		"an acknowledgement stops L1": {incident.Sev1, func(n *night) { n.until(6 * time.Minute).do(ack).until(10 * time.Hour) }, []string{
			"0s L1 r1 declared critical", "5m L1 r2 unanswered critical",
		}},
		"an acknowledgement before the first call pages nobody": {incident.Sev1, func(n *night) { n.do(ack).until(10 * time.Hour) }, []string{
			"0s L1 r1 declared none",
		}},
		"an acknowledgement stops the rounds of L2, not the climb from it": {incident.Sev1, func(n *night) { n.until(20 * time.Minute).do(ack).until(6 * time.Hour) }, []string{
			"0s L1 r1 declared critical", "5m L1 r2 unanswered critical", "10m L1 r3 unanswered critical", "15m L2 r1 climbed critical",
			"45m L3 r1 climbed critical", "1h45m L4 r1 climbed critical", "3h45m L4 r2 repeat critical", "5h45m L4 r3 repeat critical",
		}},
		"a resolution stops everything": {incident.Sev1, func(n *night) { n.until(20 * time.Minute).do(resolve).until(10 * time.Hour) }, []string{
			"0s L1 r1 declared critical", "5m L1 r2 unanswered critical", "10m L1 r3 unanswered critical", "15m L2 r1 climbed critical",
		}},
		"given back, L1 is called anew and its clocks start again": {incident.Sev1, func(n *night) {
			n.until(6 * time.Minute).do(ack).until(2 * time.Hour).do(unack).until(2*time.Hour + 16*time.Minute)
		}, []string{
			"0s L1 r1 declared critical", "5m L1 r2 unanswered critical",
			"2h L1 r3 unacknowledged critical", "2h5m L1 r4 unanswered critical", "2h10m L1 r5 unanswered critical", "2h15m L2 r1 climbed critical",
		}},
		"given back on L2, whose climb never stopped": {incident.Sev1, func(n *night) {
			n.until(20 * time.Minute).do(ack).until(40 * time.Minute).do(unack).until(46 * time.Minute)
		}, []string{
			"0s L1 r1 declared critical", "5m L1 r2 unanswered critical", "10m L1 r3 unanswered critical", "15m L2 r1 climbed critical",
			"40m L2 r2 unacknowledged critical", "45m L3 r1 climbed critical",
		}},
		"reopened, it begins at L1 with a round of its own": {incident.Sev1, func(n *night) {
			n.until(16 * time.Minute).do(resolve).until(time.Hour).do(reopen).until(time.Hour + 5*time.Minute)
		}, []string{
			"0s L1 r1 declared critical", "5m L1 r2 unanswered critical", "10m L1 r3 unanswered critical", "15m L2 r1 climbed critical",
			"1h L1 r4 reopened critical", "1h5m L1 r5 unanswered critical",
		}},

		"raised, L1 is called at once and a climb that would be overdue gets its full time": {incident.Sev3, func(n *night) {
			n.until(30 * time.Minute).do(severity(incident.Sev1)).until(46 * time.Minute)
		}, []string{
			"0s L1 r1 declared warning", "20m L1 r2 unanswered warning",
			"30m L1 r3 severity critical", "35m L1 r4 unanswered critical", "40m L1 r5 unanswered critical", "45m L2 r1 climbed critical",
		}},
		"raised in time, the climb counts from entry": {incident.Sev3, func(n *night) {
			n.until(10 * time.Minute).do(severity(incident.Sev1)).until(16 * time.Minute)
		}, []string{"0s L1 r1 declared warning", "10m L1 r2 severity critical", "15m L2 r1 climbed critical"}},
		"raised while acknowledged, it is called once": {incident.Sev3, func(n *night) {
			n.until(time.Minute).do(ack).until(10 * time.Minute).do(severity(incident.Sev1)).until(5 * time.Hour)
		}, []string{"0s L1 r1 declared warning", "10m L1 r2 severity critical"}},
		"lowered, the clocks stretch from entry and nothing is unsent": {incident.Sev1, func(n *night) {
			n.until(6 * time.Minute).do(severity(incident.Sev3)).until(2 * time.Hour)
		}, []string{
			"0s L1 r1 declared critical", "5m L1 r2 unanswered critical", "25m L1 r3 unanswered warning", "45m L1 r4 unanswered warning",
			"1h L2 r1 climbed critical", "2h L2 r2 unanswered critical",
		}},
		"lowered above what it reaches, it stays there": {incident.Sev1, func(n *night) {
			n.until(50 * time.Minute).do(ack).do(severity(incident.Sev3)).until(100 * time.Hour)
		}, []string{
			"0s L1 r1 declared critical", "5m L1 r2 unanswered critical", "10m L1 r3 unanswered critical",
			"15m L2 r1 climbed critical", "30m L2 r2 unanswered critical", "45m L3 r1 climbed critical",
		}},
		"lowered and raised again, whoever has it hears of it": {incident.Sev1, func(n *night) {
			n.until(time.Minute).do(ack).do(severity(incident.Sev3)).until(4 * time.Hour).do(severity(incident.Sev1)).until(5 * time.Hour)
		}, []string{"0s L1 r1 declared critical", "4h L1 r2 severity critical"}},

		"snoozed, nothing is due before its end, and one thing then": {incident.Sev1, func(n *night) {
			n.until(time.Minute).do(snooze(time.Hour)).until(time.Hour + 6*time.Minute)
		}, []string{"0s L1 r1 declared critical", "1h1m L2 r1 climbed critical"}},
		"snoozed, what a person asks for is done": {incident.Sev1, func(n *night) {
			n.until(time.Minute).do(snooze(time.Hour)).do(escalate(incident.NextLevel)).until(30 * time.Minute)
		}, []string{"0s L1 r1 declared critical", "1m L2 r1 by_hand critical"}},

		"by hand, the next level": {incident.Sev1, func(n *night) { n.until(time.Minute).do(escalate("")).until(17 * time.Minute) }, []string{
			"0s L1 r1 declared critical", "1m L2 r1 by_hand critical", "16m L2 r2 unanswered critical",
		}},
		"by hand, past what the severity reaches": {incident.Sev3, func(n *night) { n.until(time.Minute).do(ack).do(escalate("L4")).until(100 * time.Hour) }, []string{
			"0s L1 r1 declared warning", "1m L4 r1 by_hand critical",
		}},
		"by hand where nobody is paged": {incident.Sev4, func(n *night) { n.until(time.Minute).do(escalate("L1")).until(100 * time.Hour) }, []string{
			"0s L1 r1 declared none", "1m L1 r2 by_hand critical",
		}},
		"by hand, the last level again": {incident.Sev1, func(n *night) {
			n.until(time.Minute).do(ack).do(escalate("L4")).until(2 * time.Minute).do(escalate(incident.NextLevel)).until(2 * time.Hour)
		}, []string{"0s L1 r1 declared critical", "1m L4 r1 by_hand critical", "2m L4 r2 by_hand critical"}},
		"by hand before the first look: L1 as well, more people and not others": {incident.Sev1, func(n *night) { n.do(escalate("L3")).until(time.Minute) }, []string{
			"0s L1 r1 declared critical", "0s L3 r1 by_hand critical",
		}},
		"by hand, a level below is not called": {incident.Sev1, func(n *night) { n.until(20 * time.Minute).do(escalate("L1")).until(29 * time.Minute) }, []string{
			"0s L1 r1 declared critical", "5m L1 r2 unanswered critical", "10m L1 r3 unanswered critical", "15m L2 r1 climbed critical",
		}},

		"nobody ran the ladder: one rung, and how late": {incident.Sev1, func(n *night) {
			n.until(time.Minute).nobodyUntil(2*time.Hour + 28*time.Minute).until(3 * time.Hour)
		}, []string{
			"0s L1 r1 declared critical", "2h28m L2 r1 climbed critical, late by 2h13m",
			"2h43m L2 r2 unanswered critical", "2h58m L3 r1 climbed critical",
		}},
		"nobody ran the ladder at all": {incident.Sev1, func(n *night) { n.nobodyUntil(time.Hour).until(time.Hour + 16*time.Minute) }, []string{
			"1h L1 r1 declared critical, late by 1h", "1h5m L1 r2 unanswered critical", "1h10m L1 r3 unanswered critical", "1h15m L2 r1 climbed critical",
		}},
		"four seconds are how often it looks": {incident.Sev1, func(n *night) { n.nobodyUntil(4 * time.Second).until(time.Minute) }, []string{"4s L1 r1 declared critical"}},
		"a gap on the last rung is one call": {incident.Sev1, func(n *night) {
			n.until(time.Minute).do(ack).do(escalate("L4")).until(2 * time.Minute).nobodyUntil(9 * time.Hour).until(10 * time.Hour)
		}, []string{"0s L1 r1 declared critical", "1m L4 r1 by_hand critical", "9h L4 r2 repeat critical, late by 6h59m"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := declared(t, escalation.Default(), c.sev)
			c.play(n)
			require.Equal(t, c.want, n.calls)
		})
	}
}

// The timeline's words, which the post-mortem quotes.
func TestWhatTheTimelineSays(t *testing.T) {
	says := func(n *night) string {
		due, _ := escalation.Next(n.inc, n.policy.For(n.inc), n.now)
		require.NotEmpty(t, due)
		return due[len(due)-1].Event(n.inc, n.now).Text
	}
	start := func(sev incident.Severity) *night { return declared(t, escalation.Default(), sev) }
	ack := incident.Incident.Acknowledge
	for want, n := range map[string]*night{
		"L1 called, round 1: SEV-1 declared":                              start(incident.Sev1),
		"L1 entered, nobody paged: SEV-4 declared":                        start(incident.Sev4),
		"L1 entered, nobody paged: ana has it already":                    start(incident.Sev1).do(ack),
		"L1 notified again, round 2: nobody has acknowledged":             start(incident.Sev1).until(4 * time.Minute).nobodyUntil(5 * time.Minute),
		"L2 called, round 1: L1 did not answer, late by 2h13m":            start(incident.Sev1).until(time.Minute).nobodyUntil(148 * time.Minute),
		"L3 called, round 1: not resolved since L2 was called":            start(incident.Sev1).until(20 * time.Minute).do(ack).nobodyUntil(45 * time.Minute),
		"L2 called, round 1: asked for: I need help":                      start(incident.Sev1).until(time.Minute).do(escalate("L2")),
		"L1 notified again, round 2: now SEV-1":                           start(incident.Sev2).until(time.Minute).do(severity(incident.Sev1)),
		"L1 called, round 2: it was given back":                           start(incident.Sev1).until(time.Minute).do(ack).do(incident.Incident.Unacknowledge),
		"L1 called, round 2: reopened":                                    start(incident.Sev1).until(time.Minute).do(resolve).do(incident.Incident.Reopen),
		"L4 notified again, round 2: still not resolved":                  start(incident.Sev1).until(0).do(ack).do(escalate("L4")).until(0).nobodyUntil(2 * time.Hour),
		"L2 called, round 2: asked for by hand":                           byHandWithoutAReason(start(incident.Sev1).until(16 * time.Minute)),
		"L2 called, round 1: L1 did not answer":                           start(incident.Sev1).until(14 * time.Minute).nobodyUntil(15 * time.Minute),
		"L1 notified again, round 2: nobody has acknowledged, late by 6m": start(incident.Sev1).until(time.Minute).nobodyUntil(11 * time.Minute),
		"L3 called, round 1: L2 did not answer":                           start(incident.Sev1).until(44 * time.Minute).nobodyUntil(45 * time.Minute),
		"L2 notified again, round 2: nobody has acknowledged":             start(incident.Sev1).until(29 * time.Minute).nobodyUntil(30 * time.Minute),
		"L2 notified again, round 2: it was given back":                   start(incident.Sev1).until(20 * time.Minute).do(ack).do(incident.Incident.Unacknowledge),
		"L1 called, round 1: SEV-1 declared, late by 1h":                  start(incident.Sev1).nobodyUntil(time.Hour),
		"L1 called, round 2: now SEV-1":                                   start(incident.Sev3).until(19 * time.Minute).do(severity(incident.Sev1)),
		"L4 called, round 1: asked for: I need help":                      start(incident.Sev4).until(time.Minute).do(escalate("L4")),
	} {
		require.Equal(t, want, says(n))
	}
}

// byHandWithoutAReason is what an older sitrep may have written.
func byHandWithoutAReason(n *night) *night {
	n.inc = n.inc.Apply(incident.Event{Kind: incident.EscalationWanted, At: n.now, Data: incident.Payload(incident.Escalation{Level: "L2"})})
	return n
}

// A severity may have a shorter ladder of its own. An incident that stands
// above its end stands at its end: nobody below is called a second time.
func TestAShorterLadder(t *testing.T) {
	p, err := escalation.LoadPolicy("policy.yaml", []byte(`
severities:
  SEV-3: {ladder: short, scale: 1}
ladders:
  default:
    - {level: L1, respond_within: 5m, escalate_after: 15m, until: acknowledged, notify: ["pagerduty:primary"]}
    - {level: L2, respond_within: 5m, escalate_after: 15m, until: resolved, notify: ["pagerduty:lead"]}
    - {level: L3, respond_within: 5m, escalate_after: 15m, until: resolved, notify: ["pagerduty:manager"]}
    - {level: L4, respond_within: 5m, until: resolved, notify: ["pagerduty:executive"]}
  short:
    - {level: L1, respond_within: 5m, escalate_after: 15m, until: acknowledged, notify: ["pagerduty:primary"]}
    - {level: L2, until: resolved, notify: ["pagerduty:lead"]}
`))
	require.NoError(t, err)
	n := declared(t, p, incident.Sev1).until(31 * time.Minute)
	require.Equal(t, incident.Level("L3"), n.inc.Rung.Level)
	n.calls = nil
	n.do(severity(incident.Sev3)).until(10 * time.Hour)
	require.Empty(t, n.calls)
	rungs := escalation.Upcoming(n.inc, p.For(n.inc), n.now)
	require.Equal(t, []escalation.RungState{escalation.RungDone, escalation.RungNow}, []escalation.RungState{rungs[0].State, rungs[1].State})
	require.ErrorContains(t, p.For(n.inc).CanEscalate(n.inc, "L1"), "does not go down to L1")
	n.do(escalate("L2")).until(10 * time.Hour)
	require.Equal(t, []string{"10h L2 r4 by_hand critical"}, n.calls)
}

func TestCanEscalate(t *testing.T) {
	p := escalation.Default()
	inc := declared(t, p, incident.Sev1).until(16 * time.Minute).inc
	for level, want := range map[incident.Level]string{
		"": "", incident.NextLevel: "", "L2": "", "L3": "", "L4": "",
		"L1": "escalate INC-1: it stands at L2 already; the ladder does not go down to L1",
		"L5": `escalate INC-1: the ladder has no level "L5", only [L1 L2 L3 L4]`,
		"l3": `escalate INC-1: the ladder has no level "l3", only [L1 L2 L3 L4]`,
	} {
		err := p.For(inc).CanEscalate(inc, level)
		if want == "" {
			require.NoError(t, err, level)
			continue
		}
		require.EqualError(t, err, want)
	}
	require.NoError(t, p.For(incident.Incident{}).CanEscalate(declared(t, p, incident.Sev1).inc, "L1"), "before the first call any level will do")
}

// What the ladder is not to be troubled with.
func TestNothingIsDue(t *testing.T) {
	p := escalation.Default()
	for name, inc := range map[string]incident.Incident{
		"unknown":  {},
		"resolved": declared(t, p, incident.Sev1).do(resolve).inc,
		"closed":   declared(t, p, incident.Sev1).do(resolve).do(incident.Incident.Close).inc,
	} {
		due, next := escalation.Next(inc, p.For(inc), three.Add(time.Hour))
		require.Empty(t, due, name)
		require.Zero(t, next, name)
	}
	due, next := escalation.Next(declared(t, p, incident.Sev1).inc, escalation.Rules{}, three)
	require.Empty(t, due, "the zero policy calls nobody")
	require.Zero(t, next)
}

// A severity that nobody knows is as bad as the worst.
func TestUnknownSeverity(t *testing.T) {
	n := declared(t, escalation.Default(), incident.Sev1)
	n.inc.Severity = "SEV-0"
	n.until(16 * time.Minute)
	require.Equal(t, "0s L1 r1 declared critical", n.calls[0])
	require.Equal(t, "15m L2 r1 climbed critical", n.calls[3])
}

// Steps name people and sinks as the policy does, for whoever reads them.
func TestAStepIsComplete(t *testing.T) {
	n := declared(t, escalation.Default(), incident.Sev1)
	due, next := escalation.Next(n.inc, n.policy.For(n.inc), n.now)
	require.Equal(t, n.now, next, "it looks again at once: something was due")
	require.Equal(t, []escalation.Step{{
		Level: "L1", Round: 1, Enter: true, Reason: escalation.ReasonDeclared, Page: escalation.PageCritical, Until: escalation.UntilAcknowledged,
		Who: []incident.Person{"primary on call"}, Notify: []string{"pagerduty:primary", "slack:#incidents"}, Due: three,
	}}, due)
	var data incident.Escalation
	require.NoError(t, due[0].Event(n.inc, n.now).Payload(&data))
	require.Equal(t, incident.Escalation{
		Level: "L1", Round: 1, Reason: "declared", Severity: incident.Sev1,
		Who: []incident.Person{"primary on call"}, Notify: []string{"pagerduty:primary", "slack:#incidents"},
	}, data)
}

// The ladder as the screen shows it.
func TestUpcoming(t *testing.T) {
	ack := incident.Incident.Acknowledge
	show := func(n *night) (lines []string) {
		for _, r := range escalation.Upcoming(n.inc, n.policy.For(n.inc), n.now) {
			words := []string{string(r.Level), string(r.State)}
			if !r.Due.IsZero() {
				words = append(words, strictyaml.FormatDuration(r.Due.Sub(three)))
			}
			lines = append(lines, strings.Join(words, " "))
		}
		return lines
	}
	start := func(sev incident.Severity) *night { return declared(t, escalation.Default(), sev) }
	for name, c := range map[string]struct {
		night *night
		want  []string
		next  time.Duration // of the next level; -1 for never
	}{
		"before the first look":      {start(incident.Sev1), []string{"L1 next 0s", "L2 next 15m", "L3 next 45m", "L4 next 1h45m"}, 0},
		"called":                     {start(incident.Sev1).until(7 * time.Minute), []string{"L1 now 10m", "L2 next 15m", "L3 next 45m", "L4 next 1h45m"}, 15 * time.Minute},
		"acknowledged in time":       {start(incident.Sev1).until(7 * time.Minute).do(ack), []string{"L1 now", "L2 stopped", "L3 stopped", "L4 stopped"}, -1},
		"acknowledged before it":     {start(incident.Sev1).do(ack), []string{"L1 continues 0s", "L2 stopped", "L3 stopped", "L4 stopped"}, 0},
		"acknowledged on L2":         {start(incident.Sev1).until(16 * time.Minute).do(ack), []string{"L1 done", "L2 now", "L3 continues 45m", "L4 continues 1h45m"}, 45 * time.Minute},
		"on the last rung":           {start(incident.Sev1).until(2 * time.Hour).do(ack), []string{"L1 done", "L2 done", "L3 done", "L4 now 3h45m"}, -1},
		"a SEV-3 reaches L2":         {start(incident.Sev3).until(time.Minute), []string{"L1 now 20m", "L2 next 1h", "L3 beyond", "L4 beyond"}, time.Hour},
		"a SEV-4 pages nobody":       {start(incident.Sev4).until(time.Minute), []string{"L1 now", "L2 beyond", "L3 beyond", "L4 beyond"}, -1},
		"past what it reaches":       {start(incident.Sev3).until(time.Minute).do(escalate("L3")).until(time.Minute), []string{"L1 done", "L2 done", "L3 now 2h1m", "L4 beyond"}, -1},
		"snoozed":                    {start(incident.Sev1).until(time.Minute).do(snooze(time.Hour)), []string{"L1 now 1h1m", "L2 next 1h1m", "L3 next 1h31m", "L4 next 2h31m"}, 61 * time.Minute},
		"over":                       {start(incident.Sev1).until(16 * time.Minute).do(resolve), []string{"L1 done", "L2 now", "L3 stopped", "L4 stopped"}, -1},
		"overdue: nobody runs it":    {start(incident.Sev1).until(time.Minute).nobodyUntil(time.Hour), []string{"L1 now 5m", "L2 next 1h", "L3 next 1h30m", "L4 next 2h30m"}, time.Hour},
		"reopened, before it looks":  {start(incident.Sev1).until(16 * time.Minute).do(resolve).do(incident.Incident.Reopen), []string{"L1 next 16m", "L2 next 31m", "L3 next 1h1m", "L4 next 2h1m"}, 16 * time.Minute},
		"rounds count over reopened": {start(incident.Sev1).until(0).do(resolve).do(incident.Incident.Reopen).until(0), []string{"L1 now 5m", "L2 next 15m", "L3 next 45m", "L4 next 1h45m"}, 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, show(c.night))
			at := escalation.NextLevelAt(c.night.inc, c.night.now)
			if c.next < 0 {
				require.Zero(t, at)
				return
			}
			require.Equal(t, c.next, at.Sub(three))
		})
	}
	rungs := escalation.Upcoming(start(incident.Sev1).until(7*time.Minute).inc, escalation.Default().For(incident.Incident{}), three.Add(7*time.Minute))
	require.Equal(t, 2, rungs[0].Rounds)
	require.Equal(t, three, rungs[0].Entered)
	require.Equal(t, []incident.Person{"senior or lead"}, rungs[1].Who)
	require.Equal(t, []string{"pagerduty:lead", "slack:#incidents"}, rungs[1].Notify)
}

// An incident without a policy, or with a damaged one, still has somebody to
// be called.
func TestNextLevelWithoutAPolicy(t *testing.T) {
	for _, policy := range []string{"", `{"severities":null}`, `not json`} {
		n := declared(t, escalation.Default(), incident.Sev1).until(time.Minute)
		n.inc.Policy = []byte(policy)
		require.Equal(t, 15*time.Minute, escalation.NextLevelAt(n.inc, n.now).Sub(three), policy)
	}
}

// What `sitrep policy explain` prints is what the ladder does.
// explain is the calls of an explanation.
func explain(p escalation.Policy, sev incident.Severity, s escalation.Script, horizon time.Duration) []escalation.Call {
	calls, _, _ := escalation.Explain(p, sev, s, horizon)
	return calls
}

// An explanation that is not the whole says so, and how far it looked; one that
// never comes to an end is ended.
func TestExplainEnds(t *testing.T) {
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	calls, end, whole := escalation.Explain(escalation.Default(), incident.Sev1, escalation.Script{At: at}, 10000*time.Hour)
	require.False(t, whole)
	require.Len(t, calls, escalation.MostCalls)
	require.False(t, end.Before(calls[len(calls)-1].At))
	_, _, whole = escalation.Explain(escalation.Default(), incident.Sev1, escalation.Script{At: at}, time.Hour)
	require.True(t, whole)
	for _, at := range []time.Time{time.Date(9999, 12, 31, 23, 59, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)} {
		escalation.Explain(escalation.Default(), incident.Sev1, escalation.Script{At: at}, math.MaxInt64)
	}
}

func TestExplain(t *testing.T) {
	p := escalation.Default()
	n := declared(t, p, incident.Sev1).until(8 * time.Hour)
	calls := explain(p, incident.Sev1, escalation.Script{}, 8*time.Hour)
	require.Len(t, calls, len(n.calls))
	require.Equal(t, "0s L1 round 1 (declared) critical", calls[0].String())
	require.Equal(t, "15m0s L2 round 1 (climbed) critical", calls[3].String())
	require.Equal(t, []string{"pagerduty:lead", "slack:#incidents"}, calls[3].Notify)
	require.Equal(t, []incident.Person{"senior or lead"}, calls[3].Who)

	count := func(s escalation.Script, horizon time.Duration) int {
		return len(explain(p, incident.Sev1, s, horizon))
	}
	require.Equal(t, 2, count(escalation.Script{Acknowledged: 6 * time.Minute}, 40*time.Minute))
	var forgotten []string
	for _, c := range explain(p, incident.Sev1, escalation.Script{Acknowledged: 6 * time.Minute}, time.Hour) {
		forgotten = append(forgotten, c.String())
	}
	require.Equal(t, []string{ // it is asked after 36 minutes, and nobody answers
		"0s L1 round 1 (declared) critical", "5m0s L1 round 2 (unanswered) critical", "41m0s L1 round 3 (unacknowledged) critical",
		"46m0s L1 round 4 (unanswered) critical", "51m0s L1 round 5 (unanswered) critical", "56m0s L2 round 1 (climbed) critical",
	}, forgotten)
	calls = explain(trusting(), incident.Sev1, escalation.Script{Acknowledged: 6 * time.Minute}, time.Hour)
	require.Equal(t, "1h0m0s L2 round 1 (target_missed) critical", calls[len(calls)-1].String())
	require.Equal(t, 2, count(escalation.Script{Resolved: 6 * time.Minute}, 8*time.Hour))
	require.Equal(t, 1, count(escalation.Script{Resolved: 5 * time.Minute}, 8*time.Hour), "what is due at the moment of the resolution is not called")
	p = trusting()
	require.Equal(t, 6, count(escalation.Script{Acknowledged: 20 * time.Minute, Resolved: 2 * time.Hour}, 8*time.Hour), "L3 and L4 are called although somebody has it")
	require.Equal(t, 1, count(escalation.Script{}, 0))
	require.Equal(t, 200, count(escalation.Script{}, 10000*time.Hour), "at most")
	require.Empty(t, explain(escalation.Policy{}, incident.Sev1, escalation.Script{}, time.Hour))
}

func TestSummarise(t *testing.T) {
	p := escalation.Default()
	require.Equal(t, escalation.Stats{
		Calls: 8, Pages: map[incident.Level]int{"L1": 3, "L2": 2, "L3": 2, "L4": 1}, Reaches: "L4", Within: 105 * time.Minute,
	}, escalation.Summarise(explain(p, incident.Sev1, escalation.Script{}, 2*time.Hour)))
	require.Equal(t, escalation.Stats{Calls: 1, Pages: map[incident.Level]int{}, Reaches: "L1"},
		escalation.Summarise(explain(p, incident.Sev4, escalation.Script{}, 2*time.Hour)), "recorded, and nobody paged")
	require.Equal(t, escalation.Stats{Pages: map[incident.Level]int{}}, escalation.Summarise(nil))
}

// Asked twice, the ladder answers the same, and changes nothing that it was
// given.
func TestNextIsPure(t *testing.T) {
	n := declared(t, escalation.Default(), incident.Sev1).until(15 * time.Minute)
	before := incident.Payload(n.inc)
	first, at := escalation.Next(n.inc, n.policy.For(n.inc), n.now)
	second, again := escalation.Next(n.inc, n.policy.For(n.inc), n.now)
	require.Equal(t, first, second)
	require.Equal(t, at, again)
	require.Equal(t, string(before), string(incident.Payload(n.inc)))
	require.True(t, slices.IsSortedFunc(n.policy.For(n.inc).Ladder(incident.Sev1), func(a, b escalation.LevelRule) int { return strings.Compare(string(a.Level), string(b.Level)) }))
}
