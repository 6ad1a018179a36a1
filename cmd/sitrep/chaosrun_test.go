package main

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// A run on the screen is the sum of its reports; what was published is left alone.
func TestARunIsTheSumOfItsReports(t *testing.T) {
	now, v := time.Unix(1000, 0), 0.4
	ref := chaos.FaultRef{ID: "a", Kind: "net.drop", Target: "db", Tier: chaos.TierKernel}
	var runs []pane.ChaosRun
	say := func(r chaos.Report) pane.ChaosRun {
		r.Run, r.ID, r.Experiment, r.At = "CH-1", "01J", "db-away", now
		runs = withReport(runs, r, "db")
		return runs[0]
	}
	begun := say(chaos.Report{Kind: chaos.KindStarted, Faults: []chaos.FaultRef{ref}, Text: "db-away on db"})
	require.Nil(t, begun.Faults[0].InjectedAt)
	say(chaos.Report{Kind: chaos.KindInjected, Fault: &ref, Text: "done", Rest: chaos.Seconds(40 * time.Second), Remaining: chaos.Seconds(20 * time.Second)})
	require.Nil(t, begun.Faults[0].InjectedAt, "it was published")
	asks := say(chaos.Report{Kind: chaos.KindConfirm, Text: "confirm within 10s"})
	require.Equal(t, "confirm within 10s", asks.Asks)
	require.Equal(t, now.Add(10*time.Second), asks.AskedTill)

	say(chaos.Report{Kind: chaos.KindProbe, Sample: &chaos.Sample{Name: "errors", Value: &v, OK: false, Limit: "< 0.01"}})
	both := say(chaos.Report{Kind: chaos.KindGuard, Rest: chaos.Seconds(39 * time.Second), Sample: &chaos.Sample{Name: "errors", OK: true, Limit: "> 0.9", For: 3}})
	require.Equal(t, "< 0.01", both.Samples["probe errors"].Limit, "a guard of the same name is another thing")
	require.True(t, both.Samples["guard errors"].OK)
	require.True(t, math.IsNaN(both.Trail["guard errors"][0]))
	require.Equal(t, "confirm within 10s", both.Said, "what was measured is not said")
	require.Equal(t, now.Add(39*time.Second), both.Over)
	require.Equal(t, "confirm within 10s", both.Asks)
	require.Empty(t, say(chaos.Report{Kind: chaos.KindConfirmed}).Asks)
	for range 3 * trailLength {
		say(chaos.Report{Kind: chaos.KindProbe, Sample: &chaos.Sample{Name: "errors", Value: &v}})
	}
	require.Len(t, runs[0].Trail["probe errors"], trailLength)
	gone := say(chaos.Report{Kind: chaos.KindUndone, Fault: &ref})
	require.Equal(t, now, *gone.Faults[0].GoneAt)
}

func TestAnotherProcessesRunIsWhatItsJournalTells(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	fault := chaos.FaultOutcome{ID: "a", Kind: "http.latency", Target: "payments-1", Tier: chaos.TierCarried}
	for _, c := range []struct {
		want   chaos.Phase
		change func(o *chaos.OpenRun)
	}{
		{chaos.Baseline, func(o *chaos.OpenRun) { o.Faults = nil }},
		{chaos.Injecting, func(*chaos.OpenRun) {}},
		{chaos.Holding, func(o *chaos.OpenRun) { o.Faults[0].InjectedAt = &at }},
		{chaos.Undoing, func(o *chaos.OpenRun) { o.Faults[0].InjectedAt, o.Undoing = &at, true }},
		{chaos.Recovering, func(o *chaos.OpenRun) { o.Faults[0].InjectedAt, o.Faults[0].GoneAt = &at, &at }},
	} {
		o := chaos.OpenRun{Run: "CH-2", Live: true, Faults: []chaos.FaultOutcome{fault}}
		c.change(&o)
		require.Equal(t, c.want, otherRun(o).Last.Phase)
		require.Equal(t, o.Faults, otherRun(o).Faults)
	}
}

func TestWhatStandsInTheWayIsARefusal(t *testing.T) {
	require.Equal(t, "refused R2 halt: no; later", judgedNow(chaos.Preview{Refused: chaos.Refuse("halt", "later", "no")}, nil).Refused)
	require.Equal(t, "nobody answers", judgedNow(chaos.Preview{}, errors.New("nobody answers")).Refused)
	j := judgedNow(chaos.Preview{Text: "plan", Confirm: "env=prod"}, nil)
	require.Equal(t, "plan", j.Plan)
	require.Equal(t, "env=prod", j.Confirm)
	require.Empty(t, j.Refused)
}

// What the timeline tells of runs: who began it, how it ended; a run whose end nobody
// recorded, and one that was refused, stay in view.
func TestPastRunsAreAFoldOfTheTimeline(t *testing.T) {
	p := &pastRuns{at: map[string]int{}}
	learn := func(kind incident.Kind, r chaos.Report) bool {
		return p.learn(&incident.Event{Kind: kind, Actor: "ana", At: time.Unix(1000, 0), Data: incident.Payload(r)})
	}
	score := 0.5
	require.True(t, learn(incident.ChaosStarted, chaos.Report{ID: "a", Run: "CH-1", Experiment: "x"}))
	require.False(t, learn(incident.ChaosInjected, chaos.Report{ID: "a", Run: "CH-1", Experiment: "x"}))
	require.True(t, learn(incident.ChaosStarted, chaos.Report{ID: "b", Run: "CH-2", Experiment: "x"}))
	require.True(t, learn(incident.ChaosFinished, chaos.Report{ID: "a", Run: "CH-1", Experiment: "x", Outcome: &chaos.Outcome{Verdict: chaos.Held, Score: &score}}))
	require.True(t, learn(incident.ChaosFinished, chaos.Report{ID: "c", Run: "CH-3", Experiment: "x", Outcome: &chaos.Outcome{Verdict: chaos.Refused}}))
	require.False(t, p.learn(&incident.Event{Kind: incident.ChaosFinished, Data: []byte(`"damaged"`)}))
	require.Len(t, p.list, 3)
	require.Equal(t, "ana", p.list[0].By)
	require.Equal(t, []string{"held", "unknown", "refused"}, []string{p.list[0].Verdict(), p.list[1].Verdict(), p.list[2].Verdict()})
	scores, _ := pane.Trends(p.list)
	require.Equal(t, []float64{0.5}, scores, "what never began has no score")
	require.Equal(t, "x: 1 of 1 held; 1 refused, 1 unknown  score ▁", trendOf("x", p.list))
	require.Len(t, p.newest(2), 2)
}
