package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// TestScripts runs the command scripts of testdata/script against the built
// program, each in a directory and with a state directory of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(binary)+":"+e.Getenv("PATH"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
			e.Setenv("SUDO_USER", "ana")
			e.Setenv("TERM", "dumb")
			return nil
		},
	})
}

// The script that docs/ offers to readers, against Debian's Prometheus.
func TestArcByCommands(t *testing.T) {
	t.Parallel()
	for _, needed := range []string{"prometheus", "jq", "curl", "bash"} {
		_, err := exec.LookPath(needed)
		require.NoError(t, err, "%s is missing: run make setup", needed)
	}
	dir := t.TempDir()
	cmd := exec.Command("../../docs/arc.sh", dir)
	cmd.Env = append(os.Environ(), "SITREP="+binary, fmt.Sprintf("PROMETHEUS_PORT=%d", freePort(t)))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	md, err := os.ReadFile(filepath.Join(dir, "post-mortem.md"))
	require.NoError(t, err)
	require.Contains(t, string(md), "# Post-Mortem: Checkout fails for some customers")
	require.Contains(t, string(md), "payments answers in time again")
	require.Regexp(t, "- \\*\\*Detection\\*\\*: HighErrorRate fired at", string(md), "declared from the alert")
	require.Contains(t, string(out), `"verdict": "pass"`, "the load check after the experiment")
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
