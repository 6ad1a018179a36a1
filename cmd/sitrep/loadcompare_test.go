package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/loadtest/compare"
	"github.com/sitrep-dev/sitrep/store"
)

// loaded is a server that takes a while, and the commands of somebody who loads it.
type loaded struct {
	t     *testing.T
	dir   string
	takes atomic.Int64
	url   string
}

func newLoaded(t *testing.T) *loaded {
	l := &loaded{t: t, dir: t.TempDir()}
	l.takes.Store(int64(5 * time.Millisecond))
	l.url = l.serve(func() time.Duration { return time.Duration(l.takes.Load()) })
	return l
}

func (l *loaded) serve(takes func() time.Duration) string {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(takes()) }))
	l.t.Cleanup(s.Close)
	return s.URL
}

// plan writes one against the server, and returns its file.
func (l *loaded) plan(more string) string {
	file := filepath.Join(l.dir, "shop.yaml")
	require.NoError(l.t, os.WriteFile(file, []byte("name: shop\ntargets: [{url: \""+l.url+"/\"}]\n"+more), 0o600))
	return file
}

// sitrep runs a command, and returns what it said and its exit code.
func (l *loaded) sitrep(args ...string) (string, int) {
	l.t.Helper()
	cmd := exec.Command(binary, append([]string{"--db", filepath.Join(l.dir, "s.db")}, args...)...)
	cmd.Dir = l.dir
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+l.dir, "XDG_CONFIG_HOME="+l.dir, "HOME="+l.dir, "SUDO_USER=ana")
	out, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		require.NoError(l.t, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func (l *loaded) does(code int, args ...string) string {
	l.t.Helper()
	out, got := l.sitrep(args...)
	require.Equal(l.t, code, got, "%v\n%s", args, out)
	return out
}

// tells is does, again where a busy machine could not tell.
func (l *loaded) tells(code int, args ...string) string {
	l.t.Helper()
	for range 10 {
		if out, got := l.sitrep(args...); got != exitInconclusive {
			require.Equal(l.t, code, got, "%v\n%s", args, out)
			return out
		}
	}
	return l.does(code, args...)
}

// A run is compared with the baseline of its plan, and the exit code is what a pipeline
// needs.
func TestRunsAreCompared(t *testing.T) {
	t.Parallel()
	l := newLoaded(t)
	plan := l.plan("stages: [{rate: 40, for: 5s}]\n")
	require.Contains(t, l.does(exitUsage, "load", "run", "--compare", plan), "plan shop has no baseline")
	l.tells(0, "load", "run", plan)
	require.Contains(t, l.does(exitUsage, "load", "compare"), "plan shop has no baseline; make a run of it one: sitrep load baseline shop RUN")
	require.Contains(t, l.does(0, "load", "baseline", "shop", "last"), "later runs of shop are compared with LT-")
	base := regexp.MustCompile(`LT-\d+`).FindString(l.does(0, "load", "baseline"))

	l.takes.Store(int64(time.Second)) // far from what a busy machine makes of the other
	out := l.tells(exitNotHeld, "load", "run", "--compare", plan)
	require.Regexp(t, `REGRESSED  LT-\d+ against `+base, out)
	require.Regexp(t, `LT-\d+ is worse than `+base+` in p50`, out)

	file := filepath.Join(l.dir, "base.json")
	l.does(0, "load", "export", base, "-o", file)
	require.Contains(t, l.does(exitNotHeld, "load", "compare", file, "last"), "REGRESSED")
	var c compare.Comparison
	require.NoError(t, json.Unmarshal([]byte(l.does(0, "--json", "load", "compare", "last", base, "--margin", "50", "--errors", "100")), &c))
	require.Equal(t, compare.Improved, c.Verdict)

	require.NoError(t, os.WriteFile(file, []byte("[]"), 0o600))
	require.Contains(t, l.does(exitUsage, "load", "compare", file, "last"), "is not a run that sitrep load export")
	require.Contains(t, l.does(exitUsage, "load", "compare", "LT-99", base), "no such run")
	require.Contains(t, l.does(exitUsage, "load", "compare", "--margin", "NaN"), "percentages above 0")
	plan = l.plan("stages: [{rate: 30, for: 1s}]\n")
	require.Contains(t, l.tells(1, "load", "run", "--compare", plan), "the plan was changed in between")
	require.Contains(t, l.does(0, "load", "trend", "shop"), base)
	require.Contains(t, l.does(0, "load", "baseline", "--clear", "shop"), "has no baseline any more")
	require.Contains(t, l.does(exitUsage, "load", "baseline", "--clear", "shop"), "has no baseline")
}

// Two targets are compared in pairs.
func TestTwoTargetsInPairs(t *testing.T) {
	t.Parallel()
	l := newLoaded(t)
	slow := l.serve(func() time.Duration { return 700 * time.Millisecond })
	plan := l.plan("stages: [{rate: 50, for: 1s}]\n")
	require.Contains(t, l.does(exitUsage, "load", "ab", plan, "--b", "ftp://x"), "is no scheme and host")
	require.Contains(t, l.does(exitUsage, "load", "ab", plan, "--b", slow, "--pairs", "2"), "--pairs is 6 to 16")
	require.Contains(t, l.tells(exitNotHeld, "load", "ab", plan, "--b", slow, "--pairs", "6"), "REGRESSED")
}

// The highest rate that was asked for holds; it becomes the limit of what is planned.
func TestAKneeIsSearched(t *testing.T) {
	t.Parallel()
	l := newLoaded(t)
	plan := l.plan("stages: [{rate: 50, for: 1s}]\n")
	require.Contains(t, l.does(exitUsage, "load", "knee", plan), "has no thresholds")
	plan = l.plan("stages: [{rate: 50, for: 1s}]\nthresholds: [\"p50 < 5s\", \"errors < 50%\"]\nresources: [{name: cpu, promql: cpu}, {name: cpu, promql: x}]\n")
	require.Contains(t, l.does(exitUsage, "load", "knee", plan), `shop.yaml:5:46: two resources are called "cpu"`)
	plan = l.plan("stages: [{rate: 50, for: 1s}]\nthresholds: [\"p50 < 5s\", \"errors < 50%\"]\n")
	out := l.tells(0, "load", "knee", plan, "--min", "20", "--max", "40")
	require.Regexp(t, `KNEE        40/s  LT-\d+  shop`, out)
	require.Contains(t, out, "it held every rate that was tried")
	require.Contains(t, out, "plan with   36/s")
	db, err := store.Open(t.Context(), filepath.Join(l.dir, "s.db"))
	require.NoError(t, err)
	defer db.Close()
	knees, err := db.Knees(t.Context())
	require.NoError(t, err)
	require.Len(t, knees, 1)
	require.InDelta(t, 40, knees[0].Rate, 0.01)

	l.takes.Store(int64(300 * time.Millisecond))
	plan = l.plan("stages: [{rate: 50, for: 1s}]\nthresholds: [\"p50 < 100ms\"]\n")
	require.Contains(t, l.tells(exitNotHeld, "load", "knee", plan, "--min", "20", "--max", "40"), "the lowest rate does not hold the thresholds")
}
