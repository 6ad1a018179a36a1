package tui

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// runs has the shop's payments-latency go on as CH-6, which this screen has started, as
// the timeline and its reports tell.
func runs(w *pane.World, now time.Time) {
	busy(w, now)
	w.Incidents = nil
	r := w.Chaos.Runs[0]
	r.Run, r.ID, r.Began = "CH-6", "01J", now.Add(-8*time.Second)
	w.Chaos.Runs = []pane.ChaosRun{r}
	pastRuns(w, now)
	w.Chaos.Past = append(w.Chaos.Past, pane.ChaosPast{Run: "CH-6", ID: "01J", Experiment: r.Experiment, By: "alice", Began: r.Began})
}

// over is how that ends.
func over(w *pane.World, now time.Time) {
	score, recovery := 0.25, 4.5
	o := &chaos.Outcome{Run: "CH-6", Verdict: chaos.Deviated, Reason: "errors left its band", Score: &score, RecoverySeconds: &recovery}
	w.Chaos.Runs = []pane.ChaosRun{w.Chaos.Runs[0]}
	w.Chaos.Runs[0].Outcome = o
	past := append([]pane.ChaosPast(nil), w.Chaos.Past...)
	past[len(past)-1].Outcome, past[len(past)-1].Ended = o, now
	w.Chaos.Past = past
}

// The history follows a run that goes on, second by second, and then says how it ended;
// whoever reads about an older one stays there.
func TestTheHistoryFollowsARunThatGoesOn(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) {
			w.Incidents = nil
			pastRuns(w, time.Now())
		})
		p.press("4", "h")
		p.sees("4 of 5 held", "guard errors: 0.08")
		p.world(func(w *pane.World) {
			w.Chaos.Past = nil
			runs(w, time.Now())
		})
		p.sees("4 of 5 held; 1 goes on", "CH-6", "running     CH-6 holding, step 1 of 2, 22 s left of step, 52 s in all; ^X ends and undoes it", "http.latency on payments-1 for 8 s", "errors 0.034 ✗  1 of 3  abort > 0.05")
		p.wait(3 * time.Second)
		p.sees("20 s left of step, 50 s in all", "for 10 s")
		p.press("j")
		p.sees("guard errors: 0.08")
		p.world(func(w *pane.World) { over(w, time.Now()) })
		p.sees("4 of 6 held", "deviated      25%    4.5 s  alice", "guard errors: 0.08")
		p.press("k")
		p.sees("deviated: errors left its band")
		p.seesNot("running")
	})
}

// So does the plan of an experiment that runs: it cannot be started a second time, and
// once the run is over the rules are asked again.
func TestThePlanFollowsARunThatGoesOn(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) { w.Incidents = nil })
		p.press("x", "enter")
		p.asked()
		p.says(pane.Judged{Plan: "experiment  payments-latency\n"})
		p.sees("y start in 3 s")
		p.world(func(w *pane.World) { runs(w, time.Now()) })
		require.Equal(t, []string{"payments-latency"}, p.asked(), "what the rules said is no longer so")
		p.sees("running     CH-6 holding, step 1 of 2, 22 s left of step")
		p.seesNot("y start in")
		p.says(pane.Judged{Refused: "refused R3 one-at-a-time: CH-6 is going on; wait for its end"})
		p.wait(2 * time.Second)
		p.sees("21 s left of step", "refused R3 one-at-a-time")
		p.press("y")
		p.world(func(w *pane.World) { over(w, time.Now()) })
		require.Equal(t, []string{"payments-latency"}, p.asked())
		p.sees("deviated 25%", "asking the targets and the rules")
		p.seesNot("running", "R3")
		p.says(pane.Judged{})
		p.sees("no rule refuses it", "y start in 3 s")
		require.Empty(t, p.desk.taken())
	})
}

// And what enter shows of a run in view 4.
func TestTheTextOfARunFollowsIt(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) { runs(w, time.Now()) })
		p.press("4", "g", "enter")
		p.sees("CH-6 payments-latency", "22 s left of step", "what is done")
		p.wait(2 * time.Second)
		p.sees("20 s left of step")
		p.world(func(w *pane.World) { over(w, time.Now()) })
		p.sees("verdict    deviated: errors left its band", "the steady state was back 4.5 s after the last undo")
		p.press("esc")
	})
}

// A load run is followed too.
func TestTheTextOfALoadRunFollowsIt(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) {
			underFire(w, time.Now())
			w.Incidents, w.Chaos.Runs = nil, nil
		})
		p.press("4", "tab", "enter")
		p.sees("elapsed    2 s, 8 s left")
		p.world(func(w *pane.World) {
			live := *w.Load.Live
			live.Elapsed, live.Remaining = 7*time.Second, 3*time.Second
			w.Load.Live = &live
		})
		p.sees("elapsed    7 s, 3 s left")
	})
}

