package escalation

import (
	"context"
	"errors"
	"fmt"

	"github.com/sitrep-dev/sitrep/incident"
)

// wire sends one message within its deadline. A sender has to come back when its
// context is over: it is not left running, because a late request could not be told
// from the one that follows.
func (s *shift) wire(m Message, inc incident.Incident) Outcome {
	sender, ok := s.Senders[m.Kind()]
	if !ok {
		return Outcome{Class: Dead, Err: fmt.Errorf("this sitrep has no way to reach a sink of kind %q", m.Kind())}
	}
	ctx, cancel := context.WithTimeout(s.send, s.Timing.Attempt)
	defer cancel()
	o := sender.Send(ctx, m, inc)
	if o.Class != Done && o.Err == nil {
		o.Err = errors.New("the sink gave no reason")
	}
	return o
}
