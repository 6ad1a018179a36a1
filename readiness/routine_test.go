package readiness_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/readiness"
)

func TestTheDuties(t *testing.T) {
	seen, checklist := map[string]bool{}, 0
	for _, d := range readiness.Duties() {
		require.False(t, seen[d.ID], d.ID)
		seen[d.ID] = true
		require.Positive(t, d.Lasts(), d.ID)
		switch d.Part {
		case readiness.PreProduction, readiness.Production, readiness.Improvement:
			checklist++
		}
	}
	require.Equal(t, 18, checklist)
	require.Len(t, seen, 29)
}

func TestWhatIsDue(t *testing.T) {
	facts := readiness.Facts{
		Moments: map[readiness.Proof]time.Time{readiness.Loaded: ago(10), readiness.Chaos: {}},
		States:  map[readiness.Proof]readiness.Mark{readiness.HasObjectives: {State: readiness.OK, Why: "2 objectives"}, readiness.HasAlerts: {State: readiness.Bad, Why: "no rule has a severity"}},
		Signed: map[string]readiness.Signed{
			"rollback": {By: "ana", At: ago(5), Until: ago(-85), Note: "v41"}, "slo-review": {By: "bob", At: ago(20), Until: ago(13)},
			"alerting": {By: "ana", At: ago(1), Until: ago(-30)},
		},
	}
	due := map[string]readiness.Due{}
	for _, d := range readiness.Review(facts, now) {
		due[d.ID] = d
	}
	require.False(t, due["load-test"].Done, "a week is over")
	require.True(t, due["load-tested"].Done, "a month is not")
	require.Equal(t, "load run 10 days ago", due["load-tested"].Why)
	require.Equal(t, "never held", due["chaos"].Why)
	require.Equal(t, "not known", due["monitoring"].Why)
	require.True(t, due["slos-defined"].Done)
	require.Equal(t, "signed by ana: v41", due["rollback"].Why)
	require.Equal(t, ago(-85), due["rollback"].Until)
	require.False(t, due["slo-review"].Done)
	require.Equal(t, "signed by bob, which ended 13 days ago", due["slo-review"].Why)
	require.True(t, due["alerting"].Done, "a signature counts where the evidence is elsewhere")
	require.False(t, due["restore"].Done)
}

// What is due the longest comes first; what has no date comes last, in the order of the
// list.
func TestOverdue(t *testing.T) {
	facts := readiness.Facts{
		Moments: map[readiness.Proof]time.Time{readiness.Loaded: ago(40), readiness.Chaos: ago(10), readiness.Drilled: ago(1)},
		States:  map[readiness.Proof]readiness.Mark{readiness.HasObjectives: {State: readiness.OK}},
		Signed:  map[string]readiness.Signed{"slo-review": {By: "bob", At: ago(20), Until: ago(13)}},
	}
	var ids []string
	for _, d := range readiness.Overdue(readiness.Review(facts, now)) {
		require.False(t, d.Done)
		ids = append(ids, d.ID)
	}
	require.Equal(t, []string{"load-test", "slo-review", "load-tested", "baselines", "chaos", "health-checks", "metrics-review"}, ids[:7])
	require.NotContains(t, ids, "slos-defined")
	require.NotContains(t, ids, "chaos-day")
}

func TestHowLongASignatureHolds(t *testing.T) {
	d, ok := readiness.Find("restore")
	require.True(t, ok)
	for text, want := range map[string]time.Duration{"": 90 * 24 * time.Hour, "  ": 90 * 24 * time.Hour, "30d": 30 * 24 * time.Hour, "2w": 14 * 24 * time.Hour, "366d": 366 * 24 * time.Hour} {
		got, err := d.Holds(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"367d", "0", "-1d", "soon", "30", "\x1b[2J"} {
		_, err := d.Holds(text)
		require.ErrorContains(t, err, "is no time up to a year, such as 30d", text)
	}
}

// A game day is due a day before it begins, and when it was not held; held a little early
// is held.
func TestPlannedGameDays(t *testing.T) {
	hours := func(n int) time.Time { return now.Add(time.Duration(n) * time.Hour) }
	for name, c := range map[string]struct {
		plan  readiness.Plan
		done  bool
		until time.Time
		why   string
	}{
		"far away":             {readiness.Plan{Next: hours(25)}, true, hours(25), "it is planned for 2026-11-28 04:00 UTC"},
		"tomorrow":             {readiness.Plan{Next: hours(24)}, false, hours(24), "it begins at 2026-11-28 03:00 UTC"},
		"held this morning":    {readiness.Plan{Next: hours(5), Held: hours(-2)}, true, hours(5), "it is planned for 2026-11-27 08:00 UTC"},
		"held a week ago":      {readiness.Plan{Last: hours(-163), Next: hours(5), Held: hours(-163)}, false, hours(5), "it begins at 2026-11-27 08:00 UTC"},
		"not held":             {readiness.Plan{Last: hours(-2), Next: hours(166)}, false, hours(-2), "it was planned for 2026-11-27 01:00 UTC, and not held"},
		"held the time before": {readiness.Plan{Last: hours(-2), Held: hours(-170)}, false, hours(-2), "it was planned for 2026-11-27 01:00 UTC, and not held"},
		"held":                 {readiness.Plan{Last: hours(-50), Held: hours(-49)}, true, time.Time{}, "held 2 days ago"},
	} {
		c.plan.Name = "shop-day"
		due := readiness.Review(readiness.Facts{Plans: []readiness.Plan{c.plan}}, now)
		require.Len(t, due, 30)
		require.Equal(t, "gameday:shop-day", due[0].ID)
		require.Equal(t, c.done, due[0].Done, name)
		require.Equal(t, c.until, due[0].Until, name)
		require.Equal(t, c.why, due[0].Why, name)
		require.Equal(t, !c.done, readiness.Overdue(due)[0].ID == "gameday:shop-day", "before what is overdue: %s", name)
	}
}
