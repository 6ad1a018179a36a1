package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// outpost is a place to run commands in, with a configuration, a board and a store.
type outpost struct {
	t    *testing.T
	dir  string
	prom string

	scrape string // what a server without targets says how often it scrapes; "" = 15s
}

const evidenceBoard = `
title: Prometheus itself
range: 1m
refresh: 1s
panels:
  - {title: up, promql: up, legend: "{{job}}", signal: true, better: higher, thresholds: [{value: 1, state: crit}]}
  - {title: head series, promql: prometheus_tsdb_head_series, signal: true, thresholds: [{value: 10, state: warn}]}
  - {title: requests, promql: 'sum by (handler) (rate(prometheus_http_requests_total[10s]))', legend: "{{handler}}"}
  - {title: no such metric, promql: no_such_metric}
`

func newOutpost(t *testing.T) *outpost {
	h := &outpost{t: t, dir: t.TempDir(), prom: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	h.write("board.yaml", evidenceBoard)
	h.write("sitrep.yaml", "prometheus: {url: 'http://"+h.prom+"'}\nboards: [board.yaml]\ndaemon: {listen: '127.0.0.1:0'}\nevidence: {compact_after: 30d}\n")
	return h
}

func (h *outpost) write(name, text string) {
	h.t.Helper()
	require.NoError(h.t, os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600))
}

func (h *outpost) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, append([]string{"--config", filepath.Join(h.dir, "sitrep.yaml"), "--db", filepath.Join(h.dir, "s.db")}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+h.dir, "XDG_STATE_HOME="+h.dir, "SUDO_USER=ana")
	return cmd
}

// sitrep runs a command; what it exits with is the page's business here.
func (h *outpost) sitrep(args ...string) string {
	h.t.Helper()
	var errs strings.Builder
	cmd := h.command(args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		require.NoError(h.t, err)
	}
	return string(out) + errs.String()
}

// prometheus runs Debian's, which scrapes itself, until stop, which takes its data
// away too.
func (h *outpost) prometheus() (stop func()) {
	h.t.Helper()
	_, err := exec.LookPath("prometheus")
	require.NoError(h.t, err, "prometheus is missing: run make setup")
	h.write("prometheus.yml", "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: self, static_configs: [{targets: ['"+h.prom+"']}]}]\n")
	data := filepath.Join(h.dir, "data")
	cmd := exec.Command("prometheus", "--config.file="+filepath.Join(h.dir, "prometheus.yml"), "--storage.tsdb.path="+data, "--web.listen-address="+h.prom)
	require.NoError(h.t, cmd.Start())
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			require.NoError(h.t, cmd.Process.Signal(os.Interrupt))
			_ = cmd.Wait()
			require.NoError(h.t, os.RemoveAll(data))
		}
	}
	h.t.Cleanup(stop)
	require.Eventually(h.t, func() bool {
		res, err := http.Get("http://" + h.prom + "/api/v1/query?query=count_over_time(up[1m])>5")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		var a struct{ Data struct{ Result []any } }
		return json.NewDecoder(res.Body).Decode(&a) == nil && len(a.Data.Result) > 0
	}, time.Minute, 100*time.Millisecond)
	return stop
}

func (h *outpost) views() (views []evidenceView) {
	h.t.Helper()
	require.NoError(h.t, json.Unmarshal([]byte(h.sitrep("incident", "evidence", "INC-1", "--json")), &views))
	return views
}

// A server that is gone with all its data takes nothing away from an incident that
// commands alone declared and resolved.
func TestEvidenceOutlivesPrometheus(t *testing.T) {
	t.Parallel()
	h := newOutpost(t)
	stop := h.prometheus()
	h.sitrep("incident", "declare", "--severity", "SEV-4", "--title", "Too many series")
	h.sitrep("incident", "did", "INC-1", "removed a target", "--mitigates")
	h.sitrep("incident", "resolve", "INC-1", "--resolution", "removed a target")
	stop()

	views := h.views()
	require.Len(t, views, 3)
	for i, what := range []string{"declared", "mitigated", "resolved"} {
		v := views[i]
		require.Equal(t, []any{what, "kept", "board", 4}, []any{v.What, v.State, v.Board, v.Panels})
		require.Greater(t, v.Values, 10)
	}
	list := h.sitrep("incident", "evidence", "INC-1")
	require.Contains(t, list, "resolved")
	resolved := fmt.Sprint(views[2].Event)
	shown := h.sitrep("incident", "evidence", "INC-1", resolved)
	require.Contains(t, shown, "http://"+h.prom)
	require.Regexp(t, `(?m)^up +self +1 +1 +1 `, shown)
	require.Regexp(t, `(?m)^no such metric +no series`, shown)
	var boards []struct {
		Panels []struct {
			Title  string
			Series []struct{ Values []*float64 }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(h.sitrep("incident", "evidence", "INC-1", views[2].EventID, "--json")), &boards))
	require.Equal(t, "head series", boards[0].Panels[1].Title)
	values := boards[0].Panels[1].Series[0].Values
	require.Greater(t, *values[len(values)-1], 10.0)
	require.Contains(t, h.sitrep("incident", "evidence", "INC-1", resolved, "--csv"), "board,up,self,")

	h.sitrep("postmortem", "draft", "INC-1") // anew, with nobody to ask
	draft := h.sitrep("postmortem", "show", "INC-1")
	require.Regexp(t, `Worst values: head series .* at \d\d:\d\d:\d\d`, draft)
	require.Regexp(t, `kept series +peak .* at \d\d:\d\d:\d\d, beyond 10 from \d\d:\d\d:\d\d to \d\d:\d\d:\d\d, range \d\d:\d\d:\d\d to \d\d:\d\d:\d\d, step 1s`, draft)
	require.Contains(t, draft, "Peaks are of the series that were kept when it was declared")
	require.NotContains(t, draft, "evidence.captured", "what was kept is no part of the story")
	require.Contains(t, h.sitrep("store", "check"), "ok")

	// By hand, and then everything is gone but what the events say.
	require.Contains(t, h.sitrep("store", "compact", "--dry-run"), "would be taken: nothing is old enough")
	require.Contains(t, h.sitrep("store", "compact", "--drop-after", "1h"), "drop_after must be 1d or longer")
}

// A moment that a command made with the server out of reach is kept by the daemon
// that starts later.
func TestTheDaemonKeepsWhatACommandCouldNot(t *testing.T) {
	t.Parallel()
	h := newOutpost(t)
	h.prometheus()
	h.sitrep("--prometheus", "http://127.0.0.1:1", "incident", "declare", "--severity", "SEV-4", "--title", "x")
	require.Equal(t, "not kept", h.views()[0].State)
	daemon := h.command("daemon")
	require.NoError(t, daemon.Start())
	defer func() {
		require.NoError(t, daemon.Process.Signal(syscall.SIGTERM))
		_ = daemon.Wait()
	}()
	require.Eventually(t, func() bool { return h.views()[0].State == "kept" }, time.Minute, seldom)
	h.sitrep("incident", "resolve", "INC-1", "--resolution", "y")
	require.Eventually(t, func() bool { v := h.views(); return len(v) == 2 && v[1].State == "kept" }, time.Minute, seldom)
	require.Eventually(t, func() bool {
		return strings.Contains(h.sitrep("postmortem", "show", "INC-1"), "declared")
	}, time.Minute, seldom)
	require.Contains(t, h.sitrep("postmortem", "show", "INC-1"), "and resolved (", "the draft follows what was kept after the end")
}
