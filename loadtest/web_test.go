package loadtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// written is a directory with these files.
func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func secure(t *testing.T, h2 bool, client tls.ClientAuthType, h http.HandlerFunc) (s *httptest.Server, dir string) {
	t.Helper()
	s = httptest.NewUnstartedServer(h)
	s.EnableHTTP2, s.TLS = h2, &tls.Config{ClientAuth: client}
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return s, written(t, map[string]string{"ca.pem": string(ca)})
}

// Over TLS, by HTTP/1.1 and HTTP/2, and by HTTP/2 without TLS, what the server counted is
// what the result says, with the same bodies and headers as the fast driver sends.
func TestWebDriverAndServerAgree(t *testing.T) {
	for _, c := range []struct {
		protocol string
		h2, tls  bool
		want     string
	}{{"http1", true, true, "HTTP/1.1"}, {"", true, true, "HTTP/2.0"}, {"http2", true, true, "HTTP/2.0"}, {"http2", false, false, "HTTP/2.0"}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			var good atomic.Int64
			handle := func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				user, password, _ := r.BasicAuth()
				if r.Proto == c.want && string(body) == "n=1" && r.Header.Get("X-A") == "b" && user == "bob" && password == "pw" && r.URL.Query().Get("q") == "1" {
					good.Add(1)
				}
				_, _ = io.WriteString(w, strings.Repeat("x", 40_000))
			}
			url, dir := "", ""
			if c.tls {
				s, d := secure(t, c.h2, tls.NoClientCert, handle)
				url, dir = s.URL, d
			} else {
				s := httptest.NewUnstartedServer(http.HandlerFunc(handle))
				s.Config.Protocols = new(http.Protocols)
				s.Config.Protocols.SetUnencryptedHTTP2(true)
				s.Start()
				t.Cleanup(s.Close)
				url = s.URL
			}
			plan := planOf(200, 300*time.Millisecond)
			plan.Dir, plan.HTTP = dir, HTTP{Protocol: c.protocol}
			if c.tls {
				plan.HTTP.TLS.CA = "ca.pem"
			}
			plan.Auth = Auth{User: "bob", Password: "env:PW"}
			plan.Targets = []Target{{Method: "POST", URL: url + "/?q=1", Body: "n=1", Headers: map[string]string{"X-A": "b"}}}
			least := int64(40_000)
			plan.Targets[0].Expect.Least = &least
			r, err := Means{Reveal: func(_ context.Context, _ string, s Secret) (string, error) {
				require.Equal(t, Secret("env:PW"), s)
				return "pw", nil
			}}.Run(t.Context(), plan)
			require.NoError(t, err)
			require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
			require.EqualValues(t, 60, r.Requests)
			require.EqualValues(t, 60, good.Load())
		})
	}
}

// Whom nobody has vouched for is an error of its own class; insecure is told.
func TestTLSIsVerified(t *testing.T) {
	s, dir := secure(t, false, tls.NoClientCert, func(http.ResponseWriter, *http.Request) {})
	plan := brief(s.URL + "/")
	plan.Dir = dir
	run := func(c TLS) Result {
		plan.HTTP.TLS = c
		r, err := Run(t.Context(), plan, nil)
		require.NoError(t, err)
		return r
	}
	r := run(TLS{})
	require.Equal(t, r.Requests, r.ErrorsByClass[ClassTLS].Count, "%v", r.ErrorsByClass)
	require.Contains(t, r.ErrorsByClass[ClassTLS].Sample, "certificate")
	r = run(TLS{CA: "ca.pem", ServerName: "elsewhere.test"})
	require.Equal(t, r.Requests, r.ErrorsByClass[ClassTLS].Count, "%v", r.ErrorsByClass)
	r = run(TLS{CA: "ca.pem"})
	require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
	require.Empty(t, r.Notes)
	r = run(TLS{Insecure: true})
	require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
	require.Contains(t, strings.Join(r.Notes, "\n"), "no certificate was verified")

	plan.HTTP.TLS = TLS{CA: "gone.pem"}
	_, err := Run(t.Context(), plan, nil)
	require.ErrorContains(t, err, "gone.pem")

	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	plan.HTTP.TLS, plan.Targets[0].URL = TLS{Insecure: true}, "https"+strings.TrimPrefix(plain.URL, "http")
	r, err = Run(t.Context(), plan, nil)
	require.NoError(t, err)
	require.Equal(t, r.Requests, r.ErrorsByClass[ClassTLS].Count, "%v", r.ErrorsByClass)
}

func TestClientCertificate(t *testing.T) {
	s, dir := secure(t, false, tls.RequireAnyClientCert, func(_ http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 1 {
			panic(http.ErrAbortHandler)
		}
	})
	key := written(t, map[string]string{
		"cert.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})),
		"key.pem":  keyPEM(t, s.TLS.Certificates[0].PrivateKey),
	})
	plan := brief(s.URL + "/")
	plan.Dir = dir
	plan.HTTP.TLS = TLS{CA: "ca.pem", Cert: filepath.Join(key, "cert.pem"), Key: filepath.Join(key, "key.pem")}
	r, err := Run(t.Context(), plan, nil)
	require.NoError(t, err)
	require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
	plan.HTTP.TLS = TLS{CA: "ca.pem"}
	r, err = Run(t.Context(), plan, nil)
	require.NoError(t, err)
	require.Equal(t, r.Requests, r.Errors)
}

