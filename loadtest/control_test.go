package loadtest

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

func TestKindsMakeStages(t *testing.T) {
	const head = "name: k\ntargets: [{url: \"http://127.0.0.1:1/\"}]\n"
	s := time.Second
	for src, want := range map[string][]Stage{
		"kind: load\nrate: 100\nfor: 100s\n":                         {{0, 100, 10 * s}, {100, 100, 90 * s}},
		"kind: load\nrate: 100\nfor: 100s\nramp: 20s\n":              {{0, 100, 20 * s}, {100, 100, 80 * s}},
		"kind: stress\nrate: 100\nfor: 50s\n":                        {{100, 100, 10 * s}, {125, 125, 10 * s}, {150, 150, 10 * s}, {175, 175, 10 * s}, {200, 200, 10 * s}},
		"kind: spike\nrate: 100\nfor: 100s\n":                        {{100, 100, 40 * s}, {100, 500, 2 * s}, {500, 500, 16 * s}, {500, 100, 2 * s}, {100, 100, 40 * s}},
		"kind: endurance\nrate: 100\n":                               {{0, 100, 60 * s}, {100, 100, 59 * time.Minute}},
		"kind: scalability\nrate: 100\nfor: 30s\npeak: 400\n":        {{100, 100, 10 * s}, {200, 200, 10 * s}, {400, 400, 10 * s}},
		"rate: 5\nfor: 10s\n":                                        {{5, 5, 10 * s}},
		"users: 50\nfor: 30s\nramp: 10s\n":                           {{0, 50, 10 * s}, {50, 50, 20 * s}},
		"stages: [{users: 5, for: 1s}, {from: 5, to: 9, for: 1s}]\n": {{5, 5, s}, {5, 9, s}},
	} {
		p, err := LoadPlan("p.yaml", []byte(head+src))
		require.NoError(t, err, src)
		require.Equal(t, want, p.Stages, src)
	}
	for src, want := range map[string]string{
		"kind: soak\nrate: 1\nfor: 1m\n":                       `p.yaml:3:7: kind is "soak"; want one of load, stress, spike, endurance, scalability`,
		"kind: load\n":                                         "needs rate, or users",
		"kind: load\nrate: 0\n":                                "it must be more than 0",
		"kind: load\nrate: 5\npeak: 9\n":                       "kind: load has no peak",
		"kind: spike\nrate: 5\npeak: 4\n":                      "it must be more than the rate",
		"kind: spike\nrate: 5\nramp: 4s\n":                     "kind: spike has its own ramps",
		"kind: spike\nrate: 5000\n":                            "must be between 0 and 20000 per second",
		"rate: 5\n":                                            "needs for",
		"rate: 5\nfor: 5s\nramp: 5s\n":                         "nothing is left",
		"rate: 5\nusers: 5\nfor: 5s\n":                         "either rate (open",
		"kind: load\nrate: 5\nstages: [{rate: 1, for: 1s}]\n":  "either stages, or kind",
		"stages: [{rate: 1, for: 1s}, {users: 1, for: 1s}]\n":  "a plan with users has no rate",
		"users: 5000\nfor: 5s\n":                               "between 0 and 4096 users",
		"users: 5\nfor: 5s\nthresholds: [\"achieved > 1%\"]\n": "users ask for no rate",
		"rate: 10x\nfor: 5s\n":                                 "a multiple needs a baseline",
		"rate: 10\nfor: 5s\nbaseline: {promql: up}\n":          "no rate is a multiple",
		"baseline: {promql: up}\nstages: [{rate: 1, for: 1s}, {rate: 2x, for: 1s}]\n": "all of them multiples",
		"rate: ten\nfor: 5s\n": `"ten" is no rate`,
		"rate: 1\nfor: 5s\nthresholds: [{check: \"errors < 1%\", after: 5s}]\n":          "after is for thresholds with abort",
		"rate: 1\nfor: 5s\nguards: [{promql: up}]\n":                                     "no abort_when",
		"rate: 1\nfor: 5s\nguards: [{abort_when: \"> 1\"}]\n":                            "either promql or slo",
		"rate: 1\nfor: 5s\nguards: [{promql: up, abort_when: \"~ 1\"}]\n":                "is not a condition",
		"rate: 1\nfor: 5s\nguards: [{promql: up, abort_when: \"> 1\", no_data: hold}]\n": "lets a blind guard pass",
		"rate: 1\nfor: 5s\nguards: [{promql: up, abort_when: \"> 1\", window: 5m}]\n":    "window is for guards with slo",
	} {
		_, err := LoadPlan("p.yaml", []byte(head+src))
		var e *strictyaml.Error
		require.ErrorAs(t, err, &e, src)
		require.ErrorContains(t, err, want)
		require.Positive(t, e.Line)
	}
}

