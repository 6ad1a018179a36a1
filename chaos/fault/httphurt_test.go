package fault

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestProxyHurts is each fault as a client sees it.
func TestProxyHurts(t *testing.T) {
	server := shop(t)
	const end = " HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n"
	fresh := func(t *testing.T, h hurt) (*liveHurt, string) {
		p, through := before(t, server, false)
		return hurtBy(t, p, h), through
	}
	t.Run("error", func(t *testing.T) {
		f, through := fresh(t, hurt{Kind: "http.error", Status: 503, Body: "so sorry\n", Match: match{Methods: []string{"POST", "HEAD"}, Pattern: "^/p[0-9]?$"}})
		answer := say(t, through, "POST /p1?q HTTP/1.1\r\nHost: s\r\nContent-Length: 5\r\n\r\nhelloGET /p HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n")
		require.Regexp(t, `(?s)^HTTP/1.1 503 Service Unavailable\r\nDate: .*GMT\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 9\r\nX-Sitrep-Fault: f-[0-9]+\r\n\r\nso sorry\nHTTP/1.1 200 OK\r\n.*GET /p 0`, answer)
		require.Regexp(t, `(?s)Content-Length: 9\r\n.*Connection: close\r\n\r\n$`, say(t, through, "HEAD /p"+end))
		require.Contains(t, say(t, through, "POST /p HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), "Connection: close\r\n\r\nso sorry\n", "a body that nobody waits for")
		require.Contains(t, say(t, through, "POST /p10"+end), "200 OK")
		require.EqualValues(t, 3, f.touched.Load())
		require.EqualValues(t, 2, f.passed.Load())
		f.end()
		require.Contains(t, say(t, through, "POST /p"+end), "200 OK", "it is over")
	})
	t.Run("abort", func(t *testing.T) {
		f, through := fresh(t, hurt{Kind: "http.abort", Match: match{Header: "x-canary", Value: "1"}})
		conn, err := net.Dial("tcp", through)
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "GET /a HTTP/1.1\r\nHost: s\r\nX-Canary:  1 \r\n\r\n")
		require.NoError(t, err)
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		require.Contains(t, say(t, through, "GET /a"+end), "200 OK")
		require.EqualValues(t, 1, f.touched.Load())
	})
	t.Run("latency", func(t *testing.T) {
		f, through := fresh(t, hurt{Kind: "http.latency", Latency: 80 * time.Millisecond, Jitter: 20 * time.Millisecond, Match: match{Path: "/slow"}})
		began := time.Now()
		require.Contains(t, say(t, through, "GET /slow HTTP/1.1\r\nHost: s\r\n\r\nGET /slow/too"+end), "GET /slow/too")
		require.GreaterOrEqual(t, time.Since(began), 120*time.Millisecond, "each of two by at least 60 ms")
		require.EqualValues(t, 2, f.touched.Load())
	})
	t.Run("latency that ends", func(t *testing.T) {
		f, through := fresh(t, hurt{Kind: "http.latency", Latency: time.Minute, Match: match{Path: "/slow"}})
		conn, err := net.Dial("tcp", through)
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "GET /slow"+end)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return f.touched.Load() == 1 }, proxyPatience, time.Millisecond)
		f.end()
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Contains(t, string(answer), "200 OK")
	})
	for name, c := range map[string]struct {
		path string
		keep int64
		want int // bytes of the body
	}{
		"half":               {"/large", -1, 4 << 20},
		"some":               {"/large", 100_000, 100_000},
		"none":               {"/large", 0, 0},
		"all but the last":   {"/a", 1 << 20, len("GET /a 0 map[]") - 1},
		"chunks, some":       {"/chunks", 5, 5},
		"chunks, almost all": {"/chunks", 1 << 20, len("7\r\npart 0;\r\n7\r\npart 1;\r\n7\r\npart 2;\r\n0\r\nX-Sum: 3\r\n\r\n") - 1},
	} {
		t.Run("truncate "+name, func(t *testing.T) {
			f, through := fresh(t, hurt{Kind: "http.truncate", Keep: c.keep})
			head, answer, _ := strings.Cut(say(t, through, "GET "+c.path+end), "\r\n\r\n")
			require.Contains(t, head, "200 OK")
			got, isReset := strings.CutSuffix(answer, ": connection reset by peer")
			require.True(t, isReset, "%.200q", answer[max(0, len(answer)-200):])
			require.Len(t, got, c.want)
			require.EqualValues(t, 1, f.touched.Load())
			require.Contains(t, say(t, through, "HEAD /large"+end), "200 OK", "there is nothing to cut")
			require.EqualValues(t, 1, f.touched.Load())
		})
	}
	t.Run("truncate for one who is slow", func(t *testing.T) {
		_, through := fresh(t, hurt{Kind: "http.truncate", Keep: 2 << 20})
		conn, err := net.Dial("tcp", through)
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "GET /large"+end)
		require.NoError(t, err)
		var answer []byte
		for part := make([]byte, 32<<10); err == nil; time.Sleep(10 * time.Millisecond) { // some 3 MB/s
			var n int
			n, err = conn.Read(part)
			answer = append(answer, part[:n]...)
		}
		require.ErrorIs(t, err, syscall.ECONNRESET)
		_, got, _ := strings.Cut(string(answer), "\r\n\r\n")
		require.Len(t, got, 2<<20, "it has what it was to have, later")
	})
	t.Run("throttle", func(t *testing.T) {
		f, through := fresh(t, hurt{Kind: "http.throttle", Rate: 64 << 10, Match: match{Path: "/p"}})
		began := time.Now()
		answer := say(t, through, "POST /p HTTP/1.1\r\nHost: s\r\nContent-Length: 32768\r\nConnection: close\r\n\r\n"+strings.Repeat("x", 32<<10))
		require.Contains(t, answer, "POST /p 32768")
		require.GreaterOrEqual(t, time.Since(began), 500*time.Millisecond, "32 KiB at 64 KiB/s")
		require.EqualValues(t, 1, f.touched.Load())
	})
	t.Run("throttle that ends", func(t *testing.T) {
		f, through := fresh(t, hurt{Kind: "http.throttle", Rate: 128})
		conn, err := net.Dial("tcp", through)
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "GET /large"+end)
		require.NoError(t, err)
		_, err = conn.Read(make([]byte, 1))
		require.NoError(t, err)
		f.end()
		n, err := io.Copy(io.Discard, conn)
		require.NoError(t, err)
		require.Greater(t, n, int64(8<<20), "the rest comes at once: 8 MiB at 128 B/s take a day")
	})
	t.Run("two at once", func(t *testing.T) {
		p, through := before(t, server, false)
		slow, bad := hurtBy(t, p, hurt{Kind: "http.latency", Latency: 50 * time.Millisecond}), hurtBy(t, p, hurt{Kind: "http.error", Status: 500})
		began := time.Now()
		require.Contains(t, say(t, through, "GET /a"+end), "500 Internal")
		require.GreaterOrEqual(t, time.Since(began), 50*time.Millisecond)
		require.EqualValues(t, 2, slow.touched.Load()+bad.touched.Load())
	})
	t.Run("percent", func(t *testing.T) {
		f, through := fresh(t, hurt{Kind: "http.error", Status: 500, Match: match{Percent: 30}})
		const n = 10_000
		requests := strings.Repeat("GET /a HTTP/1.1\r\nHost: s\r\n\r\n", n-1) + "GET /a" + end
		hurt := strings.Count(say(t, through, requests), "HTTP/1.1 500 ")
		require.InDelta(t, 0.3*n, hurt, 0.0275*n, "six standard deviations")
		require.EqualValues(t, hurt, f.touched.Load())
		require.EqualValues(t, n-hurt, f.passed.Load())
	})
}

