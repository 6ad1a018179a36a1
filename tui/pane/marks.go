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

// marks are the events that charts show: changes, alerts, declarations, calls,
// acknowledgements, notes, ends, and chaos and load for as long as they last. They
// are put together once for a world and an incident.
type marks struct {
	world *World
	id    incident.ID
	all   []told
	list  []chart.Mark   // of all
	open  map[string]int // runs that have not ended, by name
}

// told is a mark with the words of its event.
type told struct {
	chart.Mark
	event *incident.Event
}

func (m *marks) of(s *Screen) []chart.Mark {
	if m.world == s.World && m.id == s.Incident {
		return m.list
	}
	m.world, m.id, m.all, m.list, m.open = s.World, s.Incident, nil, nil, map[string]int{}
	for id, events := range s.World.Events {
		if id != "" && s.Incident != "" && id != s.Incident {
			continue // the acknowledgement of another incident explains nothing here
		}
		for i := range events {
			m.take(&events[i])
		}
	}
	slices.SortStableFunc(m.all, func(a, b told) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Kind, b.Kind)) })
	m.all = m.all[max(len(m.all)-mostMarks, 0):]
	for _, one := range m.all {
		m.list = append(m.list, one.Mark)
	}
	return m.list
}

// near is what happened within reach of a moment, the nearest of several, or else
// what lasted then; how many there are comes with it.
func (m *marks) near(s *Screen, at time.Time, reach time.Duration) (*told, int) {
	m.of(s)
	var best *told
	distance, n := reach, 0
	for i := range m.all {
		one := &m.all[i]
		d := one.At.Sub(at).Abs()
		lasts := one.Running || !one.Until.IsZero()
		if lasts && !at.Before(one.At) && (one.Running || !at.After(one.Until)) {
			d = reach // an instant is nearer
		}
		if d > reach {
			continue
		}
		if n++; best == nil || d < distance {
			best, distance = one, d
		}
	}
	return best, n
}

func (m *marks) take(e *incident.Event) {
	instant := func(k chart.MarkKind) { m.all = append(m.all, told{chart.Mark{At: e.At, Kind: k}, e}) }
	switch e.Kind {
	case incident.ChangeRecorded:
		instant(chart.Deploy)
	case incident.AlertFired:
		instant(chart.Alert)
	case incident.Declared:
		if !fromAlert(e) { // else the alert has its mark
			instant(chart.Alert)
		}
	case incident.EscalationEntered:
		if called(e) {
			instant(chart.Page)
		}
	case incident.Acknowledged:
		instant(chart.Ack)
	case incident.Mitigated, incident.Resolved:
		instant(chart.End)
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
	m.open[run] = len(m.all)
	m.all = append(m.all, told{chart.Mark{At: e.At, Kind: k, Running: true}, e})
}

// end closes it. A run whose beginning is not known is an instant.
func (m *marks) end(e *incident.Event, k chart.MarkKind) {
	run := runOf(e)
	i, open := m.open[run]
	switch {
	case open:
		m.all[i].Until, m.all[i].Running = later(e.At, m.all[i].At), false
		delete(m.open, run)
	case e.Kind != incident.ChaosFinished: // that one comes after the last undo
		m.all = append(m.all, told{chart.Mark{At: e.At, Kind: k}, e})
	}
}

// called says that an escalation is more than the call that a declaration makes.
func called(e *incident.Event) bool {
	var p incident.Escalation
	return e.Payload(&p) == nil && p.Reason != "declared"
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
