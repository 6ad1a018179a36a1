package escalation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// lastWord is how long a sender may take to say what became of an attempt whose
// time is over.
const lastWord = time.Second

// wire sends one message within its deadline. A sender that does not come back
// then is left to itself: the attempt may have counted, and the stream goes on as
// after a lost answer. It holds up neither other pages nor the end of this process,
// and, its context being over, opens no new request.
func (s *shift) wire(m Message, inc incident.Incident) Outcome {
	sender, ok := s.Senders[m.Kind()]
	if !ok {
		return Outcome{Class: Dead, Err: fmt.Errorf("this sitrep has no way to reach a sink of kind %q", m.Kind())}
	}
	ctx, cancel := context.WithTimeout(s.send, s.Timing.Attempt)
	defer cancel()
	said := make(chan Outcome, 1) // whoever comes too late need not wait
	go func() { said <- sender.Send(ctx, m, inc) }()
	select {
	case o := <-said:
		return reasoned(o)
	case <-ctx.Done():
	}
	late := time.NewTimer(lastWord)
	defer late.Stop()
	select {
	case o := <-said:
		return reasoned(o)
	case <-late.C:
		return Outcome{Class: Unsure, Err: fmt.Errorf("%s: its sender did not come back when its time was over: it may have been accepted", m.Sink)}
	}
}

// reasoned is o with a reason, which everything but a yes has.
func reasoned(o Outcome) Outcome {
	if o.Class != Done && o.Err == nil {
		o.Err = errors.New("the sink gave no reason")
	}
	return o
}
