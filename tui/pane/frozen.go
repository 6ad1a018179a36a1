package pane

import (
	"fmt"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

// Frozen is a board as it was at a moment of an incident, from the series that were
// kept then: what is shown when the server has forgotten.
type Frozen struct {
	Incident incident.ID
	What     string    // happened then: "declared", "resolved"
	At       time.Time // of the moment
	Event    string    // its ID
	Snapshot *query.Snapshot
	Recorded *Stretch // of samples that can be asked again; nil = only what was kept is known
	Asked    bool     // the snapshot came from those
}

// Stretch is a time in which samples were recorded.
type Stretch struct{ From, To time.Time }

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
	for _, o := range askedAgain(e, s.World, orders) {
		value := fmt.Sprint("recorded ", o.Board)
		choices = append(choices, Choice{Value: value, Text: fmt.Sprintf("ask %s of the samples that were recorded with %s", o.Board, o.Incident)})
		orders[value] = o
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

// mostAsked bounds the boards that are offered at one event.
const mostAsked = 9

// askedAgain are the boards that can be asked of recorded samples at an event, beside
// those that were kept then.
func askedAgain(e *incident.Event, w *World, kept map[string]OpenFrozen) (all []OpenFrozen) {
	recorded := slices.ContainsFunc(w.Events[e.Incident], func(o incident.Event) bool {
		var r incident.Recording
		return o.Kind == incident.EvidenceRecorded && o.Payload(&r) == nil && !e.At.Before(r.From)
	})
	if !recorded || e.Incident == "" {
		return nil
	}
	for _, name := range w.Boards[:min(len(w.Boards), mostAsked)] {
		same := false
		for _, o := range kept {
			same = same || o.Board == name
		}
		if !same { // what was kept can be asked again once it is open
			all = append(all, OpenFrozen{Incident: e.Incident, Event: e.ID, Board: name, What: word(e).String(), At: e.At, Recorded: true})
		}
	}
	return all
}

// moveFrozen shows another stretch of a frozen board, as far as samples were recorded.
func (b *board) moveFrozen(a keys.Action, s *Screen) Effect {
	f := s.Frozen
	if f.Recorded == nil {
		return Effect{Handled: true, Toast: "this is all that was kept; " + s.Keys.Label(keys.Live) + " goes back to live"}
	}
	g := f.Snapshot.Grid
	span, end := g.Span(), g.End()
	switch a {
	case keys.ZoomIn, keys.ZoomOut:
		around := b.crosshair
		if around.IsZero() {
			around = end.Add(-span / 2)
		}
		by := 1
		if a == keys.ZoomIn {
			by = -1
		}
		span = nextSpan(span, by)
		end = around.Add(span / 2)
	case keys.PanLeft:
		end = end.Add(-span / 2)
	case keys.PanRight:
		end = end.Add(span / 2)
	default:
		return Effect{Handled: true, Toast: "of a frozen board the range is chosen by zoom and pan; " + s.Keys.Label(keys.Live) + " goes back to live"}
	}
	switch {
	case end.Add(-span).After(f.Recorded.To), end.Before(f.Recorded.From):
		return Effect{Handled: true, Toast: fmt.Sprintf("samples were recorded from %s to %s", f.Recorded.From.In(s.Zone).Format("15:04:05"), f.Recorded.To.In(s.Zone).Format("15:04:05"))}
	case end.After(f.Recorded.To.Add(span / 2)):
		end = f.Recorded.To
	}
	return Effect{Handled: true, Orders: []Order{OpenFrozen{
		Incident: f.Incident, Event: f.Event, Board: f.Snapshot.Board.Name, What: f.What, At: f.At, Recorded: true, Span: span, End: end, Columns: chartValues(b.w / 2),
	}}}
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
