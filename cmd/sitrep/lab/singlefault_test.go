package lab

import (
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// told are the requests of an operation that arrived at a sink.
func (n *night) told(sink, operation string) []arrival {
	return slices.DeleteFunc(n.sinks.arrivals(), func(a arrival) bool { return a.Sink != sink || a.Operation != operation })
}

func (n *night) until(what string, done func() bool) {
	n.t.Helper()
	require.Eventually(n.t, done, soon, 20*time.Millisecond, what)
}

// said are the texts of the events of a kind.
func (n *night) said(id incident.ID, kind incident.Kind) (texts []string) {
	events, err := n.db.Timeline(n.t.Context(), id)
	require.NoError(n.t, err)
	for _, e := range events {
		if e.Kind == kind {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// Another program holds the store's lock for twenty seconds, twice as long as
// anybody waits for it, and a rung comes due meanwhile. Whoever runs the ladder
// says so, loses nothing, and calls when the store is free.
func TestTheStoreIsLocked(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	p := startLadder(t, n.life())
	defer p.kill()
	n.declare(0, incident.Sev1, nightPolicy(t, 0, "4s", "5s"))
	n.until("the first page", func() bool { return len(n.told("pagerduty:first0", "trigger")) == 1 })
	n.until("that it is written down", func() bool {
		return slices.ContainsFunc(n.messages("INC-1"), func(m escalation.Message) bool {
			return m.Operation == escalation.OpTrigger && m.State == escalation.Accepted
		})
	})

	raw, err := sql.Open("sqlite", "file:"+n.path+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	require.NoError(t, err)
	defer func() { require.NoError(t, raw.Close()) }()
	other, err := raw.Begin()
	require.NoError(t, err)
	time.Sleep(20 * time.Second) // that is the fault
	require.Empty(t, n.told("pagerduty:second0", "trigger"), "nothing goes out that is not written down")
	require.Len(t, n.told("pagerduty:first0", "trigger"), 1)
	require.True(t, slices.ContainsFunc(notesOf(t, n.path), func(line string) bool {
		return strings.HasPrefix(line, "problem") && strings.Contains(line, "store "+n.path)
	}), "%q", notesOf(t, n.path))
	require.NoError(t, other.Rollback())

	n.until("the page that came due", func() bool { return len(n.told("pagerduty:second0", "trigger")) == 1 })
	_, err = n.desk.Resolve(t.Context(), n.by(), "INC-1", "rolled back")
	require.NoError(t, err)
	n.until("that all is sent", n.settled)
	n.judge().clean(t)
}

// Whoever holds the ladder is stopped in the middle of a request, for longer than
// the lease. Another one takes over; the stopped one, let go, sends nothing and
// writes nothing any more.
func TestTheHolderIsStopped(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	n.sinks.script(func(a arrival) fate {
		if a.Operation == "trigger" {
			return takenHung
		}
		return fine
	})
	old := startLadder(t, n.life())
	defer old.kill()
	inc := n.declare(0, incident.Sev1, nightPolicy(t, 0, "1h", "2h"))
	n.until("the page is on the wire", func() bool { return len(n.told("pagerduty:first0", "trigger")) == 1 })
	n.until("nothing else is", func() bool {
		return slices.ContainsFunc(n.messages(inc.ID), func(m escalation.Message) bool {
			return m.Operation == escalation.OpPost && m.State == escalation.Accepted
		})
	})
	n.until("it is stopped outside a transaction", func() bool { return n.stopped(old) })
	n.sinks.script(nil)
	heir := startLadder(t, n.life())
	defer heir.kill()
	n.until("the heir sends it", func() bool { return len(n.told("pagerduty:first0", "trigger")) == 2 })
	_, err := n.desk.Acknowledge(t.Context(), n.by(), inc.ID)
	require.NoError(t, err)
	n.until("that all is sent", n.settled)

	before, last := len(n.sinks.arrivals()), events(n, inc.ID)
	old.signal(syscall.SIGCONT)
	time.Sleep(2 * hasty().LeaseTTL) // for what must not happen
	require.Len(t, n.sinks.arrivals(), before, "nothing is sent")
	require.Equal(t, last, events(n, inc.ID), "nothing is written")
	lease, err := n.db.Lease(t.Context())
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint("child ", heir.cmd.Process.Pid), lease.Owner)

	_, err = n.desk.Resolve(t.Context(), n.by(), inc.ID, "rolled back")
	require.NoError(t, err)
	n.until("that all is sent", n.settled)
	for _, a := range n.sinks.arrivals()[before:] {
		require.Equal(t, strconv.Itoa(heir.cmd.Process.Pid), a.Process)
	}
	n.judge().clean(t)
}

// stopped stops a process, unless that is within a transaction: then it keeps the
// store locked, which nobody can mend, and is let go again.
func (n *night) stopped(p *ladder) bool {
	n.t.Helper()
	p.signal(syscall.SIGSTOP)
	raw, err := sql.Open("sqlite", "file:"+n.path+"?_pragma=busy_timeout(250)&_txlock=immediate")
	require.NoError(n.t, err)
	defer func() { require.NoError(n.t, raw.Close()) }()
	tx, err := raw.Begin()
	if err != nil {
		p.signal(syscall.SIGCONT)
		return false
	}
	require.NoError(n.t, tx.Rollback())
	return true
}

func events(n *night, id incident.ID) (ids []string) {
	all, err := n.db.Timeline(n.t.Context(), id)
	require.NoError(n.t, err)
	for _, e := range all {
		ids = append(ids, e.ID)
	}
	return ids
}

// threeRungs is a ladder of which two rungs are due after an hour.
const threeRungs = `ladders:
  default:
    - {level: L1, respond_within: 5m, escalate_after: 15m, until: acknowledged, notify: ["pagerduty:first0", "slack:#night0"]}
    - {level: L2, respond_within: 15m, escalate_after: 30m, until: resolved, notify: ["pagerduty:first1"]}
    - {level: L3, respond_within: 30m, until: resolved, notify: ["pagerduty:first2"]}
`

// calledAt is an incident whose first rung a process called that is dead now, by a
// clock that showed another time.
func (n *night) calledAt(at time.Time, queue ...escalation.Message) incident.Incident {
	p, err := escalation.LoadPolicy("night.yaml", []byte(threeRungs))
	require.NoError(n.t, err)
	by := n.by()
	by.At = at
	inc, err := n.desk.Declare(n.t.Context(), by, "", incident.Declaration{Title: "Checkout 5xx", Severity: incident.Sev1, Policy: p.Frozen("")})
	require.NoError(n.t, err)
	now := time.Now()
	lease, err := n.db.Take(n.t.Context(), "dead", now, time.Second)
	require.NoError(n.t, err)
	call := incident.Escalation{Level: "L1", Round: 1, Reason: escalation.ReasonDeclared, Severity: incident.Sev1}
	for i := range queue {
		queue[i].Incident = inc.ID
	}
	require.NoError(n.t, n.db.Turn(n.t.Context(), lease, now, inc.ID, func(escalation.Case) (escalation.Decision, error) {
		return escalation.Decision{
			Events: []incident.Event{{Incident: inc.ID, At: at, Kind: incident.EscalationEntered, Actor: incident.Sitrep, Data: incident.Payload(call)}},
			Queue:  queue, Looked: true, Next: at.Add(5 * time.Minute), Told: inc.Seq + 1,
			Health: []escalation.SinkHealth{{Sink: "pagerduty:first0", Refilled: at, Until: at.Add(time.Minute), Failures: 3, Broken: true}},
		}, nil
	}))
	return inc
}

// The machine sleeps for three hours while an incident climbs: one rung is called
// when it wakes, and the timeline says how late that is.
func TestTheMachineSleptForThreeHours(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	inc := n.calledAt(time.Now().Add(-3 * time.Hour))
	p := startLadder(t, n.life())
	defer p.kill()
	n.until("the next rung", func() bool { return len(n.told("pagerduty:first1", "trigger")) == 1 })
	n.until("that all is sent", n.settled)
	time.Sleep(2 * hasty().Audit) // for what must not happen
	require.Empty(t, n.told("pagerduty:first2", "trigger"), "not two rungs at once")
	entered := n.said(inc.ID, incident.EscalationEntered)
	require.Len(t, entered, 2)
	require.Contains(t, entered[1], "late by 2h45m")
	n.judge().clean(t)
}

// The clock is set back by an hour: the page that was to be tried again in a
// minute is not put off until that hour has come again.
func TestTheClockGoesBackAnHour(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	at := time.Now().Add(time.Hour)
	inc := n.calledAt(at, escalation.Message{
		ID: "01K0000000000000000000000A", Stream: "pagerduty:first0/k", Sink: "pagerduty:first0", Operation: escalation.OpTrigger, Level: "L1", Round: 1, DedupKey: "k",
		State: escalation.Pending, QueuedAt: at, NotBefore: at.Add(time.Minute), Attempts: 1, Payload: incident.Payload(escalation.Content{Page: escalation.PageCritical}),
	})
	p := startLadder(t, n.life())
	defer p.kill()
	n.until("the page", func() bool { return len(n.told("pagerduty:first0", "trigger")) == 1 })
	n.until("that it is said", func() bool { return len(n.said(inc.ID, incident.ClockSetBack)) == 1 })
	_, err := n.desk.Resolve(t.Context(), n.by(), inc.ID, "rolled back")
	require.NoError(t, err)
	n.until("that all is sent", n.settled)
	n.judge().clean(t)
}
