package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// undone bounds how long a fault may stay after whoever held it was killed. The target
// is two seconds; on a busy machine it may be more, and still long before the fault's
// own end.
const undone = 30 * time.Second

// The screen and its runner are killed in the middle of an experiment: the
// shop, asked from outside, is healthy again, the incident is as it was, and
// the next screen shows it and what became of the run.
func killedScreenAndRunnerLeaveNoFault(t *testing.T) {
	h := startHeadless(t)
	h.measured()
	x := h.screen(120, 40)
	x.see("All quiet", "this process runs the ladder")
	_, code := h.sitrep("incident", "declare", "--severity", "SEV-2", "--title", "Payments are slow", "--service", "payments")
	require.Zero(t, code, "the screen's ladder delivers what a command declares")
	x.see("[SEV2] INC-1")
	h.hurt(x)

	runner := h.openRun().Opened.Runner.PID
	require.NoError(t, syscall.Kill(runner, syscall.SIGKILL))
	x.signal(syscall.SIGKILL)
	killed := time.Now()
	require.Eventually(t, func() bool { return h.injected() == 0 }, undone, 10*time.Millisecond)
	t.Logf("the fault was gone %v after the kill", time.Since(killed).Round(time.Millisecond))
	require.Eventually(t, h.shopAnswers, undone, 10*time.Millisecond)
	require.Eventually(t, func() bool { return h.closedRun() }, undone, 10*time.Millisecond, "the undertaker closes the journal")

	again := h.screen(120, 40)
	again.see("[SEV2] INC-1", "Payments are slow")
	out, _ := h.sitrep("incident", "show", "INC-1", "--json")
	require.Contains(t, out, `"status": "open"`)
	again.press("3")
	again.see("undone http.latency on payments-")
}

// The same for a paused process, which no proxy brings back by itself.
func killedCommandLeavesNoProcessPaused(t *testing.T) {
	h := startHeadless(t)
	h.measured()
	x := startTerminal(t, 120, 30, h.env(), "--config", h.Config, "--db", h.DB, "chaos", "run", "payments-pause")
	x.see("injected")
	var stopped chaos.Process
	require.Eventually(t, func() bool {
		for _, target := range h.targetList() {
			p, err := target.Process()
			require.NoError(t, err)
			if isStopped(p) {
				stopped = p
				return true
			}
		}
		return false
	}, patience, 20*time.Millisecond)
	require.NoError(t, syscall.Kill(h.openRun().Opened.Runner.PID, syscall.SIGKILL))
	x.signal(syscall.SIGKILL)
	require.Eventually(t, func() bool { return !isStopped(stopped) }, undone, 10*time.Millisecond)
	require.True(t, stopped.Alive())
}

// isStopped says whether a process is stopped, by a signal or by whoever traces it.
func isStopped(p chaos.Process) bool {
	state, err := p.State()
	return err == nil && (state == 'T' || state == 't')
}

// A run that is interrupted is undone before the command ends.
func interruptedRunIsUndone(t *testing.T) {
	h := startHeadless(t)
	h.measured()
	x := startTerminal(t, 120, 30, h.env(), "--config", h.Config, "--db", h.DB, "chaos", "run", "payments-latency")
	x.see("injected")
	require.Equal(t, 1, h.injected())
	x.press(keyCtrlC)
	require.Equal(t, exitInterrupted, x.exit())
	require.Zero(t, h.injected())
}

// journals are the journals of every run.
func (h *headless) journals() (all []chaos.Log) {
	h.t.Helper()
	files, err := filepath.Glob(filepath.Join(h.state, "sitrep", "chaos", "*.wal"))
	require.NoError(h.t, err)
	for _, f := range files {
		l, err := chaos.ReadLog(f)
		require.NoError(h.t, err)
		all = append(all, l)
	}
	return all
}

// endedRuns counts the runs that have ended.
func (h *headless) endedRuns() (n int) {
	for _, l := range h.journals() {
		if l.Closed {
			n++
		}
	}
	return n
}

func (h *headless) openRun() chaos.Log {
	h.t.Helper()
	for _, l := range h.journals() {
		if !l.Closed {
			return l
		}
	}
	require.FailNow(h.t, "no run is open")
	return chaos.Log{}
}

func (h *headless) closedRun() bool {
	for _, l := range h.journals() {
		if !l.Closed {
			return false
		}
	}
	return true
}

// shopAnswers says whether ten customers in a row are served quickly.
func (h *headless) shopAnswers() bool {
	client := http.Client{Timeout: 500 * time.Millisecond}
	for range 10 {
		res, err := client.Get(h.Services["storefront"] + "/")
		if err != nil {
			return false
		}
		var body any
		err = json.NewDecoder(res.Body).Decode(&body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK || err != nil {
			return false
		}
	}
	return true
}
