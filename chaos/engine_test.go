package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// rig is a world in virtual time: three targets, a proxy that holds faults, and
// somebody who measures.
type rig struct {
	t     *testing.T
	began time.Time
	dir   string

	mu      sync.Mutex
	there   map[string]bool // the faults in place
	undone  []string        // in order
	reports []Report
	halt    string

	metric func(r *rig, at time.Duration) (float64, bool, error) // of every query; zero if nil
	inject func(r *rig, id string) error
	effect func(r *rig, id string, at time.Duration) bool // true if nil
	refuse func(r *rig, id string, at time.Duration) bool // an undo does not work
	heal   time.Duration                                  // when irreversible faults have healed
	open   func(r *rig, at time.Duration) ([]Incident, error)
	beats  chan struct{}
	asked  func(promql string) (float64, bool)  // of a query by its text, before metric
	dated  func(at time.Duration) time.Duration // how old what the queries read is
	sure   chan struct{}                        // what a person confirms by

	halts   func(r *rig) (string, bool) // in place of halt
	unheard chan struct{}
}

func (r *rig) at() time.Duration { return time.Since(r.began) }

// Probe is Prober's.
func (r *rig) Probe(_ context.Context, promql string, _ time.Time) (float64, bool, error) {
	if r.asked != nil {
		if v, known := r.asked(promql); known {
			return v, true, nil
		}
	}
	if r.metric == nil {
		return 0, true, nil
	}
	return r.metric(r, r.at())
}

// Measured is Dater's.
func (r *rig) Measured(_ context.Context, _ string, at time.Time) (time.Time, bool, error) {
	if r.dated == nil {
		return time.Time{}, false, nil
	}
	return at.Add(-r.dated(r.at())), true, nil
}

// Open is Incidents'.
func (r *rig) Open(context.Context) ([]Incident, error) {
	if r.open == nil {
		return nil, nil
	}
	return r.open(r, r.at())
}

// Do is Hands'.
func (r *rig) Do(_ context.Context, op Op) (string, error) {
	id := op.URL[strings.LastIndexByte(op.URL, '/')+1:]
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil && r.refuse(r, id, r.at()) {
		return "", errors.New("the proxy says no")
	}
	if r.there[id] {
		r.undone = append(r.undone, id)
	}
	delete(r.there, id)
	return "deleted", nil
}

// Check is Hands'.
func (r *rig) Check(_ context.Context, c Check) (string, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return "looked for " + c.ID, !r.there[c.ID], nil
}

func (r *rig) hurt() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.there) > 0
}

// blow is the injector of the rig.
type blow struct {
	*rig
	id string
}

func (b blow) Inject(context.Context, Armed) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inject != nil {
		if err := b.inject(b.rig, b.id); err != nil {
			return "", err
		}
	}
	b.there[b.id] = true
	return "done", nil
}

func (b blow) Observe(context.Context) (string, bool, error) {
	return "seen", b.effect == nil || b.effect(b.rig, b.id, b.at()), nil
}

// kill is one that nobody can take back.
type kill struct{ blow }

func (k kill) Recovered(context.Context) (string, bool, error) {
	return "not yet", k.at() >= k.heal, nil
}

