package tui

import (
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// The rules of danger, each as a story.

func TestWhoWasPagedAcknowledgesAtOnce(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.sees("YOU ARE PAGED")
		p.press("a")
		require.Equal(t, []pane.Order{pane.Acknowledge{ID: "INC-204"}}, p.desk.taken())
	})
}

func TestOthersAreAskedBeforeTheyAcknowledge(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.sees("NOT ACKED")
		p.press("a")
		p.sees("Acknowledge INC-204", "Tells everybody that mallory has INC-204")
		p.press("enter")
		p.seesNot("Tells everybody")
		p.press("a", "y")
		p.wait(4 * time.Second)
		require.Empty(t, p.desk.taken(), "it can still be taken back")
		p.wait(2 * time.Second)
		require.Equal(t, []pane.Order{pane.Acknowledge{ID: "INC-204"}}, p.desk.taken())
	}, as("mallory"))
}

func TestEscalationSaysWhomItWakesAndCanBeTakenBack(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("E")
		p.sees("Escalate INC-204: why?", "5xx ratio")
		p.press("enter")
		p.sees("Pages bob (L2) through PagerDuty lead and Slack #incidents.", "leave it")
		p.press("y")
		p.sees("in 5 s", "u takes it back", "pages bob (L2)")
		p.wait(3 * time.Second)
		p.sees("in 2 s")
		p.press("u")
		p.sees("taken back: escalate INC-204 to L2")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())

		p.press("E", "enter", "y", "3") // another view
		p.wait(5 * time.Second)
		got := p.desk.taken()
		require.Len(t, got, 1)
		require.Equal(t, incident.Level("L2"), got[0].(pane.Escalate).Level, "the rung that the sentence named")
	})
}

// A held or repeated key sends once.
func TestSentOnce(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("S", "a", "y", "S", "a", "y", "y", "y")
		p.sees("counts down already")
		p.wait(time.Minute)
		require.Equal(t, []pane.Order{pane.Snooze{ID: "INC-204", Length: 15 * time.Minute}}, p.desk.taken())
	})
}

// k9s and lazygit had people whose Enter repeated into a confirmation.
func TestEnterNeverSaysYes(t *testing.T) {
	for _, keys := range [][]string{
		{"E"},
		{"X", "c"},
		{"S"},
		{"s"},
		{"s", "down"},
		{"D"},
		{"x"},
		{"b"},
		{"a"},
		{"q"},
		{"?", "e", "s", "c"},
		{":", "a", "c", "k"},
		{":", "f", "5"},
		{":", "s", "e", "v", "space", "2"},
		{"6", "a"},
		{"6", "S"},
		{"6", "I"},
		{"6", "E"},
		{"6", "n", "x"},
		{"6", "enter"},
		{":", "d", "i", "d", "space", "i", "t"},
	} {
		play(t, 120, 40, func(p *player) {
			p.world(func(w *pane.World) { w.Delivery.Mine = true; onDuty(w, time.Now()) })
			p.press(keys...)
			for range 6 {
				p.press("enter")
			}
			p.wait(time.Minute)
			for _, o := range p.desk.taken() {
				require.False(t, outward(o), "%v then Enter: %#v", keys, o)
			}
			require.False(t, p.quit, "%v", keys)
		}, as("mallory"))
	}
}

func TestTheSafeDirectionIsAlwaysOpen(t *testing.T) {
	for _, where := range [][]string{{}, {"n", "x", "y"}, {"X", "a"}, {"?"}, {":", "s"}, {"/"}, {"x"}, {"E", "enter"}, {"2"}, {"D", "enter"}, {"f5"}} {
		play(t, 80, 24, func(p *player) {
			p.press(where...)
			p.press("ctrl+x")
			require.Equal(t, []pane.Order{pane.AbortAll{}}, p.desk.taken(), "%v", where)
			p.wait(time.Minute)
			require.Empty(t, p.desk.taken(), "what was armed is disarmed")
		})
	}
}

