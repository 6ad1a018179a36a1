package query_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
)

// These tests ask a real server: the one that `make setup` installs.

// realServer is a Prometheus of its own process, with a target that tells the
// past of which the test knows every value.
type realServer struct {
	url    string
	past   *past
	c      *query.Client
	output *outputTail
	stop   func()
}

const realRules = `
groups:
- name: shop
  rules:
  - record: job:requests:rate
    expr: sum by (job) (rate(requests_total[5500ms]))
  - alert: Loaded
    expr: load{pod="b"} >= 0
    labels: {severity: critical}
    annotations: {summary: 'load of {{ $labels.pod }} is high', hostile: "\x1b[2J{{ \"\\n\" }}"}
  - alert: StillWaiting
    expr: load{pod="a"} >= 0
    for: 90m
  - alert: Quiet
    expr: load{pod="a"} > 1e9
  - alert: Broken
    expr: load * on () group_left () requests_total
`

// startPrometheus runs a server and returns when it answers queries. It is
// ended, by its own process only, with the test.
func startPrometheus(t *testing.T) *realServer {
	t.Helper()
	past := newPast(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	rules := write("rules.yml", realRules)
	config := write("prometheus.yml", fmt.Sprintf(`
global: {scrape_interval: 50ms, scrape_timeout: 50ms, evaluation_interval: 50ms}
rule_files: [%q]
scrape_configs:
- job_name: shop
  metrics_path: /real
  static_configs: [{targets: [%q], labels: {instance: a}}]
`, rules, past.addr))

	p := launch(t, dir, config)
	return &realServer{past: past, output: p.output, stop: p.stop, url: p.url, c: p.c}
}

// process is a prometheus that runs, and answers queries.
type process struct {
	url    string
	pid    int
	c      *query.Client
	output *outputTail
	stop   func()
}

// launch runs prometheus with a configuration; its data are in dir.
func launch(t testing.TB, dir, config string) *process {
	t.Helper()
	binary, err := exec.LookPath("prometheus")
	require.NoError(t, err, "the tests need prometheus, which is missing: run make setup")
	out := &outputTail{}
	cmd := exec.Command(binary, "--config.file="+config, "--web.listen-address=127.0.0.1:0", "--storage.tsdb.path="+filepath.Join(dir, "data"))
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop := sync.OnceFunc(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
			t.Error("prometheus did not end on an interrupt")
		}
	})
	t.Cleanup(stop)

	p := &process{pid: cmd.Process.Pid, output: out, stop: stop}
	require.Eventually(t, func() bool {
		p.url = out.address()
		return p.url != ""
	}, time.Minute, 10*time.Millisecond, "prometheus does not listen: %s", out)
	p.c = clientOf(t, p.url)
	require.Eventually(t, func() bool {
		_, err := p.c.Ready(t.Context())
		if err != nil && !errors.Is(err, query.ErrStarting) && !errors.Is(err, query.ErrUnreachable) {
			t.Errorf("a server that starts is neither: %v", err)
		}
		return err == nil
	}, time.Minute, 20*time.Millisecond, "prometheus does not get ready: %s", out)
	return p
}

func clientOf(t testing.TB, url string) *query.Client {
	t.Helper()
	c, err := query.NewClient(query.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(c.CloseIdle)
	return c
}

// outputTail is what the process wrote; exec copies into it.
type outputTail struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *outputTail) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *outputTail) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// address is where the server listens; it took a free port by itself.
func (o *outputTail) address() string {
	if found := regexp.MustCompile(`address=(127\.0\.0\.1:[1-9][0-9]*)`).FindStringSubmatch(o.String()); found != nil {
		return "http://" + found[1]
	}
	return ""
}

// past is a target that gives its samples with times of their own, second by
// second, so that whoever has scraped it knows exactly the same.
type past struct {
	addr  string
	start time.Time

	mu    sync.Mutex
	step  int
	reads int // of /real since the step
}

const pastSteps = 20

func newPast(t *testing.T) *past {
	t.Helper()
	p := &past{start: time.Now().Add(-30 * time.Second).Truncate(time.Second)}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	p.addr = srv.Listener.Addr().String()
	return p
}

func (p *past) at(step int) time.Time { return p.start.Add(time.Duration(step) * time.Second) }

