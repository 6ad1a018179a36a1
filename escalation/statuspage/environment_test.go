package statuspage

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// childURL names the variable that makes this test binary send one update to its
// value and say what became of it: net/http and crypto/x509 read the
// environment once in a process.
const childURL = "SITREP_TEST_STATUSPAGE_URL"

func TestMain(m *testing.M) {
	url := os.Getenv(childURL)
	if url == "" {
		os.Exit(m.Run())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s := New(Config{Page: func(context.Context, string) (Page, error) { return Page{APIURL: url, ID: pageID, Token: token}, nil }})
	o := s.Send(ctx, announcement("01A", "", "It fails."), checkout())
	fmt.Println(o.Class, o.Err)
}

// An office: nothing leaves it but through its proxy, which re-signs with a
// certificate of its own.
func TestProxyAndPrivateAuthority(t *testing.T) {
	srv := newServer(t)
	tls := httptest.NewTLSServer(srv)
	t.Cleanup(tls.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw}), 0o600))

	var tunnels atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		tunnels.Add(1)
		far, err := net.Dial("tcp", tls.Listener.Addr().String())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		near, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		_, _ = io.Copy(near, far)
		_ = near.Close()
	}))
	t.Cleanup(proxy.Close)

	child := func(url string, env ...string) string {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append([]string{childURL + "=" + url}, env...)
		out, err := cmd.Output()
		require.NoError(t, err)
		return string(out)
	}
	const url = "https://example.com" // the name in the test server's certificate

	require.Equal(t, "accepted <nil>\n", child(url, "HTTPS_PROXY="+proxy.URL, "SSL_CERT_FILE="+authority))
	require.EqualValues(t, 1, tunnels.Load())
	require.Len(t, srv.incidents, 1)

	require.Contains(t, child(url, "HTTPS_PROXY="+proxy.URL), "not sent statuspage:main: its certificate is not trusted")
	require.EqualValues(t, 2, tunnels.Load())

	require.Contains(t, child("https://sink.invalid", "HTTPS_PROXY="+proxy.URL, "NO_PROXY=sink.invalid", "SSL_CERT_FILE="+authority), "not sent")
	require.EqualValues(t, 2, tunnels.Load(), "NO_PROXY goes around the proxy")

	proxy.Close()
	require.Contains(t, child(url, "HTTPS_PROXY=http://bob:hunter2@"+proxy.Listener.Addr().String()),
		"not sent statuspage:main: proxy "+proxy.Listener.Addr().String()+": connection refused")
	require.Len(t, srv.incidents, 1)
}
