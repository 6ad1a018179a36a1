package pane

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

// An event of chaos or load reads as sentences and rows; its data stands below them.
func TestEventsOfRunsReadAsSentences(t *testing.T) {
	v, worst, score, recovery := 0.12, 0.52, 0.7, 3.5
	began, hurt, gone := night.Add(-2*time.Minute), night.Add(-100*time.Second), night.Add(-70*time.Second)
	fault := chaos.FaultRef{ID: "01J-1", Kind: "http.latency", Target: "payments-1", Tier: chaos.TierCarried}
	report := func(kind string, at time.Time) chaos.Report {
		return chaos.Report{Run: "CH-5", ID: "01J", Experiment: "payments-latency", Kind: kind, At: at, Step: 1, Steps: 2}
	}
	started := report(chaos.KindStarted, began)
	started.Faults = []chaos.FaultRef{fault}
	injected := report(chaos.KindInjected, hurt)
	injected.Fault, injected.Remaining, injected.Values = &fault, chaos.Seconds(30*time.Second), map[string]float64{"storefront p95": 0.11}
	undone := report(chaos.KindUndone, gone)
	undone.Fault = &fault
	tripped := report(chaos.KindGuard, gone)
	tripped.Sample = &chaos.Sample{Name: "errors", Value: &worst, Tripped: true, Limit: "> 0.05", Row: 2, For: 2}
	finished := report(chaos.KindFinished, night)
	finished.Outcome = &chaos.Outcome{
		Run: "CH-5", Verdict: chaos.Aborted, Reason: "guard errors\x1b[2J: 0.52", Recovery: "the steady state was back", Score: &score, RecoverySeconds: &recovery, Hypothesis: "People still buy.", StartedAt: &began,
		Faults: []chaos.FaultOutcome{{ID: "01J-1", Kind: "http.latency", Target: "payments-1", Tier: chaos.TierCarried, InjectedAt: &hurt, GoneAt: &gone, Effect: "300 ms slower"}, {Kind: "process.kill", Target: "payments-2", Tier: chaos.TierIrreversible}},
		Probes: []chaos.ProbeOutcome{{Name: "storefront p95", Expect: "< 0.4", Before: &v, During: &v, Worst: &worst, After: &v, Evaluations: 30, Within: 21}},
		Guards: []chaos.GuardOutcome{{Name: "errors", AbortWhen: "> 0.05", Evaluations: 28, Breaches: 2, Last: &worst, Tripped: true}},
	}
	result := *richWorld(t).Load.Result
	result.ErrorsByClass = map[loadtest.Class]loadtest.ErrorCount{loadtest.ClassServer: {Count: 31, Sample: "503\x1b]0;x\a"}}
	w := richWorld(t)
	w.Chaos.Past = []ChaosPast{{Run: "CH-5", ID: "01J", Experiment: "payments-latency", Outcome: finished.Outcome}}
	for i, e := range []struct {
		kind  incident.Kind
		data  any
		reads []string
	}{
		{incident.ChaosStarted, started, []string{"run        CH-5 payments-latency", "step       1 of 2", "will hurt  http.latency on payments-1", "tier C: ends by itself at its time", "ended      aborted 70%: guard errors"}},
		{incident.ChaosInjected, injected, []string{"hurts      http.latency on payments-1", "injected 03:11:04, 1m ago, by plan until 03:11:34", "then       storefront p95 0.11"}},
		{incident.ChaosUndone, undone, []string{"gone       http.latency on payments-1", "gone 03:11:34, 1m ago: it was in place for 30 s"}},
		{incident.ChaosGuardTripped, tripped, []string{"guard      errors was 0.52, aborts when > 0.05", "2 of 2 in a row", "it ended the run"}},
		{incident.ChaosFinished, finished, []string{
			"verdict    aborted: guard errors", "the steady state was back", "score      70%: what stayed within tolerance", "recovery   the steady state was back 3.5 s after the last undo", "expected   People still buy.",
			"hurt       http.latency on payments-1", "injected 03:11:04, gone 03:11:34: in place for 30 s", "effect: 300 ms slower", "process.kill on payments-2", "not injected",
			"probe      storefront p95, expected < 0.4", "before 0.12   during 0.12 (worst 0.52)   after 0.12", "21 of 30 looks while it held within tolerance",
			"guard      errors, aborts when > 0.05", "TRIPPED: it ended the run; looked 28 times, breached 2, last 0.52",
		}},
		{incident.LoadStarted, map[string]string{"run": "LT-6", "plan": "smoke"}, []string{"run        LT-6 smoke", "ended      LT-6 smoke: pass"}},
		{incident.LoadStarted, map[string]string{"run": "LT-7", "plan": "smoke"}, []string{"now        it goes on, 4 s left; 188/s of 200/s, 14 errors"}},
		{incident.LoadFinished, result, []string{
			"verdict    fail: errors < 1% does not hold: 1.55%", "rate       200/s of 200/s asked for, 99.95%", "requests   2000 in 10 s", "errors     31, 1.55% of all", "5xx 31: 503",
			"answered   p50 12.4 ms  p95 83.2 ms  p99 412 ms", "must hold  ✓ p95 < 200ms", "must hold  ✗ errors < 1%", "generator  ok",
		}},
	} {
		says := fmt.Sprintf("what it says %d.", i)
		at := night.Add(time.Duration(i-20) * time.Second)
		if e.kind == incident.ChaosInjected {
			at = hurt
		}
		w = more(w, "", incident.Event{ID: "run-" + string(e.kind) + at.String(), At: at, Kind: e.kind, Actor: "alice", Text: says, Data: incident.Payload(e.data)})
		for _, size := range sizes() {
			r := newReader(t, 2, w, "", size[0], size[1])
			r.s.Filter = says
			r.press(keys.Bottom, keys.Detail)
			r.reads(append(e.reads, says, string(e.kind), "data", `"run": "`)...)
			require.NotContains(t, text(r.said.Read.Lines), "\x1b")
		}
	}
}

// What an event does not say in a way that can be read is shown as it is.
func TestAnEventOfARunThatIsOdd(t *testing.T) {
	for _, data := range []string{`{"run": 7}`, `{"verdict": {}}`, `[]`, `null`, `{"run":"CH-1","outcome":{"faults":[{}],"probes":[{}],"guards":[{}]}}`, `{"run":"CH-1","fault":{}}`} {
		for _, kind := range []incident.Kind{incident.ChaosStarted, incident.ChaosInjected, incident.ChaosUndone, incident.ChaosGuardTripped, incident.ChaosFinished, incident.LoadStarted, incident.LoadFinished, incident.LoadAborted} {
			e := incident.Event{At: night, Kind: kind, Text: "odd", Data: []byte(data)}
			require.NotNil(t, readEvent(&e, screenOf(richWorld(t), "")).Read)
		}
	}
}
