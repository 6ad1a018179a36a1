package fault

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/chaos"
)

// proxyPatience is for what must come, however busy the machine is.
const proxyPatience = time.Minute

// before runs a proxy before a server and gives the address that clients are pointed at.
func before(t testing.TB, server string, encrypted bool) (*proxy, string) {
	p := &proxy{encrypted: encrypted}
	p.origin = func(*net.TCPConn) (string, error) { return server, nil }
	p.dial = func(ctx context.Context, address string) (*net.TCPConn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		return conn.(*net.TCPConn), nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- p.serve(ctx, l.(*net.TCPListener)) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-served)
		for _, h := range p.hurts.all() {
			h.end()
		}
	})
	return p, l.Addr().String()
}

// hurtBy puts a fault before a server in place.
func hurtBy(t testing.TB, p *proxy, h hurt) *liveHurt {
	h.ID = fmt.Sprintf("f-%d", rand.Uint64())
	require.NoError(t, h.check())
	require.NoError(t, p.hurts.add(h))
	all := p.hurts.all()
	return all[len(all)-1]
}

// shop answers in every way that a server may.
func shop(t testing.TB) (address string) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = []string{"Sat, 28 Nov 2026 00:00:00 GMT"}
		w.Header()["x-oDD-case"] = []string{"kept"}
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		case "/unchanged":
			w.WriteHeader(http.StatusNotModified)
		case "/large":
			w.Header().Set("Content-Length", fmt.Sprint(8<<20))
			_, _ = w.Write(bytes.Repeat([]byte("0123456789abcdef"), 8<<16))
		case "/chunks":
			w.Header().Set("Trailer", "X-Sum")
			for i := range 3 {
				fmt.Fprintf(w, "part %d;", i)
				w.(http.Flusher).Flush()
			}
			w.Header().Set("X-Sum", "3")
		case "/early":
			w.Header().Set("Link", "</style.css>")
			w.WriteHeader(http.StatusEarlyHints)
			fmt.Fprint(w, "after hints")
		default:
			fmt.Fprintf(w, "%s %s %d %v", r.Method, r.URL.Path, len(body), r.Trailer)
		}
	})
	srv := httptest.NewUnstartedServer(mux)
	srv.Config.ErrorLog = nil
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// say sends bytes and gives all that comes back until the other side ends.
func say(t testing.TB, address, text string) string {
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(proxyPatience)))
	go func() { _, _ = io.WriteString(conn, text) }()
	answer, err := io.ReadAll(conn)
	if err != nil {
		return string(answer) + err.Error()[strings.LastIndex(err.Error(), ": "):]
	}
	return string(answer)
}

