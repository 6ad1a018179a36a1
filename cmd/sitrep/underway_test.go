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
	elsewhere := "CH-4 pay-slow goes on elsewhere since " + clock(3*time.Minute) + " (ctrl+x or sitrep chaos halt ends it)"
	never := time.Time{}
	require.Equal(t, []string{
		"LT-1 smoke ended at " + clock(7*time.Minute) + ", 7m0s ago; it began at " + clock(8*time.Minute),
		"CH-3 pay-slow ended at " + clock(9*time.Minute) + ", 9m0s ago; it began at " + clock(12*time.Minute),
		elsewhere,
	}, textsFor(list, "pay", never, now))
	goesOn := "CH-4 pay-slow goes on since " + clock(3*time.Minute) + " (ctrl+x or sitrep chaos halt ends it)"
	require.Equal(t, []string{goesOn}, textsFor(list, "cart", never, now))
	require.Equal(t, goesOn, textsFor(list, "", never, now)[0], "nobody knows the service")
	require.Equal(t, []string{elsewhere}, textsFor(list, "search", never, now))
	require.Equal(t, []string{goesOn}, runsBeside(db)(t.Context(), incident.Incident{Service: "cart"}))
	require.Empty(t, runsBeside(nil)(t.Context(), incident.Incident{Service: "cart"}))

	load := onPurpose{run: "LT-3", name: "smoke", load: true, from: now}
	require.Equal(t, "LT-3 smoke goes on since "+clock(0)+" (ctrl+x or sitrep load stop ends it)", load.text(now, false))
	require.Equal(t, []string{"pay"}, firingServices([]alert.Alert{
		{State: alert.Firing, Labels: map[string]string{"service": "pay"}}, {State: alert.Firing}, {State: "pending", Labels: map[string]string{"service": "cart"}},
	}))
}

// A page says what goes on elsewhere, too, and what did when its service began to hurt: what
// one service is hurt by, those before it feel. What is aimed at the service comes first, and
// what was over before is not why.
func TestWhatGoesOnElsewhereIsNamed(t *testing.T) {
	now := time.Date(2026, 11, 24, 3, 12, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	list := []onPurpose{
		{run: "CH-1", name: "old", services: []string{"search"}, from: ago(9 * time.Minute), to: ago(8 * time.Minute)},
		{run: "CH-2", name: "late", services: []string{"payments"}, from: ago(4 * time.Minute), to: ago(2 * time.Minute)},
		{run: "CH-3", name: "own", services: []string{"checkout"}, from: ago(8 * time.Minute), to: ago(7 * time.Minute)},
		{run: "CH-4", name: "slow", services: []string{"payments", "bank"}, from: ago(time.Minute)},
	}
	require.Equal(t, []string{
		"CH-3 own ended at 03:05:00Z, 7m0s ago; it began at 03:04:00Z",
		"CH-4 slow goes on elsewhere, on payments, bank, since 03:11:00Z (ctrl+x or sitrep chaos halt ends it)",
		"CH-2 late ended elsewhere, on payments, at 03:10:00Z, 2m0s ago; it began at 03:08:00Z",
	}, textsFor(list, "checkout", ago(3*time.Minute), now))
	require.Len(t, textsFor(list, "checkout", time.Time{}, now), 2, "nobody knows since when it hurts")
	require.Equal(t, []string{
		"CH-4 slow goes on since 03:11:00Z (ctrl+x or sitrep chaos halt ends it)", "CH-2 late ended at 03:10:00Z, 2m0s ago; it began at 03:08:00Z",
	}, textsFor(list, "payments", now, now))
	require.Equal(t, ago(3*time.Minute), beganToHurt(incident.Incident{Clocks: incident.Clocks{Detected: ago(3 * time.Minute), Declared: now}}))
	require.Equal(t, now, beganToHurt(incident.Incident{Clocks: incident.Clocks{Declared: now}}))
}
