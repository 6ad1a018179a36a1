package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
)

// These tests stop and kill a real Prometheus, the one that `make setup` installs.

// debian is a server at an address of its own, so that it can be started again.
type debian struct {
	t           testing.TB
	dir, listen string
	args        []string // beside the usual ones
	cmd         *exec.Cmd
	ended       chan struct{}
}

func newDebian(t testing.TB, config string, args ...string) *debian {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := &debian{t: t, dir: t.TempDir(), listen: l.Addr().String(), args: args}
	require.NoError(t, l.Close())
	rules := filepath.Join(d.dir, "rules.yml")
	require.NoError(t, os.WriteFile(rules, []byte(realRules), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(d.dir, "prometheus.yml"), []byte(strings.ReplaceAll(config, "RULES", rules)), 0o600))
	t.Cleanup(d.kill)
	d.start()
	return d
}

const realRules = `
groups:
- name: shop
  rules:
  - record: job:requests:rate
    expr: sum by (job) (rate(requests_total[4s]))
  - alert: Loaded
    expr: job:requests:rate > 1
    for: 1s
    labels: {severity: critical}
    annotations: {summary: '{{ $labels.job }} is loaded'}
`

func (d *debian) url() string { return "http://" + d.listen }

func (d *debian) client() *query.Client {
	c, err := query.NewClient(query.Config{URL: d.url()})
	require.NoError(d.t, err)
	d.t.Cleanup(c.CloseIdle)
	return c
}

func (d *debian) start() {
	d.t.Helper()
	binary, err := exec.LookPath("prometheus")
	require.NoError(d.t, err, "the tests need prometheus, which is missing: run make setup")
	args := append([]string{"--config.file=" + filepath.Join(d.dir, "prometheus.yml"), "--web.listen-address=" + d.listen, "--storage.tsdb.path=" + filepath.Join(d.dir, "data")}, d.args...)
	d.cmd = exec.Command(binary, args...)
	require.NoError(d.t, d.cmd.Start())
	d.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // however it ended
		close(ended)
	}(d.cmd, d.ended)
	c := d.client()
	require.Eventually(d.t, func() bool { _, err := c.Ready(d.t.Context()); return err == nil }, time.Minute, 20*time.Millisecond)
}

func (d *debian) signal(s os.Signal) { require.NoError(d.t, d.cmd.Process.Signal(s)) }

func (d *debian) kill() {
	_ = d.cmd.Process.Kill() // it may have ended
	<-d.ended
}

// counting is an exporter whose counter grows by 2 a second.
func counting(t testing.TB) string {
	t.Helper()
	began := time.Now()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total %f\n", 2*time.Since(began).Seconds())
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

const countingConfig = `
global: {scrape_interval: %s, scrape_timeout: %s, evaluation_interval: 500ms, external_labels: {region: eu}}
rule_files: [RULES]
scrape_configs:
- job_name: shop
  static_configs: [{targets: ['%s', '%s'], labels: {env: lab}}]
  metric_relabel_configs: [{source_labels: [__name__], regex: 'go_.*', action: drop}]
- job_name: gone
  static_configs: [{targets: ['127.0.0.1:1']}]
- job_name: secret
  basic_auth: {username: u, password: swordfish}
  static_configs: [{targets: ['%s']}]
`

// memory is where a Standby keeps what it learned.
type memory struct {
	mu   sync.Mutex
	l    embedded.Learned
	said []string
}

func (m *memory) load(context.Context) (embedded.Learned, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.l, nil
}

func (m *memory) save(_ context.Context, l embedded.Learned) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.l = l
	return nil
}

func (m *memory) problem(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said = append(m.said, text)
}

func (m *memory) learned() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.l.Targets)
}

func standIn(t testing.TB, d *debian, mode embedded.Mode) (*embedded.Standby, *memory) {
	t.Helper()
	m := &memory{}
	c := d.client()
	s, err := embedded.NewStandby(embedded.StandbyConfig{
		Client: c, Probe: d.client(), Cached: query.NewCache(c, query.CacheConfig{}), Mode: mode, Load: m.load, Save: m.save, Problem: m.problem,
		WarmInterval: 500 * time.Millisecond,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.ErrorIs(t, <-ended, context.Canceled) })
	require.Eventually(t, func() bool { return m.learned() == 4 }, time.Minute, 20*time.Millisecond, "targets are learned")
	return s, m
}