// TestProxyPasses: what is not hurt is the same to the byte as without a proxy, also
// behind requests that are.
func TestProxyPasses(t *testing.T) {
	server := shop(t)
	p, through := before(t, server, false)
	hurtBy(t, p, hurt{Kind: "http.error", Status: 500, Match: match{Path: "/hurt"}})
	hurtBy(t, p, hurt{Kind: "http.throttle", Rate: 1 << 10, Match: match{Header: "X-Slow", Value: "1"}})
	const last = "Connection: close\r\n\r\n"
	chunked := "POST /p HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n"
	for name, text := range map[string]string{
		"get":              "GET /a?b=c HTTP/1.1\r\nHost: s\r\n" + last,
		"old":              "GET /a HTTP/1.0\r\n\r\n",
		"head":             "HEAD /large HTTP/1.1\r\nHost: s\r\n\r\nGET /a HTTP/1.1\r\nHost: s\r\n" + last,
		"no content":       "GET /empty HTTP/1.1\r\nHost: s\r\n\r\nGET /unchanged HTTP/1.1\r\nHost: s\r\n\r\nGET /a HTTP/1.1\r\nHost: s\r\n" + last,
		"large":            "GET /large HTTP/1.1\r\nHost: s\r\n" + last,
		"large kept":       "GET /large HTTP/1.1\r\nHost: s\r\n\r\nGET /chunks HTTP/1.1\r\nHost: s\r\n" + last,
		"chunks, trailers": "GET /chunks HTTP/1.1\r\nHost: s\r\nTE: trailers\r\n\r\nGET /a HTTP/1.1\r\nHost: s\r\n" + last,
		"post":             "POST /p HTTP/1.1\r\nHost: s\r\nContent-Length: 5\r\n\r\nhelloGET /a HTTP/1.1\r\nHost: s\r\n" + last,
		"post large":       "POST /p HTTP/1.1\r\nHost: s\r\nContent-Length: 1048576\r\nConnection: close\r\n\r\n" + strings.Repeat("x", 1<<20),
		"post chunks":      chunked + "\r\n5;ext=\"1\"\r\nhello\r\n0\r\nX-T: v\r\n\r\nGET /a HTTP/1.1\r\nHost: s\r\n" + last,
		"bad chunk":        chunked + "\r\n5\r\nhelloXX",
		"continue":         "POST /p HTTP/1.1\r\nHost: s\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
		"early hints":      "GET /early HTTP/1.1\r\nHost: s\r\n" + last,
		"whole url":        "GET http://s/a HTTP/1.1\r\nHost: s\r\n" + last,
		"no upgrade":       "GET /a HTTP/1.1\r\nHost: s\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\nGET /b HTTP/1.1\r\nHost: s\r\n" + last,
		"connect":          "CONNECT s:80 HTTP/1.1\r\nHost: s:80\r\n" + last,
		"two lengths":      "POST /p HTTP/1.1\r\nHost: s\r\nContent-Length: 5\r\nContent-Length: 6\r\n" + last,
		"smuggled":         "POST /p HTTP/1.1\r\nHost: s\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\nG",
		"continued line":   "GET /a HTTP/1.1\r\nHost: s\r\nX: a\r\n b\r\n" + last,
		"bare newlines":    "GET /a HTTP/1.1\nHost: s\nConnection: close\n\n",
		"huge head":        "GET /a HTTP/1.1\r\nHost: s\r\nX: " + strings.Repeat("y", 100<<10) + "\r\n" + last,
		"too huge a head":  "GET /a HTTP/1.1\r\nHost: s\r\nX: " + strings.Repeat("y", 2<<20) + "\r\n" + last,
		"another protocol": "PING\r\n",
		"garbage":          "\x00\x01\x02\xff\r\n\r\n",
		"a bad version":    "GET /a HTTP/9.9\r\n\r\n",
		"a bad field":      "GET /a HTTP/1.1\r\nHost : s\r\n" + last,
	} {
		t.Run(name, func(t *testing.T) {
			want, have := say(t, server, text), say(t, through, text)
			if name == "too huge a head" { // the server resets it: how much of the answer is read then is chance
				return
			}
			require.Equal(t, len(want), len(have))
			require.True(t, want == have, "%.300q\n%.300q", want, have)
			require.NotEmpty(t, want)
		})
	}
	answer := say(t, through, "GET /hurt HTTP/1.1\r\nHost: s\r\n\r\nGET /a HTTP/1.1\r\nHost: s\r\n"+last)
	require.Contains(t, answer, "HTTP/1.1 500 Internal Server Error\r\n")
	require.Contains(t, answer, "GET /a 0 map[]", "the connection goes on behind it")
}

// TestProxyPassesAnything: whatever bytes go through to one that echoes come back.
func TestProxyPassesAnything(t *testing.T) {
	p, through := before(t, echo(t), false)
	hurtBy(t, p, hurt{Kind: "http.error", Status: 500, Match: match{Path: "/hurt"}})
	rapid.Check(t, func(r *rapid.T) {
		pieces := rapid.SliceOfN(rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Map(rapid.SampledFrom([]string{
			"GET / HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "\r\n", "3\r\nabc\r\n", "0\r\n\r\n", "Upgrade: x\r\n",
		}), func(s string) []byte { return []byte(s) })), 0, 12).Draw(r, "pieces")
		conn, err := net.Dial("tcp", through)
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(proxyPatience)))
		for _, b := range pieces {
			_, err = conn.Write(b)
			require.NoError(t, err)
		}
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		back, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Equal(t, string(bytes.Join(pieces, nil)), string(back))
	})
}

// echo says what it hears, and ends when its client does.
func echo(t testing.TB) string {
	return serveTCP(t, func(conn *net.TCPConn) { _, _ = io.Copy(conn, conn) })
}

func serveTCP(t testing.TB, each func(*net.TCPConn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				each(conn.(*net.TCPConn))
			}()
		}
	}()
	return l.Addr().String()
}