// From the moment of a change arrivals come at the new rate; those before stay where they
// were, and no number is dealt twice or left out.
func TestScaledSchedule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewSchedule(drawStages(t))
		at := time.Duration(rapid.Int64Range(0, int64(s.Length())).Draw(t, "at"))
		factor := rapid.Float64Range(0.1, 5).Draw(t, "factor")
		n := s.Scale(at, factor)
		require.Equal(t, s.Length(), n.Length())
		require.InDelta(t, s.Arrivals(at), n.Arrivals(at), 1e-6*(1+s.Arrivals(at)))
		want := s.Arrivals(at) + factor*(s.Arrivals(s.Length())-s.Arrivals(at))
		require.InDelta(t, want, n.Arrivals(n.Length()), 1e-6*(1+want))
		probe := time.Duration(rapid.Int64Range(0, int64(s.Length())).Draw(t, "probe"))
		if probe != at && probe < s.Length() {
			require.Equal(t, s.Stage(probe), n.Stage(probe))
		}
		if k := rapid.Int64Range(0, max(n.Total()-1, 0)).Draw(t, "k"); n.Total() > 0 {
			due, _, ok := n.Due(k)
			require.True(t, ok)
			require.InDelta(t, float64(k), n.Arrivals(due), 1e-2+1e-6*math.Abs(float64(k)))
		}
	})
}

// probe answers guards in virtual time.
type probe func(at time.Duration) (float64, bool, error)

type prober struct {
	start time.Time
	probe probe
}

func (p prober) Probe(_ context.Context, _ string, at time.Time) (float64, bool, error) {
	return p.probe(at.Sub(p.start))
}

func (p prober) Burn(_ context.Context, _ string, _ time.Duration, at time.Time) (float64, bool, error) {
	return p.probe(at.Sub(p.start))
}

func (v *virtual) runWith(t *testing.T, plan Plan, m Means) Result {
	v.means = m
	r, _ := v.run(t, plan)
	return r
}

