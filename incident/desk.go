package incident

import (
	"context"
	"fmt"
	"time"
)

// Timeline is what the Desk needs of a store. Every method runs its function
// inside one write transaction on incidents as every committed event makes
// them, appends the events it returns, and wakes readers after the commit. An
// error of the function is returned as it is, and nothing is written.
type Timeline interface {
	// Open gives the next free ID to decide and answers with the new incident.
	Open(ctx context.Context, decide func(ID) ([]Event, error)) (Incident, error)
	// Decide answers with the incident after the events. It returns an error
	// that is ErrUnknown for an ID that no declaration has.
	Decide(ctx context.Context, id ID, decide func(Incident) ([]Event, error)) (Incident, error)
	// Together is for decisions that need more than the state of one incident:
	// decide may look around, and its events may be of several incidents. It
	// answers with those incidents after the events, in the order in which the
	// events name them.
	Together(ctx context.Context, decide func(Look) ([]Event, error)) ([]Incident, error)
}

// Look is what a decision sees of the timeline, within its transaction.
type Look interface {
	// Incident is the incident as it stands; ErrUnknown if there is none.
	Incident(id ID) (Incident, error)
	// Event finds an event of any incident or of none; ErrNoEvent if there is none.
	Event(ref Ref) (Event, error)
	// Next is the ID that a declaration among the decided events has to take.
	Next() (ID, error)
}

// Desk runs commands against a timeline. It is safe for concurrent use, by
// several processes too: the transaction decides who was first.
type Desk struct{ timeline Timeline }

// NewDesk is a desk on a timeline.
func NewDesk(t Timeline) *Desk { return &Desk{t} }

// Declare opens an incident. Once, if not empty, names the cause (an alert's
// fingerprint and start): a second declaration for the same cause is refused
// by the store, however many processes saw it.
func (d *Desk) Declare(ctx context.Context, by By, once string, dec Declaration) (Incident, error) {
	return d.timeline.Open(ctx, func(id ID) ([]Event, error) {
		e, err := Declare(by, id, dec)
		e.Once = once
		return []Event{e}, err
	})
}

// Acknowledge says that by.Actor has it.
func (d *Desk) Acknowledge(ctx context.Context, by By, id ID) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.Acknowledge(by) })
}

// Unacknowledge gives it back.
func (d *Desk) Unacknowledge(ctx context.Context, by By, id ID) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.Unacknowledge(by) })
}

// Assign gives a role to a person.
func (d *Desk) Assign(ctx context.Context, by By, id ID, role Role, who Person) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.Assign(by, role, who) })
}

// ChangeSeverity changes the severity.
func (d *Desk) ChangeSeverity(ctx context.Context, by By, id ID, to Severity, reason string) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.ChangeSeverity(by, to, reason) })
}

// SetService says what the incident is about.
func (d *Desk) SetService(ctx context.Context, by By, id ID, service string, reroute Reroute) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.SetService(by, service, reroute) })
}

// ChangeStatus changes the status.
func (d *Desk) ChangeStatus(ctx context.Context, by By, id ID, to Status, details string) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.ChangeStatus(by, to, details) })
}

// Note adds a note; a text such as "-7m rollback started" or "14:05 paged the
// database team" is back-dated (ParseNote).
func (d *Desk) Note(ctx context.Context, by By, id ID, text string) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) {
		at, rest, err := ParseNote(text, by.At)
		if err != nil {
			return nil, fmt.Errorf("note on %s: %w", id, err)
		}
		by := by
		if !at.Equal(by.At) {
			by.At, by.Evidence = at, nil // what the signals read now says nothing about then
		}
		return inc.Note(by, rest)
	})
}

// Correct gives an event other words; the first ones stay on the timeline.
func (d *Desk) Correct(ctx context.Context, by By, id ID, ref Ref, text string) (Incident, error) {
	return d.about(ctx, "correct", id, ref, func(inc Incident, e Event) ([]Event, error) { return inc.Correct(by, e, text) })
}

// about decides on what follows from an event that exists; what is being done is for the
// error where it does not.
func (d *Desk) about(ctx context.Context, doing string, id ID, ref Ref, decide func(Incident, Event) ([]Event, error)) (Incident, error) {
	list, err := d.timeline.Together(ctx, func(look Look) ([]Event, error) {
		inc, err := look.Incident(id)
		if err != nil {
			return nil, err
		}
		e, err := look.Event(ref)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", doing, id, err)
		}
		return decide(inc, e)
	})
	if err != nil {
		return Incident{}, err
	}
	return list[0], nil
}

// Merge says that one incident is the same as another and goes on there. It
// answers with both.
func (d *Desk) Merge(ctx context.Context, by By, id, into ID) (merged, survivor Incident, err error) {
	list, err := d.timeline.Together(ctx, func(look Look) ([]Event, error) {
		inc, err := look.Incident(id)
		if err != nil {
			return nil, err
		}
		other, err := look.Incident(into)
		if err != nil {
			return nil, err
		}
		return inc.Merge(by, other)
	})
	if err != nil {
		return merged, survivor, err
	}
	return list[0], list[1], nil
}

