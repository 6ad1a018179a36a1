package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// endlessLoad is a store, a plan that goes on for long, and a server that counts what it is sent.
type endlessLoad struct {
	t         *testing.T
	db, plan  string
	dir       string
	env       []string
	requested atomic.Int64
}

func newEndlessLoad(t *testing.T) *endlessLoad {
	l := &endlessLoad{t: t, dir: t.TempDir()}
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { l.requested.Add(1) }))
	t.Cleanup(s.Close)
	l.db, l.plan = filepath.Join(l.dir, "s.db"), filepath.Join(l.dir, "plan.yaml")
	require.NoError(t, os.WriteFile(l.plan, fmt.Appendf(nil, "name: soak\ntargets: [{url: %q}]\nstages: [{rate: 50, for: 10m}]\n", s.URL+"/"), 0o600))
	l.env = []string{"XDG_STATE_HOME=" + l.dir, "HOME=" + l.dir, "SUDO_USER=ana"}
	t.Cleanup(func() { l.sitrep("load", "stop") })
	return l
}

// sitrep runs a command, and returns what it says and its exit code.
func (l *endlessLoad) sitrep(args ...string) (string, int) {
	cmd := exec.Command(binary, append([]string{"--db", l.db}, args...)...)
	cmd.Env = append(os.Environ(), l.env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(l.t, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// more waits until the server is sent more than it was.
func (l *endlessLoad) more() {
	was := l.requested.Load()
	require.Eventually(l.t, func() bool { return l.requested.Load() > was+5 }, patience, 20*time.Millisecond)
}

// A run that was detached goes on without its terminal, and any command ends it.
func TestADetachedRunIsEndedByAnother(t *testing.T) {
	t.Parallel()
	l := newEndlessLoad(t)
	x := startTerminal(t, 100, 30, l.env, "--db", l.db, "load", "run", l.plan, "--detach")
	x.see("LT-1 goes on without this terminal", "sitrep load stop LT-1")
	require.Zero(t, x.exit())
	require.NoError(t, x.pty.Close(), "the terminal is gone")
	l.more()
	out, _ := l.sitrep("load", "list")
	require.Contains(t, out, "running")

	out, code := l.sitrep("load", "stop", "LT-1")
	require.Zero(t, code, out)
	require.Contains(t, out, "LT-1 soak aborted")
	require.Contains(t, out, "ended by ana (sitrep load stop)")
	was := l.requested.Load()
	kept, err := os.ReadFile(filepath.Join(l.dir, "sitrep", "load", "LT-1.log"))
	require.NoError(t, err)
	require.Contains(t, string(kept), "ended by ana")

	out, code = l.sitrep("load", "stop", "LT-1")
	require.Equal(t, exitUsage, code)
	require.Contains(t, out, "LT-1 has ended already")
	out, code = l.sitrep("load", "stop", "LT-9")
	require.Equal(t, exitUsage, code, out)
	out, code = l.sitrep("load", "stop")
	require.Zero(t, code)
	require.Contains(t, out, "no load run goes on")
	require.Equal(t, was, l.requested.Load())
}

// What refuses a run that is to be detached is told where it was asked for, with its code.
func TestADetachedRunIsRefusedHere(t *testing.T) {
	t.Parallel()
	l := newEndlessLoad(t)
	far := filepath.Join(l.dir, "far.yaml")
	require.NoError(t, os.WriteFile(far, []byte("name: far\ntargets: [{url: \"http://203.0.113.7/\"}]\nstages: [{rate: 5, for: 10s}]\n"), 0o600))
	out, code := l.sitrep("load", "run", far, "--detach")
	require.Equal(t, exitRefused, code, out)
	require.Contains(t, out, "203.0.113.7")
	logs, err := filepath.Glob(filepath.Join(l.dir, "sitrep", "load", "*"))
	require.NoError(t, err)
	require.Empty(t, logs)
	out, code = l.sitrep("load", "run", l.plan, "--detach", "--compare")
	require.Equal(t, exitUsage, code)
	require.Contains(t, out, "--detach leaves the run to itself")
}

// Who does not wait until a run that is to be detached sends leaves none behind.
func TestADetachedRunThatNobodyWaitsForEnds(t *testing.T) {
	t.Parallel()
	l := newEndlessLoad(t)
	asked := make(chan struct{}, 100)
	prom := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		_, _ = io.Copy(io.Discard, r.Body) // or nobody notices that the other side is gone
		<-r.Context().Done()               // it never answers
	}))
	t.Cleanup(prom.Close)
	file, err := os.ReadFile(l.plan)
	require.NoError(t, err)
	text := strings.Replace(string(file), "rate: 50", "rate: 10x", 1) + "baseline: {promql: vector(5)}\n"
	require.NoError(t, os.WriteFile(l.plan, []byte(text), 0o600))
	x := startTerminal(t, 100, 30, l.env, "--db", l.db, "--prometheus", prom.URL, "load", "run", l.plan, "--detach")
	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatal("nobody asks for the baseline")
	}
	x.press(keyCtrlC)
	require.NotZero(t, x.exit(), x.text())
	out, _ := l.sitrep("load", "stop")
	require.Contains(t, out, "no load run goes on")
	require.Zero(t, l.requested.Load())
}

// A screen shows how load goes that another process sends, and ctrl+x on it ends that.
func TestAScreenHasLoadOfOthers(t *testing.T) {
	t.Parallel()
	l := newEndlessLoad(t)
	out, code := l.sitrep("load", "run", l.plan, "--detach")
	require.Zero(t, code, out)
	config := filepath.Join(l.dir, "sitrep.yaml")
	require.NoError(t, os.WriteFile(config, []byte("prometheus: {url: http://127.0.0.1:1}\n"), 0o600))
	x := startTerminal(t, 120, 40, l.env, "--config", config, "--db", l.db, "--as", "bob")
	x.see("bob")
	l.more()
	x.press("4")
	x.see("LT-1 runs: ^X ends it")
	x.match(`rate +[45]\d\S*/s of 50/s`)
	x.press(keyCtrlX)
	x.see("LT-1 ended by ctrl+x (bob)")
	out, code = l.sitrep("load", "show", "LT-1")
	require.Zero(t, code)
	require.Contains(t, out, "ended by ctrl+x (bob)")
}
