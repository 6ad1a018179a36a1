package chaos

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

func seconds(n float64) strictyaml.Duration {
	return strictyaml.Duration(n * float64(time.Second))
}

// TestAnIncidentEndsTheRun at its severity, and not below.
func TestAnIncidentEndsTheRun(t *testing.T) {
	for _, c := range []struct {
		name, severity string
		incidents      []Incident
		ends           string
	}{
		{"worse", "SEV-2", []Incident{{"INC-3", "shop is down", "SEV-3"}, {"INC-4", "checkout is down", "SEV-1"}}, "guard incident: INC-4 SEV-1 checkout is down is open"},
		{"as bad", "SEV-2", []Incident{{"INC-4", "checkout is slow", "SEV-2"}}, "guard incident: INC-4 SEV-2 checkout is slow is open"},
		{"not so bad", "SEV-2", []Incident{{"INC-4", "typo", "SEV-3"}}, ""},
		{"stricter", "SEV-4", []Incident{{"INC-4", "typo", "SEV-4"}}, "guard incident: INC-4 SEV-4 typo is open"},
		{"no severity", "SEV-4", []Incident{{"INC-4", "typo", "bad"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtually(t, func(t *testing.T, r *rig) {
				r.open = func(_ *rig, at time.Duration) ([]Incident, error) {
					if at < 4500*time.Millisecond {
						return nil, nil
					}
					return c.incidents, nil
				}
				out, _ := r.run(t.Context(), 1, 1, func(p *Plan) {
					p.Experiment.Guards = append(p.Experiment.Guards, Guard{Name: "incident", Incident: c.severity})
				})
				if c.ends == "" {
					require.Equal(t, Held, out.Verdict, out.Reason)
					return
				}
				require.Equal(t, Aborted, out.Verdict)
				require.Equal(t, c.ends, out.Reason)
				require.Equal(t, 5*time.Second, out.Faults[0].GoneAt.Sub(r.began))
				require.True(t, out.Guards[1].Tripped)
				require.Equal(t, c.severity+" or worse is open", out.Guards[1].AbortWhen)
			})
		})
	}
}

// TestIncidentsThatCannotBeRead are borne for a moment: the store is busy now and then.
func TestIncidentsThatCannotBeRead(t *testing.T) {
	for fails, verdict := range map[int]Verdict{blindLooks - 1: Held, blindLooks: Aborted} {
		virtually(t, func(t *testing.T, r *rig) {
			n := 0
			r.open = func(*rig, time.Duration) ([]Incident, error) {
				if n++; n <= fails {
					return nil, errors.New("the store is locked")
				}
				return nil, nil
			}
			out, _ := r.run(t.Context(), 1, 1, func(p *Plan) {
				p.Experiment.Guards = append(p.Experiment.Guards, Guard{Name: "incident", Incident: "SEV-2"})
			})
			require.Equal(t, verdict, out.Verdict, out.Reason)
			if verdict == Aborted {
				require.Equal(t, "guard incident: it is not known whether an incident is open: the store is locked", out.Reason)
				require.Equal(t, blindLooks*time.Second, out.Faults[0].GoneAt.Sub(r.began))
			}
		})
	}
}

func TestCheckIncidents(t *testing.T) {
	r := &rig{open: func(*rig, time.Duration) ([]Incident, error) { return []Incident{{"INC-1", "down", "SEV-2"}}, nil }}
	err := CheckIncidents(t.Context(), r, []Guard{{Incident: "SEV-2"}, {Name: "pain"}})
	require.ErrorIs(t, err, ErrRefused)
	require.EqualError(t, err, "refused R4 incident: INC-1 SEV-2 down is open; resolve it first, or declare it a drill if it is one")
	require.NoError(t, CheckIncidents(t.Context(), r, []Guard{{Name: "pain"}}), "the lab")
	r.open = func(*rig, time.Duration) ([]Incident, error) { return nil, errors.New("no store") }
	require.ErrorContains(t, CheckIncidents(t.Context(), r, []Guard{{Incident: "SEV-2"}}), "it is not known whether an incident is open: no store")
	require.ErrorContains(t, CheckIncidents(t.Context(), nil, []Guard{{Incident: "SEV-2"}}), "nobody here knows of incidents")

	listed := []Target{{Name: "pay", Listed: true}}
	require.Equal(t, "SEV-2", strictest(withInterlock(nil, listed)), "always on")
	require.Equal(t, "SEV-3", strictest(withInterlock([]Guard{{Incident: "SEV-3"}}, listed)), "or stricter")
	require.Empty(t, strictest(withInterlock(nil, shop("pay"))), "on the lab incidents are exercises")
}

// TestTheOperatorIsLost when the terminal answers no more; a single miss is borne.
func TestTheOperatorIsLost(t *testing.T) {
	for _, c := range []struct {
		name  string
		until time.Duration // beats come
		skip  time.Duration // but for the one before this
		gone  time.Duration // the fault; 0 at its end
	}{
		{"always there", time.Hour, 0, 0},
		{"gone", 4200 * time.Millisecond, 0, 7 * time.Second},
		{"one miss", time.Hour, 5 * time.Second, 0},
		{"never heard of", 0, 0, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtually(t, func(t *testing.T, r *rig) {
				r.beats = make(chan struct{}, 1)
				done := make(chan struct{})
				go func() {
					tick := time.NewTicker(time.Second)
					defer tick.Stop()
					began := time.Now().Add(-100 * time.Millisecond)
					for at := time.Duration(0); ; at = time.Since(began).Round(time.Second) {
						if at < c.until && at != c.skip || at == 0 && c.until > 0 {
							select {
							case r.beats <- struct{}{}:
							default:
							}
						}
						select {
						case <-done:
							return
						case <-tick.C:
						}
					}
				}()
				out, _ := r.run(t.Context(), 1, 1, func(p *Plan) {
					p.Experiment.Guards = append(p.Experiment.Guards, Guard{Name: "operator", Operator: &Operator{Every: seconds(1), Misses: 3}})
				})
				close(done)
				if c.gone == 0 {
					require.Equal(t, Held, out.Verdict, out.Reason)
					return
				}
				require.Equal(t, Aborted, out.Verdict)
				require.Equal(t, "guard operator: the terminal of whoever started the run has not answered for 3s", out.Reason)
				require.InDelta(t, c.gone.Seconds(), out.Faults[0].GoneAt.Sub(r.began).Seconds(), 1)
			})
		})
	}
}

