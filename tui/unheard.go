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
)

// unheard is the alarm of incidents that nobody could be told of: it has the whole
// screen, because whoever sits there is the only one who knows.
type unheard struct {
	shown incident.ID               // whose alarm is on the screen; "" = none
	since time.Time                 // when its outage began
	keyAt time.Time                 // of the last key, or when it came up
	left  map[incident.ID]time.Time // outages whose alarm was left, by when they began
}

// armsAfter is how long no key may have come before one counts: the alarm comes up
// by itself, and what was typed was meant for something else.
const armsAfter = 425 * time.Millisecond

// wantsCall says whether somebody has to be called by hand.
func wantsCall(inc incident.Incident) bool {
	return inc.Unreached() && (!inc.Acknowledged() || inc.InDoubt())
}

// raise brings the alarm up, with a bell, or ends it. It waits for a dialog to be
// closed: nothing takes the keyboard from whoever types.
func (m *model) raise() tea.Cmd {
	u := &m.unheard
	if inc, ok := find(m.world, u.shown); u.shown != "" && ok && wantsCall(inc) && inc.Degraded.Since.Equal(u.since) {
		return nil
	}
	if u.shown != "" {
		u.shown, m.picture.stale = "", true
	}
	if m.asked != nil {
		return nil
	}
	for _, inc := range m.world.Incidents {
		if !wantsCall(inc) || u.left[inc.ID].Equal(inc.Degraded.Since) {
			continue
		}
		u.shown, u.since, u.keyAt = inc.ID, inc.Degraded.Since, m.now
		m.picture.stale = true
		return tea.Raw(m.ring(safe.Sprintf("NOBODY REACHED for %s%s %s: call by phone", drillWord(inc), inc.ID, inc.Title)))
	}
	return nil
}

// alarmed is the incident whose alarm is on the screen.
func (m *model) alarmed() (incident.Incident, bool) {
	if m.unheard.shown == "" {
		return incident.Incident{}, false
	}
	return find(m.world, m.unheard.shown)
}

// pressUnheard is a key while the alarm has the screen.
func (m *model) pressUnheard(inc incident.Incident, k tea.KeyPressMsg) tea.Cmd {
	calm := m.now.Sub(m.unheard.keyAt) >= armsAfter
	m.unheard.keyAt = m.now
	action := m.keys.Action(keys.Unheard, k.String())
	if (action == undoKey || action == keys.Cancel) && m.takeBack() || !calm {
		return nil
	}
	switch action {
	case keys.Ack:
		m.askCalled(inc)
	case keys.Cancel:
		if !m.toasts.dismiss() {
			m.leaveAlarm(inc)
		}
	}
	return nil
}

// leaveAlarm goes back to the views, where a red line stays.
func (m *model) leaveAlarm(inc incident.Incident) {
	if m.unheard.left == nil {
		m.unheard.left = map[incident.ID]time.Time{}
	}
	m.unheard.left[inc.ID], m.unheard.shown = inc.Degraded.Since, ""
	m.place.selected = inc.ID
}

// askCalled asks what was done: whoever has it acknowledges; whoever called somebody
// says whom.
func (m *model) askCalled(inc incident.Incident) {
	rows := []dialog.Choice{
		{Value: "called", Letter: 'c', Text: safe.Sprintf("I called somebody: write down whom on %s", inc.ID)},
		{Value: "have", Letter: 'a', Text: safe.Sprintf("I have it myself: acknowledge %s", inc.ID)},
	}
	m.ask(dialog.NewPicker(safe.Sprintf("Nobody was reached for %s", inc.ID), safe.Text{}, m.keys, rows, "called").Careful(m.now), "", func(what string) tea.Cmd {
		now, ok := find(m.world, inc.ID)
		if !ok {
			return nil
		}
		if what == "have" {
			return m.acknowledge(now, byKey)
		}
		m.askWhom(now)
		return nil
	})
}

func (m *model) askWhom(inc incident.Incident) {
	first := ""
	if list := m.callees(inc); len(list) > 0 {
		first = safe.New(list[0].Label(), 60).String()
	}
	help := safe.Const("who was called, and what they said: it goes on the timeline")
	m.ask(dialog.NewPrompt(safe.Sprintf("Called for %s", inc.ID), help, first, m.answers["called"]), "called", func(text string) tea.Cmd {
		if strings.TrimSpace(text) == "" {
			return nil
		}
		m.leaveAlarm(inc)
		return m.do(pane.Note{ID: inc.ID, Text: "called by phone, because no page went out: " + strings.TrimSpace(text)})
	})
}

// callees are who is to be called by phone for an incident, the level that was not
// reached first, then those above it. What the policy calls "senior or lead" is
// left out where somebody is known.
func (m *model) callees(inc incident.Incident) []escalation.Contact {
	list := slices.Clone(m.world.Reach[inc.ID])
	for _, p := range inc.Degraded.Who {
		if !slices.ContainsFunc(list, func(c escalation.Contact) bool { return c.Person == p }) {
			c := escalation.Contact{Level: inc.Degraded.Level, Person: p}
			if n := m.world.Phones[p]; n != "" {
				c.Phones = []string{n}
			}
			list = append(list, c)
		}
	}
	far := func(c escalation.Contact) int {
		if c.Level < inc.Degraded.Level {
			return 2
		}
		if c.Level == inc.Degraded.Level {
			return 0
		}
		return 1
	}
	numbers := slices.ContainsFunc(list, func(c escalation.Contact) bool { return len(c.Phones) > 0 })
	list = slices.DeleteFunc(list, func(c escalation.Contact) bool { return numbers && len(c.Phones) == 0 })
	slices.SortStableFunc(list, func(a, b escalation.Contact) int { return far(a) - far(b) })
	return list
}

// unreached is the worst incident whose pages find no way out, if its alarm is not
// on the screen.
func (m *model) unreached() (incident.Incident, bool) {
	i := slices.IndexFunc(m.world.Incidents, incident.Incident.Unreached)
	if i < 0 || m.unheard.shown != "" {
		return incident.Incident{}, false
	}
	return m.world.Incidents[i], true
}

// recall brings an alarm back that was left.
func (m *model) recall() bool {
	for _, inc := range m.world.Incidents {
		if _, was := m.unheard.left[inc.ID]; was && wantsCall(inc) {
			delete(m.unheard.left, inc.ID)
			return true // raise does the rest
		}
	}
	return false
}