func TestGuardsEndRuns(t *testing.T) {
	for name, c := range map[string]struct {
		guard Guard
		probe probe
		ends  time.Duration // 0: it does not
		says  string
	}{
		"a breach": {Guard{AbortWhen: Condition{">", 0.05}}, func(at time.Duration) (float64, bool, error) {
			return map[bool]float64{true: 0.5}[at > 4500*time.Millisecond], true, nil
		}, 5 * time.Second, "guard pain: 0.5 is > 0.05"},
		"three in a row": {Guard{AbortWhen: Condition{">", 0.05}, For: 3}, func(at time.Duration) (float64, bool, error) {
			return map[bool]float64{true: 1}[int(at.Seconds())%3 != 0 || at > 6500*time.Millisecond], true, nil
		}, 9 * time.Second, "guard pain"},
		"no data": {Guard{AbortWhen: Condition{">", 1}, For: 2}, func(at time.Duration) (float64, bool, error) {
			return 0, at < 3500*time.Millisecond, nil
		}, 5 * time.Second, "guard pain: no data"},
		"an error": {Guard{AbortWhen: Condition{">", 1}}, func(at time.Duration) (float64, bool, error) {
			if at > 3500*time.Millisecond {
				return 0, false, errors.New("connection refused")
			}
			return 0, true, nil
		}, 4 * time.Second, "connection refused"},
		"not a number":        {Guard{AbortWhen: Condition{">", 1}}, func(time.Duration) (float64, bool, error) { return math.NaN(), true, nil }, time.Second, "no data"},
		"held":                {Guard{AbortWhen: Condition{">", 1}, NoData: "hold", Reason: "x"}, func(time.Duration) (float64, bool, error) { return 0, false, nil }, 0, ""},
		"ignored":             {Guard{AbortWhen: Condition{">", 1}, NoData: "ignore", Reason: "x"}, func(time.Duration) (float64, bool, error) { return 0, false, nil }, 0, ""},
		"all well":            {Guard{AbortWhen: Condition{">", 1}}, func(time.Duration) (float64, bool, error) { return 1, true, nil }, 0, ""},
		"a budget that burns": {Guard{SLO: "checkout", AbortWhen: Condition{">=", 14.4}}, func(time.Duration) (float64, bool, error) { return 20, true, nil }, time.Second, "guard pain: 20 is >= 14.4"},
	} {
		synctest.Test(t, func(t *testing.T) {
			v := &virtual{service: steady(time.Millisecond)}
			plan := planOf(100, 20*time.Second)
			c.guard.Name = "pain"
			if c.guard.SLO == "" {
				c.guard.PromQL = "q"
			}
			c.guard.defaults(0)
			plan.Guards = []Guard{c.guard}
			r := v.runWith(t, plan, Means{Prober: prober{time.Now(), c.probe}})
			if c.ends == 0 {
				require.Equal(t, Pass, r.Verdict, name)
				return
			}
			require.Equal(t, Fail, r.Verdict, name)
			require.InDelta(t, c.ends.Seconds(), r.DurationSeconds, 0.11, name)
			require.Contains(t, r.AbortedBy, c.says, name)
			require.Contains(t, r.Reasons[0], r.AbortedBy)
			require.InDelta(t, 100, r.AchievedRate, 2, "what was measured until then counts")
		})
	}
}

// A guard that is blind or breached before the start refuses the run: nothing is sent.
func TestGuardsLookBeforeAnythingIsSent(t *testing.T) {
	plan := brief("http://127.0.0.1:1/")
	plan.Guards = []Guard{{PromQL: "q", AbortWhen: Condition{">", 1}}}
	plan.Guards[0].defaults(0)
	for want, answer := range map[string]probe{
		"2 is > 1": func(time.Duration) (float64, bool, error) { return 2, true, nil },
		"no data":  func(time.Duration) (float64, bool, error) { return 0, false, nil },
		"is down":  func(time.Duration) (float64, bool, error) { return 0, false, errors.New("it is down") },
	} {
		_, err := Means{Prober: prober{time.Now(), answer}}.Run(t.Context(), plan)
		require.ErrorIs(t, err, ErrRefused)
		require.ErrorContains(t, err, want)
	}
	_, err := Run(t.Context(), plan, nil)
	require.ErrorContains(t, err, "there is no Prometheus to ask")
}

func TestBaseline(t *testing.T) {
	plan := planOf(0, time.Second)
	plan.Baseline, plan.Stages = "q", []Stage{{1, 10, time.Second}}
	of := func(v float64, ok bool, err error) prober {
		return prober{time.Now(), func(time.Duration) (float64, bool, error) { return v, ok, err }}
	}
	fixed, err := plan.Fixed(t.Context(), of(40, true, nil))
	require.NoError(t, err)
	require.Equal(t, []Stage{{40, 400, time.Second}}, fixed.Stages)
	for want, p := range map[string]prober{
		"it is 0 per second now": of(0, true, nil),
		"has no value now":       of(0, false, nil),
		"refused":                of(0, false, errors.New("refused")),
		"with a baseline of 3000/s: stages[0].to: to is 30000": of(3000, true, nil),
	} {
		_, err := plan.Fixed(t.Context(), p)
		require.ErrorContains(t, err, want)
	}
	_, err = Run(t.Context(), plan, nil)
	require.ErrorContains(t, err, "there is no Prometheus to ask")
}

