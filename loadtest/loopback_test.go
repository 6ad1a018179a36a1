package loadtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// listen serves connections on loopback with handle until the test ends.
func listen(t *testing.T, handle func(nc net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var open sync.Map
	var running sync.WaitGroup
	running.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(nc, true)
			running.Go(func() { defer nc.Close(); handle(nc) })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		open.Range(func(nc, _ any) bool { nc.(net.Conn).Close(); return true })
		running.Wait()
	})
	return "http://" + l.Addr().String() + "/"
}

// each calls answer for every request that comes over the connection.
func each(nc net.Conn, answer func(*http.Request) bool) {
	in := bufio.NewReader(nc)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil || !answer(req) {
			return
		}
	}
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// brief is a plan of ten requests, so patient that a busy machine is not what fails; a
// test of timeouts takes impatient.
func brief(url string) Plan {
	p := planOf(50, 200*time.Millisecond)
	p.Targets[0].URL, p.Timeout = url, 30*time.Second
	return p
}

const impatient = 150 * time.Millisecond

// What the server counted is what the result says, for every target of the mix.
func TestServerAndResultAgree(t *testing.T) {
	var root, pay atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/pay":
			body, _ := io.ReadAll(r.Body)
			if r.Method == "POST" && string(body) == `{"n":1}` && r.Header.Get("Content-Type") == "application/json" && r.Host == "shop" {
				pay.Add(1)
			}
			w.WriteHeader(http.StatusCreated)
		default:
			root.Add(1)
			w.(http.Flusher).Flush() // chunked
			_, _ = io.WriteString(w, strings.Repeat("x", 40_000))
		}
	})
	plan := planOf(1000, 500*time.Millisecond)
	plan.Stages = append(plan.Stages, Stage{1000, 2000, 200 * time.Millisecond})
	plan.Targets = []Target{
		{URL: s.URL + "/", Weight: 3},
		{Method: "POST", URL: s.URL + "/pay", Body: `{"n":1}`, Headers: map[string]string{"Content-Type": "application/json", "Host": "shop"}},
	}
	r, err := Run(t.Context(), plan, nil)
	require.NoError(t, err)
	require.EqualValues(t, 800, r.Requests)
	require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
	require.EqualValues(t, 600, root.Load())
	require.EqualValues(t, 200, pay.Load())
	require.Equal(t, []int64{500, 300}, []int64{r.Stages[0].Requests, r.Stages[1].Requests})
	require.InDelta(t, 1000, r.Stages[0].RequestedRate, 1e-6)
	response, _, _, err := MergeRows(r.Rows)
	require.NoError(t, err)
	require.Equal(t, r.Latency, response.Latency())
	require.LessOrEqual(t, r.Latency.P50, r.Latency.P99)
	require.Positive(t, r.Latency.P50)
}

// The stall of TestStallIsToldTruthfully on real sockets, a fifth as long: p99
// is 190 ms. A generator that measures from the sending says 1 ms.
func TestStallOnSockets(t *testing.T) {
	var once sync.Once
	var epoch time.Time
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { epoch = time.Now() })
		if phase := time.Since(epoch) % time.Second; phase < 200*time.Millisecond {
			select {
			case <-time.After(200*time.Millisecond - phase):
			case <-r.Context().Done():
			}
		}
	})
	plan := planOf(300, 2*time.Second)
	plan.Targets[0].URL, plan.Connections = s.URL, 4
	r, err := Run(t.Context(), plan, nil)
	require.NoError(t, err)
	require.EqualValues(t, 600, r.Requests)
	require.Zero(t, r.Errors)
	ratio := r.Latency.P99.Seconds() / 0.190
	require.Greater(t, ratio, 0.8)
	require.Less(t, ratio, 3.0)
	require.Greater(t, r.Latency.P95, 3*r.Service.P95, "the wait for a connection counts")
}

