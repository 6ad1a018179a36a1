package escalation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// quiet is a policy with quiet hours, as their YAML says them.
func quiet(t *testing.T, hours string) escalation.Policy {
	t.Helper()
	return load(t, "quiet_hours: ["+hours+"]\n")
}

const nights = `{severities: [SEV-3, SEV-4], from: "22:00", to: "07:00", timezone: UTC}`

// calledAt is when a SEV-3 declared at that time is first called.
func calledAt(t *testing.T, p escalation.Policy, at string) string {
	t.Helper()
	start, err := time.Parse(time.RFC3339, at)
	require.NoError(t, err)
	calls := explain(p, incident.Sev3, escalation.Script{At: start}, 400*time.Hour)
	require.NotEmpty(t, calls)
	return calls[0].At.UTC().Format(time.RFC3339)
}

// When quiet hours are over, on walls in several places.
func TestQuietHours(t *testing.T) {
	berlin := `{severities: [SEV-3], from: "22:00", to: "07:00", timezone: Europe/Berlin}`
	for _, c := range []struct{ name, hours, at, called string }{
		{"before", nights, "2026-11-24T21:59:59Z", "2026-11-24T21:59:59Z"},
		{"from the first second", nights, "2026-11-24T22:00:00Z", "2026-11-25T07:00:00Z"},
		{"over midnight", nights, "2026-11-25T03:00:00Z", "2026-11-25T07:00:00Z"},
		{"to the last", nights, "2026-11-25T06:59:59Z", "2026-11-25T07:00:00Z"},
		{"after", nights, "2026-11-25T07:00:00Z", "2026-11-25T07:00:00Z"},
		{"on a wall in Berlin", berlin, "2026-11-24T21:00:00Z", "2026-11-25T06:00:00Z"},
		{"within a day", `{severities: [SEV-3], from: "12:00", to: "13:30", timezone: UTC}`, "2026-11-24T12:30:00Z", "2026-11-24T13:30:00Z"},
		{"the night before summer time is an hour shorter", berlin, "2026-03-28T21:30:00Z", "2026-03-29T05:00:00Z"},
		{"the night before winter time is an hour longer", berlin, "2026-10-24T20:30:00Z", "2026-10-25T06:00:00Z"},
		{"an end that spring skips comes at once", `{severities: [SEV-3], from: "22:00", to: "02:30", timezone: Europe/Berlin}`, "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		{"a beginning that spring skips too", `{severities: [SEV-3], from: "02:30", to: "04:00", timezone: Europe/Berlin}`, "2026-03-29T01:10:00Z", "2026-03-29T02:00:00Z"},
		{"an hour that spring skips is none", `{severities: [SEV-3], from: "02:10", to: "02:50", timezone: Europe/Berlin}`, "2026-03-29T01:10:00Z", "2026-03-29T01:10:00Z"},
		{"an end that autumn has twice is the first", `{severities: [SEV-3], from: "22:00", to: "02:30", timezone: Europe/Berlin}`, "2026-10-25T00:10:00Z", "2026-10-25T00:30:00Z"},
		{"and it is not quiet a second time", `{severities: [SEV-3], from: "22:00", to: "02:30", timezone: Europe/Berlin}`, "2026-10-25T01:10:00Z", "2026-10-25T01:10:00Z"},
		{"a zone that is half an hour off", `{severities: [SEV-3], from: "22:00", to: "07:00", timezone: Asia/Kolkata}`, "2026-11-24T17:00:00Z", "2026-11-25T01:30:00Z"},
		{"a day that Samoa left out", `{severities: [SEV-3], from: "00:00", to: "24:00", timezone: Pacific/Apia, days: [fri]}`, "2011-12-30T09:00:00Z", "2011-12-30T09:00:00Z"},
		{"a weekend", `{severities: [SEV-3], from: "00:00", to: "24:00", timezone: UTC, days: [sat, sun]}`, "2026-11-28T10:00:00Z", "2026-11-30T00:00:00Z"},
		{"not on a weekday", `{severities: [SEV-3], from: "00:00", to: "24:00", timezone: UTC, days: [sat, sun]}`, "2026-11-27T10:00:00Z", "2026-11-27T10:00:00Z"},
		{"days are those on which they begin", `{severities: [SEV-3], from: "22:00", to: "07:00", timezone: UTC, days: [fri]}`, "2026-11-28T03:00:00Z", "2026-11-28T07:00:00Z"},
		{"and not those on which they end", `{severities: [SEV-3], from: "22:00", to: "07:00", timezone: UTC, days: [sat]}`, "2026-11-28T03:00:00Z", "2026-11-28T03:00:00Z"},
		{"one after the other", nights + `, {severities: [SEV-3], from: "00:00", to: "24:00", timezone: UTC, days: [sat, sun]}`, "2026-11-27T23:00:00Z", "2026-11-30T07:00:00Z"},
		{"of another severity", `{severities: [SEV-4], from: "22:00", to: "07:00", timezone: UTC}`, "2026-11-24T23:00:00Z", "2026-11-24T23:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.called, calledAt(t, quiet(t, c.hours), c.at))
		})
	}
}

