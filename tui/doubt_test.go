package tui

import (
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// questioned has somebody who acknowledged the first incident and was asked,
// 48 s ago, whether they are still on it.
func questioned(who incident.Person) func(*pane.World, time.Time) {
	return func(w *pane.World, now time.Time) {
		list := slices.Clone(w.Incidents)
		inc := list[0].Apply(incident.Event{Incident: list[0].ID, Kind: incident.Acknowledged, Actor: who, At: now.Add(-12 * time.Minute)})
		list[0] = inc.Apply(incident.Event{Incident: inc.ID, Kind: incident.AckQuestioned, Actor: incident.Sitrep, At: now.Add(-48 * time.Second)})
		w.Incidents = list
	}
}

// rang says whether anything was written to the terminal beside the picture.
func rang(msgs []tea.Msg) bool {
	return slices.ContainsFunc(msgs, func(msg tea.Msg) bool { _, raw := msg.(tea.RawMsg); return raw })
}

// Whoever is asked answers with one key: it is theirs, and the safe one. It is
// said once, with a bell, and never by a dialog.
func TestStillOnItIsAnsweredByOneKey(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) { questioned("alice")(w, time.Now()) })
		p.sees("STILL ON IT? a: yes, else back to the ladder in 4:12", "INC-204: still on it?", " a ack")
		require.Nil(t, p.m.asked)
		rung := 0
		for _, o := range p.others {
			if o == (tea.RawMsg{Msg: "\a\x1b]9;sitrep: INC-204: still on it? Nothing has happened for a while\a"}) {
				rung++
			}
		}
		require.Equal(t, 1, rung)
		heard := len(p.others)
		p.world(func(w *pane.World) { w.Problems = []pane.Problem{{Text: "another world", At: time.Now()}} })
		require.False(t, rang(p.others[heard:]), "it rings once")
		p.press("a")
		require.Equal(t, []pane.Order{pane.Acknowledge{ID: "INC-204"}}, p.desk.taken())
	})
}

// By its name it is asked first, as every act that reaches out; and while another
// incident is on the screen, ! goes to the question.
func TestStillOnItElsewhere(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("]")
		p.sees("INC-203 queue")
		p.world(func(w *pane.World) { questioned("alice")(w, time.Now()) })
		p.sees("INC-204 STILL ON IT? ! goes there")
		p.press("!")
		p.sees("STILL ON IT? a: yes")
		p.press(":")
		p.typed("ack")
		p.press("enter")
		p.sees("Tells everybody that alice is on INC-204")
		require.Empty(t, p.desk.taken())
	})
}

// The others see who does not answer, hear no bell, and are asked before they
// say that they are on it, unless the ladder has called them.
func TestStillOnItForOthers(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) { questioned("alice")(w, time.Now()) })
		p.sees("alice DOES NOT ANSWER: back to the ladder in 4:12, a: I am on it")
		require.False(t, rang(p.others))
		p.press("a")
		p.sees("Tells everybody that carol is on INC-204")
		require.Empty(t, p.desk.taken())
		p.press("y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.Acknowledge{ID: "INC-204"}}, p.desk.taken())
	}, func(o *Options) { o.Actor = "carol" })
}

// Nobody runs the ladder: every view says so, and why this screen does not.
func TestABannerWhileNobodyRunsTheLadder(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.world(func(w *pane.World) {
			w.Delivery.Holder, w.Delivery.Why = "", "take the lease: attempt to write a readonly database"
		})
		for _, view := range []string{"1", "2", "3", "4", "5", "7", "w"} {
			p.press(view)
			p.sees("NOBODY RUNS THE LADDER", "readonly database")
		}
		p.press("D")
		p.sees("NOBODY RUNS THE LADDER")
		p.press("esc")
		p.world(func(w *pane.World) { w.Delivery.Holder = "ana@bastion 4711, without a terminal" })
		p.seesNot("NOBODY RUNS")
		p.press("4")
		p.sees("sent by ana@bastion 4711, without a terminal")
	})
}
