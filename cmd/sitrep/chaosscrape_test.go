package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// A run without a Prometheus looks where its flags say, as its plan does.
func TestRunsScrapeWhatTheirFlagsSay(t *testing.T) {
	t.Parallel()
	metrics := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "shop_errors 0.25") }))
	defer metrics.Close()
	h := newHost(t)
	victim := exec.Command("sleep", "600")
	require.NoError(t, victim.Start())
	t.Cleanup(func() {
		_ = victim.Process.Kill()
		_ = victim.Wait()
	})
	file := func(name, text string) string {
		path := filepath.Join(h.state, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	config := file("sitrep.yaml", "prometheus: {url: http://127.0.0.1:1}\nchaos:\n  processes:\n    - {name: pay, service: pay, labels: {env: test}, pid_file: "+
		file("pid", strconv.Itoa(victim.Process.Pid))+"}\n")
	experiment := func(limit string) string {
		return file("pause.yaml", `name: pause
steady_state: [{name: errors, promql: shop_errors, expect: "`+limit+`"}]
guards: [{name: pain, promql: shop_errors, abort_when: "> 0.5", no_data: hold, reason: test}]
targets: {select: {name: pay}}
method: [{fault: process.pause, mechanism: sigstop, duration: 1s}]
recovery: 10s
`)
	}
	flags := []string{"--config", config, "--scrape", metrics.URL + "/metrics", "chaos", "run", experiment("< 0.5")}
	out, complaint, code := h.sitrep(append(flags, "--dry-run")...)
	require.Zero(t, code, complaint)
	require.Contains(t, out, "(Prometheus reads every 15s; ")
	out, complaint, code = h.sitrep(flags...)
	require.Zero(t, code, complaint)
	require.Regexp(t, `pain +> 0.5 +.*0.250\n`, out)
	experiment("< 0.2")
	_, complaint, code = h.sitrep(flags...)
	require.NotZero(t, code)
	require.Contains(t, complaint, "errors")

	experiment("< 0.5")
	_, complaint, code = h.sitrep(append([]string{"--rules", file("rules.yml", "groups: {")}, flags...)...)
	require.NotZero(t, code)
	require.Contains(t, complaint, "rules.yml", "they are read")
}
