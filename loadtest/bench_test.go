package loadtest

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// cannedConn answers every request at once, without a kernel.
type cannedConn struct {
	net.Conn
	left string
}

func (c *cannedConn) Read(b []byte) (int, error) {
	n := copy(b, c.left)
	c.left = c.left[n:]
	return n, nil
}

func (c *cannedConn) Write(b []byte) (int, error) {
	c.left = canned
	return len(b), nil
}

func (*cannedConn) SetDeadline(time.Time) error { return nil }
func (*cannedConn) Close() error                { return nil }

// From the ticket to the recorded sample nothing is allocated.
func TestServingAllocatesNothing(t *testing.T) {
	plan := planOf(1000, time.Hour).withDefaults()
	dial := func(context.Context, netip.AddrPort) (net.Conn, error) { return &cannedConn{}, nil }
	e := engineOf(plan, []endpoint{{host: "x:80", addrs: make([]netip.AddrPort, 1)}}, []int{0}, dial)
	w := e.newWorker(0)
	w.connect(t.Context())
	e.start = time.Now().Add(-time.Second)
	rec := newRecorder(plan, e.table.Load().Schedule)
	serve := func() {
		a, ok := w.next()
		if !ok {
			t.Fatal("out of arrivals")
		}
		w.serve(t.Context(), a, e.start)
		e.drain(rec)
	}
	for range 10 {
		serve()
	}
	require.Zero(t, testing.AllocsPerRun(500, serve))
	require.Empty(t, rec.errors)
}

func benchServer(b *testing.B) string {
	b.Helper()
	exe, err := os.Executable()
	require.NoError(b, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "SITREP_TEST_SERVER=1")
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
	addr, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	return strings.TrimSpace(addr)
}

// cpu is what this process has used so far.
func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const benchConnections = 16

// ourRequests sends n requests with the whole engine: tickets, connections,
// three histograms, progress. All are due at once, so it goes as fast as it can.
func ourRequests(b *testing.B, addr string, n int) {
	plan := planOf(1e9, time.Duration(n))
	plan.Targets[0].URL, plan.Connections = "http://"+addr+"/", benchConnections
	plan.Timeout = time.Minute
	plan = plan.withDefaults()
	ends, of, err := plan.resolve(b.Context(), nil)
	require.NoError(b, err)
	r := engineOf(plan, ends, of, dialTCP).run(b.Context(), func(Progress) {})
	require.EqualValues(b, n, r.Requests)
	require.Zero(b, r.Errors, "%v", r.ErrorsByClass)
}

// theirRequests sends n requests with net/http and measures nothing.
func theirRequests(b *testing.B, addr string, n int) {
	transport := &http.Transport{MaxIdleConnsPerHost: benchConnections, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	var left atomic.Int64
	left.Store(int64(n))
	var group sync.WaitGroup
	for range benchConnections {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				resp, err := client.Get("http://" + addr + "/")
				if err != nil {
					b.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					b.Error(err)
				}
				resp.Body.Close()
			}
		})
	}
	group.Wait()
}

// BenchmarkAgainstNetHTTP prints the CPU of the whole engine for a request, and
// as a share of what a bare net/http client needs in the same run.
func BenchmarkAgainstNetHTTP(b *testing.B) {
	addr := benchServer(b)
	ourRequests(b, addr, 100)
	theirRequests(b, addr, 100)
	var ours, theirs, ourWall, theirWall time.Duration
	b.ResetTimer()
	const round = 5000
	for done := 0; done < b.N; done += round { // interleaved: both see the same weather
		n := min(round, b.N-done)
		c, t := cpu(b), time.Now()
		ourRequests(b, addr, n)
		c, ours, t, ourWall = cpu(b), ours+cpu(b)-c, time.Now(), ourWall+time.Since(t)
		theirRequests(b, addr, n)
		theirs, theirWall = theirs+cpu(b)-c, theirWall+time.Since(t)
	}
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N), "cpu-µs/req")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "cpu/net-http")
	b.ReportMetric(theirWall.Seconds()/ourWall.Seconds(), "rate/net-http")
}

// BenchmarkDriver is one connection against the other end of a real socket.
func BenchmarkDriver(b *testing.B) {
	addr := netip.MustParseAddrPort(benchServer(b))
	c := newConn(endpoint{host: addr.String(), addrs: []netip.AddrPort{addr}}, dialTCP, timeouts{whole: time.Minute})
	defer c.close()
	req := newRequest(Target{Method: "GET", URL: "http://" + addr.String() + "/"}, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.exchange(b.Context(), req, req.bytes, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDue(b *testing.B) {
	s := NewSchedule([]Stage{{0, 1000, time.Minute}, {1000, 1000, time.Hour}, {1000, 0, time.Minute}})
	n := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		s.Due(n % s.Total())
		n += 997
	}
}

func BenchmarkParse(b *testing.B) {
	c := &cannedConn{}
	r := newResponseReader(c)
	b.ReportAllocs()
	for b.Loop() {
		c.left = canned
		if _, err := r.read(false); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTick is what the tenth of a second costs beside the requests: the progress that a
// screen is shown, of a run with a wide distribution. Ten of them are a second's.
func BenchmarkTick(b *testing.B) {
	plan := planOf(1000, time.Hour).withDefaults()
	rec := newRecorder(plan, NewSchedule(plan.Stages))
	for n := range int64(100_000) {
		d := time.Duration(n%997) * 100 * time.Microsecond
		rec.record(sample{n: n, done: d, response: d, service: d, lag: time.Duration(n%89) * time.Microsecond, late: true})
	}
	for b.Loop() {
		rec.progress(30 * time.Second)
	}
	b.ReportMetric(10*100*b.Elapsed().Seconds()/float64(b.N), "%-of-a-CPU-at-10Hz")
}
