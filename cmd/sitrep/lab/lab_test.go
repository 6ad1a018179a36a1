package lab

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/fault"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
)

// TestMain lets this binary play the services, a parent that can be killed, and a
// process that runs the ladder.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "__lab-service" {
		os.Exit(ServiceMain(os.Args[2:], os.Stdin))
	}
	if len(os.Args) > 2 && os.Args[1] == "__lab-parent" {
		os.Exit(parentMain(os.Args[2]))
	}
	if text := os.Getenv(ladderEnv); text != "" {
		os.Exit(ladderMain(text))
	}
	// A process with the race detector waits a second before it ends: none that we start.
	if err := os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil { // these tests wait more than they work
		panic(err)
	}
	os.Exit(m.Run())
}

// parentMain is a lab in a process of its own, as `sitrep demo --headless` is.
func parentMain(dir string) int {
	l, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(l.Ready()); err != nil {
		return 1
	}
	if err := l.Run(context.Background()); err != nil {
		return 1
	}
	return 0
}

// patience and often are for waiting until real processes have done something;
// a test that passes does not wait longer than it has to.
const (
	patience = 60 * time.Second
	often    = 20 * time.Millisecond
)

// world is a running lab and what a test asks of it.
type world struct {
	*testing.T
	*Lab
	client *query.Client
}

func startWorld(t *testing.T) world {
	l, err := Start(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "lab")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	client, err := query.NewClient(query.Config{URL: l.Ready().Prometheus})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdle)
	return world{t, l, client}
}

// with is the same world for a part of a test.
func (w world) with(t *testing.T) world { return world{t, w.Lab, w.client} }

// get asks somebody and returns status and body; 0 if nobody answered.
func (w world) get(url string) (int, string) {
	w.Helper()
	res, err := chaos.LoopbackClient(10 * time.Second).Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(w, err)
	require.Equal(w, "1", res.Header.Get(chaos.LabHeader), url)
	return res.StatusCode, string(body)
}

func (w world) shop() int {
	w.Helper()
	status, _ := w.get(w.Ready().Services["storefront"] + "/")
	return status
}

func (w world) target(name string) chaos.Target {
	w.Helper()
	list, err := chaos.Targets(w.Context(), w.Ready().Targets)
	require.NoError(w, err)
	for _, t := range list {
		if t.Name == name {
			return t
		}
	}
	return chaos.Target{}
}

