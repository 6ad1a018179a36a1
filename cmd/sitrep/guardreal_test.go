package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// pained is a service whose metrics a test turns bad or away.
type pained struct {
	pain  atomic.Int64
	quiet atomic.Bool // it says nothing of its pain
}

func (p *pained) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "shop_alive 1\nshop_zone{zone=\"a\"} 0\nshop_zone{zone=\"b\"} 0\n")
	if !p.quiet.Load() {
		fmt.Fprintf(w, "shop_pain %d\nshop_ratio{of=\"none\"} NaN\n", p.pain.Load())
	}
}

// guarded is a real Prometheus that watches a service, and a process that experiments may
// stop.
type guarded struct {
	*outpost
	shop    *pained
	server  *exec.Cmd
	sleeper chaos.Process
}

func newGuarded(t *testing.T) *guarded {
	h := &guarded{outpost: newOutpost(t), shop: &pained{}}
	srv := httptest.NewServer(h.shop)
	t.Cleanup(srv.Close)
	h.write("prometheus.yml", "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: shop, static_configs: [{targets: ['"+strings.TrimPrefix(srv.URL, "http://")+"']}]}]\n")
	h.server = exec.Command("prometheus", "--config.file="+filepath.Join(h.dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(h.dir, "data"), "--web.listen-address="+h.prom)
	require.NoError(t, h.server.Start())
	t.Cleanup(h.kill)
	sleeper := exec.Command("sleep", fmt.Sprintf("9876%d", os.Getpid()), fmt.Sprint(time.Now().UnixNano())) // two of them beside each other are two
	require.NoError(t, sleeper.Start())
	t.Cleanup(func() {
		_ = sleeper.Process.Kill()
		_ = sleeper.Wait()
	})
	var err error
	h.sleeper, err = chaos.Identify(sleeper.Process.Pid)
	require.NoError(t, err)
	h.write("sitrep.yaml", "prometheus: {url: 'http://"+h.prom+"'}\nchaos:\n  processes: [{name: sleeper, service: sleeper, arguments: '^"+strings.Join(sleeper.Args, " ")+"$'}]\n")
	return h
}

func (h *guarded) kill() {
	_ = h.server.Process.Kill() // it may have ended
	_ = h.server.Wait()
}

// experiment writes one that stops the sleeper under some guards, once the server knows of
// no pain.
func (h *guarded) experiment(guards string) (file string) {
	h.t.Helper()
	require.Eventually(h.t, func() bool {
		res, err := http.Get("http://" + h.prom + "/api/v1/query?query=shop_pain==0")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		var a struct{ Data struct{ Result []any } }
		return json.NewDecoder(res.Body).Decode(&a) == nil && len(a.Data.Result) == 1
	}, time.Minute, 100*time.Millisecond)
	h.write("e.yaml", "name: sleeper-pause\nlabels: {env: test}\nsteady_state: [{name: alive, promql: shop_alive, expect: '== 1'}]\nguards: ["+guards+
		"]\ntargets: {select: {service: sleeper}}\nmethod: [{fault: process.pause, duration: 2m}]\nrecovery: 5s\n")
	return filepath.Join(h.dir, "e.yaml")
}

// run runs it, does something once the sleeper is stopped, and says how it ended.
func (h *guarded) run(guards string, then func()) (o chaos.Outcome) {
	h.t.Helper()
	cmd := h.command("chaos", "run", h.experiment(guards), "--json")
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(h.t, cmd.Start())
	if then != nil {
		require.Eventually(h.t, func() bool { return isStopped(h.sleeper) }, time.Minute, 10*time.Millisecond)
		then()
	}
	_ = cmd.Wait() // what it exits with is not what this is about
	require.False(h.t, isStopped(h.sleeper))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.NoError(h.t, json.Unmarshal([]byte(lines[len(lines)-1]), &o), "%s%s", out.String(), errs.String())
	return o
}

// pain is a guard on a query.
func pain(promql, more string) string {
	return "{name: pain, promql: '" + promql + "', abort_when: '> 0.5', interval: 500ms" + more + "}"
}

// A guard on a real server ends a run when its query breaches, when it has no data any
// more, when the server hangs and when it is gone; and never lets one begin that it cannot
// see. Whatever ends it, the process that was stopped goes on.
func TestGuardsOnARealPrometheus(t *testing.T) {
	t.Parallel()
	h := newGuarded(t)
	for promql, because := range map[string]string{"shop_nothing": "", "shop_ratio": "", "shop_zone": "2 series"} {
		out := h.run(pain(promql, ""), nil)
		require.Equal(t, chaos.Refused, out.Verdict, out.Reason)
		require.Contains(t, out.Reason, "refused R9 guard-blind: guard pain has no data")
		require.Contains(t, out.Reason, because)
	}

	out := h.run(pain("shop_pain", ""), func() { h.shop.pain.Store(1) })
	require.Equal(t, chaos.Aborted, out.Verdict, out.Reason)
	require.Equal(t, "guard pain: 1 (abort when > 0.5, 1 in a row)", out.Reason)
	require.NotNil(t, out.Faults[0].GoneAt)
	h.shop.pain.Store(0)

	out = h.run(pain("shop_pain", ""), func() { h.shop.quiet.Store(true) })
	require.Equal(t, chaos.Aborted, out.Verdict, out.Reason)
	require.Contains(t, out.Reason, "guard pain: no data")
	h.shop.quiet.Store(false)

	out = h.run(pain("shop_pain", ""), func() { require.NoError(t, h.server.Process.Signal(syscall.SIGSTOP)) })
	require.Equal(t, chaos.Aborted, out.Verdict, out.Reason)
	require.NoError(t, h.server.Process.Signal(syscall.SIGCONT))

	out = h.run(pain("shop_pain", ""), h.kill)
	require.Equal(t, chaos.Aborted, out.Verdict, out.Reason)
	require.Contains(t, out.Reason, "guard pain: no data")
}

// A terminal that answers keeps a run going; one whose answers are lost on the way ends
// it, although nothing has said that the connection is gone.
func TestALostTerminalEndsTheRun(t *testing.T) {
	t.Parallel()
	h := newGuarded(t)
	cmd := h.command("chaos", "run", h.experiment(pain("shop_pain", "")+", {operator: {every: 2s, misses: 2}}"))
	x := startTerminal(t, 100, 30, []string{"HOME=" + h.dir, "XDG_STATE_HOME=" + h.dir, "SUDO_USER=ana"}, cmd.Args[1:]...)
	x.see("holding")
	require.True(t, isStopped(h.sleeper))
	require.Never(t, func() bool { return !isStopped(h.sleeper) }, 8*time.Second, 100*time.Millisecond, "it answers")
	x.cut.Store(true)
	x.see("aborted: ", "operator")
	require.False(t, isStopped(h.sleeper))
}