// TestProxyHurtsBlindly: of TLS there are connections to be hurt, and no requests.
func TestProxyHurtsBlindly(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 32<<10)) }))
	defer srv.Close()
	get := func(t *testing.T, p *proxy, through string) (int, error) {
		roots := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}}}
		res, err := client.Get("https://" + through)
		if err != nil {
			return 0, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return len(b), err
	}
	p, through := before(t, srv.Listener.Addr().String(), true)
	n, err := get(t, p, through)
	require.NoError(t, err, "nothing is in place")
	require.Equal(t, 32<<10, n)

	abort := hurtBy(t, p, hurt{Kind: "http.abort"})
	_, err = get(t, p, through)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	p.hurts.remove(abort.ID, time.Now())

	late := hurtBy(t, p, hurt{Kind: "http.latency", Latency: 50 * time.Millisecond})
	began := time.Now()
	_, err = get(t, p, through)
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), 100*time.Millisecond, "the handshake, and the request")
	p.hurts.remove(late.ID, time.Now())

	slow := hurtBy(t, p, hurt{Kind: "http.throttle", Rate: 64 << 10})
	began = time.Now()
	n, err = get(t, p, through)
	require.NoError(t, err)
	require.Equal(t, 32<<10, n)
	require.GreaterOrEqual(t, time.Since(began), 500*time.Millisecond)
	text, ok := p.seen(slow).judge()
	require.True(t, ok)
	require.Equal(t, "1 of 1 connections touched", text)
}
