package stats_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
)

var now = time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)

func day(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 3, 0, 0, 0, time.UTC)
}

// one is an incident as it is told in a line: who found it and how many minutes
// before, then minutes from the declaration to the rest, 0 for not yet.
func one(declared time.Time, sev incident.Severity, service, alert string, before, ack, mitigated, resolved int) incident.Incident {
	after := func(minutes int) time.Time { return declared.Add(time.Duration(minutes) * time.Minute) }
	dec := incident.Declaration{Title: "x", Severity: sev, Service: service}
	if alert != "" {
		dec.DetectedBy, dec.DetectedAt = alert, after(-before)
	}
	events := []incident.Event{{ID: "a", Incident: "INC-1", At: declared, Kind: incident.Declared, Data: incident.Payload(dec)}}
	add := func(minutes int, kind incident.Kind, data any) {
		if minutes > 0 {
			events = append(events, incident.Event{At: after(minutes), Kind: kind, Actor: "bob", Data: incident.Payload(data)})
		}
	}
	add(ack, incident.Acknowledged, nil)
	add(mitigated, incident.Mitigated, nil)
	add(resolved, incident.Resolved, incident.Resolution{Resolution: "done"})
	return incident.Fold(events...)
}

// quarter is five incidents in the nine weeks before now, a drill, and an
// older one.
func quarter() []incident.Incident {
	drill := one(day(11, 17), incident.Sev1, "checkout", "", 0, 1, 2, 3)
	drill.Drill = true
	old := one(day(1, 5), incident.Sev1, "checkout", "HighErrorRate", 1, 1, 1, 1)
	list := []incident.Incident{
		one(day(10, 5), incident.Sev1, "checkout", "HighErrorRate", 2, 2, 20, 40),
		one(day(10, 19), incident.Sev1, "checkout", "", 0, 4, 30, 60),
		one(day(11, 2), incident.Sev2, "payments", "HighErrorRate", 6, 10, 50, 120),
		one(day(11, 9), incident.Sev1, "payments", "SlowAnswers", 1, 12, 0, 0),
		one(day(11, 16), incident.Sev3, "", "", 0, 0, 0, 0),
		drill, old,
		one(day(11, 18), incident.Sev1, "checkout", "", 0, 1, 2, 3),
	}
	list[7].MergedInto = "INC-1" // a duplicate is no incident of its own
	item := func(inc *incident.Incident, added time.Time, due, closed time.Time) {
		inc.Items = append(inc.Items, incident.OpenItem{Item: incident.Item{Item: "AI", Due: due}, Added: added, Closed: closed})
	}
	item(&list[0], day(11, 23), time.Time{}, time.Time{})     // 7 days old: the second age
	item(&list[0], day(11, 24), day(11, 29), time.Time{})     // 6 days, overdue since yesterday
	item(&list[1], day(11, 24), day(11, 30), time.Time{})     // due today: not yet
	item(&list[1], day(10, 20), time.Time{}, day(10, 21))     // done
	item(&list[5], day(11, 17), time.Time{}, time.Time{})     // the drill's
	item(&list[6], now.AddDate(0, 0, -300), now, time.Time{}) // of an incident from before the question
	return list
}

func minutes(n int, median, p90 float64) stats.Spread {
	return stats.Spread{N: n, Median: time.Duration(median * float64(time.Minute)), P90: time.Duration(math.Round(p90*60)) * time.Second}
}

// The figures are worked out by hand. A p90 of n times in order is at
// h = 0.9 (n - 1), counted from 0, and between two of them in proportion.
func TestByHand(t *testing.T) {
	r := stats.Of(quarter(), stats.Question{Since: day(9, 28), Now: now, By: stats.BySeverity})
	require.Equal(t, stats.Group{
		Name: "all", Incidents: 5, Open: 2,
		Detect:      minutes(3, 2, 2+0.8*(6-2)),     // 1 2 6: h = 1.8
		Acknowledge: minutes(4, 7, 10+0.7*(12-10)),  // 2 4 10 12: h = 2.7
		Mitigate:    minutes(3, 30, 30+0.8*(50-30)), // 20 30 50
		Resolve:     minutes(3, 60, 60+0.8*(120-60)),
	}, r.All)
	require.Equal(t, []stats.Group{
		{
			Name: "SEV-1", Incidents: 3, Open: 1,
			Detect: minutes(2, 1.5, 1.9), Acknowledge: minutes(3, 4, 4+0.8*(12-4)), Mitigate: minutes(2, 25, 29), Resolve: minutes(2, 50, 58),
		},
		{Name: "SEV-2", Incidents: 1, Detect: minutes(1, 6, 0), Acknowledge: minutes(1, 10, 0), Mitigate: minutes(1, 50, 0), Resolve: minutes(1, 120, 0)},
		{Name: "SEV-3", Incidents: 1, Open: 1},
	}, r.Groups)
	require.Equal(t, 1, r.DrillsLeft)
	require.Equal(t, 2, r.ByHuman)
	require.True(t, r.HasPerWeek)
	require.InDelta(t, 5.0/9, r.PerWeek, 1e-9, "28 September to 30 November is nine weeks")
	require.Equal(t, stats.Items{
		Open: 4, Overdue: 1, Oldest: 300 * 24 * time.Hour,
		Ages: []stats.Age{{7 * 24 * time.Hour, 2}, {28 * 24 * time.Hour, 1}, {84 * 24 * time.Hour, 0}, {0, 1}},
	}, r.Items)
}

