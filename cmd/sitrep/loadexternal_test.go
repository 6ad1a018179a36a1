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

	"github.com/sitrep-dev/sitrep/loadtest"
)

// standInK6 answers as k6 does, and writes one recorded point; it is a process of its own that
// has started another.
const standInK6 = `#!/bin/sh
case "$1" in
version) echo "k6 v1.8.1 (go1.26.8, linux/amd64)"; exit 0;;
inspect) echo '{"totalDuration": "10m", "maxVUs": 2}'; exit 0;;
esac
for arg; do
	[ "$before" = --out ] && points="${arg#json=}"
	before="$arg"
done
exec 3>"$points"
echo '{"metric":"http_req_duration","type":"Point","data":{"time":"2024-05-01T11:13:34.6Z","value":6.5,"tags":{"expected_response":"true","status":"200"}}}' >&3
[ -z "$ENDLESS" ] && exit 0
trap '' INT
echo '{"metric":"http_req_duration","type":"Point","data":{"time":"2024-05-01T11:13:35.6Z","value":6.5,"tags":{"expected_response":"true","status":"200"}}}' >&3
tail -f /dev/null & echo "$$ $!" >"$HERE/pids.new"
mv "$HERE/pids.new" "$HERE/pids"
while :; do wait; done
`

func withStandIn(t *testing.T) (dir string, command func(env string, args ...string) *exec.Cmd) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "k6"), []byte(standInK6), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shop.js"), []byte("export default function () {}\n"), 0o600))
	return dir, func(env string, args ...string) *exec.Cmd {
		cmd := exec.Command(binary, append([]string{"--db", filepath.Join(dir, "s.db")}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir, "HOME="+dir, "SUDO_USER=ana", "HERE="+dir, "PATH="+dir+":"+os.Getenv("PATH"), env)
		cmd.Stderr = os.Stderr
		return cmd
	}
}

// A script of k6 is run by k6, and its result is a run as ours are.
func TestAScriptOfK6IsRunByK6(t *testing.T) {
	t.Parallel()
	_, command := withStandIn(t)
	out, err := command("", "load", "run", "shop.js", "--dry-run").Output()
	require.NoError(t, err)
	require.Equal(t, "shop.js: by k6 v1.8.1, up to 2 users for 10m, kept on this machine; nothing was sent\n", string(out))
	out, err = command("", "load", "run", "shop.js").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "PASS  LT-1  shop  2024-05-01 11:13:34Z")
	require.Contains(t, string(out), "engine          k6 v1.8.1")
	out, err = command("", "load", "baseline", "shop", "last").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "later runs of shop are compared with LT-1")
	require.Equal(t, 2, exitOf(t, command("", "load", "run", "shop.js", "--metrics", "127.0.0.1:0")))
}

func exitOf(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	err := cmd.Run()
	var failed *exec.ExitError
	require.ErrorAs(t, err, &failed)
	return failed.ExitCode()
}

// Killed by whatever, sitrep takes the program and all that it has started with it, and what
// was measured until then is in the archive.
func TestAKilledSitrepEndsK6(t *testing.T) {
	t.Parallel()
	dir, command := withStandIn(t)
	run := command("ENDLESS=yes", "load", "run", "shop.js")
	require.NoError(t, run.Start())
	var pids []string
	require.Eventually(t, func() bool {
		src, err := os.ReadFile(filepath.Join(dir, "pids"))
		pids = strings.Fields(string(src))
		return err == nil
	}, patience, 20*time.Millisecond)
	kept := func() loadtest.Result {
		var r loadtest.Result
		out, err := command("", "--json", "load", "show", "last").Output()
		if err == nil {
			require.NoError(t, json.Unmarshal(out, &r))
		}
		return r
	}
	require.Eventually(t, func() bool { return len(kept().Seconds) > 0 }, patience, 100*time.Millisecond)
	require.NoError(t, run.Process.Signal(syscall.SIGKILL))
	require.Error(t, run.Wait())
	for _, pid := range pids {
		require.Eventually(t, func() bool {
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			return err != nil || strings.Contains(string(stat), ") Z ")
		}, patience, 10*time.Millisecond)
	}
	r := kept()
	require.Equal(t, loadtest.Aborted, r.Verdict)
	require.Contains(t, r.Reasons[0], "its process died")
	require.Contains(t, strings.Join(r.Reasons, " "), "coordinated omission")
	require.Equal(t, "k6 v1.8.1", r.Engine)
}

// The second ctrl-C kills what the first does not end.
func TestTheSecondInterruptKillsK6(t *testing.T) {
	t.Parallel()
	dir, command := withStandIn(t)
	run := command("ENDLESS=yes", "--json", "load", "run", "shop.js")
	require.NoError(t, run.Start())
	require.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "pids")); return err == nil }, patience, 20*time.Millisecond)
	require.NoError(t, run.Process.Signal(syscall.SIGINT))
	require.NoError(t, run.Process.Signal(syscall.SIGINT))
	var failed *exec.ExitError
	require.ErrorAs(t, run.Wait(), &failed)
	require.Equal(t, exitInterrupted, failed.ExitCode())
}
