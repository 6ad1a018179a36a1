package postmortem_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// measuredNight is an incident of checkout from 03:20 to 04:00 with what was kept at its
// end: one signal beyond its threshold from so much after 03:00 to so much, and boards
// besides.
func measuredNight(t *testing.T, out, back time.Duration, more ...incident.CapturedBoard) *night {
	n := &night{t: t}
	e, err := incident.Declare(by("ana", "03:20:00"), "INC-1", incident.Declaration{Title: "Checkout is slow", Severity: incident.Sev2, Service: "checkout"})
	n.add([]incident.Event{e}, err)
	resolved, err := n.inc.Resolve(by("ana", "04:00:00"), "rolled back")
	n.add(resolved, err)
	limit, peak := 0.5, 2.0
	course := incident.Course{Name: "p95", Unit: "s", Query: "p95", Step: 15, Peak: &peak, PeakAt: at("03:10:00"), Threshold: &limit, State: "crit"}
	if back > 0 {
		course.FirstOut, course.LastOut = at("03:00:00").Add(out), at("03:00:00").Add(back)
	}
	kept := incident.Capture{
		Event: "e", Kind: incident.Resolved, What: "resolved", At: at("04:00:00"), Source: "http://prom",
		Boards: append([]incident.CapturedBoard{{Name: "shop", From: at("02:20:00"), To: at("04:00:00"), Step: 15, Signals: []incident.Course{course}}}, more...),
	}
	n.add([]incident.Event{{Incident: "INC-1", At: at("04:00:10"), Kind: incident.EvidenceCaptured, Actor: incident.Sitrep, Data: incident.Payload(kept)}}, nil)
	return n
}

func TestTheImpactWindowStandsBesideTheDeclaredOne(t *testing.T) {
	md := measuredNight(t, 5*time.Minute, 50*time.Minute).markdown()
	require.Contains(t, md, "  - Impact window by the metrics: 03:05:00 to 03:50:00 (45m; p95 beyond 500 ms); declared: 03:20:00 to 04:00:00 (40m)\n")
	require.Contains(t, md, "  - Signals were beyond their thresholds for 15m before anything noticed (from 03:05:00).")
	require.Contains(t, md, "  - A person noticed it, and no alert had fired.")
	md = measuredNight(t, 0, 0).markdown()
	require.Contains(t, md, "Impact window by the metrics: no kept signal was beyond its threshold; declared:")
	require.NotContains(t, md, "before anything noticed")
	d := measuredNight(t, 5*time.Minute, 50*time.Minute).draft()
	require.Equal(t, at("03:05:00"), *d.Numbers.ImpactFrom)
	require.Equal(t, at("03:50:00"), *d.Numbers.ImpactTo)
}

// What the service's own queries answered stands in the place of a question; no answer
// is no data, and the gate counts it.
func TestTheImpactInNumbers(t *testing.T) {
	gaps := func(n *night) (all []string) {
		for _, g := range postmortem.Merge(postmortem.Stored{}, n.draft()).Gaps(n.inc) {
			if g.Section == "impact-assessment" {
				all = append(all, g.What)
			}
		}
		return all
	}
	users, price := 1240.0, 0.25
	board := incident.CapturedBoard{Name: postmortem.ImpactBoard, From: at("02:20:00"), To: at("04:00:00"), Step: 30, Signals: []incident.Course{
		{Name: postmortem.ImpactUsers, Query: "count(stuck)", Step: 30, Peak: &users, PeakAt: at("03:11:00")},
		{Name: postmortem.ImpactMoney, Unit: "EUR", Query: "price", Step: 30, Peak: &price, PeakAt: at("03:12:00")},
	}}
	n := measuredNight(t, 5*time.Minute, 50*time.Minute, board)
	n.inc.Costs = []incident.Cost{{Objective: "availability", Events: 400}, {Objective: "latency", Events: 20}}
	md := n.markdown()
	require.Contains(t, md, "- **User impact**: Number of users: at most 1240 at 03:11:00 (`count(stuck)`, range 02:20:00 to 04:00:00, step 30s, from `http://prom`).")
	require.Contains(t, md, "At most 0.25 EUR at 03:12:00 (`price`, range 02:20:00 to 04:00:00, step 30s, from `http://prom`) for each failed request; 400 failed by the objective `availability`, at most 100 EUR.")
	for _, g := range gaps(n) {
		require.NotContains(t, g, "no data")
		require.NotContains(t, g, "How many users")
	}

	n = measuredNight(t, 5*time.Minute, 50*time.Minute, incident.CapturedBoard{Name: postmortem.ImpactBoard})
	require.Contains(t, n.markdown(), "Number of users: no data, the query of the service's impact had no answer.")
	require.Contains(t, strings.Join(gaps(n), "\n"), "Number of users: no data")
	n = measuredNight(t, 5*time.Minute, 50*time.Minute)
	require.Contains(t, n.markdown(), "Number of users: no data. From detection to resolution: 40m. _How many users, doing what, for how long? How do we know?_")
	require.Contains(t, strings.Join(gaps(n), "\n"), "Number of users: no data")
}

