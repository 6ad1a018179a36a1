package chaos_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// TestVerdicts runs whole experiments in processes of their own.
func TestVerdicts(t *testing.T) {
	short := func(change func(*experiment)) experiment {
		e := latency()
		e.duration = 5 * time.Second // an effect has as long to be seen
		change(&e)
		return e
	}
	for _, c := range []struct {
		name     string
		e        experiment
		lab      func(*lab)
		verdict  chaos.Verdict
		reason   string
		injected bool
	}{
		{"held", short(func(*experiment) {}), nil, chaos.Held, "the steady state held and returned", true},
		{"held under errors", short(func(e *experiment) { e.fault, e.with = "http.error", "{ratio: 0.5}" }), nil, chaos.Held, "", true},
		{"held without a process", short(func(e *experiment) { e.fault, e.with = "process.pause", "{}" }), nil, chaos.Held, "", true},
		{"deviated", short(func(e *experiment) { e.steady = "hurt" }), nil, chaos.Deviated, "errors left its band (< 1) in ", true},
		{"an infinite metric", short(func(e *experiment) { e.steady = "zero or infinite" }), nil, chaos.Deviated, "errors left its band", true},
		{"a guard trips", func() experiment { e := latency(); e.guard = "hurt"; return e }(), nil, chaos.Aborted, "guard pain: 1 (abort when > 0.5, 1 in a row)", true},
		{"a guard goes blind", func() experiment { e := latency(); e.guard = "blinded"; return e }(), nil, chaos.Aborted, "guard pain: no data", true},
		{"no effect", short(func(*experiment) {}), func(l *lab) { l.quiet = true }, chaos.Inconclusive, "http.latency on shop-1 showed no effect within", true},
		{"sick before", short(func(e *experiment) { e.steady = "one" }), nil, chaos.Inconclusive, "errors is 1 before anything was injected", false},
		{"a guard breached before", short(func(e *experiment) { e.guard = "one" }), nil, chaos.Inconclusive, "guard pain is 1 before anything was injected", false},
		{"a guard that sees nothing", short(func(e *experiment) { e.guard = "nothing" }), nil, chaos.Refused, "refused R9 guard-blind: guard pain has no data", false},
		{"not the lab's", short(func(*experiment) {}), func(l *lab) { l.foreign = true }, chaos.Refused, "refused R7 lab-only: the proxy of shop-1 is not proven", false},
		{"not recovered", short(func(e *experiment) { e.fault, e.with, e.recovery = "process.kill", "{}", 1500*time.Millisecond }), nil, chaos.Deviated, "not recovered within 1.5s", true},
		{"no such target", short(func(e *experiment) { e.targets = "{select: {name: nobody}}" }), nil, chaos.Refused, "refused R6 no-target", false},
		{"every instance", short(func(e *experiment) { e.targets = "{select: {service: shop}, max: 2}" }), nil, chaos.Refused, "refused R6 blast-radius", false},
		{"no such fault", short(func(e *experiment) { e.fault = "http.latancy" }), nil, chaos.Refused, `test.yaml:5:18: unknown fault "http.latancy"; did you mean "http.latency"?`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			if c.lab != nil {
				c.lab(l)
			}
			out, reports := l.run(l.request(c.e.file()))
			require.Equal(t, c.verdict, out.Verdict, out.Reason)
			require.Contains(t, out.Reason, c.reason)
			require.Equal(t, c.injected, len(out.Faults) == 1 && out.Faults[0].InjectedAt != nil, "injected")
			require.NotEmpty(t, reports)
			last := reports[len(reports)-1]
			require.Equal(t, chaos.KindFinished, last.Kind)
			require.Equal(t, out, *last.Outcome)
			for _, f := range out.Faults {
				require.Equal(t, c.injected && f.Tier != chaos.TierIrreversible, f.GoneAt != nil, "gone")
			}
		})
	}
}

