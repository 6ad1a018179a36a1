//go:build peers

package loadtest

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
)

// What is measured beside others, in one run, on one server: `make load-peers`. It needs
// nginx, wrk and hey of Debian; vegeta is built from its own module below peers/.

const peerConnections = 50

// spent is what one tool did in one round.
type spent struct {
	requests float64
	wall     time.Duration
	cpu      time.Duration
}

// BenchmarkPeersRate is how many requests a second each sends at the most, and the CPU that
// one costs, against one worker of nginx. Requests are those that nginx counted.
func BenchmarkPeersRate(b *testing.B) {
	addr := nginx(b)
	url := "http://" + addr + "/"
	vegeta := vegetaProgram(b)
	const round = 4 * time.Second
	tools := []struct {
		name string
		run  func() time.Duration // its CPU
	}{
		{"wrk -t1 -c50", func() time.Duration { return toolCPU(b, "wrk", "-t1", "-c50", "-d4s", url) }},
		{"sitrep", func() time.Duration {
			before := cpu(b)
			ourRate(b, addr, round)
			return cpu(b) - before
		}},
		{"net/http, nothing measured", func() time.Duration {
			before := cpu(b)
			for until := time.Now().Add(round); time.Now().Before(until); {
				theirRequests(b, addr, 5000)
			}
			return cpu(b) - before
		}},
		{"vegeta as a library, 50 workers", func() time.Duration {
			return toolCPU(b, vegeta, "-url", url, "-for", "4s", "-workers", "50")
		}},
		{"hey -c 50", func() time.Duration { return toolCPU(b, "hey", "-c", "50", "-z", "4s", url) }},
	}
	seen := make([][]spent, len(tools))
	const rounds = 5
	for r := range rounds {
		for i := range tools { // in another order every time: all see the same weather
			k := (i*(r%2*2-1) + r + 2*len(tools)) % len(tools)
			before, began := served(b, addr), time.Now()
			used := tools[k].run()
			wall := time.Since(began)
			seen[k] = append(seen[k], spent{served(b, addr) - before, wall, used})
		}
	}
	rate := func(s spent) float64 { return s.requests / s.wall.Seconds() }
	each := func(s spent) float64 { return s.cpu.Seconds() / s.requests * 1e6 }
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "\nMEDIAN OF %d\tREQUESTS/S\tX WRK\tCPU µs EACH\tX WRK\n", rounds)
	for i, t := range tools {
		fmt.Fprintf(out, "%s\t%.0f\t%.2f\t%.1f\t%.2f\n", t.name, median(seen[i], rate), median(seen[i], rate)/median(seen[0], rate), median(seen[i], each), median(seen[i], each)/median(seen[0], each))
	}
	require.NoError(b, out.Flush())
	b.ReportMetric(median(seen[1], rate)/median(seen[0], rate), "rate/wrk")
	b.ReportMetric(median(seen[1], each)/median(seen[0], each), "cpu/wrk")
}

// BenchmarkPeersTruth is what each tells of a server that answers nobody in the first of
// every five seconds, at 1,000 requests a second for four such cycles. A fifth of the
// requests waits for the rest of that second: P(L > x) = 0.2 (1 - x).
func BenchmarkPeersTruth(b *testing.B) {
	addr, cycle := stalling(b)
	url := "http://" + addr + "/"
	vegeta := vegetaProgram(b)
	const rate, length = 1000, 20 * time.Second
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "\nTOLD / TRUE\tSENT\tP50 ms\tP95 ms\tP99 ms\n")
	row := func(name string, sent float64, p50, p95, p99 time.Duration) {
		ms := func(d time.Duration) float64 { return d.Seconds() * 1000 }
		fmt.Fprintf(out, "%s\t%.0f %%\t%.2f\t%.0f (%.3fx)\t%.0f (%.3fx)\n", name, 100*sent/rate/length.Seconds(), ms(p50), ms(p95), ms(p95)/750, ms(p99), ms(p99)/950)
	}
	row("the truth, the drain left out", rate*length.Seconds(), 0, 750*time.Millisecond, 950*time.Millisecond)
	for name, connections := range map[string]int{"sitrep, 50 connections": 50, "sitrep, up to 2,000": 2000} {
		cycle()
		plan := planOf(rate, length)
		plan.Targets[0].URL, plan.Connections, plan.Timeout = url, connections, time.Minute
		plan = plan.withDefaults()
		ends, of, err := plan.resolve(b.Context(), nil)
		require.NoError(b, err)
		r := engineOf(plan, ends, of, dialTCP).run(b.Context(), func(Progress) {})
		require.Zero(b, r.Errors, "%v", r.ErrorsByClass)
		row(name+", "+string(r.Generator), float64(r.Requests), r.Latency.P50, r.Latency.P95, r.Latency.P99)
	}
	for name, args := range map[string][]string{"vegeta as a library": nil, "vegeta, 50 workers": {"-workers", "50"}} {
		cycle()
		var told map[string]float64
		require.NoError(b, json.Unmarshal(tool(b, vegeta, append([]string{"-url", url, "-rate", "1000", "-for", "20s"}, args...)...), &told))
		s := func(key string) time.Duration { return time.Duration(told[key] * 1e9) }
		row(name, told["requests"], s("p50"), s("p95"), s("p99"))
	}
	for _, c := range []string{"20", "50"} {
		each := strconv.Itoa(rate / map[string]int{"20": 20, "50": 50}[c])
		cycle()
		text := string(tool(b, "hey", "-c", c, "-q", each, "-z", "20s", url))
		in := func(percent string) time.Duration {
			m := regexp.MustCompile(percent + `% in ([0-9.]+) secs`).FindStringSubmatch(text)
			require.NotNil(b, m, text)
			v, err := strconv.ParseFloat(m[1], 64)
			require.NoError(b, err)
			return time.Duration(v * 1e9)
		}
		sent := regexp.MustCompile(`\[200\]\s+(\d+) responses`).FindStringSubmatch(text)
		require.NotNil(b, sent, text)
		n, err := strconv.Atoi(sent[1])
		require.NoError(b, err)
		row("hey -c "+c, float64(n), in("50"), in("95"), in("99"))
	}
	require.NoError(b, out.Flush())
}

