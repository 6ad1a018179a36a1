package escalation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// exchange posts once to url and gives the exchange. A zero patience waits for
// as long as it takes.
func exchange(t *testing.T, transport http.RoundTripper, url string, patience time.Duration) *Exchange {
	t.Helper()
	ctx := t.Context()
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	x := &Exchange{Sink: "pagerduty:primary", Client: &http.Client{Transport: transport}, Secrets: []string{"R0UTINGKEY"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"routing_key":"R0UTINGKEY"}`))
	require.NoError(t, err)
	resp, err := x.Do(req)
	if err == nil {
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, x.Body, body, "the library reads what the exchange read")
		require.NoError(t, resp.Body.Close())
	}
	return x
}

// transport is the senders' own, whose connections end with the test.
func transport(t *testing.T) *http.Transport {
	tr := NewTransport()
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// serve answers every request by h.
func serve(t *testing.T, h http.HandlerFunc) string {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

// hijacked takes the connection away from the server.
func hijacked(w http.ResponseWriter) net.Conn {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	return conn
}

// Nothing left this machine, so it may be sent again without harm.
func TestNothingWasSent(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	untrusted := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request over TLS that is not trusted") }))
	t.Cleanup(untrusted.Close)
	plain := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request") })

	dial := func(f func(ctx context.Context) error) *http.Transport {
		tr := transport(t)
		tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) { return nil, f(ctx) }
		return tr
	}
	proxy := transport(t)
	proxy.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: closed.Listener.Addr().String(), User: url.UserPassword("bob", "hunter2")})

	for name, c := range map[string]struct {
		transport *http.Transport
		url       string
		says      string
	}{
		"refused":         {transport(t), closed.URL, "pagerduty:primary: " + closed.Listener.Addr().String() + ": connection refused: nothing was sent"},
		"proxy refused":   {proxy, "https://events.example.com", "proxy " + closed.Listener.Addr().String() + ": connection refused"},
		"no such host":    {dial(func(context.Context) error { return &net.DNSError{Name: "sink.test", IsNotFound: true} }), "http://sink.test", "cannot find the host sink.test"},
		"dial hangs":      {dial(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }), "http://sink.test", "no answer in time"},
		"untrusted":       {transport(t), untrusted.URL, "certificate is not trusted"},
		"plain, not TLS":  {transport(t), strings.Replace(plain, "http:", "https:", 1), "nothing was sent"},
		"unknown failure": {dial(func(context.Context) error { return errors.New("the cat\nis on the wire") }), "http://sink.test", "the cat is on the wire: nothing was sent"},
	} {
		t.Run(name, func(t *testing.T) {
			patience := 10 * time.Second
			if name == "dial hangs" {
				patience = 50 * time.Millisecond
			}
			x := exchange(t, c.transport, c.url, patience)
			o, refused := x.Refused("", "")
			require.True(t, refused)
			require.Equal(t, NotSent, o.Class, "%v", o.Err)
			require.ErrorContains(t, o.Err, c.says)
			require.NotContains(t, o.Err.Error(), "hunter2")
			require.NotContains(t, o.Err.Error(), "\n")
		})
	}
}

func TestCancelledBeforeItBegan(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x := &Exchange{Sink: "slack:#incidents", Client: &http.Client{Transport: transport(t)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:9", nil)
	require.NoError(t, err)
	_, err = x.Do(req)
	require.ErrorIs(t, err, context.Canceled)
	o, _ := x.Refused("", "")
	require.Equal(t, NotSent, o.Class)
	require.EqualError(t, o.Err, "slack:#incidents: it was stopped: nothing was sent")
}

func TestNoRequestAtAll(t *testing.T) {
	x := &Exchange{Sink: "pagerduty:primary", Client: &http.Client{Transport: transport(t)}}
	o, refused := x.Refused("", "")
	require.True(t, refused)
	require.Equal(t, Dead, o.Class)
}

// The request was written, and then nobody knows.
func TestMayHaveCounted(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server watches the connection only once the body is read
		<-r.Context().Done()
	}
	for name, c := range map[string]struct {
		handle   http.HandlerFunc
		patience time.Duration
		says     string
	}{
		"hangs up": {func(w http.ResponseWriter, _ *http.Request) { _ = hijacked(w).Close() }, 0, "the connection broke: it may have been accepted"},
		"resets": {func(w http.ResponseWriter, _ *http.Request) {
			conn := hijacked(w)
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}, 0, "the connection broke"},
		"half an answer": {func(w http.ResponseWriter, _ *http.Request) {
			conn := hijacked(w)
			_, _ = io.WriteString(conn, "HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{\"status\":")
			_ = conn.Close()
		}, 0, "status 202, then the connection broke"},
		"half a head": {func(w http.ResponseWriter, _ *http.Request) {
			conn := hijacked(w)
			_, _ = io.WriteString(conn, "HTTP/1.1 202 Acc")
			_ = conn.Close()
		}, 0, "the connection broke"},
		"not HTTP": {func(w http.ResponseWriter, _ *http.Request) {
			conn := hijacked(w)
			_, _ = io.WriteString(conn, "SSH-2.0\r\n\r\n")
			_ = conn.Close()
		}, 0, "it may have been accepted"},
		"no answer":   {hang, 100 * time.Millisecond, "no answer in time: it may have been accepted"},
		"slow answer": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202); w.(http.Flusher).Flush(); hang(w, r) }, 100 * time.Millisecond, "status 202, then no answer in time"},
		"too much":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxAnswer+1)) }, 0, "more than 4 MB"},
		"500":         {status(500, "oops"), 0, "500 Internal Server Error: oops: it may have been accepted"},
		"502 page":    {status(502, "<html><h1>Bad gateway</h1>"), 0, "502 Bad Gateway: it answered HTML"},
		"503":         {status(503, ""), 0, "503 Service Unavailable: it may"},
		"408":         {status(408, ""), 0, "408 Request Timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			x := exchange(t, transport(t), serve(t, c.handle), c.patience)
			o, refused := x.Refused("", "")
			require.True(t, refused)
			require.Equal(t, Unsure, o.Class, "%v", o.Err)
			require.ErrorContains(t, o.Err, c.says)
		})
	}
}

// The answer is known: the sink, or something in between, turned it away.
func TestTurnedAway(t *testing.T) {
	for name, c := range map[string]struct {
		handle http.HandlerFunc
		class  Class
		says   string
	}{
		"400":           {status(400, `{"message":"no"}`), Dead, `400 Bad Request: {"message":"no"}: what to do`},
		"403":           {status(403, ""), Dead, "403 Forbidden: what to do"},
		"404":           {status(404, "<html>"), Dead, "404 Not Found: it answered HTML: what to do"},
		"413, too much": {status(413, strings.Repeat("x", maxAnswer+1)), Dead, "413 Request Entity Too Large: what to do"},
		"login page":    {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, NotSent, "302 Found: something in between"},
		"moved":         {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusPermanentRedirect) }, NotSent, "308 Permanent Redirect"},
		"proxy":         {status(407, ""), NotSent, "407 Proxy Authentication Required"},
		"429":           {status(429, ""), Throttled, "asked too often, again in 30s"},
	} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			x := exchange(t, transport(t), serve(t, func(w http.ResponseWriter, r *http.Request) { requests++; c.handle(w, r) }), 0)
			o, refused := x.Refused("", "what to do")
			require.True(t, refused)
			require.Equal(t, c.class, o.Class, "%v", o.Err)
			require.ErrorContains(t, o.Err, c.says)
			require.Equal(t, 1, requests, "a redirect is not followed, an answer is never asked for twice")
		})
	}
	x := exchange(t, transport(t), serve(t, status(202, "fine")), 0)
	_, refused := x.Refused("", "")
	require.False(t, refused)
	require.Equal(t, "fine", string(x.Body))
}

// The real sinks speak HTTP/2, where one connection carries everything.
func TestOverHTTP2(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("it came over %s", r.Proto)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/half":
			w.WriteHeader(http.StatusAccepted)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/hang":
			<-r.Context().Done()
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	tr := transport(t)
	tr.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig
	for _, path := range []string{"/abort", "/half", "/hang"} {
		_, refused := exchange(t, tr, srv.URL+"/fine", 0).Refused("", "")
		require.False(t, refused)
		o, refused := exchange(t, tr, srv.URL+path, 200*time.Millisecond).Refused("", "")
		require.True(t, refused)
		require.Equal(t, Unsure, o.Class, "%s: %v", path, o.Err)
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); _, _ = io.WriteString(w, body) }
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	date := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, c := range []struct {
		after, date string
		longest     time.Duration
		want        time.Duration
	}{
		{"", "", 0, 30 * time.Second},
		{"7", "", 0, 7 * time.Second},
		{"1.5", "", 0, 1500 * time.Millisecond},
		{"0", "", 0, time.Second},
		{"-3", "", 0, 30 * time.Second},
		{"NaN", "", 0, 30 * time.Second},
		{"Inf", "", 0, 5 * time.Minute},
		{"99999999999999999999", "", 0, 5 * time.Minute},
		{"86400", "", time.Minute, time.Minute},
		{"soon", "", 0, 30 * time.Second},
		{date(20 * time.Second), "", 0, 20 * time.Second},
		{date(-time.Hour), "", 0, time.Second},
		{date(20 * time.Second), date(5 * time.Second), 0, 15 * time.Second}, // its clock, not ours
		{date(2*time.Hour + 9*time.Second), date(2 * time.Hour), 0, 9 * time.Second},
	} {
		x := &Exchange{Longest: c.longest, header: http.Header{"Retry-After": {c.after}, "Date": {c.date}}}
		require.Equal(t, c.want, x.retryAfter(now), "Retry-After %q at %q", c.after, c.date)
	}
	x := &Exchange{header: http.Header{"Ratelimit-Reset": {"17"}}}
	require.Equal(t, 17*time.Second, x.retryAfter(now), "PagerDuty's REST API")
}

// Whatever a sink repeats, and however, an error is one short line without the
// secret.
func TestErrorsHoldNoSecret(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[!-~]{8,40}`).Draw(t, "secret")
		form := rapid.SampledFrom([]func(string) string{
			func(s string) string { return s }, strings.ToUpper, strings.ToLower, url.QueryEscape, url.PathEscape,
			func(s string) string { return s[:5] + "\x00\u202e" + s[5:] },
		}).Draw(t, "form")
		text := rapid.String().Draw(t, "before") + form(secret) + strings.Repeat(rapid.String().Draw(t, "after"), 50)
		x := &Exchange{Sink: "pagerduty:primary", Secrets: []string{secret, ""}}
		got := x.Errorf("%s", text).Error()
		if strings.Contains(strings.ToLower(got), strings.ToLower(oneLine(form(secret)))) {
			t.Fatalf("%q shows the secret %q", got, secret)
		}
		if utf8.RuneCountInString(got) > maxError+1 || strings.ContainsAny(got, "\n\r\t\x1b") {
			t.Fatalf("%q is not one short line", got)
		}
	})
	x := &Exchange{Sink: "slack:#x"}
	require.EqualError(t, x.Errorf("proxy %s", "http://bob:hunter2@proxy:3128/"), "slack:#x: proxy http://proxy:3128/")
}

// One sender's requests run at once, over shared connections.
func TestExchangesAtOnce(t *testing.T) {
	tr := transport(t)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = w.Write(body)
	})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			path, want := "/good", false
			if i%2 == 0 {
				path, want = "/bad", true
			}
			x := &Exchange{Sink: fmt.Sprint(i), Client: &http.Client{Transport: tr}}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+path, strings.NewReader(fmt.Sprint(i)))
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = x.Do(req)
			if _, refused := x.Refused("", ""); refused != want || string(x.Body) != fmt.Sprint(i) {
				t.Errorf("exchange %d: refused %v, body %q", i, refused, x.Body)
			}
		})
	}
	wg.Wait()
}
