package tui

import (
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// drawSurvival is the screen for a terminal that is too small for views: what
// is wrong, who has it, who is called next, the worst value. What counts down,
// what was said and what is asked take the last rows.
func (m *model) drawSurvival(f *frame.Frame) dialog.Cursor {
	if m.asked != nil {
		return m.drawDialog(f, f.Bounds())
	}
	lines := m.vital()
	for y, p := range lines {
		if len(p.words) > 0 {
			f.PutFit(0, y, f.Width(), p.style, p.words[0])
		}
	}
	last := f.Height() - 1
	if inc, ok := m.incident(); ok {
		f.PutFit(0, 0, f.Width(), theme.Tag(inc.Severity.Rank()), tag(inc.Severity))
	}
	if last >= len(lines) {
		f.PutFit(0, last, f.Width(), theme.Dim, safe.Sprintf("views need %dx%d; %s aborts all", leastWidth, leastHeight, m.keyFor("abort")))
	}
	m.drawNotices(f, last, max((last+1)/2, 1))
	return dialog.Cursor{}
}

// vital are the four lines.
func (m *model) vital() []piece {
	inc, ok := m.incident()
	if !ok {
		first := say(0, theme.OK, safe.Const("no incident is open"))
		if m.world.Unread {
			first = say(0, theme.Accent, safe.Const("reading the store"))
		}
		if n := len(m.firing()); n > 0 {
			first = say(0, theme.Accent, safe.Sprintf("%d %s", n, fire(n)))
		}
		if m.world.Delivery.Nobody() {
			first = say(0, theme.Danger, safe.Const("nobody runs the ladder: sitrep daemon"))
		}
		return append(append([]piece{first, m.value()}, m.runs()...), m.where())
	}
	first := say(0, theme.Title, safe.Sprintf("%s %s%s %s", tag(inc.Severity), drillWord(inc), inc.ID, inc.Title))
	lines := []piece{first, m.answered(inc), m.nextLine(inc), m.value()}
	return append(append(lines, m.runs()...), m.where())
}

// where is the context, if it has to be said.
func (m *model) where() piece {
	if !m.o.Prod {
		return piece{}
	}
	return say(0, theme.Danger, safe.Sprintf("PROD %s", m.o.Context))
}

func (m *model) nextLine(inc incident.Incident) piece {
	if inc.Status.Over() {
		return piece{}
	}
	return m.ladder(inc)
}

func (m *model) value() piece {
	s, ok := worst(m.world.Signals)
	if !ok {
		return m.age()
	}
	arrow := "="
	switch {
	case s.Trend > 0:
		arrow = "▲"
	case s.Trend < 0:
		arrow = "▼"
	}
	return say(0, pane.StateStyle(s.State), safe.Sprintf("%s %s %s", arrow, pane.Figure(s.Unit, s.Value), s.Name))
}
