package fault_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// web is a network whose server speaks HTTP.
type web struct {
	*network
	port   string
	target chaos.Target // the server
}

func newWeb(t testing.TB) web {
	n := newNetwork(t)
	w := web{network: n, port: n.server.ask(t, "http"), target: n.server.target}
	w.target.Find = &chaos.ProcessFind{Name: "db", Port: atoi(t, w.port)}
	require.Eventually(t, func() bool { return n.client.ask(t, "connect 10.9.0.2:"+w.port) == "ok" }, patience, tick)
	return w
}

func atoi(t testing.TB, text string) (n int) {
	_, err := fmt.Sscan(text, &n)
	require.NoError(t, err)
	return n
}

// plan resolves a fault of the server's requests.
func (w web) plan(id, name string, with chaos.With) chaos.Injection {
	inj, err := kind(w.t, name).Plan(w.t.Context(), id, step(name, with), w.target)
	require.NoError(w.t, err)
	require.Equal(w.t, chaos.TierKernel, inj.Tier)
	return inj
}

// dialIn connects from inside a namespace. mark is that of its packets, 0 is none.
func dialIn(t testing.TB, n chaos.Netns, address string, mark int) (conn *net.TCPConn, err error) {
	err = n.Do(func() error {
		d := net.Dialer{Timeout: patience, Control: func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) {
				if mark != 0 {
					require.NoError(t, unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, mark))
				}
			})
		}}
		c, err := d.Dial("tcp", address)
		if err == nil {
			conn = c.(*net.TCPConn)
			err = conn.SetDeadline(time.Now().Add(patience))
		}
		return err
	})
	return conn, err
}

// get asks from inside a namespace, by a connection of its own, and gives the status and
// the body, or what went wrong.
func get(t testing.TB, n chaos.Netns, address, path string) string {
	conn, err := dialIn(t, n, address, 0)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	return asked(conn, bufio.NewReader(conn), path)
}

func asked(conn net.Conn, in *bufio.Reader, path string) string {
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: s\r\n\r\n", path)
	if err != nil {
		return err.Error()
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return err.Error()
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Sprintf("%d %s, %v", res.StatusCode, body, err)
	}
	return fmt.Sprintf("%d %s", res.StatusCode, body)
}

