package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/store"
)

// What goes on on purpose is told where it may hurt, and for ten minutes after its end.
func TestWhatGoesOnOnPurpose(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	defer db.Close()
	now := time.Now()
	say := func(ago time.Duration, kind incident.Kind, text string, data any) {
		_, err := db.Append(t.Context(), incident.Event{At: now.Add(-ago), Kind: kind, Actor: "ana", Source: "cli", Text: text, Data: incident.Payload(data)})
		require.NoError(t, err)
	}
	chaosRun := func(ago time.Duration, kind incident.Kind, run, id, text string, services ...string) {
		say(ago, kind, text, chaos.Report{Run: run, ID: id, Experiment: "pay-slow", Services: services})
	}
	chaosRun(50*time.Minute, incident.ChaosStarted, "CH-1", "a", "", "pay") // ended long ago
	chaosRun(40*time.Minute, incident.ChaosFinished, "CH-1", "a", "")
	chaosRun(2*time.Hour, incident.ChaosStarted, "CH-2", "b", "", "pay") // no end is known, and no run is so long
	chaosRun(12*time.Minute, incident.ChaosStarted, "CH-3", "c", "", "pay")
	chaosRun(9*time.Minute, incident.ChaosFinished, "CH-3", "c", "")
	chaosRun(3*time.Minute, incident.ChaosStarted, "CH-4", "d", "begins on cart-1") // of an earlier sitrep
	chaosRun(time.Minute, incident.ChaosFinished, "CH-5", "e", "")                  // refused
	say(8*time.Minute, incident.LoadStarted, "", map[string]any{"run": "LT-1", "plan": "smoke", "service": "pay"})
	say(7*time.Minute, incident.LoadAborted, "", map[string]any{"run": "LT-1", "plan": "smoke"})
	say(6*time.Minute, incident.LoadStarted, "", map[string]any{"run": "LT-2", "plan": "smoke", "service": "pay"}) // its process died

	list, err := runsOnPurpose(t.Context(), db, now)
	require.NoError(t, err)
	clock := func(ago time.Duration) string { return now.Add(-ago).UTC().Format("15:04:05Z") }
	require.Equal(t, []string{
		"LT-1 smoke ended at " + clock(7*time.Minute) + ", 7m0s ago; it began at " + clock(8*time.Minute),
		"CH-3 pay-slow ended at " + clock(9*time.Minute) + ", 9m0s ago; it began at " + clock(12*time.Minute),
	}, textsFor(list, "pay", now))
	goesOn := "CH-4 pay-slow goes on since " + clock(3*time.Minute) + " (ctrl+x or sitrep chaos halt ends it)"
	require.Equal(t, []string{goesOn}, textsFor(list, "cart", now))
	require.Equal(t, goesOn, textsFor(list, "", now)[0], "nobody knows the service")
	require.Empty(t, textsFor(list, "search", now))
	require.Equal(t, []string{goesOn}, runsBeside(db)(t.Context(), incident.Incident{Service: "cart"}))
	require.Empty(t, runsBeside(nil)(t.Context(), incident.Incident{Service: "cart"}))

	load := onPurpose{run: "LT-3", name: "smoke", load: true, from: now}
	require.Equal(t, "LT-3 smoke goes on since "+clock(0)+" (ctrl-C where it was started, or ctrl+x on that screen, ends it)", load.text(now))
	require.Equal(t, []string{"pay"}, firingServices([]alert.Alert{
		{State: alert.Firing, Labels: map[string]string{"service": "pay"}}, {State: alert.Firing}, {State: "pending", Labels: map[string]string{"service": "cart"}},
	}))
}