// send does what a fault's injector and an undo do.
func (w world) send(method, url string, body any) (int, string) {
	w.Helper()
	raw, err := json.Marshal(body)
	require.NoError(w, err)
	req, err := http.NewRequestWithContext(w.Context(), method, url, bytes.NewReader(raw))
	require.NoError(w, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := chaos.LoopbackClient(10 * time.Second).Do(req)
	require.NoError(w, err)
	defer res.Body.Close()
	require.Equal(w, "1", res.Header.Get(chaos.LabHeader))
	answer, err := io.ReadAll(res.Body)
	require.NoError(w, err)
	return res.StatusCode, string(answer)
}

func (w world) inject(name string, f chaos.ProxyFault) (faults string) {
	w.Helper()
	faults = w.target(name).Proxy + "/faults"
	if f.ExpiresAt.IsZero() {
		f.ExpiresAt = time.Now().Add(5 * time.Minute)
	}
	status, answer := w.send("POST", faults, f)
	require.Equal(w, http.StatusCreated, status, answer)
	return faults
}

func (w world) undo(faults, id string) {
	w.Helper()
	_, err := chaos.LocalHands{}.Do(w.Context(), chaos.HTTPDelete(faults, id))
	require.NoError(w, err)
	_, gone, err := chaos.LocalHands{}.Check(w.Context(), chaos.HTTPAbsent(faults, id))
	require.NoError(w, err)
	require.True(w, gone)
}

// ask evaluates PromQL over HTTP, as the screen does.
func (w world) ask(expr string) []query.Sample {
	w.Helper()
	samples, _, err := w.client.Instant(w.Context(), expr, time.Now())
	require.NoError(w, err)
	return samples
}

func (w world) eventually(ok func() bool, what string, args ...any) {
	w.Helper()
	require.Eventually(w, ok, patience, often, append([]any{what}, args...)...)
}

// One lab, because starting one costs the most.
func TestLab(t *testing.T) {
	alone := goleak.IgnoreCurrent()
	var children []chaos.Process
	t.Run("alive", func(t *testing.T) {
		w := startWorld(t)
		for name := range w.Ready().Services {
			p, err := w.target(name).Process()
			require.NoError(t, err)
			children = append(children, p)
		}
		for _, part := range []struct {
			name string
			test func(world)
		}{
			{"the shop answers", testShopAnswers},
			{"the usual metrics are there", testMetrics},
			{"no panel and no guard is blind", testNothingIsBlind},
			{"a fault acts until it is undone", testFaultUntilUndone},
			{"a fault ends by itself", testFaultExpires},
			{"an undo frees those who wait", testUndoFrees},
			{"who is killed comes back", testKilled},
			{"the shop does without inventory", testWithoutInventory},
			{"alerts fire", testAlerts},
			{"load arrives", testLoad},
			{"the ledger tells", testLedger},
		} {
			t.Run(part.name, func(t *testing.T) { part.test(w.with(t)) })
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, w.Lab.Run(ctx))
		require.NoError(t, w.Close())
		require.NoError(t, w.Close(), "a second Close does nothing")
		require.NoError(t, w.Lab.Run(t.Context()), "a closed lab has not failed")
		require.Equal(t, 0, w.shop())
	})
	for _, p := range children {
		require.False(t, p.Alive(), "process %d outlived its lab", p.PID)
	}
	goleak.VerifyNone(t, alone)
}

func testShopAnswers(w world) {
	require.Equal(w, http.StatusOK, w.shop())
	require.Len(w, w.Ready().Services, 5)
	for name, url := range w.Ready().Services {
		status, body := w.get(url + "/health")
		require.Equal(w, http.StatusOK, status, name)
		require.Contains(w, body, `"instance":"`+name+`"`)

		target := w.target(name)
		require.Equal(w, url, target.URL)
		require.Equal(w, map[string]string{"service": target.Service, "job": target.Service, "instance": name, "env": "lab"}, target.Labels)
		require.Equal(w, name != "storefront", target.Proxy != "", name)
		p, err := target.Process()
		require.NoError(w, err)
		require.True(w, p.Alive())
	}
	require.True(w, strings.HasPrefix(w.target("payments-2").Service, "payments"))
}

func testMetrics(w world) {
	w.eventually(func() bool {
		up := w.ask(`sum by (job) (rate(http_requests_total[10s])) > 1`)
		each := w.ask(`sum by (instance) (rate(http_requests_total[10s])) > 0`)
		return len(up) == 4 && len(each) == 5
	}, "traffic reaches every service, and both of payments")
	up := w.ask(`sum(up{env="lab"})`)
	require.Len(w, up, 1)
	require.InDelta(w, 5, up[0].Value, 0)
	for _, expr := range []string{
		`count(http_request_duration_seconds_bucket{le="+Inf"})`, `count(process_cpu_seconds_total)`, `count(process_resident_memory_bytes)`, `count(http_requests_in_flight)`,
	} {
		n := w.ask(expr)
		require.Len(w, n, 1, expr)
		require.InDelta(w, 5, n[0].Value, 0, expr)
	}
	w.eventually(func() bool {
		ratio := w.ask(`sum(rate(http_requests_total{job="storefront",code=~"5.."}[10s])) / sum(rate(http_requests_total{job="storefront"}[10s]))`)
		return len(ratio) == 1 && ratio[0].Value == 0
	}, "a shop without errors has a ratio of 0, not none")
	seen := w.ask(`sum by (peer) (rate(http_client_requests_total{job="checkout",code="200"}[10s]))`)
	require.Len(w, seen, 3, "checkout asks both payments and inventory")
}

// Every panel has data in a healthy shop, and every probe and guard has one
// number, else its experiment would be refused.
func testNothingIsBlind(w world) {
	dir := filepath.Dir(w.Ready().Config)
	for _, b := range load(w.T, dir, "boards/*.yaml", query.LoadBoard) {
		for _, p := range b.Panels {
			for _, q := range p.Queries {
				if p.Type.Asks() {
					w.eventually(func() bool { return len(w.ask(q.Expr)) > 0 }, "%s has data", p.Title)
				}
			}
		}
	}
	for _, e := range load(w.T, dir, "experiments/*.yaml", loadExperiment) {
		for _, p := range e.SteadyState {
			w.eventually(func() bool {
				v := w.ask(p.PromQL)
				return len(v) == 1 && p.Expect.Holds(v[0].Value)
			}, "%s: %s is healthy", e.Name, p.Name)
		}
		for _, g := range e.Guards {
			v := w.ask(g.PromQL)
			require.Len(w, v, 1, e.Name)
			require.False(w, g.AbortWhen.Holds(v[0].Value), e.Name)
		}
		plan, err := chaos.Means{Faults: fault.All(), Policy: chaos.DefaultPolicy()}.Preview(w.Context(), e, chaos.Ask{
			ID: "01JDQ000000000000000000000", Seed: 1, StateDir: w.T.TempDir(), Sources: chaos.Sources{URL: w.Ready().Targets},
		})
		require.NoError(w, err, "nothing refuses to hurt the lab")
		require.NoError(w, plan.Refused, e.Name)
		require.Contains(w, plan.Text, e.Name)
	}
}

func testFaultUntilUndone(w world) {
	faults := w.inject("checkout", chaos.ProxyFault{ID: "e-1", ErrorRatio: 1, ErrorStatus: 503})
	require.Equal(w, http.StatusServiceUnavailable, w.shop())
	list, err := chaos.ListFaults(w.Context(), faults)
	require.NoError(w, err)
	require.Equal(w, "checkout", list.Instance)
	require.Equal(w, "checkout", list.Service)
	require.Len(w, list.Faults, 1)
	require.Positive(w, *list.Faults[0].Hits)
	status, answer := w.send("POST", faults, list.Faults[0])
	require.Equal(w, http.StatusBadRequest, status, answer)

	w.undo(faults, "e-1")
	require.Equal(w, http.StatusOK, w.shop())
	w.undo(faults, "e-1") // again is harmless
	status, answer = w.send("POST", faults, chaos.ProxyFault{ID: "e-1", ErrorRatio: 1, ErrorStatus: 503, ExpiresAt: time.Now().Add(time.Minute)})
	require.Equal(w, http.StatusGone, status, "a late injection brought a fault back: %s", answer)
	require.Equal(w, http.StatusOK, w.shop())
}

func testFaultExpires(w world) {
	faults := w.inject("checkout", chaos.ProxyFault{ID: "x-1", ErrorRatio: 1, ErrorStatus: 500, ExpiresAt: time.Now().Add(time.Second)})
	require.Equal(w, http.StatusBadGateway, w.shop())
	w.eventually(func() bool { return w.shop() == http.StatusOK }, "the shop is healthy again without an undo")
	list, err := chaos.ListFaults(w.Context(), faults)
	require.NoError(w, err)
	require.Empty(w, list.Faults)
}

func testUndoFrees(w world) {
	faults := w.inject("checkout", chaos.ProxyFault{ID: "l-1", LatencyMS: 60_000})
	answered := make(chan int, 1)
	go func() {
		status, _ := w.get(w.Ready().Services["storefront"] + "/")
		answered <- status
	}()
	w.eventually(func() bool {
		list, err := chaos.ListFaults(w.Context(), faults)
		return err == nil && len(list.Faults) == 1 && *list.Faults[0].Hits > 0
	}, "somebody waits")
	began := time.Now()
	w.undo(faults, "l-1")
	require.Contains(w, []int{http.StatusOK, http.StatusGatewayTimeout}, <-answered)
	require.Less(w, time.Since(began), 10*time.Second, "who waits goes on once the fault is undone")
}

func testKilled(w world) {
	before := w.target("inventory")
	p, err := before.Process()
	require.NoError(w, err)
	require.NoError(w, p.Signal(syscall.SIGKILL))
	w.eventually(func() bool { return w.target("inventory").PID != before.PID }, "the list has no dead process")
	w.eventually(func() bool { return w.target("inventory").PID != 0 }, "inventory is back")
	after := w.target("inventory")
	require.Equal(w, before.URL, after.URL)
	require.Equal(w, before.Proxy, after.Proxy)
	status, _ := w.get(after.URL + "/")
	require.Equal(w, http.StatusOK, status)
	require.False(w, p.Alive())
}

func testWithoutInventory(w world) {
	faults := w.inject("inventory", chaos.ProxyFault{ID: "i-1", ErrorRatio: 1, ErrorStatus: 503})
	require.Equal(w, http.StatusOK, w.shop())
	w.undo(faults, "i-1")
}

// What F5 and F6 do, both at once: one payments instance too slow, the other
// stopped.
func testAlerts(w world) {
	paused := w.target("payments-2")
	p, err := paused.Process()
	require.NoError(w, err)
	require.NoError(w, p.Signal(syscall.SIGSTOP))
	defer func() { require.NoError(w, p.Signal(syscall.SIGCONT)) }()
	faults := w.inject("payments-1", chaos.ProxyFault{ID: "p-1", LatencyMS: 1500, JitterMS: 200})

	firing := func(alert, service string) map[string]string {
		alerts, err := w.client.Alerts(w.Context())
		require.NoError(w, err)
		for _, a := range alerts {
			if a.State == "firing" && a.Labels["alertname"] == alert && a.Labels["service"] == service {
				require.NotEmpty(w, a.Annotations["summary"])
				require.NotContains(w, a.Annotations["summary"], "error expanding")
				return a.Labels
			}
		}
		return nil
	}
	src, err := os.ReadFile(filepath.Join(filepath.Dir(w.Ready().Config), "policy.yaml"))
	require.NoError(w, err)
	policy, err := escalation.LoadPolicy("policy.yaml", src)
	require.NoError(w, err)
	for _, want := range []struct {
		alert, service string
		opens          incident.Severity
	}{
		{"HighErrorRate", "storefront", incident.Sev1},
		{"HighLatency", "checkout", incident.Sev3},
		{"ServiceDown", "payments", incident.Sev2},
	} {
		var labels map[string]string
		w.eventually(func() bool {
			labels = firing(want.alert, want.service)
			return labels != nil
		}, "%s fires for %s", want.alert, want.service)
		severity, auto, ok := policy.DeclareFor(labels)
		require.True(w, ok, want.alert)
		require.Equal(w, want.opens, severity, want.alert)
		require.False(w, auto, "%s opened an incident before anybody had looked", want.alert)
		require.Equal(w, "lab", labels["env"])
	}
	// The rule as it is often printed compares nothing with anything.
	printed := w.ask(`rate(http_requests_total{job="storefront",code=~"5.."}[10s]) / rate(http_requests_total{job="storefront"}[10s]) > 0.05`)
	require.NotEmpty(w, printed)
	for _, s := range printed {
		require.InDelta(w, 1, s.Value, 0)
	}

	state, err := p.State()
	require.NoError(w, err)
	require.Equal(w, byte('T'), state, "a stopped process is left alone")
	require.Equal(w, paused, w.target("payments-2"))
	w.undo(faults, "p-1")
}

func testLoad(w world) {
	w.eventually(func() bool {
		status, _ := w.get(w.target("payments-2").URL + "/health")
		return status == http.StatusOK && w.shop() == http.StatusOK
	}, "who was stopped answers again")
	file := filepath.Join(filepath.Dir(w.Ready().Config), "plans", "smoke.yaml")
	src, err := os.ReadFile(file)
	require.NoError(w, err)
	plan, err := loadtest.LoadPlan(file, src)
	require.NoError(w, err)
	plan.Stages = []loadtest.Stage{{From: 10, To: 10, For: 20 * time.Second}}
	before, failedBefore := w.answered("storefront")
	result, err := loadtest.Run(w.Context(), plan, func(loadtest.Progress) {})
	require.NoError(w, err)
	require.EqualValues(w, 200, result.Requests)
	after, failed := w.answered("storefront")
	require.GreaterOrEqual(w, after-before, 200, "the shop has seen them all")
	// A shop gives up on what takes a second, which on a busy machine happens: it says so
	// itself, then, and nothing else goes wrong.
	require.LessOrEqual(w, result.Errors, int64(failed-failedBefore), "%v", result.ErrorsByClass)
	require.EqualValues(w, result.Errors, result.ErrorsByClass["5xx"].Count, "%v", result.ErrorsByClass)
}

// answered is how many requests a service has answered, and how many of them with an error.
func (w world) answered(service string) (all, failed int) {
	w.Helper()
	status, text := w.get(w.Ready().Services[service] + "/metrics")
	require.Equal(w, http.StatusOK, status)
	for line := range strings.Lines(text) {
		var code string
		var n int
		if _, err := fmt.Sscanf(line, "http_requests_total{code=%q,method=\"get\"} %d", &code, &n); err == nil {
			all += n
			if code[0] == '5' {
				failed += n
			}
		}
	}
	require.NotZero(w, all)
	return all, failed
}

func testLedger(w world) {
	dir := filepath.Dir(w.Ready().Config)
	secret := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, "secrets", name))
		require.NoError(w, err)
		return strings.TrimSpace(string(b))
	}
	status, answer := w.send("POST", w.Ready().PagerDuty+"/v2/enqueue", map[string]any{
		"routing_key": secret("pagerduty-primary"), "event_action": "trigger", "dedup_key": "k",
		"payload": map[string]string{"summary": "Checkout 5xx", "source": "test", "severity": "critical"},
	})
	require.Equal(w, http.StatusAccepted, status, answer)
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPost, w.Ready().Slack+"/api/chat.postMessage", strings.NewReader(`{"channel":"#incidents","text":"SEV-1 Checkout 5xx"}`))
	require.NoError(w, err)
	req.Header.Set("Authorization", "Bearer "+secret("slack-bot-token"))
	req.Header.Set("Content-Type", "application/json")
	res, err := chaos.LoopbackClient(10 * time.Second).Do(req)
	require.NoError(w, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(w, err)
	require.NoError(w, res.Body.Close())
	require.Contains(w, string(body), `"ok":true`)

	entries := w.Ledger()
	require.Len(w, entries, 2)
	require.Equal(w, "pagerduty", entries[0].Service)
	require.Contains(w, entries[0].Summary, "Checkout 5xx")
	require.Equal(w, "slack", entries[1].Service)
	require.Contains(w, entries[1].Summary, "#incidents")
	_, shown := w.get(w.Ready().PagerDuty + "/ledger")
	require.Contains(w, shown, "Checkout 5xx")
	require.NotContains(w, shown, "SEV-1", "each stand-in has a ledger of its own")
}