// TestBodyEnds: the end of a body is where it is, however the bytes come in.
func TestBodyEnds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var text bytes.Buffer
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 40), 0, 5).Draw(r, "chunks") {
			fmt.Fprintf(&text, "%X;x=y\r\n%s\r\n", n, strings.Repeat("\r", n))
		}
		text.WriteString("00\r\nA: b\r\n\r\n")
		whole, b := text.Len(), body{chunked: true}
		text.WriteString("GET / HTTP/1.1\r\n")
		all, at := text.Bytes(), 0
		for over := false; !over; {
			n, done, err := b.take(all[at:min(len(all), at+rapid.IntRange(1, 50).Draw(r, "piece"))])
			require.NoError(t, err)
			at, over = at+n, done
		}
		require.Equal(t, whole, at)
	})
	for _, bad := range []string{"\r\n", "g\r\n", ";\r\n", "1\n", "1\r\nab", "1\r\na\rb", "fffffffffffffffff\r\n", "0\r\n\n"} {
		b := body{chunked: true}
		_, _, err := b.take([]byte(bad))
		require.ErrorIs(t, err, errNotHTTP, "%q", bad)
	}
}

func FuzzHead(f *testing.F) {
	f.Add([]byte("GET http://a/b?c HTTP/1.1\r\nContent-Length: 1\r\nX: y\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		couldBeResponse(raw)
		n, err := endOfHead(raw)
		if err != nil || n == 0 {
			couldBeRequest(raw)
			return
		}
		if h, err := parseRequest(raw[:n]); err == nil {
			match{Path: "/", Header: "X", Value: "y"}.draws(&h)
			require.GreaterOrEqual(t, h.length, int64(-1))
			require.False(t, h.chunked && h.length > 0)
		}
		_, _ = parseResponse(raw[:n])
	})
}

// TestProxyPassesStreams: what comes piece by piece is passed on piece by piece.
func TestProxyPassesStreams(t *testing.T) {
	more := make(chan string)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		for text := range more {
			fmt.Fprintf(w, "data: %s\n\n", text)
			w.(http.Flusher).Flush()
		}
	}))
	defer srv.Close()
	_, through := before(t, srv.Listener.Addr().String(), false)
	res, err := http.Get("http://" + through)
	require.NoError(t, err)
	defer res.Body.Close()
	events := bufio.NewReader(res.Body)
	for _, text := range []string{"one", "two"} {
		more <- text
		line, err := events.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "data: "+text+"\n", line)
		_, err = events.ReadString('\n')
		require.NoError(t, err)
	}
	close(more)
	_, err = io.ReadAll(events)
	require.NoError(t, err)
}

// TestProxyPassesProtocols that are not HTTP/1, or turn into another.
func TestProxyPassesProtocols(t *testing.T) {
	t.Run("websocket", func(t *testing.T) {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhello")
			_, _ = io.Copy(conn, rw)
		}))
		defer srv.Close()
		p, through := before(t, srv.Listener.Addr().String(), false)
		conn, err := net.Dial("tcp", through)
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: s\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n")
		require.NoError(t, err)
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		require.Equal(t, 101, res.StatusCode)
		greeting := make([]byte, 5)
		_, err = io.ReadFull(in, greeting)
		require.NoError(t, err)
		require.Equal(t, "hello", string(greeting))
		for _, frame := range []string{"G", "ET", " half a request"} { // what looks like HTTP is none any more
			_, err = io.WriteString(conn, frame)
			require.NoError(t, err)
			back := make([]byte, len(frame))
			_, err = io.ReadFull(in, back)
			require.NoError(t, err)
			require.Equal(t, frame, string(back))
		}
		require.Zero(t, p.foreign.Load())
	})
	t.Run("tls", func(t *testing.T) {
		srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "secret") }))
		defer srv.Close()
		p, through := before(t, srv.Listener.Addr().String(), false)
		f := hurtBy(t, p, hurt{Kind: "http.abort"})
		require.Equal(t, "secret", fetched(t, srv.Client(), "https://"+through))
		text, ok := seen{f.touched.Load(), f.passed.Load(), p.tls.Load(), p.foreign.Load(), false}.judge()
		require.False(t, ok)
		require.Equal(t, "0 of 0 requests touched; 1 connections are TLS and passed: nobody can look into them (with tls: true in the configuration they are hurt as connections)", text)
		srv.CloseClientConnections()
	})
	t.Run("h2c", func(t *testing.T) {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
		srv.Config.Protocols = new(http.Protocols)
		srv.Config.Protocols.SetUnencryptedHTTP2(true)
		srv.Start()
		defer srv.Close()
		p, through := before(t, srv.Listener.Addr().String(), false)
		transport := &http.Transport{Protocols: srv.Config.Protocols}
		defer transport.CloseIdleConnections()
		require.Equal(t, "HTTP/2.0", fetched(t, &http.Client{Transport: transport}, "http://"+through))
		require.EqualValues(t, 1, p.foreign.Load())
	})
	t.Run("who speaks first", func(t *testing.T) {
		_, through := before(t, serveTCP(t, func(conn *net.TCPConn) {
			_, _ = io.WriteString(conn, "220 mail\r\n")
			_, _ = io.Copy(conn, conn)
		}), false)
		conn, err := net.Dial("tcp", through)
		require.NoError(t, err)
		defer conn.Close()
		in := bufio.NewReader(conn)
		for _, want := range []string{"220 mail\r\n", "EHLO me\r\n"} {
			line, err := in.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, want, line)
			if want[0] == '2' {
				_, err = io.WriteString(conn, "EHLO me\r\n")
				require.NoError(t, err)
			}
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		_, through := before(t, "127.0.0.1:1", false)
		conn, err := net.Dial("tcp", through)
		if err == nil {
			defer conn.Close()
			_, err = conn.Read(make([]byte, 1))
		}
		require.ErrorIs(t, err, syscall.ECONNRESET)
	})
}

