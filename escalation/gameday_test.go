package escalation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// notified is whom the ladder tells, level by level, if nobody answers.
func notified(p escalation.Policy, s escalation.Script) map[incident.Level][]string {
	all := map[incident.Level][]string{}
	for _, c := range explain(p, incident.Sev1, s, 2*time.Hour) {
		all[c.Level] = c.Notify
	}
	return all
}

// A drill climbs the whole ladder, and wakes nobody above L1 by accident.
func TestDrillWakesNobodyAboveL1(t *testing.T) {
	p := escalation.Default()
	drill := escalation.Script{Drill: true}
	require.Equal(t, map[incident.Level][]string{"L1": {"pagerduty:primary", "slack:#incidents"}, "L2": {}, "L3": {}, "L4": {}}, notified(p, drill))
	var real, played []string
	for _, c := range explain(p, incident.Sev1, escalation.Script{}, 2*time.Hour) {
		if c.Round == 1 {
			real = append(real, string(c.Level)+" "+c.After.String())
		}
	}
	for _, c := range explain(p, incident.Sev1, drill, 2*time.Hour) {
		if c.Round == 1 {
			played = append(played, string(c.Level)+" "+c.After.String())
		}
		require.True(t, c.Level == "L1" || c.Page == escalation.PageNone, c)
	}
	require.Equal(t, real, played, "at the same times")
}

// What the game day names takes the place of the others, on every rung.
func TestGameDayReplacesSinks(t *testing.T) {
	p := load(t, `
audiences: {all stakeholders: ["statuspage:shop", "slack:#all"]}
game_day:
  notify: {"pagerduty:lead": "pagerduty:sandbox", "pagerduty:manager": "pagerduty:sandbox", "slack:#incidents": "slack:#game-day", "slack:#all": "slack:#game-day"}
`)
	require.Equal(t, map[incident.Level][]string{
		"L1": {"pagerduty:primary", "slack:#game-day"}, "L2": {"pagerduty:sandbox", "slack:#game-day"}, "L3": {"pagerduty:sandbox", "slack:#game-day"}, "L4": {"slack:#game-day"},
	}, notified(p, escalation.Script{Drill: true}))
	drill := incident.Incident{Drill: true}
	require.Equal(t, []string{"slack:#game-day"}, p.For(drill).AudienceSinks(incident.Sev1), "no status page hears of a drill")
	require.Equal(t, []string{"statuspage:shop", "slack:#all"}, p.For(incident.Incident{}).AudienceSinks(incident.Sev1))
	require.Equal(t, []string{"pagerduty:primary", "pagerduty:sandbox", "slack:#game-day"}, p.For(drill).PageSinks())
	require.Contains(t, p.Sinks(), "pagerduty:sandbox", "a key is needed for it")

	n := declaredAs(t, p, incident.Declaration{Severity: incident.Sev1, Drill: true}).until(time.Minute).do(escalate("L4"))
	due, _ := escalation.Next(n.inc, p.For(n.inc), n.now)
	require.Equal(t, []string{"slack:#game-day"}, due[0].Notify, "not by hand either")

	p = load(t, "game_day: {wakes_up_to: none, notify: {\"slack:#incidents\": \"slack:#incidents\"}}\n")
	require.Equal(t, []string{"slack:#incidents"}, notified(p, escalation.Script{Drill: true})["L1"], "a sink may take its own place")
	p = load(t, "game_day: {wakes_up_to: L2}\n")
	require.Equal(t, []string{"pagerduty:lead", "slack:#incidents"}, notified(p, escalation.Script{Drill: true})["L2"])
	require.Empty(t, notified(p, escalation.Script{Drill: true})["L3"])
	p = load(t, "severities: {SEV-1: {resolve_within: 2h}}\n")
	require.Empty(t, notified(p, escalation.Script{Drill: true})["L2"], "a file that says nothing of game days has the default's")
}

// The first rung of a severity that pages nobody stays as it is; who is told by
// a rung that a drill leaves empty is nobody, and the timeline says so.
func TestDrillSaysThatNobodyIsPaged(t *testing.T) {
	p := escalation.Default()
	n := declaredAs(t, p, incident.Declaration{Severity: incident.Sev1, Drill: true}).until(time.Minute).do(escalate(""))
	due, _ := escalation.Next(n.inc, p.For(n.inc), n.now)
	require.Equal(t, "L2 entered, nobody paged: asked for: I need help", due[0].Event(n.inc, n.now).Text)
}