// TestStory follows what one run says and writes.
func TestStory(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := latency()
	e.duration, e.steady = 5*time.Second, "hurt"
	e.expect = "<= 1"
	req := l.request(e.file())
	req.Seed = 7
	out, reports := l.run(req)
	require.Equal(t, chaos.Held, out.Verdict, out.Reason)
	var phases []chaos.Phase
	var facts []string
	for _, r := range reports {
		require.Equal(t, "CH-1", r.Run)
		require.Equal(t, req.ID, r.ID)
		if r.Kind == chaos.KindPhase {
			phases = append(phases, r.Phase)
		} else if r.Sample == nil {
			facts = append(facts, r.Kind)
		}
		if r.Kind == chaos.KindInjected {
			require.Equal(t, map[string]float64{"errors": 0, "pain": 0}, r.Values, "frozen with the fact")
		}
	}
	require.Equal(t, []chaos.Phase{chaos.Baseline, chaos.Injecting, chaos.Verified, chaos.Holding, chaos.Undoing, chaos.Gone, chaos.Recovering}, phases)
	require.Equal(t, []string{chaos.KindStarted, chaos.KindInjected, chaos.KindObserved, chaos.KindUndone, chaos.KindFinished}, facts)
	require.Equal(t, "begins on shop-1", reports[0].Text)

	require.Equal(t, 1.0, *out.Score)
	require.NotNil(t, out.RecoverySeconds)
	require.Len(t, out.Probes, 1)
	p := out.Probes[0]
	require.Equal(t, []float64{0, 1, 0}, []float64{*p.Before, *p.During, *p.After})
	f := out.Faults[0]
	require.Contains(t, f.Effect, "requests to shop-1 touched")

	log := l.journal(req)
	require.False(t, f.GoneAt.Before(log.Entries[0].Until), "it was held to its end")
	require.True(t, log.Closed)
	require.Zero(t, log.Torn)
	require.Equal(t, "held: "+out.Reason, log.ClosedText)
	require.Equal(t, []string{"shop-1"}, log.Opened.Targets)
	require.Equal(t, uint64(7), log.Opened.Seed)
	require.Len(t, log.Entries, 1)
	require.False(t, log.Entries[0].Open())
}

// TestRefusals are those that need no target.
func TestRefusals(t *testing.T) {
	file := latency().file()
	for _, c := range []struct {
		name, rule string
		prepare    func(t *testing.T, l *lab, r *chaos.Request)
	}{
		{"halted", "refused R2 halt", func(t *testing.T, l *lab, _ *chaos.Request) {
			require.NoError(t, chaos.Halt(l.dir, "ana", "fire in the hall"))
		}},
		{"no ULID", "refused R1 run-id", func(_ *testing.T, _ *lab, r *chaos.Request) { r.ID = "../../etc/x" }},
		{"not a file", "test.yaml: the file is empty", func(_ *testing.T, _ *lab, r *chaos.Request) { r.Source = nil }},
		{"a journal that cannot be read", "refused R1 open-journal", func(t *testing.T, l *lab, _ *chaos.Request) {
			require.NoError(t, os.Symlink("nowhere", filepath.Join(l.dir, "A.wal")))
			require.NoError(t, os.Mkdir(filepath.Join(l.dir, "B.wal"), 0o700), "neither is a regular file")
			open := `{"rec":"intent","at":"2026-11-24T03:00:00Z","entry":"f-1","intent":{"kind":"x","target":"y","gone":{"is":"nothing"}}}`
			require.NoError(t, os.WriteFile(filepath.Join(l.dir, "C.wal"), []byte("half a head\n"+open+"\n"), 0o600))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			r := l.request(file)
			c.prepare(t, l, &r)
			h := l.spawn(r)
			out, err := h.Wait()
			require.NoError(t, err)
			require.Equal(t, chaos.Refused, out.Verdict, out.Reason)
			require.Contains(t, out.Reason, c.rule)
			require.Zero(t, l.posted())
		})
	}
}

