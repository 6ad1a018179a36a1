package pane

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/tui/keys"
)

func TestActionsShowWhatRuns(t *testing.T) {
	r := newReader(t, 3, richWorld(t), "INC-204", 119, 34)
	r.sees("CH-4 payments-pause", "▸hold", "22 s left", "0.034 ✗  expect < 0.01", "0.18 ✓", "no data ✗  2 of 3  abort > 0.9", "deviated 83%",
		"hurts  process.pause on payments-1 for 38 s", "undo D undone by runner", "lost   this terminal: the runner undoes it",
		"188/s of 200/s · 94.2%", "p99", "412 ms", "1.19% 14 of 1180 requests · 5xx 12 · timeout 2", "#incidents: alice: pay")
	r.press(keys.Detail)
	r.reads("holding", "A payments process that hangs", "expect", "injected 03:12:06", "latency 1500ms", "looked at every 1s, 3 in a row, no data: abort")
	require.Equal(t, "payments-pause", *r.press(keys.ChaosHistory).Past)
}

func TestActionsReadInFull(t *testing.T) {
	w := with(richWorld(t), func(w *World) { w.Load.Live, w.Chaos.Runs = nil, w.Chaos.Runs[:1] })
	r := newReader(t, 3, w, "INC-204", 119, 34)
	require.Equal(t, "payments-latency", r.press(keys.Detail).Plan, "what it would do now")
	require.Equal(t, "payments-latency", *r.press(keys.ChaosHistory).Past)
	r.press(keys.NextPane, keys.Bottom, keys.Detail)
	r.reads("verdict    fail: errors < 1% does not hold", "✗ errors < 1%", "p99.9")
	r.sees("last: LT-6 smoke fail errors < 1% does not hold", "✓ p95 < 200ms", "✗ errors < 1%")
	r.press(keys.NextPane, keys.Detail)
	r.reads("failed", "channel_not_found: invite the bot", "L1, round 3")
	r.press(keys.NextPane, keys.Detail)
	r.reads("sitrep item close INC-204 AI-1")
	r.press(keys.NextPane, keys.Detail)
	r.reads("/api/chat.postMessage", "429")
}

// A narrow view opens the section that has the keys; the others have what rows
// are left, and in any case their headings.
func TestNarrowActionsUnfold(t *testing.T) {
	r := newReader(t, 3, richWorld(t), "", 79, 18)
	r.sees("CH-4 payments-pause", "▸holding", "LT-7 runs: ^X ends it", "3 on the way")
	r.press(keys.NextPane)
	r.sees("whole run", "F8 peak", "CH-4 payments-pause", "^X ends and undoes it")
	r.seesNot("guard checkout errors")
	r.press(keys.PreviousPane, keys.PreviousPane)
	r.sees("PagerDuty trigger INC-204")
}

func TestTheOldestPromiseComesFirst(t *testing.T) {
	got := newReader(t, 3, richWorld(t), "", 119, 34).sees("3 open", "1 overdue", "late 30m", "nobody")
	require.Less(t, strings.Index(got, "INC-202  AI-1"), strings.Index(got, "INC-204  AI-1"))
}

// What was promised after an incident that was merged stays in front of those
// who run the one that goes on.
func TestItemsOfMergedIncidentsStayInView(t *testing.T) {
	w := richWorld(t)
	c := &scribe{t: t, events: w.Events, seq: 1000}
	one, two := w.Incidents[0], w.Incidents[1]
	two = c.add(two.ID, c.must(two.AddItem(by("carol", night.Add(-time.Minute)), "drain the queue", "carol", time.Time{}))...)
	newReader(t, 3, w, one.ID, 200, 60).seesNot("drain the queue")
	events := c.must(two.Merge(by("alice", night), one))
	two = c.add(two.ID, events[0])
	one = c.add(one.ID, events[1])
	w.Incidents[0], w.Incidents[1] = one, two
	newReader(t, 3, w, one.ID, 200, 60).sees("drain the queue", "INC-203")
	newReader(t, 2, w, one.ID, 200, 60).sees("INC-203 was merged into this one: queue backlog")
}
