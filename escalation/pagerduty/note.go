package pagerduty

import (
	"context"
	"errors"

	"github.com/sitrep-dev/sitrep/escalation"
)

// note writes a message as a note onto the open incident that its page opened, once
// however often it is tried: the message's ID marks it. Ref is the incident there.
func (s *Sender) note(ctx context.Context, m escalation.Message) escalation.Outcome {
	x := &escalation.Exchange{Sink: m.Sink} // for its errors
	if s.config.API == nil || s.config.From == "" {
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("a note needs pagerduty.api_token and pagerduty.from")}
	}
	found, err := s.config.API.ByKey(ctx, m.DedupKey)
	if err != nil {
		return refusedNote(x, err, true)
	}
	for _, there := range found {
		if there.Status == "resolved" {
			continue
		}
		if m.Murky {
			if is, err := s.config.API.noted(ctx, there.ID, m.ID); err != nil {
				return refusedNote(x, err, true)
			} else if is {
				return escalation.Outcome{Class: escalation.Done, Ref: there.ID, Reconciled: true}
			}
		}
		if err := s.config.API.Note(ctx, s.config.From, there.ID, m.Content().Text, m.ID); err != nil {
			return refusedNote(x, err, false)
		}
		return escalation.Outcome{Class: escalation.Done, Ref: there.ID}
	}
	return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("no open incident there belongs to the page any more")}
}

// refusedNote is what became of a call. One that only looked has changed nothing,
// however it ended.
func refusedNote(x *escalation.Exchange, err error, looked bool) escalation.Outcome {
	o := escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("%v", err)}
	var call *CallError
	if errors.As(err, &call) {
		o.Class, o.After = call.Class, call.After
	}
	if looked && o.Class == escalation.Unsure {
		o.Class = escalation.NotSent
	}
	return o
}
