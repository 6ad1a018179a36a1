package incident_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

// An item that waits for an experiment is closed by a run that held, once, and its
// run is named; without one only a person closes it.
func TestAnItemIsProved(t *testing.T) {
	at := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	by := incident.By{Actor: "ana", Source: "cli", At: at}
	d, err := incident.Declare(by, "INC-1", incident.Declaration{Title: "Checkout slow", Severity: incident.Sev1})
	require.NoError(t, err)
	inc := incident.Fold(d)
	apply := func(events []incident.Event, err error) {
		require.NoError(t, err)
		for _, e := range events {
			inc = inc.Apply(e)
		}
	}
	apply(inc.AddItem(by, "give the pool a timeout", "bob", time.Time{}))
	_, ok := inc.ProveItem(by, "AI-1", "CH-7")
	require.False(t, ok, "it waits for nothing")
	name := " payments-latency "
	events, err := inc.ChangeItem(by, incident.ItemChange{Item: "ai-1", Proof: &name})
	require.Equal(t, "AI-1 done when payments-latency holds", events[0].Text)
	apply(events, err)
	require.Equal(t, at, inc.Items[0].Asked)
	_, ok = inc.ProveItem(by, "AI-9", "CH-7")
	require.False(t, ok)
	events, ok = inc.ProveItem(by, "AI-1", "CH-7")
	require.True(t, ok)
	require.Equal(t, "AI-1 done: give the pool a timeout (CH-7 payments-latency held)", events[0].Text)
	apply(events, nil)
	require.Equal(t, "CH-7", inc.Items[0].Run)
	require.False(t, inc.Items[0].Closed.IsZero())
	_, ok = inc.ProveItem(by, "AI-1", "CH-8")
	require.False(t, ok)
	_, err = inc.ChangeItem(by, incident.ItemChange{Item: "AI-1", Proof: new("other")})
	require.ErrorIs(t, err, incident.ErrTooLate)
}

// What was promised after an incident like this one and is not done is named, the
// oldest first; what only the service has in common is not, nor what was done, or
// promised since.
func TestWhatWasPromisedBefore(t *testing.T) {
	at := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	item := func(name string, days int, done bool) incident.OpenItem {
		it := incident.OpenItem{Item: incident.Item{Item: name}, Added: at.AddDate(0, 0, -days)}
		if done {
			it.Closed = at
		}
		return it
	}
	alert := map[string]string{"alertname": "HighErrorRate"}
	past := func(id incident.ID, labels map[string]string, drill bool, items ...incident.OpenItem) incident.Incident {
		return incident.Incident{ID: id, Service: "checkout", Labels: labels, Drill: drill, Items: items, Status: incident.StatusClosed}
	}
	inc := incident.Incident{ID: "INC-9", Service: "checkout", Labels: alert, Clocks: incident.Clocks{Declared: at}}
	all := []incident.Incident{
		past("INC-1", alert, false, item("AI-1", 10, false), item("AI-2", 40, false), item("AI-3", 40, true), item("AI-4", -1, false)),
		past("INC-2", nil, false, item("AI-1", 90, false)),
		past("INC-3", alert, true, item("AI-1", 90, false)),
		past("INC-4", nil, false, item("AI-1", 60, false)),
	}
	var got []string
	for _, p := range incident.Promises(inc, inc.Related(all, map[incident.ID][]string{"INC-4": {"pool", "full"}})) {
		got = append(got, string(p.Incident)+" "+p.Item.Item.Item+" "+p.Why)
	}
	require.Equal(t, []string{"INC-4 AI-1 same words pool, full", "INC-1 AI-2 same alert HighErrorRate with the same labels", "INC-1 AI-1 same alert HighErrorRate with the same labels"}, got)
}
