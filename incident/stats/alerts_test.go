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
		{ID: "INC-5", Status: incident.StatusResolved, MergedInto: "INC-2"},
	}
	firings := []stats.Firing{
		{Name: "Slow", Incident: "INC-1", Began: at, Ended: at.Add(time.Minute)},
		{Name: "Slow", Incident: "INC-2", Began: at.Add(9 * time.Hour), Ended: at.Add(9*time.Hour + 3*time.Minute)},
		{Name: "Slow", Incident: "INC-3", Began: at},
		{Name: "Slow", Incident: "INC-4", Began: at},
		{Name: "Slow", Flapping: true, Began: at},
		{Name: "HighCPU", Began: at},
		{Name: "HighCPU", Incident: "INC-1", Mark: stats.Noise, Began: at},
		{Name: "HighCPU", Incident: "INC-5", Began: at},
		{Name: "HighCPU", Incident: "INC-5", Mark: stats.Useful, Began: at},
		{Name: "New", Incident: "INC-3", Began: at},
	}
	got := stats.Precise(firings, map[incident.ID]stats.Verdict{"INC-2": stats.Noise}, incidents, nil)
	require.Equal(t, stats.Precision{
		Name: "Slow", Firings: 5, Attached: 4, Acted: 2, Open: 1, Flapping: 1, Noise: 1, Night: 4, Judged: 3, Worth: 2, Samples: 2, Median: 2 * time.Minute, Ended: 2,
	}, got[0], "the one that was only listed woke nobody: it is not judged")
	require.Equal(t, stats.Precision{Name: "HighCPU", Firings: 4, Attached: 3, Acted: 1, Noise: 2, Useful: 1, Night: 4, Judged: 3, Worth: 1, Samples: 2}, got[1],
		"a mark beats what the incident says, and one of its own that of the storm")
	_, known := got[0].Share()
	require.False(t, known, "two of three is no percentage")
	require.Zero(t, got[2].Judged, "what is open is not judged")

	night := stats.Precise(firings, nil, incidents, time.FixedZone("east", 5*3600))
	require.Equal(t, 0, night[0].Night, "three at night in London is breakfast in the east")
}

// A storm is one reason to wake somebody, however many pods it has.
func TestAStormIsOneSample(t *testing.T) {
	list := make([]stats.Firing, 40)
	for i := range list {
		list[i] = stats.Firing{Name: "PodDown", Incident: "INC-1"}
	}
	p := stats.Precise(list, nil, []incident.Incident{{ID: "INC-1", Status: incident.StatusResolved}}, nil)[0]
	require.Equal(t, []int{40, 1}, []int{p.Judged, p.Samples})
	_, known := p.Share()
	require.False(t, known)
	require.False(t, p.MostlyNoise())
}

func TestMostlyNoise(t *testing.T) {
	for _, c := range []struct {
		worth, judged int
		known, mostly bool
	}{{0, 0, false, false}, {0, 4, false, false}, {0, 5, true, true}, {1, 5, true, false}, {1, 9, true, true}, {4, 9, true, false}, {45, 100, true, false}, {39, 100, true, true}, {100, 100, true, false}} {
		p := stats.Precision{Worth: c.worth, Judged: c.judged, Samples: c.judged}
		_, known := p.Share()
		require.Equal(t, c.known, known, "%d of %d", c.worth, c.judged)
		require.Equal(t, c.mostly, p.MostlyNoise(), "%d of %d", c.worth, c.judged)
	}
}
