package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
)

// The link that an alert carries goes with the incident: it outlives the alert.
func TestTheRunbookOfAnAlertIsKept(t *testing.T) {
	t.Parallel()
	al := alert.Alert{Name: "HighErrorRate", Annotations: query.Labels{"runbook_url": "https://runbooks.example.com/errors"}}
	d := declarationOf(al, incident.Sev1, escalation.Default())
	e, err := incident.Declare(incident.By{Actor: "ana"}, "INC-1", d)
	require.NoError(t, err)
	require.Equal(t, "https://runbooks.example.com/errors", incident.Fold(e).RunbookURL)
}

// A runbook of the lab, followed against its Prometheus: by commands, then by keys.
func aRunbookIsFollowedOnTheLab(t *testing.T) {
	h := startHeadless(t)
	h.measured()
	out, code := h.sitrep("incident", "declare", "--severity", "SEV-4", "--title", "The shop is slow", "--label", "alertname=HighLatency", "--label", "env=lab")
	require.Zero(t, code, out)
	out, code = h.sitrep("incident", "runbook", "INC-1")
	require.Zero(t, code)
	require.Contains(t, out, "shop-latency: The shop is slow on INC-1, step 1/7 (alertname=HighLatency, env=lab)")

	out, code = h.sitrep("runbook", "run", "INC-1", "confirm", "--json")
	require.Zero(t, code)
	var answers []struct {
		Query  string
		Values []struct{ Series, Text string }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &answers))
	require.Len(t, answers, 1)
	require.Contains(t, answers[0].Query, "histogram_quantile")
	var series []string
	for _, v := range answers[0].Values {
		series = append(series, v.Series)
		require.Regexp(t, `^[0-9.]+ (ms|s|µs)$`, v.Text, "in the unit that the file names")
	}
	require.ElementsMatch(t, []string{"storefront", "checkout", "payments", "inventory"}, series)

	out, code = h.sitrep("runbook", "run", "INC-1", "5", "--tick")
	require.Zero(t, code)
	require.Contains(t, out, "[x] 5 Look for what is full")
	out, _ = h.sitrep("--json", "incident", "timeline", "INC-1")
	var events []incident.Event
	require.NoError(t, json.Unmarshal([]byte(out), &events))
	last := events[len(events)-1]
	require.Equal(t, incident.StepDone, last.Kind)
	var step incident.Step
	require.NoError(t, last.Payload(&step))
	require.Len(t, step.Queries, 2)
	require.False(t, step.Asked.IsZero())
	require.Contains(t, step.Result, "%")
	require.True(t, strings.HasPrefix(last.Text, "Look for what is full -> "), last.Text)

	x := h.screen(120, 40)
	x.see("INC-1", "runbook shop-latency  step 1/7")
	x.press("w")
	x.see("The shop is slow  step 1/7", "[x]  5 Look for what is full", "promql  enter asks it")
	x.press(keyEnter)
	x.match(`answer, .* old`)
	x.match(`[0-9.]+ (ms|s) +storefront`)
	x.press(" ")
	x.see("step 2/7", "done: Confirm that customers wait")
	out, _ = h.sitrep("incident", "runbook", "INC-1")
	require.Regexp(t, `(?m)^\[x\] 1 Confirm that customers wait .* by .*: .*(storefront|checkout)`, out, "what was on the screen is on the record")
	x.press(" ")
	x.see("step 1/7", "not done after all")
	x.press("q")
	x.see("signals")
}