// A run that the timeline of this store does not tell of is in the history as long as it
// goes on, and one that is refused by another is not counted down.
func TestTheRunOfAnotherIsInTheHistory(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) { others(w, time.Now()) })
		p.press("4", "h")
		p.sees("Runs of payments-latency", "CH-9", "running", "another process", "its runner, process 4711")
		p.press("esc", "x")
		p.wait(time.Second)
		p.press("b")
		p.sees("payments-kill is not started: CH-9 payments-latency goes on", keys.Default().Label(keys.Abort)+" ends it")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
	})
}

// others is a run of payments-latency that another process has started.
func others(w *pane.World, now time.Time) {
	injected := now.Add(-12 * time.Second)
	w.Incidents = nil
	w.Chaos.Runs = []pane.ChaosRun{{
		Run: "CH-9", ID: "01K", Experiment: "payments-latency", Targets: "payments-1, payments-2", Began: now.Add(-20 * time.Second), Ends: now.Add(18 * time.Second),
		Said: "started by another process", Holder: "its runner, process 4711", Last: chaos.Report{Run: "CH-9", Experiment: "payments-latency", Phase: chaos.Holding, Text: "started by another process"},
		Faults: []chaos.FaultOutcome{
			{ID: "a", Kind: "http.latency", Target: "payments-1", Tier: chaos.TierKernel, InjectedAt: &injected},
			{ID: "b", Kind: "http.latency", Target: "payments-2", Tier: chaos.TierKernel, InjectedAt: &injected},
		},
	}}
	x := w.Chaos.Experiments[0]
	x.SteadyState = []chaos.Probe{{Name: "storefront p95", Expect: chaos.Condition{Op: "<", Value: 0.4}}}
	w.Chaos.Experiments = []chaos.Experiment{x, w.Chaos.Experiments[1]}
}

// Of a run of another process view 4 says who has it and how it ends, and shows no
// values that nobody here sees.
func TestTheRunOfAnotherSaysWhoHasIt(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		got := drawn(still(t, size[0], size[1], []string{"4"}, with(others)))
		for _, text := range []string{"CH-9 payments-latency", "18 s left", "http.latency on payments-1 for 12 s, payments-2 for 12 s", "whose  its runner, process 4711", "ends   ^X here, or sitrep chaos halt", "seen   probes and guards: by that process only"} {
			require.Contains(t, got, text, "%v", size)
		}
		require.NotContains(t, got, "expect < 0.4")
		require.NotContains(t, got, "this terminal")
	}
	left := func(w *pane.World, now time.Time) {
		others(w, now)
		r := &w.Chaos.Runs[0]
		r.Left, r.Holder, r.Ends, r.Said = "its processes are dead", "", time.Time{}, "its processes are dead: sitrep undoes it now"
	}
	got := drawn(still(t, 120, 40, []string{"4"}, with(left)))
	require.Contains(t, got, "its processes are dead: sitrep undoes it now")
	require.NotContains(t, got, "whose")
}

// Whoever leaves is told of each run what becomes of it.
func TestLeavingSaysWhatBecomesOfEachRun(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.world(func(w *pane.World) {
			runs(w, time.Now())
			mine := w.Chaos.Runs[0]
			others(w, time.Now())
			w.Chaos.Runs = append(w.Chaos.Runs, mine)
			w.Load.Run, w.Load.Live = "LT-1", &loadtest.Progress{Remaining: 8 * time.Second}
		})
		p.press("q")
		got := flat(p.screen())
		require.Contains(t, got, "CH-9 payments-latency was started by another process, and goes on (its runner, process 4711 has it).")
		require.Contains(t, got, "CH-6 payments-latency was started here: it is ended and undone, which this screen waits for.")
		require.Contains(t, got, "LT-1 load was started here: it is ended, and kept as aborted.")
		p.seesNot("If this process")
		p.press("n")
		p.world(func(w *pane.World) { w.Load.Others = true })
		p.press("q")
		require.Contains(t, flat(p.screen()), "LT-1 load was started by another process, and goes on.")
		p.press("n")
		p.world(func(w *pane.World) {
			r := w.Chaos.Runs[1]
			r.Last.Phase = chaos.Recovering
			w.Chaos.Runs = []pane.ChaosRun{r}
			w.Load.Live = nil
		})
		p.press("q")
		require.Contains(t, flat(p.screen()), "CH-6 payments-latency was started here and is undone; nobody sees any more whether health returns.")
		p.press("y")
		require.True(t, p.quit)
	})
}