func TestOneAtATime(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	first, second := l.request(latency().file()), l.request(latency().file())
	h := l.spawn(first)
	l.holding(first)
	out, err := l.spawn(second).Wait()
	require.NoError(t, err)
	require.Equal(t, chaos.Refused, out.Verdict)
	require.Contains(t, out.Reason, "refused R3 one-at-a-time: CH-1 test on shop-1, since ")
	require.Contains(t, out.Reason, "is going on; wait for its end, or end it: ctrl-C where it was started")

	open, err := chaos.Active(l.dir)
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.True(t, open[0].Live)
	require.WithinDuration(t, time.Now().Add(30*time.Second), open[0].Until, patience)
	recovered, err := chaos.Recover(t.Context(), l.dir)
	require.NoError(t, err)
	require.Empty(t, recovered, "a live run is left alone")
	require.True(t, l.hurt())

	h.Abort("somebody asked")
	h.Abort("and again")
	out, err = h.Wait()
	require.NoError(t, err)
	require.Equal(t, chaos.Aborted, out.Verdict)
	require.Regexp(t, "^somebody asked; (the steady state was back|not recovered)", out.Why())
	require.Zero(t, *out.Score)
	l.recovered()
}

func TestHalt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	req := l.request(pause().file())
	h := l.spawn(req)
	l.holding(req)
	require.NoError(t, chaos.Halt(l.dir, "ana", "fire in the hall"))
	l.recovered()
	out, err := h.Wait()
	require.NoError(t, err)
	require.Equal(t, chaos.Aborted, out.Verdict)
	require.Regexp(t, `^HALT: halted at 2\S+Z by ana: fire in the hall; (the steady state was back|not recovered)`, out.Why())
	require.NoError(t, chaos.Halt(l.dir, "bob", "me too"))
	text, _ := chaos.Halted(l.dir)
	require.Contains(t, text, "by ana: fire in the hall; bob: me too", "the first word stays")

	require.NoError(t, chaos.ClearHalt(l.dir))
	require.NoError(t, chaos.ClearHalt(l.dir), "twice is harmless")
	e := latency()
	e.duration = 5 * time.Second
	out, _ = l.run(l.request(e.file()))
	require.Equal(t, chaos.Held, out.Verdict, out.Reason)
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	req := l.request(pause().file())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	h, err := chaos.Spawn(ctx, req)
	require.NoError(t, err)
	l.holding(req)
	cancel()
	out, err := h.Wait()
	require.NoError(t, err)
	require.Equal(t, chaos.Aborted, out.Verdict)
	require.Equal(t, "sitrep is ending; nobody waited to see whether the steady state returned", out.Why())
	l.recovered()
}

// TestRunnerThatCannot does not get as far as an order.
func TestRunnerThatCannot(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	req := l.request(latency().file())
	req.Executable = "/bin/false"
	h := l.spawn(req)
	out, err := h.Wait()
	require.EqualError(t, err, "run CH-1: the runner died")
	require.Equal(t, chaos.Aborted, out.Verdict)
	require.Equal(t, "the runner died; nothing had been injected", out.Reason)

	req.Executable = "/bin/sh" // complains that it cannot open __chaos-runner
	h = l.spawn(req)
	_, err = h.Wait()
	require.ErrorContains(t, err, "__chaos-runner")

	req.Executable = filepath.Join(l.dir, "nothing")
	_, err = chaos.Spawn(t.Context(), req)
	require.ErrorContains(t, err, "start the runner of CH-1")
}

// TestLongFile is an order longer than a pipe holds, and reports longer than
// most.
func TestLongFile(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := latency()
	e.duration = 5 * time.Second
	file := strings.Replace(string(e.file()), "name: errors", `name: "`+strings.Repeat("<", 60<<10)+`"`, 1)
	out, _ := l.run(l.request([]byte(file)))
	require.Equal(t, chaos.Held, out.Verdict, out.Reason)
	require.Len(t, out.Probes[0].Name, 60<<10)
}

// TestInfiniteGuard is a guard whose metric divides by zero: it ends the run, and
// the run can say so.
func TestInfiniteGuard(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := latency()
	e.guard = "zero or infinite"
	out, reports := l.run(l.request(e.file()))
	require.Equal(t, chaos.Aborted, out.Verdict)
	require.Contains(t, out.Reason, "guard pain")
	require.Equal(t, math.MaxFloat64, *out.Guards[0].Last)
	var tripped bool
	for _, r := range reports {
		tripped = tripped || r.Sample != nil && r.Sample.Tripped
	}
	require.True(t, tripped)
}
