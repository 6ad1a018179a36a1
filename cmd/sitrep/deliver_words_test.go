package main

import (
	"strings"
	"testing"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
)

func TestNobodyWasPagedIsOnlySaidWhenItIsTrue(t *testing.T) {
	began := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	message := func(op escalation.Operation, state escalation.MessageState, after time.Duration) escalation.Message {
		return escalation.Message{Operation: op, State: state, AcceptedAt: began.Add(after)}
	}
	for name, c := range map[string]struct {
		messages []escalation.Message
		nobody   bool
	}{
		"no message at all":          {nil, true},
		"a page that waits":          {[]escalation.Message{message(escalation.OpTrigger, escalation.Pending, 0)}, true},
		"only the chat":              {[]escalation.Message{message(escalation.OpPost, escalation.Accepted, time.Second)}, true},
		"a page of an older command": {[]escalation.Message{message(escalation.OpTrigger, escalation.Accepted, -time.Minute)}, true},
		"a page that was accepted":   {[]escalation.Message{message(escalation.OpTrigger, escalation.Accepted, time.Second)}, false},
	} {
		said := unplanned("INC-1", paged(c.messages, began), nil, nil).Error()
		if strings.Contains(said, "NOBODY was paged") != c.nobody {
			t.Errorf("%s: said %q", name, said)
		}
	}
}