func TestAPinnedKeyArms(t *testing.T) {
	play(t, 160, 40, func(p *player) {
		p.press("f5")
		p.sees("in 3 s", "payments-latency: http.latency on at most 1 of service=payments for 30s, aborts if errors > 0.05")
		require.Empty(t, p.desk.taken())
		p.press("f5", "f5")
		p.wait(3 * time.Second)
		require.Equal(t, []pane.Order{pane.StartChaos{Name: "payments-latency"}}, p.desk.taken())
		p.press("f7")
		p.wait(time.Second)
		p.press("esc")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
		p.press("f6")
		p.sees("nothing is pinned to F6")
	})
}

func TestThePickersLetterArmsAndEnterAsks(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("x")
		p.sees("payments-latency", "payments-kill", "http.latency on at most 1 of service=payments")
		p.wait(time.Second)
		p.press("b")
		p.sees("in 3 s")
		p.press("u", "b")
		p.wait(time.Second)
		p.press("b", "enter")
		p.sees("Up to 400 requests/s on 127.0.0.1:8080 for 10s.")
		p.press("n")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
		p.press("b")
		p.wait(time.Second)
		p.press("b", "enter", "y")
		p.wait(4 * time.Second)
		require.Equal(t, []pane.Order{pane.StartLoad{Name: "smoke"}}, p.desk.taken())
	})
}

func TestProdWantsExactWords(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.sees("PROD prod-eu")
		p.press("f5")
		p.sees("Type payments-latency 100% to go on:", "at most 1 of service=payments")
		p.press("y", "enter")
		p.sees("Type payments-latency 100% to go on:")
		p.press("backspace")
		p.send(tea.PasteMsg{Content: "payments-latency 100%"})
		p.seesNot("y  start in production")
		p.typed("payments-latency 100%")
		p.press("y") // the key was held, or the finger slipped
		require.Empty(t, p.m.counts.running)
		p.wait(time.Second)
		p.press("enter")
		p.sees("That is right; now y says yes, enter does not.", "start in production")
		require.Empty(t, p.m.counts.running, "Enter confirms nothing")
		p.press("n")
		require.Nil(t, p.m.asked)
		p.press("f5")
		p.typed("payments-latency 100%")
		p.wait(time.Second)
		p.sees("start in production")
		p.press("y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.StartChaos{Name: "payments-latency", Confirm: "payments-latency 100%"}}, p.desk.taken())
	}, inProd)
}

// What comes in rings; it never takes the keyboard.
func TestAPageOpensNothing(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("n")
		p.typed("the poo")
		p.world(func(w *pane.World) {
			s := &story{t: t, policy: shopPolicy(t), events: map[incident.ID][]incident.Event{}}
			w.Incidents = append([]incident.Incident{s.declare("INC-205", time.Now(), incident.Sev1, "login down", "login")}, w.Incidents...)
		})
		p.typed("l")
		p.sees("SEV-1 INC-205: login down  ! goes there", "> the pool")
		require.Contains(t, p.others, tea.RawMsg{Msg: "\a\x1b]9;sitrep: SEV-1 INC-205: login down\a"})
		p.press("enter")
		require.Equal(t, []pane.Order{pane.Note{ID: "INC-204", Text: "the pool"}}, p.desk.taken(), "about the incident that was on the screen")
		p.press("!")
		p.sees("INC-205 login down")
	})
}

func TestPastedKeysActOnNothing(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.send(tea.PasteMsg{Content: "a\nE\ny\nq"})
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
		p.press("n")
		p.send(tea.PasteMsg{Content: "rolled\nback\x1b[2J"})
		p.press("enter")
		got := p.desk.taken()
		require.Len(t, got, 1)
		require.NotContains(t, got[0].(pane.Note).Text, "\x1b")
	})
}