// Split declares an incident for events that were recorded under another one,
// and answers with it.
func (d *Desk) Split(ctx context.Context, by By, id ID, refs []Ref, dec Declaration) (Incident, error) {
	list, err := d.timeline.Together(ctx, func(look Look) ([]Event, error) {
		inc, err := look.Incident(id)
		if err != nil {
			return nil, err
		}
		var events []Event
		for _, ref := range refs {
			e, err := look.Event(ref)
			if err != nil {
				return nil, fmt.Errorf("split %s: %w", id, err)
			}
			events = append(events, e)
		}
		next, err := look.Next()
		if err != nil {
			return nil, err
		}
		return inc.Split(by, events, next, dec)
	})
	if err != nil {
		return Incident{}, err
	}
	return list[0], nil
}

// Update records what people outside were told.
func (d *Desk) Update(ctx context.Context, by By, id ID, u Update) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.Update(by, u) })
}

// Did records an action.
func (d *Desk) Did(ctx context.Context, by By, id ID, a Action) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.Did(by, a) })
}

// Tick says that a step of a runbook is done.
func (d *Desk) Tick(ctx context.Context, by By, id ID, s Step) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.Tick(by, s) })
}

// Untick says that it is not, after all.
func (d *Desk) Untick(ctx context.Context, by By, id ID, runbook, step string) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.Untick(by, runbook, step) })
}

// Attach says which runbook is followed.
func (d *Desk) Attach(ctx context.Context, by By, id ID, runbook string) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.Attach(by, runbook) })
}

// Resolve ends the incident.
func (d *Desk) Resolve(ctx context.Context, by By, id ID, resolution string) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.Resolve(by, resolution) })
}

// Reopen takes the resolution back.
func (d *Desk) Reopen(ctx context.Context, by By, id ID) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.Reopen(by) })
}

// Close files the incident away.
func (d *Desk) Close(ctx context.Context, by By, id ID) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.Close(by) })
}

// Escalate asks the ladder for a level.
func (d *Desk) Escalate(ctx context.Context, by By, id ID, level Level, reason string) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.Escalate(by, level, reason) })
}

// Snooze keeps the ladder quiet for a while.
func (d *Desk) Snooze(ctx context.Context, by By, id ID, length time.Duration, reason string) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.SnoozeUntil(by, by.At.Add(length), reason) })
}

// AddItem adds an action item.
func (d *Desk) AddItem(ctx context.Context, by By, id ID, text string, owner Person, due time.Time) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.AddItem(by, text, owner, due) })
}

// CloseItem marks an action item as done.
func (d *Desk) CloseItem(ctx context.Context, by By, id ID, item string) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.CloseItem(by, item) })
}

// ChangeItem changes an action item, or drops it.
func (d *Desk) ChangeItem(ctx context.Context, by By, id ID, c ItemChange) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.ChangeItem(by, c) })
}

// Retell changes how the post-mortem tells an event.
func (d *Desk) Retell(ctx context.Context, by By, id ID, ref Ref, r Retelling) (Incident, error) {
	return d.about(ctx, "retell an event of", id, ref, func(inc Incident, e Event) ([]Event, error) { return inc.Retell(by, e, r) })
}

// MoveReview brings the post-mortem to another stage.
func (d *Desk) MoveReview(ctx context.Context, by By, id ID, to Stage, version, missing int, reason string) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.MoveReview(by, to, version, missing, reason) })
}

// AssignReview says who brings the post-mortem to its end, and until when.
func (d *Desk) AssignReview(ctx context.Context, by By, id ID, a ReviewAssignment) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.AssignReview(by, a) })
}

// Comment says something about the post-mortem.
func (d *Desk) Comment(ctx context.Context, by By, id ID, section, text string) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.Comment(by, section, text) })
}

// CloseComment says that a comment is dealt with.
func (d *Desk) CloseComment(ctx context.Context, by By, id ID, comment, answer string) (Incident, error) {
	return d.do(ctx, id, func(inc Incident) ([]Event, error) { return inc.CloseComment(by, comment, answer) })
}

func (d *Desk) do(ctx context.Context, id ID, decide func(Incident) ([]Event, error)) (Incident, error) {
	return d.timeline.Decide(ctx, id, decide)
}

// DuplicateError says that an event of the same cause (Event.Once) is on the
// timeline already.
type DuplicateError struct {
	Cause    string
	Incident ID // that the first one belongs to; empty if none
}

func (e *DuplicateError) Error() string {
	if e.Incident == "" {
		return "it is on the timeline already (" + e.Cause + ")"
	}
	return fmt.Sprintf("%s was declared for it already", e.Incident)
}
