package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An incident is resolved after a load check that passes, and is no worse than the
// baseline where there is one; else it stays open.
func TestAResolutionIsVerified(t *testing.T) {
	t.Parallel()
	l := newLoaded(t)
	plan := l.plan("stages: [{rate: 40, for: 5s}]\n")
	for _, title := range []string{"slow", "slower"} {
		l.sitrep("incident", "declare", "--severity", "SEV-4", "--title", title)
	}
	resolved := false
	for range 10 { // where a busy machine could not tell
		if out, _ := l.sitrep("incident", "resolve", "INC-1", "--resolution", "rolled back", "--verify", plan); strings.Contains(out, "PASS  LT-") {
			resolved = true
			require.Contains(t, out, "INC-1 SEV-4 resolved")
			break
		}
	}
	require.True(t, resolved)
	require.Contains(t, l.does(1, "incident", "resolve", "INC-1", "--resolution", "again", "--verify", plan), "it is already resolved")

	l.does(0, "load", "baseline", "shop", "last")
	l.takes.Store(int64(time.Second)) // far from what a busy machine makes of the other
	out := l.tells(exitNotHeld, "incident", "resolve", "INC-2", "--resolution", "it is not", "--verify", plan)
	require.Contains(t, out, "REGRESSED")
	require.Regexp(t, `INC-2 is not resolved: LT-\d+ is worse than LT-\d+ in p50`, out)
	require.Contains(t, l.does(0, "incident", "show", "INC-2", "--json"), `"status": "open"`)

	l.does(0, "load", "baseline", "--clear", "shop")
	plan = l.plan("stages: [{rate: 20, for: 1s}]\nthresholds: [\"p50 < 100ms\"]\n")
	out = l.tells(exitNotHeld, "incident", "resolve", "INC-2", "--resolution", "it is not", "--verify", plan)
	require.Regexp(t, `INC-2 is not resolved: LT-\d+ shop: fail`, out)
}