func (p *past) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.URL.Path == "/real" {
		p.reads++
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	k, ms := p.step, p.at(p.step).UnixMilli()
	line := func(series string, value float64) { fmt.Fprintf(w, "%s %v %d\n", series, value, ms) }
	fmt.Fprintln(w, "# TYPE requests_total counter")
	line(`requests_total{code="200"}`, 100*float64(k)+0.5)
	line(`requests_total{code="500"}`, math.Mod(7*float64(k), 40)) // resets now and then
	fmt.Fprintln(w, "# TYPE load gauge")
	line(`load{pod="a"}`, math.Sin(float64(k)))
	line(`load{pod="b"}`, float64(k*k%13))
	line(`load{pod="c"}`, math.Inf(1))
	line(`load{pod="d"}`, math.NaN())
	fmt.Fprintln(w, "# TYPE odd gauge")
	line(`odd{text="a \"b\" \\ \n `+"\x1b[2J"+` 日本"}`, 1e-300)
	fmt.Fprintln(w, "# TYPE wait_seconds histogram")
	for i, le := range []string{"0.1", "0.25", "0.5", "2.5", "+Inf"} {
		line(fmt.Sprintf(`wait_seconds_bucket{le=%q}`, le), float64(k*(3+2*i)))
	}
	line("wait_seconds_count", float64(k*11))
	line("wait_seconds_sum", float64(k)*3.7)
}

// play goes through the past: each step is shown until the server has it, and
// is then given to the others.
func (p *past) play(t *testing.T, others func(at time.Time)) {
	t.Helper()
	for step := range pastSteps {
		p.mu.Lock()
		p.step, p.reads = step, 0
		p.mu.Unlock()
		require.Eventually(t, func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.reads >= 2 // the second read begins when the first is committed
		}, time.Minute, 5*time.Millisecond, "prometheus does not scrape")
		others(p.at(step))
	}
}

