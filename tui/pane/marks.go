package pane

import (
	"cmp"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/chart"
)

// mostMarks is how many marks a chart is given: the newest.
const mostMarks = 500

// marks are the events that charts show: changes, alerts, declarations,
// acknowledgements, notes, and chaos and load for as long as they last. They
// are put together once for a world and an incident.
type marks struct {
	world *World
	id    incident.ID
	list  []chart.Mark
	open  map[string]int // runs that have not ended, by name
}

func (m *marks) of(s *Screen) []chart.Mark {
	if m.world == s.World && m.id == s.Incident {
		return m.list
	}
	m.world, m.id, m.list, m.open = s.World, s.Incident, nil, map[string]int{}
	for id, events := range s.World.Events {
		if id != "" && s.Incident != "" && id != s.Incident {
			continue // the acknowledgement of another incident explains nothing here
		}
		for i := range events {
			m.take(&events[i])
		}
	}
	slices.SortStableFunc(m.list, func(a, b chart.Mark) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Kind, b.Kind)) })
	m.list = m.list[max(len(m.list)-mostMarks, 0):]
	return m.list
}

func (m *marks) take(e *incident.Event) {
	instant := func(k chart.MarkKind) { m.list = append(m.list, chart.Mark{At: e.At, Kind: k}) }
	switch e.Kind {
	case incident.ChangeRecorded:
		instant(chart.Deploy)
	case incident.AlertFired:
		instant(chart.Alert)
	case incident.Declared:
		if !fromAlert(e) { // else the alert has its mark
			instant(chart.Alert)
		}
	case incident.Acknowledged:
		instant(chart.Ack)
	case incident.NoteAdded, incident.ActionTaken:
		instant(chart.Note)
	case incident.ChaosInjected:
		m.begin(e, chart.Chaos)
	case incident.ChaosUndone, incident.ChaosFinished:
		m.end(e, chart.Chaos)
	case incident.LoadStarted:
		m.begin(e, chart.Load)
	case incident.LoadFinished, incident.LoadAborted:
		m.end(e, chart.Load)
	}
}

// begin opens the interval of a run. A run that injects again while it is open
// goes on.
func (m *marks) begin(e *incident.Event, k chart.MarkKind) {
	run := runOf(e)
	if _, open := m.open[run]; open && run != "" {
		return
	}
	m.open[run] = len(m.list)
	m.list = append(m.list, chart.Mark{At: e.At, Kind: k, Running: true})
}

// end closes it. A run whose beginning is not known is an instant.
func (m *marks) end(e *incident.Event, k chart.MarkKind) {
	run := runOf(e)
	i, open := m.open[run]
	switch {
	case open:
		m.list[i].Until, m.list[i].Running = later(e.At, m.list[i].At), false
		delete(m.open, run)
	case e.Kind != incident.ChaosFinished: // that one comes after the last undo
		m.list = append(m.list, chart.Mark{At: e.At, Kind: k})
	}
}

// fromAlert says that an alert was there before the declaration.
func fromAlert(e *incident.Event) bool {
	var d incident.Declaration
	return e.Payload(&d) == nil && !d.DetectedAt.IsZero()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
