package stats_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
)

func TestPrecise(t *testing.T) {
	at := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	incidents := []incident.Incident{
		{ID: "INC-1", Status: incident.StatusResolved, Clocks: incident.Clocks{FirstAck: at}},
		{ID: "INC-2", Status: incident.StatusResolved},
		{ID: "INC-3", Status: incident.StatusOpen},
		{ID: "INC-4", Status: incident.StatusResolved, MergedInto: "INC-1"},
	}
	firings := []stats.Firing{
		{Name: "Slow", Incident: "INC-1"},
		{Name: "Slow", Incident: "INC-2"},
		{Name: "Slow", Incident: "INC-3"},
		{Name: "Slow", Incident: "INC-4"},
		{Name: "Slow", Flapping: true},
		{Name: "HighCPU"},
		{Name: "New", Incident: "INC-3"},
	}
	got := stats.Precise(firings, []string{"Slow", "Gone", "HighCPU", "HighCPU"}, incidents)
	require.Equal(t, stats.Precision{Name: "Slow", Firings: 5, Acted: 2, Open: 1, Listed: 1, Flapping: 1, Noise: 1}, got[0])
	share, known := got[0].Share()
	require.True(t, known)
	require.InDelta(t, 0.25, share, 1e-9)
	require.Equal(t, 1, got[1].Noise, "never more than it fired")
	share, known = got[1].Share()
	require.True(t, known)
	require.Zero(t, share)
	_, known = got[2].Share()
	require.False(t, known, "what is open is not decided")
}
