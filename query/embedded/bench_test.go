package embedded_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query/embedded"
)

// page500 is what an exporter with 500 series says.
func page500(turn int) string {
	var b strings.Builder
	for i := range 10 {
		fmt.Fprintf(&b, "# HELP m%d A metric.\n# TYPE m%d counter\n", i, i)
		for j := range 50 {
			fmt.Fprintf(&b, "m%d{device=\"disk%d\",mode=\"read\"} %d\n", i, j, turn*(j+1))
		}
	}
	return b.String()
}

// BenchmarkScrape is one scrape of 500 samples, without the network: reach 1 ms of CPU.
func BenchmarkScrape(b *testing.B) {
	p := &pages{}
	s, err := embedded.New(embedded.Config{ScrapeInterval: 5 * time.Second, Client: &http.Client{Transport: p}})
	require.NoError(b, err)
	s.SetTargets([]embedded.Target{{Job: "node", Instance: "a", URL: "http://a/metrics"}})
	turn := 0
	for b.Loop() {
		b.StopTimer()
		turn++
		p.set("http://a/metrics", page500(turn))
		b.StartTimer()
		s.Scrape(context.Background(), start.Add(time.Duration(turn)*5*time.Second))
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/scrape")
}

// BenchmarkMemory is what an hour of 3 targets with 500 series at 5 s costs in resident
// memory beside the same process that scrapes nothing: reach 10 MB. Each is a process
// of its own.
func BenchmarkMemory(b *testing.B) {
	if os.Getenv("SITREP_RSS") != "" {
		b.Skip("this is the process that is measured")
	}
	with, without := 0.0, 0.0 // means: where a collector stands at the end is chance
	for b.Loop() {
		with, without = with+rssOf(b, "3"), without+rssOf(b, "0")
	}
	b.ReportMetric((with-without)/1e6/float64(b.N), "MB-more")
	b.ReportMetric(without/1e6/float64(b.N), "MB-without")
}

func rssOf(b *testing.B, targets string) float64 {
	cmd := exec.Command(os.Args[0], "-test.run=^TestRSS$", "-test.v")
	cmd.Env = append(os.Environ(), "SITREP_RSS="+targets)
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, "%s", out)
	for line := range strings.Lines(string(out)) {
		if text, ok := strings.CutPrefix(line, "rss "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			require.NoError(b, err)
			return v
		}
	}
	b.Fatalf("no measurement: %s", out)
	return 0
}

// TestRSS is the process that BenchmarkMemory measures: an hour of scrapes, and what
// is resident then. By itself it shows that an hour is scraped.
func TestRSS(t *testing.T) {
	n, turns := 1, 10
	if text := os.Getenv("SITREP_RSS"); text != "" {
		n, _ = strconv.Atoi(text)
		turns = 720
	}
	p := &pages{}
	s, err := embedded.New(embedded.Config{ScrapeInterval: 5 * time.Second, Client: &http.Client{Transport: p}})
	require.NoError(t, err)
	var targets []embedded.Target
	for i := range n {
		targets = append(targets, embedded.Target{Job: "node", Instance: fmt.Sprint(i), URL: fmt.Sprintf("http://%d/metrics", i)})
	}
	s.SetTargets(targets)
	for turn := range turns {
		for i := range max(n, 3) { // who is compared with has the pages, too
			p.set(fmt.Sprintf("http://%d/metrics", i), page500(turn))
		}
		s.Scrape(t.Context(), start.Add(time.Duration(turn)*5*time.Second))
	}
	good, all := s.Up()
	require.Equal(t, all, good)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return // no Linux: nothing to measure by
	}
	for line := range bytes.Lines(status) {
		if f := strings.Fields(string(line)); len(f) == 3 && f[0] == "VmRSS:" {
			kb, err := strconv.ParseFloat(f[1], 64)
			require.NoError(t, err)
			fmt.Printf("rss %v\n", kb*1024)
		}
	}
}

// BenchmarkBinary is how much larger a program with a screen's parts, SQLite and a
// client becomes with this package: reach 7 MB. Neither program is ever written into
// the tree.
func BenchmarkBinary(b *testing.B) {
	for b.Loop() {
		with, without := sizeOf(b, true), sizeOf(b, false)
		b.ReportMetric((with-without)/1e6, "MB-more")
		b.ReportMetric(with/without, "ratio")
	}
}

func sizeOf(b *testing.B, with bool) float64 {
	dir := b.TempDir()
	src := `package main

import (
	"context"
	"os"
	"text/template"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui"
	%s
)

func main() {
	_ = template.Must(template.New("").Parse(os.Args[1])).Execute(os.Stdout, os.Args)
	_, _ = store.Open(context.Background(), os.Args[1])
	c, _ := query.NewClient(query.Config{URL: os.Args[1]})
	_ = query.Poll
	_ = query.NewCache(c, query.CacheConfig{})
	_ = tui.Run(context.Background(), tui.Options{})
	%s
}
`
	imports, use := "", ""
	if with {
		imports = `"github.com/sitrep-dev/sitrep/query/embedded"`
		use = `s, _ := embedded.NewStandby(embedded.StandbyConfig{Client: c, Probe: c, Cached: c})
	_ = s.Run(context.Background())
	_, _ = embedded.ReadFile("", "", nil)
	_, _ = embedded.Open()
	_, _ = s.Direct().Capsules(s.Recorded(), s.Recorded())`
	}
	file := filepath.Join(dir, "main.go")
	require.NoError(b, os.WriteFile(file, fmt.Appendf(nil, src, imports, use), 0o600))
	root, err := filepath.Abs("../..")
	require.NoError(b, err)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "cmd", "sizeprobe", "main.go"): file}})
	require.NoError(b, err)
	list := filepath.Join(dir, "overlay.json")
	require.NoError(b, os.WriteFile(list, overlay, 0o600))
	binary := filepath.Join(dir, "probe")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-overlay", list, "-o", binary, "./cmd/sizeprobe")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, "%s", out)
	info, err := os.Stat(binary)
	require.NoError(b, err)
	return float64(info.Size())
}

// BenchmarkFirstRate is the time from the death of a Prometheus to the first rate()
// of what is scraped directly, at a scrape interval of 5 s: reach 15 s.
func BenchmarkFirstRate(b *testing.B) {
	for b.Loop() {
		a, c := counting(b), counting(b)
		d := newDebian(b, fmt.Sprintf(countingConfig, "5s", "5s", a, c, a))
		s, _ := standIn(b, d, embedded.Cold)
		d.kill()
		killed := time.Now()
		for {
			f, err := s.Direct().Range(b.Context(), `sum by (job) (rate(requests_total{job="shop"}[20s]))`, gridNow())
			if err == nil && len(f.Series) > 0 {
				break
			}
			require.Less(b, time.Since(killed), time.Minute)
			time.Sleep(50 * time.Millisecond)
		}
		b.ReportMetric(time.Since(killed).Seconds(), "s-to-first-rate")
	}
}
