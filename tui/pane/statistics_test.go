package pane

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

// ended is an incident of so many days ago: of ten of them every third was found
// by a person, and the times grow with the number.
func ended(n, daysAgo int, service string, sev incident.Severity) incident.Incident {
	at := night.Add(-time.Duration(daysAgo) * 24 * time.Hour)
	inc := incident.Incident{
		ID: incident.NumberedID(n), Title: fmt.Sprintf("outage %d", n), Severity: sev, Status: incident.StatusResolved, Service: service,
		Clocks: incident.Clocks{
			Declared: at, FirstAck: at.Add(time.Duration(40+17*n) * time.Second),
			Mitigated: at.Add(time.Duration(9+n%7*4) * time.Minute), Resolved: at.Add(time.Duration(25+n%9*11) * time.Minute),
		},
	}
	if n%3 > 0 {
		inc.Clocks.Detected, inc.Clocks.DetectedBy = at.Add(-time.Duration(60+n%5*30)*time.Second), "alert HighErrorRate"
	}
	if n%4 == 0 {
		inc.Items = []incident.OpenItem{{Item: incident.Item{Item: "AI-1", Text: "add a timeout", Due: at.AddDate(0, 1, 0)}, Added: inc.Clocks.Resolved}}
	}
	return inc
}

// quarter is three months with an incident every other day, and drills.
func quarter(testing.TB) *World {
	services := []string{"checkout", "payments", "checkout", "search", "", "payments", "支払い"}
	var list []incident.Incident
	for n := range 40 {
		inc := ended(n+1, 2+n*n%89, services[n%len(services)], incident.Severities()[(n*n+n/3)%4])
		inc.Drill = n%13 == 5
		list = append(list, inc)
	}
	return &World{Figures: FiguresOf(list, night)}
}

func twoIncidents(testing.TB) *World {
	return &World{Figures: FiguresOf([]incident.Incident{ended(1, 3, "search", incident.Sev2), ended(2, 20, "checkout", incident.Sev3)}, night)}
}

func TestStatisticsTurnTheRange(t *testing.T) {
	r := newReader(t, 5, quarter(t), "", 119, 34)
	r.sees("statistics  90d", "drills left out", "MTTA ack", "services  5")
	r.press(keys.ZoomIn)
	r.sees("statistics  30d")
	require.Contains(t, r.press(keys.ZoomIn).Toast, "30d, 90d, 1y")
	e := r.press(keys.Range)
	require.Equal(t, "30d", e.Ask.Initial)
	e.Ask.Then("1y")
	r.sees("statistics  1y")

	r.press(keys.Down, keys.Detail)
	r.sees("statistics of ")
	r.press(keys.Detail)
	r.seesNot("statistics of ")
	r.press(keys.Detail)
	require.True(t, r.press(keys.Cancel).Handled)
	r.seesNot("statistics of ")
	require.False(t, r.press(keys.Cancel).Handled, "the next esc leaves the view")

	r.s.Filter = "pay"
	r.sees("services  1")
	require.Contains(t, r.press(keys.Yank).Copy, "SEV-1: ")
}

// One time has no spread, and none is no zero.
func TestStatisticsOfFewSaySo(t *testing.T) {
	r := newReader(t, 5, twoIncidents(t), "", 119, 34)
	require.Regexp(t, `SEV2 +1 +1m30s +- +1 +57s +- +1`, r.sees())
	w := &World{Figures: FiguresOf([]incident.Incident{ended(3, 3, "search", incident.Sev2)}, night)}
	require.Regexp(t, `SEV2 +1 +- +- +0`, newReader(t, 5, w, "", 119, 34).sees("1 of 1 (100 %) before an alert"), "a person found it: how long it was there is in nobody's record")
}

// A service that had nothing in the shorter range is shown as that, not as another.
func TestAServiceWithoutIncidentsInTheRange(t *testing.T) {
	w := &World{Figures: FiguresOf([]incident.Incident{ended(1, 3, "search", incident.Sev2), ended(2, 60, "checkout", incident.Sev3)}, night)}
	r := newReader(t, 5, w, "", 119, 34)
	r.press(keys.Detail)
	r.sees("statistics of checkout  90d  1 incident")
	r.press(keys.ZoomIn)
	r.sees("statistics of checkout  30d  0 incidents", "no incident was declared in this time")
}
