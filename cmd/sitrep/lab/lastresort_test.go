package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// PagerDuty and Slack are both down: the text message is sent, once, although the
// process that runs the ladder dies and another one goes on. Then both are back:
// the page itself goes out, once, and Slack hears nothing that is stale.
func TestBothDownReachTheLastResort(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	sent := filepath.Join(t.TempDir(), "sent")
	program := filepath.Join(t.TempDir(), "sms.sh")
	require.NoError(t, os.WriteFile(program, fmt.Appendf(nil, "#!/bin/sh\necho \"$SITREP_OPERATION $SITREP_LEVEL $SITREP_ROUND $SITREP_TEXT\" | head -n 1 >>%s\n", sent), 0o700))
	messages := func() []string {
		raw, err := os.ReadFile(sent)
		if os.IsNotExist(err) {
			return nil
		}
		require.NoError(t, err)
		return strings.Split(strings.TrimSpace(string(raw)), "\n")
	}
	policy, err := escalation.LoadPolicy("night.yaml", []byte(`
divert: ["slack:#night1", "command:sms"]
ladders: {default: [{level: L1, escalate_after: 1h, until: acknowledged, notify: ["pagerduty:first0", "slack:#night0"], who: [ana]}, {level: L2, until: resolved, notify: []}]}
`))
	require.NoError(t, err)
	for _, w := range n.sinks.wires {
		w.down()
	}
	l := n.life()
	l.Command = program
	first := startLadder(t, l)
	inc := n.declare(0, incident.Sev1, policy)
	n.until("the text message", func() bool { return len(messages()) > 0 })
	n.until("that it is written down", func() bool {
		return slices.ContainsFunc(n.messages(inc.ID), func(m escalation.Message) bool { return m.Sink == "command:sms" && m.State == escalation.Accepted })
	})
	first.kill()
	second := startLadder(t, l)
	defer second.kill()
	n.until("that the other process tries too", func() bool {
		return slices.ContainsFunc(n.messages(inc.ID), func(m escalation.Message) bool { return m.Sink == "pagerduty:first0" && m.Epoch > 1 })
	})
	require.Len(t, messages(), 1)
	require.Contains(t, messages()[0], "trigger L1 1 SEV-1 INC-1 L1: pagerduty:first0 cannot be reached, so L1 (ana) was NOT paged for INC-1 night 0: call by phone.")
	require.Empty(t, n.said(inc.ID, incident.DeliveryDegraded), "somebody was told")

	for _, w := range n.sinks.wires {
		w.up(t)
	}
	n.until("the page", func() bool {
		return slices.ContainsFunc(n.messages(inc.ID), func(m escalation.Message) bool { return m.Sink == "pagerduty:first0" && m.State == escalation.Accepted })
	})
	n.until("that all is sent", n.settled)
	require.Empty(t, n.told("slack:#night1", "chat.postMessage"), "whoever was passed over hears nothing late")
	_, err = n.desk.Resolve(t.Context(), n.by(), inc.ID, "rolled back")
	require.NoError(t, err)
	n.until("its end", func() bool { return len(messages()) == 2 })
	n.until("that all is sent", n.settled)
	require.Contains(t, messages()[1], "resolve L1 1 SEV-1 INC-1 resolved: night 0: rolled back")
	require.Len(t, n.sinks.pd.list(), 1, "one page")
	n.judge().clean(t)
}

// The last resort fails too: that stands on the timeline once, with what failed, and
// so does the first thing that is accepted again.
func TestNobodyIsReachedAtAll(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	policy, err := escalation.LoadPolicy("night.yaml", []byte(`
divert: ["slack:#night1", "command:sms"]
ladders: {default: [{level: L1, escalate_after: 1h, until: acknowledged, notify: ["pagerduty:first0"], who: [ana]}, {level: L2, until: resolved, notify: []}]}
`))
	require.NoError(t, err)
	for _, w := range n.sinks.wires {
		w.down()
	}
	l := n.life()
	l.Command = filepath.Join(t.TempDir(), "missing.sh")
	p := startLadder(t, l)
	defer p.kill()
	inc := n.declare(0, incident.Sev1, policy)
	n.until("that it is recorded", func() bool { return len(n.said(inc.ID, incident.DeliveryDegraded)) > 0 })
	text := n.said(inc.ID, incident.DeliveryDegraded)[0]
	for _, part := range []string{"nobody was reached for L1 (ana): call by phone", "pagerduty:first0: ", "slack:#night1: ", "missing.sh cannot be run"} {
		require.Contains(t, text, part)
	}
	for _, w := range n.sinks.wires {
		w.up(t)
	}
	n.until("that there is a way again", func() bool { return len(n.said(inc.ID, incident.DeliveryRestored)) > 0 })
	n.until("the page", func() bool { return len(n.told("pagerduty:first0", "trigger")) > 0 })
	require.Len(t, n.said(inc.ID, incident.DeliveryDegraded), 1)
	require.Len(t, n.said(inc.ID, incident.DeliveryRestored), 1)
	_, err = n.desk.Resolve(t.Context(), n.by(), inc.ID, "rolled back")
	require.NoError(t, err)
	n.until("that all is sent", n.settled)
	require.Len(t, n.sinks.pd.list(), 1, "one page")
}