// What was in place comes before what names the service, that before the rest, and of
// equals the nearest.
func TestCandidatesAreRanked(t *testing.T) {
	n := measuredNight(t, 15*time.Minute, 50*time.Minute)
	n.outside("02:51:00", incident.ChangeRecorded, "cli", "deploy search v9", `{}`)
	n.outside("02:55:00", incident.ChangeRecorded, "cli", "deploy checkout v1", `{}`)
	n.outside("03:00:00", incident.ChangeRecorded, "cli", "flag new-pay on", `{"service":"checkout"}`)
	n.outside("03:16:00", incident.ChangeRecorded, "cli", "deploy carts v2", `{}`)
	n.outside("02:56:00", incident.ChaosInjected, "chaos", "CH-2 latency on bank", `{"run":"CH-2"}`)
	md := n.markdown()
	var got []string
	for line := range strings.Lines(md) {
		if strings.HasPrefix(line, "  - Candidate ") {
			got = append(got, strings.TrimSpace(strings.TrimPrefix(line, "  - ")))
		}
	}
	require.Equal(t, []string{
		"Candidate 1: 02:56:00 fault injected: CH-2 latency on bank, 19m before it began; it was in place when it was noticed",
		"Candidate 2: 03:00:00 change: flag new-pay on, 15m before it began; it names `checkout`",
		"Candidate 3: 02:55:00 change: deploy checkout v1, 20m before it began; it names `checkout`",
		"Candidate 4: 03:16:00 change: deploy carts v2, 1m after it began",
		"Candidate 5: 02:51:00 change: deploy search v9, 24m before it began",
	}, got)
}

// The seeds of surprises: each is a fact, none is there without it.
func TestWhatTheRecordIsSurprisedBy(t *testing.T) {
	n := &night{t: t}
	n.outside("03:00:00", incident.AlertFired, "alert", "HighErrorRate job=checkout", `{"fingerprint":"a"}`)
	e, err := incident.Declare(by("ana", "03:20:00"), "INC-1", incident.Declaration{Title: "x", Severity: incident.Sev2})
	n.add([]incident.Event{e}, err)
	page := func(clock string, kind incident.Kind, sink, message string) {
		n.add([]incident.Event{{
			Incident: "INC-1", At: at(clock), Kind: kind, Actor: incident.Sitrep, Source: "outbox",
			Data: incident.Payload(map[string]any{"message": message, "sink": sink, "level": "L1", "round": 1, "operation": "trigger"}),
		}}, nil)
	}
	page("03:20:01", incident.PageQueued, "pagerduty:primary", "m1")
	page("03:20:30", incident.PageDiverted, "pagerduty:primary", "m1")
	md := n.markdown()
	require.Contains(t, md, "  - The alert HighErrorRate job=checkout fired 20m before the incident was declared.")
	require.Contains(t, md, "  - The page of 03:20:01 to `pagerduty:primary` had to take another way.")
	require.NotContains(t, md, "no alert had fired")
	require.NotContains(t, md, "Monitoring had a gap")
}
