package fault

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
	return p, serves(t, p)
}

// serves runs a proxy until the test ends, and gives its address.
func serves(t testing.TB, p *proxy) string {
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
	return l.Addr().String()
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

func fetched(t testing.TB, client *http.Client, url string) string {
	res, err := client.Get(url)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(b)
}