func TestGroupings(t *testing.T) {
	names := func(q stats.Question) (all []string) {
		q.Now = now
		for _, g := range stats.Of(quarter(), q).Groups {
			all = append(all, g.Name)
		}
		return all
	}
	require.Equal(t, []string{"", "checkout", "payments"}, names(stats.Question{By: stats.ByService}))
	require.Equal(t, []string{"2026-01", "2026-10", "2026-11"}, names(stats.Question{By: stats.ByMonth}))
	require.Equal(t, []string{"SEV-1", "SEV-2", "SEV-3"}, names(stats.Question{By: stats.BySeverity}))
	for _, s := range []string{"severity", "Service", "month"} {
		_, err := stats.ParseGrouping(s)
		require.NoError(t, err)
	}
	_, err := stats.ParseGrouping("team")
	require.EqualError(t, err, `"team" is none of severity, service and month`)

	with := stats.Of(quarter(), stats.Question{Since: day(9, 28), Now: now, Drills: true})
	require.Equal(t, 6, with.All.Incidents)
	require.Zero(t, with.DrillsLeft)
	require.Equal(t, 5, with.Items.Open)
}

// Without anything to count nothing is counted, and nothing is divided by it.
func TestNothing(t *testing.T) {
	r := stats.Of(nil, stats.Question{Now: now, By: stats.BySeverity})
	require.Equal(t, stats.Group{Name: "all"}, r.All)
	require.Empty(t, r.Groups)
	require.False(t, r.HasPerWeek)
	young := stats.Of(quarter()[4:5], stats.Question{Now: day(11, 17)})
	require.Equal(t, 1, young.All.Incidents)
	require.False(t, young.HasPerWeek, "a day says nothing about a week")
}

// Whatever the times: the median lies among them, the p90 not below it, and
// groups add up to all.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []incident.Incident
		longest := 0
		for range rapid.IntRange(0, 12).Draw(t, "n") {
			resolved := rapid.IntRange(0, 100000).Draw(t, "resolved")
			longest = max(longest, resolved)
			list = append(list, one(now.AddDate(0, 0, -rapid.IntRange(0, 200).Draw(t, "days")), rapid.SampledFrom(incident.Severities()).Draw(t, "severity"),
				rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "service"), "", 0, 0, 0, resolved))
		}
		r := stats.Of(list, stats.Question{Now: now, By: rapid.SampledFrom([]stats.Grouping{stats.BySeverity, stats.ByService, stats.ByMonth}).Draw(t, "by")})
		sum := 0
		for _, g := range append(r.Groups, r.All) {
			sum += g.Incidents
			require.LessOrEqual(t, g.Resolve.Median, time.Duration(longest)*time.Minute)
			if g.Resolve.N > 1 {
				require.GreaterOrEqual(t, g.Resolve.P90, g.Resolve.Median)
			}
		}
		require.Equal(t, 2*len(list), sum)
		require.False(t, math.IsNaN(r.PerWeek) || math.IsInf(r.PerWeek, 0))
	})
}

// Weeks begin on Mondays; those without incidents are there too.
func TestWeeks(t *testing.T) {
	list := []incident.Incident{
		one(day(time.November, 16), incident.Sev1, "", "", 0, 1, 2, 3), // a Monday
		one(day(time.November, 22), incident.Sev1, "", "", 0, 1, 2, 3), // the Sunday after
		one(day(time.November, 30), incident.Sev1, "", "", 0, 0, 0, 0),
		one(day(time.October, 1), incident.Sev1, "", "", 0, 1, 2, 3),
	}
	drill, merged := list[0], list[0]
	drill.Drill, merged.MergedInto = true, "INC-9"
	list = append(list, drill, merged)
	monday := func(m time.Month, d int) time.Time { return time.Date(2026, m, d, 0, 0, 0, 0, time.UTC) }
	q := stats.Question{Since: day(time.November, 14), Now: now}
	require.Equal(t, []stats.Week{{monday(time.November, 9), 0}, {monday(time.November, 16), 2}, {monday(time.November, 23), 0}, {monday(time.November, 30), 1}}, stats.Weeks(list, q))
	all := stats.Weeks(list, stats.Question{Now: now})
	require.Equal(t, stats.Week{Start: monday(time.September, 28), Incidents: 1}, all[0])
	require.Len(t, all, 10)
	require.Empty(t, stats.Weeks(nil, stats.Question{Now: now}))

	rapid.Check(t, func(t *rapid.T) {
		var some []incident.Incident
		for _, d := range rapid.SliceOfN(rapid.IntRange(0, 400), 0, 20).Draw(t, "days ago") {
			some = append(some, one(now.AddDate(0, 0, -d), incident.Sev2, "", "", 0, 1, 2, 3))
		}
		q := stats.Question{Since: now.AddDate(0, 0, -rapid.IntRange(0, 400).Draw(t, "since")), Now: now}
		sum := 0
		for _, w := range stats.Weeks(some, q) {
			require.Equal(t, time.Monday, w.Start.Weekday())
			sum += w.Incidents
		}
		require.Equal(t, stats.Of(some, q).All.Incidents, sum)
	})
}
