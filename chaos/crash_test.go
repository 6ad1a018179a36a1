package chaos_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// TestWhoeverDies kills every set of the three processes of a run at once, while
// a fault is in place. Nothing may be left: of the proxy's faults, and of a
// stopped process, which nobody else would ever continue.
func TestWhoeverDies(t *testing.T) {
	for _, e := range []experiment{latency(), pause(), trace()} {
		for _, dead := range []string{
			"starter", "runner", "undertaker", "starter runner", "starter undertaker", "runner undertaker", "starter runner undertaker",
		} {
			t.Run(strings.TrimSpace(e.fault+" "+e.mechanism)+" "+dead, func(t *testing.T) {
				t.Parallel()
				whoeverDies(t, e, strings.Fields(dead))
			})
		}
	}
}

func whoeverDies(t *testing.T, e experiment, dead []string) {
	l := newLab(t)
	l.raced = e.fault == latency().fault
	req, h, log := l.begun(e)
	processes := map[string]chaos.Process{"starter": h.process(t), "runner": log.Opened.Runner, "undertaker": *log.Undertaker}
	for _, name := range slices.Backward(dead) { // so that none sees the other die and acts; the undertaker first, who ends a runner that is stopped for long
		stop(t, processes[name])
	}
	inTurn := slices.Clone(dead)
	if slices.Contains(dead, "runner") { // whoever sees it die wakes an undertaker that is stopped
		slices.Reverse(inTurn)
	}
	for _, name := range inTurn {
		kill(t, processes[name])
	}
	if len(dead) == len(processes) {
		require.Eventually(t, func() bool { return len(l.processes()) == 0 }, patience, tick)
		if e.mechanism == "ptrace" {
			require.Eventually(t, func() bool { return !l.hurt() }, undoBound, tick, "what the kernel holds needs nobody")
		} else {
			require.True(t, l.hurt(), "nobody is left to undo it")
		}
		nextStart(t, l, e)
	}
	l.recovered()
	log = l.journal(req)
	require.True(t, log.Closed)
	require.Contains(t, log.ClosedText, map[string]string{
		"starter":                   "aborted: whoever started the run is gone",
		"runner":                    "the runner died",
		"undertaker":                "aborted: the undertaker died: nothing goes on without it",
		"starter runner":            "the runner died",
		"starter undertaker":        "aborted: ", // it depends on who is missed first
		"runner undertaker":         "found open",
		"starter runner undertaker": "found open",
	}[strings.Join(dead, " ")])

	if who := map[string]string{
		"runner": "its undertaker", "starter runner": "its undertaker", "runner undertaker": "whoever had started it", "starter runner undertaker": "the next start of sitrep",
	}[strings.Join(dead, " ")]; who != "" {
		took := who + " has undone everything"
		if e.mechanism == "ptrace" {
			took = "the kernel took everything back with its holder; " + who + " made sure of it"
		}
		require.Contains(t, log.DiedOutcome().Reason, "died; "+took)
	}

	if slices.Contains(dead, "starter") {
		return
	}
	var last chaos.Report
	for r := range h.reports {
		last = r
	}
	require.Equal(t, chaos.KindFinished, last.Kind, "the starter is told how it ended")
	require.Equal(t, chaos.Aborted, last.Outcome.Verdict, last.Outcome.Reason)
	require.NotNil(t, last.Outcome.Faults[0].InjectedAt)
	require.NotNil(t, last.Outcome.Faults[0].GoneAt)
}

// nextStart is what sitrep does first.
func nextStart(t *testing.T, l *lab, e experiment) {
	open, err := chaos.Active(l.dir)
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.False(t, open[0].Live)
	out, err := l.spawn(l.request(latency().file())).Wait()
	require.NoError(t, err)
	require.Contains(t, out.Reason, "refused R1 open-journal: CH-1 (test) is not proven undone")

	done, err := chaos.Recover(t.Context(), l.dir)
	require.NoError(t, err)
	require.Len(t, done, 1)
	require.Equal(t, []string{e.fault + " on shop-1"}, done[0].Undone)
	done, err = chaos.Recover(t.Context(), l.dir)
	require.NoError(t, err)
	require.Empty(t, done, "twice is harmless")
}