const shopRate = `sum by (job) (rate(requests_total{job="shop"}[4s]))`

// look asks a standby about the last 30 s.
func look(t testing.TB, s query.Source, expr string) (query.Frame, error) {
	t.Helper()
	return s.Range(t.Context(), expr, query.Align(time.Now(), 30*time.Second, 60))
}

func said(f query.Frame, text string) bool {
	return slices.ContainsFunc(f.Infos, func(i string) bool { return strings.Contains(i, text) })
}

func fires(t testing.TB, s *embedded.Standby) bool {
	t.Helper()
	list, err := s.Alerts(t.Context())
	return err == nil && slices.ContainsFunc(list, func(a query.RawAlert) bool {
		return a.State == "firing" && a.Labels["alertname"] == "Loaded" && a.Labels["job"] == "shop"
	})
}

// A killed server is stood in for: the same series under the same labels, the same
// alert without a break, and when it is back no hole in the chart.
func TestAKilledServerIsStoodInFor(t *testing.T) {
	a, b := counting(t), counting(t)
	d := newDebian(t, fmt.Sprintf(countingConfig, "500ms", "500ms", a, b, a))
	s, m := standIn(t, d, embedded.Cold)
	require.Eventually(t, func() bool { return fires(t, s) }, time.Minute, 100*time.Millisecond, "the alert fires by the server")
	f, err := look(t, s, shopRate)
	require.NoError(t, err)
	require.Empty(t, f.Infos, "the server answers: nothing is said")
	before, err := look(t, s, `requests_total`)
	require.NoError(t, err)

	d.kill()
	require.Eventually(t, func() bool {
		f, err = look(t, s, shopRate)
		if err == nil && said(f, "direct") {
			require.True(t, fires(t, s), "the alert does not break off: it began after the last time that anything was learned")
		}
		return err == nil && said(f, "direct 2/4 targets (1 unreachable)") && said(f, "100 % full")
	}, 20*time.Second, 100*time.Millisecond, "it is scraped directly: %v %v", f.Infos, err)
	require.True(t, said(f, "job secret needs auth (basic_auth.password): set embedded.auth.secret"), "%v", f.Infos)
	last, at := f.Series[0].Last(3)
	require.GreaterOrEqual(t, at, 0)
	require.InDelta(t, 4, last, 1, "two targets at 2 a second")
	require.True(t, fires(t, s), "the alert goes on")
	meanwhile, err := look(t, s, `requests_total`)
	require.NoError(t, err)
	require.Equal(t, labelsOf(before, "shop"), labelsOf(meanwhile, "shop"), "the same identity")

	d.start()
	require.Eventually(t, func() bool {
		require.True(t, fires(t, s), "the alert does not end because the server has to fill its windows")
		f, err = look(t, s, shopRate)
		return err == nil && said(f, "filled from direct scrape") && !said(f, "targets (")
	}, 20*time.Second, 100*time.Millisecond, "it is back: %v %v", f.Infos, err)
	seen := false
	for i, v := range f.Series[0].Values {
		if seen {
			require.False(t, query.IsAbsent(v), "a hole at point %d of %v", i, f.Series[0].Values)
		}
		seen = seen || !query.IsAbsent(v)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	require.Contains(t, strings.Join(m.said, "\n"), "answers again")
	require.NotContains(t, fmt.Sprint(m.l), "swordfish", "no secret is kept")
}

func labelsOf(f query.Frame, job string) (list []string) {
	for _, s := range f.Series {
		if s.Labels["job"] == job {
			list = append(list, s.Labels.String())
		}
	}
	return list
}

// A server that is stopped refuses nothing: silence twice is enough. Warm, the window
// is full at once.
func TestAStoppedServerIsStoodInForWarm(t *testing.T) {
	a, b := counting(t), counting(t)
	d := newDebian(t, fmt.Sprintf(countingConfig, "500ms", "500ms", a, b, a))
	s, _ := standIn(t, d, embedded.Warm)
	require.Eventually(t, func() bool {
		f, err := look(t, s.Direct(), shopRate)
		return err == nil && len(f.Series) == 1 && s.Direct().Fill(4*time.Second, time.Now()) == 1
	}, time.Minute, 100*time.Millisecond, "it scrapes along")

	d.signal(syscall.SIGSTOP)
	var f query.Frame
	require.Eventually(t, func() bool {
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var err error
		f, err = s.Range(short, shopRate, query.Align(time.Now(), 30*time.Second, 60))
		return err == nil && said(f, "direct 2/4 targets")
	}, 20*time.Second, 50*time.Millisecond)
	require.True(t, said(f, "window 100 % full"), "%v", f.Infos)

	d.signal(syscall.SIGCONT)
	require.Eventually(t, func() bool {
		f, err := look(t, s, shopRate)
		return err == nil && !said(f, "targets")
	}, time.Minute, 100*time.Millisecond, "it goes on, and is believed again")
}

// What is scraped here is what the server scrapes: samples that carry their own time
// are the same in both, and so is every value computed from them.
func TestDirectValuesAreTheServers(t *testing.T) {
	var mu sync.Mutex
	step, begin := 0, time.Now().Add(-30*time.Second).Truncate(time.Second)
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		ms := begin.Add(time.Duration(step) * time.Second).UnixMilli()
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "# TYPE requests_total counter\n")
		fmt.Fprintf(w, "requests_total{code=\"200\",env=\"mine\"} %v %d\n", 100*float64(step)+0.5, ms)
		fmt.Fprintf(w, "requests_total{code=\"500\"} %v %d\n", math.Mod(7*float64(step), 40), ms)
		fmt.Fprintf(w, "load %v %d\n", math.Sin(float64(step)), ms)
		fmt.Fprintf(w, "odd NaN %d\nbig +Inf %d\n", ms, ms)
	}))
	defer exporter.Close()
	address := exporter.Listener.Addr().String()
	d := newDebian(t, fmt.Sprintf(countingConfig, "100ms", "100ms", address, "127.0.0.1:1", address))
	s, _ := standIn(t, d, embedded.Warm)
	for range 20 {
		mark := step // written to by this goroutine only
		for _, source := range []query.Source{s.Direct(), d.client()} {
			require.Eventually(t, func() bool {
				f, err := source.Range(t.Context(), `min(timestamp(load{job="shop"}))`, query.Steps(time.Now(), time.Now(), time.Second))
				if err != nil || len(f.Series) == 0 {
					return false
				}
				v, _ := f.Series[0].Last(0)
				return v >= float64(begin.Unix()+int64(mark))
			}, time.Minute, 20*time.Millisecond)
		}
		mu.Lock()
		step++
		mu.Unlock()
	}
	g := query.Steps(begin, begin.Add(19*time.Second), time.Second)
	// Ranges are left-open since Prometheus 3, and closed in the 2.42 that Debian has:
	// these are the same in both.
	for _, expr := range []string{
		`requests_total{job="shop"}`, `sum by (code) (rate(requests_total{job="shop"}[5500ms]))`, `increase(requests_total{job="shop"}[10500ms])`, `load{job="shop"}`, `avg_over_time(load{job="shop"}[4500ms])`, `odd{job="shop"}`, `big{job="shop"}`,
		`max_over_time(rate(requests_total{job="shop"}[5500ms])[10500ms:1s])`, `label_replace(load{job="shop"}, "x", "$1", "instance", "(.*):.*")`, `resets(requests_total{job="shop",code="500"}[15500ms])`,
	} {
		want, err := d.client().Range(t.Context(), expr, g)
		require.NoError(t, err, expr)
		have, err := s.Direct().Range(t.Context(), expr, g)
		require.NoError(t, err, expr)
		require.Len(t, have.Series, len(want.Series), expr)
		for i, w := range want.Series {
			h := have.Series[i]
			require.Equal(t, w.Labels, h.Labels, expr)
			for k := range w.Values {
				if math.IsNaN(w.Values[k]) {
					require.Equal(t, query.IsAbsent(w.Values[k]), query.IsAbsent(h.Values[k]), "%s at %d", expr, k)
					continue
				}
				require.InDelta(t, w.Values[k], h.Values[k], 1e-12*math.Abs(w.Values[k]), "%s %s at %d", expr, w.Labels, k)
			}
		}
	}
	_, err := s.Direct().Range(t.Context(), `sum(`, g)
	require.True(t, errors.Is(err, query.ErrQuery))
}

// gridNow is the moment.
func gridNow() query.Grid { return query.Steps(time.Now(), time.Now(), time.Second) }