// TestOldDataIsNone: a Prometheus that answers with what was is as good as one that does
// not answer.
func TestOldDataIsNone(t *testing.T) {
	stale := func(p *Plan) { p.Experiment.Guards[0].StaleAfter = seconds(30) }
	virtually(t, func(t *testing.T, r *rig) {
		r.dated = func(at time.Duration) time.Duration { return 26*time.Second + at } // nothing new comes
		out, _ := r.run(t.Context(), 1, 1, stale)
		require.Equal(t, Aborted, out.Verdict)
		require.Equal(t, "guard pain: no data: the newest sample is 33s old (stale after 30s) (abort when > 5, 3 in a row)", out.Reason)
		require.Equal(t, 7*time.Second, out.Faults[0].GoneAt.Sub(r.began))
	})
	virtually(t, func(t *testing.T, r *rig) {
		r.dated = func(time.Duration) time.Duration { return 29 * time.Second }
		out, _ := r.run(t.Context(), 1, 1, stale)
		require.Equal(t, Held, out.Verdict, out.Reason)
	})
	virtually(t, func(t *testing.T, r *rig) {
		out, _ := r.run(t.Context(), 1, 1, stale)
		require.Equal(t, Refused, out.Verdict)
		require.Contains(t, out.Reason, "refused R9 guard-blind: guard pain has no data: no sample says how old the data is")
	})
}

