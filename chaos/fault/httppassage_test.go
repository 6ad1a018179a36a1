package fault

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

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
		text, ok := p.seen(f).judge()
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
