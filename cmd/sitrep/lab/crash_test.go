package lab

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// soon bounds the patience of tests with machines that are busy.
const soon = time.Minute

// A process dies at every point of the life of every kind of message, and another
// one takes over: one page of each key, in order, and over when the incident is;
// one message of each kind to be seen in Slack, and the newest headline.
func TestCrashMatrix(t *testing.T) {
	for _, op := range []escalation.Operation{escalation.OpTrigger, escalation.OpAcknowledge, escalation.OpResolve, escalation.OpPost, escalation.OpUpdate} {
		for _, p := range points() {
			t.Run(fmt.Sprintf("%s/%s", op, p), func(t *testing.T) {
				t.Parallel()
				crash(t, newNight(t), op, p)
			})
		}
	}
}

// crash is an incident from its declaration to its end, through one death; through
// none if the point is empty.
func crash(t *testing.T, n *night, op escalation.Operation, p point) {
	first := n.life()
	first.Point, first.Operation = p, op
	runs, deaths := startLadder(t, first), 0
	defer func() { runs.kill() }()
	until := func(what string, done func() bool) {
		require.Eventually(t, func() bool {
			if runs.over() {
				deaths++
				runs = startLadder(t, n.life())
			}
			return done()
		}, soon, 20*time.Millisecond, what)
	}
	inc := n.declare(0, incident.Sev1, nightPolicy(t, 0, "1h", "2h"))
	accepted := func(op escalation.Operation, least int) func() bool {
		return func() bool {
			for _, m := range n.messages(inc.ID) {
				if m.Operation == op && m.State == escalation.Accepted {
					least--
				}
			}
			return least <= 0
		}
	}
	until("the page", accepted(escalation.OpTrigger, 1))
	until("the headline", accepted(escalation.OpPost, 1))
	_, err := n.desk.Acknowledge(t.Context(), n.by(), inc.ID)
	require.NoError(t, err)
	until("its acknowledgement", accepted(escalation.OpAcknowledge, 1))
	until("the new headline", accepted(escalation.OpUpdate, 1))
	_, err = n.desk.Resolve(t.Context(), n.by(), inc.ID, "rolled back")
	require.NoError(t, err)
	until("its end", accepted(escalation.OpResolve, 1))
	until("that all is sent", n.settled)
	if p == "" {
		n.judge().clean(t)
		require.Len(t, n.sinks.pd.list(), 1, "one page")
		return
	}
	if deaths == 0 { // it dies as it writes the last word down
		<-runs.dead
		deaths++
		runs = startLadder(t, n.life())
		until("that all is sent", n.settled)
	}
	require.Equal(t, 1, deaths)
	n.judge().clean(t)
	require.Len(t, n.sinks.pd.list(), 1, "one page")
}