// TestComparedWithTheBaseline: what was usual is measured first.
func TestComparedWithTheBaseline(t *testing.T) {
	compared := func(p *Plan) {
		p.Experiment.SteadyState = []Probe{{Name: "p95", PromQL: "p95", Expect: Condition{"<=", 1.5, true}}}
		p.Experiment.Baseline = Calibration{For: seconds(4), MinSamples: 5}
	}
	for _, c := range []struct {
		during  float64
		verdict Verdict
		reason  string
	}{
		{0.31, Deviated, "p95 left its band (<= 1.5x baseline (<= 0.3)) in 10 of 10 evaluations"},
		{0.29, Held, "the steady state held and returned"},
	} {
		virtually(t, func(t *testing.T, r *rig) {
			n := 0
			r.asked = func(promql string) (float64, bool) {
				if promql != "p95" {
					return 0, false
				}
				if r.hurt() {
					return c.during, true
				}
				n++
				return []float64{0.2, 0.1, 0.3, 0.1, 0.3}[n%5], true
			}
			out, _ := r.run(t.Context(), 1, 1, compared)
			require.InDelta(t, 0.2, *out.Probes[0].Before, 1e-9, "the mean")
			require.Equal(t, c.verdict, out.Verdict, out.Reason)
			require.Equal(t, c.reason, out.Reason)
		})
	}
	virtually(t, func(t *testing.T, r *rig) {
		out, log := r.run(t.Context(), 1, 1, compared)
		require.Equal(t, Inconclusive, out.Verdict)
		require.Equal(t, "the baseline of p95 is 0, of which there is no multiple: give it an expect with a number", out.Reason)
		require.Empty(t, log.Entries)
	})
	for _, endless := range []float64{math.Inf(1), 1.5e308} { // one look of many is enough, and so is a multiple
		virtually(t, func(t *testing.T, r *rig) {
			r.metric = func(_ *rig, at time.Duration) (float64, bool, error) {
				if at == 2*time.Second {
					return endless, true, nil
				}
				return 0.1, true, nil
			}
			out, log := r.run(t.Context(), 1, 1, compared)
			require.Equal(t, Inconclusive, out.Verdict)
			require.Contains(t, out.Reason, "p95 was without an end (")
			require.Empty(t, log.Entries)
		})
	}
	virtually(t, func(t *testing.T, r *rig) {
		r.metric = func(_ *rig, at time.Duration) (float64, bool, error) { return 0.1, at != 2*time.Second, nil }
		out, _ := r.run(t.Context(), 1, 1, compared)
		require.Equal(t, Inconclusive, out.Verdict)
		require.Equal(t, "p95 had data 4 times in 4s before anything was injected; baseline.min_samples is 5", out.Reason)
	})
	virtually(t, func(t *testing.T, r *rig) {
		r.metric = func(_ *rig, at time.Duration) (float64, bool, error) {
			if at == 3*time.Second {
				return 1, true, nil
			}
			return 0, true, nil
		}
		out, log := r.run(t.Context(), 1, 1, func(p *Plan) { p.Experiment.Baseline.For = seconds(5) })
		require.Equal(t, Inconclusive, out.Verdict)
		require.Contains(t, out.Reason, "errors is 1 before anything was injected, expected < 0.5: never inject into a sick system")
		require.Empty(t, log.Entries)
	})
}

// TestPhases: a probe counts where it says, and is asked nowhere else.
func TestPhases(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		asked := map[string][]time.Duration{}
		r.asked = func(promql string) (float64, bool) {
			r.mu.Lock()
			defer r.mu.Unlock()
			asked[promql] = append(asked[promql], r.at())
			return 0, true
		}
		out, _ := r.run(t.Context(), 1, 1, func(p *Plan) {
			p.Experiment.SteadyState = nil
			for _, w := range []When{Before, During, After} {
				p.Experiment.SteadyState = append(p.Experiment.SteadyState, Probe{Name: string(w), PromQL: string(w), Expect: Condition{Op: "<", Value: 1}, Phases: []When{w}})
			}
		})
		require.Equal(t, Held, out.Verdict, out.Reason)
		require.Equal(t, []time.Duration{0}, asked["before"])
		require.Equal(t, 9*time.Second, asked["during"][9], "the last that counts")
		require.Equal(t, []time.Duration{9500 * time.Millisecond}, asked["after"])
		require.Equal(t, []int{0, 10, 0}, []int{out.Probes[0].Evaluations, out.Probes[1].Evaluations, out.Probes[2].Evaluations})
	})
}

