package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A real Prometheus scrapes a run that goes on, and knows its rate and its percentiles.
func TestPrometheusScrapesARun(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { time.Sleep(20 * time.Millisecond) }))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	metrics, prom := fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	plan := write("plan.yaml", "name: smoke\ntargets: [{url: \""+s.URL+"/\"}]\nstages: [{rate: 50, for: 10m}]\n")
	run := exec.Command(binary, "--db", filepath.Join(dir, "s.db"), "--json", "load", "run", plan, "--metrics", metrics)
	run.Env = append(os.Environ(), "XDG_STATE_HOME="+dir, "HOME="+dir, "SUDO_USER=ana")
	run.Stderr = os.Stderr
	require.NoError(t, run.Start())
	config := write("prometheus.yml", "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: load, static_configs: [{targets: ['"+metrics+"']}]}]\n")
	server := exec.Command("prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+prom)
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		require.NoError(t, server.Process.Kill())
		_ = server.Wait() // by the signal
	})
	value := func(expr string) float64 {
		res, err := http.Get("http://" + prom + "/api/v1/query?query=" + url.QueryEscape(expr))
		if err != nil {
			return 0 // it is not up yet
		}
		defer res.Body.Close()
		var answer struct {
			Data struct{ Result []struct{ Value [2]any } }
		}
		if json.NewDecoder(res.Body).Decode(&answer) != nil || len(answer.Data.Result) == 0 {
			return 0
		}
		v, err := strconv.ParseFloat(answer.Data.Result[0].Value[1].(string), 64)
		require.NoError(t, err)
		return v
	}
	require.Eventually(t, func() bool {
		return value(`sitrep_load_requests_total{plan="smoke"}`) > 100 && value(`histogram_quantile(0.5, sitrep_load_response_seconds_bucket)`) >= 0.015
	}, patience, 100*time.Millisecond)
	require.InDelta(t, 50, value("sitrep_load_requested_rate"), 1e-9)
	require.InDelta(t, value("sitrep_load_response_seconds_count"), value(`sitrep_load_response_seconds_bucket{le="+Inf"}`), 200)
	require.NoError(t, run.Process.Signal(syscall.SIGINT))
	require.Error(t, run.Wait())
	require.Equal(t, exitInterrupted, run.ProcessState.ExitCode())
	_, err := http.Get("http://" + metrics + "/metrics")
	require.Error(t, err, "it ends with the run")
}

// Only this host is answered.
func TestMetricsOfARunStayHere(t *testing.T) {
	for _, address := range []string{"0.0.0.0:9400", ":9400", "127.0.0.1", "192.0.2.1:80", "localhost:1"} {
		_, err := newLoadMetrics("x").serve(t.Context(), address)
		require.ErrorContains(t, err, "is not a loopback address with a port", address)
	}
}
