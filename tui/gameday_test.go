package tui

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// days is a shop that has game days, two of which were held.
func days(w *pane.World, now time.Time) {
	day := gameday.Day{
		Name: "checkout-day", Pin: "F8", Hypothesis: "While payments hangs customers buy, and we see it before they do.", Service: "checkout", Severity: "SEV-3",
		Roles: map[string]string{"commander": "alice", "operations": "bob"}, Steps: make([]gameday.Step, 5),
	}
	short := gameday.Day{Name: "short-day", Severity: "SEV-4", Steps: make([]gameday.Step, 1)}
	w.Gamedays.Days = []pane.PreparedDay{{Day: short, Most: 90 * time.Second}, {Day: day, Most: 26*time.Minute + 30*time.Second}}
	w.Gamedays.Broken = []pane.BrokenExperiment{{Name: "bad-day", Error: `bad.yaml:2:16: the configuration has no plan "shopp"; it has smoke`}}
	ended := func(run, id, name string, ago time.Duration, v chaos.Verdict, reason string, steps []gameday.StepResult) gameday.Result {
		over := now.Add(-ago + 20*time.Minute)
		return gameday.Result{Run: run, ID: id, Day: name, Drill: "INC-150", Hypothesis: "People still buy.", Verdict: v, Reason: reason, StartedAt: now.Add(-ago), EndedAt: &over, Steps: steps, Findings: []string{}}
	}
	score := 0.8
	began, over := now.Add(-30*time.Hour), now.Add(-29*time.Hour)
	held := ended("GD-2", "01G2", "checkout-day", 30*time.Hour, chaos.Deviated, "late: load smoke: p95 < 200ms does not hold", []gameday.StepResult{
		{ID: "ready", What: "ask commander: Is everybody here?", Asks: true, Of: []string{"alice"}, Verdict: chaos.Held, StartedAt: &began, EndedAt: &over, Answers: []gameday.Answer{{Step: "ready", By: "alice", Go: true, Note: "the board is on the \x1b[2Jbig screen", At: began}}},
		{
			ID: "late", What: "load smoke, chaos payments-latency after 30s", Verdict: chaos.Deviated, Reason: "load smoke: p95 < 200ms does not hold", StartedAt: &began, EndedAt: &over,
			Load:  &gameday.LoadPart{Run: "LT-4", Plan: "smoke", Totals: loadtest.Totals{RequestedRate: 400, AchievedRate: 398, Requests: 23880, Errors: 12, Latency: loadtest.Latency{P50: 40 * time.Millisecond, P95: 260 * time.Millisecond, P99: time.Second}}},
			Chaos: []gameday.ChaosPart{{Run: "CH-2", Experiment: "payments-latency", Score: &score, Part: gameday.Part{Verdict: chaos.Held, Reason: "the steady state held and returned"}}},
		},
	})
	held.Findings = []string{"late: load smoke deviated: p95 < 200ms does not hold"}
	w.Gamedays.Runs = []gameday.Result{ended("GD-1", "01G1", "short-day", 12*24*time.Hour, chaos.Held, "everything held", nil), held}
}

