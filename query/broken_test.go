package query_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// What goes wrong between a cache and a server. After each of them what is shown is
// again what the server has, and nothing of a broken answer stays.

// frail is a server whose answers to range queries go through how, if that is set.
type frail struct {
	*cluster
	how atomic.Pointer[func(w http.ResponseWriter, whole []byte)]
}

func newFrail() *frail {
	return &frail{cluster: &cluster{kind: "Prometheus", started: "2026-11-24T03:00:00Z", value: secondsOf}}
}

func (f *frail) breaks(how func(w http.ResponseWriter, whole []byte)) {
	if how == nil {
		f.how.Store(nil)
		return
	}
	f.how.Store(&how)
}

// ServeHTTP implements http.Handler.
func (f *frail) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	w.Header().Set("Date", f.now().UTC().Format(http.TimeFormat))
	f.mu.Unlock()
	how := f.how.Load()
	if how == nil || !strings.HasSuffix(r.URL.Path, "query_range") {
		f.cluster.ServeHTTP(w, r)
		return
	}
	whole := httptest.NewRecorder()
	f.cluster.ServeHTTP(whole, r)
	(*how)(w, whole.Body.Bytes())
}

// later moves the server's clock.
func (f *frail) later(d time.Duration) {
	f.mu.Lock()
	f.ahead += d
	f.mu.Unlock()
}

// look asks for the last half hour by the server's clock.
func (f *frail) look(ctx context.Context, c *query.Cache) (query.Frame, error) {
	f.mu.Lock()
	now := f.now()
	f.mu.Unlock()
	return c.Range(ctx, "x", query.Align(now, 30*time.Minute, 240))
}

// good asks and holds that the answer is right.
func (f *frail) good(t *testing.T, c *query.Cache) {
	t.Helper()
	frame, err := f.look(t.Context(), c)
	require.NoError(t, err)
	require.Empty(t, frame.Warnings)
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Zero(t, f.wrong(frame))
}

// wire takes the connection over.
func wire(w http.ResponseWriter) (net.Conn, func(format string, args ...any)) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	return conn, func(format string, args ...any) { _, _ = fmt.Fprintf(conn, format, args...) }
}

func TestAnswersThatBreakOff(t *testing.T) {
	half := func(whole []byte) []byte { return whole[:len(whole)/2] }
	for name, c := range map[string]struct {
		how  func(w http.ResponseWriter, whole []byte)
		kind error
		says string
	}{
		"half of what was announced": {func(w http.ResponseWriter, whole []byte) {
			conn, say := wire(w)
			say("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(whole), half(whole))
			_ = conn.Close()
		}, query.ErrUnreachable, "the connection broke before the answer was complete"},
		"a chunk, and a reset": {func(w http.ResponseWriter, whole []byte) {
			conn, say := wire(w)
			say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(half(whole)), half(whole))
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}, query.ErrUnreachable, "the connection broke before the answer was complete"},
		"half, as if that were all": {func(w http.ResponseWriter, whole []byte) {
			conn, say := wire(w)
			say("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n%s", half(whole))
			_ = conn.Close()
		}, query.ErrNotPrometheus, "answered JSON that is broken"},
		"a reset before a word": {func(w http.ResponseWriter, _ []byte) {
			conn, _ := wire(w)
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}, query.ErrUnreachable, "the connection broke before the answer was complete"},
		"a partition in the middle": {func(w http.ResponseWriter, whole []byte) {
			conn, say := wire(w)
			say("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(whole), half(whole))
			_, _ = conn.Read(make([]byte, 1)) // until the client gives up
			_ = conn.Close()
		}, query.ErrTimeout, "no answer within"},
		"an empty success": {func(w http.ResponseWriter, _ []byte) { _, _ = io.WriteString(w, `{"status":"success"}`) }, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFrail()
			srv := httptest.NewServer(s)
			t.Cleanup(srv.Close)
			client, err := query.NewClient(query.Config{URL: srv.URL, Timeout: 2 * time.Second})
			require.NoError(t, err)
			t.Cleanup(client.CloseIdle)
			cache := query.NewCache(client, query.CacheConfig{})
			s.good(t, cache)
			for range 3 {
				s.later(10 * time.Second)
				s.good(t, cache)
				s.breaks(c.how)
				s.later(10 * time.Second) // the cache extends what it has
				frame, err := s.look(t.Context(), cache)
				if c.kind != nil {
					require.ErrorIs(t, err, c.kind)
					require.ErrorContains(t, err, c.says)
					require.Empty(t, frame.Series)
				}
				s.breaks(nil)
				s.good(t, cache)
			}
		})
	}
}

