package gameday

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
)

// world is where a day is held, in virtual time: load that lasts as long as its plan
// says, faults that are undone in two seconds and looked after for five more.
type world struct {
	t     *testing.T
	began time.Time

	chaos   func(name string) (chaos.Outcome, error) // after 10 s; held if nil
	guard   time.Duration                            // ends every load as its guard would, so long after it began; 0 never does
	plan    func(name string) (loadtest.Result, error)
	answers []Answer // by when, since the day began
	ended   func(at time.Duration) string

	mu      sync.Mutex
	happens []string // what began and ended, and when
	hurts   bool     // a fault is in place
	sends   bool
	quiet   int
	reports []Report
}

func (w *world) at() time.Duration { return time.Since(w.began) }

func (w *world) say(what string, change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.happens = append(w.happens, fmt.Sprintf("%v %s", w.at().Round(time.Second), what))
	change()
}

const (
	planLength  = 30 * time.Second
	drain       = 3 * time.Second
	faultLength = 10 * time.Second
	undoing     = 2 * time.Second
	recovering  = 5 * time.Second
)

// runLoad is Means.Load.
func (w *world) runLoad(ctx context.Context, name string) (loadtest.Result, error) {
	if w.plan != nil {
		if r, err := w.plan(name); err != nil {
			return r, err
		}
	}
	w.say("load "+name, func() {
		require.Zero(w.t, w.quiet, "nothing is sent once it is quiet")
		w.sends = true
	})
	defer w.say("load over", func() { w.sends = false })
	length, r := planLength, loadtest.Result{Run: "LT-1", Plan: name, Verdict: loadtest.Pass}
	if w.guard > 0 {
		length = w.guard
		r.Verdict, r.AbortedBy, r.Reasons = loadtest.Fail, "guard pain", []string{"ended by guard pain"}
	}
	if !pause(ctx, length) {
		time.Sleep(drain)
		r.Verdict, r.AbortedBy, r.Reasons = loadtest.Aborted, "", []string{"cancelled before the end"}
	}
	if w.plan != nil && r.Verdict == loadtest.Pass {
		return w.plan(name)
	}
	return r, nil
}

// runChaos is Means.Chaos.
func (w *world) runChaos(ctx context.Context, name string) (chaos.Outcome, error) {
	out, err := chaos.Outcome{Run: "CH-1", Verdict: chaos.Held}, error(nil)
	if w.chaos != nil {
		out, err = w.chaos(name)
	}
	if err != nil || out.Verdict == chaos.Refused {
		return out, err
	}
	w.say("chaos "+name, func() { w.hurts = true })
	if !pause(ctx, faultLength) {
		out = chaos.Outcome{Run: "CH-1", Verdict: chaos.Aborted, Reason: context.Cause(ctx).Error()}
	}
	time.Sleep(undoing)
	w.say("undone", func() { w.hurts = false })
	time.Sleep(recovering)
	return out, nil
}

// hear is Means.Answers.
func (w *world) hear(ctx context.Context, step string) iter.Seq[Answer] {
	return func(yield func(Answer) bool) {
		for _, a := range w.answers {
			if a.Step == step && pause(ctx, time.Until(a.At)) && !yield(a) {
				return
			}
		}
		<-ctx.Done()
	}
}

// hold walks through a day and checks what holds for all of them.
func (w *world) hold(ctx context.Context, day Day) Result {
	w.began = time.Now()
	for i := range w.answers {
		w.answers[i].At = w.began.Add(w.answers[i].At.Sub(time.Time{}))
	}
	head := day.Head("GD-1", "01JD", "INC-1", known(), w.began)
	res := Walk(ctx, day, head, Means{
		Load: w.runLoad, Chaos: w.runChaos, Answers: w.hear,
		Ended: func() string {
			if w.ended == nil {
				return ""
			}
			return w.ended(w.at())
		},
		Quiet: func() { w.say("quiet", func() { require.False(w.t, w.sends); w.quiet++ }) },
		Tell:  func(r Report) { w.reports = append(w.reports, r) },
	})
	require.Equal(w.t, 1, w.quiet)
	require.False(w.t, w.hurts, "everything is undone")
	require.False(w.t, w.sends)
	w.foldsTo(head, res)
	return res
}

