package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/store"
)

// TestLoadFigures: what a probe of an experiment may be about is what load runs measure.
func TestLoadFigures(t *testing.T) {
	for _, figure := range chaos.LoadFigures() {
		limit := "1s"
		switch figure {
		case "errors", "achieved":
			limit = "1%"
		case "rate":
			limit = "1/s"
		}
		_, err := loadtest.ParseThreshold(figure + " < " + limit)
		require.NoError(t, err)
	}
}

// The steady state is what those see who send the requests: a load run beside the
// experiment. Before it has begun there is no data.
func aLoadRunIsAProbe(t *testing.T) {
	h := startHeadless(t)
	h.measured()
	dir := filepath.Dir(h.Config)
	src, err := os.ReadFile(filepath.Join(dir, "experiments", "payments-latency.yaml"))
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(src), "steady_state:\n")
	require.True(t, ok)
	_, rest, ok = strings.Cut(rest, "# Checkout gives up")
	require.True(t, ok)
	rest = strings.NewReplacer("duration: 60s", "duration: 8s", "pin: F5", "").Replace("# Checkout gives up" + rest)
	experiment := filepath.Join(t.TempDir(), "under-load.yaml")
	require.NoError(t, os.WriteFile(experiment, []byte(strings.Replace(head, "payments-latency", "under-load", 1)+`steady_state:
  - {name: rate sent, load: {figure: rate, plan: beside, over: 3s}, expect: "> 1"}
  - {name: customers wait, load: {figure: max, over: 3s}, expect: "< 0.9"}
`+rest), 0o600))
	out, code := h.sitrep("chaos", "run", experiment)
	require.Equal(t, exitInconclusive, code, out)
	require.Contains(t, out, "rate sent has no data before anything was injected")

	plan := filepath.Join(t.TempDir(), "beside.yaml")
	require.NoError(t, os.WriteFile(plan, []byte(`name: beside
targets: [{method: GET, url: "`+h.Services["storefront"]+`/"}]
stages: [{rate: 20, for: 10m}]
`), 0o600))
	load := exec.Command(binary, "--config", h.Config, "--db", h.DB, "load", "run", plan)
	load.Env = append(os.Environ(), h.env()...)
	require.NoError(t, load.Start())
	t.Cleanup(func() { _ = load.Wait() })
	t.Cleanup(func() { _ = load.Process.Signal(syscall.SIGTERM) })
	db, err := store.Open(t.Context(), h.DB)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.Eventually(t, func() bool {
		_, seconds, _, err := db.RunningLoad(t.Context(), "beside", 3)
		return err == nil && len(seconds) == 3
	}, patience, 100*time.Millisecond)

	out, _ = h.sitrep("chaos", "run", experiment, "--json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var outcome chaos.Outcome
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &outcome), out)
	require.Equal(t, chaos.Deviated, outcome.Verdict, outcome.Reason)
	require.Contains(t, outcome.Reason, "customers wait left its band (< 0.9)")
	require.Greater(t, *outcome.Probes[1].During, 0.9)
}
