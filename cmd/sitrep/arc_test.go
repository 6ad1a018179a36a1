package main

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// What hurts the shop and looks how it fares: one after the other, because two shops
// make each other slow. What mostly waits runs beside it.
func TestShop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"ArcByKeys", arcByKeys},
		{"ExperimentByKeys", experimentByKeys},
		{"ArcByCommands", arcByCommands},
		{"Pictures", pictures},
		{"PicturesHangUnderTheHeadline", picturesHangUnderTheHeadline},
		{"KilledScreenAndRunnerLeaveNoFault", killedScreenAndRunnerLeaveNoFault},
		{"KilledCommandLeavesNoProcessPaused", killedCommandLeavesNoProcessPaused},
		{"InterruptedRunIsUndone", interruptedRunIsUndone},
		{"ALoadRunIsAProbe", aLoadRunIsAProbe},
		{"GameDays", gameDays},
		{"GameDaysInSlack", gameDaysInSlack},
		{"GameDaysAreRemindedOf", gameDaysAreRemindedOf},
		{"ARunbookIsFollowedOnTheLab", aRunbookIsFollowedOnTheLab},
	} {
		t.Run(c.name, c.run)
	}
}

// The walk that docs/delivery.md shows: PagerDuty is down, Slack takes over, and
// nothing is sent twice or too late. It takes minutes of waiting: it stands here so
// that it begins among the first, and the others go on beside it.
func TestDeliveryByCommands(t *testing.T) {
	t.Parallel()
	for _, needed := range []string{"jq", "curl", "bash"} {
		_, err := exec.LookPath(needed)
		require.NoError(t, err, "%s is missing: run make setup", needed)
	}
	dir := t.TempDir()
	cmd := exec.Command("../../docs/escalation.sh", dir)
	cmd.Env = append(os.Environ(), "SITREP="+binary)
	raw, err := cmd.CombinedOutput()
	out := string(raw)
	require.NoError(t, err, out)
	require.Contains(t, out, "was NOT paged for INC-1", "Slack is told in PagerDuty's place")
	_, end, found := strings.Cut(out, "# PagerDuty is back; what nobody needs")
	require.True(t, found, out)
	require.Equal(t, 1, strings.Count(end, " trigger SEV-1 INC-1 L1"), "the page that waited went out once")
	require.NotContains(t, end, " trigger SEV-1 INC-2", "and what was answered before never")
	require.Contains(t, end, `{"status":"resolved","triggers":1,`)
	require.Empty(t, runningOn(t, dir), "nothing that it started is left")
}

// The main job, by keys alone: board, F5, alert, declare SEV-1, page, ack,
// note, load, resolve, post-mortem, export. Then SQLite, both ledgers and the
// Markdown are read.
func arcByKeys(t *testing.T) {
	h := startHeadless(t)
	h.measured()
	x := h.screen(120, 40)
	x.see("All quiet", "4 sinks ok")

	x.press("2")
	x.see("storefront latency", "Processes up")
	x.press(keyF5)
	x.see("payments-latency", "u takes it back")
	h.hurt(x)

	x.press("1")
	x.match(`SEV1 .*HighErrorRate`)
	declare := func() {
		x.press("D")
		x.see("Declare an incident", "about the alert HighErrorRate")
		x.press(keyEnter)
		x.see("How bad is it?", "SEV-1")
		x.press("a")
		x.see("Declare SEV-1")
	}
	declare()
	x.press(keyEnter) // leaves it: Enter confirms nothing that reaches out
	x.gone("Declare SEV-1")
	declare()
	require.Empty(t, h.pages())
	x.press("y")
	x.see("u takes it back")
	x.see("[SEV1] INC-1", "YOU ARE PAGED")
	require.Eventually(t, func() bool { return len(h.pages()) >= 1 && len(h.ledger(h.Slack)) >= 1 }, patience, 50*time.Millisecond)

	x.press("a")
	x.see("ACK ana")
	x.press("n")
	x.see("Note on INC-1")
	x.press("-1m payments-2 answers late", keyEnter)
	x.press("3") // before all pages: the first screen shows the end of the timeline
	x.see("payments-2 answers late")
	x.press("1")

	x.press(keyCtrlX)
	x.see("ended by ctrl+x", "everything is undone")
	require.Zero(t, h.injected())

	x.press(keyF7)
	x.see("LT-1 load")
	x.await("the load run ends", func(screen string) bool { return !strings.Contains(screen, "LT-1 load") })

	x.press("X")
	x.see("Resolve INC-1")
	x.press("payments answers in time again", keyEnter)
	x.see("Resolve INC-1", "y  resolve")
	x.press("y")
	x.see("RESOLVED", "its post-mortem is drafted")

	x.press("5")
	x.see("Post-Mortem: ")
	export := filepath.Join(t.TempDir(), "pm.md")
	x.press("W")
	x.see("Export")
	x.press("\x15"+export, keyEnter) // ctrl+u clears what is suggested
	require.Eventually(t, func() bool { _, err := os.Stat(export); return err == nil }, patience, 50*time.Millisecond)
	x.press("1", "q")
	require.Zero(t, x.exit())

	readArc(t, h, export)
}