// foldsTo checks that what was told adds up to the result, and that a reader may be told
// twice.
func (w *world) foldsTo(head, res Result) {
	began, over := head.Report(KindStarted, w.began, ""), head.Report(KindFinished, time.Now(), "")
	began.Result, over.Result = &head, &res
	told := append([]Report{began}, w.reports...)
	var folded Result
	for _, r := range told {
		folded = folded.Apply(r).Apply(r)
	}
	require.Equal(w.t, res.Steps, folded.Steps)
	require.Nil(w.t, folded.EndedAt)
	require.Equal(w.t, res, folded.Apply(over).Apply(over))
	require.Equal(w.t, chaos.Aborted, folded.Died(time.Now()).Verdict)
}

func after(d time.Duration) time.Time { return time.Time{}.Add(d) }

func held(t *testing.T, change func(*world), day Day) (*world, Result) {
	w := &world{t: t}
	change(w)
	return w, w.hold(t.Context(), day)
}

// A step begins when the one before it is over; experiments begin one after the other,
// each no sooner than it should, while the load goes on.
func TestPartsBeginWhenTheyShould(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, res := held(t, func(*world) {}, Day{Name: "d", Steps: []Step{
			{ID: "calm", Load: "shop"},
			{ID: "hurt", Load: "shop", Chaos: []Run{{"late", seconds(3)}, {"paused", seconds(4)}}},
			{ID: "pause", Wait: seconds(5)},
			{ID: "alone", Chaos: []Run{{Run: "late"}}},
		}})
		require.Equal(t, chaos.Held, res.Verdict)
		require.Equal(t, "everything held", res.Reason)
		require.Empty(t, res.Findings)
		require.Equal(t, []string{
			"0s load shop", "30s load over",
			"30s load shop", "33s chaos late", "45s undone", "50s chaos paused", "1m0s load over", "1m2s undone",
			"1m12s chaos late", "1m24s undone", "1m29s quiet",
		}, w.happens)
		require.Equal(t, 29*time.Second+time.Minute, res.EndedAt.Sub(res.StartedAt))
	})
}