// kill -9 of the lab leaves no process behind, not even a stopped one.
func TestChildrenDieWithTheirParent(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	parent := exec.Command(self, "__lab-parent", t.TempDir())
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	parent.Stderr = os.Stderr
	require.NoError(t, parent.Start())
	defer func() {
		_ = parent.Process.Kill()
		_ = parent.Wait() // it was killed, and says so
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err)
	var ready Ready
	require.NoError(t, json.Unmarshal(line, &ready))
	targets, err := chaos.Targets(t.Context(), ready.Targets)
	require.NoError(t, err)
	require.Len(t, targets, 5)
	var children []chaos.Process
	for _, target := range targets {
		p, err := target.Process()
		require.NoError(t, err)
		children = append(children, p)
	}
	require.NoError(t, children[0].Signal(syscall.SIGSTOP))

	require.NoError(t, parent.Process.Kill())
	for _, p := range children {
		require.Eventually(t, func() bool { return !p.Alive() }, patience, often, "process %d outlived its parent", p.PID)
	}
}

func TestStartSaysWhatFailed(t *testing.T) {
	alone := goleak.IgnoreCurrent()
	for name, c := range map[string]struct{ executable, says string }{
		"no such program":      {"/nonexistent/sitrep", "/nonexistent/sitrep: no such file or directory"},
		"not the services":     {"/bin/false", "ended before it was healthy"},
		"says why before that": {"/bin/ls", "invalid option"},
	} {
		dir := filepath.Join(t.TempDir(), "lab")
		l, err := Start(t.Context(), Options{Dir: dir, Executable: c.executable})
		require.Nil(t, l, name)
		require.ErrorContains(t, err, c.says, name)
		require.NotContains(t, err.Error(), "\n", name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Start(ctx, Options{Dir: t.TempDir()})
	require.ErrorIs(t, err, context.Canceled)
	_, err = Start(t.Context(), Options{})
	require.ErrorContains(t, err, "directory")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = Start(t.Context(), Options{Dir: file})
	require.ErrorContains(t, err, file)
	goleak.VerifyNone(t, alone)
}
