package chaos

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// No guard takes back what tier I has done, and the plan does not say that it would.
func TestThePlanOfAnIrreversibleFault(t *testing.T) {
	p := Plan{Experiment: Experiment{Guards: []Guard{{Name: "errors", PromQL: "e", Interval: strictyaml.Duration(time.Second), For: 2}}}}
	p.Steps = []PlannedStep{{Injections: []Injection{{Tier: TierIrreversible}}}}
	require.Contains(t, p.Text(0), "ends the run within 2s of the metric showing it; what tier I has done stays done")
	p.Steps = append(p.Steps, PlannedStep{Injections: []Injection{{Tier: TierCarried}}})
	require.Contains(t, p.Text(15*time.Second), "undone at the latest 3s after the metric shows it, 18s after it begins (Prometheus reads every 15s; a rate over 1m may take up to 1m more to show it); what tier I has done stays done\n")
}

func TestJudge(t *testing.T) {
	probe := func(name string, evaluations, within int) ProbeOutcome {
		return ProbeOutcome{Name: name, Expect: "< 1", Evaluations: evaluations, Within: within}
	}
	fine, missed, blind := probe("fine", 9, 9), probe("errors", 9, 7), probe("blind", 0, 0)
	looked := func(p ProbeOutcome, looks int) ProbeOutcome {
		p.Looks = looks
		return p
	}
	for _, c := range []struct {
		name    string
		probes  []ProbeOutcome
		failed  bool
		stop    *ending
		verdict Verdict
		reason  string
	}{
		{"all is well", []ProbeOutcome{fine}, false, nil, Held, "the steady state held and returned"},
		{"out of its band", []ProbeOutcome{fine, missed}, false, nil, Deviated, "errors left its band (< 1) in 2 of 9 evaluations"},
		{"nobody saw", []ProbeOutcome{fine, blind}, false, nil, Inconclusive, "blind had no data while the fault held"},
		{"hardly anybody saw", []ProbeOutcome{looked(fine, 9), looked(probe("load", 1, 1), 10)}, false, nil, Inconclusive, "load had too little data while the fault held: 1 of 10 looks answered, and at most 25 % may go without"},
		{"a quarter may be blind", []ProbeOutcome{looked(fine, 12)}, false, nil, Held, "the steady state held and returned"},
		{"and no more", []ProbeOutcome{looked(fine, 13)}, false, nil, Inconclusive, "fine had too little data while the fault held: 9 of 13 looks answered, and at most 25 % may go without"},
		{"what was seen out of its band was seen", []ProbeOutcome{looked(probe("load", 1, 0), 10)}, false, nil, Deviated, "load left its band (< 1) in 1 of 1 evaluations"},
		{"a miss is known whoever was blind", []ProbeOutcome{blind, missed}, false, nil, Deviated, "errors left its band (< 1) in 2 of 9 evaluations"},
		{"a guard", []ProbeOutcome{missed}, false, &ending{Aborted, "guard pain"}, Aborted, "guard pain"},
		{"no effect", []ProbeOutcome{fine}, false, &ending{Inconclusive, "no effect"}, Inconclusive, "no effect"},
		{"not back in time", []ProbeOutcome{fine}, false, &ending{Deviated, "not recovered"}, Deviated, "not recovered"},
		{"missed, and not back", []ProbeOutcome{missed}, false, &ending{Deviated, "not recovered"}, Deviated, "errors left its band (< 1) in 2 of 9 evaluations; not recovered"},
		{"a failed undo is above all", []ProbeOutcome{missed}, true, &ending{Aborted, "guard pain"}, UndoFailed, "a fault could not be undone; run `sitrep chaos recover`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := Outcome{Probes: c.probes}
			if c.failed {
				out.Verdict = UndoFailed
			}
			verdict, reason := judge(out, c.stop)
			require.Equal(t, c.verdict, verdict)
			require.Equal(t, c.reason, reason)
		})
	}
}

