package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shopHistory writes what a shop counted until now: a hundred requests a minute for
// hours, of which none failed but half of those of the last forty minutes. The process
// was restarted once, so its counters were too.
func shopHistory(t *testing.T, file string, until time.Time) (bad, total float64) {
	t.Helper()
	var b strings.Builder
	begun := until.Add(-5 * time.Hour)
	restarted := until.Add(-20 * time.Minute)
	for _, name := range []string{"shop_requests", "shop_failures"} {
		fmt.Fprintf(&b, "# TYPE %s counter\n", name)
		v := 0.0
		for at := begun; !at.After(until); at = at.Add(15 * time.Second) {
			step := 25.0
			if name == "shop_failures" {
				if step = 0; at.After(until.Add(-40 * time.Minute)) {
					step = 12.5
				}
			}
			if at.Equal(restarted) {
				v = 0
			}
			v += step
			fmt.Fprintf(&b, "%s_total{service=\"checkout\"} %g %d\n", name, v, at.Unix())
		}
	}
	b.WriteString("# EOF\n")
	require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o600))
	return 50 * 40, 100 * 300
}

// historicPrometheus runs a server that knows this history.
func (h *outpost) historicPrometheus(history string, flags ...string) {
	h.t.Helper()
	data := filepath.Join(h.dir, "data")
	out, err := exec.Command("promtool", "tsdb", "create-blocks-from", "--max-block-duration=744h", "openmetrics", history, data).CombinedOutput()
	require.NoError(h.t, err, "%s", out)
	h.write("prometheus.yml", "global: {scrape_interval: "+cmp.Or(h.scrape, "15s")+"}\nscrape_configs: [{job_name: none, static_configs: [{targets: ['127.0.0.1:1']}]}]\n")
	cmd := exec.Command("prometheus", append(flags, "--config.file="+filepath.Join(h.dir, "prometheus.yml"), "--storage.tsdb.path="+data, "--storage.tsdb.retention.time=400d", "--web.listen-address="+h.prom)...)
	require.NoError(h.t, cmd.Start())
	h.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		_ = cmd.Wait()
	})
	require.Eventually(h.t, func() bool {
		res, err := http.Get("http://" + h.prom + "/-/ready")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, time.Minute, 100*time.Millisecond)
}

// A counter of a real server turns bad: the daemon finds the burn, and declares what the
// policy says.
func TestARealBurnDeclares(t *testing.T) {
	t.Parallel()
	h := newOutpost(t)
	history := filepath.Join(h.dir, "history.txt")
	bad, _ := shopHistory(t, history, time.Now().Truncate(15*time.Second))
	h.historicPrometheus(history)
	require.NoError(t, os.Mkdir(filepath.Join(h.dir, "slos"), 0o700))
	h.write("slos/checkout.yaml", "name: checkout\nservice: checkout\nobjective: 99\nsli:\n  events: {bad: 'shop_failures_total{service=\"checkout\"}', total: 'shop_requests_total{service=\"checkout\"}'}\n")
	h.write("sitrep.yaml", "prometheus: {url: 'http://"+h.prom+"'}\nslos: [slos]\ndaemon: {listen: '127.0.0.1:0'}\n")

	require.Contains(t, h.sitrep("slo", "check"), "ok")
	var shown struct {
		Bad    float64 `json:"bad_events"`
		Events float64 `json:"events"`
	}
	out, err := h.command("slo", "show", "checkout", "--json").Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &shown))
	require.Less(t, math.Abs(shown.Bad-bad)/bad, 0.08, "%v of %v bad ones, with a restart in between", shown.Bad, bad)

	daemon := h.command("daemon")
	var said strings.Builder
	daemon.Stderr = &said
	require.NoError(t, daemon.Start())
	ended := func() {
		_ = daemon.Process.Signal(os.Interrupt) // it may have ended
		_ = daemon.Wait()
	}
	t.Cleanup(ended)
	var list []struct {
		ID, Title, Severity, Service string
	}
	require.Eventually(t, func() bool {
		return json.Unmarshal([]byte(h.sitrep("incident", "list", "--json")), &list) == nil && len(list) > 0
	}, 3*time.Minute, time.Second)
	require.Equal(t, "checkout", list[0].Service)
	require.Equal(t, "SEV-2", list[0].Severity)
	require.Contains(t, list[0].Title, "checkout: fast burn")
	require.Contains(t, h.sitrep("incident", "timeline", list[0].ID, "--json"), `"slo.burning"`)
	ended()
	require.NotContains(t, said.String(), "stopped")
}