// Redirects are followed as far as the plan says, and never off this machine.
func TestRedirects(t *testing.T) {
	var s *httptest.Server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			http.Redirect(w, r, s.URL+"/two", http.StatusFound)
		case "/two":
			http.Redirect(w, r, "/end", http.StatusTemporaryRedirect)
		case "/out":
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		}
	})
	plan := brief(s.URL + "/")
	plan.Targets[0].Expect.Status = []int{200}
	for redirects, want := range map[int]Class{0: ClassExpect, 1: ClassExpect, 2: ""} {
		plan.HTTP.Redirects = redirects
		r, err := Run(t.Context(), plan, nil)
		require.NoError(t, err)
		if want == "" {
			require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
		} else {
			require.Equal(t, r.Requests, r.ErrorsByClass[want].Count, "%d: %v", redirects, r.ErrorsByClass)
		}
	}
	plan.Targets[0].URL, plan.HTTP.Redirects = s.URL+"/out", 1
	r, err := Run(t.Context(), plan, nil)
	require.NoError(t, err)
	require.Equal(t, r.Requests, r.ErrorsByClass[ClassDNS].Count, "%v", r.ErrorsByClass)
	require.Contains(t, r.ErrorsByClass[ClassDNS].Sample, "not a loopback address")
}

// One connection for all requests of one worker, or one for each.
func TestKeepAlive(t *testing.T) {
	for _, h := range []HTTP{{}, {NoKeepAlive: true}, {DNS: DNSPerRequest}, {NoKeepAlive: true, HeaderTimeout: time.Second}} {
		var opened atomic.Int64
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				opened.Add(1)
			}
		}
		s.Start()
		plan := planOf(50, 200*time.Millisecond)
		plan.Targets[0].URL, plan.HTTP = s.URL+"/", h
		r, err := Run(t.Context(), plan, nil)
		s.Close()
		require.NoError(t, err)
		require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
		if h.Fresh() {
			require.EqualValues(t, 10, opened.Load(), "%+v", h)
		} else {
			require.Less(t, opened.Load(), int64(10))
		}
	}
}

// A server behind TLS that answers with garbage, hangs, resets or never ends.
func TestHostileServersOverNetHTTP(t *testing.T) {
	for want, answer := range map[Class]func(nc net.Conn){
		ClassProtocol: func(nc net.Conn) { _, _ = io.WriteString(nc, "\x00\xffSSH-2.0 hello\r\n\r\n") },
		ClassTimeout:  func(nc net.Conn) { _, _ = nc.Read(make([]byte, 1)) },
		ClassReset:    func(net.Conn) {},
	} {
		url := listen(t, func(nc net.Conn) {
			each(nc, func(*http.Request) bool { answer(nc); return false })
		})
		plan := brief(url)
		if want == ClassTimeout {
			plan.Timeout = impatient
		}
		plan.HTTP.Redirects = 1 // so that net/http carries it
		plan.Targets[0].Method = "POST"
		r, err := Run(t.Context(), plan, nil)
		require.NoError(t, err)
		require.Equal(t, r.Requests, r.ErrorsByClass[want].Count, "want %s: %v", want, r.ErrorsByClass)
	}
	endless := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	plan := brief(endless.URL + "/")
	plan.Timeout, plan.HTTP.Redirects = impatient, 1
	plan.Targets[0].Expect.Body = "x"
	r, err := Run(t.Context(), plan, nil)
	require.NoError(t, err)
	require.Equal(t, r.Requests, r.ErrorsByClass[ClassTimeout].Count, "%v", r.ErrorsByClass)
}

// The header may be slow while the whole is in time.
func TestHeaderTimeout(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	plan := brief(s.URL + "/")
	plan.Timeout, plan.HTTP.HeaderTimeout = time.Minute, 50*time.Millisecond
	r, err := Run(t.Context(), plan, nil)
	require.NoError(t, err)
	require.Equal(t, r.Requests, r.ErrorsByClass[ClassTimeout].Count, "%v", r.ErrorsByClass)
}

// A name that goes away while the run lasts is an error of its own class.
func TestDNSGoesAway(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	require.NoError(t, err)
	plan := planOf(50, 200*time.Millisecond)
	plan.Targets[0].URL, plan.HTTP.DNS = "http://shop.test:"+port+"/", DNSPerRequest
	book := &forgetful{after: 4}
	plan = plan.withDefaults()
	ends, of, err := plan.resolve(t.Context(), book)
	require.NoError(t, err)
	r := engineOf(plan, ends, of, dialTCP).run(t.Context(), func(Progress) {})
	require.EqualValues(t, 7, r.ErrorsByClass[ClassDNS].Count, "the plan's look, three that found it, seven that did not: %v", r.ErrorsByClass)
}

// forgetful knows a name for so many questions.
type forgetful struct {
	mu    sync.Mutex
	after int
}

// LookupNetIP is resolver's.
func (f *forgetful) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.after--; f.after < 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func keyPEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
