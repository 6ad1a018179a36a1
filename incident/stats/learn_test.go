package stats_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
)

// What comes again, whose promises are oldest, what cost most, and whether those who
// were woken were woken for something.
func TestWhatIncidentsTeach(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	past := func(id incident.ID, days int, alert string, level incident.Level, items ...incident.OpenItem) incident.Incident {
		at := now.AddDate(0, 0, -days)
		return incident.Incident{
			ID: id, Title: "t", Severity: incident.Sev1, Service: "checkout", Items: items, Labels: map[string]string{"alertname": alert},
			Clocks: incident.Clocks{Declared: at, FirstAck: at}, Roles: map[incident.Role]incident.Person{incident.Commander: "ana"}, Rung: incident.Rung{Level: level},
		}
	}
	item := func(name string, owner incident.Person, days, due int) incident.OpenItem {
		it := incident.OpenItem{Item: incident.Item{Item: name, Owner: owner}, Added: now.AddDate(0, 0, -days)}
		if due != 0 {
			it.Due = now.AddDate(0, 0, due)
		}
		return it
	}
	one := past("INC-1", 10, "Slow", "L1", item("AI-1", "bob", 10, -3), item("AI-2", "", 9, 0))
	one.Costs = []incident.Cost{{Objective: "a", Ratio: 0.1}, {Objective: "b"}}
	two := past("INC-2", 5, "Slow", "L2", item("AI-1", "bob", 5, 5))
	two.Costs = []incident.Cost{{Objective: "a", Ratio: 0.4}}
	old := past("INC-3", 300, "Slow", "L2", item("AI-1", "cat", 300, 0))
	drill, dup := past("INC-4", 3, "Slow", "L1"), past("INC-5", 3, "Slow", "L1")
	drill.Drill, dup.MergedInto = true, "INC-2"
	third := past("INC-6", 1, "Other", "L2")
	foreign := past("INC-7", 2, "Third", "L1")
	foreign.Imported = "INC-1 of store x"

	captured := func(inc incident.Incident, courses ...incident.Course) incident.Event {
		c := incident.Capture{Kind: incident.Declared, At: inc.Clocks.Declared, Boards: []incident.CapturedBoard{{Signals: courses}}}
		return incident.Event{Incident: inc.ID, Kind: incident.EvidenceCaptured, Data: incident.Payload(c)}
	}
	called := func(inc incident.Incident, notify ...string) incident.Event {
		return incident.Event{Incident: inc.ID, Kind: incident.EscalationEntered, Data: incident.Payload(incident.Escalation{Level: "L1", Notify: notify})}
	}
	value := 1.0
	l := stats.Learn([]incident.Incident{one, two, old, drill, dup, third, foreign}, []incident.Event{
		called(one, "pagerduty:primary"), captured(one, incident.Course{Peak: &value, Threshold: &value, LastOut: one.Clocks.Declared.Add(-time.Minute)}),
		called(two, "pagerduty:primary"), captured(two, incident.Course{Peak: &value, Threshold: &value, LastOut: two.Clocks.Declared.Add(-time.Hour)}),
		called(third, "pagerduty:primary"), captured(third, incident.Course{Peak: &value}),
		called(foreign, "pagerduty:primary"), called(old, "x"),
	}, stats.Question{Since: now.AddDate(0, 0, -90), Now: now})
	require.Equal(t, 4, l.Incidents)
	require.Equal(t, []stats.Factor{
		{What: "service checkout", Incidents: []incident.ID{"INC-1", "INC-2", "INC-6", "INC-7"}},
		{What: "alert Slow", Incidents: []incident.ID{"INC-1", "INC-2"}},
		{What: "the first level of the ladder was not enough", Incidents: []incident.ID{"INC-2", "INC-6"}},
	}, l.Factors)
	day := 24 * time.Hour
	require.Equal(t, []stats.Owner{
		{Name: "cat", Open: 1, Oldest: 300 * day, OldestItem: "INC-3 AI-1"}, // old promises count
		{Name: "bob", Open: 2, Overdue: 1, Oldest: 10 * day, OldestItem: "INC-1 AI-1"},
		{Open: 1, Oldest: 9 * day, OldestItem: "INC-1 AI-2"},
	}, l.Owners)
	require.Len(t, l.Costs, 2)
	require.Equal(t, incident.ID("INC-2"), l.Costs[0].Incident)
	require.Equal(t, stats.Woken{Incidents: 3, Known: 2, Out: 1, Not: []incident.ID{"INC-2"}}, l.Woken, "a signal without a threshold says nothing")
	require.Zero(t, stats.Learn(nil, nil, stats.Question{Now: now}))
}