// TestWaits lie between faults, under the guards.
func TestWaits(t *testing.T) {
	wait := func(p *Plan) {
		p.Steps = []PlannedStep{p.Steps[0], {Step: Step{ID: "settle", Wait: seconds(20)}}, p.Steps[1]}
	}
	virtually(t, func(t *testing.T, r *rig) {
		out, log := r.run(t.Context(), 2, 1, wait)
		require.Equal(t, Held, out.Verdict, out.Reason)
		require.Equal(t, 39*time.Second, r.at())
		require.Equal(t, 29500*time.Millisecond, log.Entries[1].InjectedAt.Sub(r.began))
		require.Equal(t, 1.0, *out.Score)
		require.Contains(t, r.said(KindPhase), "settle: waiting for 20s")
	})
	virtually(t, func(t *testing.T, r *rig) {
		r.metric = func(_ *rig, at time.Duration) (float64, bool, error) {
			if at > 15*time.Second && at < 20*time.Second {
				return 9, true, nil
			}
			return 0, true, nil
		}
		out, log := r.run(t.Context(), 2, 1, wait)
		require.Equal(t, Aborted, out.Verdict)
		require.Len(t, log.Entries, 1, "the second fault never came")
	})
}

// TestAStepHasItsOwnRecovery: what is not well again is not hurt again.
func TestAStepHasItsOwnRecovery(t *testing.T) {
	for _, c := range []struct {
		back    time.Duration // after the undo of the first step
		verdict Verdict
		reason  string
		steps   int
		score   float64
	}{
		{3 * time.Second, Held, "the steady state held and returned", 2, 1},
		{9 * time.Second, Deviated, "slow-db: not recovered within 5s: errors is 1, expected < 0.5", 1, 0.5},
	} {
		virtually(t, func(t *testing.T, r *rig) {
			r.metric = func(_ *rig, at time.Duration) (float64, bool, error) {
				undone := 9500 * time.Millisecond
				if at >= undone && at < undone+c.back {
					return 1, true, nil
				}
				return 0, true, nil
			}
			out, log := r.run(t.Context(), 2, 1, func(p *Plan) { p.Steps[0].ID, p.Steps[0].RecoverWithin = "slow-db", seconds(5) })
			require.Equal(t, c.verdict, out.Verdict)
			require.Equal(t, c.reason, out.Reason)
			require.Len(t, log.Entries, c.steps)
			require.Equal(t, c.score, *out.Score)
		})
	}
}

// TestScoreLaws: a score is a share, more of what is well never lowers it, and the
// weights are shares of nothing but each other.
func TestScoreLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := rapid.Custom(func(t *rapid.T) stepResult {
			n := rapid.Float64Range(0, 100).Draw(t, "evaluations")
			s := stepResult{
				weight: rapid.Float64Range(0.1, 100).Draw(t, "weight"), evaluations: n, within: n * rapid.Float64Range(0, 1).Draw(t, "within"),
				effect: rapid.Bool().Draw(t, "effect"), aborted: rapid.Bool().Draw(t, "aborted"),
			}
			if rapid.Bool().Draw(t, "own recovery") {
				well := rapid.Bool().Draw(t, "in time")
				s.recovered = &well
			}
			return s
		})
		steps := rapid.SliceOfN(one, 0, 6).Draw(t, "steps")
		var out Outcome
		if rapid.Bool().Draw(t, "recovered") {
			out.RecoverySeconds = new(float64)
		}
		got := score(steps, out)
		counts := false
		for _, s := range steps {
			counts = counts || s.aborted || s.effect && s.evaluations > 0
		}
		require.Equal(t, counts, got != nil)
		require.Nil(t, score(steps, Outcome{Verdict: UndoFailed}))
		if got == nil {
			return
		}
		require.GreaterOrEqual(t, *got, 0.0)
		require.LessOrEqual(t, *got, 1.0)

		better, scaled := make([]stepResult, len(steps)), make([]stepResult, len(steps))
		well := true
		for i, s := range steps {
			better[i], scaled[i] = s, s
			better[i].within, better[i].recovered = s.evaluations, &well
			scaled[i].weight = 3 * s.weight
		}
		require.GreaterOrEqual(t, *score(better, out)+1e-9, *got)
		require.InDelta(t, *got, *score(scaled, out), 1e-9)
	})
}

