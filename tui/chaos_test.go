package tui

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// says gives the rules' word on payments-latency.
func (p *player) says(j pane.Judged) {
	j.At = time.Now()
	p.world(func(w *pane.World) { w.Chaos.Judged = map[string]pane.Judged{"payments-latency": j} })
}

// asked are the experiments that the rules were asked about since the last call.
func (p *player) asked() (names []string) {
	p.desk.mu.Lock()
	defer p.desk.mu.Unlock()
	for _, o := range p.desk.orders {
		if j, is := o.(pane.JudgeChaos); is {
			names = append(names, j.Names...)
		}
	}
	p.desk.orders = nil
	return names
}

func TestThePickerSaysWhatWouldBeRefused(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("x")
		require.Equal(t, []string{"payments-latency", "payments-kill"}, p.asked())
		p.sees("Asking the rules about 2 of them", "never run")
		p.says(pane.Judged{Refused: "refused R4 incident: INC-204 SEV-1 is open; resolve it first"})
		p.sees("refused R4 incident", "INC-204 SEV-1 is open; resolve it first", "Asking the rules about 1 of them")
		p.wait(time.Second)
		p.press("a")
		p.sees("payments-latency: refused R4 incident: INC-204 SEV-1 is open; resolve it first")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
	})
}

func TestThePlanComesBeforeTheRun(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("x", "enter")
		p.sees("Plan of payments-latency", "asking the targets and the rules")
		p.seesNot("y start")
		p.says(pane.Judged{Plan: "experiment  payments-latency\nstep 1      http.latency for 30s\n  undo      DELETE \x1b[2J\n"})
		p.sees("no rule refuses it", "step 1", "http.latency for 30s", "y start in 3 s")
		p.wait(time.Second)
		p.press("enter")
		p.seesNot("Plan of")
		p.press("x", "enter")
		p.says(pane.Judged{Plan: "experiment  payments-latency\n"})
		p.press("y") // too soon after the key before
		p.sees("Plan of payments-latency")
		p.wait(time.Second)
		p.press("y")
		p.sees("in 3 s")
		p.wait(4 * time.Second)
		require.Equal(t, []pane.Order{pane.StartChaos{Name: "payments-latency"}}, p.desk.taken())
	})
}

// Enter in the view of actions leads to the plan too, and tab to the runs before.
func TestActionsLeadToThePlan(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		score := 0.8
		p.world(func(w *pane.World) {
			w.Incidents = nil
			w.Chaos.Past = []pane.ChaosPast{{Run: "CH-1", Experiment: "payments-latency", By: "bob", Began: time.Now(), Ended: time.Now(), Outcome: &chaos.Outcome{
				Verdict: chaos.Deviated, Reason: "errors left its band", Score: &score,
			}}}
		})
		p.press("4", "enter")
		p.sees("Plan of payments-latency", "deviated 80%")
		p.press("tab")
		p.sees("Runs of payments-latency", "0 of 1 held", "CH-1", "errors left its band", "bob")
		p.press("tab")
		p.sees("Plan of payments-latency")
		p.press("esc", "h")
		p.sees("Runs of payments-latency")
	})
}

// A run that goes on is told as one, with who has it, and not as one that crashed; a
// refusal has its word once, and what took no time was back at once.
func TestTheHistoryOfARunThatGoesOn(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		began, soon := time.Now(), 0.0
		p.world(func(w *pane.World) {
			w.Incidents = nil
			w.Chaos.Runs = []pane.ChaosRun{{Run: "CH-3", Experiment: "payments-latency", Began: began}}
			w.Chaos.Past = []pane.ChaosPast{
				{Run: "CH-1", Experiment: "payments-latency", By: "ana", Began: began, Ended: began, Outcome: &chaos.Outcome{
					Verdict: chaos.Refused, Reason: "refused R4 incident: INC-1 is open; resolve it first",
				}},
				{Run: "CH-2", Experiment: "payments-latency", By: "ana", Began: began},
				{Run: "CH-3", Experiment: "payments-latency", By: "bob", Began: began},
				{Run: "CH-4", Experiment: "payments-latency", By: "eve", Began: began, Ended: began, Outcome: &chaos.Outcome{Verdict: chaos.Held, RecoverySeconds: &soon}},
			}
		})
		p.press("4", "h")
		p.sees("1 of 1 held; 1 refused, 1 unknown, 1 goes on", "at once")
		p.press("down")
		p.sees("running     CH-3; ^X ends and undoes it", "another process, started by bob")
		p.press("down")
		p.sees("unknown: nobody recorded how it ended: its processes died")
		p.press("down")
		p.sees("refused: R4 incident: INC-1 is open; resolve it first")
		p.press("esc")
		p.world(func(w *pane.World) { w.Chaos.Runs[0].Last.ID = "01J" })
		p.press("h", "down")
		p.sees("running     CH-3")
		p.seesNot("another process")
	})
}

