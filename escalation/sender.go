package escalation

import (
	"context"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Sender takes messages to one kind of sink. It is called by several goroutines
// at once, never retries by itself, and answers within the context's deadline.
type Sender interface {
	Send(ctx context.Context, m Message, inc incident.Incident) Outcome
}

// Outcome is how an attempt ended.
type Outcome struct {
	Class      Class
	After      time.Duration // of Throttled: how long the sink wants to be left alone
	Ref        string        // of Done: what the sink calls it
	Err        error         // of all others, without secrets
	Reconciled bool          // of Done: an earlier, ambiguous attempt had counted
}

// Class says whether an attempt counted. The zero Class is Unsure.
type Class int

// The classes. Only NotSent and Throttled are certain that nothing happened.
const (
	Unsure    Class = iota // it may have counted
	Done                   // the sink has it
	NotSent                // it did not leave this machine, or was turned away
	Throttled              // turned away for going too fast; does not count as an attempt
	Dead                   // refused, and will be again: the configuration or the message is at fault
)

func (c Class) String() string {
	return [...]string{"ambiguous", "accepted", "not sent", "throttled", "dead"}[c]
}
