package escalation

import (
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Delivery is a message with all that is known of its way: the outbox says how
// it stands, the timeline what happened to it on the way there.
type Delivery struct {
	Message
	AmbiguousAt  time.Time // when it first ended without anybody knowing whether it counted
	ReconciledAt time.Time // when it turned out that it had
	DivertedAt   time.Time // when chats were told in its place
}

// Deliveries are messages with what events say about them. The events may be
// those of any incidents and of any kinds.
func Deliveries(messages []Message, events []incident.Event) []Delivery {
	all, index := make([]Delivery, len(messages)), make(map[string]int, len(messages))
	for i, m := range messages {
		all[i].Message, index[m.ID] = m, i
	}
	for _, e := range events {
		if e.Kind != incident.PageAmbiguous && e.Kind != incident.PageReconciled && e.Kind != incident.PageDiverted {
			continue
		}
		var p PageData
		if e.Payload(&p) != nil {
			continue
		}
		i, known := index[p.Message]
		if !known {
			continue
		}
		at := map[incident.Kind]*time.Time{
			incident.PageAmbiguous: &all[i].AmbiguousAt, incident.PageReconciled: &all[i].ReconciledAt, incident.PageDiverted: &all[i].DivertedAt,
		}[e.Kind]
		if at.IsZero() {
			*at = e.At
		}
	}
	return all
}

// Outcome is how it stands, in a word: "queued", "sending", "accepted",
// "reconciled", "acknowledged", "ambiguous", "failed", "superseded".
func (d Delivery) Outcome() string {
	switch {
	case !d.AcknowledgedAt.IsZero():
		return "acknowledged"
	case d.State == Accepted && !d.ReconciledAt.IsZero():
		return "reconciled"
	case d.State == Pending:
		return "queued"
	}
	return string(d.State)
}

// Took is how long the sink took to have it, from its queueing; ok is false
// while it has not.
func (d Delivery) Took() (took time.Duration, ok bool) {
	return d.AcceptedAt.Sub(d.QueuedAt), !d.AcceptedAt.IsZero()
}

// Answered is how long after that somebody acknowledged the incident.
func (d Delivery) Answered() (took time.Duration, ok bool) {
	return d.AcknowledgedAt.Sub(d.AcceptedAt), !d.AcceptedAt.IsZero() && !d.AcknowledgedAt.IsZero()
}

// Troubled says whether it was refused, or may be lost, or had to go another way.
func (d Delivery) Troubled() bool {
	return d.State == Failed || d.State == Ambiguous || !d.DivertedAt.IsZero() || d.Open() && d.Error != ""
}