// Whatever the other side does, every arrival gets a class and the run ends.
func TestTargetsThatMisbehave(t *testing.T) {
	write := func(text string) func(net.Conn) {
		return func(nc net.Conn) {
			each(nc, func(*http.Request) bool { _, err := io.WriteString(nc, text); return err == nil })
		}
	}
	endless := func(begin, rest string) func(net.Conn) {
		return func(nc net.Conn) {
			each(nc, func(*http.Request) bool {
				_, err := io.WriteString(nc, begin)
				for err == nil {
					_, err = io.WriteString(nc, strings.Repeat(rest, 100))
				}
				return false
			})
		}
	}
	for name, c := range map[string]struct {
		handle func(net.Conn)
		want   Class
	}{
		"hangs":             {func(nc net.Conn) { each(nc, func(*http.Request) bool { return true }) }, ClassTimeout},
		"hangs in the body": {write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), ClassTimeout},
		"never reads":       {nil, ClassTimeout},
		"resets": {func(nc net.Conn) {
			each(nc, func(*http.Request) bool { return nc.(*net.TCPConn).SetLinger(0) != nil })
		}, ClassReset},
		"closes in the body": {func(nc net.Conn) {
			each(nc, func(*http.Request) bool {
				fmt.Fprint(nc, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
				return false
			})
		}, ClassReset},
		"closes unasked":         {func(nc net.Conn) { each(nc, func(*http.Request) bool { return false }) }, ClassReset},
		"speaks SSH":             {write("SSH-2.0-OpenSSH_9.2\r\n"), ClassProtocol},
		"answers binary garbage": {write("\x00\xff\x16\x03\x01\n"), ClassProtocol},
		"endless headers":        {endless("HTTP/1.1 200 OK\r\n", "A: b\r\n"), ClassProtocol},
		"an endless line":        {endless("HTTP/1.1 200 ", "x"), ClassProtocol},
		"an endless body":        {endless("HTTP/1.1 200 OK\r\n\r\n", "x"), ClassTimeout},
		"not found":              {write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), ClassClient},
		"unavailable":            {write("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"), ClassServer},
		"one byte at a time": {func(nc net.Conn) {
			each(nc, func(*http.Request) bool {
				for _, b := range []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n") {
					if _, err := nc.Write([]byte{b}); err != nil {
						return false
					}
				}
				return true
			})
		}, ""},
		"closes after each, and says so": {func(nc net.Conn) {
			each(nc, func(*http.Request) bool {
				fmt.Fprint(nc, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbye")
				return false
			})
		}, ""},
		"closes after each, silently": {func(nc net.Conn) {
			each(nc, func(*http.Request) bool { fmt.Fprint(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); return false })
		}, ""},
		"says more than was asked": {write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 unasked\r\n\r\n"), ""},
		"redirects elsewhere":      {write("HTTP/1.1 302 Found\r\nLocation: http://203.0.113.1/\r\nContent-Length: 0\r\n\r\n"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handle := c.handle
			if handle == nil {
				handle = func(net.Conn) { <-t.Context().Done() }
			}
			plan := brief(listen(t, handle))
			if c.want == ClassTimeout {
				plan.Timeout = impatient
			}
			r, err := Run(t.Context(), plan, nil)
			require.NoError(t, err)
			require.EqualValues(t, 10, r.Requests)
			if c.want == "" {
				require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
				return
			}
			require.EqualValues(t, 10, r.ErrorsByClass[c.want].Count, "%v", r.ErrorsByClass)
			require.Contains(t, r.ErrorsByClass[c.want].Sample, "GET http://127.0.0.1:")
			require.Equal(t, Fail, verdictOfTarget(r))
		})
	}
}

// verdictOfTarget is the verdict without the generator's: on a machine that is
// busy with other tests that may be anything.
func verdictOfTarget(r Result) Verdict {
	r.Generator, r.Reasons = GeneratorOK, nil
	v, _ := r.judge(false)
	return v
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	r, err := Run(t.Context(), brief("http://"+l.Addr().String()), nil)
	require.NoError(t, err)
	require.EqualValues(t, 10, r.ErrorsByClass[ClassRefused].Count, "%v", r.ErrorsByClass)
}

