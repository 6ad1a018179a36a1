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
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/alert"
)

// alertWorld is a target that may be broken, a real Prometheus that scrapes it, a real
// Alertmanager that it tells, and a sitrep daemon that both tell.
type alertWorld struct {
	t               *testing.T
	dir, config, db string
	broken          atomic.Int64
}

// tail is what a process wrote last.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *tail) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *tail) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// process runs until the end of the test, which ends it by its own process.
func (w *alertWorld) process(name string, args ...string) *tail {
	path, err := exec.LookPath(name)
	require.NoError(w.t, err, "the tests need %s, which is missing: run make setup", name)
	out := &tail{}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = w.dir, out, out
	cmd.Env = append(os.Environ(), w.env()...)
	require.NoError(w.t, cmd.Start())
	w.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if w.t.Failed() {
			w.t.Logf("%s wrote:\n%s", name, out)
		}
	})
	return out
}

func (w *alertWorld) env() []string {
	return []string{"HOOK_TOKEN=s3cret", "XDG_STATE_HOME=" + w.dir, "HOME=" + w.dir, "SUDO_USER=ana"}
}

func (w *alertWorld) write(name, text string) string {
	path := filepath.Join(w.dir, name)
	require.NoError(w.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// sitrep runs a command, with the code 0.
func (w *alertWorld) sitrep(args ...string) string {
	w.t.Helper()
	cmd := exec.Command(binary, append([]string{"--config", w.config, "--db", w.db}, args...)...)
	cmd.Env = append(os.Environ(), w.env()...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	require.NoError(w.t, err, "%v: %s%s", args, out.String(), errs.String())
	return out.String()
}

// read decodes what a command prints; false if it does not yet.
func (w *alertWorld) read(into any, args ...string) {
	require.NoError(w.t, json.Unmarshal([]byte(w.sitrep(append(args, "--json")...)), into), args)
}

func (w *alertWorld) kinds(id string) map[incident.Kind]int {
	var events []incident.Event
	w.read(&events, "incident", "timeline", id, "--all")
	count := map[incident.Kind]int{}
	for _, e := range events {
		count[e.Kind]++
	}
	return count
}

// refused runs a command that fails, and returns its code and what it says.
func (w *alertWorld) refused(args ...string) (int, string) {
	w.t.Helper()
	cmd := exec.Command(binary, append([]string{"--config", w.config, "--db", w.db}, args...)...)
	cmd.Env = append(os.Environ(), w.env()...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(w.t, err, &exit, "%s", out)
	return exit.ExitCode(), string(out)
}

// seenByTheDoctor looks at what the doctor says of the servers: a member of the
// cluster that is gone, one that is there, and the daemon that listens.
func (w *alertWorld) seenByTheDoctor() {
	_, said := w.refused("doctor")
	require.Regexp(w.t, `alertmanager +WRONG +.*http://127\.0\.0\.1:1: connection refused`, said)
	require.Regexp(w.t, `alertmanager +ok +http://127\.0\.0\.1:[0-9]+ [0-9]+\.[0-9.]+, alone`, said)
	require.Regexp(w.t, `alertmanager\.webhook +ok +a sitrep listens at 127\.0\.0\.1:[0-9]+, with a token`, said)
	require.Regexp(w.t, `alertmanager\.webhook\.token +ok +can be read`, said)
	require.NotContains(w.t, said, "s3cret")
}

func startAlertWorld(t *testing.T) *alertWorld {
	w := &alertWorld{t: t, dir: t.TempDir()}
	w.db = filepath.Join(w.dir, "s.db")
	target := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintf(rw, "broken %d\n", w.broken.Load()) }))
	t.Cleanup(target.Close)
	address := func() string { return fmt.Sprintf("127.0.0.1:%d", freePort(t)) }
	prometheus, manager, hook := address(), address(), address()
	rules := w.write("rules.yml", `
groups:
- name: shop
  rules:
  - {alert: Broken, expr: "last_over_time(broken[1m]) == 1", for: 1s, labels: {severity: critical, service: shop}, annotations: {summary: "the shop is broken"}}
`)
	w.write("prometheus.yml", fmt.Sprintf(`
global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms, external_labels: {replica: a}}
rule_files: [%q]
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
scrape_configs: [{job_name: shop, static_configs: [{targets: [%q]}]}]
`, rules, manager, strings.TrimPrefix(target.URL, "http://")))
	w.write("alertmanager.yml", fmt.Sprintf(`
route: {receiver: sitrep, group_by: [alertname], group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}
receivers:
- name: sitrep
  webhook_configs: [{url: "http://%s/", http_config: {authorization: {credentials: s3cret}}}]
`, hook))
	w.config = w.write("sitrep.yaml", fmt.Sprintf(`
prometheus: {url: "http://%s"}
alertmanager: {url: ["http://127.0.0.1:1", "http://%s"], interval: 1h, webhook: {listen: %q, token: env:HOOK_TOKEN}}
daemon: {listen: "127.0.0.1:0"}
contexts: {prod: {prod: true}}
policy:
  ladders: {default: [{level: L1, respond_within: 5m, until: acknowledged, notify: []}]}
  severities: {SEV-1: {reaches: L1}, SEV-2: {reaches: L1}, SEV-3: {reaches: L1}, SEV-4: {reaches: L1}}
  declare: [{match: {severity: critical}, severity: SEV-2, auto: true}]
`, prometheus, manager, hook))
	w.process("prometheus-alertmanager", "--config.file="+filepath.Join(w.dir, "alertmanager.yml"), "--storage.path="+filepath.Join(w.dir, "am"), "--web.listen-address="+manager, "--cluster.listen-address=")
	w.process("prometheus", "--config.file="+filepath.Join(w.dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(w.dir, "data"), "--web.listen-address="+prometheus)
	w.process(binary, "--config", w.config, "--db", w.db, "daemon")
	for _, address := range []string{prometheus, manager, hook} {
		require.Eventually(t, func() bool {
			answer, err := http.Get("http://" + address + "/-/healthy")
			if err != nil {
				return false
			}
			_ = answer.Body.Close()
			return answer.StatusCode == http.StatusOK
		}, time.Minute, 20*time.Millisecond, address)
	}
	return w
}

// A rule fires in a real Prometheus, and a real Alertmanager tells of it: an
// incident. A silence that lasts as long as the incident hides it there.
func TestFromTheRuleToTheIncidentAndTheSilence(t *testing.T) {
	t.Parallel()
	w := startAlertWorld(t)
	w.broken.Store(1)
	var incidents []struct {
		ID     string            `json:"id"`
		Title  string            `json:"title"`
		Labels map[string]string `json:"labels"`
	}
	require.Eventually(t, func() bool {
		w.read(&incidents, "incident", "list")
		return len(incidents) > 0
	}, time.Minute, seldom, "the alert opens no incident")
	require.Len(t, incidents, 1)
	require.Equal(t, "the shop is broken", incidents[0].Title)
	require.Equal(t, "a", incidents[0].Labels["replica"], "Alertmanager told it, with the external labels")
	id := incidents[0].ID

	var list []alert.Alert
	w.read(&list, "alert", "list")
	require.Len(t, list, 1, "from both sources, and one")
	require.NotContains(t, list[0].Labels, "replica")
	require.Contains(t, w.sitrep("alert", "silence", "preview", "service=shop"), "would hide 1 of 1 alert")
	w.sitrep("alert", "silence", "create", "alertname=Broken", `service=~"sh.*"`, "--incident", id, "--until-resolved")
	require.Eventually(t, func() bool {
		w.read(&list, "alert", "list")
		return len(list) == 1 && len(list[0].Silenced) == 1
	}, time.Minute, seldom, "it is silenced")
	var there []silenceView
	w.read(&there, "alert", "silence", "list")
	require.Len(t, there, 1)
	require.Equal(t, "ana", there[0].CreatedBy)
	require.Equal(t, "the shop is broken ("+id+")", there[0].Comment)
	require.Contains(t, w.sitrep("alert", "silence", "extend", there[0].ID, "--for", "4h"), there[0].ID)

	w.sitrep("incident", "resolve", id, "--resolution", "a test")
	require.Eventually(t, func() bool {
		w.read(&there, "alert", "silence", "list")
		return len(there) == 0
	}, time.Minute, seldom, "the silence ends with the incident")
	require.Eventually(t, func() bool { return w.kinds(id)[incident.SilenceExpired] == 1 }, time.Minute, seldom)
	require.Equal(t, 2, w.kinds(id)[incident.AlertSilenced], "made, and made longer")

	other := strings.TrimSpace(w.sitrep("alert", "silence", "create", "alertname=Broken", "--comment", "by hand"))
	code, said := w.refused("--context", "prod", "alert", "silence", "expire", other)
	require.Equal(t, exitRefused, code)
	require.Contains(t, said, "context prod is production, and read-only: to do this to Broken say --write --confirm Broken")
	_, said = w.refused("--context", "prod", "--write", "alert", "silence", "expire", other)
	require.Contains(t, said, "context prod is production: to do this to Broken say --confirm Broken")
	require.Contains(t, w.sitrep("--context", "prod", "--write", "--confirm", "Broken", "alert", "silence", "expire", other), "ended")
	w.seenByTheDoctor()
	require.Contains(t, w.sitrep("alert", "list", "--group"), "Broken")
	w.read(&incidents, "incident", "list")
	require.Len(t, incidents, 1, "it went on firing, and was told once")
	w.broken.Store(0)
	require.Eventually(t, func() bool { return strings.Contains(w.sitrep("alert", "list"), "nothing fires") }, time.Minute, seldom)
	require.Contains(t, w.sitrep("alert", "stats"), "Broken")
}