// TestHolderDies: the fault is gone with the process that held it, before its time,
// so that nothing can be said of the system.
func TestHolderDies(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	req := l.request(trace().file())
	h := l.spawn(req)
	holder := l.holding(req).Entries[0].Undo[0].Process
	stop(t, *holder)
	require.True(t, l.hurt(), "a holder that hangs holds")
	require.NoError(t, holder.Signal(syscall.SIGKILL))
	out, err := h.Wait()
	require.NoError(t, err)
	require.Equal(t, chaos.Inconclusive, out.Verdict)
	require.Equal(t, "process.pause on shop-1 ended before its time: it died: signal: killed", out.Reason)
	require.Nil(t, out.Score)
	l.recovered()
}

// TestHangingHolder outlives neither its time nor its runner.
func TestHangingHolder(t *testing.T) {
	for _, killed := range []string{"", "runner", "runner undertaker"} {
		t.Run("with "+killed, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			e := trace()
			e.duration = 5 * time.Second
			req := l.request(e.file())
			l.starter(req)
			log := l.holding(req)
			stop(t, *log.Entries[0].Undo[0].Process)
			for _, name := range strings.Fields(killed) {
				p := map[string]chaos.Process{"runner": log.Opened.Runner, "undertaker": *log.Undertaker}[name]
				kill(t, p)
			}
			require.Eventually(t, func() bool { return l.journal(req).Closed }, e.duration+undoBound, tick)
			l.recovered()
		})
	}
}

// TestStarterGoesOn is on_disconnect: continue.
func TestStarterGoesOn(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := pause()
	e.duration = 5 * time.Second
	req := l.request(e.file())
	req.OnDisconnect = chaos.DisconnectContinue
	h := l.starter(req)
	l.holding(req)
	require.NoError(t, h.Process.Kill())
	require.Eventually(t, func() bool { return l.journal(req).Closed }, e.duration+undoBound, tick)
	l.recovered()
	log := l.journal(req)
	require.Equal(t, "held: the steady state held and returned", log.ClosedText)
}

// TestDeadWhileInjecting kills the runner while the request that injects is on
// its way: it arrives after the first undo, and must not stay.
func TestDeadWhileInjecting(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.slow = 400 * time.Millisecond
	req := l.request(latency().file())
	l.starter(req)
	require.Eventually(t, func() bool { return l.posted() > 0 }, patience, tick)
	log := l.journal(req)
	require.False(t, log.Entries[0].Confirmed)
	killed := time.Now()
	require.NoError(t, log.Opened.Runner.Signal(syscall.SIGKILL))
	require.Eventually(t, func() bool { return l.journal(req).Closed }, undoBound, tick)
	l.set(func() { require.True(t, l.lastOn.After(killed), "the fault arrived too early: the test shows nothing") })
	l.recovered()
}

// TestStoppedStarter is ctrl-Z on `sitrep chaos run`: nobody reads, and the fault
// ends at its time all the same. Who goes on hears the verdict.
func TestStoppedStarter(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := pause()
	e.duration = 5 * time.Second
	req := l.request(e.file())
	h := l.starter(req)
	log := l.holding(req)
	require.NoError(t, h.process(t).Signal(syscall.SIGSTOP))
	require.Eventually(t, func() bool { return l.journal(req).Closed }, e.duration+undoBound, tick)
	require.False(t, l.hurt())
	require.WithinDuration(t, log.Entries[0].Until, l.journal(req).Entries[0].UndoneAt, undoBound)
	require.NoError(t, h.process(t).Signal(syscall.SIGCONT))
	var last chaos.Report
	for r := range h.reports {
		last = r
	}
	require.Equal(t, chaos.Held, last.Outcome.Verdict, last.Outcome.Reason)
	l.recovered()
}

// kill ends a process, if nobody else has done so.
func kill(t *testing.T, p chaos.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGKILL); err != nil {
		require.ErrorIs(t, err, chaos.ErrProcessGone)
	}
}