// A file that is no experiment is named, cannot be started, and keeps nobody from the
// others.
func TestABrokenExperimentIsNamed(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) {
			w.Chaos.Experiments = w.Chaos.Experiments[:1]
			w.Chaos.Broken = []pane.BrokenExperiment{{Name: "bad", Error: "bad.yaml:3:51: unknown key \"fase\""}}
		})
		p.press("x")
		p.sees("bad", "broken", "payments-latency")
		p.wait(time.Second)
		p.press("b")
		p.sees("bad cannot be started: bad.yaml:3:51: unknown key")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
		p.press("4")
		p.sees("broken: bad.yaml:3:51: unknown key")
	})
}

// The header says what is left of the step and of the whole run.
func TestTheHeaderSaysWhatIsLeftOfTheRun(t *testing.T) {
	play(t, 200, 60, func(p *player) {
		p.world(func(w *pane.World) { busy(w, time.Now()) })
		p.sees("CH-3 payments-latency 22 s left of step, 52 s in all")
		p.world(func(w *pane.World) { w.Chaos.Runs[0].Over = w.Chaos.Runs[0].Ends })
		p.sees("CH-3 payments-latency 22 s left ")
	})
}

// A refusal says when it was, and goes with what it was about.
func TestARefusalLeavesWithItsCause(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) { halted(w, time.Now()) })
		p.press("f5")
		p.says(pane.Judged{Refused: "refused R2 halt: there is a HALT file"})
		p.sees("Z payments-latency is not started: refused R2 halt: there is a HALT file")
		p.wait(time.Minute)
		p.sees("is not started: refused R2 halt")
		p.world(func(w *pane.World) { w.Chaos.Halt = nil })
		p.seesNot("is not started")
	})
}

// Nothing is quiet while a fault is in place, and production is named.
func TestTheHeadlineSaysWhatAFaultHurts(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.world(func(w *pane.World) {
			w.Incidents = nil
			w.Alerts = pane.Alerts{At: time.Now()}
		})
		p.sees("All quiet")
		p.world(func(w *pane.World) { busy(w, time.Now()) })
		p.seesNot("All quiet", "PRODUCTION")
		p.sees("CH-3 payments-latency hurts payments until ")
		p.world(func(w *pane.World) {
			w.Chaos.Judged = map[string]pane.Judged{"payments-latency": {Confirm: "payments-1 has env=prod"}}
		})
		p.sees("PRODUCTION  CH-3 payments-latency hurts payments until ")
		p.world(func(w *pane.World) { w.Chaos.Judged = nil })
		p.seesNot("PRODUCTION")
		p.world(func(w *pane.World) { // of another screen or command: its journal says it
			w.Chaos.Runs = slices.Clone(w.Chaos.Runs)
			w.Chaos.Runs[0].Production = "payments-1 has env=prod"
		})
		p.sees("PRODUCTION  CH-3 payments-latency hurts payments until ", "PRODUCTION CH-3")
		p.world(func(w *pane.World) { w.Chaos.Runs[0].Last.Phase = chaos.Recovering })
		p.sees("All quiet")
		p.seesNot("PRODUCTION")
	})
}

