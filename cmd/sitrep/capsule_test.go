package main

import (
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

// With no server at all a daemon scrapes, evaluates rules, and keeps what it scraped
// with the incident that they open; it is asked again when the daemon is gone.
func TestWithoutAnyServer(t *testing.T) {
	t.Parallel()
	began := time.Now()
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "# TYPE requests_total counter\nrequests_total %f\nload 5\n", 2*time.Since(began).Seconds())
	}))
	defer exporter.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	rules := write("rules.yml", "groups: [{name: g, rules: [{alert: Loaded, expr: load > 1, labels: {severity: critical}}]}]\n")
	write("shop.yaml", "title: Shop\nrange: 1m\nrefresh: 5s\npanels: [{title: load, promql: max(load)}]\n")
	config := write("sitrep.yaml", fmt.Sprintf("daemon: {listen: 127.0.0.1:%d}\nboards: [shop.yaml]\nembedded: {interval: 500ms}\n", freePort(t)))
	run := func(args ...string) (string, error) {
		cmd := exec.Command(binary, append([]string{"--config", config, "--db", filepath.Join(dir, "s.db")}, args...)...)
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir, "SUDO_USER=ana")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run("query", "load", "--scrape", exporter.URL+"/metrics")
	require.NoError(t, err, out)
	require.Contains(t, out, `job="scrape"`)

	daemon := exec.Command(binary, "--config", config, "--db", filepath.Join(dir, "s.db"), "--scrape", exporter.URL+"/metrics", "--rules", rules, "daemon")
	daemon.Env = append(os.Environ(), "XDG_STATE_HOME="+dir, "SUDO_USER=ana")
	require.NoError(t, daemon.Start())
	ended := make(chan error, 1)
	go func() { ended <- daemon.Wait() }()
	t.Cleanup(func() { _ = daemon.Process.Kill() }) // it may have ended
	require.Eventually(t, func() bool {
		out, err := run("incident", "list")
		return err == nil && strings.Contains(out, "Loaded")
	}, time.Minute, 200*time.Millisecond, "the rule opens an incident")
	require.Eventually(t, func() bool {
		out, err := run("query", "count_over_time(load[1m])", "--incident", "INC-1")
		return err == nil && strings.Contains(out, `job="scrape"`)
	}, time.Minute, 200*time.Millisecond, "it is kept while the incident goes on")
	require.NoError(t, daemon.Process.Signal(os.Interrupt))
	<-ended
	exporter.Close()
	out, err = run("query", "rate(requests_total[4s])", "--incident", "INC-1", "--json")
	require.NoError(t, err, out)
	require.Contains(t, out, `"value"`)
	require.Contains(t, out, "asked of what was recorded with INC-1")
	out, err = run("board", "show", "shop", "--incident", "INC-1")
	require.NoError(t, err, out)
	require.Contains(t, out, "board shop is asked of what was recorded with INC-1")
	require.Regexp(t, `load +5`, out)
	out, err = run("board", "show", "shop", "--incident", "INC-1", "--at", "2001-01-01T00:00:00Z")
	require.Error(t, err)
	require.Contains(t, out, "nothing is known of")
	out, err = run("query", "up", "--incident", "INC-9")
	require.Error(t, err)
	require.Contains(t, out, "INC-9")
}