func TestAgainstARealPrometheus(t *testing.T) {
	s := startPrometheus(t)
	other, embeddedClient := embeddedBeside(t, s.past)
	s.past.play(t, func(at time.Time) { other.Scrape(t.Context(), at) })
	last := s.past.at(pastSteps - 1)

	t.Run("instant", func(t *testing.T) {
		got, warnings, err := s.c.Instant(t.Context(), `load{pod="b"}`, last)
		require.NoError(t, err)
		require.Empty(t, warnings)
		labels := query.Labels{"__name__": "load", "job": "shop", "instance": "a", "pod": "b"}
		require.Equal(t, []query.Sample{{Labels: labels, Value: 361 % 13, At: last.UTC()}}, got)
		got, _, err = s.c.Instant(t.Context(), "odd", last)
		require.NoError(t, err)
		require.Equal(t, "a \"b\" \\ \n \x1b[2J 日本", got[0].Labels["text"], "labels arrive as they are")
		require.Equal(t, 1e-300, got[0].Value)
		got, _, err = s.c.Instant(t.Context(), "up", time.Time{})
		require.NoError(t, err)
		require.Equal(t, 1.0, got[0].Value, "now, by the server's clock")
		got, _, err = s.c.Instant(t.Context(), `load{pod="b"}[5500ms]`, last)
		require.NoError(t, err)
		require.Len(t, got, 6)
		_, _, err = s.c.Instant(t.Context(), `"text"`, last)
		require.ErrorIs(t, err, query.ErrQuery)
	})

	t.Run("range", func(t *testing.T) {
		g := query.Steps(s.past.at(-3), last, time.Second)
		f, err := s.c.Range(t.Context(), `load{pod=~"b|d"}`, g)
		require.NoError(t, err)
		require.Empty(t, f.Warnings)
		require.Len(t, f.Series, 2)
		for i, v := range f.Series[0].Values {
			if i < 3 {
				require.True(t, query.IsAbsent(v), "before the first sample there is nothing")
				continue
			}
			require.Equal(t, float64((i-3)*(i-3)%13), v)
		}
		nan := f.Series[1].Values[5]
		require.True(t, math.IsNaN(nan) && !query.IsAbsent(nan), "a NaN that was scraped is a value")
		f, err = s.c.Range(t.Context(), "nothing_of_this_name", g)
		require.NoError(t, err)
		require.Empty(t, f.Series)
	})

	t.Run("untouched data", func(t *testing.T) {
		data, _, err := s.c.Data(t.Context(), "vector(2)", time.Time{}, last, 0)
		require.NoError(t, err)
		require.JSONEq(t, fmt.Sprintf(`{"resultType":"vector","result":[{"metric":{},"value":[%d,"2"]}]}`, last.Unix()), string(data))
		data, _, err = s.c.Data(t.Context(), "1", last.Add(-time.Second), last, time.Second)
		require.NoError(t, err)
		require.JSONEq(t, fmt.Sprintf(`{"resultType":"matrix","result":[{"metric":{},"values":[[%d,"1"],[%d,"1"]]}]}`, last.Unix()-1, last.Unix()), string(data))
	})

	t.Run("build and interval", func(t *testing.T) {
		build, err := s.c.Ready(t.Context())
		require.NoError(t, err)
		said, err := exec.Command("prometheus", "--version").CombinedOutput()
		require.NoError(t, err)
		require.NotEmpty(t, build.Version)
		require.Contains(t, string(said), "version "+build.Version+" ")
		require.Contains(t, string(said), build.GoVersion)
		every, err := s.c.ScrapeInterval(t.Context())
		require.NoError(t, err)
		require.Equal(t, 50*time.Millisecond, every)
		skew, known := s.c.Skew()
		require.True(t, known)
		require.Less(t, skew.Abs(), 5*time.Second, "the same machine")
	})

	t.Run("alerts", func(t *testing.T) {
		var byName map[string]query.RawAlert
		require.Eventually(t, func() bool {
			alerts, err := s.c.Alerts(t.Context())
			require.NoError(t, err)
			byName = map[string]query.RawAlert{}
			for _, a := range alerts {
				byName[a.Labels["alertname"]] = a
			}
			return byName["Loaded"].State == "firing" && byName["StillWaiting"].State == "pending"
		}, 30*time.Second, 20*time.Millisecond)
		require.Len(t, byName, 2)
		a := byName["Loaded"]
		require.Equal(t, query.Labels{"alertname": "Loaded", "severity": "critical", "job": "shop", "instance": "a", "pod": "b"}, a.Labels)
		require.Equal(t, query.Labels{"summary": "load of b is high", "hostile": "\x1b[2J\n"}, a.Annotations)
		require.Equal(t, float64(361%13), a.Value)
		require.WithinDuration(t, time.Now(), a.ActiveAt, time.Minute)
		require.Equal(t, time.UTC, a.ActiveAt.Location())
	})

	t.Run("rules", func(t *testing.T) {
		var rules []query.RawRule
		require.Eventually(t, func() bool {
			var err error
			rules, err = s.c.Rules(t.Context())
			require.NoError(t, err)
			return len(rules) == 4 && rules[0].State == "firing" && rules[3].Health == "err"
		}, 30*time.Second, 20*time.Millisecond)
		loaded, waiting, quiet, broken := rules[0], rules[1], rules[2], rules[3]
		require.Equal(t, "Loaded", loaded.Name)
		require.Equal(t, "shop", loaded.Group)
		require.Equal(t, "rules.yml", filepath.Base(loaded.File))
		require.Equal(t, `load{pod="b"} >= 0`, loaded.Query)
		require.Equal(t, query.Labels{"severity": "critical"}, loaded.Labels)
		require.Equal(t, "ok", loaded.Health)
		require.WithinDuration(t, time.Now(), loaded.LastEvaluation, time.Minute)
		require.Equal(t, 90*time.Minute, waiting.For)
		require.Equal(t, "pending", waiting.State)
		require.Equal(t, "inactive", quiet.State)
		require.Contains(t, broken.LastError, "found duplicate series")
	})

	t.Run("refusals", func(t *testing.T) {
		g := query.Steps(last.Add(-10*time.Second), last, time.Second)
		for expr, want := range map[string]string{
			"sum(":                                   "1:5: parse error: unclosed left parenthesis",
			"rate(load)":                             `1:6: parse error: expected type range vector in call to function "rate", got instant vector`,
			"no_such_function(load)":                 `unknown function with name "no_such_function"`,
			"load * on () group_left requests_total": "found duplicate series for the match group",
			`load{pod="`:                             "unterminated quoted string",
		} {
			_, err := s.c.Range(t.Context(), expr, g)
			require.ErrorIs(t, err, query.ErrQuery, expr)
			require.ErrorContains(t, err, want)
			require.NotContains(t, err.Error(), "\n")
			_, _, err = s.c.Instant(t.Context(), expr, last)
			require.ErrorIs(t, err, query.ErrQuery, expr)
			_, _, err = s.c.Data(t.Context(), expr, time.Time{}, last, 0)
			require.ErrorIs(t, err, query.ErrQuery, expr)
		}

		wrong := clientOf(t, s.url+"/prometheus")
		_, err := wrong.Range(t.Context(), "up", g)
		require.ErrorIs(t, err, query.ErrNotPrometheus)
		require.EqualError(t, err, "prometheus "+s.url+"/prometheus: 404 Not Found: no Prometheus API under this URL: is the path right?")
		_, err = wrong.Alerts(t.Context())
		require.ErrorIs(t, err, query.ErrNotPrometheus)
		_, err = wrong.Ready(t.Context())
		require.ErrorIs(t, err, query.ErrNotPrometheus)
	})

	t.Run("its web page for an answer", func(t *testing.T) {
		page := clientOf(t, onlyThePage(t, s.url))
		_, _, err := page.Instant(t.Context(), "up", last)
		require.ErrorIs(t, err, query.ErrNotPrometheus)
		require.ErrorContains(t, err, "answered HTML, not the Prometheus API: is the URL right?")
		_, err = page.Rules(t.Context())
		require.ErrorIs(t, err, query.ErrNotPrometheus)
	})

	t.Run("embedded agrees", func(t *testing.T) { agree(t, s.c, embeddedClient, s.past) })

	t.Run("gone", func(t *testing.T) {
		s.stop()
		_, err := s.c.Ready(t.Context())
		require.ErrorIs(t, err, query.ErrUnreachable)
		require.EqualError(t, err, "prometheus "+s.url+": connection refused: is Prometheus running there?")
	})
}