// TestRedirect: each fault of requests as clients of the server see it, from another
// host by both families of addresses and from its own loopback.
func TestRedirect(t *testing.T) {
	if !alone(t) {
		return
	}
	w := newWeb(t)
	far, six, near := "10.9.0.2:"+w.port, "[fd09::2]:"+w.port, "127.0.0.1:"+w.port
	ways := map[string]chaos.Netns{far: w.client.netns, six: w.client.netns, near: w.server.netns}
	inj := w.plan("01hzzzzzzzzzzzzzzzzzzzzzzz-1", "http.error", chaos.With{"path": "/pay", "percent": "100", "reset_existing": "true"})
	through := "0"
	if _, rest, ok := strings.Cut(inj.Preview[1], "a proxy on port "); ok {
		through, _, _ = strings.Cut(rest, ",")
	}
	require.Equal(t, []string{
		`answer 100 % of the requests to "/pay" and below with 503 Service Unavailable for 30s`,
		fmt.Sprintf("in %s: a proxy on port %s, and new connections to port %s ([::1]:%s) are led to it; the server sees them come from this host", w.server.netns, through, w.port, w.port),
		"connections that are open are reset when their client next speaks",
		"nft -i   (its end is the table's)",
		"add table inet sitrep_zzzzzzzzzzzzzz_1 { flags owner; }",
		"add set inet sitrep_zzzzzzzzzzzzzz_1 live { type inet_proto; flags timeout; }",
		"add chain inet sitrep_zzzzzzzzzzzzzz_1 prerouting { type nat hook prerouting priority -100; policy accept; }",
		`add rule inet sitrep_zzzzzzzzzzzzzz_1 prerouting meta mark != 0x51731 meta l4proto @live tcp dport ` + w.port + ` fib daddr type local tcp flags & (fin | syn | rst | ack) == syn counter redirect to :` + through + ` comment "fault"`,
		"add chain inet sitrep_zzzzzzzzzzzzzz_1 output { type nat hook output priority -100; policy accept; }",
		`add rule inet sitrep_zzzzzzzzzzzzzz_1 output meta mark != 0x51731 meta l4proto @live tcp dport ` + w.port + ` fib daddr type local tcp flags & (fin | syn | rst | ack) == syn counter redirect to :` + through + ` comment "fault"`,
		"add chain inet sitrep_zzzzzzzzzzzzzz_1 input { type filter hook input priority -10; policy accept; }",
		`add rule inet sitrep_zzzzzzzzzzzzzz_1 input meta mark != 0x51731 meta l4proto @live tcp dport ` + w.port + ` tcp flags & (fin | syn | rst) == 0 counter reject with tcp reset comment "fault"`,
		"add element inet sitrep_zzzzzzzzzzzzzz_1 live { tcp timeout 33s }",
	}, inj.Preview)
	old, err := dialIn(t, w.client.netns, far, 0)
	require.NoError(t, err)
	defer old.Close()
	oldIn := bufio.NewReader(old)
	require.Equal(t, "200 GET /pay 0 s", asked(old, oldIn, "/pay"), "planning touches nothing")

	undo, gone := inject(t, inj)
	require.Contains(t, asked(old, oldIn, "/pay"), "connection reset by peer", "reset_existing")
	for address, netns := range ways {
		require.Equal(t, "503 an injected fault\n", get(t, netns, address, "/pay/now"), address)
		require.Equal(t, "200 GET /cart 0 s", get(t, netns, address, "/cart"), address)
	}
	require.Contains(t, effect(t, inj), "3 of 6 requests touched")
	require.Contains(t, get(t, w.client.netns, "10.9.0.2:"+through, "/cart"), "reset", "nobody goes through there by himself")
	_, err = kind(t, "http.abort").Plan(t.Context(), "f-9", step("http.abort", nil), w.target)
	require.ErrorContains(t, err, "refused R3 one-at-a-port: the fault of table sitrep_zzzzzzzzzzzzzz_1 has the connections to port "+w.port+" already")
	undone(t, undo, gone)

	for address, netns := range ways {
		require.Equal(t, "200 GET /pay/now 0 s", get(t, netns, address, "/pay/now"), address)
	}
	for i, c := range []struct {
		kind string
		with chaos.With
		want string
	}{
		{"http.abort", nil, "connection reset by peer"},
		{"http.truncate", chaos.With{"keep": "6"}, "200 GET /p, "},
		{"http.latency", chaos.With{"latency": "50ms"}, "200 GET /pay 0 s"},
		{"http.throttle", chaos.With{"rate": "1KiB"}, "200 GET /pay 0 s"},
	} {
		inj := w.plan(fmt.Sprintf("f-%d", i), c.kind, c.with)
		old, err := dialIn(t, w.client.netns, far, 0)
		require.NoError(t, err)
		in := bufio.NewReader(old)
		require.Equal(t, "200 GET / 0 s", asked(old, in, "/"))
		undo, gone := inject(t, inj)
		require.Equal(t, "200 GET / 0 s", asked(old, in, "/"), "a connection that is open stays as it is")
		require.NoError(t, old.Close())
		text, ok, err := inj.Injector.Observe(t.Context())
		require.NoError(t, err)
		require.False(t, ok, "nothing has met it: a run is inconclusive")
		require.Equal(t, "0 of 0 requests touched", text)
		for address, netns := range ways {
			began := time.Now()
			require.Contains(t, get(t, netns, address, "/pay"), c.want, c.kind)
			if c.kind == "http.latency" || c.kind == "http.throttle" {
				require.GreaterOrEqual(t, time.Since(began), 50*time.Millisecond)
			}
		}
		require.Contains(t, effect(t, inj), "3 of 3 requests touched")
		undone(t, undo, gone)
		require.Equal(t, "200 GET /pay 0 s", get(t, w.client.netns, far, "/pay"))
	}
}

