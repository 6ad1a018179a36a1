package main

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/sitrep-dev/sitrep/store"
)

// Whoever runs the ladder is killed, and the screen that would take it over cannot
// write to the store, which another program holds locked: the screen says that
// nobody runs the ladder, and why.
func TestNobodyRunsTheLadderIsSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, config := filepath.Join(dir, "s.db"), filepath.Join(dir, "sitrep.yaml")
	require.NoError(t, os.WriteFile(config, []byte("{}\n"), 0o600))
	env := []string{"HOME=" + dir, "XDG_STATE_HOME=" + dir, "SUDO_USER=ana"}
	daemon := exec.Command(binary, "--config", config, "--db", path, "daemon")
	daemon.Env = append(os.Environ(), env...)
	require.NoError(t, daemon.Start())
	killed := false
	kill := func() {
		if !killed {
			killed = true
			_ = daemon.Process.Kill()
			_ = daemon.Wait() // killed
		}
	}
	t.Cleanup(kill)
	db, err := store.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.Eventually(t, func() bool {
		lease, err := db.Lease(t.Context())
		return err == nil && lease.Live(time.Now())
	}, patience, 50*time.Millisecond)

	x := startTerminal(t, 100, 30, env, "--config", config, "--db", path)
	x.see("ladder run by ana@")
	kill()
	raw, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, raw.Close()) })
	lock, err := raw.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	lease, err := db.Lease(t.Context())
	require.NoError(t, err)
	x.await("the banner stands", func(screen string) bool {
		if time.Now().Before(lease.Expires) {
			require.NotContains(t, screen, "NOBODY RUNS", "a lease that lives may be renewed yet")
		}
		return strings.Contains(screen, "NOBODY RUNS THE LADDER") && strings.Contains(screen, "another process h")
	})
	t.Logf("said %s after the lease had run out", time.Since(lease.Expires).Round(time.Millisecond))
	require.NoError(t, lock.Rollback())
	x.see("this process runs the ladder")
	x.await("the banner is gone", func(screen string) bool { return !strings.Contains(screen, "NOBODY RUNS") })
}
