package health_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/sitrep-dev/sitrep/health"
)

// speaks is an address where every connection is handled by talk, until the test ends.
func speaks(t *testing.T, talk func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			wg.Go(func() { defer conn.Close(); talk(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// silent reads and says nothing.
func silent(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// endless says the same for ever.
func endless(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		for {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
	}
}

// A label that no metric can have ended the whole process when somebody asked for
// /metrics: it is refused where it is written.
func TestALabelThatNoMetricHas(t *testing.T) {
	_, err := health.Load("checks.yaml", []byte("checks:\n  - {name: one, memory: host, labels: {__x: a}}\n"), secrets)
	require.ErrorContains(t, err, `checks.yaml:2`)
	require.ErrorContains(t, err, `"__x" cannot be a label's name here`)
	runner := health.NewRunner(load(t, `checks: [{name: one, memory: host, service: "a\0b\e[31m", labels: {le: a, quantile: "\xff"}}]`))
	runner.Once(t.Context())
	reg := prometheus.NewRegistry()
	reg.MustRegister(runner)
	_, err = reg.Gather()
	require.NoError(t, err)
}

// Whoever repeats what it is sent gives no secret away: an echo, a server that knows no
// AUTH, words beside a status.
func TestSecretsAreNotRepeated(t *testing.T) {
	echo := speaks(t, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
	repeat := func(form string) string {
		return speaks(t, func(conn net.Conn) {
			got := make([]byte, 4096)
			n, _ := conn.Read(got)
			words := strings.Join(strings.Fields(string(got[:n])), " ")
			fmt.Fprintf(conn, form, words)
		})
	}
	for name, line := range map[string]string{
		"an echo of HTTP":  fmt.Sprintf(`http: "http://%s/?token=hush", bearer: "env:P"`, echo),
		"an echo of Redis": fmt.Sprintf(`redis: %q, password: "env:P"`, echo),
		"no AUTH":          fmt.Sprintf(`redis: %q, password: "env:P"`, repeat("-ERR unknown command 'AUTH', with args beginning with: '%s'\r\n")),
		"no Redis":         fmt.Sprintf(`redis: %q, password: "env:P"`, repeat("who are you? %s\r\n")),
		"a status":         fmt.Sprintf(`http: "http://%s/?token=hush", bearer: "env:P"`, repeat("HTTP/1.1 401 %s\r\nContent-Length: 0\r\n\r\n")),
		"another status":   fmt.Sprintf(`http: "http://%s/?token=hush", user: u, password: "env:P", status: [204]`, repeat("HTTP/1.1 200 %s\r\nContent-Length: 0\r\n\r\n")),
		"a header":         fmt.Sprintf(`http: "http://%s/?token=hush", bearer: "env:P"`, repeat("HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n")),
		"a redirect":       fmt.Sprintf(`http: "http://%s/?token=hush", bearer: "env:P"`, repeat("HTTP/1.1 302 Found\r\nLocation: http://%%zz/%s\r\nContent-Length: 0\r\n\r\n")),
	} {
		r := one(t, line+", every: 2s, timeout: 1s")
		require.Equal(t, health.Unhealthy, r.Status, name)
		t.Log(name, r.Reason)
		for _, secret := range []string{"hush", "dTpodXNo"} { // as it is, and as u:hush in basic authentication
			require.NotContains(t, r.Reason, secret, name)
		}
		require.NotEmpty(t, r.Reason, name)
	}
}

// What never ends is let go at the timeout or at a megabyte, and a look that is no
// longer wanted at once.
func TestServersWithoutAnEnd(t *testing.T) {
	trickle := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			for _, c := range []byte(text) {
				if _, err := conn.Write([]byte{c}); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
			silent(conn)
		}
	}
	large := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		part := make([]byte, 1<<20)
		for range 1 << 10 {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	}))
	defer large.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, line := range map[string]string{
		"http headers": fmt.Sprintf("http: 'http://%s/'", speaks(t, endless("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1000)))),
		"http informs": fmt.Sprintf("http: 'http://%s/'", speaks(t, endless("HTTP/1.1 103 Early Hints\r\n\r\n"))),
		"http silent":  fmt.Sprintf("http: 'http://%s/'", speaks(t, silent)),
		"http trickle": fmt.Sprintf("http: 'http://%s/'", speaks(t, trickle("HTTP/1.1 200 OK\r\n"))),
		"tls silent":   fmt.Sprintf("tls: %q", speaks(t, silent)),
		"tls endless":  fmt.Sprintf("tls: %q", speaks(t, endless("\x16\x03\x03\x40\x00"))),
		"grpc silent":  fmt.Sprintf("grpc: %q", speaks(t, silent)),
		"grpc endless": fmt.Sprintf("grpc: %q", speaks(t, endless("\x00\x00\x00\x04\x00\x00\x00\x00\x00"))),
		"redis":        fmt.Sprintf("redis: %q", speaks(t, trickle("+PONG\r\n"))),
		"redis long":   fmt.Sprintf("redis: %q", speaks(t, endless("+PONG"))),
		"postgres":     fmt.Sprintf("postgres: %q", speaks(t, trickle("E\x00\x00\xff\xff"))),
		"postgres big": fmt.Sprintf("postgres: %q", speaks(t, endless("E\xff\xff\xff\xff"))),
	} {
		r := one(t, line+", every: 2s, timeout: 400ms")
		require.Equal(t, health.Unhealthy, r.Status, name)
		require.NotEmpty(t, r.Reason, name)
		require.LessOrEqual(t, len(r.Reason), 310, name)
		t.Log(name, r.Reason)
	}
	good(t, one(t, fmt.Sprintf("http: %q", large.URL)), "")
	bad(t, one(t, fmt.Sprintf("http: %q, body: well", large.URL)), "does not say")
	runtime.ReadMemStats(&after)
	require.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, uint64(100))
	for _, kind := range []string{"http: 'http://%s/'", "tls: '%s'", "grpc: '%s'", "redis: '%s'", "postgres: '%s'"} {
		heard := make(chan struct{}, 8)
		address := speaks(t, func(conn net.Conn) { heard <- struct{}{}; silent(conn) })
		list := load(t, "checks:\n  - {name: one, "+fmt.Sprintf(kind, address)+", every: 24h, timeout: 24h}\n")
		ctx, cancel := context.WithCancel(t.Context())
		found := make(chan health.Result)
		go func() { found <- list[0].Look(ctx) }()
		<-heard
		cancel()
		require.Equal(t, health.Unknown, (<-found).Status, kind)
	}
}

// Frames of gRPC that lie about their length, messages that are none, statuses that
// nobody knows.
func TestHostileGRPC(t *testing.T) {
	type reply struct {
		answer []byte
		status string
	}
	var says atomic.Pointer[reply] // a handler may still write when the look is over
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		w.Header().Set("Content-Type", "application/grpc")
		now := says.Load()
		_, _ = w.Write(now.answer)
		w.Header().Set("Grpc-Status", now.status)
		w.Header().Set("Grpc-Message", "%1b[31m"+strings.Repeat("x", 5000))
	}))
	s.Config.Protocols = &http.Protocols{}
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	frame := func(claims uint32, body string) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{0}, claims), body...)
	}
	for name, c := range map[string]struct {
		answer []byte
		status string
		want   string
	}{
		"nothing":          {nil, "0", "no message of gRPC"},
		"more than came":   {frame(1<<32-1, "\x08\x01"), "0", "no message of gRPC"},
		"less than came":   {frame(1, "\x08\x01"), "0", "no message of gRPC"},
		"too much":         {frame(1<<20, strings.Repeat("x", 1<<20)), "0", "not in gRPC"},
		"a field cut":      {frame(1, "\x08"), "0", "no health of gRPC"},
		"a number cut":     {frame(11, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "0", "no health of gRPC"},
		"unknown status":   {frame(2, "\x08\x07"), "0", "the status 7"},
		"a status of text": {frame(2, "\x08\x01"), "\x1b", "gRPC"},
		"an error":         {nil, "13", "gRPC status 13"},
	} {
		says.Store(&reply{c.answer, c.status})
		r := one(t, fmt.Sprintf("grpc: %q, every: 2s, timeout: 1s", s.Listener.Addr()))
		bad(t, r, c.want)
		require.LessOrEqual(t, len(r.Reason), 310, name)
		t.Log(name, r.Reason[:min(len(r.Reason), 100)])
	}
}

