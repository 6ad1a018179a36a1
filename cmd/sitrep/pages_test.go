package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// ledgerRows are deliveries of every outcome.
func ledgerRows() []escalation.Delivery {
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	row := func(m escalation.Message) escalation.Delivery {
		m.Incident, m.QueuedAt = "INC-4711", at
		return escalation.Delivery{Message: m}
	}
	acked := row(escalation.Message{ID: "a", Sink: "pagerduty:primary", Operation: escalation.OpTrigger, Level: "L1", Round: 12, State: escalation.Accepted, Attempts: 1, FirstTryAt: at, AcceptedAt: at.Add(800 * time.Millisecond), AcknowledgedAt: at.Add(2 * time.Hour)})
	found := row(escalation.Message{ID: "b", Sink: "slack:#a-channel-with-a-very-long-name-\x1b[31m", Operation: escalation.OpAnnounce, State: escalation.Accepted, Murky: true, Attempts: 2, AcceptedAt: at.Add(14 * time.Second)})
	found.AmbiguousAt, found.ReconciledAt = at.Add(11*time.Second), at.Add(14*time.Second)
	refused := row(escalation.Message{ID: "c", Sink: "webhook:ops", Operation: escalation.OpTrigger, Level: "L1", Round: 1, State: escalation.Failed, Attempts: 3, NotBefore: at.Add(time.Minute), Error: "webhook:ops: 401 Unauthorized: check the secrets of webhooks.ops, and then everything else that there is to be checked about it"})
	refused.DivertedAt = at.Add(time.Second)
	waiting := row(escalation.Message{ID: "d", Sink: "command:sms", Operation: escalation.OpTrigger, State: escalation.Pending})
	waiting.QueuedAt = at.Add(24 * time.Hour)
	return []escalation.Delivery{acked, found, refused, waiting}
}

// The ledger fits a terminal of 80 cells, whatever stands in it.
func TestTheLedgerFits(t *testing.T) {
	t.Parallel()
	for _, width := range []int{80, 100} {
		var out bytes.Buffer
		a := &app{stdout: &out}
		require.NoError(t, a.printPagesIn(ledgerRows(), width))
		for line := range strings.Lines(out.String()) {
			require.LessOrEqual(t, safe.New(strings.TrimRight(line, "\n"), maxLine).Width(), width, line)
			require.NotContains(t, line, "\x1b")
		}
		require.Contains(t, out.String(), "2026-03-01 UTC\n4711")
		require.Contains(t, out.String(), "2026-03-02 UTC\n4711")
		require.Contains(t, out.String(), "acknowledged")
		require.Contains(t, out.String(), "1h59m")
		require.Contains(t, out.String(), "    was ambiguous at 03:00:11Z")
		require.Contains(t, out.String(), "    diverted at 03:00:01Z; webhook:ops: 401 Unauthorized")
	}
}

func TestTheLedgerAsData(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app{stdout: &out, flags: globals{json: true}}
	require.NoError(t, a.printPages(ledgerRows()))
	var rows []map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &rows))
	for _, key := range []string{"id", "incident", "level", "round", "sink", "target", "operation", "state", "attempts", "queued_at", "accepted_at", "acknowledged_at", "error"} {
		require.Contains(t, rows[0], key, "DESIGN promises it")
	}
	require.Equal(t, "accepted", rows[0]["state"])
	require.Equal(t, "acknowledged", rows[0]["outcome"])
	require.Equal(t, 0.8, rows[0]["accept_seconds"])
	require.Equal(t, "2026-03-01T03:00:11Z", rows[1]["ambiguous_at"])
	require.Nil(t, rows[1]["acknowledge_seconds"])
	require.Equal(t, "2026-03-01T03:01:00Z", rows[2]["next_try_at"])
}

func TestTheLedgerIsFiltered(t *testing.T) {
	t.Parallel()
	shown := func(f pageFilter) (ids string) {
		require.NoError(t, f.read(time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC)))
		for _, d := range ledgerRows() {
			if f.shows(d) {
				ids += d.ID
			}
		}
		return ids
	}
	require.Equal(t, "abcd", shown(pageFilter{}))
	require.Equal(t, "cd", shown(pageFilter{open: true}))
	require.Equal(t, "c", shown(pageFilter{failed: true}))
	require.Equal(t, "d", shown(pageFilter{since: "2h"}))
	require.Equal(t, "abcd", shown(pageFilter{since: "7d"}))
	require.ErrorContains(t, (&pageFilter{since: "soon"}).read(time.Now()), "--since")
}