// What the rules say while it counts down is heeded before its time is over.
func TestRulesTakeACountdownBack(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("f5")
		require.Equal(t, []string{"payments-latency"}, p.asked())
		p.sees("in 3 s")
		p.says(pane.Judged{Refused: "refused R2 halt: there is a HALT file"})
		p.sees("payments-latency is not started: refused R2 halt: there is a HALT file")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())

		p.press("esc", "f5")
		p.says(pane.Judged{Confirm: "payments-1 has env=prod"})
		p.sees("Type payments-latency 100% to go on:", "This is production: payments-1 has env=prod.")
		p.typed("payments-Latency")
		p.sees(`character 10 is "L" and has to be "l": small and capital letters differ`)
		for range "Latency" {
			p.press("backspace")
		}
		p.typed("latency 100")
		p.press("enter")
		p.sees(`still missing: "%"`)
		p.typed("%")
		p.wait(time.Second)
		p.press("y")
		p.sees("in 5 s")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.StartChaos{Name: "payments-latency", Confirm: "payments-latency 100%"}}, p.desk.taken())
	})
	play(t, 120, 40, func(p *player) { // words are asked for of nobody who types something else
		p.press("f5", "n")
		p.says(pane.Judged{Confirm: "payments-1 has env=prod"})
		p.sees("payments-latency is not started: payments-1 has env=prod; start it again to type its words")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
	})
}

// A run that could cut a person off asks on every view, and one key that works while
// something is typed says that they still see it.
func TestARunAsksWhetherSomebodyStillSeesIt(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.press("ctrl+o")
		p.sees("no run asks")
		p.press("n")
		p.world(func(w *pane.World) {
			w.Chaos.Runs = []pane.ChaosRun{{
				Run: "CH-3", Experiment: "db-away", Ends: time.Now().Add(30 * time.Second), Last: chaos.Report{ID: "01J", Phase: chaos.Holding},
				Asks: "confirm within 10s that you still see this, or it is undone: net.drop on db", AskedTill: time.Now().Add(10 * time.Second),
			}}
		})
		p.sees("CH-3 STILL HERE? 10 s", "^O I still see this", "net.drop on db")
		p.typed("x")
		p.press("ctrl+o")
		require.Equal(t, []pane.Order{pane.ConfirmChaos{Run: "CH-3"}}, p.desk.taken())
		p.wait(11 * time.Second)
		p.seesNot("STILL HERE?")
	})
}

// busy is a run that goes on, with all that is known of one.
func busy(w *pane.World, now time.Time) {
	at, v, bad := now.Add(-8*time.Second), 0.31, 0.034
	x := w.Chaos.Experiments[0]
	x.SteadyState = []chaos.Probe{{Name: "storefront p95", Expect: chaos.Condition{Op: "<", Value: 0.4}}, {Name: "health", Expect: chaos.Condition{Op: "==", Value: 1}}}
	x.Guards = append(x.Guards[:1:1], chaos.Guard{Name: "incident", Incident: "SEV-2"})
	w.Chaos.Experiments = []chaos.Experiment{x, w.Chaos.Experiments[1]}
	one, none := 1.0, 0.0
	w.Chaos.Runs = []pane.ChaosRun{{
		Run: "CH-3", Experiment: "payments-latency", Targets: "payments", Ends: now.Add(22 * time.Second), Over: now.Add(52 * time.Second), Said: "latency 300 ms on payments-1",
		Last:   chaos.Report{ID: "01J", Phase: chaos.Holding, Step: 1, Steps: 2},
		Faults: []chaos.FaultOutcome{{ID: "a", Kind: "http.latency", Target: "payments-1", Tier: chaos.TierCarried, InjectedAt: &at}},
		Samples: map[string]chaos.Sample{
			"probe storefront p95": {Name: "storefront p95", Value: &v, OK: true, Limit: "< 0.4"}, "probe health": {Name: "health", Value: &one, OK: true},
			"guard errors": {Name: "errors", Value: &bad, OK: false, Row: 1, For: 3, Limit: "> 0.05"}, "guard incident": {Name: "incident", Value: &none, OK: true, For: 1},
		},
		Trail: map[string][]float64{"probe storefront p95": {0.1, 0.12, 0.11, 0.28, 0.3, 0.31}, "guard errors": {0, 0, 0.01, 0.02, 0.034}, "probe health": {1, 1, 1}},
	}}
}

