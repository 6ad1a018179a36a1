package tui

import (
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
}

// news is what a world has that the one before had not.
type news struct {
	incidents []incident.Incident
	alerts    []alert.Alert
}

// take compares a world with what was heard. The first one is no news.
func (h *heard) take(w *pane.World) news {
	var n news
	incidents, alerts := map[incident.ID]bool{}, map[string]bool{}
	for _, inc := range w.Incidents {
		incidents[inc.ID] = true
		if !h.incidents[inc.ID] && !inc.Status.Over() {
			n.incidents = append(n.incidents, inc)
		}
	}
	for _, a := range firing(w) {
		alerts[a.Fingerprint] = true
		if !h.alerts[a.Fingerprint] {
			n.alerts = append(n.alerts, a)
		}
	}
	begun := h.begun || len(w.Incidents) > 0 || !w.Alerts.At.IsZero()
	if !h.begun {
		n = news{}
	}
	*h = heard{begun, incidents, alerts}
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
		m.toasts.add(m.now, toast{text: safe.Concat(text, safe.Sprintf("  %s goes there", m.keyFor(keys.JumpNewest))), bad: true, sticky: inc.ID != m.place.selected})
	case len(n.alerts) == 1:
		text = safe.Sprintf("%s fires: %s", n.alerts[0].Name, titleOf(n.alerts[0]))
		m.toasts.add(m.now, toast{text: text, bad: true})
	case len(n.alerts) > 1:
		text = safe.Sprintf("%d alerts fire, %s among them", len(n.alerts), n.alerts[0].Name)
		m.toasts.add(m.now, toast{text: text, bad: true})
	default:
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
