package query_test

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// nodePanels are twelve panels of a board of one host.
var nodePanels = []string{
	`sum by (mode) (rate(node_cpu_seconds_total[$__rate_interval]))`,
	`1 - avg by (cpu) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))`,
	`{__name__=~"node_load(1|5|15)"}`,
	`node_memory_bytes`,
	`rate(node_disk_read_bytes_total[$__rate_interval])`,
	`rate(node_disk_written_bytes_total[$__rate_interval])`,
	`rate(node_disk_io_time_seconds_total[$__rate_interval])`,
	`rate(node_network_receive_bytes_total[$__rate_interval]) * 8`,
	`rate(node_network_transmit_bytes_total[$__rate_interval]) * 8`,
	`1 - node_filesystem_avail_bytes / node_filesystem_size_bytes`,
	`rate(node_netstat_total[$__rate_interval])`,
	`rate(node_context_switches_total[$__rate_interval])`,
}

// nodeHistory is what such a host told every 15 s up to a time, as OpenMetrics.
func nodeHistory(file string, from, until time.Time) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	seed := uint64(1)
	noise := func() float64 { // of its own: the same each time
		seed = seed*6364136223846793005 + 1442695040888963407
		return float64(seed>>11) / (1 << 53)
	}
	family := func(name, kind string, series []string, next func(v, t float64) float64) {
		fmt.Fprintf(w, "# TYPE %s %s\n", strings.TrimSuffix(name, "_total"), kind)
		for _, labels := range series {
			v := 1e6 * noise()
			for t := from; !t.After(until); t = t.Add(15 * time.Second) {
				v = next(v, float64(t.Unix()))
				fmt.Fprintf(w, "%s{instance=\"a\",job=\"node\"%s} %v %d\n", name, labels, v, t.Unix())
			}
		}
	}
	list := func(format string, values ...string) (out []string) {
		for _, v := range values {
			out = append(out, fmt.Sprintf(format, v))
		}
		return out
	}
	var cpus []string
	for cpu := range 4 {
		cpus = append(cpus, list(`,cpu="`+strconv.Itoa(cpu)+`",mode="%s"`, "idle", "user", "system", "iowait", "irq", "softirq", "steal", "nice")...)
	}
	counter := func(v, _ float64) float64 { return v + 15*noise() }
	gauge := func(_, t float64) float64 { return 1e9 * (2 + math.Sin(t/4000) + noise()/9) }
	family("node_cpu_seconds_total", "counter", cpus, counter)
	for _, name := range []string{"node_load1", "node_load5", "node_load15"} {
		family(name, "gauge", []string{""}, func(_, t float64) float64 { return 2 + math.Sin(t/900) + noise() })
	}
	family("node_memory_bytes", "gauge", list(`,kind="%s"`, "total", "free", "cached", "buffers", "swap"), gauge)
	disks := list(`,device="%s"`, "sda", "sdb", "nvme0n1", "nvme1n1", "dm-0", "dm-1")
	for _, name := range []string{"node_disk_read_bytes_total", "node_disk_written_bytes_total", "node_disk_io_time_seconds_total"} {
		family(name, "counter", disks, counter)
	}
	nets := list(`,device="%s"`, "lo", "eth0", "eth1", "docker0", "wg0")
	family("node_network_receive_bytes_total", "counter", nets, counter)
	family("node_network_transmit_bytes_total", "counter", nets, counter)
	mounts := list(`,mountpoint="%s"`, "/", "/boot", "/var", "/home", "/srv")
	family("node_filesystem_avail_bytes", "gauge", mounts, gauge)
	family("node_filesystem_size_bytes", "gauge", mounts, func(float64, float64) float64 { return 5e9 })
	family("node_netstat_total", "counter", list(`,what="%s"`, "in", "out", "retrans", "resets", "errors", "opens"), counter)
	family("node_context_switches_total", "counter", []string{""}, counter)
	fmt.Fprintln(w, "# EOF")
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// metered counts what a server is asked and what it answers.
type metered struct {
	*query.Client
	requests, samples int
}

func (m *metered) Range(ctx context.Context, expr string, g query.Grid) (query.Frame, error) {
	f, err := m.Client.Range(ctx, expr, g)
	m.requests++
	for _, s := range f.Series {
		for _, v := range s.Values {
			if !query.IsAbsent(v) {
				m.samples++
			}
		}
	}
	return f, err
}

// Skew is none: in this test the past passes by.
func (m *metered) Skew() (time.Duration, bool) { return 0, false }