// dayAt has a game day go on: at its question, or at its second step.
func dayAt(step int) func(*pane.World, time.Time) {
	return func(w *pane.World, now time.Time) {
		days(w, now)
		seconds := func(n int) chaos.Seconds { return chaos.Seconds(time.Duration(n) * time.Second) }
		r := gameday.Result{
			Run: "GD-3", ID: "01G3", Day: "checkout-day", Drill: "INC-205", Hypothesis: "People still buy.", StartedAt: now.Add(-4 * time.Minute),
			Steps: []gameday.StepResult{
				{ID: "ready", What: "ask commander, operations: Is everybody here?", Asks: true, Of: []string{"alice", "bob"}, Most: seconds(900)},
				{ID: "late", What: "load smoke, chaos payments-latency after 30s", Most: seconds(200)},
				{ID: "settle", What: "wait 1m", Most: seconds(60)},
				{ID: "seen", What: "ask: Did the alert fire, and did everybody see it?", Asks: true, Most: seconds(600)},
			},
		}
		for i := range step + 1 {
			began, over := now.Add(-time.Duration(100-i)*time.Second), now.Add(-time.Duration(99-i)*time.Second)
			r.Steps[i].StartedAt = &began
			if i < step {
				r.Steps[i].EndedAt, r.Steps[i].Verdict = &over, chaos.Held
			}
		}
		r.Steps[0].Answers = []gameday.Answer{{Step: "ready", By: "bob", Go: true, Note: "with the board on the big screen", At: now.Add(-time.Minute)}}
		w.Gamedays.Runs = append(w.Gamedays.Runs, r)
	}
}

// dayJudged has the rules say what holding checkout-day would be.
func dayJudged(j pane.Judged) func(*pane.World, time.Time) {
	return func(w *pane.World, now time.Time) {
		days(w, now)
		j.At = now
		w.Gamedays.Judged = map[string]pane.Judged{"checkout-day": j}
	}
}

const dayPlan = `checkout-day: 5 steps, at most 26m30s
expected  While payments hangs customers buy, and we see it before they do.
drill     SEV-3 about checkout
people    commander alice, operations bob
ends on   anything ended before its time, a no, HALT, or the end of the drill

FROM     FOR           WHAT
0s       up to 15m     ready: ask commander, operations: Is everybody here?
0s       30s-34s       late: load smoke
30s      40s-1m40s     late: chaos payments-latency
1m10s    1m            settle: wait 1m
2m10s    up to 10m     seen: ask: Did the alert fire, and did everybody see it?

load smoke: 1 target(s), up to 400/s for 10s; nothing was sent
  request  GET http://127.0.0.1:8080/
  stage 1  10s    400/s
  holds    p95 < 200ms

chaos payments-latency; nothing was touched
experiment  payments-latency
targets     payments-1 (1 of 2 that match: payments-1, payments-2; seed 7)
step 1      http.latency for 30s
  undo      DELETE http://127.0.0.1:18474/faults/01jdq-1
`

const (
	dayRefusals = "experiment payments-latency: refused R4 incident: INC-204 SEV-1 checkout 5xx ratio > 5% is open; resolve it first\nexperiment payments-kill: refused R7 stopped-already: somebody has stopped it; continue it"
	dayWords    = "payments-latency 100% and 127.0.0.1:8080"
)

// A day that goes on stands in the header of every view, beside what else goes on, down to
// the smallest screen; whoever is asked is told the key.
func TestAGameDayIsInEveryHeader(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		for _, view := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "C", "w"} {
			row := strings.Split(drawn(still(t, size[0], size[1], []string{view}, with(dayAt(1)))), "\n")[1]
			require.Contains(t, row, "GD-3", "%v, view %s", size, view)
			require.Contains(t, row, "2/4", "%v, view %s", size, view)
			row = strings.Split(drawn(still(t, size[0], size[1], []string{view}, with(dayAt(0)))), "\n")[1]
			require.Contains(t, row, "GD-3", "%v, view %s", size, view)
			require.Regexp(t, "ASKS: (V|.* V answers)", row, "%v, view %s", size, view)
		}
	}
	require.Contains(t, drawn(still(t, 200, 60, nil, with(calmShop), with(dayAt(1)))), `GD-3 step 2/4 "late", up to 101 s left, 12:41 of the day`)
	require.Contains(t, drawn(still(t, 200, 60, nil, with(calmShop), with(dayAt(0)))), `GD-3 step 1/4 "ready" ASKS: Is everybody here? V answers, 13:20 left`)
	for _, size := range [][2]int{{59, 15}, {40, 10}} {
		require.Contains(t, drawn(still(t, size[0], size[1], nil, with(dayAt(0)))), "GD-3 step 1/4")
	}
	require.NotContains(t, drawn(still(t, 120, 40, nil, with(days))), "GD-")
}

