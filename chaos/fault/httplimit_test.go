package fault

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

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

// TestProxyHasRoomForSoMany: who is too many is reset, whoever runs the proxy hears of it
// once, and who comes when somebody has gone is served.
func TestProxyHasRoomForSoMany(t *testing.T) {
	told := make(chan string, 100)
	p, through := withLimits(t, shop(t), func(p *proxy) {
		p.most, p.tell = 3, func(text string) { told <- text }
	})
	f := hurtBy(t, p, hurt{Kind: "http.abort", Match: match{Path: "/no"}})
	var held []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", through)
		require.NoError(t, err)
		defer conn.Close()
		held = append(held, conn)
	}
	require.Eventually(t, func() bool { return p.open.Load() == 3 }, proxyPatience, time.Millisecond)
	for range 5 {
		conn, err := net.Dial("tcp", through)
		if err == nil { // else it was reset already
			require.NoError(t, conn.SetDeadline(time.Now().Add(proxyPatience)))
			_, err = conn.Read(make([]byte, 1))
			_ = conn.Close()
		}
		require.ErrorIs(t, err, syscall.ECONNRESET)
	}
	require.Equal(t, "3 connections are open, which is the most at a time: 1 more were reset so far", <-told)
	require.Empty(t, told)
	text, _ := p.seen(f).judge()
	require.Contains(t, text, "; 5 connections were reset: there were 4096 already")
	require.NoError(t, held[0].Close())
	require.Eventually(t, func() bool { return p.open.Load() == 2 }, proxyPatience, time.Millisecond)
	require.Contains(t, say(t, through, "GET /a HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n"), "200 OK")
}

// withLimits is a proxy whose limits are others.
func withLimits(t testing.TB, server string, change func(*proxy)) (*proxy, string) {
	p := newExplicit(chaos.ProxyTarget{Upstream: server})
	change(p)
	return p, serves(t, p)
}

// until is until when the one client of a proxy must have said something: the zero time
// before it has asked, that of 1970 if it may take its time.
func until(p *proxy) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.limit.mu.Lock()
		defer c.limit.mu.Unlock()
		if c.current.Load() == nil && !c.isRaw() {
			return time.Time{}
		}
		if c.limit.until.IsZero() {
			return time.Unix(0, 0)
		}
		return c.limit.until
	}
	return time.Time{}
}

