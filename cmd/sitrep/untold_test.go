package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// begun is a run of process.pause that `sitrep chaos run` has started, as it holds.
type begun struct {
	*host
	starter *exec.Cmd
	victim  chaos.Process
	log     chaos.Log
}

// begin starts one with flags of its own.
func (h *host) begin(flags ...string) *begun {
	t := h.t
	t.Helper()
	metrics := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "shop_errors 0.25") }))
	t.Cleanup(metrics.Close)
	sleeper := exec.Command("sleep", "600")
	require.NoError(t, sleeper.Start())
	t.Cleanup(func() {
		_ = sleeper.Process.Kill()
		_ = sleeper.Wait()
	})
	victim, err := chaos.Identify(sleeper.Process.Pid)
	require.NoError(t, err)
	file := func(name, text string) string {
		path := filepath.Join(h.state, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	config := file("sitrep.yaml", "prometheus: {url: http://127.0.0.1:1}\nchaos:\n  processes:\n    - {name: pay, service: pay, labels: {env: test}, pid_file: "+
		file("pid", strconv.Itoa(sleeper.Process.Pid))+"}\n")
	experiment := file("pause.yaml", `name: pay-pause
steady_state: [{name: errors, promql: shop_errors, expect: "< 0.5"}]
guards: [{name: pain, promql: shop_errors, abort_when: "> 0.5", no_data: hold, reason: test}]
targets: {select: {name: pay}}
method: [{fault: process.pause, mechanism: sigstop, duration: 5m}]
recovery: 10s
`)
	starter := exec.Command(binary, append(flags, "--config", config, "--scrape", metrics.URL+"/metrics", "chaos", "run", experiment)...)
	starter.Env = append(os.Environ(), "XDG_STATE_HOME="+h.state, "HOME="+h.state, "SUDO_USER=ana")
	require.NoError(t, starter.Start())
	b := &begun{host: h, starter: starter, victim: victim}
	t.Cleanup(func() {
		_ = starter.Process.Kill() // it may have ended
		_ = starter.Wait()
	})
	require.Eventually(t, func() bool {
		return h.stopped(victim) && b.read() && len(b.log.Entries) == 1 && b.log.Entries[0].Confirmed
	}, patience, tick)
	return b
}

// read reads its journal.
func (b *begun) read() bool {
	files, err := filepath.Glob(filepath.Join(b.chaos(), "*.wal"))
	require.NoError(b.t, err)
	if len(files) != 1 {
		return false
	}
	b.log, err = chaos.ReadLog(files[0])
	return err == nil
}

// kill kills whoever started it, and only that.
func (b *begun) kill() {
	require.NoError(b.t, b.starter.Process.Kill())
	_ = b.starter.Wait() // it was killed
}

// over waits until it is undone and its journal closed.
func (b *begun) over() {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return !b.stopped(b.victim) && b.read() && b.log.Closed }, undone, tick)
}

// ends are the ends of runs on the timeline of a store.
func (h *host) ends(path string) (ends []incident.Event) {
	h.t.Helper()
	db, err := store.Open(h.t.Context(), path)
	require.NoError(h.t, err)
	defer db.Close()
	ends, err = db.OfKinds(h.t.Context(), time.Unix(0, 0), time.Now().Add(time.Hour), incident.ChaosFinished)
	require.NoError(h.t, err)
	return ends
}

// Whoever starts a run dies, and its runner ends and undoes it: whatever command comes next
// on that store records how, as the journal has it, and once.
func TestTheNextCommandRecordsTheEnd(t *testing.T) {
	t.Parallel()
	b := newHost(t).begin()
	b.kill()
	b.over()
	require.Empty(t, b.ends(b.db()))

	_, told, code := b.sitrep("incident", "list")
	require.Zero(t, code)
	require.Equal(t, "sitrep: CH-1 pay-pause, which nobody followed to its end: aborted: whoever started the run is gone; its runner has undone everything\n", told)
	out, told, code := b.sitrep("chaos", "history")
	require.Zero(t, code)
	require.Empty(t, told, "it is told once")
	require.Regexp(t, `CH-1 .* aborted .*whoever started the run is gone; its runner has undone everything\n`, out)
	ends := b.ends(b.db())
	require.Len(t, ends, 1)
	require.WithinDuration(t, b.log.ClosedAt, ends[0].At, time.Microsecond)
	require.Len(t, b.undoneEvents(), 1)
}

// Nobody records the end of a run whose starter lives, as that knows more.
func TestWhoeverStartedItRecordsTheEnd(t *testing.T) {
	t.Parallel()
	b := newHost(t).begin()
	require.NoError(t, b.starter.Process.Signal(syscall.SIGSTOP)) // so that it records nothing
	runner := b.log.Opened.Runner
	require.NoError(t, runner.Signal(syscall.SIGTERM))
	b.over()
	_, told, code := b.sitrep("incident", "list")
	require.Zero(t, code)
	require.Empty(t, told)
	require.Empty(t, b.ends(b.db()))
	require.NoError(t, b.starter.Process.Signal(syscall.SIGCONT))
	_ = b.starter.Wait() // it ends with the verdict's code
	ends := b.ends(b.db())
	require.Len(t, ends, 1)
	var r chaos.Report
	require.NoError(t, ends[0].Payload(&r))
	require.NotEmpty(t, r.Outcome.Probes, "it has seen them")
}

// A screen that is open on the store shows and records it at once.
func TestAnOpenScreenRecordsTheEnd(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	x := h.screen()
	x.see("this process runs the ladder")
	b := h.begin()
	x.press("4")
	x.see("CH-1", "pay-pause", "its runner, process")
	b.kill()
	x.see("runs before  1", "aborted", "whoever started the run")
	b.over()
	require.Len(t, b.ends(b.db()), 1)
	require.Len(t, b.undoneEvents(), 1)
	x.press("h")
	x.see("Runs of pay-pause", "aborted: whoever started the run is gone; its runner has undone everything")
}

// What a process of another store undoes, the store that started it learns from the journal.
func TestAnotherStoreUndoesIt(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	mine, theirs := filepath.Join(t.TempDir(), "mine.db"), filepath.Join(t.TempDir(), "theirs.db")
	b := h.begin("--db", mine)
	for _, p := range []chaos.Process{*b.log.Undertaker, b.log.Opened.Runner} { // the undertaker first: it would undo
		require.NoError(t, p.Signal(syscall.SIGSTOP))
	}
	for _, p := range []chaos.Process{*b.log.Undertaker, b.log.Opened.Runner} {
		require.NoError(t, p.Signal(syscall.SIGKILL))
	}
	b.kill()
	require.True(t, b.stopped(b.victim))

	_, told, code := b.sitrep("--db", theirs, "incident", "list")
	require.Zero(t, code)
	require.Contains(t, told, "CH-1 pay-pause (of the store "+mine+") was left by a process that died; undone now: process.pause on pay\n")
	b.over()
	require.Empty(t, b.ends(theirs), "it is not theirs")

	_, told, code = b.sitrep("--db", mine, "chaos", "list")
	require.Zero(t, code)
	require.Equal(t, "sitrep: CH-1 pay-pause, which nobody followed to its end: aborted: its processes died; the next start of sitrep has undone everything\n", told)
	out, _, code := b.sitrep("--db", mine, "chaos", "history")
	require.Zero(t, code)
	require.Regexp(t, `CH-1 .* aborted .*its processes died; the next start of sitrep has undone everything\n`, out)
	require.Len(t, b.ends(mine), 1)
}