// TestGuardLaws hold the count against the words of the documentation: it trips at the
// first evaluation that ends a row of breaches as long as For.
func TestGuardLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := Guard{
			AbortWhen: Condition{Op: ">", Value: 0.5}, For: rapid.IntRange(1, 5).Draw(t, "for"),
			NoData: rapid.SampledFrom([]NoData{NoDataAbort, NoDataHold, NoDataIgnore}).Draw(t, "no data"),
		}
		seen := rapid.SliceOfN(rapid.SampledFrom([]string{"bad", "good", "none"}), 0, 30).Draw(t, "seen")
		count := &guardCount{Guard: g}
		got := -1
		for i, s := range seen {
			v := map[string]*float64{"bad": new(1.0), "good": new(0.0)}[s]
			if _, tripped := count.step(v); tripped && got < 0 {
				got = i
			}
		}
		want, row := -1, ""
		for i, s := range seen {
			switch {
			case s == "bad" || s == "none" && g.NoData == NoDataAbort:
				row += "x"
			case s == "none" && g.NoData == NoDataHold:
				continue
			default:
				row = ""
			}
			if want < 0 && len(row) >= g.For {
				want = i
			}
		}
		require.Equal(t, want, got, fmt.Sprint(seen))
	})
}

// TestRegions: all of one value are drawn and nobody else, never the only value there
// is, never more than max, and the same seed draws the same.
func TestRegions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []Target
		for i := range rapid.IntRange(1, 12).Draw(t, "targets") {
			target := Target{Name: fmt.Sprintf("t-%d", i), Service: rapid.SampledFrom([]string{"pay", "cart"}).Draw(t, "service"), Labels: map[string]string{}}
			if az := rapid.SampledFrom([]string{"a", "b", "c", ""}).Draw(t, "az"); az != "" {
				target.Labels["az"] = az
			}
			all = append(all, target)
		}
		sel := Selection{Select: map[string]string{"service": "pay"}, Max: rapid.IntRange(1, maxTargets).Draw(t, "max"), Percent: 100, GroupBy: "az"}
		seed := rapid.Uint64().Draw(t, "seed")
		c, err := Choose(all, sel, seed)
		again, errAgain := Choose(rapid.Permutation(all).Draw(t, "another order"), sel, seed)
		require.Equal(t, err, errAgain)
		if err != nil {
			require.ErrorIs(t, err, ErrRefused)
			require.Empty(t, c.Chosen)
			return
		}
		az := c.Chosen[0].Labels["az"]
		require.NotEmpty(t, az)
		var want, others []string
		for _, target := range all {
			switch {
			case target.Service != "pay":
			case target.Labels["az"] == az:
				want = append(want, target.Name)
			case target.Labels["az"] != "":
				others = append(others, target.Name)
			}
		}
		names := func(c Choice) []string { return Plan{Choice: c}.names() }
		require.ElementsMatch(t, want, names(c))
		require.ElementsMatch(t, want, names(again))
		require.NotEmpty(t, others, "another region is left")
		require.LessOrEqual(t, len(c.Chosen), sel.Max)
	})
}
