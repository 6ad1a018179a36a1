package gameday

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
)

const hostile = "<script>alert(1)</script> | `x` [a](javascript:b) \x1b[31m\u202e\nnew # line"

// account is that of a day with one of everything, in the words of somebody who means ill.
func account() Account {
	began := time.Date(2026, 11, 25, 13, 0, 0, 0, time.UTC)
	after := func(d time.Duration) *time.Time {
		t := began.Add(d)
		return &t
	}
	score, recovered := 0.75, 4.2
	held := func(v chaos.Verdict, why string, from, to time.Duration) Part {
		return Part{Verdict: v, Reason: why, Finding: v == chaos.Deviated, StartedAt: after(from), EndedAt: after(to)}
	}
	finding := "late: chaos payments-latency deviated: " + hostile
	return Account{
		Result: Result{
			Run: "GD-3", ID: "01JD", Day: "checkout-day", Hypothesis: hostile, Drill: "INC-7", Verdict: chaos.Deviated, Reason: "late: " + hostile,
			StartedAt: began, EndedAt: after(5 * time.Minute), Roles: map[string]string{"commander": "ana", "operations": hostile},
			Schedule: []Slot{
				{"ready", "ask commander: Ready?", 0, 0, chaos.Seconds(15 * time.Minute)},
				{"late", "load shop", 0, chaos.Seconds(time.Minute), chaos.Seconds(62 * time.Second)},
				{"late", "chaos payments-latency", chaos.Seconds(30 * time.Second), chaos.Seconds(20 * time.Second), chaos.Seconds(50 * time.Second)},
				{"late", "chaos payments-pause", chaos.Seconds(50 * time.Second), chaos.Seconds(20 * time.Second), chaos.Seconds(50 * time.Second)},
				{"settle", "wait 1m", chaos.Seconds(time.Minute), chaos.Seconds(time.Minute), chaos.Seconds(time.Minute)},
			},
			Steps: []StepResult{
				{
					ID: "ready", What: "ask commander: Ready?", Verdict: chaos.Held, StartedAt: after(0), EndedAt: after(90 * time.Second), Asks: true, Question: "Ready?", Of: []string{"ana", "bob"},
					Answers: []Answer{{Step: "ready", By: "ana", Go: true, Note: hostile, At: began.Add(80 * time.Second)}},
				},
				{
					ID: "late", What: "load shop, chaos payments-latency, chaos payments-pause", Verdict: chaos.Deviated, StartedAt: after(90 * time.Second), EndedAt: after(3 * time.Minute),
					Load: &LoadPart{held(chaos.Held, "", 90*time.Second, 150*time.Second), "LT-4", "shop", loadtest.Totals{
						RequestedRate: 400, AchievedRate: 399.6, Requests: 24000, Errors: 12, ErrorRatio: 0.0005, Latency: loadtest.Latency{P50: 12 * time.Millisecond, P95: 80 * time.Millisecond, P99: 200 * time.Millisecond},
					}},
					Chaos: []ChaosPart{{held(chaos.Deviated, hostile, 2*time.Minute, 3*time.Minute), "CH-9", "payments-latency", &score, &recovered}},
				},
				{ID: "settle", What: "wait 1m"},
			},
			Findings: []string{finding},
		},
		Items: []Item{{"AI-1", finding, "bob", true}, {"AI-2", "buy a bigger pool", "", false}},
	}
}

// The report tells everything, in both forms, and obeys nothing that somebody wrote.
func TestAReportTellsAllAndObeysNothing(t *testing.T) {
	var page, text strings.Builder
	require.NoError(t, account().WriteHTML(&page))
	require.NoError(t, account().WriteMarkdown(&text))
	for form, got := range map[string]string{"html": strings.ReplaceAll(page.String(), "&#43;", "+"), "md": strings.ReplaceAll(text.String(), `\`, "")} {
		for _, want := range []string{
			"GD-3 checkout-day", "deviated", "INC-7", "2026-11-25 13:00:00 UTC", "after 5m", "commander ana",
			"+30s", "20s, up to 50s", "+2m", "not begun", "up to 15m", "1m30s",
			"2026-11-25 13:01:20 UTC", "Ready?", "LT-4", "400/s of 400/s", "24000", "80.0 ms", "12 (0.05 %)", "CH-9", "75 %", "4s",
			"AI-1", "bob", "done", "buy a bigger pool", "nobody", "sitrep load show LT-4", "sitrep postmortem show INC-7", "sitrep chaos history payments-latency",
		} {
			require.Contains(t, got, want, form)
		}
		require.NotContains(t, got, "<script", form)
		require.NotContains(t, got, "\x1b", form)
		require.NotContains(t, got, "\u202e", form)
	}
	require.NotContains(t, page.String(), "://", "it loads nothing from elsewhere")
	require.Contains(t, page.String(), "@media print")
	require.Contains(t, page.String(), "prefers-color-scheme:dark")

	var rows []string
	for line := range strings.Lines(text.String()) {
		require.NotRegexp(t, `^(new|# line)`, line, "what somebody wrote begins no line")
		if strings.HasPrefix(line, "| late ") {
			rows = append(rows, line)
		}
	}
	require.Equal(t, "| late | load shop | +0s | 1m, up to 1m2s | +1m30s | 1m | held |\n", rows[0])
	require.Equal(t, "| late | chaos payments-latency | +30s | 20s, up to 50s | +2m | 1m | deviated |\n", rows[1])
	require.Equal(t, "| late | chaos payments-pause | +50s | 20s, up to 50s | - | - | not begun |\n", rows[2])
	require.Contains(t, text.String(), "| ready | Ready? | bob | nothing | - |", "who was asked and said nothing is named, too")
}

// A day that goes on, one whose process died, and one of an older version can be told.
func TestReportsOfWhatIsNotWhole(t *testing.T) {
	for name, change := range map[string]func(*Account){
		"goes on":      func(a *Account) { a.EndedAt, a.Verdict, a.Reason = nil, "", "" },
		"died":         func(a *Account) { a.Steps[1].EndedAt, a.Steps[1].Load, a.Steps[1].Chaos = nil, nil, nil },
		"older":        func(a *Account) { a.Schedule, a.Roles, a.Steps[0].Of, a.Steps[0].Question = nil, nil, nil, "" },
		"nothing done": func(a *Account) { a.Steps, a.Findings, a.Items = nil, nil, nil },
		"empty":        func(a *Account) { *a = Account{} },
	} {
		a := account()
		change(&a)
		var page, text strings.Builder
		require.NoError(t, a.WriteHTML(&page), name)
		require.NoError(t, a.WriteMarkdown(&text), name)
		require.NotEmpty(t, text.String())
		again := Account{}
		body, err := json.Marshal(a)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(body, &again))
	}
}
