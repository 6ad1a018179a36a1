package pane

import (
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// tailSection is the end of the timeline, newest first.
func tailSection(events []*incident.Event, s *Screen) section {
	n := len(events)
	at := func(i int) *incident.Event { return events[n-1-i] }
	return section{
		name: "timeline", title: safe.Sprintf("timeline  %d", n), dear: 6, least: 3, want: 5, grow: true,
		note: piece{safe.Const("newest first"), theme.Dim},
		rows: &rows{
			n: n, id: func(i int) string { return eventID(at(i)) },
			draw: func(f *frame.Frame, i int) { drawEvent(f, at(i), s, safe.Text{}, 0, 0) },
			open: func(i int, s *Screen) Effect { return openEvent(at(i), s) },
			none: safe.Const("nothing has happened yet"), newest: true,
		},
	}
}

// eventID is an event's own name, whatever the store gave it.
func eventID(e *incident.Event) string {
	if e.ID != "" {
		return e.ID
	}
	return string(e.Incident) + string(e.Kind) + e.At.String() + e.Text
}

// drawEvent writes an event into a row: time, label, kind, what it says, who.
// With a column for people they stand before the text, else behind it.
func drawEvent(f *frame.Frame, e *incident.Event, s *Screen, label safe.Text, labels, people int) {
	p := pen{f: f}
	p.left(stampWidth, theme.Dim, safe.New(stamp(e.At, s.Now, s.Zone), stampWidth))
	if labels > 0 {
		p.left(labels, theme.Dim, label)
	}
	p.left(wordWidth, wordStyle(e.Kind), word(e))
	who := safe.Text{}
	if e.Actor != incident.Sitrep {
		who = safe.New(string(e.Actor), 24)
	}
	switch {
	case people > 0:
		p.left(people, theme.Dim, who)
	case e.Kind == incident.NoteAdded && who.Width() > 0:
		p.flow(theme.Dim, safe.Sprintf("%s:", who))
	}
	if mark := e.Mark(s.Incident); mark != "" { // before the text, which may be cut
		p.flow(theme.Dim, safe.Sprintf("(%s)", safe.New(mark, 40)))
	}
	text := saying(e, s)
	p.flow(textStyle(e), text)
	if people == 0 && e.Kind != incident.NoteAdded && byPerson(e) {
		p.x++
		p.flow(theme.Dim, who)
	}
}
