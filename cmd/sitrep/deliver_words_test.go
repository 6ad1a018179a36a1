package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
)

func TestNobodyWasPagedIsOnlySaidWhenItIsTrue(t *testing.T) {
	t.Parallel()
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
		said := unplanned("INC-1", pagedSince(c.messages, began), nil, nil).Error()
		require.Equal(t, c.nobody, strings.Contains(said, "NOBODY was paged"), "%s: said %q", name, said)
	}
	held := &escalation.HeldError{Lease: escalation.Lease{Owner: "bob@bastion 7", Expires: began}}
	for _, paged := range []bool{true, false} {
		require.ErrorContains(t, unplanned("INC-1", paged, held, nil), "bob@bastion 7 holds the ladder and has not looked at it", "whoever could act is named")
	}
}
