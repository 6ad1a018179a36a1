package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The way of an experiment by keys alone: the list, the plan, the run as it goes, its
// end by ctrl+x, and the run among those before; then one in production, by its words.
func experimentByKeys(t *testing.T) {
	h := startHeadless(t)
	production := filepath.Join(filepath.Dir(h.Config), "experiments", "payments-pause.yaml")
	src, err := os.ReadFile(production)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(production, append(src, "\nlabels: {env: prod}\n"...), 0o600))
	h.measured()
	x := h.screen(120, 40)
	x.see("All quiet", "4 sinks ok")
	x.press("4")
	x.see("payments-latency", "h chaos history")

	h.arm(x)
	x.see("CH-", "✓inject", "▸hold", "hurts  http.latency on payments-", "undo C ends by itself", "lost   this terminal", "probe  storefront p95", "guard  storefront 5xx", "of 3  abort > 0.9")
	x.press("3") // it is ended from anywhere
	x.see("chaos")
	x.press(keyCtrlX)
	x.see("ended by ctrl+x", "everything is undone")
	require.Zero(t, h.injected())

	x.press("4")
	x.see("aborted") // the run is over where it is told of too
	x.press("h")
	x.see("Runs of payments-latency", "aborted: ended by ctrl+x", "▲", "▼", "With one of two payments instances slow")
	x.press(keyEsc)
	x.gone("Runs of")

	out, code := h.sitrep("chaos", "history", "payments-latency", "--json")
	require.Zero(t, code)
	var past []pastView
	require.NoError(t, json.Unmarshal([]byte(out), &past))
	last := past[len(past)-1]
	require.Equal(t, "aborted", string(last.Outcome.Verdict))
	require.NotEmpty(t, last.Outcome.Probes[0].Series)
	require.LessOrEqual(t, len(last.Outcome.Probes[0].Series), 60)
	out, code = h.sitrep("chaos", "history")
	require.Zero(t, code)
	require.Contains(t, out, "payments-latency: 0 of ")
	require.Contains(t, out, "aborted")

	h.measured()
	x.press(keyF6)
	x.see("Type payments-pause 100% to go on:", "This is production: the experiment has env=prod")
	x.press("payments-pause 100$")
	x.see(`character 19 is "$" and has to be "%"`)
	x.press("\x7f%")
	x.confirm("u takes it back")
	x.press("u")
	x.see("taken back: start payments-pause")
	x.press("1", "q")
	require.Zero(t, x.exit())
}

// arm starts payments-latency from its plan until it is in place: a shop that is slow at
// that moment is not injected into.
func (h *headless) arm(x *terminal) {
	h.t.Helper()
	for range 10 {
		h.measured()
		before := h.endedRuns()
		x.press("g", keyEnter)
		x.see("Plan of payments-latency", "no rule refuses it", "http.latency for 1m", "undo      DELETE http", "y start in 3 s")
		x.confirm("u takes it back")
		placed := false
		x.await("the fault is in place, or the shop was not well", func(string) bool {
			placed = h.injected() == 1
			return placed || h.endedRuns() > before
		})
		if placed {
			return
		}
		x.press(keyEsc)
	}
	h.t.Fatalf("the shop was never well enough; it shows:\n%s", x.text())
}