// run does an experiment of so many steps on so many targets, a step for 9.5 s: no
// two timers end at once.
func (r *rig) run(ctx context.Context, steps, targets int, change func(*Plan)) (Outcome, Log) {
	r.began, r.there, r.dir = time.Now(), map[string]bool{}, r.t.TempDir()
	p := Plan{
		Experiment: Experiment{
			Name:        "test",
			SteadyState: []Probe{{Name: "errors", Expect: Condition{Op: "<", Value: 0.5}}},
			Guards:      []Guard{{Name: "pain", AbortWhen: Condition{Op: ">", Value: 5}, Interval: strictyaml.Duration(time.Second), For: 3}},
			Recovery:    strictyaml.Duration(30 * time.Second),
		},
		Choice: Choice{Chosen: shop("pay", "pay", "pay")[:targets]},
	}
	for s := range steps {
		step := PlannedStep{Step: Step{Fault: "http.latency", Duration: strictyaml.Duration(9500 * time.Millisecond)}}
		for n, target := range p.Choice.Chosen {
			id := fmt.Sprintf("f-%d", s*targets+n+1)
			url := "http://127.0.0.1:1/faults"
			step.Injections = append(step.Injections, Injection{
				ID: id, Kind: "http.latency", Target: target.Name, Tier: TierCarried,
				Undo: []Op{HTTPDelete(url, id)}, Gone: HTTPAbsent(url, id), Injector: blow{r, id},
			})
		}
		p.Steps = append(p.Steps, step)
	}
	if change != nil {
		change(&p)
	}
	j := openJournal(r.t, r.dir, "RUN")
	e := &engine{
		run: "CH-1", id: "RUN", plan: p, prober: r, incidents: r, beats: r.beats, hands: r, journal: j, abort: make(chan string), sure: r.sure,
		say: func(rep Report) { r.reports = append(r.reports, rep) }, unheard: r.unheard,
		halted: func() (string, bool) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.halts != nil {
				return r.halts(r)
			}
			return r.halt, r.halt != ""
		},
	}
	out := e.Run(ctx)
	log, err := j.log()
	require.NoError(r.t, err)
	return out, log
}

// said are the facts of a kind.
func (r *rig) said(kind string) []string {
	var texts []string
	for _, rep := range r.reports {
		if rep.Kind == kind {
			texts = append(texts, rep.Text)
		}
	}
	return texts
}

func virtually(t *testing.T, test func(t *testing.T, r *rig)) {
	synctest.Test(t, func(t *testing.T) { test(t, &rig{t: t}) })
}

func TestTwoSteps(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		out, log := r.run(t.Context(), 2, 2, nil)
		require.Equal(t, Held, out.Verdict, out.Reason)
		require.Equal(t, 19*time.Second, r.at())
		require.Equal(t, 20, out.Probes[0].Evaluations, "every second")
		require.Len(t, r.undone, 4)
		require.ElementsMatch(t, []string{"f-1", "f-2"}, r.undone[:2], "a step is over before the next begins")
		require.True(t, log.Closed)
		require.Len(t, log.Entries, 4)
		require.Len(t, r.said(KindUndone), 4)
	})
}

func TestGuardEndsAllSteps(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		r.metric = func(r *rig, _ time.Duration) (float64, bool, error) {
			if r.hurt() {
				return 9, true, nil
			}
			return 0, true, nil
		}
		out, log := r.run(t.Context(), 2, 1, nil)
		require.Equal(t, Aborted, out.Verdict)
		require.Equal(t, "guard pain: 9 (abort when > 5, 3 in a row)", out.Reason)
		require.Equal(t, 3*time.Second, r.at(), "an evaluation a second, three in a row")
		require.Equal(t, GuardOutcome{"pain", "> 5", 4, 3, out.Guards[0].Last, true}, out.Guards[0], "one of them before")
		require.Len(t, log.Entries, 1, "the second step never began")
		require.Zero(t, *out.Score)
		require.NotNil(t, out.RecoverySeconds, "health returned, and that is worth knowing")
	})
}

func TestUndoIsTriedAgain(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		var tries int
		r.refuse = func(*rig, string, time.Duration) bool { tries++; return tries < 5 }
		out, log := r.run(t.Context(), 1, 1, nil)
		require.Equal(t, Held, out.Verdict, out.Reason)
		require.Equal(t, 5, tries)
		require.Equal(t, 11*time.Second, r.at(), "0.1 s, twice that, and so on")
		require.True(t, log.Closed)
	})
}