// TestRedirectDeaths: whoever dies or hangs, connections go where they went before.
func TestRedirectDeaths(t *testing.T) {
	if !alone(t) {
		return
	}
	w := newWeb(t)
	at := "10.9.0.2:" + w.port
	direct := func() bool { return get(t, w.client.netns, at, "/") == "200 GET / 0 s" }
	undo, gone := inject(t, w.plan("f-1", "http.error", nil))
	require.False(t, direct())
	require.NoError(t, undo[0].Process.Signal(syscall.SIGKILL))
	undone(t, nil, gone)
	require.True(t, direct())

	s := step("http.error", nil)
	s.Duration = 1
	inj, err := kind(t, "http.error").Plan(t.Context(), "f-2", s, w.target)
	require.NoError(t, err)
	undo, gone = inject(t, inj)
	require.NoError(t, undo[0].Process.Signal(syscall.SIGSTOP))
	require.Eventually(t, func() bool {
		conn, err := dialIn(t, w.client.netns, at, 0)
		if err != nil {
			return false
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(200 * time.Millisecond)) // one that hangs says nothing
		return asked(conn, bufio.NewReader(conn), "/") == "200 GET / 0 s"
	}, patience, tick, "it hangs, and the kernel ends its time")
	undone(t, undo, gone)

	first, second := w.plan("f-3", "http.error", nil), w.plan("f-4", "http.abort", nil)
	undo, gone = inject(t, first)
	prepare(t, second)
	_, err = second.Injector.Inject(t.Context(), chaos.Armed{})
	require.ErrorContains(t, err, "refused R3 one-at-a-port: ", "another came between plan and deed")
	undone(t, undo, gone)
	require.True(t, direct())

	undo, gone = inject(t, w.plan("f-5", "http.error", nil))
	require.NoError(t, w.server.cmd.Process.Kill())
	undone(t, undo, gone)
}

// TestRedirectIsRefused where it would hurt somebody else, or do nothing.
func TestRedirectIsRefused(t *testing.T) {
	if !alone(t) {
		return
	}
	w := newWeb(t)
	for name, c := range map[string]struct {
		change func(*chaos.Target, *chaos.Step)
		want   string
	}{
		"no port":         {func(t *chaos.Target, _ *chaos.Step) { t.Find = nil }, "refused R10 no-port: which port of db is it about?"},
		"another port":    {func(_ *chaos.Target, s *chaos.Step) { s.With = chaos.With{"port": "1"} }, "does not listen on port 1"},
		"tls":             {func(t *chaos.Target, _ *chaos.Step) { t.Find = &chaos.ProcessFind{Port: t.Find.Port, TLS: true} }, "refused R10 encrypted: db speaks TLS"},
		"no proxy":        {func(_ *chaos.Target, s *chaos.Step) { s.Mechanism = "explicit" }, "refused R10 no-mechanism: db is no proxy"},
		"control path":    {func(t *chaos.Target, _ *chaos.Step) { t.Control = []string{"10.9.0.2:" + w.port} }, "refused R8 control-path: 10.9.0.2:" + w.port + " sees or ends the experiment"},
		"an unnamed host": {func(t *chaos.Target, _ *chaos.Step) { t.Host = &chaos.HostTarget{Name: "h", CPU: true} }, "refused R7 not-named: "},
	} {
		t.Run(name, func(t *testing.T) {
			target, s := w.target, step("http.error", nil)
			c.change(&target, &s)
			_, err := kind(t, "http.error").Plan(t.Context(), "f-1", s, target)
			require.ErrorIs(t, err, chaos.ErrRefused)
			require.ErrorContains(t, err, c.want)
		})
	}
	other := w.client.target // which does not listen there
	me, err := w.target.Process()
	require.NoError(t, err)
	them, err := other.Process()
	require.NoError(t, err)
	w.target.Peers = []chaos.Process{me, them}
	w.plan("f-1", "http.error", nil)
}

