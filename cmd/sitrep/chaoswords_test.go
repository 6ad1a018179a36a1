package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// A key that bounces is one; who presses it once more does not wait.
func TestAKeyThatBounces(t *testing.T) {
	t.Parallel()
	began := time.Unix(1000, 0)
	var p presses
	for _, c := range []struct {
		after        time.Duration
		first, again bool
	}{
		{0, true, false},
		{5 * time.Millisecond, false, false},
		{400 * time.Millisecond, false, false},
		{500 * time.Millisecond, false, false},
		{501 * time.Millisecond, false, true},
		{time.Minute, false, true},
	} {
		first, again := p.at(began.Add(c.after))
		require.Equal(t, [2]bool{c.first, c.again}, [2]bool{first, again}, c.after)
	}
}

// Two ctrl-C of a nervous finger end the run, and it is still looked whether health is
// back.
func TestTwoCtrlCAtOnceAreOne(t *testing.T) {
	t.Parallel()
	h := newGuarded(t)
	cmd := h.command("chaos", "run", h.experiment(pain("shop_pain", "")))
	x := startTerminal(t, 100, 60, h.command().Env, cmd.Args[1:]...)
	x.see("holding")
	require.True(t, isStopped(h.sleeper))
	x.press(keyCtrlC + keyCtrlC)
	require.Equal(t, exitInterrupted, x.exit())
	require.False(t, isStopped(h.sleeper))
	require.Regexp(t, `why       ended by ctrl-C \(ana\)\nafter     the steady state was back (at once|after)`, x.text())
}

// What a probe did not see is told in its row.
func TestRowsOfProbesThatSawLittle(t *testing.T) {
	t.Parallel()
	probe := func(looks, evaluations, within int) chaos.ProbeOutcome {
		return chaos.ProbeOutcome{Name: "load", Expect: "< 1", Looks: looks, Evaluations: evaluations, Within: within}
	}
	for want, p := range map[string]chaos.ProbeOutcome{
		"1 of 10 looks answered": probe(10, 1, 1),
		"held, 9 of 10 looks":    probe(10, 9, 9),
		"held, 10 looks":         probe(10, 10, 10),
		"held, 9 looks":          probe(0, 9, 9), // by an older sitrep
		"OUT 1 of 9":             probe(10, 9, 8),
		"NO DATA":                probe(10, 0, 0),
	} {
		var rows strings.Builder
		v := verdict{page: page{w: &rows}, out: chaos.Outcome{Probes: []chaos.ProbeOutcome{p}}}
		v.probes()
		require.NoError(t, v.err)
		require.Contains(t, rows.String(), "  "+want+"\n")
	}
}

// A refusal is told with its word once: by the run, in JSON, and in the history.
func TestARefusalIsSaidOnce(t *testing.T) {
	t.Parallel()
	h := newGuarded(t)
	file := h.experiment(pain("shop_nothing", ""))
	said := h.sitrep("chaos", "run", file)
	require.Contains(t, said, "sleeper-pause: REFUSED\nwhy       R9 guard-blind: guard pain has no data")
	require.Contains(t, said, "sleeper-pause: refused: R9 guard-blind: guard pain has no data")
	asJSON := h.sitrep("chaos", "run", file, "--json")
	history := h.sitrep("chaos", "history")
	require.Regexp(t, `CH-\d+ .* refused .* R9 guard-blind: guard pain has no data`, history)
	timeline := h.sitrep("incident", "search", "guard-blind")
	require.Contains(t, timeline, "sleeper-pause: refused: R9 guard-blind")
	for _, text := range []string{said, asJSON, history, timeline} {
		require.NotContains(t, text, "refused: refused")
	}
}