// TestProxyAndSlowClients: a head that does not come to its end is cut off, and so is
// silence between requests; a body, an answer, and what is not HTTP take their time.
func TestProxyAndSlowClients(t *testing.T) {
	const soon, never = 30 * time.Millisecond, time.Hour
	ended := func(t *testing.T, conn net.Conn) error {
		require.NoError(t, conn.SetDeadline(time.Now().Add(proxyPatience)))
		_, err := io.Copy(io.Discard, conn)
		return err
	}
	open := func(t *testing.T, through, text string) net.Conn {
		conn, err := net.Dial("tcp", through)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, err = io.WriteString(conn, text)
		require.NoError(t, err)
		return conn
	}
	t.Run("head", func(t *testing.T) {
		_, through := withLimits(t, shop(t), func(p *proxy) { p.slow, p.idle = soon, never })
		for _, text := range []string{"G", "GET / HTTP/1.1\r\n", "GET /a HTTP/1.1\r\nHost: s\r\n\r\nGET /a HTTP/1.1\r\nX-A: "} {
			require.ErrorIs(t, ended(t, open(t, through, text)), syscall.ECONNRESET, "%q", text)
		}
		drip, pace := open(t, through, "GET / HTTP/1.1\r\nX: "), time.NewTicker(soon/10)
		defer pace.Stop()
		go func() {
			for {
				select {
				case <-t.Context().Done():
					return
				case <-pace.C:
				}
				if _, err := io.WriteString(drip, "a"); err != nil {
					return
				}
			}
		}()
		require.NotErrorIs(t, ended(t, drip), os.ErrDeadlineExceeded, "a byte now and then is no head") // whoever of both directions meets the reset first has it
	})
	t.Run("silence", func(t *testing.T) {
		_, through := withLimits(t, shop(t), func(p *proxy) { p.slow, p.idle = never, soon })
		for _, text := range []string{"", "GET /a HTTP/1.1\r\nHost: s\r\n\r\n"} {
			require.NoError(t, ended(t, open(t, through, text)), "%q", text)
		}
	})
	t.Run("what takes its time", func(t *testing.T) {
		asked, answer := make(chan struct{}), make(chan struct{})
		server := serveTCP(t, func(conn *net.TCPConn) {
			b := make([]byte, 1<<10)
			n, _ := conn.Read(b)
			if strings.HasPrefix(string(b[:n]), "POST") {
				_, _ = io.ReadFull(conn, b[:5])
			}
			asked <- struct{}{}
			<-answer
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			_, _ = io.Copy(conn, conn)
		})
		p, through := withLimits(t, server, func(p *proxy) { p.slow, p.idle = soon, soon })
		for _, text := range []string{"GET / HTTP/1.1\r\nHost: s\r\n\r\n", "POST / HTTP/1.1\r\nHost: s\r\nContent-Length: 5\r\n\r\n", "\x16\x03\x01 no HTTP"} {
			conn := open(t, through, text)
			var limits []time.Time
			if text[0] == 'G' { // each time that its silence was too long, it is given time again
				for before := (time.Time{}); len(limits) < 3; {
					require.Eventually(t, func() bool { return !until(p).Equal(before) }, proxyPatience, time.Millisecond)
					before = until(p)
					limits = append(limits, before)
				}
			} else {
				require.Eventually(t, func() bool { return until(p).Equal(time.Unix(0, 0)) }, proxyPatience, time.Millisecond)
			}
			if text[0] == 'P' {
				_, err := io.WriteString(conn, "hello")
				require.NoError(t, err)
			}
			<-asked
			answer <- struct{}{}
			got := make([]byte, len("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
			require.NoError(t, conn.SetDeadline(time.Now().Add(proxyPatience)))
			_, err := io.ReadFull(conn, got)
			require.NoError(t, err, "%q", text)
			require.NoError(t, conn.Close())
			require.Eventually(t, func() bool { return p.open.Load() == 0 }, proxyPatience, time.Millisecond)
		}
		require.EqualValues(t, 1, p.tls.Load())
	})
}

// TestProxyWithoutDescriptors: a proxy that has none left keeps its clients and waits, and
// goes on when it has some again.
func TestProxyWithoutDescriptors(t *testing.T) {
	server := shop(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port, for a moment
	require.NoError(t, err)
	g := chaos.ProxyTarget{Name: "shop", Service: "shop", Listen: l.Addr().String(), Upstream: server, Socket: chaos.ProxySocket(t.TempDir(), "shop")}
	require.NoError(t, l.Close())
	told, err := json.Marshal(g)
	require.NoError(t, err)
	exe, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(exe, "__serve-proxy", string(told))
	stdin, err := child.StdinPipe()
	require.NoError(t, err)
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	says := bufio.NewScanner(stdout)
	hears := func(want string) {
		t.Helper()
		require.True(t, says.Scan(), "it has ended")
		require.Contains(t, says.Text(), want)
	}
	hears("ready")
	kept, err := net.Dial("tcp", g.Listen)
	require.NoError(t, err)
	defer kept.Close()
	const get = "GET /a HTTP/1.1\r\nHost: s\r\n\r\n"
	ask := func() {
		t.Helper()
		require.NoError(t, kept.SetDeadline(time.Now().Add(proxyPatience)))
		_, err := io.WriteString(kept, get)
		require.NoError(t, err)
		res, err := http.ReadResponse(bufio.NewReader(kept), nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
	}
	ask()
	_, err = io.WriteString(stdin, "full\n")
	require.NoError(t, err)
	hears("full")
	late, err := net.Dial("tcp", g.Listen)
	require.NoError(t, err)
	defer late.Close()
	_, err = io.WriteString(late, get)
	require.NoError(t, err)
	hears("no room for a connection: accept tcp " + g.Listen + ": accept4: too many open files; trying again")
	ask()
	_, err = io.WriteString(stdin, "free\n")
	require.NoError(t, err)
	require.NoError(t, late.SetDeadline(time.Now().Add(proxyPatience)))
	res, err := http.ReadResponse(bufio.NewReader(late), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.NoError(t, res.Body.Close())
}
