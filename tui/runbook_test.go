package tui

import (
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// From the page to the runbook, a question, its answer, a tick with it, and back.
func TestARunbookIsFollowed(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.press("w")
		p.sees("runbook checkout-5xx  step 2/6", "[x]  1 confirm on the board", "alice 23:52", "›[>]  2 check the pool of payments", "promql  enter asks it")
		query := p.m.world.Runbooks[0].Steps[1].Queries()
		p.press("enter")
		require.Equal(t, []pane.Order{pane.AskStep{Queries: query}}, p.desk.taken())
		answer := func(a runbook.Answer) {
			p.world(func(w *pane.World) { w.Answers = map[string]runbook.Answer{query[0].Text: a} })
		}
		asked := time.Now()
		answer(runbook.Answer{At: asked})
		p.sees("asking")
		values := []runbook.Value{{Series: "payments-1", Text: "97.5%"}, {Series: "payments-2", Text: "8%"}}
		answer(runbook.Answer{At: asked, Done: true, Values: values})
		p.sees("s old", "97.5%  payments-1", "   8%  payments-2") // scrolled to where they stand
		p.wait(2 * time.Minute)
		p.sees("answer, 2m old: enter asks again")
		p.press("space")
		require.Equal(t, []pane.Order{pane.TickStep{ID: "INC-204", Step: incident.Step{
			Runbook: "checkout-5xx", Step: "pool", Text: "check the pool of payments", Result: "97.5% payments-1, 8% payments-2", Queries: []string{query[0].Text}, Asked: asked,
		}}}, p.desk.taken())

		p.press("k", "space")
		require.Equal(t, []pane.Order{pane.UntickStep{ID: "INC-204", Runbook: "checkout-5xx", Step: "board"}}, p.desk.taken())
		p.sees("done 23:52:00 by alice", "7.24% eu, 2.1% us")
		p.press("G", "space")
		require.Equal(t, []pane.Order{pane.TickStep{ID: "INC-204", Step: incident.Step{Runbook: "checkout-5xx", Step: "page-payments-on-call", Text: "page payments on call"}}}, p.desk.taken(), "no query, no result")
		p.sees("Then verify with the load check.")
		p.press("enter")
		require.Empty(t, p.desk.taken())
		p.sees("this step asks nothing")
		p.press("n", "x", "enter")
		require.Equal(t, []pane.Order{pane.Note{ID: "INC-204", Text: "x"}}, p.desk.taken(), "whatever else there is to do is done from here")
		p.wait(10 * time.Second)
		p.press("esc")
		p.sees("signals")
	})
}

// An answer that failed is said and not recorded.
func TestNoAnswerIsNoResult(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		q := p.m.world.Runbooks[0].Steps[1].Queries()[0].Text
		p.world(func(w *pane.World) {
			w.Answers = map[string]runbook.Answer{q: {At: time.Now(), Done: true, Err: "cannot reach the *server*"}}
		})
		p.press("w")
		p.sees("cannot reach the *server*")
		p.press("space")
		require.Equal(t, []pane.Order{pane.TickStep{ID: "INC-204", Step: incident.Step{Runbook: "checkout-5xx", Step: "pool", Text: "check the pool of payments"}}}, p.desk.taken())
	})
}

func TestAnotherRunbook(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("w", "w", "b") // that does not fit: everybody is told
		require.Equal(t, []pane.Order{pane.Attach{ID: "INC-204", Runbook: "disk-full"}}, p.desk.taken())
		p.sees("runbook disk-full", "does not fit by itself · w: 1 more")
		p.press("w", "a")
		require.Empty(t, p.desk.taken(), "to look at one that fits is nobody's business")
		p.sees("runbook checkout-5xx")

		p.press("esc", "]", "w")
		p.sees("No runbook fits INC-203", "match: {alertname: HighErrorRate}", "›checkout-5xx", "disk-full")
		p.press("space")
		require.Empty(t, p.desk.taken())
		p.press("j", "enter")
		require.Equal(t, []pane.Order{pane.Attach{ID: "INC-203", Runbook: "disk-full"}}, p.desk.taken())
		p.sees("runbook disk-full", "›[>]  1 look")

		p.world(func(w *pane.World) { w.Runbooks = nil })
		p.sees("The configuration names none yet.")
		p.press("w")
		p.sees("there is no other")
		p.world(func(w *pane.World) { w.Incidents = nil })
		p.sees("no incident is selected")
		p.press("w", "esc", "esc", "w")
		p.sees("no incident to follow a runbook for")
	})
}

// What was ticked stays in sight when the file has lost its step, and can be taken
// back.
func TestTicksOfStepsThatAreGone(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.world(func(w *pane.World) {
			r, err := runbook.Load("checkout-5xx.md", []byte("---\nmatch: {service: checkout}\n---\n1. quite another step\n"))
			require.NoError(t, err)
			w.Runbooks = []runbook.Runbook{r}
		})
		p.press("w")
		p.sees("Ticked, and no longer in the runbook", "[x] -  confirm on the board")
		p.press("j", "space")
		require.Equal(t, []pane.Order{pane.UntickStep{ID: "INC-204", Runbook: "checkout-5xx", Step: "board"}}, p.desk.taken())
	})
}

func TestTheFirstScreenOpensTheStep(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("shift+tab", "j", "j", "enter")
		p.sees("›[ ]  3 disable the flag new-tax-engine", "flagctl set new-tax-engine 0", "sh  shown, never run; y copies it")
		p.press("y")
		p.sees("clipboard (OSC 52): flagctl set new-tax-engine 0")
		require.Empty(t, p.desk.taken())
		p.press("/", "r", "o", "l", "l", "enter")
		p.sees("4 roll back checkout")
		p.seesNot("scale payments")
	})
}

// A runbook is somebody else's file.
func TestHostileRunbook(t *testing.T) {
	evil := "x\x1b]52;c;cm0gLXJm\a\x1b[2J\u202egnp\u009b31m 日本語 e\u0301"
	r, err := runbook.Load("evil.md", []byte("# "+evil+"\n\n"+evil+"\n\n## "+evil+"\n\n- [ ] "+evil+"\n\n  "+evil+"\n\n  ```promql\n  "+evil+"\n  ```\n\n  ```"+evil+"\n  "+evil+"\n"))
	require.NoError(t, err)
	r.Name = evil
	for _, size := range [][2]int{{60, 16}, {80, 24}, {97, 20}, {200, 60}} {
		play(t, size[0], size[1], func(p *player) {
			p.world(func(w *pane.World) {
				w.Runbooks = append(w.Runbooks, r)
				w.Incidents[0].Runbook = evil
				w.Incidents[0].Ticks = append(w.Incidents[0].Ticks, incident.Tick{By: incident.Person(evil), Step: incident.Step{Runbook: evil, Step: "old", Text: evil, Result: evil}})
				w.Answers = map[string]runbook.Answer{r.Steps[0].Queries()[0].Text: {At: time.Now(), Done: true, Warnings: []string{evil}, Values: []runbook.Value{{Series: evil, Text: evil}}}}
			})
			for _, k := range []string{"1", "w", "j", "pgdown", "w", "esc", "y"} {
				p.press(k)
				fits(t, p.m.View().Content, size[0], size[1])
			}
			for w := range 120 {
				p.m.Update(tea.WindowSizeMsg{Width: w, Height: 16 + w%9})
				fits(t, p.m.View().Content, w, 16+w%9)
			}
		})
	}
}