// onlyThePage is a proxy that leads every path to the server's web page, as one
// with a catch-all for its single-page application does.
func onlyThePage(t *testing.T, server string) string {
	t.Helper()
	transport := &http.Transport{}
	resp, err := (&http.Client{Transport: transport}).Get(server) // and on to where the page is in this release
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	page := resp.Request.URL
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.Method, r.Out.Body, r.Out.ContentLength = http.MethodGet, http.NoBody, 0
		r.Out.URL, r.Out.Host = page, ""
	}}
	srv := httptest.NewServer(proxy)
	t.Cleanup(func() {
		srv.Close()
		transport.CloseIdleConnections()
	})
	return srv.URL
}

// embeddedBeside is the engine in the process, with the same target.
func embeddedBeside(t *testing.T, p *past) (*embedded.Server, *query.Client) {
	t.Helper()
	transport := &http.Transport{}
	s, err := embedded.New(embedded.Config{ScrapeInterval: time.Second, Client: &http.Client{Transport: transport}})
	require.NoError(t, err)
	s.SetTargets([]embedded.Target{{Job: "shop", Instance: "a", URL: "http://" + p.addr + "/embedded"}})
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		srv.Close()
		transport.CloseIdleConnections()
	})
	return s, clientOf(t, srv.URL)
}

