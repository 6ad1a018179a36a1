package slo_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/slo"
)

// ledger is one in memory.
type ledger struct {
	mu    sync.Mutex
	slots map[string][]slo.Slot
}

func (l *ledger) Slots(_ context.Context, key string, after time.Time) (list []slo.Slot, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.slots[key] {
		if s.End() > after.Unix() {
			list = append(list, s)
		}
	}
	return list, nil
}

func (l *ledger) KeepSlots(_ context.Context, kept ...slo.Kept) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range kept {
		l.slots[k.Key] = append(l.slots[k.Key], k.Slots...)
	}
	return nil
}

// services are how many objectives there are, each of a service.
const services = 30

// history is what they count every 15 s.
func history(file string, from, until time.Time) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for name, each := range map[string]float64{"requests": 150, "failures": 0.1} {
		fmt.Fprintf(w, "# TYPE %s counter\n", name)
		for s := range services {
			v := 0.0
			for t := from; !t.After(until); t = t.Add(15 * time.Second) {
				v += each
				fmt.Fprintf(w, "%s_total{service=\"s%d\"} %g %d\n", name, s, v, t.Unix())
			}
		}
	}
	fmt.Fprintln(w, "# EOF")
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// BenchmarkObjectives is what 30 objectives that are looked at every 30 s cost a real
// server, in samples by its own count, beside asking for six windows of each; and what
// they cost here. Reaches: 1/100 of the samples, 1 % of a core.
func BenchmarkObjectives(b *testing.B) {
	dir := b.TempDir()
	end := time.Now().Truncate(time.Minute)
	require.NoError(b, history(filepath.Join(dir, "history"), end.Add(-73*time.Hour), end))
	out, err := exec.Command("promtool", "tsdb", "create-blocks-from", "--max-block-duration=744h", "openmetrics", filepath.Join(dir, "history"), filepath.Join(dir, "data")).CombinedOutput()
	require.NoError(b, err, "%s", out)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	address := l.Addr().String()
	require.NoError(b, l.Close())
	config := filepath.Join(dir, "p.yml")
	require.NoError(b, os.WriteFile(config, []byte("global: {scrape_interval: 15s}\n"), 0o600))
	server := exec.Command("prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--storage.tsdb.retention.time=400d", "--web.listen-address="+address)
	require.NoError(b, server.Start())
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	require.Eventually(b, func() bool {
		r, err := http.Get("http://" + address + "/-/ready")
		if err == nil {
			_ = r.Body.Close()
		}
		return err == nil && r.StatusCode == http.StatusOK
	}, time.Minute, 100*time.Millisecond)
	count := &counting{RoundTripper: http.DefaultTransport}
	client, err := query.NewClient(query.Config{URL: "http://" + address, HTTP: count})
	require.NoError(b, err)
	defer client.CloseIdle()

	var list []slo.Objective
	for s := range services {
		o, err := slo.Load(fmt.Sprintf("s%d.yaml", s), fmt.Appendf(nil, "service: s%[1]d\nobjective: 99.9\nsli: {events: {bad: 'failures_total{service=\"s%[1]d\"}', total: 'requests_total{service=\"s%[1]d\"}'}}\n", s))
		require.NoError(b, err)
		list = append(list, o)
	}
	w := slo.NewWatch(slo.WatchConfig{
		Objectives: list, Ledger: &ledger{slots: map[string][]slo.Slot{}}, Source: func(string) (query.Source, error) { return client, nil },
		Scrape:  func(context.Context, slo.Objective) (time.Duration, error) { return 15 * time.Second, nil },
		Told:    func(context.Context, slo.Objective) ([]string, error) { return nil, nil },
		Changed: func(context.Context, slo.Change, slo.Status) error { return nil },
	})
	now := end.Add(-40 * time.Minute)
	for range 20 { // digs out what was before
		for _, s := range w.Look(b.Context(), now) {
			require.NoError(b, s.Err)
		}
		now = now.Add(30 * time.Second)
	}
	var ours, theirs, cpu float64
	for b.Loop() {
		now = end.Add(-30 * time.Minute)
		before, spent := count.so(), busy(b)
		const looks = 40
		for range looks {
			for _, s := range w.Look(b.Context(), now) {
				require.NoError(b, s.Err)
				require.InDelta(b, 0.1/150/0.001, s.Standing.Rate, 0.01)
			}
			now = now.Add(30 * time.Second)
		}
		ours += (count.so() - before) / looks
		cpu += (busy(b) - spent) / (looks * 30)
		before = count.so()
		for s := range services {
			for _, window := range []string{"5m", "30m", "1h", "6h", "1d", "3d"} {
				got, _, err := client.Instant(b.Context(), fmt.Sprintf(`sum(rate(failures_total{service="s%[1]d"}[%[2]s])) / sum(rate(requests_total{service="s%[1]d"}[%[2]s]))`, s, window), now)
				require.NoError(b, err)
				require.Len(b, got, 1)
			}
		}
		theirs += count.so() - before
	}
	b.ReportMetric(ours/float64(b.N), "samples/look")
	b.ReportMetric(theirs/float64(b.N), "six-window-samples/look")
	b.ReportMetric(theirs/ours, "x-fewer-samples")
	b.ReportMetric(100*cpu/float64(b.N), "%-of-a-core")
}

// counting asks a server to count the samples that it reads for each answer.
type counting struct {
	http.RoundTripper
	mu   sync.Mutex
	read float64
}

var queryable = regexp.MustCompile(`"totalQueryableSamples":(\d+)`)

// RoundTrip implements http.RoundTripper.
func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	q := r.URL.Query()
	q.Set("stats", "all")
	r.URL.RawQuery = q.Encode()
	resp, err := c.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if found := queryable.FindSubmatch(body); found != nil {
		n, _ := strconv.ParseFloat(string(found[1]), 64) // digits
		c.mu.Lock()
		c.read += n
		c.mu.Unlock()
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}

func (c *counting) so() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read
}

// busy is the processor time of this process in seconds.
func busy(b *testing.B) float64 {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
