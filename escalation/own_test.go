package escalation_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// engineOn is an engine whose every sink is the same one.
func (w *world) engineOn(s *sink, owner string) *escalation.Engine {
	senders := map[string]escalation.Sender{}
	for _, kind := range []string{"pagerduty", "slack", "webhook", "command", "statuspage"} {
		senders[kind] = s
	}
	return escalation.New(escalation.Config{
		Book: w.store, Leases: w.store, Timeline: w.store, Install: "test0000", Owner: owner, Senders: senders,
		Rand: func() float64 { return 0.5 },
	})
}

// tell lets an engine do all that is due.
func (w *world) tell(e *escalation.Engine) {
	require.NoError(w.t, e.Deliver(w.t.Context(), 5*time.Second))
}

func (w *world) declared(p escalation.Policy, sev incident.Severity) incident.ID {
	inc, err := w.desk.Declare(w.t.Context(), w.now("ana"), "", incident.Declaration{Title: "Checkout 5xx", Severity: sev, Policy: p.Frozen("")})
	require.NoError(w.t, err)
	return inc.ID
}

func (w *world) now(who incident.Person) incident.By {
	return incident.By{Actor: who, Source: "test", At: time.Now()}
}

// A sink of one's own is paged as PagerDuty is, and told of the end by the key
// of the page.
func TestPagesToSinksOfOnesOwn(t *testing.T) {
	p, err := escalation.LoadPolicy("p.yaml", []byte(`ladders:
  default: [{level: L1, respond_within: 1m, until: acknowledged, notify: ["webhook:ops", "command:call"]}]
`))
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.engineOn(w.pd, "one")
		id := w.declared(p, incident.Sev1)
		w.tell(e)
		pages := w.pd.calls(escalation.OpTrigger)
		require.Len(t, pages, 2)
		keys := map[string]string{} // by sink: they are asked at once, in any order
		for _, page := range pages {
			keys[page.m.Sink] = page.m.DedupKey
		}
		require.Len(t, keys, 2)
		require.NotEqual(t, keys["webhook:ops"], keys["command:call"])
		_, err := w.desk.Acknowledge(t.Context(), w.now("bob"), id)
		require.NoError(t, err)
		w.tell(e)
		_, err = w.desk.Resolve(t.Context(), w.now("bob"), id, "rolled back")
		require.NoError(t, err)
		w.tell(e)
		for _, op := range []escalation.Operation{escalation.OpAcknowledge, escalation.OpResolve} {
			ends := w.pd.calls(op)
			require.Len(t, ends, 2, op)
			for _, end := range ends {
				require.Equal(t, keys[end.m.Sink], end.m.DedupKey)
			}
		}
	})
}

// A command that was killed is run again; nothing of it can come late, so its
// end is told once.
func TestACommandIsEndedOnce(t *testing.T) {
	p, err := escalation.LoadPolicy("p.yaml", []byte(`ladders:
  default: [{level: L1, respond_within: 1h, until: acknowledged, notify: ["command:call", "webhook:ops"]}]
`))
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.answer(escalation.Outcome{}, escalation.Outcome{})
		e := w.engineOn(w.pd, "one")
		id := w.declared(p, incident.Sev1)
		w.tell(e)
		_, err := w.desk.Resolve(t.Context(), w.now("bob"), id, "rolled back")
		require.NoError(t, err)
		for range 10 {
			time.Sleep(time.Minute)
			w.tell(e)
		}
		require.Len(t, w.pd.calls(escalation.OpTrigger), 4)
		ends := map[string]int{}
		for _, c := range w.pd.calls(escalation.OpResolve) {
			ends[c.m.Sink]++
		}
		require.Equal(t, map[string]int{"command:call": 1, "webhook:ops": 2}, ends)
	})
}