// BenchmarkRefresh is what a board of 12 panels costs its server at a refresh of
// 5 s, by the hour: against asking everything again, as Grafana does at its own
// resolution. Reaches: samples 1/25 over 1 h and 1/800 over 24 h, the server's CPU
// 1/3 and 1/40, no point that differs from a full query.
func BenchmarkRefresh(b *testing.B) {
	promtool, err := exec.LookPath("promtool")
	require.NoError(b, err, "the benchmark needs promtool, which is missing: run make setup")
	dir := b.TempDir()
	until := time.Now().Truncate(15 * time.Second)
	text := filepath.Join(dir, "history.txt")
	require.NoError(b, nodeHistory(text, until.Add(-26*time.Hour), until))
	out, err := exec.Command(promtool, "tsdb", "create-blocks-from", "openmetrics", text, filepath.Join(dir, "data")).CombinedOutput()
	require.NoError(b, err, "%s", out)
	require.NoError(b, os.Remove(text))
	// A target's timeout and a rule's interval, as they are in the field, decide
	// how many points a refresh has to ask again.
	rules, config := filepath.Join(dir, "rules.yml"), filepath.Join(dir, "prometheus.yml")
	require.NoError(b, os.WriteFile(rules, []byte("groups: [{name: one, rules: [{record: a, expr: vector(1)}]}]\n"), 0o600))
	require.NoError(b, os.WriteFile(config, []byte(`
global: {scrape_interval: 15s, scrape_timeout: 10s, evaluation_interval: 30s}
rule_files: [rules.yml]
scrape_configs: [{job_name: none, static_configs: [{targets: ['127.0.0.1:1']}]}]
`), 0o600))
	p := launch(b, dir, config)
	requireSettle(b, p.c, 40*time.Second)

	for _, c := range []struct {
		name    string
		span    time.Duration
		columns int // of ours
		grafana time.Duration
	}{{"1h", time.Hour, 240, 15 * time.Second}, {"24h", 24 * time.Hour, 361, time.Minute}} {
		b.Run(c.name, func(b *testing.B) {
			ours := func(now time.Time) query.Grid { return query.Align(now, c.span, c.columns) }
			theirs := func(now time.Time) query.Grid { return query.Steps(now.Add(-c.span), now, c.grafana) }
			for b.Loop() {
				full := &metered{Client: p.c}
				fullCPU := passes(b, p.pid, full, theirs, until.Add(-4*time.Minute), until, nil)
				now := until.Add(-time.Hour)
				source := &metered{Client: p.c}
				cache := query.NewCache(source, query.CacheConfig{Now: func() time.Time { return now }})
				refresh(b, cache, ours(now)) // the first full look is not a refresh
				refresh(b, cache, ours(now))
				source.requests, source.samples = 0, 0
				cpu := passes(b, p.pid, cache, ours, now, until, &now)

				refreshes, fulls := 720.0, 48.0
				b.ReportMetric(float64(source.requests)/refreshes, "requests/refresh")
				b.ReportMetric(float64(source.samples)/refreshes, "samples/refresh")
				b.ReportMetric(float64(full.samples)/fulls, "full-samples/refresh")
				b.ReportMetric(float64(full.samples)/fulls/(float64(source.samples)/refreshes), "x-fewer-samples")
				b.ReportMetric(cpu.Seconds()*1e3/refreshes, "server-ms/refresh")
				b.ReportMetric(fullCPU.Seconds()*1e3/fulls, "full-server-ms/refresh")
				b.ReportMetric(fullCPU.Seconds()/fulls/(cpu.Seconds()/refreshes), "x-less-server-CPU")
				points, differ := differing(b, p.c, cache, ours, &now, until)
				b.ReportMetric(float64(points), "points-compared")
				b.ReportMetric(float64(differ), "points-differing")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// passes refreshes every 5 s of the past and gives the CPU that the server used.
func passes(b *testing.B, pid int, source query.Source, grid func(time.Time) query.Grid, from, until time.Time, now *time.Time) time.Duration {
	b.Helper()
	before := processCPU(b, pid)
	for t := from.Add(5 * time.Second); !t.After(until); t = t.Add(5 * time.Second) {
		if now != nil {
			*now = t
		}
		refresh(b, source, grid(t))
	}
	return processCPU(b, pid) - before
}

func refresh(b *testing.B, source query.Source, g query.Grid) []query.Frame {
	b.Helper()
	var all []query.Frame
	for _, expr := range nodePanels {
		f, err := source.Range(b.Context(), query.Interpolate(expr, query.Window{Step: g.Step, Span: g.Span()}), g)
		require.NoError(b, err)
		require.NotEmpty(b, f.Series)
		all = append(all, f)
	}
	return all
}

// differing looks at ten minutes more, through both ways.
func differing(b *testing.B, full query.Source, cache *query.Cache, grid func(time.Time) query.Grid, now *time.Time, until time.Time) (points, differ int) {
	b.Helper()
	for t := until; t.Before(until.Add(2 * time.Minute)); t = t.Add(15 * time.Second) {
		*now = t
		got, want := refresh(b, cache, grid(t)), refresh(b, full, grid(t))
		for i := range want {
			require.Len(b, got[i].Series, len(want[i].Series))
			for j, s := range want[i].Series {
				require.Equal(b, s.Legend, got[i].Series[j].Legend)
				for k, v := range s.Values {
					points++
					if !alike(v, got[i].Series[j].Values[k]) {
						differ++
					}
				}
			}
		}
	}
	return points, differ
}

// processCPU is the user and system time of a process, to a hundredth of a second.
func processCPU(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	require.NoError(b, err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	ticks := 0
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		require.NoError(b, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
