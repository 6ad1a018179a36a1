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

// A guard on a real server ends a run when its query breaches, when it has no data any
// more, when the data is old and when the server is gone; and never lets one begin that it
// cannot see. Whatever ends it, the process that was stopped goes on.
func TestGuardsOnARealPrometheus(t *testing.T) {
	t.Parallel()
	h := newOutpost(t)
	shop := &pained{}
	srv := httptest.NewServer(shop)
	t.Cleanup(srv.Close)
	h.write("prometheus.yml", "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: shop, static_configs: [{targets: ['"+strings.TrimPrefix(srv.URL, "http://")+"']}]}]\n")
	server := exec.Command("prometheus", "--config.file="+filepath.Join(h.dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(h.dir, "data"), "--web.listen-address="+h.prom)
	require.NoError(t, server.Start())
	gone := func() {
		_ = server.Process.Kill() // it may have ended
		_ = server.Wait()
	}
	t.Cleanup(gone)
	visible := func() bool {
		res, err := http.Get("http://" + h.prom + "/api/v1/query?query=shop_pain==0")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		var a struct{ Data struct{ Result []any } }
		return json.NewDecoder(res.Body).Decode(&a) == nil && len(a.Data.Result) == 1
	}
	h.write("sitrep.yaml", "prometheus: {url: 'http://"+h.prom+"'}\nchaos:\n  processes: [{name: sleeper, service: sleeper, arguments: '^sleep 9876$'}]\n")
	sleeper := exec.Command("sleep", "9876")
	require.NoError(t, sleeper.Start())
	t.Cleanup(func() {
		_ = sleeper.Process.Kill()
		_ = sleeper.Wait()
	})
	process, err := chaos.Identify(sleeper.Process.Pid)
	require.NoError(t, err)
	stopped := func() bool {
		state, err := process.State()
		return err == nil && (state == 't' || state == 'T')
	}

	run := func(guard string, then func()) chaos.Outcome {
		require.Eventually(t, visible, time.Minute, 100*time.Millisecond)
		h.write("e.yaml", "name: sleeper-pause\nlabels: {env: test}\nsteady_state: [{name: alive, promql: shop_alive, expect: '== 1'}]\nguards: ["+guard+
			"]\ntargets: {select: {service: sleeper}}\nmethod: [{fault: process.pause, duration: 2m}]\nrecovery: 5s\n")
		cmd := h.command("chaos", "run", filepath.Join(h.dir, "e.yaml"), "--json")
		var out, errs strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errs
		require.NoError(t, cmd.Start())
		if then != nil {
			require.Eventually(t, stopped, time.Minute, 10*time.Millisecond, "%s", errs.String())
			then()
		}
		_ = cmd.Wait() // what it exits with is not what this is about
		require.False(t, stopped())
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		var o chaos.Outcome
		require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &o), "%s%s", out.String(), errs.String())
		return o
	}
	guard := func(promql, more string) string {
		return "{name: pain, promql: '" + promql + "', abort_when: '> 0.5', interval: 500ms" + more + "}"
	}

	refused := func(promql, because string) {
		out := run(guard(promql, ""), nil)
		require.Equal(t, chaos.Refused, out.Verdict, out.Reason)
		require.Contains(t, out.Reason, "refused R9 guard-blind: guard pain has no data")
		require.Contains(t, out.Reason, because)
	}
	refused("shop_nothing", "")
	refused("shop_ratio", "")
	refused("shop_zone", "2 series")

	out := run(guard("shop_pain", ""), func() { shop.pain.Store(1) })
	require.Equal(t, chaos.Aborted, out.Verdict, out.Reason)
	require.Equal(t, "guard pain: 1 (abort when > 0.5, 1 in a row)", out.Reason)
	require.NotNil(t, out.Faults[0].GoneAt)
	shop.pain.Store(0)

	out = run(guard("shop_pain", ""), func() { shop.quiet.Store(true) })
	require.Equal(t, chaos.Aborted, out.Verdict, out.Reason)
	require.Contains(t, out.Reason, "guard pain: no data")
	shop.quiet.Store(false)

	out = run(guard("shop_pain", ", stale_after: 3s"), func() { require.NoError(t, server.Process.Signal(syscall.SIGSTOP)) })
	require.Equal(t, chaos.Aborted, out.Verdict, out.Reason)
	require.NoError(t, server.Process.Signal(syscall.SIGCONT))

	out = run(guard("shop_pain", ""), gone)
	require.Equal(t, chaos.Aborted, out.Verdict, out.Reason)
	require.Contains(t, out.Reason, "guard pain: no data")
	_ = os.RemoveAll(filepath.Join(h.dir, "data"))
}
