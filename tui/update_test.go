package tui

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// An update is three fields, a sentence, y and a countdown; Enter only goes on.
func TestAnUpdateIsSentAfterACountdown(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("U")
		p.sees("Update on INC-204 for people outside", "for all stakeholders and status page", "due in 5m: SEV-1 asks for one every 20m", "this is the first one")
		p.typed("checkout fails in eu")
		p.press("enter")
		p.typed("rolling back")
		p.press("tab")
		p.typed("a DBA")
		p.press("enter", "enter", "enter", "enter")
		p.wait(10 * time.Second)
		require.Empty(t, p.desk.taken(), "Enter sends nothing")
		p.sees("y  send it")
		p.press("y")
		p.sees("in 5 s", "send the update on INC-204: checkout fails in eu")
		require.Empty(t, p.desk.taken())
		p.wait(6 * time.Second)
		want := incident.Update{Conditions: "checkout fails in eu", Actions: "rolling back", Needs: "a DBA"}
		require.Equal(t, []pane.Order{pane.Update{ID: "INC-204", Says: want}}, p.desk.taken())
		p.press("U")
		p.seesNot("rolling back")
	})
}

// What was typed is there again: after esc, after it was taken back, after it
// could not be sent, and whatever else was looked at meanwhile.
func TestTheWordsOfAnUpdateAreKept(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		there := func() {
			p.press("U")
			p.sees("checkout fails")
		}
		p.press("U")
		p.typed("checkout fails")
		p.press("esc")
		p.sees("not sent; U has your words still")
		p.press("q")
		p.sees("An update on INC-204 was typed and not sent")
		p.press("n", "]", "U")
		p.sees("Update on INC-203")
		p.seesNot("checkout fails")
		p.press("esc", "]")
		there()
		p.press("enter", "enter", "enter")
		p.wait(time.Second)
		p.press("y", "u")
		p.wait(6 * time.Second)
		require.Empty(t, p.desk.taken(), "taken back")
		there()
		p.desk.answer = func(pane.Order) (pane.Receipt, error) { return pane.Receipt{}, errors.New("the disk is full") }
		p.press("enter", "enter", "enter")
		p.wait(time.Second)
		p.press("y")
		p.wait(6 * time.Second)
		p.sees("the disk is full")
		there()
		p.send(tea.PasteMsg{Content: "\x1b[2J\u202e" + strings.Repeat("日本", 600)})
		fits(t, p.m.View().Content, 120, 40)
		p.press("esc")
		require.True(t, strings.HasPrefix(p.m.drafts["INC-204"][0], "checkout fails") && strings.HasSuffix(p.m.drafts["INC-204"][0], "日本"))
	})
}

// An update that is due is in the header, with its key; the last one is offered.
func TestAnUpdateThatIsDueIsSaid(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.wait(2 * time.Minute)
		p.sees("update in 3m: U")
		p.wait(4 * time.Minute)
		p.sees("UPDATE DUE 32 s: U")
		p.world(func(w *pane.World) {
			s := &story{t: t, policy: shopPolicy(t), events: w.Events, seq: 1000}
			list := slices.Clone(w.Incidents)
			list[0] = s.add("INC-204", s.must(list[0].Update(incident.By{Actor: "bob", Source: "tui", At: time.Now()}, incident.Update{Conditions: "eu is down"}))...)
			w.Incidents = list
		})
		p.seesNot("UPDATE DUE")
		p.wait(time.Minute)
		p.press("U")
		p.sees("last time: eu is down", "the last one was sent 1m ago by bob")
		p.press("ctrl+y")
		p.typed("!")
		p.sees("> eu is down!")
	})
	play(t, 80, 24, func(p *player) {
		p.wait(9 * time.Minute)
		p.sees("UPDATE DUE", "U")
	})
}

// A role is offered to whom it may be meant for, oneself first; a hand-over says
// from whom to whom.
func TestRolesAreHandedOver(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) {
			w.People = []incident.Person{"dora", "bob"}
			w.Present = []pane.Present{{Name: "bob", Incident: "INC-204"}, {Name: "carol"}}
			s := &story{t: t, policy: shopPolicy(t), events: w.Events, seq: 1000}
			list := slices.Clone(w.Incidents)
			list[0] = s.add("INC-204", s.must(list[0].Assign(incident.By{Actor: "bob", Source: "tui", At: time.Now().Add(-3 * time.Minute)}, incident.Commander, "bob"))...)
			w.Incidents = list
		})
		p.sees("IC bob · scribe – · comms – · ops –")
		p.seesNot("no commander")
		p.press("A")
		p.sees("a  commander       bob, for 3m", "scribe          nobody", "communications  nobody", "operations      nobody")
		p.press("a")
		p.sees("a  alice                you", "b  carol                is here", "dora", "somebody else", "bob is commander now and hands it over")
		p.press("enter")
		p.sees("commander: bob -> alice", "the thread is told")
		p.press("enter")
		require.Nil(t, p.m.asked)
		require.Empty(t, p.desk.taken())
		p.press("A", "a", "a", "y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.Assign{ID: "INC-204", Role: incident.Commander, Person: "alice"}}, p.desk.taken())

		p.press("A", "c", "enter") // the role after responder: scribe, oneself
		p.sees("alice becomes scribe")
		p.press("esc", "A", "c", "up", "down", "down", "down", "down", "down", "enter")
		p.typed("  erin ")
		p.press("enter", "y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.Assign{ID: "INC-204", Role: incident.Scribe, Person: "erin"}}, p.desk.taken())
	})
}

