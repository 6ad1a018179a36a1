package main

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// An item is closed by the first run of its experiment that holds after it was asked
// for, whoever records it and however often; a run that was recorded by a sitrep which
// died before its items closes them with the next run of anything.
func TestARunThatHoldsClosesItsItem(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := store.Open(ctx, filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	start := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	by := incident.By{Actor: "ana", Source: "cli", At: start}
	desk := incident.NewDesk(db)
	inc, err := desk.Declare(ctx, by, "", incident.Declaration{Title: "Checkout slow", Severity: incident.Sev1})
	require.NoError(t, err)
	for _, text := range []string{"give the pool a timeout", "something else"} {
		_, err = desk.AddItem(ctx, by, inc.ID, text, "bob", time.Time{})
		require.NoError(t, err)
	}
	r := &recorder{db: db, by: incident.By{Actor: incident.Sitrep, Source: "chaos"}, freeze: func() json.RawMessage { return nil }}
	report := func(run, experiment string, verdict chaos.Verdict, minute int) chaos.Report {
		return chaos.Report{Run: run, ID: run + "-id", Experiment: experiment, Kind: chaos.KindFinished, At: start.Add(time.Duration(minute) * time.Minute), Outcome: &chaos.Outcome{Run: run, Verdict: verdict}}
	}
	items := func() []incident.OpenItem {
		inc, err := db.Incident(ctx, inc.ID)
		require.NoError(t, err)
		return inc.Items
	}
	require.NoError(t, r.chaos(ctx, report("CH-1", "payments-latency", chaos.Held, 1)))
	by.At = start.Add(5 * time.Minute)
	_, err = desk.ChangeItem(ctx, by, inc.ID, incident.ItemChange{Item: "AI-1", Proof: new("payments-latency")})
	require.NoError(t, err)
	require.NoError(t, r.chaos(ctx, report("CH-2", "payments-latency", chaos.Deviated, 6)))
	require.NoError(t, r.chaos(ctx, report("CH-3", "other", chaos.Held, 7)))
	require.True(t, items()[0].Closed.IsZero(), "held before it was asked for, deviated, or another one")

	held := report("CH-4", "payments-latency", chaos.Held, 8) // its recorder dies before the items
	_, err = db.Append(ctx, incident.Event{At: held.At, Kind: incident.ChaosFinished, Actor: incident.Sitrep, Data: incident.Payload(held)})
	require.NoError(t, err)
	require.NoError(t, r.chaos(ctx, report("CH-5", "other", chaos.Held, 9)))
	require.NoError(t, r.chaos(ctx, report("CH-5", "other", chaos.Held, 9)))
	require.Equal(t, "CH-4", items()[0].Run)
	require.False(t, items()[0].Closed.IsZero())
	require.True(t, items()[1].Closed.IsZero())
	events, err := db.Timeline(ctx, inc.ID)
	require.NoError(t, err)
	require.Equal(t, "AI-1 done: give the pool a timeout (CH-4 payments-latency held)", events[len(events)-1].Text)
}
