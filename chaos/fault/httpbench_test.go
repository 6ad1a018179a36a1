package fault

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkProxyPeers compares in one process what a request costs more, on a connection
// that is kept: through our proxy, and through the one of the standard library with a
// pool of buffers and of connections. One client asks them in turn.
func BenchmarkProxyPeers(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer srv.Close()
	server := srv.Listener.Addr().String()
	p, ours := before(b, server, false)
	hurtBy(b, p, hurt{Kind: "http.error", Status: 500, Match: match{Path: "/pay"}})
	target, err := url.Parse(srv.URL)
	require.NoError(b, err)
	transport := &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true}
	defer transport.CloseIdleConnections()
	peer := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport, BufferPool: pool{},
	})
	defer peer.Close()
	names := []string{"direct", "ours", "httputil"}
	var took [3][]time.Duration
	var conns [3]net.Conn
	for i, address := range []string{server, ours, peer.Listener.Addr().String()} {
		conns[i], err = net.Dial("tcp", address)
		require.NoError(b, err)
		defer conns[i].Close()
	}
	ins := [3]*bufio.Reader{bufio.NewReader(conns[0]), bufio.NewReader(conns[1]), bufio.NewReader(conns[2])}
	for range 3000 {
		for i, conn := range conns {
			began := time.Now()
			_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: s\r\n\r\n")
			require.NoError(b, err)
			res, err := http.ReadResponse(ins[i], nil)
			require.NoError(b, err)
			_, err = io.Copy(io.Discard, res.Body)
			require.NoError(b, err)
			took[i] = append(took[i], time.Since(began))
		}
	}
	var p50 [3]float64
	for i := range took {
		slices.Sort(took[i])
		p50[i] = float64(took[i][len(took[i])/2].Nanoseconds()) / 1000
	}
	for i := 1; i < 3; i++ {
		b.ReportMetric(p50[i]-p50[0], names[i]+"-added-p50-µs")
	}
	b.ReportMetric(p50[0], "direct-p50-µs")
}

// pool are the buffers of the standard library's proxy.
type pool struct{}

func (pool) Get() []byte  { return buffers.Get().(*[streamBuffer]byte)[:] }
func (pool) Put(b []byte) { buffers.Put((*[streamBuffer]byte)(b)) }
