package tui

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// nobodyReached is the night in which PagerDuty, Slack and the text messages are down.
func nobodyReached(w *pane.World, now time.Time) {
	list := append([]incident.Incident{}, w.Incidents...)
	e := incident.Event{Incident: list[0].ID, At: now.Add(-12 * time.Minute), Kind: incident.DeliveryDegraded, Actor: incident.Sitrep, Data: incident.Payload(incident.Degradation{
		Level: "L1", Round: 1, Who: []incident.Person{"alice"}, Sinks: []incident.Failing{
			{Sink: "pagerduty:primary", Since: now.Add(-14 * time.Minute), Why: "pagerduty:primary: 503 Service Unavailable: it may have been accepted"},
			{Sink: "slack:#oncall-fallback", Since: now.Add(-13 * time.Minute), Why: "slack:#oncall-fallback: dial tcp 127.0.0.1:9: connect: connection refused: nothing was sent"},
			{Sink: "command:sms", Since: now.Add(-12 * time.Minute), Why: "command:sms: exit status 1: modem: no carrier \x1b[2J"},
		},
	})}
	list[0] = list[0].Apply(e)
	w.Incidents = list
	w.Delivery.Sinks = []pane.Sink{{Name: "pagerduty", State: "down", Why: "503"}, {Name: "slack", State: "down", Why: "refused"}, {Name: "command", State: "down", Why: "exit status 1"}}
	w.Phones = map[incident.Person]string{"alice": "+49 30 1234567"}
	w.Reach = map[incident.ID][]escalation.Contact{list[0].ID: {
		{Level: "L1", Sink: "pagerduty:primary", Name: "Alice Example", Person: "alice", Phones: []string{"+49 30 1234567", "+49 170 7654321"}, Automatic: true, AskedAt: now.Add(-3 * time.Hour)},
		{Level: "L1", Person: "senior or lead"},
		{Level: "L2", Person: "bob", Phones: []string{"+1 212 555 0100"}},
		{Level: "L3", Person: "sre-lead", Phones: []string{"+1 212 555 0199"}},
	}}
}

func aliceHasIt(w *pane.World, now time.Time) {
	list := append([]incident.Incident{}, w.Incidents...)
	list[0] = list[0].Apply(incident.Event{Incident: list[0].ID, At: now.Add(-time.Minute), Kind: incident.Acknowledged, Actor: "alice"})
	w.Incidents = list
}

// The alarm comes up by itself, rings once, takes no key that was meant for something
// else, and leaves a red line when it is left.
func TestNobodyReachedHasTheScreen(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.world(func(w *pane.World) { nobodyReached(w, time.Now()) })
		p.sees("NOBODY REACHED", "INC-204", "Call by phone, now.", "+49 30 1234567", "PagerDuty primary", "command sms")
		p.seesNot("senior or lead")
		p.press("a") // in the moment that it comes up
		p.sees("what failed")
		require.Empty(t, p.desk.taken())
		p.wait(time.Second)
		p.press("esc")
		p.sees("NOBODY REACHED", "INC-204: call alice +49 30 1234567. No page of L1", "whom")
		p.seesNot("what failed")
		p.world(func(w *pane.World) { w.Problems = []pane.Problem{{Text: "something else", At: time.Now()}} })
		p.seesNot("what failed")
		p.press("!")
		p.sees("what failed")
	})
}

// Whoever has called somebody says whom; it is the alarm's incident, not the selected.
func TestWhoWasCalledIsWrittenDown(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.press("]")
		p.world(func(w *pane.World) { nobodyReached(w, time.Now()) })
		p.wait(time.Second)
		p.press("a")
		p.sees("I called somebody", "acknowledge INC-204")
		p.wait(time.Second)
		p.press("c", "enter")
		require.Equal(t, []pane.Order{pane.Note{ID: "INC-204", Text: "called by phone, because no page went out: alice"}}, p.desk.taken())
		p.seesNot("what failed")
	})
}

// Whoever types is not interrupted: the alarm waits behind the dialog.
func TestTheAlarmTakesNoKeyboard(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.press("n", "h")
		p.world(func(w *pane.World) { nobodyReached(w, time.Now()) })
		p.seesNot("what failed")
		p.press("i", "enter")
		require.Equal(t, []pane.Order{pane.Note{ID: "INC-204", Text: "hi"}}, p.desk.taken())
		p.sees("what failed")
	})
}

// It comes up with one ring, and ends when somebody has it or a way works again.
func TestTheAlarmRingsOnce(t *testing.T) {
	now := time.Date(2026, 11, 25, 3, 12, 44, 0, time.UTC)
	m := still(t, 80, 24, nil)
	require.Nil(t, m.raise(), "nothing is wrong")
	box := m.o.Mailbox
	box.Update(func(w *pane.World) { nobodyReached(w, now) })
	m.world = box.World()
	require.NotNil(t, m.raise())
	require.Nil(t, m.raise())
	require.NotEmpty(t, m.unheard.shown)
	box.Update(func(w *pane.World) { aliceHasIt(w, now) })
	m.world = box.World()
	require.Nil(t, m.raise())
	require.Empty(t, m.unheard.shown)
}
