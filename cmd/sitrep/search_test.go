package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/store"
)

func TestMatchLine(t *testing.T) {
	t.Parallel()
	match := []store.Piece{{Text: strings.Repeat("before ", 20)}, {Text: "the hit", Hit: true}, {Text: strings.Repeat(" after", 20)}}
	require.Equal(t, "…ore before before before before the hit…", matchLine(match, 41, false), "the hit is seen, with what led to it")
	hostile := []store.Piece{{Text: "x "}, {Text: "\x1b[2Jhit", Hit: true}, {Text: "\u202e"}}
	require.Equal(t, "x \x1b[1;4m␛[2Jhit\x1b[0m", matchLine(hostile, 40, true), "marks are ours alone")
	require.Equal(t, "中文…", matchLine([]store.Piece{{Text: "中文中文", Hit: true}}, 5, false))
	require.Empty(t, matchLine(nil, 40, true))
}

// In a terminal what was looked for is marked.
func TestSearchMarksHits(t *testing.T) {
	t.Parallel()
	db := t.TempDir() + "/s.db"
	first := startTerminal(t, 100, 10, nil, "--db", db, "change", "deploy payments v2")
	require.Equal(t, 0, first.exit())
	second := startTerminal(t, 100, 10, nil, "--db", db, "incident", "search", "PAYMENTS")
	require.Equal(t, 0, second.exit())
	require.Contains(t, second.written(), "deploy \x1b[1;4mpayments\x1b[0m v2")
}