// agree asks both the same. Windows end between two samples: Prometheus 3, which
// the engine in the process is of, leaves out a sample that lies exactly at the
// beginning of a window, and Prometheus 2 does not.
func agree(t *testing.T, real, own *query.Client, p *past) {
	exprs := []string{
		`load`, `requests_total`, `odd`, `load offset 3s`, `load{pod=~"[ab]"} * 2 ^ 3 % 5`, `-load`, `load > bool 3`, `load == +Inf`,
		`sum by (job) (rate(requests_total{code=~"5.."}[5500ms])) / sum by (job) (rate(requests_total[5500ms]))`,
		`histogram_quantile(0.95, sum by (le) (rate(wait_seconds_bucket[5500ms])))`,
		`rate(wait_seconds_sum[5500ms]) / rate(wait_seconds_count[5500ms])`,
		`increase(requests_total[7500ms])`, `irate(requests_total[5500ms])`, `resets(requests_total[9500ms])`, `changes(load[5500ms])`,
		`deriv(load{pod=~"[ab]"}[5500ms])`, `predict_linear(load{pod=~"[ab]"}[5500ms], 60)`, `delta(load{pod=~"[ab]"}[5500ms])`,
		`max_over_time(load[5500ms])`, `quantile_over_time(0.9, load{pod=~"[ab]"}[7500ms])`, `stddev_over_time(load{pod=~"[ab]"}[7500ms])`,
		`avg_over_time(rate(requests_total[5500ms])[4500ms:1s])`, `count_over_time(load[5500ms])`, `last_over_time(load[5500ms])`,
		`topk(2, load{pod=~"[abc]"})`, `quantile(0.5, load{pod=~"[ab]"})`, `count_values("v", load{pod=~"[abc]"})`, `stddev(load{pod=~"[ab]"})`,
		`label_replace(load, "host", "$1-x", "pod", "(.*)")`, `label_join(load, "both", "/", "job", "pod")`,
		`absent(nothing)`, `absent(load)`, `time() - timestamp(load)`, `vector(time())`, `1 / 0`, `scalar(load{pod="b"})`, `clamp(load, -0.5, 0.5)`,
		`load and on (job) requests_total`, `load unless on (pod) load{pod="a"}`, `load{pod="a"} or odd`,
		`load * on (job, instance) group_left wait_seconds_count`, `round(load, 0.1)`, `sort_desc(load{pod=~"[abc]"})`,
		fmt.Sprintf(`load @ %d`, p.at(7).Unix()), `max_over_time(load{pod="b"}[5500ms] @ end())`,
	}
	last := p.at(pastSteps - 1)
	ctx := context.Background()
	for _, expr := range exprs {
		want, _, err := real.Instant(ctx, expr, last)
		require.NoError(t, err, expr)
		got, _, err := own.Instant(ctx, expr, last)
		require.NoError(t, err, expr)
		// Only sort promises an order, and here all who sort agree on it.
		require.Equal(t, seriesOf(want, strings.HasPrefix(expr, "sort")), seriesOf(got, strings.HasPrefix(expr, "sort")), expr)
		values := map[string]float64{}
		for _, s := range want {
			values[s.Labels.String()] = s.Value
		}
		for _, s := range got {
			requireSame(t, values[s.Labels.String()], s.Value, "%s of %s", expr, s.Labels)
			require.Equal(t, last.UTC(), s.At)
		}
		for _, beside := range []time.Duration{0, 200 * time.Millisecond} { // on the samples, and between them
			g := query.Grid{Start: p.at(-2).Add(beside), Step: time.Second, N: pastSteps + 4}
			wantFrame, err := real.Range(ctx, expr, g)
			require.NoError(t, err, expr)
			gotFrame, err := own.Range(ctx, expr, g)
			require.NoError(t, err, expr)
			require.Len(t, gotFrame.Series, len(wantFrame.Series), expr)
			for i, s := range wantFrame.Series {
				require.Equal(t, s.Labels, gotFrame.Series[i].Labels, expr)
				for j, v := range s.Values {
					requireSame(t, v, gotFrame.Series[i].Values[j], "%s of %s at step %d", expr, s.Labels, j)
				}
			}
		}
	}
}

// seriesOf are the names of the series, as they came or as a set.
func seriesOf(samples []query.Sample, ordered bool) any {
	var list []string
	set := map[string]bool{}
	for _, s := range samples {
		list = append(list, s.Labels.String())
		set[s.Labels.String()] = true
	}
	if ordered {
		return list
	}
	return set
}

func requireSame(t *testing.T, want, got float64, format string, args ...any) {
	t.Helper()
	same := want == got || math.IsNaN(want) && math.IsNaN(got) && query.IsAbsent(want) == query.IsAbsent(got) ||
		math.Abs(want-got) <= 1e-9*max(math.Abs(want), math.Abs(got), 1)
	require.True(t, same, "%s: %v from prometheus, %v from the engine in the process", fmt.Sprintf(format, args...), want, got)
}