func TestScore(t *testing.T) {
	seconds := 2.0
	recovered, not := Outcome{RecoverySeconds: &seconds}, Outcome{}
	for _, c := range []struct {
		name  string
		steps []stepResult
		out   Outcome
		want  any
	}{
		{"perfect", []stepResult{{evaluations: 10, within: 10, effect: true}}, recovered, 1.0},
		{"three quarters", []stepResult{{evaluations: 4, within: 3, effect: true}}, recovered, 0.75},
		{"half of it without recovery", []stepResult{{evaluations: 4, within: 3, effect: true}}, not, 0.375},
		{"steps weigh the same", []stepResult{{evaluations: 100, within: 100, effect: true}, {evaluations: 2, within: 1, effect: true}}, recovered, 0.75},
		{"an aborted step is nothing", []stepResult{{evaluations: 4, within: 4, effect: true}, {evaluations: 4, within: 4, effect: true, aborted: true}}, recovered, 0.5},
		{"no effect does not count", []stepResult{{evaluations: 4, within: 4, effect: true}, {evaluations: 4, within: 0}}, recovered, 1.0},
		{"nothing to score", []stepResult{{evaluations: 0, within: 0, effect: true}, {evaluations: 3, within: 3}}, recovered, nil},
		{"no steps", nil, not, nil},
		{"hardly anybody saw", []stepResult{{evaluations: 1, within: 1, effect: true}}, Outcome{Verdict: Inconclusive, RecoverySeconds: &seconds, Probes: []ProbeOutcome{{Looks: 10, Evaluations: 1, Within: 1}}}, nil},
		{"a failed undo", []stepResult{{evaluations: 4, within: 4, effect: true}}, Outcome{Verdict: UndoFailed}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := score(c.steps, c.out)
			if c.want == nil {
				require.Nil(t, got)
				return
			}
			require.Equal(t, c.want, *got)
		})
	}
}

// TestGuardCounts tells the story of one guard: breaches in a row trip it.
func TestGuardCounts(t *testing.T) {
	const bad, good, none = 1.0, 0.0, -1.0
	for _, c := range []struct {
		name string
		in   int // a row
		data NoData
		see  []float64
		trip int // at which evaluation, from 1; 0 never
	}{
		{"at once", 1, NoDataAbort, []float64{good, bad}, 2},
		{"three in a row", 3, NoDataAbort, []float64{bad, bad, bad}, 3},
		{"a good one starts anew", 3, NoDataAbort, []float64{bad, bad, good, bad, bad, good}, 0},
		{"blind is a breach", 2, NoDataAbort, []float64{bad, none}, 2},
		{"blind alone is too", 2, "", []float64{none, none}, 2},
		{"blind changes nothing", 2, NoDataHold, []float64{bad, none, none, bad}, 4},
		{"blind is fine", 2, NoDataIgnore, []float64{bad, none, bad, none}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &guardCount{Guard: Guard{AbortWhen: Condition{Op: ">", Value: 0.5}, For: c.in, NoData: c.data}}
			at := 0
			for i, v := range c.see {
				value := &v
				if v == none {
					value = nil
				}
				if _, tripped := g.step(value); tripped && at == 0 {
					at = i + 1
				}
			}
			require.Equal(t, c.trip, at)
		})
	}
}

// TestOverdue is when the undertaker no longer trusts the runner.
func TestOverdue(t *testing.T) {
	s := func(n float64) time.Time { return three.Add(time.Duration(n * float64(time.Second))) }
	held := Log{Entries: []Entry{{ID: "f-1", Intent: Intent{Expires: s(30)}}}}
	undoing := Log{Entries: []Entry{{ID: "f-1", Intent: Intent{Expires: s(30)}, UndoingAt: s(9)}}}
	undoingLate := Log{Entries: []Entry{{ID: "f-1", Intent: Intent{Expires: s(30)}, UndoingAt: s(29)}}}
	undone := Log{Entries: []Entry{{ID: "f-1", Intent: Intent{Expires: s(30)}, UndoneAt: s(20)}}}
	const deadline, halt, began = "its deadline has passed and the runner did not end it", "HALT, and the runner did not obey", "the runner began its undo and did not end it"
	for _, c := range []struct {
		name   string
		log    Log
		now    time.Time
		halted time.Time
		want   string
	}{ // all of them with signs of life
		{"in time", held, s(30), time.Time{}, ""},
		{"late", held, s(30.1), time.Time{}, deadline},
		{"in time by a clock that was put back", held, s(-3600), time.Time{}, ""}, // its runner counts by another
		{"late by a clock that was put forward", held, s(3600), time.Time{}, deadline},
		{"late, but at it", undoingLate, s(44), time.Time{}, ""},
		{"late, and too long at it", undoingLate, s(44.1), time.Time{}, began},
		{"too long at it, long before its deadline", undoing, s(24.1), time.Time{}, began},
		{"late, but gone", undone, s(60), time.Time{}, ""},
		{"halted just now", held, s(11), s(10), ""},
		{"halted, and nothing happens", held, s(11.6), s(10), halt},
		{"halted, and at it", undoing, s(15), s(10), ""},
		{"halted, and at it for ever", undoing, s(24.1), s(10), began},
		{"halted before anything was there", Log{}, s(60), s(10), ""},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, overdue(c.log, c.now, c.halted, beatPatience-lookEvery)) })
	}
	const hung = "the runner hung"
	for _, c := range []struct {
		name string
		log  Log
		now  time.Time
		want string
	}{
		{"silent", held, s(9), hung},
		{"silent, by a clock that was put back", held, s(-3600), hung},
		{"silent, but at its undo", undoing, s(24), ""},
		{"silent, and too long at its undo", undoing, s(24.1), began},
		{"silent, and nothing is there", undone, s(60), ""},
		{"silent before anything was there", Log{}, s(60), ""},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, overdue(c.log, c.now, time.Time{}, beatPatience)) })
	}
}