// A server that closes idle connections is healthy, for requests too that must
// not be sent twice.
func TestIdleCloseIsNoError(t *testing.T) {
	var posts atomic.Int64
	url := listen(t, func(nc net.Conn) {
		each(nc, func(*http.Request) bool {
			posts.Add(1)
			fmt.Fprint(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			return false
		})
	})
	plan := planOf(8, time.Second)
	plan.Targets[0] = Target{Method: "POST", URL: url}
	plan.Connections = 1
	r, err := Run(t.Context(), plan, nil)
	require.NoError(t, err)
	require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
	require.EqualValues(t, 8, posts.Load())
}

// A server that closes a connection just as the next request is on its way: a
// GET is sent again, a POST, which may have had its effect, is reported.
func TestOnlyWhatMayBeRepeatedIsSentAgain(t *testing.T) {
	url := listen(t, func(nc net.Conn) {
		first := true
		each(nc, func(*http.Request) bool {
			if !first {
				return false
			}
			first = false
			_, err := fmt.Fprint(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			return err == nil
		})
	})
	plan := brief(url)
	plan.Connections = 1
	r, err := Run(t.Context(), plan, nil)
	require.NoError(t, err)
	require.Zero(t, r.Errors, "%v", r.ErrorsByClass)

	plan.Targets[0].Method = "POST"
	r, err = Run(t.Context(), plan, nil)
	require.NoError(t, err)
	require.EqualValues(t, 5, r.Errors, "every second one")
	require.EqualValues(t, 5, r.ErrorsByClass[ClassReset].Count)
}

// localhost has two addresses here and the server listens on one of them.
func TestTheOtherAddressIsTried(t *testing.T) {
	url := listen(t, func(nc net.Conn) {
		each(nc, func(*http.Request) bool {
			_, err := fmt.Fprint(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			return err == nil
		})
	})
	plan := brief(url)
	ends, of, err := plan.resolve(t.Context(), nil)
	require.NoError(t, err)
	other := ends[0].addrs[0]
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	ends[0].addrs = append(ends[0].addrs[:0], closed.Addr().(*net.TCPAddr).AddrPort(), other)
	r := engineOf(plan.withDefaults(), ends, of, dialTCP).run(t.Context(), func(Progress) {})
	require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
}

// The plan would take an hour and the server's answers a minute: only the
// cancel can end this test.
func TestCancelOnSockets(t *testing.T) {
	url := listen(t, func(nc net.Conn) { each(nc, func(*http.Request) bool { return true }) })
	plan := planOf(100, time.Hour)
	plan.Targets[0].URL, plan.Timeout = url, MaxTimeout
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := Run(ctx, plan, func(p Progress) {
		if p.InFlight >= 20 {
			cancel()
		}
	})
	require.NoError(t, err)
	require.Equal(t, Aborted, r.Verdict)
	require.Zero(t, r.Requests)

	r, err = Run(ctx, brief(url), nil) // cancelled before it began
	require.NoError(t, err)
	require.Equal(t, Aborted, r.Verdict)
}

func TestErrorsHaveClasses(t *testing.T) {
	dial := func(e error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", e)}
	}
	for _, c := range []struct {
		status int
		err    error
		want   Class
	}{
		{200, nil, ""},
		{301, nil, ""},
		{404, nil, ClassClient},
		{500, nil, ClassServer},
		{599, nil, ClassServer},
		{0, dial(syscall.ECONNREFUSED), ClassRefused},
		{0, dial(syscall.ETIMEDOUT), ClassTimeout},
		{0, dial(syscall.EADDRNOTAVAIL), ClassLocal},
		{0, dial(syscall.EMFILE), ClassLocal},
		{0, os.ErrDeadlineExceeded, ClassTimeout},
		{0, context.DeadlineExceeded, ClassTimeout},
		{0, dial(syscall.ECONNRESET), ClassReset},
		{0, io.EOF, ClassReset},
		{0, io.ErrUnexpectedEOF, ClassReset},
		{0, fmt.Errorf("x: %w", errProtocol), ClassProtocol},
		{0, errors.New("else"), ClassReset},
	} {
		require.Equal(t, c.want, classify(c.status, c.err), "%d %v", c.status, c.err)
	}
}