// TestRedirectOfHost is about a port of this host that the configuration names, and of
// nobody who is protected.
func TestRedirectOfHost(t *testing.T) {
	if !alone(t) {
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	target := chaos.Target{Name: "host", Service: "shop", Host: &chaos.HostTarget{Name: "host", Service: "shop", Port: port}}
	_, err = kind(t, "http.error").Plan(t.Context(), "f-1", step("http.error", nil), target)
	require.ErrorContains(t, err, fmt.Sprintf("refused R7 protected: port %d: process %d is sitrep", port, os.Getpid()))
	_, err = kind(t, "http.error").Plan(t.Context(), "f-1", step("http.error", chaos.With{"port": "1"}), target)
	require.ErrorContains(t, err, "refused R7 not-named: chaos.hosts does not name port 1 of host")
	require.NoError(t, l.Close())

	inj, err := kind(t, "http.error").Plan(t.Context(), "f-1", step("http.error", chaos.With{"body": "no"}), target)
	require.NoError(t, err)
	undo, gone := inject(t, inj)
	require.Contains(t, get(t, own(t), fmt.Sprintf("127.0.0.1:%d", port), "/"), "reset", "nobody is behind the proxy")
	undone(t, undo, gone)
}

// BenchmarkRedirectHeals is how long after the death of its holder a fault is still met.
func BenchmarkRedirectHeals(b *testing.B) {
	if !alone(b) {
		return
	}
	w := newWeb(b)
	at := "10.9.0.2:" + w.port
	var took []time.Duration
	for i := range 20 {
		undo, gone := inject(b, w.plan(fmt.Sprintf("f-%d", i), "http.error", nil))
		require.Contains(b, get(b, w.client.netns, at, "/"), "503")
		require.NoError(b, undo[0].Process.Signal(syscall.SIGKILL))
		began := time.Now()
		for get(b, w.client.netns, at, "/") != "200 GET / 0 s" {
		}
		took = append(took, time.Since(began))
		undone(b, undo, gone)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "max-ms")
	require.LessOrEqual(b, took[len(took)/2], 250*time.Millisecond, "five times of what is meant")
}

// BenchmarkProxyOverhead is what a request costs more that is not hurt, on a connection
// that is kept: the same client asks in turn through the proxy, by a mark past it, and
// through it on a connection that is passed without a look, as the head of its first
// request was too long for one. That is what a process on the way costs, whatever it does.
func BenchmarkProxyOverhead(b *testing.B) {
	if !alone(b) {
		return
	}
	w := newWeb(b)
	at := "127.0.0.1:" + w.port
	undo, gone := inject(b, w.plan("f-1", "http.error", chaos.With{"path": "/pay"}))
	var ways [3]struct {
		conn *net.TCPConn
		in   *bufio.Reader
		took []time.Duration
	}
	for i, mark := range []int{0, 0x51731, 0} {
		conn, err := dialIn(b, w.server.netns, at, mark)
		require.NoError(b, err)
		defer conn.Close()
		ways[i].conn, ways[i].in = conn, bufio.NewReader(conn)
	}
	require.Equal(b, "503 an injected fault\n", asked(ways[0].conn, ways[0].in, "/pay"))
	require.Equal(b, "200 GET /pay 0 s", asked(ways[1].conn, ways[1].in, "/pay"))
	require.Equal(b, "200 GET / 0 s", asked(ways[2].conn, ways[2].in, "/?"+strings.Repeat("x", 70<<10)))
	for range 3000 {
		for i := range ways {
			began := time.Now()
			require.Equal(b, "200 GET / 0 s", asked(ways[i].conn, ways[i].in, "/"))
			ways[i].took = append(ways[i].took, time.Since(began))
		}
	}
	for i := range ways {
		slices.Sort(ways[i].took)
	}
	at99 := func(i int) float64 { return float64(ways[i].took[len(ways[i].took)*99/100].Microseconds()) }
	p50 := func(i int) float64 { return float64(ways[i].took[len(ways[i].took)/2].Nanoseconds()) / 1000 }
	b.ReportMetric(p50(1), "direct-p50-µs")
	b.ReportMetric(p50(0)-p50(1), "added-p50-µs")
	b.ReportMetric(p50(2)-p50(1), "unseen-p50-µs")
	b.ReportMetric(at99(0)-at99(1), "added-p99-µs")
	undone(b, undo, gone)
}
