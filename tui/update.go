package tui

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// sendUpdate asks for what people outside are told. The words are kept while they
// are typed, until an update with them was sent: whoever is called away from
// the form, or takes the update back, finds them there again.
func (m *model) sendUpdate(id incident.ID) tea.Cmd {
	inc, ok := find(m.world, id)
	if !ok {
		return nil
	}
	if inc.MergedInto != "" {
		m.inform("%s goes on as %s: the update belongs there", id, inc.MergedInto)
		return nil
	}
	last, at, by, _ := m.lastUpdate(inc)
	typed := m.drafts[id]
	field := func(i int, label, hint safe.Text, former string) dialog.Field {
		f := dialog.Field{Label: label, Hint: hint, Former: former, Needed: i == 0}
		if i < len(typed) {
			f.Initial = typed[i]
		}
		return f
	}
	form := dialog.NewForm(safe.Sprintf("Update on %s%s for people outside", drillWord(inc), id), m.updateHelp(inc, at, by),
		field(0, safe.Const("Conditions"), safe.Const("who is hurt, how badly, since when"), last.Conditions),
		field(1, safe.Const("Actions"), safe.Const("what is done about it"), last.Actions),
		field(2, safe.Const("Needs"), safe.Const("what is wanted, and from whom"), last.Needs),
	).Outward(safe.Const("send it"), safe.New(m.updateReaches(inc), safe.Line), safe.Sprintf("After y it can be taken back for %s.", span(undoTime)))
	m.ask(form, "", func(string) tea.Cmd {
		v := form.Values()
		e, ok := m.errandFor(pane.Update{ID: id, Says: incident.Update{Conditions: strings.TrimSpace(v[0]), Actions: strings.TrimSpace(v[1]), Needs: strings.TrimSpace(v[2])}})
		if !ok {
			return nil
		}
		return m.countDown(e)
	})
	keep := func() { m.drafts[id] = form.Values() }
	m.asked.live = func(string) { keep() }
	m.asked.gaveUp = func() {
		keep()
		if strings.TrimSpace(strings.Join(m.drafts[id], "")) != "" {
			m.inform("not sent; %s has your words still", m.keyFor(keys.SendUpdate))
		}
	}
	return nil
}

// lastUpdate is the last one that was sent, by whom and when.
func (m *model) lastUpdate(inc incident.Incident) (u incident.Update, at time.Time, by incident.Person, ok bool) {
	for _, e := range slices.Backward(m.world.Events[inc.ID]) {
		if e.Kind == incident.UpdateSent && e.Payload(&u) == nil && u.Conditions != "" {
			return u, e.At, e.Actor, true
		}
	}
	return incident.Update{}, time.Time{}, "", false
}

// updateHelp says for whom it is, when it is due, and when the last one was.
func (m *model) updateHelp(inc incident.Incident, at time.Time, by incident.Person) []safe.Text {
	var out []safe.Text
	if whom := m.ladders.of(inc, m.world).Response(inc.Severity).Audience; len(whom) > 0 {
		out = append(out, safe.Sprintf("for %s", listed(whom)))
	}
	every := m.ladders.of(inc, m.world).Response(inc.Severity).UpdateEvery
	switch due, left := m.updateDue(inc); {
	case due.IsZero():
		out = append(out, safe.Const("none is due any more: that it is over is what they wait for"))
	case left < 0:
		out = append(out, safe.Sprintf("due since %s: %s asks for one every %s", pane.Ago(-left), inc.Severity, every))
	default:
		out = append(out, safe.Sprintf("due in %s: %s asks for one every %s", pane.Ago(left), inc.Severity, every))
	}
	if at.IsZero() {
		return append(out, safe.Const("this is the first one"))
	}
	return append(out, safe.Sprintf("the last one was sent %s ago by %s", pane.Ago(m.now.Sub(at)), by))
}

// updateReaches says where the words go.
func (m *model) updateReaches(inc incident.Incident) string {
	var messages []escalation.Message
	for _, msg := range m.world.Delivery.Messages {
		if msg.Incident == inc.ID {
			messages = append(messages, msg)
		}
	}
	reached := escalation.UpdateReaches(inc, messages)
	if len(reached) == 0 {
		return "Its policy names no audience: the words go onto its timeline, and to nobody by themselves."
	}
	return "Goes to " + sinks(reached) + ", and onto the timeline of " + string(inc.ID) + "."
}

// updateDue is when people outside are owed the next update, and how long that is
// from now.
func (m *model) updateDue(inc incident.Incident) (time.Time, time.Duration) {
	due := escalation.UpdateDueAt(inc)
	return due, due.Sub(m.now)
}

// owed is the header's word about an update that is due, with the key for it. It
// says nothing while there is time: the ladder comes first then.
func (m *model) owed(inc incident.Incident) []piece {
	const soon = 5 * time.Minute
	due, left := m.updateDue(inc)
	key := m.keyFor(keys.SendUpdate)
	switch {
	case due.IsZero() || left > soon:
		return nil
	case left < 0:
		return []piece{say(10, theme.Warn, safe.Sprintf("UPDATE DUE since %s: %s sends one", pane.Ago(-left), key), safe.Sprintf("UPDATE DUE %s: %s", pane.Ago(-left), key), safe.Sprintf("UPDATE DUE: %s", key), safe.Sprintf("UPDATE: %s", key))}
	}
	return []piece{say(6, theme.Plain, safe.Sprintf("update due in %s: %s", pane.Ago(left), key), safe.Sprintf("update in %s: %s", pane.Ago(left), key), safe.Sprintf("update in %s", pane.Ago(left)))}
}