func TestUndoFails(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		r.refuse = func(_ *rig, id string, _ time.Duration) bool { return id == "f-2" }
		out, log := r.run(t.Context(), 2, 3, nil)
		require.Equal(t, UndoFailed, out.Verdict)
		require.Nil(t, out.Score)
		require.Nil(t, out.RecoverySeconds)
		require.ElementsMatch(t, []string{"f-1", "f-3"}, r.undone, "one that fails does not keep the others")
		require.Len(t, r.said(KindUndoFailed), 1)
		require.Contains(t, r.said(KindUndoFailed)[0], "undo http.latency on pay-2: tried 5 times: DELETE http://127.0.0.1:1/faults/f-2: the proxy says no; do by hand: [DELETE http://127.0.0.1:1/faults/f-2]")
		require.False(t, log.Closed)
		require.Equal(t, "f-2", log.open()[0].ID)
		require.Contains(t, log.open()[0].Failed, "the proxy says no")

		// The next start of sitrep, once the proxy has come to its senses.
		open, err := Active(r.dir)
		require.NoError(t, err)
		require.True(t, open[0].Undoing)
		_, err = recoverWith(t.Context(), r.dir, r)
		require.NoError(t, err, "its journal is still in use: somebody is at it")
		require.True(t, r.hurt())
	})
}

// TestRecoverFails tells what could not be undone, and can be repeated.
func TestRecoverFails(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		r.began, r.there = time.Now(), map[string]bool{"f-1": true, "f-2": true}
		dir := t.TempDir()
		j := openJournal(t, dir, "RUN")
		for _, id := range []string{"f-1", "f-2"} {
			intent := &Intent{Kind: "http.latency", Target: id, Undo: []Op{HTTPDelete("http://127.0.0.1:1/faults", id)}, Gone: HTTPAbsent("http://127.0.0.1:1/faults", id)}
			require.NoError(t, j.Append(Record{Rec: recIntent, Entry: id, Intent: intent}))
			require.NoError(t, j.appendNow(recInjected, id, ""))
		}
		require.NoError(t, j.close())
		stubborn := true
		r.refuse = func(_ *rig, id string, _ time.Duration) bool { return stubborn && id == "f-1" }
		done, err := recoverWith(t.Context(), dir, r)
		require.ErrorContains(t, err, "the proxy says no")
		require.Equal(t, []string{"http.latency on f-2"}, done[0].Undone)
		require.Equal(t, err.Error(), done[0].Err.Error())
		stubborn = false
		done, err = recoverWith(t.Context(), dir, r)
		require.NoError(t, err)
		require.Equal(t, []string{"http.latency on f-1"}, done[0].Undone)
		require.False(t, r.hurt())
	})
}

// TestInjectionCutOff is one whose request was lost, or so it seemed: it arrives
// when the undo has been done already.
func TestInjectionCutOff(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		r.inject = func(r *rig, id string) error {
			if id != "f-2" {
				return nil
			}
			time.AfterFunc(700*time.Millisecond, func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.there[id] = true
			})
			return errors.New("no answer")
		}
		out, log := r.run(t.Context(), 1, 3, nil)
		require.Equal(t, Inconclusive, out.Verdict)
		require.Equal(t, "inject http.latency on pay-2: no answer", out.Reason)
		require.False(t, r.hurt())
		require.ElementsMatch(t, []string{"f-1", "f-2"}, r.undone)
		require.Len(t, log.Entries, 2, "the third was never begun")
		require.True(t, log.Closed)
		require.Nil(t, out.Faults[1].InjectedAt)
		require.Nil(t, out.Score)
	})
}

// TestEffectsTakeTheirTime on several targets: looking for them does not keep a
// fault in place beyond its time.
func TestEffectsTakeTheirTime(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		r.effect = func(_ *rig, id string, at time.Duration) bool {
			return id == "f-1" && at > 4*time.Second || id == "f-2" && at > 8*time.Second
		}
		out, _ := r.run(t.Context(), 1, 3, nil)
		require.Equal(t, Inconclusive, out.Verdict)
		require.Contains(t, out.Reason, "http.latency on pay-3 showed no effect within 1.4s: seen")
		for _, f := range out.Faults {
			require.LessOrEqual(t, f.GoneAt.Sub(r.began), 9500*time.Millisecond, f.ID)
		}
		require.Nil(t, out.Score)
	})
}

