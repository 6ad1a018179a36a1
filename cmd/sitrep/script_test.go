package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// The walk that docs/delivery.md shows: PagerDuty is down, Slack takes over, and
// nothing is sent twice or too late.
func TestDeliveryByCommands(t *testing.T) {
	t.Parallel()
	for _, needed := range []string{"jq", "curl", "bash"} {
		_, err := exec.LookPath(needed)
		require.NoError(t, err, "%s is missing: run make setup", needed)
	}
	dir := t.TempDir()
	cmd := exec.Command("../../docs/escalation.sh", dir)
	cmd.Env = append(os.Environ(), "SITREP="+binary)
	raw, err := cmd.CombinedOutput()
	out := string(raw)
	require.NoError(t, err, out)
	require.Contains(t, out, "was NOT paged for INC-1", "Slack is told in PagerDuty's place")
	_, end, found := strings.Cut(out, "# PagerDuty is back; what nobody needs")
	require.True(t, found, out)
	require.Equal(t, 1, strings.Count(end, " trigger SEV-1 INC-1 L1"), "the page that waited went out once")
	require.NotContains(t, end, " trigger SEV-1 INC-2", "and what was answered before never")
	require.Contains(t, end, `{"status":"resolved","triggers":1,`)
	require.Empty(t, runningOn(t, dir), "nothing that it started is left")
}

// runningOn lists the command lines of processes that work on files in dir.
func runningOn(t *testing.T, dir string) (list []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range all {
		if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte(dir)) {
			list = append(list, string(bytes.ReplaceAll(line, []byte{0}, []byte(" "))))
		}
	}
	return list
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
