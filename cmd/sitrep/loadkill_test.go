package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/store"
)

// A run that is killed is in the archive up to its last second, and whoever reads it says
// that its process died.
func TestAKilledRunIsInTheArchive(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	file, plan := filepath.Join(dir, "s.db"), filepath.Join(dir, "plan.yaml")
	require.NoError(t, os.WriteFile(plan, []byte("name: long\ntargets: [{url: \""+s.URL+"/\"}]\nstages: [{rate: 100, for: 10m}]\nthresholds: [\"p95 < 10s\"]\n"), 0o600))
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(binary, append([]string{"--db", file}, args...)...)
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir, "HOME="+dir, "SUDO_USER=ana")
		cmd.Stderr = os.Stderr
		return cmd
	}
	run := command("--json", "load", "run", plan)
	require.NoError(t, run.Start())
	db, err := store.Open(t.Context(), file)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	kept := func() int {
		r, err := db.LoadRun(t.Context(), "LT-1")
		if err != nil {
			require.ErrorIs(t, err, loadtest.ErrNoRun)
			return 0
		}
		require.Equal(t, loadtest.Running, r.Verdict)
		return len(r.Seconds)
	}
	require.Eventually(t, func() bool { return kept() >= 4 }, patience, 50*time.Millisecond)
	before := kept()
	require.NoError(t, run.Process.Signal(syscall.SIGKILL))
	require.Error(t, run.Wait())

	out, err := command("--json", "load", "show", "last").Output()
	require.NoError(t, err)
	var r loadtest.Result
	require.NoError(t, json.Unmarshal(out, &r))
	require.Equal(t, loadtest.Aborted, r.Verdict)
	require.GreaterOrEqual(t, len(r.Seconds), before)
	require.Contains(t, r.Reasons[0], "its process died: these are its first")
	require.NotZero(t, r.Latency.P95)
	require.InDelta(t, 100, r.RequestedRate, 1)
	var sum int64
	for _, s := range r.Seconds {
		sum += s.Requests
	}
	require.Equal(t, sum, r.Requests)

	page := filepath.Join(dir, "run.html")
	require.NoError(t, command("load", "show", "LT-1", "--html", page).Run())
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(text), "its process died")
	out, err = command("load", "list").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "aborted")
}