// TestSilence: a runner is silent for as many looks as found no sign of life. That
// the clock went on while the undertaker did not look is not its fault.
func TestSilence(t *testing.T) {
	var s silence
	for range 19 {
		s.look(0)
	}
	require.Less(t, s.lasts(), beatPatience)
	s.look(1)
	require.Zero(t, s.lasts())
	for range 20 {
		s.look(1)
	}
	require.Equal(t, beatPatience, s.lasts())
}

func TestTiersHaveWords(t *testing.T) {
	seen := map[string]bool{}
	for _, tier := range []Tier{TierKernel, TierCarried, TierAnnotated, TierDeadMan, TierIrreversible} {
		require.NotContains(t, tier.Means(), "unknown")
		seen[tier.Means()] = true
	}
	require.Len(t, seen, 5)
	require.Equal(t, "unknown tier", Tier("Q").Means())
}

// TestPlanText is what --dry-run prints.
func TestPlanText(t *testing.T) {
	e, err := Load("e.yaml", []byte(whole), fakes())
	require.NoError(t, err)
	e.Method = append(e.Method, Step{Fault: "process.pause", Duration: strictyaml.Duration(time.Second)})
	plan := func(id string, step Step, target Target) (Injection, error) {
		if step.Fault == "process.pause" {
			return Injection{ID: id, Target: target.Name, Tier: TierDeadMan, Undo: []Op{Continue(Process{PID: 77})}, Gone: Running(Process{PID: 77}), Preview: []string{"kill -STOP 77"}}, nil
		}
		url := "http://127.0.0.1:8080/faults"
		return Injection{ID: id, Target: target.Name, Tier: TierCarried, Undo: []Op{HTTPDelete(url, id)}, Gone: HTTPAbsent(url, id), Preview: []string{"POST " + url}}, nil
	}
	faults := []Fault{fake{"http.latency", plan}, fake{"process.pause", plan}}
	p, err := Resolve(t.Context(), e, faults, shop("payments", "payments", "cart"), "RUN", 7)
	require.NoError(t, err)
	require.Equal(t, `experiment  payments-latency
hypothesis  people can pay
targets     payments-2 (1 of 2 that match: payments-1, payments-2; seed 7)
healthy     errors < 0.01
            errors
guard       errors: abort when > 0.05, every 1s, 1 in a row, no data: abort
            errors
            undone at the latest 2s after the metric shows it
step 1      http.latency for 30s
  on        payments-2, tier C (ends by itself at its time, undone before that by runner or undertaker)
  do        POST http://127.0.0.1:8080/faults
  undo      DELETE http://127.0.0.1:8080/faults/run-1
  gone      GET http://127.0.0.1:8080/faults lacks run-1
step 2      process.pause for 1s
  on        payments-2, tier D (undone by runner or undertaker, else at the next start of sitrep)
  do        kill -STOP 77
  undo      kill -CONT 77
  gone      process 77 is not stopped
length      31s of faults, then up to 30s for recovery
`, p.Text(0))

	_, err = Resolve(t.Context(), e, faults[:1], shop("payments"), "RUN", 7)
	require.ErrorContains(t, err, `unknown fault "process.pause"`)
	_, err = Means{Faults: faults}.Preview(t.Context(), e, Ask{ID: "RUN", Seed: 7, Sources: Sources{URL: "http://10.0.0.1/targets"}})
	require.ErrorContains(t, err, "not on loopback")
}

// What a plan shows can be typed, and is one line whatever it holds.
func TestAPlanIsReadAsTyped(t *testing.T) {
	e, err := Load("e.yaml", []byte(whole), fakes())
	require.NoError(t, err)
	e.Hypothesis = "people pay\nrules       all of them agree"
	e.SteadyState[0].PromQL, e.Guards[0].PromQL = "sum(\n  up{job=\"pay  it\"}\n)", `rate(x{code=~"5..",path="/\\d"}[1m])`
	text := Plan{Experiment: e}.Text(0)
	require.Contains(t, text, "hypothesis  people pay rules       all of them agree\n")
	require.Contains(t, text, "            sum( up{job=\"pay  it\"} )\n")
	require.Contains(t, text, `            rate(x{code=~"5..",path="/\\d"}[1m])`+"\n")
	require.Equal(t, `/bin/pay "two words" 'say "$HOME"' 'it'\''s $x' "\x1b$"`, (&ExecCall{Argv: []string{"/bin/pay", "two words", `say "$HOME"`, "it's $x", "\x1b$"}}).String())
}