func TestQuitting(t *testing.T) {
	play(t, 100, 30, func(p *player) {
		p.press("q")
		require.True(t, p.quit, "somebody else runs the ladder")
	})
	mine := func(w *pane.World) { w.Delivery.Mine = true }
	play(t, 100, 30, func(p *player) {
		p.world(mine)
		p.press("2", "q")
		require.False(t, p.quit)
		p.press("q")
		p.sees("nobody else runs the ladder")
		p.press("q", "q", "enter")
		require.False(t, p.quit)
		p.press("q", "y")
		require.True(t, p.quit)
	})
	play(t, 100, 30, func(p *player) {
		p.world(mine)
		p.press("n", "ctrl+c")
		p.sees("^C again quits")
		p.wait(3 * time.Second)
		p.press("ctrl+c")
		require.False(t, p.quit)
		p.press("ctrl+c")
		require.True(t, p.quit)
	})
}

func TestAMachineThatSleptSendsNothing(t *testing.T) {
	play(t, 100, 30, func(p *player) {
		p.press("X")
		p.typed("pool")
		p.press("enter", "y")
		now := time.Now()
		p.m.o.Now = func() time.Time { return now.Add(2 * time.Hour) }
		p.wait(6 * time.Second)
		require.Empty(t, p.desk.taken())
		p.sees("resolve INC-204: not sent")
	})
}

// A view that hands out an outward order is asked like everybody else.
func TestTheGateHoldsForViewsToo(t *testing.T) {
	play(t, 100, 30, func(p *player) {
		p.m.apply(pane.Effect{Handled: true, Orders: []pane.Order{pane.Resolve{ID: "INC-204", Resolution: "done"}}})
		p.sees("Ends INC-204 for everybody")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
	})
}

// The countdown of a fault is not mistaken for that of the watch after it.
func TestAFaultThatIsGoneIsSaidToBeGone(t *testing.T) {
	play(t, 160, 30, func(p *player) {
		run := pane.ChaosRun{Run: "CH-3", Experiment: "payments-latency", Ends: time.Now().Add(23 * time.Second), Last: chaos.Report{Phase: chaos.Holding}}
		p.world(func(w *pane.World) { w.Chaos.Runs = []pane.ChaosRun{run} })
		p.sees("CH-3 payments-latency 23 s left")
		run.Last.Phase = chaos.Recovering
		p.world(func(w *pane.World) { w.Chaos.Runs = []pane.ChaosRun{run} })
		p.sees("CH-3 payments-latency undone, recovery watched 23 s")
	})
}

// A second run of what runs already is refused before it counts down.
func TestNothingStartsTwice(t *testing.T) {
	play(t, 120, 30, func(p *player) {
		p.world(func(w *pane.World) {
			w.Chaos.Runs = []pane.ChaosRun{{Run: "CH-3", Experiment: "payments-latency", Ends: time.Now().Add(23 * time.Second)}}
			w.Load.Run, w.Load.Live = "LT-1", &loadtest.Progress{Remaining: 8 * time.Second}
		})
		p.sees("CH-3 payments-latency", "LT-1 load")
		p.press("f5")
		p.sees("runs already as CH-3")
		p.press("f7")
		p.sees("LT-1 runs already")
		p.wait(time.Minute)
		require.Empty(t, p.desk.taken())
	})
}

// What nobody has answered is said wherever a person is, above all on an
// incident that is over.
func TestAnotherIncidentIsNotMissed(t *testing.T) {
	play(t, 120, 30, func(p *player) {
		p.m.place.selected = "INC-202"
		p.sees("RESOLVED", "SEV-1 INC-204 NOT ACKED", "! goes there")
		p.press("!")
		p.sees("[SEV1] INC-204")
		p.seesNot("goes there")
	})
}

// A call that is due and does not come is not called one that comes.
func TestACallThatDoesNotCome(t *testing.T) {
	play(t, 120, 30, func(p *player) {
		p.sees("next L2 bob in 28 s")
		p.wait(28 * time.Second)
		p.sees("bob is being paged")
		p.wait(8 * time.Second)
		p.sees("is due since 8 s: no page yet")
	})
}