// A server of names that leads in a ring, answers with 64 KiB or with nonsense.
func TestHostileNames(t *testing.T) {
	name := dnsmessage.MustNewName("shop.test.")
	other := dnsmessage.MustNewName("other.test.")
	serve := func(answer func(dnsmessage.Message) []byte) string {
		// over TCP: an answer over UDP that is cut short sends whoever asks here
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		packet, err := net.ListenPacket("udp", l.Addr().String())
		require.NoError(t, err)
		var wg sync.WaitGroup
		wg.Go(func() {
			buf := make([]byte, 1500)
			for {
				n, from, err := packet.ReadFrom(buf)
				if err != nil {
					return
				}
				var m dnsmessage.Message
				if m.Unpack(buf[:n]) == nil {
					m.Response, m.Truncated, m.Additionals = true, true, nil
					if raw, err := m.Pack(); err == nil {
						_, _ = packet.WriteTo(raw, from)
					}
				}
			}
		})
		wg.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				size := make([]byte, 2)
				if _, err := io.ReadFull(conn, size); err == nil {
					raw := make([]byte, binary.BigEndian.Uint16(size))
					var m dnsmessage.Message
					if _, err := io.ReadFull(conn, raw); err == nil && m.Unpack(raw) == nil {
						m.Response, m.Additionals = true, nil
						out := answer(m)
						_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
					}
				}
				_ = conn.Close()
			}
		})
		t.Cleanup(func() { _ = l.Close(); _ = packet.Close(); wg.Wait() })
		return l.Addr().String()
	}
	pack := func(m dnsmessage.Message, answers ...dnsmessage.Resource) []byte {
		m.Answers = answers
		raw, err := m.Pack()
		if err != nil {
			return nil
		}
		return raw
	}
	head := func(n dnsmessage.Name, t dnsmessage.Type) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: n, Type: t, Class: dnsmessage.ClassINET, TTL: 1}
	}
	ring := serve(func(m dnsmessage.Message) []byte {
		return pack(m,
			dnsmessage.Resource{Header: head(name, dnsmessage.TypeCNAME), Body: &dnsmessage.CNAMEResource{CNAME: other}},
			dnsmessage.Resource{Header: head(other, dnsmessage.TypeCNAME), Body: &dnsmessage.CNAMEResource{CNAME: name}})
	})
	many := serve(func(m dnsmessage.Message) []byte {
		var all []dnsmessage.Resource
		for i := range 4000 {
			all = append(all, dnsmessage.Resource{Header: head(name, dnsmessage.TypeA), Body: &dnsmessage.AResource{A: [4]byte{192, 0, byte(i >> 8), byte(i)}}})
		}
		return pack(m, all...)
	})
	words := serve(func(m dnsmessage.Message) []byte {
		return pack(m, dnsmessage.Resource{Header: head(name, dnsmessage.TypeTXT), Body: &dnsmessage.TXTResource{TXT: slicesOf("\x1b[31m\xff", 200, 250)}})
	})
	nonsense := serve(func(m dnsmessage.Message) []byte {
		return append(pack(m)[:12], []byte(strings.Repeat("\xc0\x0c", 30_000))...)
	})
	look := func(server, more string) health.Result {
		r := one(t, fmt.Sprintf("dns: shop.test, server: %q, every: 4s, timeout: 3s%s", server, more))
		require.LessOrEqual(t, len(r.Reason), 500)
		return r
	}
	bad(t, look(ring, ""), "")
	look(ring, ", record: CNAME") // either is true of a ring
	bad(t, look(many, ", answer: 10.0.0.1"), "its A is 192.0.")
	good(t, look(many, ", answer: 192.0.15.1"), "")
	bad(t, look(words, ", record: TXT, answer: well"), "its TXT is")
	bad(t, look(nonsense, ""), "")
}

func slicesOf(text string, n, size int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = strings.Repeat(text, size/len(text))
	}
	return all
}

// Old TLS is no good answer, and said to be the reason.
func TestOldTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10} //nolint:gosec // that is what is tried
	s.StartTLS()
	defer s.Close()
	bad(t, one(t, fmt.Sprintf("tls: %q", s.Listener.Addr())), "protocol version")
	bad(t, one(t, fmt.Sprintf("http: %q, insecure: true", s.URL)), "protocol version")
}

// Five hundred checks of a host that never answers are all looked at, and end when they
// are to.
func TestFiveHundredChecksOfASilentHost(t *testing.T) {
	address := speaks(t, silent)
	var text strings.Builder
	text.WriteString("checks:\n")
	for i := range 500 {
		fmt.Fprintf(&text, "  - {name: c%d, redis: %q, every: 2s, timeout: 50ms}\n", i, address)
	}
	runner := health.NewRunner(load(t, text.String()))
	for _, r := range runner.Once(t.Context()) {
		require.Equal(t, health.Unhealthy, r.Status)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- runner.Run(ctx) }()
	cancel()
	require.NoError(t, <-ended)
}