func fetched(t testing.TB, client *http.Client, url string) string {
	res, err := client.Get(url)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(b)
}

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
		go func() {
			for f.touched.Load() == 0 {
				time.Sleep(time.Millisecond)
			}
			f.end()
		}()
		require.Contains(t, say(t, through, "GET /slow"+end), "200 OK")
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
	text, ok := seen{slow.touched.Load(), slow.passed.Load(), p.tls.Load(), p.foreign.Load(), true}.judge()
	require.True(t, ok)
	require.Equal(t, "1 of 1 connections touched", text)
}

// TestProxyAndHostileClients: they come and go, and nothing is left of them: no
// connection, and by TestMain no goroutine.
func TestProxyAndHostileClients(t *testing.T) {
	server := shop(t)
	p, through := before(t, server, false)
	hurtBy(t, p, hurt{Kind: "http.error", Status: 500, Match: match{Percent: 50}})
	hurtBy(t, p, hurt{Kind: "http.truncate", Keep: 10, Match: match{Percent: 50}})
	for i := range 200 {
		conn, err := net.Dial("tcp", through)
		require.NoError(t, err)
		text := []string{
			"", "GET", "GET / HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\nHost: s\r\nContent-Length: 99999\r\n\r\nshort",
			"POST / HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nshort", "\x16\x03\x01", strings.Repeat("A", 200<<10),
			"GET /large HTTP/1.1\r\nHost: s\r\n\r\n", "GET /a HTTP/1.1\r\nHost: s\r\n\r\n\r\n\r\n", "CONNECT x HTTP/1.1\r\n\r\n",
		}[i%10]
		_, _ = io.WriteString(conn, text)
		switch i / 10 % 3 {
		case 0:
			reset(conn.(*net.TCPConn))
		case 1:
			_ = conn.Close()
		case 2:
			_ = conn.(*net.TCPConn).CloseWrite()
			_ = conn.SetReadDeadline(time.Now().Add(proxyPatience))
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.conns) == 0
	}, proxyPatience, time.Millisecond)
	slow, err := net.Dial("tcp", through) // one that stays
	require.NoError(t, err)
	defer slow.Close()
	_, err = io.WriteString(slow, "GET / HT")
	require.NoError(t, err)
	require.Contains(t, say(t, through, "GET /empty HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n"), "HTTP/1.1 ", "and keeps nobody else")
}

// TestProxyEndsBothAlike: a side that goes takes the other with it.
func TestProxyEndsBothAlike(t *testing.T) {
	came := make(chan *net.TCPConn)
	_, through := before(t, serveTCP(t, func(conn *net.TCPConn) {
		came <- conn
		<-came
	}), false)
	open := func() (client, server *net.TCPConn, done func()) {
		c, err := net.Dial("tcp", through)
		require.NoError(t, err)
		_, err = io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
		require.NoError(t, err)
		s := <-came
		_, err = io.ReadFull(s, make([]byte, 18))
		require.NoError(t, err)
		for _, conn := range []net.Conn{c, s} {
			require.NoError(t, conn.SetDeadline(time.Now().Add(proxyPatience)))
		}
		return c.(*net.TCPConn), s, func() { came <- nil; _ = c.Close() }
	}
	client, server, done := open()
	reset(client)
	_, err := server.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET, "a client that gives up while it waits")
	done()

	client, server, done = open()
	require.NoError(t, client.CloseWrite())
	_, err = server.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	_, err = io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	require.NoError(t, err)
	require.NoError(t, server.CloseWrite())
	answer, err := io.ReadAll(client)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(answer), "ok"), "one that has said all it wanted")
	done()

	client, server, done = open()
	reset(server)
	_, err = client.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	done()
}

