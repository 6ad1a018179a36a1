package health_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/sitrep-dev/sitrep/health"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secrets are what the checks of these tests may know.
func secrets(_ context.Context, s health.Secret) (string, error) {
	v, ok := map[health.Secret]string{"env:P": "hush", "env:WRONG": "wrong"}[s]
	if !ok {
		return "", errors.New("the environment variable is not set")
	}
	return v, nil
}

func load(t *testing.T, text string) []health.Check {
	t.Helper()
	list, err := health.Load(filepath.Join(t.TempDir(), "checks.yaml"), []byte(text), secrets)
	require.NoError(t, err)
	return list
}

// one looks once at the check that is written in a line.
func one(t *testing.T, line string) health.Result {
	t.Helper()
	return load(t, "checks:\n  - {name: one, "+line+"}\n")[0].Look(t.Context())
}

func good(t *testing.T, r health.Result, _ string) {
	t.Helper()
	require.Equal(t, health.Healthy, r.Status, r.Reason)
	require.Empty(t, r.Reason)
	require.False(t, math.IsNaN(r.Value))
}

func bad(t *testing.T, r health.Result, reason string) {
	t.Helper()
	require.Equal(t, health.Unhealthy, r.Status, r.Reason)
	require.Contains(t, r.Reason, reason)
	require.NotContains(t, r.Reason, "hush")
}

// answers is an address that says what is given to whoever has said something.
func answers(t *testing.T, text string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = conn.Write([]byte(text))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func TestPages(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/moved":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "short")
		case "/hangs":
			<-r.Context().Done()
		case "/in":
			if _, p, _ := r.BasicAuth(); p != "hush" && r.Header.Get("Authorization") != "Bearer hush" {
				w.WriteHeader(http.StatusUnauthorized)
			}
		default:
			fmt.Fprintf(w, "all is %s at %s", r.Header.Get("X-Word"), r.Host)
		}
	}))
	defer s.Close()
	look := func(path, more string) health.Result { return one(t, fmt.Sprintf("http: %q%s", s.URL+path, more)) }
	good(t, look("/", ""), "")
	good(t, look("/", `, headers: {X-Word: well, host: shop.example.com}, body: "all is well at shop.example.com"`), "")
	bad(t, look("/", ", body: well"), `200 OK, but the page does not say "well"`)
	bad(t, look("/down?token=hush", ""), "503 Service Unavailable")
	good(t, look("/down", ", status: [503]"), "")
	bad(t, look("/moved", ""), "302 Found")
	bad(t, look("/moved", ", status: [200, 301]"), "302 Found, expected 200 or 301")
	bad(t, look("/cut", ""), "broke off")
	bad(t, look("/hangs?token=hush", ", every: 1s, timeout: 200ms"), "no answer within 200ms")
	good(t, look("/in", `, bearer: "env:P"`), "")
	good(t, look("/in", `, user: u, password: "env:P"`), "")
	bad(t, look("/in", ""), "401")
	require.Equal(t, health.Unknown, look("/in", `, bearer: "env:NOT_SET"`).Status)
	bad(t, look("/", ", every: 1s, timeout: 500ms, slower_than: 1ns"), "more than")
	s.Close()
	bad(t, look("/?token=hush", ""), "connection refused")
}

func TestCertificates(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pemOf(s.Certificate()), 0o600))
	address := s.Listener.Addr().String()
	left := time.Until(s.Certificate().NotAfter)
	r := one(t, fmt.Sprintf("tls: %q, ca: %q, server_name: example.com", address, ca))
	good(t, r, "")
	require.InDelta(t, left.Seconds(), r.Value, 60)
	r = one(t, fmt.Sprintf("tls: %q, ca: %q, server_name: example.com, lasts: %dh", address, ca, int(left.Hours())+24))
	bad(t, r, "the certificate ends in")
	r = one(t, fmt.Sprintf("tls: %q", address))
	bad(t, r, "certificate")
	require.InDelta(t, left.Seconds(), r.Value, 60, "its end is known although it is not trusted")
	bad(t, one(t, fmt.Sprintf("tls: %q, ca: %q, server_name: other.test", address, ca)), "other.test")
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	bad(t, one(t, fmt.Sprintf("tls: %q, timeout: 2s", plain.Listener.Addr())), "")

	good(t, one(t, fmt.Sprintf("http: %q, ca: %q, server_name: example.com, status: [404]", s.URL, ca)), "")
	good(t, one(t, fmt.Sprintf("http: %q, insecure: true, status: [404]", s.URL)), "")
	bad(t, one(t, fmt.Sprintf("http: %q, status: [404]", s.URL)), "certificate")
}

func TestPorts(t *testing.T) {
	address := answers(t, "")
	good(t, one(t, fmt.Sprintf("tcp: %q", address)), "")
	bad(t, one(t, fmt.Sprintf("tcp: %q", free(t))), "connection refused")
}

