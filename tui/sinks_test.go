package tui

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// Sinks that are well are named while there are few, and counted when there are
// many; one that is not is always named.
func TestTheHeaderOfManySinks(t *testing.T) {
	said := func(sinks ...pane.Sink) string {
		fine, brief := fineSinks(sinks)
		return fine + " / " + brief
	}
	ok := func(name string) pane.Sink { return pane.Sink{Name: name, State: escalation.SinkOK} }
	down := pane.Sink{Name: "webhook", State: escalation.SinkDown}
	require.Equal(t, "PagerDuty ok · Slack ok / PD ok · Slack ok", said(ok("pagerduty"), ok("slack")))
	require.Equal(t, "PagerDuty ok · Slack ok / PD ok · Slack ok", said(ok("pagerduty"), down, ok("slack")))
	require.Equal(t, "4 sinks ok / 4 sinks ok", said(ok("pagerduty"), ok("slack"), ok("command"), ok("statuspage")))
	require.Equal(t, " / ", said(down))
}