// A run that goes on is told as one wherever it matters, with who has it; what ends it from
// another screen is named in its verdict, and forbids nothing afterwards.
func TestARunThatGoesOnIsToldAsOne(t *testing.T) {
	t.Parallel()
	h := newGuarded(t)
	run := h.command("chaos", "run", h.experiment(pain("shop_pain", "")), "--json")
	var out strings.Builder
	run.Stdout = &out
	require.NoError(t, run.Start())
	require.Eventually(t, func() bool { return isStopped(h.sleeper) }, time.Minute, tick)
	dir := filepath.Join(h.dir, "sitrep", "chaos")
	var open []chaos.OpenRun
	require.Eventually(t, func() bool {
		open, _ = chaos.Active(dir)
		return len(open) == 1 && len(open[0].Faults) == 1
	}, patience, tick)

	require.Regexp(t, `(?s)sleeper-pause: none is over yet; 1 goes on\n.*CH-1 .* goes on .* since \d\d:\d\d:\d\dZ, in the hands of its runner, process \d+\n`, h.sitrep("chaos", "history"))
	var past []pastView
	require.NoError(t, json.Unmarshal([]byte(h.sitrep("chaos", "history", "--json")), &past))
	require.Equal(t, open[0].Holder(), past[0].Holder)
	require.Nil(t, past[0].Outcome)

	const goesOn = `CH-1 sleeper-pause goes on since \d\d:\d\d:\d\dZ \(ctrl\+x or sitrep chaos halt ends it\)`
	require.Regexp(t, `(?m)^INC-1: `+goesOn+`$`, h.sitrep("incident", "declare", "--severity", "SEV-4", "--title", "it sleeps", "--service", "sleeper"))
	h.sitrep("incident", "declare", "--severity", "SEV-4", "--title", "something else", "--service", "cart")
	require.Regexp(t, `(?m)^INC-1: `+goesOn+`$`, h.sitrep("incident", "list"))
	require.Regexp(t, `on purpose +`+goesOn, h.sitrep("incident", "show", "INC-1"))
	require.NotRegexp(t, goesOn, h.sitrep("incident", "show", "INC-2"), "it has another service")

	x := startTerminal(t, 160, 40, h.command().Env, h.command().Args[1:]...)
	x.see("CH-1 sleeper-pause")
	x.press(keyCtrlX)
	x.see("ended by ctrl+x (ana)", "everything is undone")
	require.Error(t, run.Wait())
	require.Equal(t, exitNotHeld, run.ProcessState.ExitCode())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var o chaos.Outcome
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &o))
	require.Equal(t, chaos.Aborted, o.Verdict)
	require.Regexp(t, `^ended by ctrl\+x \(ana\) on another screen \(HALT of 2\S+Z\)$`, o.Reason)
	require.False(t, isStopped(h.sleeper))
	require.NoFileExists(t, filepath.Join(dir, "HALT"))

	require.Regexp(t, `on purpose +CH-1 sleeper-pause ended at \d\d:\d\d:\d\dZ, \d+\w+ ago; it began at `, h.sitrep("incident", "show", "INC-1"))
	require.Contains(t, h.sitrep("incident", "show", "INC-1", "--json"), `"runs": [`)
	h.sitrep("incident", "resolve", "INC-1", "--resolution", "it woke")
	require.NotContains(t, h.sitrep("incident", "show", "INC-1"), "on purpose", "it is over")
}

// All processes of a run are killed: the kernel has taken its fault back before anybody
// comes, and the history says so.
func TestTheKernelTookItBack(t *testing.T) {
	t.Parallel()
	h := newGuarded(t)
	run := h.command("chaos", "run", h.experiment(pain("shop_pain", "")))
	require.NoError(t, run.Start())
	require.Eventually(t, func() bool { return isStopped(h.sleeper) }, time.Minute, tick)
	var open []chaos.OpenRun
	require.Eventually(t, func() bool {
		open, _ = chaos.Active(filepath.Join(h.dir, "sitrep", "chaos"))
		return len(open) == 1 && len(open[0].Faults) == 1 && open[0].Faults[0].InjectedAt != nil
	}, patience, tick)
	require.Equal(t, chaos.TierKernel, open[0].Faults[0].Tier)
	require.Eventually(t, func() bool { return strings.Contains(h.sitrep("chaos", "history"), "CH-1") }, patience, seldom, "it is on the timeline")
	starter, err := chaos.Identify(run.Process.Pid)
	require.NoError(t, err)
	all := []chaos.Process{open[0].Undertaker, open[0].Runner, starter}
	for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} { // so that none sees another die, and acts
		for _, p := range all {
			require.NoError(t, p.Signal(s))
		}
	}
	_ = run.Wait()
	require.Eventually(t, func() bool { return !isStopped(h.sleeper) }, undone, tick)
	require.Eventually(t, func() bool { return !slices.ContainsFunc(all, chaos.Process.Alive) }, patience, tick)

	require.Contains(t, h.sitrep("chaos", "recover"), "CH-1 sleeper-pause: undone: process.pause on sleeper")
	require.Regexp(t, `CH-1 .* aborted .* its processes died; the kernel took everything back with its holder; the next start of sitrep made sure of it\n`, h.sitrep("chaos", "history"))
}

// Where there was no HALT none is taken away.
func TestClearingNoHalt(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	out, complaint, code := h.sitrep("chaos", "halt", "--clear")
	require.Zero(t, code, complaint)
	require.Equal(t, "there was no HALT: runs were allowed, and are\n", out)
	_, complaint, code = h.sitrep("chaos", "halt", "--reason", "fire")
	require.Zero(t, code, complaint)
	out, _, code = h.sitrep("chaos", "halt", "--clear")
	require.Zero(t, code)
	require.Regexp(t, `^runs are allowed again \(it was halted at 2\S+Z by ana: fire\)\n$`, out)
}