// rawHTTP2 answers each request on a connection of its own with half an answer, and
// says goodbye.
func rawHTTP2(conn net.Conn) {
	defer conn.Close()
	frame := func(kind, flags byte, stream uint32, body []byte) {
		head := []byte{byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body)), kind, flags}
		_, _ = conn.Write(append(binary.BigEndian.AppendUint32(head, stream), body...))
	}
	preface := make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	if _, err := io.ReadFull(conn, preface); err != nil {
		return
	}
	frame(4, 0, 0, nil) // settings
	for head := make([]byte, 9); ; {
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, conn, int64(head[0])<<16|int64(head[1])<<8|int64(head[2])); err != nil {
			return
		}
		if kind, flags := head[3], head[4]; kind == 0 && flags&1 != 0 { // the end of the form
			break
		}
	}
	frame(1, 4, 1, []byte{0x88}) // :status 200
	frame(0, 0, 1, []byte(`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[`))
	frame(7, 0, 0, []byte{0, 0, 0, 1, 0, 0, 0, 0}) // GOAWAY: nothing after this one, and no error
}

// A proxy that goes away in the middle of an HTTP/2 stream, and one that takes leave
// after each answer.
func TestGoodbyesOfHTTP2(t *testing.T) {
	s := newFrail()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Error("HTTP/2 is spoken")
		}
		w.Header().Set("Connection", "close") // GOAWAY after this answer
		s.ServeHTTP(w, r)
	}))
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600))

	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: srv.TLS.Certificates, NextProtos: []string{"h2"}})
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			rawHTTP2(conn)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	raw, err := query.NewClient(query.Config{URL: "https://" + l.Addr().String(), CAFile: ca, ServerName: "example.com"})
	require.NoError(t, err)
	t.Cleanup(raw.CloseIdle)
	f, err := raw.Range(t.Context(), "x", query.Align(time.Now(), time.Hour, 240))
	require.ErrorIs(t, err, query.ErrUnreachable)
	require.ErrorContains(t, err, ": the connection broke before the answer was complete")
	require.Empty(t, f.Series)

	client, err := query.NewClient(query.Config{URL: srv.URL, CAFile: ca, ServerName: "example.com"})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdle)
	cache := query.NewCache(client, query.CacheConfig{})
	for range 20 {
		s.good(t, cache)
		s.later(10 * time.Second)
	}
}

// A name leads to another server, whose samples are not those of the first.
func TestANameLeadsElsewhere(t *testing.T) {
	first, second := newFrail(), newFrail()
	second.started = "2026-11-24T09:00:00Z"
	second.value = func(series int, at, start time.Time, step time.Duration) float64 {
		return secondsOf(series, at, start, step) + 7e6
	}
	one, other := httptest.NewServer(first), httptest.NewServer(second)
	t.Cleanup(other.Close)
	var to atomic.Value
	to.Store(one.Listener.Addr().String())
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		require.Equal(t, "prometheus.example:9090", addr)
		return (&net.Dialer{}).DialContext(ctx, network, to.Load().(string))
	}}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := query.NewClient(query.Config{URL: "http://prometheus.example:9090", HTTP: transport})
	require.NoError(t, err)
	cache := query.NewCache(client, query.CacheConfig{})
	first.good(t, cache)
	to.Store(other.Listener.Addr().String())
	first.later(10 * time.Second)
	second.later(10 * time.Second)
	first.good(t, cache) // a connection that is open stays where it leads
	one.Close()
	require.Eventually(t, func() bool { _, err := second.look(t.Context(), cache); return err == nil }, time.Minute, 10*time.Millisecond)
	for range 5 {
		second.later(10 * time.Second)
		second.good(t, cache)
	}
}

