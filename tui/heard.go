package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// heard is what the person has been told of, so that only what is new rings.
// Nothing that comes in ever opens a dialog: it rings, and ! goes there.
type heard struct {
	begun     bool
	incidents map[incident.ID]bool
	alerts    map[string]bool
	list      []alert.Alert        // that alerts are of
	doubts    map[incident.ID]bool // whoever has it was asked whether they are still on it
}

// news is what a world has that the one before had not.
type news struct {
	incidents []incident.Incident
	alerts    []alert.Alert
	doubts    []incident.Incident
}

// take compares a world with what was heard. The first one is no news.
func (h *heard) take(w *pane.World) news {
	var n news
	incidents, doubts := map[incident.ID]bool{}, map[incident.ID]bool{}
	for _, inc := range w.Incidents {
		incidents[inc.ID] = true
		if !h.incidents[inc.ID] && !inc.Status.Over() {
			n.incidents = append(n.incidents, inc)
		}
		if inc.InDoubt() {
			doubts[inc.ID] = true
			if !h.doubts[inc.ID] {
				n.doubts = append(n.doubts, inc)
			}
		}
	}
	alerts, list := h.alerts, w.Alerts.List
	if alerts == nil || !same(list, h.list) { // of the same list nothing is new
		alerts = make(map[string]bool, len(list))
		for i := range list {
			if list[i].State != alert.Firing {
				continue
			}
			alerts[list[i].Fingerprint] = true
			if !h.alerts[list[i].Fingerprint] {
				n.alerts = append(n.alerts, list[i])
			}
		}
	}
	begun := h.begun || len(w.Incidents) > 0 || !w.Alerts.At.IsZero()
	if !h.begun {
		n = news{}
	}
	*h = heard{begun, incidents, alerts, list, doubts}
	return n
}

// alarm says what is new, with a bell. An incident that this person has just
// declared is none.
func (m *model) alarm(n news) tea.Cmd {
	var text safe.Text
	switch {
	case len(n.incidents) > 0:
		inc := n.incidents[0]
		text = safe.Sprintf("%s %s: %s", inc.Severity, inc.ID, inc.Title)
		if inc.ID == m.place.selected { // it is on the screen: the bell is enough
			break
		}
		m.toasts.add(m.now, toast{text: safe.Concat(text, safe.Sprintf("  %s goes there", m.keyFor(keys.JumpNewest))), bad: true, sticky: true, leads: inc.ID})
	case len(n.doubts) > 0:
		return m.doubt(n.doubts)
	case len(n.alerts) == 1:
		text = safe.Sprintf("%s fires: %s", n.alerts[0].Name, titleOf(n.alerts[0]))
		m.toasts.add(m.now, toast{text: text, bad: true})
	case len(n.alerts) > 1:
		text = safe.Sprintf("%d alerts fire, %s among them", len(n.alerts), n.alerts[0].Name)
		if all := len(m.firing()); all > len(n.alerts) { // the headline counts them all
			text = safe.Sprintf("%d more alerts fire, %s among them: %d in all", len(n.alerts), n.alerts[0].Name, all)
		}
		m.toasts.add(m.now, toast{text: text, bad: true})
	default:
		return nil
	}
	return tea.Raw(m.ring(text))
}

// doubt passes the question on whether somebody is still on it: with a bell to
// whoever is asked, as it is a page to them.
func (m *model) doubt(list []incident.Incident) tea.Cmd {
	inc := list[0]
	if i := slices.IndexFunc(list, func(inc incident.Incident) bool { return inc.Clocks.AckBy == m.o.Actor }); i >= 0 {
		inc = list[i]
	}
	mine, shown := inc.Clocks.AckBy == m.o.Actor, inc.ID == m.place.selected
	text := safe.Sprintf("%s: %s is asked whether they are still on it", inc.ID, inc.Clocks.AckBy)
	if mine {
		text = safe.Sprintf("%s: still on it? Nothing has happened for a while", inc.ID)
	}
	end := safe.Text{}
	switch {
	case !shown:
		end = safe.Sprintf("  %s goes there", m.keyFor(keys.JumpNewest))
	case mine:
		end = safe.Sprintf("  %s: yes", m.keyFor(keys.Ack))
	}
	one := toast{text: safe.Concat(text, end), bad: true, sticky: mine && !shown}
	if !shown {
		one.leads = inc.ID
	}
	m.toasts.add(m.now, one)
	if !mine {
		return nil
	}
	return tea.Raw(m.ring(text))
}

// ring is the bell, and a notification that terminals show when nobody looks at
// them (OSC 9); a plain console would print it. The text is safe: it holds no
// control characters.
func (m *model) ring(text safe.Text) string {
	if m.theme.Glyphs() == theme.ASCII {
		return "\a"
	}
	return "\a\x1b]9;sitrep: " + text.Fit(120).String() + "\a"
}
