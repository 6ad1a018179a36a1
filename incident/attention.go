package incident

import (
	"slices"
	"time"
)

// Question asks whoever has acknowledged whether they are still on it.
type Question struct {
	Of    Person    `json:"of"`
	Since time.Time `json:"since"` // when a person last did something about the incident
}

// Target is a time that a severity allows for something.
type Target string

// The targets whose missing is recorded.
const (
	TargetRespond Target = "respond"
	TargetResolve Target = "resolve"
)

// Overdue says that a target was missed.
type Overdue struct {
	Target Target    `json:"target"`
	DueAt  time.Time `json:"due_at"`
}

// Missing says how often it was said that nobody is commander, this time included.
type Missing struct {
	Times int `json:"times"`
}

// Attention is what the ladder knows of the people at an incident.
type Attention struct {
	Active         time.Time `json:"active,omitzero"`          // a person last did something about it
	Questioned     time.Time `json:"questioned,omitzero"`      // whoever has acknowledged was last asked whether they are still on it
	RespondMissed  time.Time `json:"respond_missed,omitzero"`  // the target to respond that was missed
	ResolveMissed  time.Time `json:"resolve_missed,omitzero"`  // the target to resolve that was missed
	CommanderAsked time.Time `json:"commander_asked,omitzero"` // it was last said that nobody is commander
	CommanderAsks  int       `json:"commander_asks,omitempty"`
}

// InDoubt says whether the acknowledgement stands in doubt: whoever gave it was
// asked whether they are still on it, and nobody has done anything since.
func (inc Incident) InDoubt() bool {
	return inc.Acknowledged() && !inc.Status.Over() && inc.Attention.Questioned.After(inc.Attention.Active)
}

// apply takes in what e says of the people at the incident.
func (a Attention) apply(e Event) Attention {
	switch e.Kind {
	case AckQuestioned:
		a.Questioned = later(a.Questioned, e.At)
	case CommanderMissing:
		a.CommanderAsked, a.CommanderAsks = later(a.CommanderAsked, e.At), a.CommanderAsks+1
	case TargetMissed:
		var p Overdue
		switch {
		case e.Payload(&p) != nil:
		case p.Target == TargetRespond:
			a.RespondMissed = later(a.RespondMissed, p.DueAt)
		case p.Target == TargetResolve:
			a.ResolveMissed = later(a.ResolveMissed, p.DueAt)
		}
	}
	if e.byHand() {
		at := e.At
		if !e.Recorded.IsZero() {
			at = e.Recorded // a back-dated note is written now
		}
		a.Active = later(a.Active, at)
	}
	return a
}

// byHand says whether e is something that a person does about an incident.
func (e Event) byHand() bool {
	return e.Actor != Sitrep && e.Actor != "" && slices.Contains([]Kind{
		Declared, Acknowledged, Unacknowledged, Assigned, SeverityChanged, ServiceSet, StatusChanged, Mitigated, Reopened,
		NoteAdded, NoteCorrected, UpdateSent, ActionTaken, ItemAdded, ItemClosed, ItemChanged, EscalationWanted, EscalationSnoozed,
		RunbookAttached, StepDone, StepUndone,
	}, e.Kind)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
