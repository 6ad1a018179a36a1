package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pictures draws the views at three sizes in the middle of an
// incident, and checks that each shows what it is for. `make screens` keeps the
// pictures for the README: SITREP_SCREENS names the directory.
func pictures(t *testing.T) {
	dir := os.Getenv("SITREP_SCREENS")
	if dir == "" {
		dir = t.TempDir()
	}
	h := startHeadless(t)
	h.measured()
	_, code := h.sitrep("change", "deploy checkout v1.42.0", "--service", "checkout")
	require.Zero(t, code)
	first := h.screen(120, 40)
	first.see("All quiet", "this process runs the ladder")
	h.declared(first, "--severity", "SEV-1", "--title", "Checkout fails for some customers", "--service", "checkout")
	first.see("YOU ARE PAGED", "accepted")
	_, code = h.sitrep("--as", "bob", "incident", "note", "INC-1", "payments-2 answers after 1.5 s, the other one is fine")
	require.Zero(t, code)
	_, code = h.sitrep("postmortem", "draft", "INC-1")
	require.Zero(t, code)

	sizes := []*terminal{h.screen(80, 24), first, h.screen(200, 60)}
	for _, x := range sizes {
		x.see("[SEV1] INC-1")
	}
	for _, v := range []struct{ key, name, shows string }{
		{"1", "now", "─ escalation"},
		{"2", "board", "─ Shop"},
		{"3", "timeline", "─ timeline of INC-1"},
		{"4", "actions", "─ chaos"},
		{"5", "postmortem", "Incident Summary"},
		{"w", "runbook", "─ runbook shop-errors"},
		{"6", "on-call", "Search index is 3 h behind"},
		{"7", "statistics", "─ statistics"},
		{"8", "alerts", "─ alerts"},
		{"9", "slo", "─ objectives"},
		{"C", "scorecard", "─ checklist"},
	} {
		for _, x := range sizes {
			x.press(v.key)
			x.see(v.shows)
			var before string
			x.await("the view is drawn", func(screen string) bool { same := screen == before; before = screen; return same })
			file := filepath.Join(dir, fmt.Sprintf("%s-%dx%d.svg", v.name, x.width, x.height))
			require.NoError(t, os.WriteFile(file, []byte(x.svg()), 0o644))
		}
	}
	first.press(keyCtrlX)
	require.Eventually(t, func() bool { return h.injected() == 0 }, undone, 10*time.Millisecond)
}
