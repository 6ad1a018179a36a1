package incident

import (
	"fmt"
	"slices"
	"strings"
)

// The commands of this file put the record right. None of them changes an
// event: each adds one that names those it is about, and readers are shown the
// result (Told).

// Correct gives e, an event of inc, other words.
func (inc Incident) Correct(by By, e Event, text string) ([]Event, error) {
	const verb = "correct"
	if text = strings.TrimSpace(text); text == "" {
		return nil, inc.refuse(verb, ErrMissing, "the right words for event %d", e.Seq)
	}
	if err := inc.mustHave(verb, e); err != nil {
		return nil, err
	}
	if e.Kind == NoteCorrected {
		var p Correction
		_ = e.Payload(&p) // a damaged one names nothing, and says so
		return nil, inc.refuse(verb, ErrUnfit, "event %d is a correction itself; correct the event that it names, %s, once more", e.Seq, p.Event)
	}
	if !correctable(e.Kind) {
		return nil, inc.refuse(verb, ErrUnfit, "event %d is %s; only notes, updates, actions and the details of a status can be corrected (sitrep incident note adds what is to be said about it)", e.Seq, e.Kind)
	}
	if e.Kind == StatusChanged {
		text = statusOf(e) + text
	}
	by.Evidence = nil // what the signals read now says nothing about then
	return []Event{by.event(inc.ID, NoteCorrected, text, Correction{e.ID, e.Kind})}, nil
}

// correctable says whether the words of such an event are a person's own. The
// others say what happened, and that it was otherwise is another event.
func correctable(k Kind) bool {
	return k == NoteAdded || k == UpdateSent || k == ActionTaken || k == StatusChanged
}

// statusOf is what the text of a status change begins with: "monitoring: ".
func statusOf(e Event) string {
	var p StatusChange
	if e.Payload(&p) != nil || p.To == "" {
		return ""
	}
	return string(p.To) + ": "
}

// mustHave refuses an event that was not recorded under inc.
func (inc Incident) mustHave(verb string, e Event) error {
	switch e.Incident {
	case inc.ID:
		return nil
	case "":
		return inc.refuse(verb, ErrUnfit, "event %d (%s) belongs to no incident", e.Seq, e.Kind)
	}
	return inc.refuse(verb, ErrUnfit, "event %d belongs to %s", e.Seq, e.Incident)
}

// Merge says that inc is the same incident as into, which goes on alone. Into
// keeps its own severity and roles.
func (inc Incident) Merge(by By, into Incident) ([]Event, error) {
	const verb = "merge"
	if err := inc.mustStand(verb); err != nil {
		return nil, err
	}
	switch {
	case inc.ID == into.ID:
		return nil, inc.refuse(verb, ErrNoChange, "an incident cannot be merged into itself")
	case into.MergedInto != "":
		return nil, inc.refuse(verb, ErrTooLate, "%s was merged into %s; merge into that one", into.ID, into.MergedInto)
	case into.Status.Over():
		return nil, inc.refuse(verb, ErrTooLate, "%s is already %s (sitrep incident reopen %s opens it again)", into.ID, into.Status, into.ID)
	case inc.Drill != into.Drill:
		return nil, inc.refuse(verb, ErrUnfit, "one of %s and %s is a drill, the other is not", inc.ID, into.ID)
	}
	m := Merge{From: inc.ID, Into: into.ID, Severity: inc.Severity, With: inc.Merged}
	there := fmt.Sprintf("%s was merged into this one: %s", inc.ID, inc.Title)
	if inc.Severity.WorseThan(into.Severity) {
		there += fmt.Sprintf(" (it was %s, this one stays %s)", inc.Severity, into.Severity)
	}
	return []Event{
		by.event(inc.ID, Merged, fmt.Sprintf("merged into %s: %s", into.ID, into.Title), m),
		by.event(into.ID, Merged, there, m),
	}, nil
}

// Split declares incident id for events that were recorded under inc and belong
// to something else.
func (inc Incident) Split(by By, events []Event, id ID, d Declaration) ([]Event, error) {
	const verb = "split"
	if err := inc.mustStand(verb); err != nil {
		return nil, err
	}
	if len(events) == 0 {
		return nil, inc.refuse(verb, ErrMissing, "the events that belong to something else")
	}
	m := Move{From: inc.ID, Into: id}
	for _, e := range events {
		if err := inc.mayMove(e); err != nil {
			return nil, err
		}
		if slices.Contains(m.Events, e.ID) {
			continue // named twice
		}
		m.Events = append(m.Events, e.ID)
		for _, a := range inc.Actions {
			if a.Event == e.ID {
				m.Actions = append(m.Actions, a)
			}
		}
	}
	d.Drill = inc.Drill
	opened, err := Declare(by, id, d)
	if err != nil {
		return nil, err
	}
	n := fmt.Sprintf("%d events", len(m.Events))
	if len(m.Events) == 1 {
		n = "1 event"
	}
	return []Event{
		opened,
		by.event(id, Split, fmt.Sprintf("split from %s with %s: %s", inc.ID, n, inc.Title), m),
		by.event(inc.ID, Split, fmt.Sprintf("%s moved to %s: %s", n, id, strings.TrimPrefix(opened.Text, string(d.Severity)+" ")), m),
	}, nil
}

// mayMove refuses what is of inc's own life and would leave a hole in it.
func (inc Incident) mayMove(e Event) error {
	const verb = "split"
	if err := inc.mustHave(verb, e); err != nil {
		return err
	}
	if to := inc.Moved[e.ID]; to != "" {
		return inc.refuse(verb, ErrNoChange, "event %d was moved to %s", e.Seq, to)
	}
	family, _, _ := strings.Cut(string(e.Kind), ".")
	switch family {
	case "incident", "escalation", "page", "item", "update", "postmortem", "runbook":
		return inc.refuse(verb, ErrUnfit, "event %d is %s, which is about %s itself; notes, actions and what was observed can be moved", e.Seq, e.Kind, inc.ID)
	}
	if e.Kind == NoteCorrected {
		return inc.refuse(verb, ErrUnfit, "event %d is a correction; it moves with the event that it corrects", e.Seq)
	}
	var a Action
	if e.Kind == ActionTaken && e.Payload(&a) == nil && a.Mitigates {
		return inc.refuse(verb, ErrUnfit, "event %d is recorded as the mitigation of %s", e.Seq, inc.ID)
	}
	return nil
}
