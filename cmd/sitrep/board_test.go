package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const dashboardOfPrometheus = `{"title": "Prometheus itself", "uid": "abc", "templating": {"list": [
  {"name": "job", "type": "query", "query": "label_values(up, job)", "includeAll": true, "multi": true},
  {"name": "instance", "type": "query", "query": "label_values(up{job=~\"$job\"}, instance)"}]},
 "panels": [
  {"type": "stat", "title": "Up", "targets": [{"refId": "A", "expr": "up{job=~\"$job\",instance=\"$instance\"}", "instant": true}]},
  {"type": "timeseries", "title": "Samples", "links": [{"title": "more", "url": "/d/def"}],
   "targets": [{"refId": "A", "expr": "prometheus_tsdb_head_series{job=~\"${job:regex}\"}"}, {"refId": "B", "expr": "there_is_none"},
    {"refId": "C", "expr": "prometheus_tsdb_head_series * on () go_gc_duration_seconds{job=~\"$job\"}"},
    {"refId": "D", "expr": "sum($job)"}, {"refId": "E", "expr": "not_asked", "hide": true}]}]}`

// A dashboard comes from a Grafana that wants a token, and its queries are asked of
// a Prometheus.
func TestABoardFromGrafanaIsAsked(t *testing.T) {
	t.Parallel()
	prometheus := ownPrometheus(t)
	seen := make(chan string, 10)
	grafana := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.URL.Path
		switch {
		case r.Header.Get("Authorization") != "Bearer s3cret":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path != "/g/api/dashboards/uid/abc":
			w.WriteHeader(http.StatusNotFound)
		default:
			fmt.Fprintf(w, `{"meta": {"slug": "x"}, "dashboard": %s}`, dashboardOfPrometheus)
		}
	}))
	t.Cleanup(grafana.Close)
	dir := t.TempDir()
	token, board, config := filepath.Join(dir, "token"), filepath.Join(dir, "own.yaml"), filepath.Join(dir, "sitrep.yaml")
	require.NoError(t, os.WriteFile(token, []byte("s3cret\n"), 0o600))
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "prometheus: {url: %q}\ngrafana: {url: %q, token: 'file:token'}\n", prometheus, grafana.URL+"/g"), 0o600))
	sitrep := func(args ...string) (string, string, int) {
		var out, err bytes.Buffer
		code := run(args, os.Stdin, &out, &err)
		return out.String(), err.String(), code
	}

	page := grafana.URL + "/g/d/abc/prometheus-itself?orgId=1&var-job=x"
	_, stderr, code := sitrep("board", "import-grafana", page, "--config", os.DevNull)
	require.NotZero(t, code, stderr)
	none := filepath.Join(dir, "none.yaml")
	require.NoError(t, os.WriteFile(none, []byte("ui: {theme: auto}\n"), 0o600))
	_, stderr, code = sitrep("board", "import-grafana", page, "--config", none)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "/g/api/dashboards/uid/abc answers 401 Unauthorized: it wants a token that may read dashboards: --token env:NAME")
	_, stderr, code = sitrep("board", "import-grafana", page, "--config", none, "--token", "s3cret")
	require.Equal(t, exitUsage, code)
	require.NotContains(t, stderr, "s3cret")
	_, stderr, code = sitrep("board", "import-grafana", page, "--config", none, "--token", "file:"+token, "-o", board)
	require.Zero(t, code, stderr)
	_, stderr, code = sitrep("board", "import-grafana", page, "--config", config, "-o", board)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "own.yaml is there already: give another name, or --force to overwrite it")
	_, stderr, code = sitrep("board", "import-grafana", page, "--config", config, "-o", board, "--force")
	require.Zero(t, code, stderr)
	require.Contains(t, stderr, "2 panels: 2 drawn")
	src, err := os.ReadFile(board)
	require.NoError(t, err)
	require.Contains(t, string(src), grafana.URL+"/g/d/def", "links lead to the Grafana it came from")

	stdout, stderr, code := sitrep("board", "check", board, "--config", config, "--json")
	require.Equal(t, exitNotHeld, code, stdout+stderr)
	require.Contains(t, stderr, "board own: 1 of 5 queries fail")
	var got checkedBoard
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	var states []string
	for _, q := range got.Queries {
		states = append(states, q.Panel+" "+q.Ref+" "+q.State)
	}
	require.Equal(t, []string{"Up A ok", "Samples A ok", "Samples B empty", "Samples C failing", "Samples D empty"}, states)
	require.Contains(t, got.Queries[0].Query, `instance="127.0.0.1:`, "a variable after the one that it depends on")
	require.NotEmpty(t, got.Queries[3].Error)
	stdout, _, code = sitrep("board", "check", board, "--config", config)
	require.Equal(t, exitNotHeld, code)
	require.Contains(t, stdout, "own: 2 panels, 0 of them signals; 5 queries: 2 ok, 2 empty, 1 failing")

	_, stderr, code = sitrep("board", "check", board, "--config", none, "--prometheus", "http://127.0.0.1:1")
	require.Equal(t, exitInconclusive, code)
	require.Contains(t, stderr, "own.yaml can be read (2 panels, 0 of them signals), but its queries cannot be asked: prometheus http://127.0.0.1:1: connection refused")
}

// ownPrometheus is a server of Debian's that watches itself, ended with the test.
func ownPrometheus(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("prometheus")
	require.NoError(t, err, "the tests need prometheus, which is missing: run make setup")
	dir, address := t.TempDir(), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs: [{job_name: own, static_configs: [{targets: [%q]}]}]\n", address), 0o600))
	cmd := exec.Command(binary, "--config.file="+config, "--web.listen-address="+address, "--storage.tsdb.path="+filepath.Join(dir, "data"))
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + address + "/api/v1/query?query=up")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body)
		return strings.Contains(body.String(), `"1"`)
	}, time.Minute, 50*time.Millisecond)
	return "http://" + address
}
