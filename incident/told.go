package incident

import (
	"encoding/json"
	"slices"
	"strings"
)

// Gathered is the events that are shown under incident id, as they were
// recorded: its own, those outside any incident, those of what was merged into
// it, and those that a split moved to any of these, with what corrects them. An
// empty id leaves nothing out. To find them all, events has to hold the timelines
// of Incident.Merged, and those that it and they were split from.
func Gathered(id ID, events []Event) []Event {
	if id == "" || !slices.ContainsFunc(events, func(e Event) bool { return e.Incident != id && e.Incident != "" }) {
		return events
	}
	moved, one := moves(events), merged(id, events)
	return slices.DeleteFunc(slices.Clone(events), func(e Event) bool {
		return e.Incident != id && e.Incident != "" && !one[shownUnder(e, moved)] || isEcho(id, e)
	})
}

// merged is id and the incidents that go on as it.
func merged(id ID, events []Event) map[ID]bool {
	one := map[ID]bool{id: true}
	for _, e := range events {
		var p Merge
		if e.Kind != Merged || e.Incident != id || e.Payload(&p) != nil || p.Into != id {
			continue
		}
		one[p.From] = true
		for _, with := range p.With {
			one[with] = true
		}
	}
	return one
}

// shownUnder is the incident that an event, or what it corrects, belongs to after
// all splits.
func shownUnder(e Event, moved map[string]ID) ID {
	about := e.ID
	if e.Kind == NoteCorrected {
		about = corrects(e)
	}
	if to := moved[about]; to != "" {
		return to
	}
	return e.Incident
}

// isEcho says whether e is what the other timeline says of a merge into id, which
// id's own says too.
func isEcho(id ID, e Event) bool {
	var p Merge
	return e.Kind == Merged && e.Incident != id && e.Payload(&p) == nil && p.Into == id
}

// Told is the events of Gathered as people read them: what was corrected has its
// newest words, and its corrections are left out; Was and Moved say so. The
// events that were given stay as they are.
func Told(id ID, events []Event) []Event {
	moved, one := moves(events), merged(id, events) // before gathering, which may leave out what says it
	events = Gathered(id, events)
	newest := corrections(events)
	if len(newest) == 0 && len(moved) == 0 && len(one) == 1 {
		return events
	}
	out := make([]Event, 0, len(events))
	for _, e := range events {
		if e.Kind == NoteCorrected {
			if _, shown := newest[corrects(e)]; shown {
				continue
			}
		}
		if c, is := newest[e.ID]; is {
			e = e.reworded(c.Text)
		}
		e.Moved = moved[e.ID]
		switch under := shownUnder(e, moved); {
		case one[under] && e.Incident == id:
			e.Moved = "" // never away, or back with a merge
		case one[under]:
			e.Moved = id
		}
		out = append(out, e)
	}
	return out
}

// corrections is the last correction of every event that is among events and
// can have one, by the ID of that event.
func corrections(events []Event) map[string]Event {
	type subject struct {
		id       string
		incident ID
	}
	newest := map[subject]Event{}
	for _, c := range events {
		if c.Kind != NoteCorrected || c.Text == "" {
			continue
		}
		if of := (subject{corrects(c), c.Incident}); of.id != "" && newest[of].Seq <= c.Seq {
			newest[of] = c
		}
	}
	if len(newest) == 0 {
		return nil
	}
	fitting := map[string]Event{}
	for _, e := range events {
		if c, is := newest[subject{e.ID, e.Incident}]; is && correctable(e.Kind) {
			fitting[e.ID] = c
		}
	}
	return fitting
}

// corrects is the ID of the event that a correction names.
func corrects(e Event) string {
	var p Correction
	if e.Payload(&p) != nil {
		return ""
	}
	return p.Event
}

// moves is where splits moved events to, by the ID of the event.
func moves(events []Event) map[string]ID {
	to := map[string]ID{}
	for _, e := range events {
		var p Move
		if e.Kind != Split || e.Payload(&p) != nil || p.From == p.Into {
			continue
		}
		for _, id := range p.Events {
			to[id] = p.Into
		}
	}
	return to
}

// reworded is e with other words, in its data too, where readers look for them.
func (e Event) reworded(text string) Event {
	e.Was, e.Text = e.Text, text
	field := map[Kind]string{ActionTaken: "text", StatusChanged: "details"}[e.Kind]
	var data map[string]json.RawMessage
	if field == "" || e.Payload(&data) != nil || data == nil {
		return e
	}
	if e.Kind == StatusChanged {
		text = strings.TrimPrefix(text, statusOf(e))
	}
	data[field] = Payload(text)
	e.Data = Payload(data)
	return e
}

// Mark is what a reader of incident id's timeline has to know of an event
// beside its words: that it ended the users' pain, was corrected, or moved. It is
// empty for most.
func (e Event) Mark(id ID) string {
	var marks []string
	var a Action
	if e.Kind == ActionTaken && e.Payload(&a) == nil && a.Mitigates {
		marks = append(marks, "mitigates")
	}
	if e.Was != "" {
		marks = append(marks, "corrected")
	}
	switch {
	case e.Moved == "":
	case e.Moved == id:
		marks = append(marks, "from "+string(e.Incident))
	default:
		marks = append(marks, "moved to "+string(e.Moved))
	}
	return strings.Join(marks, ", ")
}