// Quiet hours that never end call nobody, and still let the ladder look again.
func TestQuietForEver(t *testing.T) {
	p := quiet(t, `{severities: [SEV-3], from: "00:00", to: "24:00", timezone: UTC}`)
	n := declared(t, p, incident.Sev3)
	due, next := escalation.Next(n.inc, p.For(n.inc), n.now)
	require.Empty(t, due)
	require.Greater(t, next.Sub(three), 7*24*time.Hour)
	require.Less(t, next.Sub(three), 10*24*time.Hour)
}

// Who is called when in quiet hours, from 22:00 to 07:00; it is 03:00.
func TestWhoIsCalledAfterQuietHours(t *testing.T) {
	for name, c := range map[string]struct {
		sev  incident.Severity
		play func(*night)
		want []string
	}{
		"held until the morning, then as always": {incident.Sev3, func(n *night) { n.until(6 * time.Hour) }, []string{
			"4h L1 r1 declared warning", "4h20m L1 r2 unanswered warning", "4h40m L1 r3 unanswered warning", "5h L2 r1 climbed critical", "6h L2 r2 unanswered critical",
		}},
		"a SEV-1 knows no quiet hours": {incident.Sev1, func(n *night) { n.until(time.Minute) }, []string{"0s L1 r1 declared critical"}},
		"raised out of them, it pages at once, and late is nobody": {incident.Sev3, func(n *night) {
			n.until(time.Hour).do(severity(incident.Sev1)).until(time.Hour + 6*time.Minute)
		}, []string{"1h L1 r1 declared critical", "1h5m L1 r2 unanswered critical"}},
		"by hand it goes through": {incident.Sev3, func(n *night) { n.until(time.Hour).do(escalate("L2")).until(6 * time.Hour) }, []string{
			"1h L2 r1 by_hand critical", "4h L2 r2 unanswered critical", "5h L2 r3 unanswered critical", "6h L2 r4 unanswered critical",
		}},
		"the next level by hand is the first": {incident.Sev3, func(n *night) { n.until(time.Hour).do(escalate("")).until(2 * time.Hour) }, []string{"1h L1 r1 by_hand warning"}},
		"lowered into them, it holds":         {incident.Sev1, func(n *night) { n.until(time.Minute).do(severity(incident.Sev3)).until(4*time.Hour + time.Minute) }, []string{"0s L1 r1 declared critical", "4h L2 r1 climbed critical"}},
		"given back in them, it is called after": {incident.Sev3, func(n *night) {
			n.do(incident.Incident.Acknowledge).until(time.Hour).do(incident.Incident.Unacknowledge).until(5 * time.Hour)
		}, []string{"4h L1 r1 declared warning", "4h20m L1 r2 unanswered warning", "4h40m L1 r3 unanswered warning", "5h L2 r1 climbed critical"}},
		"reopened in them": {incident.Sev3, func(n *night) {
			n.until(4 * time.Hour).do(resolve).until(20 * time.Hour).do(incident.Incident.Reopen).until(28 * time.Hour)
		}, []string{"4h L1 r1 declared warning", "1d4h L1 r2 reopened warning"}},
		"nobody ran the ladder in the morning": {incident.Sev3, func(n *night) { n.nobodyUntil(5 * time.Hour).until(5 * time.Hour) }, []string{"5h L1 r1 declared warning, late by 1h"}},
		"snoozed into them": {incident.Sev3, func(n *night) {
			n.until(18 * time.Hour).do(snooze(90 * time.Minute)).until(29 * time.Hour)
		}, []string{
			"4h L1 r1 declared warning", "4h20m L1 r2 unanswered warning", "4h40m L1 r3 unanswered warning", "5h L2 r1 climbed critical",
			"6h L2 r2 unanswered critical", "7h L2 r3 unanswered critical", "8h L2 r4 unanswered critical", "9h L2 r5 unanswered critical", "10h L2 r6 unanswered critical",
			"11h L2 r7 unanswered critical", "12h L2 r8 unanswered critical", "13h L2 r9 unanswered critical", "14h L2 r10 unanswered critical",
			"15h L2 r11 unanswered critical", "16h L2 r12 unanswered critical", "17h L2 r13 unanswered critical", "18h L2 r14 unanswered critical", "1d4h L2 r15 unanswered critical", "1d5h L2 r16 unanswered critical",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			n := declared(t, quiet(t, nights), c.sev)
			c.play(n)
			require.Equal(t, c.want, n.calls)
		})
	}
}

// The screen shows the same.
func TestUpcomingInQuietHours(t *testing.T) {
	p := quiet(t, nights)
	n := declared(t, p, incident.Sev3).until(0)
	require.Equal(t, 4*time.Hour, escalation.NextLevelAt(n.inc, n.now).Sub(three))
	rungs := escalation.Upcoming(n.inc, p.For(n.inc), n.now)
	require.Equal(t, "L1 next 4h0m0s, L2 next 5h0m0s", fmt.Sprintf("%s %s %s, %s %s %s", rungs[0].Level, rungs[0].State, rungs[0].Due.Sub(three), rungs[1].Level, rungs[1].State, rungs[1].Due.Sub(three)))
}
