package pane

import (
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
)

// Frozen is a board as it was at a moment of an incident, from the series that were
// kept then: what is shown when the server has forgotten.
type Frozen struct {
	Incident incident.ID
	What     string    // happened then: "declared", "resolved"
	At       time.Time // of the moment
	Snapshot *query.Snapshot
}

// capturesOf are what was kept at an event, or what it tells of itself.
func capturesOf(e *incident.Event, w *World) (all []incident.Capture) {
	events := w.Events[e.Incident]
	if e.Kind == incident.EvidenceCaptured {
		events = []incident.Event{*e}
	}
	for i := range events {
		var c incident.Capture
		if events[i].Kind == incident.EvidenceCaptured && events[i].Payload(&c) == nil && (c.Event == e.ID || e.Kind == incident.EvidenceCaptured) {
			all = append(all, c)
		}
	}
	return all
}

// readIt is the choice of the words before the pictures.
const readIt = ""

// openEvent shows an event in full. Of a moment at which the boards were kept it asks
// first: the words, or a board as it was.
func openEvent(e *incident.Event, s *Screen) Effect {
	choices := []Choice{{Value: readIt, Text: "read all that is known of it", Letter: 'r'}}
	orders := map[string]OpenFrozen{}
	for _, c := range capturesOf(e, s.World) {
		for _, b := range c.Boards {
			value := fmt.Sprint(len(orders), b.Name)
			text := fmt.Sprintf("open %s as it was then: %s, %d series", b.Name, plural(b.Panels, "panel"), b.Series)
			choice := Choice{Value: value, Text: text}
			if len(orders) == 0 {
				choice.Letter = 'b'
			}
			choices = append(choices, choice)
			orders[value] = OpenFrozen{Incident: e.Incident, Event: c.Event, Board: b.Name, What: c.What, At: c.At}
		}
	}
	if len(orders) == 0 {
		return readEvent(e, s)
	}
	return Effect{Handled: true, Ask: &Ask{
		Title: e.At.In(s.Zone).Format("15:04:05") + " " + word(e).String(), Choices: choices,
		Then: func(answer string) Effect {
			if o, ok := orders[answer]; ok {
				return Effect{Handled: true, Orders: []Order{o}}
			}
			return readEvent(e, s)
		},
	}}
}

// past is the screen of a frozen board, made once for a world.
type past struct {
	world  *World
	frozen *Frozen
	seen   *World
}

// of is the screen with the frozen board in the place of the live one.
func (p *past) of(s *Screen) *Screen {
	if s.Frozen == nil {
		return s
	}
	if p.world != s.World || p.frozen != s.Frozen {
		w := *s.World
		w.Board = s.Frozen.Snapshot
		*p = past{s.World, s.Frozen, &w}
	}
	out := *s
	out.World = p.seen
	return &out
}