// A budget burns, an incident is opened by it, and is over: what it cost stands in its
// post-mortem, and is what a count over what the counters said gives.
func TestARealIncidentSaysWhatItCost(t *testing.T) {
	t.Parallel()
	h := newOutpost(t)
	history := filepath.Join(h.dir, "history.txt")
	now := time.Now().Truncate(time.Second)
	began := now.Add(-4 * time.Minute)
	const each, wrong = 10.0, 4.0 // a second, and of those from then on
	var b strings.Builder
	for _, name := range []string{"shop_requests", "shop_failures"} {
		fmt.Fprintf(&b, "# TYPE %s counter\n", name)
		v := 0.0
		for at := now.Add(-2 * time.Hour); at.Before(now.Add(10 * time.Minute)); at = at.Add(time.Second) { // it knows what is to come
			if name == "shop_requests" {
				v += each
			} else if at.After(began) {
				v += wrong
			}
			fmt.Fprintf(&b, "%s_total %g %d\n", name, v, at.Unix())
		}
	}
	require.NoError(t, os.WriteFile(history, []byte(b.String()+"# EOF\n"), 0o600))
	h.scrape = "1s"
	h.historicPrometheus(history)
	h.write("checkout.yaml", "name: checkout\nservice: checkout\nobjective: 90\nwindow: 1h\nslot: 5s\nsli: {events: {bad: shop_failures_total, total: shop_requests_total}}\nalerts: {rules: [{name: fast, budget: 5, long: 2m, short: 30s, do: page}]}\n")
	h.write("sitrep.yaml", "prometheus: {url: 'http://"+h.prom+"'}\nslos: [checkout.yaml]\ndaemon: {listen: '127.0.0.1:0'}\n")
	daemon := h.command("daemon")
	require.NoError(t, daemon.Start())
	t.Cleanup(func() {
		_ = daemon.Process.Signal(os.Interrupt) // it may have ended
		_ = daemon.Wait()
	})
	var list []struct{ ID string }
	require.Eventually(t, func() bool {
		return json.Unmarshal([]byte(h.sitrep("incident", "list", "--json")), &list) == nil && len(list) > 0
	}, 2*time.Minute, time.Second)
	id := list[0].ID
	require.Regexp(t, `cost so far +checkout: \d+\.\d% of the 1h budget so far \(\d+ bad events\)`, h.sitrep("incident", "show", id))

	h.sitrep("incident", "resolve", id, "--resolution", "rolled back")
	type view struct {
		ResolvedAt time.Time `json:"resolved_at"`
		Costs      []struct {
			Ratio  float64 `json:"budget_ratio"`
			Events float64 `json:"events"`
		} `json:"budget_costs"`
		SoFar []struct{} `json:"budget_costs_so_far"`
	}
	var v view
	require.Eventually(t, func() bool {
		return json.Unmarshal([]byte(h.sitrep("incident", "show", id, "--json")), &v) == nil && len(v.Costs) == 1
	}, 2*time.Minute, time.Second)
	require.Empty(t, v.SoFar, "it is over")
	lasted := v.ResolvedAt.Sub(began).Seconds()
	require.InEpsilon(t, wrong*lasted, v.Costs[0].Events, 0.03, "bad ones from the first that was worse than the budget allows")
	require.InEpsilon(t, wrong*lasted/(0.1*each*3600), v.Costs[0].Ratio, 0.03)

	h.sitrep("postmortem", "draft", id)
	md := h.sitrep("postmortem", "show", id)
	require.Contains(t, md, fmt.Sprintf("1h error budget of checkout: %.1f%% of it", 100*v.Costs[0].Ratio))
	require.Contains(t, md, fmt.Sprintf("%.0f bad events", v.Costs[0].Events))
}