// ourRate sends with the whole engine as fast as it can: all is due at once, so that the
// cap of plans is not asked.
func ourRate(b *testing.B, addr string, length time.Duration) {
	for until, n := time.Now().Add(length), 20_000; time.Now().Before(until); {
		plan := planOf(1e9, time.Duration(n))
		plan.Targets[0].URL, plan.Connections, plan.Timeout = "http://"+addr+"/", peerConnections, time.Minute
		plan = plan.withDefaults()
		ends, of, err := plan.resolve(b.Context(), nil)
		require.NoError(b, err)
		began := time.Now()
		r := engineOf(plan, ends, of, dialTCP).run(b.Context(), func(Progress) {})
		require.Zero(b, r.Errors, "%v", r.ErrorsByClass)
		if left := time.Until(until); left > 0 { // one run as long as what is left, so that starts do not count
			n = max(5000, int(float64(n)*left.Seconds()/time.Since(began).Seconds()))
		}
	}
}

func median(all []spent, of func(spent) float64) float64 {
	values := make([]float64, len(all))
	for i, s := range all {
		values[i] = of(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// tool runs a program to its end and returns what it printed.
func tool(b *testing.B, name string, args ...string) []byte {
	out, _ := runTool(b, name, args...)
	return out
}

func toolCPU(b *testing.B, name string, args ...string) time.Duration {
	_, used := runTool(b, name, args...)
	return used
}

func runTool(b *testing.B, name string, args ...string) (out []byte, used time.Duration) {
	path, err := exec.LookPath(name)
	require.NoError(b, err, "%s is missing: make load-peers says what it needs", name)
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	out, err = cmd.Output()
	require.NoError(b, err)
	return out, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

func vegetaProgram(b *testing.B) string {
	path := filepath.Join(b.TempDir(), "vegeta")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = filepath.Join("peers", "vegeta")
	out, err := build.CombinedOutput()
	require.NoError(b, err, "%s", out)
	return path
}

// nginx is one worker that answers 71 bytes on a port of loopback.
func nginx(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	addr := l.Addr().String()
	require.NoError(b, l.Close())
	dir := b.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	body := `{"status":"ok","items":[1,2,3,4,5,6,7,8,9],"total":45,"currency":"EUR"}`
	require.NoError(b, os.WriteFile(conf, fmt.Appendf(nil, `daemon off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  server { listen %[2]s; location / { return 200 '%[3]s'; } location /counted { stub_status; } }
}
`, dir, addr, body), 0o600))
	path, err := exec.LookPath("nginx")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/nginx")
	}
	require.NoError(b, err, "nginx is missing: make load-peers says what it needs")
	cmd := exec.Command(path, "-c", conf)
	cmd.Stderr = os.Stderr
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	require.Eventually(b, func() bool {
		conn, err := net.Dial("tcp", addr)
		return err == nil && conn.Close() == nil
	}, 10*time.Second, 10*time.Millisecond)
	return addr
}

// served is how many requests nginx has had.
func served(b *testing.B, addr string) float64 {
	res, err := http.Get("http://" + addr + "/counted")
	require.NoError(b, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(b, err)
	fields := strings.Fields(strings.Split(string(text), "\n")[2]) // accepts handled requests
	n, err := strconv.ParseFloat(cmp.Or(fields[2], "?"), 64)
	require.NoError(b, err)
	return n
}

// stalling answers at once, but for the first of every five seconds, in which it answers
// nobody. It is a process of its own; cycle waits until such a second begins.
func stalling(b *testing.B) (addr string, cycle func()) {
	exe, err := os.Executable()
	require.NoError(b, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "SITREP_TEST_SERVER=1", "SITREP_TEST_STALLS=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		require.NoError(b, in.Close())
		require.NoError(b, cmd.Wait())
	})
	addr, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	return strings.TrimSpace(addr), func() {
		now := time.Now()
		time.Sleep(now.Truncate(stallEvery).Add(stallEvery).Sub(now))
	}
}