// What ends one part ends all, and the verdict and the findings say what it was.
func TestWhatEndsOnePartEndsTheDay(t *testing.T) {
	steps := []Step{
		{ID: "hurt", Load: "shop", Chaos: []Run{{"late", seconds(5)}, {Run: "paused"}}},
		{ID: "calm", Load: "shop"},
	}
	outcome := func(v chaos.Verdict, why string) func(*world) {
		return func(w *world) {
			w.chaos = func(string) (chaos.Outcome, error) { return chaos.Outcome{Run: "CH-1", Verdict: v, Reason: why}, nil }
		}
	}
	for _, c := range []struct {
		name    string
		change  func(*world)
		happens []string
		verdict chaos.Verdict
		reason  string
		found   []string
	}{
		{
			"a guard of the experiment", outcome(chaos.Aborted, "guard pain tripped"),
			[]string{"0s load shop", "5s chaos late", "17s undone", "25s load over", "25s quiet"},
			chaos.Aborted, "step hurt: chaos late: aborted: guard pain tripped",
			[]string{"hurt: chaos late aborted: guard pain tripped"},
		},
		{
			"a guard of the load", func(w *world) { w.guard = 8 * time.Second },
			[]string{"0s load shop", "5s chaos late", "8s load over", "8s quiet", "10s undone"},
			chaos.Aborted, "step hurt: load shop ended early: ended by guard pain",
			[]string{"hurt: load shop aborted: ended by guard pain"},
		},
		{
			"a rule", outcome(chaos.Refused, "R4"),
			[]string{"0s load shop", "8s load over", "8s quiet"},
			chaos.Inconclusive, "step hurt: chaos late: refused: R4",
			[]string{"hurt: chaos late refused: R4"},
		},
		{
			"a plan that cannot be run", func(w *world) {
				w.plan = func(string) (loadtest.Result, error) { return loadtest.Result{}, errors.New("no route") }
			},
			[]string{"0s quiet"},
			chaos.Inconclusive, "step hurt: load shop ended early: no route",
			[]string{"hurt: load shop inconclusive: no route"},
		},
		{
			"an undo that failed", outcome(chaos.UndoFailed, "it stays"),
			[]string{"0s load shop", "5s chaos late", "17s undone", "25s load over", "25s quiet"},
			chaos.UndoFailed, "hurt: chaos late: it stays",
			[]string{"hurt: chaos late undo_failed: it stays"},
		},
		{
			"HALT", func(w *world) {
				w.ended = func(at time.Duration) string {
					if at < 7*time.Second {
						return ""
					}
					return "HALT: ana"
				}
			},
			[]string{"0s load shop", "5s chaos late", "9s undone", "10s load over", "10s quiet"},
			chaos.Aborted, "HALT: ana",
			[]string{},
		},
		{
			"HALT before anything began", func(w *world) { w.ended = func(time.Duration) string { return "HALT: ana" } },
			[]string{"0s quiet"},
			chaos.Aborted, "HALT: ana",
			[]string{},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, res := held(t, c.change, Day{Name: "d", Steps: steps})
				require.Equal(t, c.happens, w.happens)
				require.Equal(t, c.verdict, res.Verdict)
				require.Equal(t, c.reason, res.Reason)
				require.Equal(t, c.found, res.Findings)
				require.Empty(t, res.Steps[1].Verdict, "the next step is not begun")
				require.Nil(t, res.Steps[1].StartedAt)
			})
		})
	}
}

// Whoever cancels it is told as the reason, and finds nothing.
func TestACancelledDayIsUndone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		w := &world{t: t}
		time.AfterFunc(7*time.Second, func() { cancel(errors.New("ended by ctrl-C (ana)")) })
		res := w.hold(ctx, Day{Name: "d", Steps: []Step{{ID: "hurt", Load: "shop", Chaos: []Run{{Run: "late"}}}}})
		require.Equal(t, []string{"0s load shop", "0s chaos late", "9s undone", "10s load over", "10s quiet"}, sorted(w.happens))
		require.Equal(t, chaos.Aborted, res.Verdict)
		require.Equal(t, "ended by ctrl-C (ana)", res.Reason)
		require.Equal(t, "load shop: cancelled before the end; chaos late: ended by ctrl-C (ana)", res.Steps[0].Reason)
		require.Empty(t, res.Findings)
	})
}

// sorted puts the load first of what begins at once.
func sorted(happens []string) []string {
	if len(happens) > 1 && happens[1] == "0s load shop" {
		happens[0], happens[1] = happens[1], happens[0]
	}
	return happens
}

// What does not hold ends nothing by itself, and is found; abort_on ends the day with it.
func TestADayGoesOnAfterADeviation(t *testing.T) {
	steps := []Step{{ID: "one", Chaos: []Run{{Run: "late"}, {Run: "paused"}}}, {ID: "two", Load: "shop"}}
	change := func(w *world) {
		w.chaos = func(name string) (chaos.Outcome, error) {
			if name == "late" {
				return chaos.Outcome{Run: "CH-1", Verdict: chaos.Deviated, Reason: "p95 left its band"}, nil
			}
			return chaos.Outcome{Run: "CH-2", Verdict: chaos.Inconclusive, Reason: "no effect"}, nil
		}
		w.plan = func(string) (loadtest.Result, error) {
			return loadtest.Result{Run: "LT-1", Verdict: loadtest.Fail, Reasons: []string{"errors < 1% does not hold"}}, nil
		}
	}
	synctest.Test(t, func(t *testing.T) {
		_, res := held(t, change, Day{Name: "d", Steps: steps})
		require.Equal(t, chaos.Deviated, res.Verdict)
		require.Equal(t, "one: chaos late: p95 left its band; two: load shop: errors < 1% does not hold", res.Reason)
		require.Equal(t, []string{
			"one: chaos late deviated: p95 left its band", "one: chaos paused inconclusive: no effect", "two: load shop deviated: errors < 1% does not hold",
		}, res.Findings)
	})
	synctest.Test(t, func(t *testing.T) {
		_, res := held(t, change, Day{Name: "d", Steps: steps, AbortOn: []chaos.Verdict{chaos.Deviated}})
		require.Equal(t, chaos.Deviated, res.Verdict)
		require.Equal(t, "step one: deviated: chaos late: p95 left its band, and abort_on has deviated: the steps after it were left out", res.Reason)
		require.Nil(t, res.Steps[1].StartedAt)
	})
}