// The word of a refusal is told once, wherever it stands, and no other reason is touched.
func TestARefusalIsSaidOnce(t *testing.T) {
	no := Refuse("production", "say --confirm", "pay-1 has env=prod").(*Refusal)
	for _, c := range []struct {
		out  Outcome
		want string
	}{
		{Outcome{Verdict: Refused, Reason: no.Error()}, "refused: R5 production: pay-1 has env=prod; say --confirm"},
		{Outcome{Verdict: Refused, Reason: "plan x on pay-1: " + no.Error()}, "refused: plan x on pay-1: R5 production: pay-1 has env=prod; say --confirm"},
		{Outcome{Verdict: Refused, Reason: "refused strange: no; yes"}, "refused: strange: no; yes"},
		{Outcome{Verdict: Refused, Reason: "dial tcp: connection refused by it"}, "refused: dial tcp: connection refused by it"},
		{Outcome{Verdict: Aborted, Reason: "guard pain: connection refused", Recovery: "not recovered"}, "aborted: guard pain: connection refused; not recovered"},
	} {
		require.Equal(t, c.want, c.out.Said())
	}
	deed := RefuseFor(errors.New("nft: exit status 1:\n  no"), "no-mechanism", "install nftables", "the kernel cannot")
	require.EqualError(t, deed, "refused R10 no-mechanism: the kernel cannot; install nftables [nft: exit status 1: no]")
	require.Equal(t, "the kernel cannot; install nftables [nft: exit status 1: no]", WhyRefused(deed))
	require.Equal(t, "out of paper", WhyRefused(errors.New("out of paper")))
}

// How soon health was back is said as it was.
func TestBackAtOnce(t *testing.T) {
	for seconds, want := range map[float64]string{0: "at once", 0.04: "at once", 0.3: "after 300ms", 4: "after 4s"} {
		require.Equal(t, want, Outcome{RecoverySeconds: &seconds}.Back())
	}
	require.Empty(t, Outcome{}.Back())
}

// What a HALT was for is in the verdict of whom it ended.
func TestHaltReason(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "HALT: ",
		"halted at T by ana: fire":    "HALT: halted at T by ana: fire",
		"runs ended at T by x (ana)":  "ended by x (ana) (HALT of T)",
		"runs ended at somebody else": "HALT: runs ended at somebody else",
	} {
		require.Equal(t, want, HaltReason(text))
	}
}

// Who took back what a dead run has left is what journal and tier tell.
func TestWhoTookItBack(t *testing.T) {
	at := time.Unix(1000, 0)
	entry := func(tier Tier, by string, late time.Duration) Entry {
		return Entry{Intent: Intent{Kind: "fault." + string(tier), Target: "x", Tier: tier, Expires: at}, UndoneAt: at.Add(late), UndoneBy: by}
	}
	for _, c := range []struct {
		entries []Entry
		want    string
	}{
		{nil, "everything is undone"},
		{[]Entry{entry(TierDeadMan, "", -1)}, "everything is undone"},
		{[]Entry{entry(TierDeadMan, byRecovery, -1)}, "the next start of sitrep has undone everything"},
		{[]Entry{entry(TierKernel, "", -1), entry(TierDeadMan, byUndertaker, -1)}, "its undertaker has undone everything"},
		{[]Entry{entry(TierKernel, byRecovery, -1)}, "the kernel took everything back with its holder; the next start of sitrep made sure of it"},
		{[]Entry{entry(TierKernel, byUndertaker, -1), entry(TierDeadMan, byUndertaker, -1)}, "the kernel took fault.K on x back with its holder; its undertaker has undone fault.D on x"},
		{[]Entry{entry(TierCarried, byStarter, -1)}, "whoever had started it has undone everything"},
		{[]Entry{entry(TierCarried, byRecovery, time.Hour)}, "everything ended by itself at its time; the next start of sitrep made sure of it"},
		{[]Entry{entry(TierIrreversible, byRecovery, time.Hour)}, "fault.I on x cannot be undone"},
		{[]Entry{entry(TierDeadMan, byUndertaker, -1), entry(TierAnnotated, byRecovery, -1)}, "its undertaker has undone fault.D on x; the next start of sitrep has undone fault.A on x"},
	} {
		require.Equal(t, c.want, Log{Entries: c.entries}.undoing())
	}
	l := Log{Closed: true, ClosedText: foundOpen, Entries: []Entry{entry(TierKernel, byRecovery, -1)}}
	require.Equal(t, "its processes died; the kernel took everything back with its holder; the next start of sitrep made sure of it", l.DiedOutcome().Reason)
	l.ClosedText = haltIgnored
	require.Equal(t, "HALT, and the runner did not obey; the kernel took everything back with its holder; the next start of sitrep made sure of it", l.DiedOutcome().Reason)
}