// TestKilledTarget cannot be undone: it is over when its target has recovered,
// and that is said once.
func TestKilledTarget(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		r.heal = 13500 * time.Millisecond
		out, log := r.run(t.Context(), 1, 1, func(p *Plan) {
			inj := &p.Steps[0].Injections[0]
			inj.Tier, inj.Undo, inj.Gone, inj.Injector = TierIrreversible, nil, Nothing(), kill{blow{r, inj.ID}}
			delete(r.there, inj.ID)
		})
		require.Equal(t, Held, out.Verdict, out.Reason)
		require.Equal(t, 4.0, *out.RecoverySeconds)
		require.Equal(t, r.heal, out.Faults[0].GoneAt.Sub(r.began))
		require.Equal(t, []string{"not yet"}, r.said(KindUndone))
		require.True(t, log.Closed)
	})
}

func TestRecovery(t *testing.T) {
	for _, c := range []struct {
		back    time.Duration
		verdict Verdict
		reason  string
		seconds float64
		score   float64
	}{
		{12500 * time.Millisecond, Deviated, "errors left its band (< 0.5) in 10 of 10 evaluations", 3, 0},
		{time.Hour, Deviated, "errors left its band (< 0.5) in 10 of 10 evaluations; not recovered within 30s: errors is 1, expected < 0.5", -1, 0},
	} {
		virtually(t, func(t *testing.T, r *rig) {
			r.metric = func(r *rig, at time.Duration) (float64, bool, error) {
				if at > 0 && at < c.back || r.hurt() {
					return 1, true, nil
				}
				return 0, true, nil
			}
			out, _ := r.run(t.Context(), 1, 1, nil)
			require.Equal(t, c.verdict, out.Verdict)
			require.Equal(t, c.reason, out.Reason)
			require.Equal(t, c.score, *out.Score)
			if c.seconds < 0 {
				require.Nil(t, out.RecoverySeconds)
				return
			}
			require.Equal(t, c.seconds, *out.RecoverySeconds)
		})
	}
}

// TestBaseline is a system that is not fit to be hurt.
func TestBaseline(t *testing.T) {
	for name, c := range map[string]struct {
		metric  func(*rig, time.Duration) (float64, bool, error)
		verdict Verdict
		reason  string
		took    time.Duration
	}{
		"no data":  {func(*rig, time.Duration) (float64, bool, error) { return 0, false, nil }, Refused, "refused R9 guard-blind: guard pain has no data; a guard must see", 2 * time.Second},
		"an error": {func(*rig, time.Duration) (float64, bool, error) { return 0, false, errors.New("many series") }, Refused, "guard pain has no data: many series;", 2 * time.Second},
		"no answer": {func(*rig, time.Duration) (float64, bool, error) {
			time.Sleep(time.Second)
			return 0, false, context.DeadlineExceeded
		}, Refused, "guard pain has no data: no answer within 1s;", 5 * time.Second},
		"data at the third look":   {func(_ *rig, at time.Duration) (float64, bool, error) { return 0, at > time.Second, nil }, Held, "the steady state held", 11500 * time.Millisecond},
		"a guard that is breached": {func(*rig, time.Duration) (float64, bool, error) { return 9, true, nil }, Inconclusive, "guard pain is 9 before anything was injected (abort when > 5)", 0},
		"sick":                     {func(*rig, time.Duration) (float64, bool, error) { return 1, true, nil }, Inconclusive, "errors is 1 before anything was injected, expected < 0.5", 0},
	} {
		t.Run(name, func(t *testing.T) {
			virtually(t, func(t *testing.T, r *rig) {
				r.metric = c.metric
				out, log := r.run(t.Context(), 1, 1, nil)
				require.Equal(t, c.verdict, out.Verdict, out.Reason)
				require.Contains(t, out.Reason, c.reason)
				require.Equal(t, c.took, r.at())
				require.Equal(t, c.verdict == Held, len(log.Entries) == 1)
				require.True(t, log.Closed)
			})
		})
	}
}

