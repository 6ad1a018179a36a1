package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a run says breaks between words on a terminal, and nowhere else.
func TestLinesBreakBetweenWords(t *testing.T) {
	t.Parallel()
	const head, text = "10:00:00Z CH-7 started   ", "begins on payments-1 (1 of 2 that match) and ends by itself"
	require.Equal(t, head+"begins on payments-1 (1 of 2 that\n                         match) and ends by itself", hung(head, text, 60))
	require.Equal(t, head+text, hung(head, text, maxLine))
	require.Equal(t, head+text, hung(head, text, 30), "no room beside the head")
	require.Equal(t, head+text, hung(head, text, len(head+text)))

	plan := "experiment  pay\n  on        payments-1, tier C (ends by itself at its time, undone before that)\nlength      31s\n"
	require.Equal(t, plan, hungPlan(plan, maxLine))
	require.Equal(t, "experiment  pay\n  on        payments-1, tier C (ends by\n            itself at its time, undone\n            before that)\nlength      31s\n", hungPlan(plan, 42))
	require.NotContains(t, hungPlan("healthy     é\x1b[2J\u202eé", 80), "\x1b")
}