// A threshold that aborts looks at the last five seconds: ten healthy minutes do not keep
// an outage from being seen.
func TestThresholdsThatAbort(t *testing.T) {
	well := 10 * time.Minute
	if raced {
		well = time.Minute
	}
	for _, after := range []time.Duration{0, well + time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			v := &virtual{service: func(now time.Duration, _ int64) time.Duration {
				if now > well {
					return 300 * time.Millisecond
				}
				return time.Millisecond
			}}
			plan := planOf(20, well+2*time.Minute)
			plan.Thresholds = thresholds(t, "p50 < 200ms")
			plan.Thresholds[0].Abort, plan.Thresholds[0].After = true, after
			r, _ := v.run(t, plan)
			require.Equal(t, Fail, r.Verdict)
			want := max(well+3*time.Second, after)
			require.InDelta(t, want.Seconds(), r.DurationSeconds, 1.5)
			require.Contains(t, r.AbortedBy, "threshold p50 < 200ms: 300 ms over the last 5 s")
		})
	}
}

// Twice the rate from the middle on, by hand: half as much again, and the result says so.
func TestTheRateIsChangedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &virtual{service: steady(time.Millisecond)}
		factors := make(chan float64)
		go func() {
			time.Sleep(5 * time.Second)
			factors <- 2
		}()
		r := v.runWith(t, planOf(100, 10*time.Second), Means{Factors: factors})
		require.EqualValues(t, 1500, r.Requests)
		require.InDelta(t, 150, r.RequestedRate, 0.01)
		require.InDelta(t, 150, r.AchievedRate, 0.01)
		require.Equal(t, GeneratorOK, r.Generator, "%v", r.Reasons)
		require.Equal(t, []RateChange{{5, 2}}, r.Changes)
		require.Contains(t, r.Notes[0], "changed 1 times by hand, at last to 200 %")
	})
	synctest.Test(t, func(t *testing.T) { // slow: whoever sleeps till the next arrival is woken
		v := &virtual{service: steady(time.Millisecond)}
		factors := make(chan float64)
		go func() {
			time.Sleep(time.Second)
			factors <- 1e9 // to no more than 20 times
		}()
		r := v.runWith(t, planOf(0.1, 100*time.Second), Means{Factors: factors})
		require.InDelta(t, 0.1+99*2, r.Requests, 1)
	})
}

// The first ctrl-C lets requests in flight end; the second closes their sockets.
func TestDrainAndCut(t *testing.T) {
	run := func(t *testing.T, cutAfter time.Duration) (Result, time.Duration) {
		v := &virtual{service: steady(3 * time.Second)}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		cut := make(chan struct{})
		var once atomic.Bool
		go func() {
			time.Sleep(2 * time.Second)
			cancel()
			time.Sleep(cutAfter)
			once.Store(true)
			close(cut)
		}()
		v.means = Means{Drain: 5 * time.Second, Cut: cut}
		began := time.Now()
		r, _ := v.runUntil(t, ctx, planOf(10, time.Minute))
		took := time.Since(began)
		time.Sleep(time.Minute)
		require.True(t, once.Load())
		return r, took
	}
	synctest.Test(t, func(t *testing.T) {
		r, took := run(t, 30*time.Second)
		require.Equal(t, Aborted, r.Verdict)
		require.InDelta(t, 20, r.Requests, 1, "all that were sent were answered")
		require.InDelta(t, 5, took.Seconds(), 0.2)
	})
	synctest.Test(t, func(t *testing.T) {
		r, took := run(t, 500*time.Millisecond)
		require.Equal(t, Aborted, r.Verdict)
		require.Zero(t, r.Requests)
		require.InDelta(t, 2.5, took.Seconds(), 0.2)
	})
}