// Go is said by everybody who is asked; one no ends the day, and so does silence.
func TestQuestions(t *testing.T) {
	roles := map[string]string{"commander": "ana", "operations": "bob", "scribe": "ana"}
	for _, c := range []struct {
		of      []string
		answers []Answer
		verdict chaos.Verdict
		took    time.Duration
		reason  string
	}{
		{nil, []Answer{{By: "cem", Go: true, At: after(9 * time.Second)}}, chaos.Held, 9 * time.Second, ""},
		{[]string{"commander", "scribe"}, []Answer{{By: "ana", Go: true, At: after(time.Second)}}, chaos.Held, time.Second, ""},
		{
			[]string{"commander", "operations"},
			[]Answer{{By: "bob", Go: true, At: after(time.Second)}, {By: "cem", Go: true, At: after(2 * time.Second)}, {By: "ana", Go: true, At: after(3 * time.Second)}},
			chaos.Held, 3 * time.Second, "",
		},
		{
			[]string{"commander", "operations"},
			[]Answer{{By: "ana", Go: true, At: after(time.Second)}, {By: "cem", Note: "the shop is slow", At: after(2 * time.Second)}},
			chaos.Aborted, 2 * time.Second, "cem: no: the shop is slow",
		},
		{[]string{"commander", "operations"}, []Answer{{By: "ana", Go: true, At: after(time.Second)}}, chaos.Aborted, time.Minute, "bob did not say go within 1m"},
		{nil, nil, chaos.Aborted, time.Minute, "nobody said go within 1m"},
	} {
		synctest.Test(t, func(t *testing.T) {
			for i := range c.answers {
				c.answers[i].Step = "ready"
			}
			w, res := held(t, func(w *world) { w.answers = c.answers }, Day{Name: "d", Roles: roles, Steps: []Step{
				{ID: "ready", Ask: "ready?", Of: c.of, Within: seconds(60)}, {ID: "calm", Load: "shop"},
			}})
			step := res.Steps[0]
			require.Equal(t, c.verdict, step.Verdict)
			require.Equal(t, c.took, step.EndedAt.Sub(*step.StartedAt))
			require.Equal(t, c.reason, step.Reason)
			require.Equal(t, c.answers, nilIfNone(step.Answers))
			require.Equal(t, c.verdict == chaos.Held, len(w.happens) > 1, "load is sent after a go alone")
		})
	}
}

func nilIfNone(all []Answer) []Answer {
	if len(all) == 0 {
		return nil
	}
	return all
}

// Somebody who answers while the day ends for another reason has not ended it.
func TestAQuestionIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, res := held(t, func(w *world) {
			w.ended = func(at time.Duration) string {
				if at < 5*time.Second {
					return ""
				}
				return "its drill INC-1 is resolved"
			}
		}, Day{Name: "d", Steps: []Step{{ID: "ready", Ask: "ready?", Within: seconds(60)}, {ID: "calm", Wait: seconds(9)}}})
		require.Equal(t, "its drill INC-1 is resolved", res.Reason)
		require.Equal(t, res.Reason, res.Steps[0].Reason)
		require.Equal(t, 5*time.Second, res.EndedAt.Sub(res.StartedAt))
	})
}