func TestAMissingCommanderIsSaid(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.sees("no commander: A names one")
		p.press("]")
		p.seesNot("no commander") // SEV-3
	})
}

// What was done is recorded with its term, by a picker's letter and y.
func TestWhatWasDone(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("d")
		p.typed("rolled back v42")
		p.press("enter")
		p.sees("how long does it help?", "short-term")
		p.press("a")
		p.sees("It is recorded as what ended the users' pain, now.")
		p.press("y")
		p.wait(6 * time.Second)
		did := func(a incident.Action) []pane.Order { return []pane.Order{pane.Did{ID: "INC-204", Action: a}} }
		require.Equal(t, did(incident.Action{Term: incident.Immediate, Mitigates: true, Text: "rolled back v42"}), p.desk.taken())
		for line, want := range map[string]incident.Action{
			"did --mitigates rolled back":        {Term: incident.Immediate, Mitigates: true, Text: "rolled back"},
			"did wider pool --term short-term":   {Term: incident.ShortTerm, Text: "wider pool"},
			"did --term=long_term a second rack": {Term: incident.LongTerm, Text: "a second rack"},
		} {
			p.press(":")
			p.typed(line)
			p.press("enter", "y")
			p.wait(6 * time.Second)
			require.Equal(t, did(want), p.desk.taken(), line)
		}
		p.press(":")
		p.typed("did it --term never")
		p.press("enter")
		p.sees("is not a term")
	})
}

func TestWordsAreCorrected(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("3", "c")
		p.sees("cannot be corrected")
		p.press("/")
		p.typed("#note")
		p.press("enter", "c")
		p.sees("Correct note of", "> suspect the pool size of payments")
		p.press("enter")
		require.Nil(t, p.m.asked, "nothing was changed")
		p.press("c")
		p.typed(", of payments-2")
		p.press("enter")
		p.sees("It first said: suspect the pool size of payments")
		p.press("y")
		p.wait(6 * time.Second)
		events := p.m.world.Events["INC-204"]
		note := slices.IndexFunc(events, func(e incident.Event) bool { return e.Kind == incident.NoteAdded })
		require.Equal(t, []pane.Order{pane.Correct{ID: "INC-204", Event: events[note].ID, Text: "suspect the pool size of payments, of payments-2"}}, p.desk.taken())
	})
}

func TestItemsAreWrittenDownAndClosed(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("4", "i")
		p.typed("add a timeout")
		p.press("enter")
		p.typed("bob")
		p.press("enter")
		p.typed("soon")
		p.press("enter")
		p.sees("is not a day", "add a timeout")
		p.press("down", "down", "ctrl+u")
		p.typed("2000-01-20")
		p.press("enter")
		require.Equal(t, []pane.Order{pane.AddItem{ID: "INC-204", Text: "add a timeout", Owner: "bob", Due: time.Date(2000, 1, 20, 0, 0, 0, 0, time.UTC)}}, p.desk.taken())
		p.press("c")
		p.sees("no action item is open")
		p.world(func(w *pane.World) {
			old := w.Incidents[2]
			old.ID, old.Items = "INC-7", []incident.OpenItem{{Item: incident.Item{Item: "AI-2", Text: "second rack", Due: time.Now().Add(-50 * time.Hour)}, Added: time.Now().Add(-900 * time.Hour)}}
			w.Incidents, w.Promised = w.Incidents[2:], []incident.Incident{old}
			p.m.place.selected = ""
		})
		p.press("1")
		p.sees("INC-7", "AI-2", "second rack", "1 overdue")
		p.press("4", "c")
		p.sees("INC-7 AI-2  second rack")
		p.press("enter")
		require.Equal(t, []pane.Order{pane.CloseItem{ID: "INC-7", Item: "AI-2"}}, p.desk.taken())
	})
}

func TestDueIsADayOrAWhile(t *testing.T) {
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{"2026-12-24": "2026-12-24", "3d": "2026-11-28", " 2w ": "2026-12-09"} {
		got, err := incident.ParseDue(text, now)
		require.NoError(t, err)
		require.Equal(t, want, got.Format(time.DateOnly))
	}
	for _, text := range []string{"soon", "0d", "-3d", "3x", "9999999d", "2026-13-01"} {
		_, err := incident.ParseDue(text, now)
		require.Error(t, err, text)
	}
}

// A drill is called one wherever its name stands alone, and never comes first.
func TestADrillIsCalledOne(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press(":")
		p.typed("drill rehearsal of the ladder")
		p.press("enter")
		p.sees("Which service?", "SEV-1 INC-204 is REALLY open")
		p.typed("checkout")
		p.press("enter")
		p.sees("How bad is it? DRILL rehearsal of the ladder")
		p.press("2")
		p.sees("Opens a DRILL SEV-2: rehearsal", "SEV-1 INC-204 is REALLY open")
		p.press("y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.Declare{Title: "rehearsal of the ladder", Severity: incident.Sev2, Service: "checkout", Drill: true}}, p.desk.taken())
		p.world(func(w *pane.World) {
			w.Incidents = slices.Clone(w.Incidents)
			for i := range w.Incidents[:2] {
				w.Incidents[i].Drill = true
			}
		})
		require.Contains(t, p.m.View().WindowTitle, "DRILL")
		p.press("]")
		p.sees("DRILL INC-204 NOT ACKED")
		p.press(":")
		p.sees("DRILL SEV-1 checkout")
		p.press("esc")
		p.send(tea.WindowSizeMsg{Width: 40, Height: 8})
		p.sees("DRILL INC-203")
	})
}