// TestExplicitProxy goes through the life of a fault that a proxy of the configuration
// holds.
func TestExplicitProxy(t *testing.T) {
	server := shop(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port, for a moment
	require.NoError(t, err)
	listen := l.Addr().String()
	require.NoError(t, l.Close())
	g := chaos.ProxyTarget{Name: "shop", Service: "shop", Listen: listen, Upstream: server, Socket: chaos.ProxySocket(t.TempDir(), "shop")}
	target := chaos.Target{Name: "shop", Service: "shop", Listed: true, Gateway: &g}
	s := chaos.Step{Fault: "http.error", With: chaos.With{"percent": "100", "path": "/a"}}
	_, err = httpError{}.Plan(t.Context(), "f-1", s, target)
	require.ErrorContains(t, err, "refused R10 no-proxy: ")
	require.ErrorContains(t, err, "start it: sitrep chaos proxy shop")

	ctx, cancel := context.WithCancel(t.Context())
	ready, served := make(chan struct{}), make(chan error, 1)
	go func() { served <- ServeProxy(ctx, g, func() { close(ready) }) }()
	<-ready
	require.ErrorContains(t, ServeProxy(ctx, chaos.ProxyTarget{Listen: "127.0.0.1:0", Socket: g.Socket}, nil), "a proxy is told about faults at "+g.Socket+" already")
	inj, err := httpError{}.Plan(t.Context(), "f-1", s, target)
	require.NoError(t, err)
	require.Equal(t, chaos.TierCarried, inj.Tier)
	require.NoError(t, inj.Undo[0].Valid())
	const get = "GET /a HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n"
	require.Contains(t, say(t, listen, get), "200 OK", "planning touches nothing")

	armed := chaos.Armed{Until: time.Now().Add(time.Minute)}
	_, err = inj.Injector.Inject(t.Context(), armed)
	require.NoError(t, err)
	observed := func() (string, bool) {
		text, ok, err := inj.Injector.Observe(t.Context())
		require.NoError(t, err)
		return text, ok
	}
	text, ok := observed()
	require.False(t, ok, text)
	require.Contains(t, say(t, listen, get), "503 Service")
	text, ok = observed()
	require.True(t, ok)
	require.Equal(t, "1 of 1 requests touched", text)
	hands := chaos.LocalHands{}
	_, gone, err := hands.Check(t.Context(), inj.Gone)
	require.NoError(t, err)
	require.False(t, gone)
	for range 2 {
		_, err = hands.Do(t.Context(), inj.Undo[0])
		require.NoError(t, err)
	}
	_, gone, err = hands.Check(t.Context(), inj.Gone)
	require.NoError(t, err)
	require.True(t, gone)
	require.Contains(t, say(t, listen, get), "200 OK", "the proxy stays, and passes")
	_, err = inj.Injector.Inject(t.Context(), armed)
	require.ErrorContains(t, err, "409 Conflict: f-1 was undone already")

	inj, err = httpError{}.Plan(t.Context(), "f-2", s, target)
	require.NoError(t, err)
	_, err = inj.Injector.Inject(t.Context(), chaos.Armed{Until: time.Now().Add(200 * time.Millisecond)})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(say(t, listen, get), "200 OK") }, proxyPatience, time.Millisecond, "it ends by itself")
	_, gone, err = hands.Check(t.Context(), inj.Gone)
	require.NoError(t, err)
	require.True(t, gone)
	for body, want := range map[string]string{
		`{`:             "a fault is a JSON object",
		`{"id": "a b"}`: "id ",
		`{"id": "a"}`:   "every fault has an end",
		fmt.Sprintf(`{"id": "a", "kind": "x", "expires_at": %q}`, time.Now().Add(time.Minute).Format(time.RFC3339)): "kind ",
	} {
		res, err := chaos.AskProxy(t.Context(), g.Socket, http.MethodPost, "/faults", strings.NewReader(body))
		require.NoError(t, err)
		said, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusBadRequest, res.StatusCode)
		require.Contains(t, string(said), want)
	}

	cancel()
	require.NoError(t, <-served)
	_, gone, err = hands.Check(t.Context(), inj.Gone)
	require.NoError(t, err)
	require.True(t, gone, "its faults went with it")
	_, err = hands.Do(t.Context(), inj.Undo[0])
	require.NoError(t, err)
}
