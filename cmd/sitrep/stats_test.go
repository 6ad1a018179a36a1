package main

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident/stats"
)

func TestStatsText(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)
	times := func(n int, median, p90 time.Duration) stats.Spread {
		return stats.Spread{N: n, Median: median, P90: p90}
	}
	checkout := stats.Group{
		Name: "checkout", Incidents: 3, Open: 1, Detect: times(2, 90*time.Second, 114*time.Second), Acknowledge: times(3, 4*time.Minute, 624*time.Second),
		Mitigate: times(2, 25*time.Minute, 29*time.Minute), Resolve: times(2, 50*time.Minute, 26*time.Hour),
	}
	nameless := stats.Group{Incidents: 1, Acknowledge: times(1, 10*time.Minute, 0), Mitigate: times(1, 50*time.Minute, 0), Resolve: times(1, 2*time.Hour, 0)}
	hostile := stats.Group{Name: "\x1b[2J" + strings.Repeat("wide 中文 ", 10), Incidents: 1, Open: 1}
	all := checkout
	all.Name, all.Incidents = "all", 5
	r := stats.Report{
		From: now.AddDate(0, 0, -63), To: now, All: all, Groups: []stats.Group{nameless, checkout, hostile}, DrillsLeft: 1, ByHuman: 2, PerWeek: 5.0 / 9, HasPerWeek: true,
		Items: stats.Items{Open: 4, Overdue: 1, Oldest: 300 * 24 * time.Hour, Ages: []stats.Age{{Below: 7 * 24 * time.Hour, N: 2}, {Below: 28 * 24 * time.Hour, N: 1}, {N: 1}}},
	}
	text := statsText(r, stats.ByService)
	require.Equal(t, `2026-09-28 to 2026-11-30: 5 incidents, 0.6 a week (1 drill left out)
found by a person before an alert: 2 of 5 (40 %)

SERVICE                    INCIDENTS  OPEN  TIME TO         MEDIAN      P90    N
all                                5     1  detect           1m30s    1m54s    2
                                            acknowledge       4m0s   10m24s    3
                                            mitigate         25m0s    29m0s    2
                                            resolve          50m0s    1d02h    2
-                                  1     0  detect       not known        -    0
                                            acknowledge      10m0s        -    1
                                            mitigate         50m0s        -    1
                                            resolve          2h00m        -    1
checkout                           3     1  detect           1m30s    1m54s    2
                                            acknowledge       4m0s   10m24s    3
                                            mitigate         25m0s    29m0s    2
                                            resolve          50m0s    1d02h    2
␛[2Jwide 中文 wide 中文 …          1     1  detect       not known        -    0
                                            acknowledge          -        -    0
                                            mitigate             -        -    0
                                            resolve              -        -    0

action items: 4 open, 1 overdue, the oldest for 300d00h
by age: 2 under 1w, 1 under 4w, 1 older
`, text)
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, ansi.StringWidth(strings.TrimRight(line, "\n")), 80, line)
	}

	none := stats.Of(nil, stats.Question{Since: now.AddDate(0, 0, -1), Now: now, By: stats.ByMonth})
	require.Equal(t, "2026-11-29 to 2026-11-30: 0 incidents\n\naction items: none open\n", statsText(none, stats.ByMonth))
	view := statsViewOf(none, stats.ByMonth)
	require.Nil(t, view.PerWeek)
	require.Nil(t, view.HumanShare)
	require.Nil(t, view.All.TimeTo["resolve"].Median)
}