// pastRuns are runs of some weeks, the last of which has a course.
func pastRuns(w *pane.World, now time.Time) {
	began := now.Add(-2 * time.Hour)
	hurt, gone := began.Add(10*time.Second), began.Add(40*time.Second)
	var series []chaos.Point
	for i := range 60 {
		v := 0.1 + 0.01*float64(i%4)
		out := i >= 12 && i < 38
		if out {
			v += 0.3
		}
		series = append(series, chaos.Point{At: chaos.Seconds(time.Duration(i) * time.Second), Value: &v, Out: out})
	}
	for i, score := range []float64{0.4, 0.6, 0.9, 1, 0.7} {
		recovery, v := 9.5-1.5*float64(i), 0.12
		o := &chaos.Outcome{Verdict: chaos.Held, Reason: "the steady state held and returned", Score: &score, RecoverySeconds: &recovery}
		if i == 4 {
			o.Verdict, o.Reason, o.Hypothesis, o.StartedAt = chaos.Aborted, "guard errors: 0.08 (abort when > 0.05, 2 in a row)", "People still buy.", &began
			o.Faults = []chaos.FaultOutcome{{ID: "a", Kind: "http.latency", Target: "payments-1", Tier: chaos.TierCarried, InjectedAt: &hurt, GoneAt: &gone, Effect: "300 ms slower"}}
			o.Guards = []chaos.GuardOutcome{{Name: "errors", AbortWhen: "> 0.05", Tripped: true}}
			o.Probes = []chaos.ProbeOutcome{{Name: "storefront p95", Expect: "< 0.4", Before: &v, During: &v, After: &v, Evaluations: 30, Within: 4, Series: series}}
		}
		at := now.Add(time.Duration(i-5) * 7 * 24 * time.Hour)
		if i == 4 {
			at = began
		}
		w.Chaos.Past = append(w.Chaos.Past, pane.ChaosPast{Run: fmt.Sprintf("CH-%d", i+1), Experiment: "payments-latency", By: "alice", Began: at, Ended: at.Add(time.Minute), Outcome: o})
	}
}

// planned is what the rules say of the shop's experiments.
func planned(w *pane.World, now time.Time) {
	w.Chaos.Judged = map[string]pane.Judged{
		"payments-latency": {At: now, Plan: `experiment  payments-latency
hypothesis  People still buy.
targets     payments-1 (1 of 2 that match: payments-1, payments-2; seed 7)
healthy     storefront p95 < 0.4
            histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5s])))
guard       errors: abort when > 0.05, every 1s, 2 in a row, no data: abort
            sum(rate(http_requests_total{code=~"5.."}[5s]))
            undone at the latest 12s after the metric shows it
step 1      http.latency for 30s
  on        payments-1, tier C (ends by itself at its time, undone before that by runner or undertaker)
  do        POST http://127.0.0.1:18474/faults {"latency":"300ms"}
  undo      DELETE http://127.0.0.1:18474/faults/01jdq-1
  gone      01jdq-1 is not listed
length      30s of faults, then up to 30s for recovery
rules       R1, R2, R4 say nothing against it; R3, R9 are asked when it runs (sitrep chaos rules)
`},
		"payments-kill": {At: now, Refused: "refused R4 incident: INC-204 SEV-1 checkout 5xx ratio > 5% is open; resolve it first, or declare it a drill if it is one"},
	}
}

func confirming(w *pane.World, now time.Time) {
	busy(w, now)
	w.Chaos.Runs[0].Asks = "confirm within 10s that you still see this, or it is undone: net.drop on payments-1: it is in this host's own network"
	w.Chaos.Runs[0].AskedTill = now.Add(7 * time.Second)
}

func calmShop(w *pane.World, _ time.Time) { w.Incidents = nil }

// The runs before are told, also where there are none.
func TestThereWereNoRuns(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		play(t, size[0], size[1], func(p *player) {
			p.world(func(w *pane.World) { w.Chaos.Past, w.Chaos.Runs = nil, nil })
			p.press("x", "enter", "tab")
			p.sees("Runs of payments-", "never run")
		})
	}
}

// What is known of a run from its journal alone says so, and is no blank.
func TestAnEndThatAJournalTellsSaysSo(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) {
			w.Chaos.Runs = nil
			w.Chaos.Past = []pane.ChaosPast{{Run: "CH-1", ID: "a", Experiment: "payments-latency", Began: time.Now(), Ended: time.Now(), Outcome: &chaos.Outcome{Verdict: chaos.Aborted, Reason: "its processes died; its runner has undone everything"}}}
		})
		p.press("4", "h")
		p.sees("how it ended is known from its journal alone")
	})
}