func TestNames(t *testing.T) {
	server := nameServer(t)
	look := func(name, more string) health.Result {
		return one(t, fmt.Sprintf("dns: %s, server: %q%s", name, server, more))
	}
	good(t, look("shop.test", ""), "")
	good(t, look("shop.test", ", answer: 192.0.2.7"), "")
	bad(t, look("shop.test", ", answer: 192.0.2.8"), "its A is 192.0.2.7, not 192.0.2.8")
	good(t, look("shop.test", ", record: txt, answer: well"), "")
	good(t, look("shop.test", ", record: MX, answer: mail.shop.test"), "")
	bad(t, look("shop.test", ", record: AAAA"), "there is no AAAA of it")
	bad(t, look("none.test", ""), "there is no A of it")
	bad(t, one(t, fmt.Sprintf("dns: shop.test, server: %q, every: 1s, timeout: 300ms", free(t))), "")
}

// nameServer answers for shop.test over UDP.
func nameServer(t *testing.T) string {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			q := m.Questions[0]
			head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}
			switch {
			case q.Name.String() != "shop.test.":
				m.RCode = dnsmessage.RCodeNameError
			case q.Type == dnsmessage.TypeA:
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}}}}
			case q.Type == dnsmessage.TypeTXT:
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.TXTResource{TXT: []string{"well"}}}}
			case q.Type == dnsmessage.TypeMX:
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.MXResource{MX: dnsmessage.MustNewName("mail.shop.test.")}}}
			}
			raw, err := m.Pack()
			if err == nil {
				_, _ = conn.WriteTo(raw, from)
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return conn.LocalAddr().String()
}

// Where this user may not send echo requests, the check says so, and is no failure of
// the host.
func TestEcho(t *testing.T) {
	r := one(t, "icmp: 127.0.0.1")
	if r.Status == health.Unknown {
		require.Contains(t, r.Reason, "net.ipv4.ping_group_range")
		return
	}
	good(t, r, "")
	bad(t, one(t, "icmp: host.invalid, timeout: 2s"), "")
}

func TestThisHost(t *testing.T) {
	for _, c := range []string{"memory: host, below: 100%", "disk: /, below: 100%", "network: lo, below: 100%"} {
		r := one(t, c)
		good(t, r, "")
		require.GreaterOrEqual(t, r.Value, 0.0, c)
		require.Less(t, r.Value, 1.0, c)
	}
	busy := one(t, "cpu: host")
	require.NotEqual(t, health.Unknown, busy.Status, busy.Reason) // which of the others is not this test's business
	require.True(t, busy.Value >= 0 && busy.Value <= 1, busy.Value)
	bad(t, one(t, "memory: host, below: 0.0001%"), "not below")
	bad(t, one(t, "disk: /no/such/path"), "no such file")
	bad(t, one(t, "network: nope0"), "there is no such interface; there are [")
}

func TestHostileRedis(t *testing.T) {
	for text, want := range map[string]string{
		"HTTP/1.1 400 Bad Request\r\n\r\n": "is it a Redis?", "-ERR \x1b[31mno\r\n": "ERR", "": "hung up", strings.Repeat("x", 10_000): "",
	} {
		r := one(t, fmt.Sprintf("redis: %q, every: 1s", answers(t, text)))
		bad(t, r, want)
		require.Less(t, len(r.Reason), 400)
	}
}

func TestMetrics(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer page.Close()
	runner := health.NewRunner(load(t, fmt.Sprintf(`checks:
  - {name: up, service: shop, labels: {env: lab}, http: %[1]q}
  - {name: down, service: shop, http: "%[1]s/down"}
  - {name: secret, http: %[1]q, bearer: "env:NOT_SET"}
  - {name: room, disk: /, below: 100%%}
`, page.URL)))
	reg := prometheus.NewRegistry()
	reg.MustRegister(runner)
	got, err := reg.Gather()
	require.NoError(t, err)
	require.Empty(t, got, "nobody has looked yet")
	require.Equal(t, health.Unknown, health.Verdict(runner.Results()))

	found := runner.Once(t.Context())
	require.Equal(t, health.Unhealthy, health.Verdict(found))
	runner.Once(t.Context())
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP probe_success 1 if the latest look was a good one.
# TYPE probe_success gauge
probe_success{check="down",service="shop",type="http"} 0
probe_success{check="room",service="",type="disk"} 1
probe_success{check="up",env="lab",service="shop",type="http"} 1
# HELP sitrep_check_looks_total Looks, by whether they were good ones.
# TYPE sitrep_check_looks_total counter
sitrep_check_looks_total{check="down",result="bad",service="shop",type="http"} 2
sitrep_check_looks_total{check="down",result="good",service="shop",type="http"} 0
sitrep_check_looks_total{check="room",result="bad",service="",type="disk"} 0
sitrep_check_looks_total{check="room",result="good",service="",type="disk"} 2
sitrep_check_looks_total{check="secret",result="bad",service="",type="http"} 0
sitrep_check_looks_total{check="secret",result="good",service="",type="http"} 0
sitrep_check_looks_total{check="up",env="lab",result="bad",service="shop",type="http"} 0
sitrep_check_looks_total{check="up",env="lab",result="good",service="shop",type="http"} 2
`), "probe_success", "sitrep_check_looks_total"))
	require.Equal(t, 1, testutil.CollectAndCount(reg, "sitrep_check_usage_ratio"))
}
