package pane

import (
	"cmp"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// lookBack is how long before an incident was detected something may have
// happened and still be part of its story.
const lookBack = 30 * time.Minute

// story is the events that belong to an incident, or to all, in the order in
// which they happened. It is put together once for a world.
type story struct {
	world *World
	id    incident.ID
	list  []*incident.Event
}

// of is the story that the screen is about: that of the selected incident, with
// what happened around it outside, or of everything.
func (st *story) of(s *Screen) []*incident.Event {
	if st.world == s.World && st.id == s.Incident {
		return st.list
	}
	st.world, st.id, st.list = s.World, s.Incident, st.list[:0:0]
	inc, one := selected(s)
	for id, events := range s.World.Events {
		switch {
		case !one:
			st.take(incident.Told("", events), time.Time{}, time.Time{})
		case id == inc.ID:
			st.take(s.World.Told(inc), time.Time{}, time.Time{})
		case id == "":
			until := s.Now.Add(time.Hour)
			if inc.Status.Over() {
				until = inc.Clocks.Resolved
			}
			st.take(events, start(inc).Add(-lookBack), until)
		}
	}
	slices.SortStableFunc(st.list, func(a, b *incident.Event) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.ID, b.ID))
	})
	return st.list
}

// Told is the timeline of an incident as people read it, in the order of
// recording; what came from others by a split or a merge is at its end.
func (w *World) Told(inc incident.Incident) []incident.Event {
	events, shared := w.Events[inc.ID], map[incident.ID]bool{inc.ID: true}
	add := func(id incident.ID) {
		if id != "" && !shared[id] {
			shared[id] = true
			events = slices.Concat(events, w.Events[id])
		}
	}
	add(inc.SplitFrom)
	for _, id := range inc.Merged {
		add(id)
		if i := slices.IndexFunc(w.Incidents, func(other incident.Incident) bool { return other.ID == id }); i >= 0 {
			add(w.Incidents[i].SplitFrom)
		}
	}
	return incident.Told(inc.ID, events)
}

// take adds the events between two moments; zero moments are no bounds.
func (st *story) take(events []incident.Event, from, until time.Time) {
	for i := range events {
		e := &events[i]
		if (from.IsZero() || !e.At.Before(from)) && (until.IsZero() || !e.At.After(until)) {
			st.list = append(st.list, e)
		}
	}
}

// start is when an incident began, as far as anybody knows.
func start(inc incident.Incident) time.Time {
	return inc.Clocks.Declared
}

// selected is the incident that the screen is about.
func selected(s *Screen) (incident.Incident, bool) {
	if s.Incident == "" {
		return incident.Incident{}, false
	}
	for _, inc := range s.World.Incidents {
		if inc.ID == s.Incident {
			return inc, true
		}
	}
	return incident.Incident{}, false
}

// runOf is the run that an event of chaos or load is about: its ULID where it
// has one, because the short names of two stores are the same.
func runOf(e *incident.Event) string {
	var data struct {
		ID  string `json:"id"`
		Run string `json:"run"`
	}
	if e.Payload(&data) != nil {
		return ""
	}
	return cmp.Or(data.ID, data.Run)
}