// stop stops a process and waits until its last thread stands: until then it may
// still obey.
func stop(t *testing.T, p chaos.Process) {
	t.Helper()
	require.NoError(t, p.Signal(syscall.SIGSTOP))
	require.Eventually(t, func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.PID))
		return err == nil && !slices.ContainsFunc(threads, func(file string) bool {
			status, err := os.ReadFile(file)
			return err == nil && !strings.Contains(string(status), "State:\tT")
		})
	}, patience, tick)
}

// TestStoppedRunner is one that hangs, long before its time is over: its guards see
// nothing. The undertaker misses its signs of life, kills it and undoes.
func TestStoppedRunner(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := pause()
	e.duration = 5 * time.Minute
	req := l.request(e.file())
	h := l.spawn(req)
	log := l.holding(req)
	stopped := time.Now()
	stop(t, log.Opened.Runner)
	out, err := h.Wait()
	require.Error(t, err)
	require.Equal(t, chaos.Aborted, out.Verdict)
	require.Equal(t, "the runner died; its undertaker has undone everything (the runner hung)", out.Reason)
	l.recovered()
	took := l.journal(req).Entries[0].UndoneAt.Sub(stopped)
	require.Less(t, took, 5*time.Second+undoBound)
	t.Logf("the fault was gone %v after SIGSTOP", took.Round(time.Millisecond))
}

// TestRunnerThatWasAway is one that was stopped for a moment, as by a machine that
// has no time: it goes on, and so does its run.
func TestRunnerThatWasAway(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := pause()
	e.duration = 7 * time.Second // longer than the patience with a silent runner
	req := l.request(e.file())
	h := l.spawn(req)
	log := l.holding(req)
	stop(t, log.Opened.Runner)
	time.Sleep(time.Second)
	require.NoError(t, log.Opened.Runner.Signal(syscall.SIGCONT))
	out, err := h.Wait()
	require.NoError(t, err)
	require.Equal(t, chaos.Held, out.Verdict, out.Reason)
	l.recovered()
}

// TestStoppedUndertaker goes on after a while and does not take its own absence for
// the runner's.
func TestStoppedUndertaker(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := pause()
	e.duration = 10 * time.Second
	req := l.request(e.file())
	h := l.spawn(req)
	log := l.holding(req)
	stop(t, *log.Undertaker)
	time.Sleep(6 * time.Second)
	require.NoError(t, log.Undertaker.Signal(syscall.SIGCONT))
	out, err := h.Wait()
	require.NoError(t, err)
	require.Equal(t, chaos.Held, out.Verdict, out.Reason)
	l.recovered()
}

func TestStoppedRunnerAndHalt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	req := l.request(pause().file())
	l.starter(req)
	log := l.holding(req)
	stop(t, log.Opened.Runner)
	require.NoError(t, chaos.Halt(l.dir, "ana", "fire in the hall"))
	l.recovered()
	require.Equal(t, "HALT, and the runner did not obey", l.journal(req).ClosedText)
}

func TestStoppedRunnerAndAbort(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	req := l.request(pause().file())
	h := l.spawn(req)
	log := l.holding(req)
	stop(t, log.Opened.Runner)
	h.Abort("enough")
	out, err := h.Wait()
	require.Error(t, err)
	require.Equal(t, "the runner died; its undertaker has undone everything", out.Reason)
	l.recovered()
}

// TestAllStoppedAndAbort: whoever has started a run ends it also when runner and undertaker
// are stopped.
func TestAllStoppedAndAbort(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	req := l.request(pause().file())
	h := l.spawn(req)
	log := l.holding(req)
	stop(t, *log.Undertaker)
	stop(t, log.Opened.Runner)
	h.Abort("enough")
	out, err := h.Wait()
	require.Error(t, err)
	require.Equal(t, "the runner died; its undertaker has undone everything", out.Reason)
	l.recovered()
}

// TestHungUndo is a runner that says it undoes, and then nothing more.
func TestHungUndo(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	req := l.request(pause().file())
	req.Executable = filepath.Join(t.TempDir(), "runner")
	require.NoError(t, os.WriteFile(req.Executable, []byte("#!/bin/sh\necho '{\"kind\":\"phase\",\"phase\":\"undoing\"}'\nexec sleep 1000\n"), 0o700))
	h := l.spawn(req)
	require.Equal(t, chaos.Undoing, (<-h.Reports()).Phase)
	h.Abort("enough")
	out, err := h.Wait()
	require.Error(t, err)
	require.Equal(t, "the runner died; nothing had been injected", out.Reason)
}

