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
	require.Contains(t, doc, "expected ‹ 0.4: before 0.1, during 0.9, after no data; 1 of 2 within\n    ▁▁█·▁\n      ^^\n")
	require.NotContains(t, doc, "\n## x")
	require.NotContains(t, doc, "**CH-6")

	n.events = n.events[:1]
	require.NotContains(t, postmortem.Merge(postmortem.Stored{}, postmortem.Draft(n.inc, n.events, at("03:42:00"))).Markdown(), "### Experiments")
}
