// Package sinktest is what every sink over HTTP has to pass, whatever it speaks.
package sinktest

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

	"github.com/sitrep-dev/sitrep/escalation"
)

// childURL names the variable that makes a test binary send one message to its
// value and say what became of it: net/http and crypto/x509 read the environment
// once in a process.
const childURL = "SITREP_TEST_SINK_URL"

// Main is the TestMain of a sink. Send sends one message to the sink at url.
func Main(m *testing.M, send func(ctx context.Context, url string) escalation.Outcome) {
	url := os.Getenv(childURL)
	if url == "" {
		os.Exit(m.Run())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	o := send(ctx, url)
	fmt.Println(o.Class, o.Err)
}

// Office holds a sink to an office: nothing leaves it but through its proxy, which
// re-signs with a certificate of its own. The server is the sink's far side, name
// what errors call the sink, and arrived counts what the far side has taken.
func Office(t *testing.T, server http.Handler, name string, arrived func() int) {
	tls := httptest.NewTLSServer(server)
	t.Cleanup(tls.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw}), 0o600))
	var tunnels atomic.Int32
	proxy := httptest.NewServer(tunnel(tls.Listener.Addr().String(), &tunnels))
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
	require.Equal(t, 1, arrived())

	require.Contains(t, child(url, "HTTPS_PROXY="+proxy.URL), "not sent "+name+": its certificate is not trusted")
	require.EqualValues(t, 2, tunnels.Load())

	require.Contains(t, child("https://sink.invalid", "HTTPS_PROXY="+proxy.URL, "NO_PROXY=sink.invalid", "SSL_CERT_FILE="+authority), "not sent")
	require.EqualValues(t, 2, tunnels.Load(), "NO_PROXY goes around the proxy")

	proxy.Close()
	said := child(url, "HTTPS_PROXY=http://bob:hunter2@"+proxy.Listener.Addr().String())
	require.Contains(t, said, "not sent "+name+": proxy "+proxy.Listener.Addr().String()+": connection refused")
	require.NotContains(t, said, "hunter2")
	require.Equal(t, 1, arrived())
}

// tunnel is a proxy all of whose tunnels lead to far, and which counts them.
func tunnel(far string, count *atomic.Int32) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		count.Add(1)
		there, err := net.Dial("tcp", far)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(there, here); _ = there.Close() }()
		_, _ = io.Copy(here, there)
		_ = here.Close()
	})
}