// TestSignals are what a session that ends sends: the runner undoes, the
// undertaker does not care.
func TestSignals(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	req := l.request(pause().file())
	h := l.spawn(req)
	log := l.holding(req)
	for _, p := range []chaos.Process{log.Opened.Runner, *log.Undertaker} {
		session, err := unix.Getsid(p.PID)
		require.NoError(t, err)
		require.Equal(t, p.PID, session, "no terminal's hang-up reaches it")
	}
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGTSTP} {
		require.NoError(t, log.Undertaker.Signal(sig))
	}
	require.NoError(t, log.Opened.Runner.Signal(syscall.SIGTERM))
	out, err := h.Wait()
	require.NoError(t, err)
	require.Equal(t, "the runner got terminated", out.Reason)
	l.recovered()
}

// TestTargetVanishes is a target that dies while it is stopped: there is nothing
// left to undo, and that is no failure, but what was to be shown is not.
func TestTargetVanishes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := pause()
	e.duration = 5 * time.Second
	req := l.request(e.file())
	h := l.spawn(req)
	l.holding(req)
	require.NoError(t, l.service.Process.Kill())
	require.Error(t, l.service.Wait(), "killed")
	out, err := h.Wait()
	require.NoError(t, err)
	require.Equal(t, chaos.Inconclusive, out.Verdict, out.Reason)
	require.Contains(t, out.Reason, "process.pause on shop-1 ended before its time: ")
	require.NotNil(t, out.Faults[0].GoneAt)
	l.recovered()
}

// TestContinuedFromOutside is a process that somebody lets run before its time.
func TestContinuedFromOutside(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	req := l.request(pause().file())
	h := l.spawn(req)
	l.holding(req)
	require.NoError(t, l.service.Process.Signal(syscall.SIGCONT))
	out, err := h.Wait()
	require.NoError(t, err)
	require.Equal(t, chaos.Inconclusive, out.Verdict, out.Reason)
	require.Contains(t, out.Reason, "process.pause on shop-1 ended before its time: ")
	l.recovered()
}

// TestProxyVanishes is a proxy that nobody listens for any more: its faults were
// in its memory.
func TestProxyVanishes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := latency()
	e.duration = 5 * time.Second
	req := l.request(e.file())
	h := l.spawn(req)
	l.holding(req)
	l.set(func() { l.foreign, l.faults = true, nil }) // somebody else has its port
	out, err := h.Wait()
	require.NoError(t, err)
	require.Equal(t, chaos.Inconclusive, out.Verdict, out.Reason)
	require.Contains(t, out.Reason, "http.latency on shop-1 ended before its time: ")
	l.recovered()
}

// TestProxyHangs is one that does not answer when the fault shall end, nor for
// all the tries of the runner. The undertaker stays until it does.
func TestProxyHangs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := latency()
	e.duration = 5 * time.Second
	req := l.request(e.file())
	h := l.spawn(req)
	l.holding(req)
	l.set(func() { l.hang = true })
	var failed bool
	for r := range h.Reports() {
		failed = failed || r.Kind == chaos.KindUndoFailed && strings.Contains(r.Text, "tried 5 times") && strings.Contains(r.Text, "do by hand: [DELETE http://")
	}
	out, err := h.Wait()
	require.NoError(t, err)
	require.True(t, failed, "nobody said so")
	require.Equal(t, chaos.UndoFailed, out.Verdict)
	require.Equal(t, "a fault could not be undone; run `sitrep chaos recover`", out.Reason)
	require.Nil(t, out.Score)
	open, err := chaos.Active(l.dir)
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.True(t, open[0].Live, "the undertaker stays")
	l.set(func() { l.hang = false })
	require.Eventually(t, func() bool { return l.journal(req).Closed }, patience, tick)
	l.recovered()
}