// TestEndings are asked for from outside, while the fault holds.
func TestEndings(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		time.AfterFunc(5*time.Second, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.halt = "fire in the hall"
		})
		out, _ := r.run(t.Context(), 1, 1, nil)
		require.Equal(t, Aborted, out.Verdict)
		require.Equal(t, "HALT: fire in the hall; the steady state was back at once", out.Why())
		require.LessOrEqual(t, out.Faults[0].GoneAt.Sub(r.began), 5*time.Second+lookEvery)
		require.Zero(t, *out.RecoverySeconds)
		require.Equal(t, []string{"HALT: fire in the hall"}, r.said(KindAborting))
	})
	virtually(t, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		out, _ := r.run(ctx, 1, 1, nil)
		require.Equal(t, Aborted, out.Verdict)
		require.Equal(t, "context deadline exceeded; the steady state was back at once", out.Why())
		require.Equal(t, 5*time.Second, r.at())
		require.False(t, r.hurt())
	})
}

// TestEndedRunsAreLookedAfter: what a person, a guard or HALT has ended says whether
// health came back, in the time for that; unless nobody is there to be told.
func TestEndedRunsAreLookedAfter(t *testing.T) {
	sickUntil := func(end time.Duration) func(*rig, time.Duration) (float64, bool, error) {
		return func(_ *rig, at time.Duration) (float64, bool, error) {
			if at > time.Second && at < end {
				return 1, true, nil
			}
			return 0, true, nil
		}
	}
	halted := func(r *rig) (string, bool) { return "fire", r.at() >= 5*time.Second }
	for _, c := range []struct {
		name, reason string
		sick         time.Duration
		took         time.Duration // of the whole run
		leave        time.Duration // when nobody is there any more; 0 is never
	}{
		{"back", "HALT: fire; the steady state was back after 3s", 7500 * time.Millisecond, 8 * time.Second, 0},
		{"not back", "HALT: fire; not recovered within 30s: errors is 1, expected < 0.5", time.Hour, 35 * time.Second, 0},
		{"nobody there", "HALT: fire; nobody waited to see whether the steady state returned", time.Hour, 6500 * time.Millisecond, 6500 * time.Millisecond},
		{"nobody there from the start", "HALT: fire; nobody waited to see whether the steady state returned", time.Hour, 5 * time.Second, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtually(t, func(t *testing.T, r *rig) {
				r.metric, r.halts = sickUntil(c.sick), halted
				if c.leave > 0 {
					r.unheard = make(chan struct{})
					time.AfterFunc(c.leave, func() { close(r.unheard) })
				}
				out, log := r.run(t.Context(), 2, 1, nil)
				require.Equal(t, Aborted, out.Verdict)
				require.Equal(t, c.reason, out.Why())
				require.Equal(t, c.took, r.at().Truncate(500*time.Millisecond))
				require.Zero(t, *out.Score)
				require.Len(t, log.Entries, 1, "nothing more is injected")
				require.True(t, log.Over)
				require.True(t, log.Closed)
			})
		})
	}
}

// TestAHaltThatNobodyWaitedFor: a run that had no journal yet when HALT was raised hurts
// nothing, however little time is left; nor does one whose second target is next.
func TestAHaltThatNobodyWaitedFor(t *testing.T) {
	for _, injected := range []int{0, 1} {
		virtually(t, func(t *testing.T, r *rig) {
			r.halts = func(r *rig) (string, bool) { return "fire", len(r.there) == injected }
			out, log := r.run(t.Context(), 1, 2, nil)
			require.Equal(t, Aborted, out.Verdict)
			require.Contains(t, out.Why(), "HALT: fire")
			require.Len(t, log.Entries, injected)
			require.False(t, r.hurt())
			require.True(t, log.Closed)
		})
	}
}

