package query_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
)

// victoria is a VictoriaMetrics of its own process, with a target.
type victoria struct {
	url    string
	c      *query.Client
	past   *past
	output *outputTail
	stop   func()
}

// startVictoria runs a server and returns when it answers queries. It is ended, by
// its own process only, with the test.
func startVictoria(t *testing.T) *victoria {
	t.Helper()
	binary, err := exec.LookPath("victoria-metrics")
	require.NoError(t, err, "the tests need victoria-metrics, which is missing: run make setup")
	past := newPast(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "scrape.yml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs:
- job_name: shop
  metrics_path: /real
  static_configs: [{targets: [%q], labels: {instance: a}}]
`, past.addr), 0o600))
	out := &outputTail{}
	// It cannot say which port it took, so one is found for it.
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := free.Addr().String()
	require.NoError(t, free.Close())
	cmd := exec.Command(binary, "-httpListenAddr="+addr, "-storageDataPath="+filepath.Join(dir, "data"), "-promscrape.config="+config,
		"-memory.allowedBytes=64MB", "-loggerLevel=WARN")
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
			t.Error("victoria-metrics did not end on an interrupt")
		}
	})
	t.Cleanup(stop)
	v := &victoria{url: "http://" + addr, past: past, output: out, stop: stop}
	v.c = clientOf(t, v.url)
	require.Eventually(t, func() bool {
		_, err := v.c.Ready(t.Context())
		return err == nil
	}, 60*time.Second, 50*time.Millisecond, "victoria-metrics does not get ready: %s", out)
	return v
}

// imports writes samples with times of their own, and waits until they are seen.
func (v *victoria) imports(t *testing.T, text []byte) {
	t.Helper()
	resp, err := http.Post(v.url+"/api/v1/import/prometheus", "text/plain", bytes.NewReader(text))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	resp, err = http.Get(v.url + "/internal/force_flush")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
}

// history is hours of samples that end some minutes ago: pods that fall silent and
// restart, and one series whose interval is another one every 7 minutes.
func history(from, to time.Time) []byte {
	var b bytes.Buffer
	r := rand.New(rand.NewPCG(1, 2))
	for pod, interval := range []time.Duration{10 * time.Second, 15 * time.Second, 30 * time.Second, 15 * time.Second} {
		good, outage := 0.0, time.Time{}
		for at := from.Add(time.Duration(r.IntN(10_000)) * time.Millisecond); at.Before(to); at = at.Add(interval) {
			if pod > 1 && r.IntN(100) == 0 {
				outage = at.Add(time.Duration(r.IntN(900)) * time.Second)
			}
			if at.Before(outage) {
				continue
			}
			if r.IntN(100) == 0 {
				good = 0
			}
			good += float64(r.IntN(50))
			ms := at.UnixMilli()
			fmt.Fprintf(&b, "old_load{pod=\"p%d\"} %v %d\n", pod, 10*math.Sin(float64(ms)/3e5)+r.Float64(), ms)
			fmt.Fprintf(&b, "old_requests_total{pod=\"p%d\"} %v %d\n", pod, good, ms)
		}
		for at := from; at.Before(to); {
			at = at.Add([]time.Duration{5 * time.Second, time.Minute, 20 * time.Second}[(int(at.Sub(from)/(7*time.Minute))+pod)%3])
			fmt.Fprintf(&b, "odd_load{pod=\"p%d\"} %v %d\n", pod, float64(r.IntN(1000)), at.UnixMilli())
		}
	}
	return b.Bytes()
}

func TestAgainstARealVictoriaMetrics(t *testing.T) {
	v := startVictoria(t)
	ctx := t.Context()
	now := time.Now().UTC().Truncate(time.Minute).Add(-5 * time.Minute)
	from := now.Add(-3 * time.Hour)
	v.imports(t, history(from, now))

	t.Run("what it is", func(t *testing.T) {
		_, err := v.c.Ready(ctx)
		require.NoError(t, err)
		id, err := v.c.Identity(ctx)
		require.NoError(t, err)
		require.Empty(t, id, "it does not say when it started")
		settle, err := v.c.Settle(ctx)
		require.NoError(t, err)
		require.Equal(t, query.Never, settle)
		_, known := v.c.Skew()
		require.True(t, known)
		every, err := v.c.ScrapeInterval(ctx)
		require.NoError(t, err)
		require.Zero(t, every, "it does not say that either")
	})

	t.Run("instant and range", func(t *testing.T) {
		got, warnings, err := v.c.Instant(ctx, "count(old_load)", now)
		require.NoError(t, err)
		require.Empty(t, warnings)
		require.Equal(t, []query.Sample{{Labels: query.Labels{}, Value: 4, At: now}}, got)
		g := query.Grid{Start: now.Add(-time.Hour).Add(700 * time.Millisecond), Step: 15 * time.Second, N: 200}
		f, err := v.c.Range(ctx, "sum by (pod) (rate(old_requests_total[2m]))", g)
		require.NoError(t, err)
		require.Len(t, f.Series, 4)
		require.NotEmpty(t, f.Warnings, "it moves a long window to multiples of its step, and that is said")
		f, err = v.c.Range(ctx, "sum by (pod) (rate(old_requests_total[2m]))", query.Align(now, time.Hour, 240))
		require.NoError(t, err)
		require.Empty(t, f.Warnings)
		_, _, err = v.c.Data(ctx, "old_load", from, now, time.Minute)
		require.NoError(t, err)
		found, err := query.Find(ctx, v.c, query.Question{Expr: "old_load", Span: time.Hour, Columns: 60}, now)
		require.NoError(t, err)
		require.Len(t, found.Frame.Series, 4)
	})

	t.Run("labels and metadata", func(t *testing.T) {
		past := query.Selection{Match: []string{"old_load"}, Start: from, End: now}
		series, _, err := v.c.Series(ctx, past)
		require.NoError(t, err)
		require.Len(t, series, 4)
		names, _, err := v.c.LabelNames(ctx, past)
		require.NoError(t, err)
		require.Equal(t, []string{"__name__", "pod"}, names)
		past.Limit = 3
		values, _, err := v.c.LabelValues(ctx, "pod", past)
		require.NoError(t, err)
		require.Len(t, values, 3)
		require.Subset(t, []string{"p0", "p1", "p2", "p3"}, values, "which of them is its choice")
		_, err = v.c.Metadata(ctx, "", 0)
		require.NoError(t, err)
		exemplars, err := v.c.Exemplars(ctx, "old_load", from, now)
		require.NoError(t, err)
		require.Empty(t, exemplars)
		c := query.NewCatalog(v.c)
		require.NoError(t, c.Warm(ctx))
		words, err := c.Suggest(ctx, query.SpotAt(`sum(old_requ)`, 12), 10)
		require.NoError(t, err)
		require.NotEmpty(t, words)
		parts, err := query.Explain(ctx, v.c, "sum(old_load) / count(old_load)", query.Window{}, now)
		require.NoError(t, err)
		for _, p := range parts {
			require.NoError(t, p.Err)
		}
	})

	t.Run("targets, rules and alerts", func(t *testing.T) {
		require.Eventually(t, func() bool {
			list, err := v.c.Targets(ctx)
			require.NoError(t, err)
			return len(list) == 1 && list[0].Health == "up"
		}, 30*time.Second, 50*time.Millisecond)
		learned, err := embedded.Learn(ctx, v.c, embedded.Learned{}, time.Now())
		require.NoError(t, err)
		require.Equal(t, "http://"+v.past.addr+"/real", learned.Targets[0].URL, "it can be stood in for")
		require.Equal(t, map[string]string{"job": "shop", "instance": "a"}, learned.Targets[0].Labels)
		rules, err := v.c.Rules(ctx)
		require.NoError(t, err)
		require.Empty(t, rules, "vmalert evaluates, and is another process")
		alerts, err := v.c.Alerts(ctx)
		require.NoError(t, err)
		require.Empty(t, alerts)
	})

	t.Run("refusals", func(t *testing.T) {
		for expr, says := range map[string]string{
			"sum(":                              `: singleExpr: unexpected token`,
			"rate(old_load[":                    `: duration: unexpected token`,
			"no_such_function(old_load)":        "no_such_function",
			strings.Repeat("old_load + ", 1000): ": singleExpr: unexpected token",
		} {
			_, _, err := v.c.Instant(ctx, expr, now)
			require.ErrorIs(t, err, query.ErrQuery, expr)
			require.ErrorContains(t, err, says)
			_, err = v.c.Range(ctx, expr, query.Align(now, time.Hour, 60))
			require.ErrorIs(t, err, query.ErrQuery, expr)
			require.ErrorContains(t, err, says)
			require.NotContains(t, err.Error(), "error when executing", "the query is not said again")
		}
	})

	t.Run("a panel is a full query", func(t *testing.T) { victoriaLaw(t, v, now) })
	t.Run("its windows do not agree", func(t *testing.T) { victoriaIsTorn(t, v, now) })
}

// victoriaLaw holds that panels show what a full query gives.
func victoriaLaw(t *testing.T, v *victoria, now time.Time) {
	points, differ := 0, 0
	for _, expr := range []string{
		`odd_load`, `sum(odd_load)`, `old_load`, `sum(rate(old_requests_total[90s]))`, `increase(old_requests_total[1m])`,
		`rate(old_requests_total)`, `max_over_time(old_load[3m:20s])`, `topk(2, old_load)`, `deriv(old_load[2m])`,
	} {
		clock := now.Add(-100 * time.Minute)
		c := query.NewCache(v.c, query.CacheConfig{Now: func() time.Time { return clock }})
		for range 20 {
			clock = clock.Add(97 * time.Second)
			g := query.Align(clock, time.Hour, 240)
			want, err := v.c.Range(t.Context(), expr, g)
			require.NoError(t, err)
			got, err := c.Range(t.Context(), expr, g)
			require.NoError(t, err)
			d, n := differences(got, want)
			differ, points = differ+d, points+n
		}
	}
	require.Zero(t, differ, "of %d points", points)
}

// victoriaIsTorn is why nothing of its answers is held: two of them, to windows that
// overlap, do not say the same of a series that changes its interval. Its own cache
// of answers hides that now and then.
func victoriaIsTorn(t *testing.T, v *victoria, now time.Time) {
	c := clientOf(t, v.url+"?nocache=1")
	differ, both := 0, 0
	var last query.Frame
	for k := range 10 {
		g := query.Grid{Start: now.Add(time.Duration(k-90) * time.Minute), Step: 5 * time.Second, N: 720}
		f, err := c.Range(t.Context(), "rate(odd_load[30s])", g)
		require.NoError(t, err)
		if k > 0 {
			d, n := differences(tail(last, 12), head(f, 12))
			differ, both = differ+d, both+n
		}
		last = f
	}
	t.Logf("%d of %d points of two windows differ", differ, both)
	require.Positive(t, differ, "it agrees with itself now: its answers could be held")
}

// tail is a frame without its first n points, head one without its last n.
func tail(f query.Frame, n int) query.Frame { return part(f, n, f.Grid.N) }
func head(f query.Frame, n int) query.Frame { return part(f, 0, f.Grid.N-n) }

func part(f query.Frame, from, to int) query.Frame {
	out := query.Frame{Grid: query.Grid{Start: f.Grid.Time(from), Step: f.Grid.Step, N: to - from}}
	for _, s := range f.Series {
		s.Values = s.Values[from:to]
		out.Series = append(out.Series, s)
	}
	return out
}

// differences counts the points at which two frames of one grid are not the same.
func differences(a, b query.Frame) (differ, points int) {
	byName := map[string]query.Series{}
	for _, s := range b.Series {
		byName[s.Labels.String()] = s
		points += len(s.Values)
	}
	for _, s := range a.Series {
		other, both := byName[s.Labels.String()]
		delete(byName, s.Labels.String())
		for i, v := range s.Values {
			if both && !alike(v, other.Values[i]) || !both && !query.IsAbsent(v) {
				differ++
			}
		}
	}
	for _, s := range byName {
		for _, v := range s.Values {
			if !query.IsAbsent(v) {
				differ++
			}
		}
	}
	return differ, points
}