// readArc checks what the arc has left: events, pages, requests, Markdown.
func readArc(t *testing.T, h *headless, export string) {
	db, err := sql.Open("sqlite", "file:"+h.DB+"?mode=ro")
	require.NoError(t, err)
	defer db.Close()
	kinds := map[string]int{}
	rows, err := db.Query(`SELECT kind, count(*) FROM event GROUP BY kind`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var kind string
		var n int
		require.NoError(t, rows.Scan(&kind, &n))
		kinds[kind] = n
	}
	require.NoError(t, rows.Err())
	for _, kind := range []string{
		"alert.fired", "incident.declared", "incident.acknowledged", "incident.resolved", "note.added", "escalation.entered", "page.accepted",
		"page.acknowledged", "chaos.started", "chaos.injected", "chaos.undone", "chaos.finished", "load.started", "load.finished", "postmortem.drafted",
	} {
		require.Positive(t, kinds[kind], kind)
	}
	var frozen string
	require.NoError(t, db.QueryRow(`SELECT v.body FROM evidence v JOIN event e ON e.seq = v.seq WHERE e.kind = 'incident.declared'`).Scan(&frozen))
	require.Contains(t, frozen, "5xx ratio")

	pages := strings.Join(h.pages(), "\n")
	require.Contains(t, strings.Join(h.ledger(h.PagerDuty), "\n"), `/v2/change/enqueue 202 {"payload":{"custom_details":{"actor":"ana","kind":"chaos.started"`)
	for _, action := range []string{`"event_action":"trigger"`, `"event_action":"acknowledge"`, `"event_action":"resolve"`} {
		require.Contains(t, strings.ReplaceAll(pages, " ", ""), action)
	}
	require.NotContains(t, pages, " 400 ")
	require.Contains(t, strings.Join(h.ledger(h.Slack), "\n"), "INC-1")

	md, err := os.ReadFile(export)
	require.NoError(t, err)
	last := -1
	for _, heading := range []string{
		"# Post-Mortem: ", "## Incident Summary", "- **Date/Time**:", "- **Duration**:", "- **Severity**: SEV-1", "- **Impact**:",
		"## Timeline", "- **Detection**:", "- **Response**:", "- **Escalation**:", "- **Resolution**:",
		"## Root Cause Analysis", "- **What happened**:", "- **Why it happened**:", "- **Contributing factors**:",
		"## Impact Assessment", "- **User impact**:", "- **Business impact**:", "- **Technical impact**:",
		"## Actions Taken", "- **Immediate**:", "- **Short-term**:", "- **Long-term**:",
		"## Lessons Learned", "- **What went well**:", "- **What could be improved**:", "- **What surprised us**:", "## Action Items",
	} {
		at := strings.Index(string(md), heading)
		require.Greater(t, at, last, "%s stands out of order in\n%s", heading, md)
		last = at
	}
	require.Contains(t, string(md), "payments-2 answers late")
	require.Contains(t, string(md), "█", "a spark line")
}

// The script that docs/ offers to readers, against Debian's Prometheus.
func arcByCommands(t *testing.T) {
	for _, needed := range []string{"prometheus", "jq", "curl", "bash"} {
		_, err := exec.LookPath(needed)
		require.NoError(t, err, "%s is missing: run make setup", needed)
	}
	dir := t.TempDir()
	cmd := exec.Command("../../docs/arc.sh", dir)
	cmd.Env = append(os.Environ(), "SITREP="+binary, fmt.Sprintf("PROMETHEUS_PORT=%d", freePort(t)))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	md, err := os.ReadFile(filepath.Join(dir, "post-mortem.md"))
	require.NoError(t, err)
	require.Contains(t, string(md), "# Post-Mortem: Checkout fails for some customers")
	require.Contains(t, string(md), "payments answers in time again")
	require.Regexp(t, "- \\*\\*Detection\\*\\*: (HighErrorRate fired at|The alert HighErrorRate fired: .*, at) ", string(md), "declared from the alert, or from that of storefront a moment before")
	require.Contains(t, string(out), `"verdict": "pass"`, "the load check after the experiment")
}
