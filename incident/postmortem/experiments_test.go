package postmortem_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// What was tried on purpose is told with its hypothesis, what tripped, and what the
// probes saw; hostile words stay words.
func TestExperimentsAreTold(t *testing.T) {
	n := &night{t: t}
	e, err := incident.Declare(by("ana", "03:00:00"), "INC-1", incident.Declaration{Title: "Carts time out", Severity: incident.Sev3})
	n.add([]incident.Event{e}, err)
	n.outside("03:01:00", incident.ChaosFinished, "chaos", "CH-6 refused", `{"run":"CH-6","experiment":"other","outcome":{"verdict":"refused","reason":"no"}}`)
	n.outside("03:05:00", incident.ChaosFinished, "chaos", "CH-7 finished", `{"run":"CH-7","experiment":"payments-latency","outcome":{
		"verdict":"aborted","reason":"guard errors: 0.08","score":0.5,"recovery_seconds":4.25,"hypothesis":"People still buy <b>\n# all`+"```"+` of it","started_at":"2026-11-23T03:04:00Z",
		"faults":[{"kind":"http.latency","target":"payments-2","injected_at":"2026-11-23T03:04:02Z","gone_at":"2026-11-23T03:04:04Z","effect":"300 ms slower"}],
		"guards":[{"name":"errors","abort_when":"> 0.05","tripped":true},{"name":"calm","abort_when":"> 1"}],
		"probes":[{"name":"p95`+"```"+`\n## x","expect":"< 0.4","before":0.1,"during":0.9,"after":null,"evaluations":2,"within":1,
			"series":[{"t":0,"v":0.1},{"t":1,"v":0.1},{"t":2,"v":0.9,"out":true},{"t":3,"v":null},{"t":4,"v":0.1}]}]}}`)
	doc := postmortem.Merge(postmortem.Stored{}, postmortem.Draft(n.inc, n.events, at("03:42:00"))).Markdown()
	require.Contains(t, doc, "### Experiments\n**CH-7 payments-latency**: aborted, score 50 %, the steady state was back after 4.25 s. guard errors: 0.08\n")
	require.Contains(t, doc, "- http.latency on payments-2: injected 03:04:02, gone 03:04:04 (300 ms slower)")
	require.Contains(t, doc, "- The guard errors tripped: abort when &gt; 0.05")
	require.NotContains(t, doc, "calm")
	require.NotContains(t, doc, "<b>")
	require.Contains(t, doc, "expected < 0.4: before 0.1, during 0.9, after no data; 1 of 2 within\n    ▁▁█·▁\n      ^^\n")
	require.NotContains(t, doc, "\n## x")
	require.NotContains(t, doc, "**CH-6")

	n.events = n.events[:1]
	require.NotContains(t, postmortem.Merge(postmortem.Stored{}, postmortem.Draft(n.inc, n.events, at("03:42:00"))).Markdown(), "### Experiments")
}

// A run is part of an incident if it went on in it, or was over five minutes before at the
// most, which is said; one of earlier is not, and is not counted.
func TestExperimentsOfTheIncident(t *testing.T) {
	n := &night{t: t}
	e, err := incident.Declare(by("ana", "03:10:00"), "INC-1", incident.Declaration{Title: "practice", Severity: incident.Sev3, Drill: true})
	n.add([]incident.Event{e}, err)
	run := func(id, from, to string) {
		n.outside(from, incident.ChaosStarted, "chaos", id+" began", `{"run":"`+id+`"}`)
		n.outside(from, incident.ChaosInjected, "chaos", id+" injected", `{"run":"`+id+`"}`)
		n.outside(to, incident.ChaosFinished, "chaos", id+" finished", `{"run":"`+id+`","experiment":"x","outcome":{"verdict":"held","reason":"it held"}}`)
	}
	run("CH-1", "02:58:00", "03:04:59")
	run("CH-2", "03:05:00", "03:08:00")
	run("CH-3", "03:09:00", "03:12:00")
	doc := postmortem.Merge(postmortem.Stored{}, postmortem.Draft(n.inc, n.events, at("03:42:00"))).Markdown()
	require.NotContains(t, doc, "**CH-1")
	require.Contains(t, doc, "**CH-2 x**: held. it held; over 2m before the detection, which may still be its doing\n")
	require.Contains(t, doc, "**CH-3 x**: held. it held\n")
	require.Contains(t, doc, "2 chaos runs")
}

// The earliest alert is the detection, for all of the document; the fault that was in place
// a moment before it is when it began, also where it is undone by then.
func TestTheEarliestAlertDetects(t *testing.T) {
	n := &night{t: t}
	e, err := incident.Declare(by("sitrep", "03:02:31"), "INC-1", incident.Declaration{
		Title: "budget burns", Severity: incident.Sev2, DetectedAt: at("03:02:25"), DetectedBy: "ErrorBudgetBurn",
	})
	n.add([]incident.Event{e}, err)
	n.outside("02:50:00", incident.AlertFired, "alert", "Unrelated fired", `{"fingerprint":"c"}`)
	n.outside("03:01:54", incident.ChaosInjected, "chaos", "CH-2 injected", `{"run":"CH-2"}`)
	n.outside("03:02:01", incident.ChaosUndone, "chaos", "CH-2 undone", `{"run":"CH-2"}`)
	n.outside("03:02:02", incident.AlertFired, "alert", "HighErrorRate fired", `{"fingerprint":"a"}`)
	n.outside("03:02:29", incident.AlertFired, "alert", "ErrorBudgetBurn fired", `{"fingerprint":"b"}`)
	d := postmortem.Draft(n.inc, n.events, at("03:42:00"))
	doc := postmortem.Merge(postmortem.Stored{}, d).Markdown()
	require.Contains(t, doc, "The alert HighErrorRate fired, at 03:02:02; 29s later the incident was declared")
	require.Contains(t, doc, "A fault had been injected 8s before the detection")
	require.Contains(t, doc, "| time to detect (fault to detection) | 8s | - |")
	require.Contains(t, doc, "| detection to declaration | 29s | - |")
	require.NotContains(t, doc, "03:02:25")
	require.NotContains(t, doc, "nothing recorded says when it began")
}