// From the list to its plan, and from there, confirmed as an experiment is, to a process of
// its own. What is refused cannot be started.
func TestAGameDayIsStartedFromItsPlan(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		say := func(j pane.Judged) {
			j.At = time.Now()
			p.world(func(w *pane.World) { w.Gamedays.Judged = map[string]pane.Judged{"checkout-day": j} })
		}
		p.world(func(w *pane.World) {
			w.Incidents = nil
			days(w, time.Now())
		})
		p.press("4", "tab", "tab")
		p.sees("game days  2", "F8 checkout-day", "26m30s  5 steps", "short-day", "broken: bad.yaml:2:16", "GD-2", "deviated", "GD-1", "held")
		p.press("g", "enter")
		p.sees("Game day checkout-day", "asking the rules and the guards of all its parts", "GD-2 29h40m ago: deviated")
		p.seesNot("y start in")
		require.Equal(t, []pane.Order{pane.JudgeGameday{Name: "checkout-day"}}, p.desk.taken())
		say(pane.Judged{Plan: dayPlan, Refused: dayRefusals})
		p.sees("refused, nothing would be touched", "R4 incident: INC-204", "R7 stopped-already", "ready: ask commander, operations: Is everybody here?", "up to 15m", "at most 26m30s", "load smoke: 1 target(s)")
		p.seesNot("y start in")
		p.wait(time.Second)
		p.press("y")
		p.sees("Game day checkout-day")
		say(pane.Judged{Plan: dayPlan})
		p.sees("nothing refuses it", "y start in 3 s")
		p.wait(time.Second)
		p.press("enter") // leaves
		p.seesNot("Game day checkout-day")
		p.press("f8")
		p.sees("asking the rules")
		require.Equal(t, []pane.Order{pane.JudgeGameday{Name: "checkout-day"}}, p.desk.taken())
		say(pane.Judged{Plan: dayPlan})
		p.wait(time.Second)
		p.press("y")
		p.sees("in 3 s", "game day checkout-day: 5 steps, at most 26m30s, as a drill (SEV-3) that is declared for it")
		p.press("u")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
		p.press("esc", "f8")
		p.desk.taken()
		say(pane.Judged{Plan: dayPlan})
		p.wait(time.Second)
		p.press("y")
		p.wait(4 * time.Second)
		require.Equal(t, []pane.Order{pane.StartGameday{Name: "checkout-day"}}, p.desk.taken())
		p.press("f8", "tab")
		p.sees("Runs of checkout-day", "GD-2", "late: load smoke: p95 < 200ms does not hold", "LT-4 smoke: 398/s of 400/s", "CH-2 payments-latency: held 80%", "alice: go: the board is on the")
	})
}

// Production is typed, once for all of it; a context that is read-only starts none.
func TestAGameDayInProductionIsTyped(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) {
			w.Incidents = nil
			days(w, time.Now())
		})
		p.press("f8")
		p.desk.taken()
		p.world(func(w *pane.World) {
			w.Gamedays.Judged = map[string]pane.Judged{"checkout-day": {At: time.Now(), Plan: dayPlan, Confirm: "payments-1 has env=prod", Words: dayWords}}
		})
		p.sees(`production (payments-1 has env=prod): "payments-latency 100% and 127.0.0.1:8080" has to be typed`, "y type its words")
		p.wait(time.Second)
		p.press("y")
		p.sees("Type payments-latency 100% and 127.0.0.1:8080 to go on:", "This is production: payments-1 has env=prod.")
		p.typed(dayWords)
		p.wait(time.Second)
		p.press("y")
		p.sees("in 5 s")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.StartGameday{Name: "checkout-day", Confirm: dayWords}}, p.desk.taken())
	})
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) { days(w, time.Now()) })
		p.press("f8")
		p.desk.taken()
		p.world(func(w *pane.World) {
			w.Gamedays.Judged = map[string]pane.Judged{"checkout-day": {At: time.Now(), Plan: dayPlan, Words: dayWords}}
		})
		p.sees("write", "read-only")
		p.wait(time.Second)
		p.press("y")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
	}, readingProd)
}