// TestTheTargetIsLookedAtAgain before the intent and right before the deed: where it is not
// what it was nothing is done, and what others have done is not taken back.
func TestTheTargetIsLookedAtAgain(t *testing.T) {
	for looks, entries := range []int{0, 1} {
		virtually(t, func(t *testing.T, r *rig) {
			looked := 0
			out, log := r.run(t.Context(), 1, 1, func(p *Plan) {
				p.Steps[0].Injections[0].Still = func(context.Context) error {
					if looked++; looked > looks {
						return Refuse("stopped-already", "look who stopped it", "process 7 is in state T already")
					}
					return nil
				}
			})
			require.Equal(t, Inconclusive, out.Verdict)
			require.Equal(t, "inject http.latency on pay-1: refused R7 stopped-already: process 7 is in state T already; look who stopped it", out.Reason)
			require.Equal(t, looks+1, looked)
			require.Empty(t, r.said(KindInjected))
			require.Empty(t, r.undone, "it is somebody else's")
			require.Nil(t, out.Faults[0].InjectedAt)
			require.True(t, log.Closed)
			require.Len(t, log.Entries, entries)
			for _, e := range log.Entries {
				require.False(t, e.Open())
			}
		})
	}
}

// TestOneLookOfTen is no proof that the steady state held.
func TestOneLookOfTen(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		r.metric = func(r *rig, at time.Duration) (float64, bool, error) { return 0, !r.hurt() || at < time.Second, nil }
		out, _ := r.run(t.Context(), 1, 1, func(p *Plan) { p.Experiment.Guards[0].NoData = NoDataIgnore })
		require.Equal(t, Inconclusive, out.Verdict)
		require.Equal(t, "errors had too little data while the fault held: 1 of 10 looks answered, and at most 25 % may go without", out.Reason)
		require.Equal(t, 1, out.Probes[0].Within)
		require.Nil(t, out.Score)
	})
}

// TestNothingWithoutAJournal: what cannot be written down is not done.
func TestNothingWithoutAJournal(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		full := fmt.Errorf("write: %w", os.ErrClosed)
		j := openJournal(t, t.TempDir(), "RUN")
		require.NoError(t, j.file.Close())
		r.began, r.there = time.Now(), map[string]bool{}
		e := &engine{journal: j, hands: r, say: func(Report) {}}
		entry, err := e.inject(t.Context(), Injection{ID: "f-1", Kind: "http.latency", Target: "pay-1", Injector: blow{r, "f-1"}}, time.Now())
		require.Nil(t, entry)
		require.ErrorIs(t, err, errors.Unwrap(full))
		require.ErrorContains(t, err, "inject http.latency on pay-1: not without a journal")
		require.False(t, r.hurt())

		// But what is there is undone, journal or not.
		r.there["f-1"] = true
		gone := Entry{ID: "f-1", Confirmed: true, Intent: Intent{Undo: []Op{HTTPDelete("http://127.0.0.1:1/faults", "f-1")}, Gone: HTTPAbsent("http://127.0.0.1:1/faults", "f-1")}}
		_, ok, err := undo(t.Context(), j, r, gone, "test")
		require.True(t, ok)
		require.ErrorContains(t, err, "journal ")
		require.False(t, r.hurt())
	})
}

// TestReporter never makes the engine wait: facts fit, samples give way.
func TestReporter(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	out := newReporter(write)
	long := strings.Repeat("x", 1000)
	for range reportRoom {
		out.say(Report{Kind: KindProbe, Sample: &Sample{Name: long}})
	}
	for range 100 {
		out.say(Report{Kind: KindInjected, Text: long})
	}
	require.Less(t, len(out.lines), reportRoom)
	flushed := make(chan []byte, 1)
	go func() {
		var all []byte
		buf := make([]byte, 64<<10)
		for {
			n, err := read.Read(buf)
			all = append(all, buf[:n]...)
			if err != nil {
				flushed <- all
				return
			}
		}
	}()
	out.flush()
	require.NoError(t, write.Close())
	all := strings.Split(strings.TrimSpace(string(<-flushed)), "\n")
	facts := slices.DeleteFunc(all, func(line string) bool { return !strings.Contains(line, `"kind":"injected"`) })
	require.Len(t, facts, 100)
	require.NoError(t, read.Close())

	read, write, err = os.Pipe()
	require.NoError(t, err)
	require.NoError(t, read.Close()) // the reader is gone
	out = newReporter(write)
	out.say(Report{Text: long})
	out.flush()
	require.NoError(t, write.Close())
}