// Clocks that differ, and one that jumps: what lies in the server's future is not known
// to be empty.
func TestClocksThatDisagree(t *testing.T) {
	for _, skew := range []time.Duration{0, 5 * time.Minute, -5 * time.Minute, time.Hour, -time.Hour} {
		for _, jump := range []time.Duration{0, 5 * time.Minute, -5 * time.Minute, time.Hour, -time.Hour} {
			t.Run(fmt.Sprintf("%v and %v", skew, jump), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newFrail()
					s.ahead = skew
					off := time.Duration(0) // of this machine's clock
					cache := query.NewCache(s.client(t, nil), query.CacheConfig{Rand: middle, Now: func() time.Time { return time.Now().Add(off) }})
					turn := func(span time.Duration) {
						f, err := cache.Range(t.Context(), "x", query.Align(s.now(), span, 240))
						require.NoError(t, err)
						require.Zero(t, s.wrong(f), "at %v", s.now())
						time.Sleep(7 * time.Second)
					}
					for range 10 {
						turn(15 * time.Minute)
					}
					s.points()
					off = jump
					for range 3 { // whoever believes the clock asks for what is not there yet
						_, err := cache.Range(t.Context(), "x", query.Align(s.now().Add(jump), 15*time.Minute, 240))
						require.NoError(t, err)
						time.Sleep(7 * time.Second)
					}
					for range 40 {
						turn(15 * time.Minute)
					}
					off = 0 // it is set right
					for range 40 {
						turn(15 * time.Minute)
					}
				})
			})
		}
	}
}

// A lid that was closed for an hour.
func TestASuspendedMachine(t *testing.T) {
	for _, span := range []time.Duration{15 * time.Minute, 6 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := newFrail()
			cache := query.NewCache(s.client(t, nil), query.CacheConfig{Rand: middle})
			for range 5 {
				for range 10 {
					f := mustRange(t, cache, "x", query.Align(time.Now(), span, 240))
					require.Zero(t, s.wrong(f))
					time.Sleep(5 * time.Second)
				}
				time.Sleep(time.Hour)
			}
		})
	}
}

// A server that is killed loses the head of its storage, and starts again without.
func TestARestartWithoutTheHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFrail()
		cache := query.NewCache(s.client(t, nil), query.CacheConfig{Rand: middle})
		turn := func() {
			f := mustRange(t, cache, "x", query.Align(time.Now(), time.Hour, 240))
			require.Zero(t, s.wrong(f))
			time.Sleep(5 * time.Second)
		}
		for range 20 {
			turn()
		}
		began := time.Now()
		s.started, s.since = began.Format(time.RFC3339), func() time.Time { return began }
		time.Sleep(20 * time.Second)
		for range 100 {
			turn()
		}
	})
}

// What the retention has taken is shown as it was while it slides out of the window, and
// is never taken for something else.
func TestTheEdgeOfTheRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFrail()
		s.since = func() time.Time { return time.Now().Truncate(20 * time.Minute).Add(-time.Hour) } // a block at a time
		cache := query.NewCache(s.client(t, nil), query.CacheConfig{Rand: middle})
		for range 500 {
			f := mustRange(t, cache, "x", query.Align(time.Now(), 90*time.Minute, 240))
			for i, v := range f.Series[0].Values {
				at := f.Grid.Time(i)
				if v != secondsOf(0, at, at, 0) {
					require.True(t, query.IsAbsent(v))
					require.True(t, at.Before(s.since()), "%v", at)
				}
			}
			time.Sleep(11 * time.Second)
		}
	})
}

// A proxy may give away what it kept for some minutes: what the server had not lived
// then is not known.
func TestAnAnswerThatAProxyKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFrail()
		kept := time.Duration(0)
		var turn sync.Mutex
		proxy := roundTripper(func(r *http.Request) (*http.Response, error) {
			turn.Lock()
			defer turn.Unlock()
			s.ahead = -kept // as the server was then
			resp, err := s.RoundTrip(r)
			s.ahead = 0
			if err == nil && kept > 0 {
				resp.Header.Set("Age", fmt.Sprint(int(kept.Seconds())))
			}
			return resp, err
		})
		client, err := query.NewClient(query.Config{URL: "http://proxy.example", HTTP: proxy})
		require.NoError(t, err)
		cache := query.NewCache(client, query.CacheConfig{Rand: middle})
		for range 10 {
			mustRange(t, cache, "x", query.Align(time.Now(), time.Hour, 240))
			time.Sleep(5 * time.Second)
		}
		kept = 4 * time.Minute
		for range 30 {
			mustRange(t, cache, "x", query.Align(time.Now(), time.Hour, 240))
			time.Sleep(5 * time.Second)
		}
		kept = 0
		for range 30 {
			f := mustRange(t, cache, "x", query.Align(time.Now(), time.Hour, 240))
			require.Zero(t, s.wrong(f))
			time.Sleep(5 * time.Second)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