// A question is answered by keys alone, with a note, by whoever looks; enter says nothing,
// and what was said can be taken back.
func TestAQuestionIsAnsweredByKeys(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("V")
		p.sees("no game day asks anything now")
		p.world(func(w *pane.World) { dayAt(0)(w, time.Now()) })
		p.sees("V go or no-go")
		p.press("V")
		p.sees("GD-3 asks: Is everybody here?", "wants go of alice, within", "bob: go: with the board on the big screen")
		p.seesNot("is not asked")
		p.press("enter")
		p.wait(time.Second)
		p.press("enter", "q")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken(), "neither enter nor q is an answer")

		p.press("V")
		p.typed("all here")
		p.press("enter")
		p.sees("y go", "n no-go")
		p.wait(time.Second)
		p.press("y")
		p.sees("in 5 s", "go to GD-3: Is everybody here?: all here")
		p.press("u")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())

		p.press("V", "enter")
		p.wait(time.Second)
		p.press("n")
		p.sees("no-go to GD-3: Is everybody here? The day ends, and everything is undone")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.AnswerGameday{Run: "GD-3", Step: "ready"}}, p.desk.taken())

		p.press("V")
		p.typed("yes")
		p.press("enter")
		p.world(func(w *pane.World) { dayAt(1)(w, time.Now()) })
		p.sees("GD-3 does not ask this any more")
		p.wait(time.Second)
		p.press("y")
		p.sees("GD-3 does not ask ready any more")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
	})
	play(t, 80, 24, func(p *player) {
		p.world(func(w *pane.World) { dayAt(0)(w, time.Now()) })
		p.press("V")
		p.sees("mallory is not asked")
		p.press("enter")
		p.wait(time.Second)
		p.press("y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.AnswerGameday{Run: "GD-3", Step: "ready", Go: true}}, p.desk.taken())
	}, as("mallory"))
}

// View 4 shows a day as it goes, and enter on what it asks leads to the answer; a second one
// cannot be started, and leaving says what becomes of it.
func TestViewFourFollowsADay(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) {
			w.Incidents = nil
			dayAt(0)(w, time.Now())
		})
		p.press("4")
		p.sees("GD-3 checkout-day step 1 of 4, drill INC-205", "asks   Is everybody here?", "wants  go of alice within", "said   bob: go", "▸ ready", "late", "^X ends it")
		p.press("g", "down", "enter")
		p.sees("GD-3 asks: Is everybody here?")
		p.press("esc")
		p.world(func(w *pane.World) { dayAt(1)(w, time.Now()) })
		p.sees("✓ ready", "held", "▸ late", "up to 101 s")
		p.press("g", "enter")
		p.sees("goes on, step 2 of 4", "alice", "wait 1m")
		p.press("esc", "f8")
		p.sees("GD-3 checkout-day goes on, and there is one at a time; ^X ends it")
		p.seesNot("y start in")
		p.press("esc", "1", "q")
		require.Contains(t, flat(p.screen()), "GD-3 checkout-day was started by another process, and goes on.")
		p.press("n")
		p.world(func(w *pane.World) { w.Gamedays.Here = "GD-3" })
		p.press("q")
		require.Contains(t, flat(p.screen()), "GD-3 checkout-day was started here: it is ended and undone, and its drill")
		p.press("n")
		p.desk.taken()
		p.press("V", "ctrl+x")
		require.Equal(t, []pane.Order{pane.AbortAll{}}, p.desk.taken())
	})
}
