package main

import (
	"encoding/json"
	"fmt"
	"io"
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

	"github.com/sitrep-dev/sitrep/health"
)

// What the checks find is told by the command, by the daemon's /health and /metrics,
// and can be asked in PromQL.
func TestChecksAreToldEverywhere(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer page.Close()
	metrics := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprint(w, "load 5\n")
	}))
	defer metrics.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	write("checks.yaml", fmt.Sprintf("checks:\n  - {name: shop, service: checkout, http: %q, every: 1s}\n  - {name: room, disk: /, below: 100%%, every: 1s}\n", page.URL))
	config := write("sitrep.yaml", fmt.Sprintf("daemon: {listen: 127.0.0.1:%d}\nchecks: [checks.yaml]\nembedded: {scrape: [%q], interval: 1s}\n", freePort(t), metrics.URL+"/metrics"))
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(binary, append([]string{"--config", config, "--db", filepath.Join(dir, "s.db")}, args...)...)
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir, "SUDO_USER=ana")
		return cmd
	}
	out, err := command("health").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Regexp(t, `shop +checkout +http +healthy`, string(out))
	down.Store(true)
	out, err = command("health", "shop", "--json").Output()
	require.Equal(t, exitNotHeld, err.(*exec.ExitError).ExitCode())
	var told healthView
	require.NoError(t, json.Unmarshal(out, &told))
	require.Equal(t, health.Unhealthy, told.Status)
	require.Equal(t, "503 Service Unavailable", told.Checks["shop"].Reason)
	out, _ = command("doctor").CombinedOutput()
	require.Regexp(t, `(?m)^checks +ok +2$`, string(out))
	out, err = command("query", "probe_success", "--source", "checks").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Regexp(t, `check="shop".* 0\n`, string(out))
	board := write("board.yaml", `title: Checks
source: checks
variables: [{name: check, query: 'label_values(probe_success, check)', multi: true, all: true}]
panels:
  - {title: Up, promql: 'probe_success{check=~"$check", check!="room"}', legend: "{{check}}"}
  - {title: Lately, promql: 'avg_over_time(probe_success[5m])'}
  - {title: Of the host, source: prometheus, promql: load}
`)
	out, err = command("board", "show", board).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Regexp(t, `Up +0 +ok`, string(out))
	require.Regexp(t, `Lately +it looks back 5m, and the checks were looked at once`, string(out))
	require.Regexp(t, `Of the host +5 +ok`, string(out))
	out, err = command("board", "check", board).CombinedOutput()
	require.Equal(t, exitInconclusive, err.(*exec.ExitError).ExitCode(), string(out))
	require.Regexp(t, `ok +Up +A +1 `, string(out))
	require.Regexp(t, `unknown +Lately`, string(out))
	require.Regexp(t, `ok +Of the host +A +1 `, string(out))
	out, err = command("board", "show", board, "--at", "5m").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), errNotLooked.Error())
	out, err = command("health", "shpo").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "the configuration has: shop, room")

	daemon := command("daemon")
	log := write("daemon.log", "")
	daemon.Stderr, err = os.OpenFile(log, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	require.NoError(t, daemon.Start())
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	url := ""
	require.Eventually(t, func() bool {
		said, err := os.ReadFile(log)
		require.NoError(t, err)
		if found := regexp.MustCompile(`(http://\S+)/health`).FindSubmatch(said); found != nil {
			url = string(found[1])
		}
		return url != ""
	}, time.Minute, 50*time.Millisecond)
	get := func(path string) (int, string) {
		r, err := http.Get(url + path)
		require.NoError(t, err)
		defer func() { require.NoError(t, r.Body.Close()) }()
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		return r.StatusCode, string(body)
	}
	says := func(status int, of map[string]health.Status) func() bool {
		return func() bool {
			code, body := get("/health")
			var v healthView
			require.NoError(t, json.Unmarshal([]byte(body), &v), body)
			for name, want := range of {
				if v.Checks[name].Status != want {
					return false
				}
			}
			return code == status && !v.Timestamp.IsZero()
		}
	}
	own := map[string]health.Status{"sitrep/store": health.Healthy, "sitrep/ladder": health.Healthy, "sitrep/prometheus": health.Healthy, "room": health.Healthy, "shop": health.Unhealthy}
	require.Eventually(t, says(http.StatusServiceUnavailable, own), time.Minute, 100*time.Millisecond)
	down.Store(false)
	own["shop"] = health.Healthy
	require.Eventually(t, says(http.StatusOK, own), time.Minute, 100*time.Millisecond)
	_, body := get("/metrics")
	require.Contains(t, body, `probe_success{check="shop",service="checkout",type="http"} 1`)
	require.Contains(t, body, "sitrep_ladder_held 1")
	code, _ := get("/-/healthy")
	require.Equal(t, http.StatusOK, code)
}
