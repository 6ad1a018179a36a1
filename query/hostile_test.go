package query

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func series(text string) string {
	return `{"status":"success","data":{"resultType":"matrix","result":[` + text + `]}}`
}

// What a person reads when an answer is whole but not what was hoped for.
func TestHostileAnswersAreSaid(t *testing.T) {
	row := func(labels string, values string) string {
		return `{"metric":{` + labels + `},"values":[` + values + `]}`
	}
	for name, c := range map[string]struct {
		body string
		says []string
		n    int
	}{
		"empty":                 {series(""), nil, 0},
		"no result at all":      {`{"status":"success","data":{}}`, nil, 0},
		"null data":             {`{"status":"success","data":null}`, nil, 0},
		"numbers of all kinds":  {series(row("", `[1699999935,"NaN"],[1699999950,"+Inf"],[1699999965,"-Inf"],[1699999980,"1e400"],[1699999995,"-0"]`)), nil, 1},
		"a vector for a matrix": {`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1699999950,"5"]}]}}`, nil, 1},
		"native histograms":     {series(`{"metric":{},"histograms":[[1699999935,{"count":"3","sum":"4"}]]}`), nil, 1},
		"a bucket's rule":       {series(`{"metric":{},"histograms":[[1699999935,{"count":"3","sum":"4","buckets":[[7,"1","2","3"]]}]]}`), nil, -1},
		"a million buckets": {
			series(`{"metric":{},"histograms":[[1699999935,{"count":"1","sum":"1","buckets":[` + strings.Repeat(`[0,"1","2","3"],`, 1000) + `[0,"1","2","3"]]}],[1699999950,{"buckets":[` + manyBuckets(maxBuckets) + `]}]]}`),
			[]string{"1 native histograms are left out, an answer may hold 524288 buckets: aggregate with sum by (...), or ask for a shorter time"},
			1,
		},
		"duplicate series":       {series(row(`"a":"1"`, `[1699999935,"1"]`) + "," + row(`"a":"1"`, `[1699999935,"2"],[1699999950,"3"]`)), []string{"1 series have the same labels as another one and were joined with it: several servers answer as one"}, 1},
		"labels of 10 MB":        {series(row(`"a":"`+strings.Repeat("x", 10<<20)+`"`, `[1699999935,"1"]`) + "," + row(`"a":"1"`, `[1699999935,"1"]`)), []string{"1 series with more than 64 KiB of labels are left out: drop the label with sum without (...)"}, 1},
		"between the steps":      {series(row("", `[1699999937,"1"]`)), []string{"1 points were between the steps and moved to the nearest"}, 1},
		"Thanos, partial":        {`{"status":"success","data":{"resultType":"matrix","result":[]},"warnings":["No StoreAPIs matched for this query"]}`, []string{"No StoreAPIs matched for this query"}, 0},
		"VictoriaMetrics":        {`{"status":"success","isPartial":false,"data":{"resultType":"matrix","result":[]},"stats":{"seriesFetched":"0","executionTimeMsec":1}}`, nil, 0},
		"VictoriaMetrics, part":  {`{"status":"success","isPartial":true,"data":{"resultType":"matrix","result":[` + row("", `[1699999935,"1"]`) + `]}}`, []string{"the answer is partial: a part of the storage did not answer"}, 1},
		"times before the epoch": {series(row("", `[-5,"1"],[1e99,"1"]`)), nil, -1},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := serve(t, body(200, "application/json", c.body)).Range(context.Background(), "x", hour)
			if c.n < 0 {
				require.ErrorIs(t, err, ErrNotPrometheus)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.says, f.Warnings)
			require.Len(t, f.Series, c.n)
		})
	}
}

// 100 000 series are refused before they are in memory.
func TestAFloodOfSeriesIsNotReadToItsEnd(t *testing.T) {
	var sent atomic.Int64
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"matrix","result":[`)
		for i := range 100_000 {
			comma := ","
			if i == 0 {
				comma = ""
			}
			n, err := fmt.Fprintf(w, `%s{"metric":{"__name__":"up","i":"%d \"metric\":"},"values":[[1699999935,"1"]]}`, comma, i)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, `]}}`)
	})
	_, err := c.Range(context.Background(), "x", hour)
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorContains(t, err, "the answer has more than 10000 series: aggregate with sum by (...) or topk, or select fewer")
	_, _, err = c.Instant(context.Background(), "x", time.Time{})
	require.ErrorIs(t, err, ErrTooLarge)
	require.Less(t, sent.Load(), int64(2*5<<20), "of 15 MB")
}

func TestSeriesAreCountedAcrossPieces(t *testing.T) {
	text := strings.Repeat(`{"metric":{"a":"\"metric\":"}},`, 50)
	for size := 1; size < 60; size++ {
		f := &flood{ReadCloser: io.NopCloser(strings.NewReader(text))}
		_, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{f}, make([]byte, size))
		require.NoError(t, err)
		require.Equal(t, 50, f.seen, "in pieces of %d", size)
	}
}

func TestARedirectLoopAndASlowLoris(t *testing.T) {
	loop := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	})
	_, err := loop.Range(context.Background(), "x", hour)
	require.ErrorIs(t, err, ErrNotPrometheus)
	require.ErrorContains(t, err, "307 Temporary Redirect: it redirects to "+loop.URL()+"/api/v1/query_range")

	slow := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
	}, func(c *Config) { c.Timeout = 50 * time.Millisecond })
	_, err = slow.Range(context.Background(), "x", hour)
	require.ErrorIs(t, err, ErrTimeout)
	require.ErrorContains(t, err, "no answer within 50ms")
}

// authority makes certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue gives a certificate and its key in PEM form.
func (a *authority) issue(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &own.PublicKey, a.key)
	require.NoError(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(own)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func TestClientCertificatesAreReadAgain(t *testing.T) {
	ours := newAuthority(t)
	cert, key := ours.issue(t, "prometheus.example")
	pair, err := tls.X509KeyPair(cert, key)
	require.NoError(t, err)
	var who atomic.Value
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who.Store(r.TLS.PeerCertificates[0].Subject.CommonName)
		body(200, "application/json", vector242)(w, r)
	}))
	pool := x509.NewCertPool()
	pool.AddCert(ours.cert)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
	srv.StartTLS()
	t.Cleanup(srv.Close)

	dir := t.TempDir()
	put := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
	cfg := Config{URL: srv.URL, ServerName: "prometheus.example", CAFile: put("ca.pem", ours.pem), CertFile: put("c.pem", nil), KeyFile: put("k.pem", nil)}
	c, err := NewClient(cfg)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdle)
	ask := func() error { _, _, err := c.Instant(context.Background(), "x", time.Time{}); return err }
	require.ErrorContains(t, ask(), "read the client certificate: ")
	for _, name := range []string{"first", "second-one"} {
		cert, key := ours.issue(t, name)
		put("c.pem", cert)
		put("k.pem", key)
		require.NoError(t, ask())
		require.Equal(t, name, who.Load())
	}
	put("k.pem", []byte("half written"))
	require.NoError(t, ask(), "while they are replaced the old ones do")

	for change, says := range map[string]func(*Config){
		"its TLS certificate is not trusted: ":       func(c *Config) { c.CAFile = put("other.pem", newAuthority(t).pem) },
		"its TLS certificate is for another host":    func(c *Config) { c.ServerName = "other.example" },
		"other.txt holds no certificate in PEM form": func(c *Config) { c.CAFile = put("other.txt", []byte("x")) },
		"read the certificate authority: open ":      func(c *Config) { c.CAFile = "/nowhere/ca.pem" },
	} {
		bad := cfg
		cert, key := ours.issue(t, "x")
		bad.CertFile, bad.KeyFile = put("c2.pem", cert), put("k2.pem", key)
		says(&bad)
		c, err := NewClient(bad)
		require.NoError(t, err)
		_, _, err = c.Instant(context.Background(), "x", time.Time{})
		require.ErrorIs(t, err, ErrUnreachable)
		require.ErrorContains(t, err, "prometheus "+srv.URL+": ")
		require.ErrorContains(t, err, change)
		c.CloseIdle()
	}
	_, err = NewClient(Config{URL: srv.URL, CertFile: "c"})
	require.EqualError(t, err, "prometheus: a client certificate needs both its certificate and its key file")
}

func TestAProxyOfItsOwn(t *testing.T) {
	var through atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		through.Store(r.URL.Host)
		body(200, "application/json", vector242)(w, r)
	}))
	t.Cleanup(proxy.Close)
	c, err := NewClient(Config{URL: "http://prometheus.example:9090", ProxyURL: proxy.URL})
	require.NoError(t, err)
	t.Cleanup(c.CloseIdle)
	_, _, err = c.Instant(context.Background(), "x", time.Time{})
	require.NoError(t, err)
	require.Equal(t, "prometheus.example:9090", through.Load())
	_, err = NewClient(Config{URL: "http://h", ProxyURL: "u:s3cret@proxy"})
	require.EqualError(t, err, "prometheus: the proxy URL cannot be read; write http://host:3128 or socks5://host:1080")
}

func TestPatienceIsKept(t *testing.T) {
	var requests atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.Header().Set("Retry-After", "120")
		body(429, "application/json", `{"status":"error","errorType":"too_many_requests","error":"ingestion rate"}`)(w, r)
	})
	_, err := c.Range(context.Background(), "x", hour)
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorContains(t, err, "429 Too Many Requests: ingestion rate: it is left alone for 2m0s, as it asks")
	_, err = c.Alerts(context.Background())
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorContains(t, err, "it answered 429 Too Many Requests and is left alone for 2m0s more, as it asked")
	require.EqualValues(t, 1, requests.Load())

	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		body(503, "text/plain", "no")(w, r)
	})
	_, err = other.Range(context.Background(), "x", hour)
	require.ErrorIs(t, err, ErrStarting)
	require.ErrorContains(t, err, "503 Service Unavailable: it is left alone for 7s, as it asks")
}

func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		resp := &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)}}}
		require.InDelta(t, 30, g.hear(resp).Seconds(), 1)
		require.ErrorIs(t, g.enter(t.Context(), "u"), ErrBusy)
		time.Sleep(31 * time.Second)
		require.NoError(t, g.enter(t.Context(), "u"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, g.enter(ctx, "u"), ErrTimeout, "one at a time")
		g.leave()
		require.NoError(t, g.enter(t.Context(), "u"))
	})
	now := time.Now()
	for text, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-5": 0, "0": 0, "NaN": 0, "3": 3 * time.Second, "1e9": longestPatience, "+Inf": longestPatience,
		"Mon, 02 Jan 2006 15:04:05 GMT": 0, "Fri, 31 Dec 2999 23:59:59 GMT": longestPatience,
	} {
		require.Equal(t, want, retryAfter(text, now), text)
	}
}

// At most 8 requests are with a server at once, whoever sends them.
func TestOneServerIsNotFlooded(t *testing.T) {
	var under, most atomic.Int32
	full, release := make(chan struct{}), make(chan struct{})
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := under.Add(1)
		defer under.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == inFlight {
			close(full)
		}
		<-release
		body(200, "application/json", matrix242)(w, r)
	})
	answers := make(chan error)
	for range 20 {
		go func() { _, err := c.Range(context.Background(), "x", hour); answers <- err }()
	}
	<-full
	close(release)
	for range 20 {
		require.NoError(t, <-answers)
	}
	require.EqualValues(t, inFlight, most.Load())
}

func TestAnOldDateOfACacheIsNoClock(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Age", "3600")
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		body(200, "application/json", vector242)(w, r)
	})
	_, _, err := c.Instant(context.Background(), "x", time.Time{})
	require.NoError(t, err)
	_, known := c.Skew()
	require.False(t, known)
}

// A list of nothing, a million times, costs two bytes an entry on the wire and hundreds
// here: it is refused while it comes in.
func TestACrowdIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		ask  func(*Client) error
	}{
		"alerts":  {`{"status":"success","data":{"alerts":[` + strings.Repeat("{},", mostObjects) + `{}]}}`, func(c *Client) error { _, err := c.Alerts(t.Context()); return err }},
		"rules":   {`{"status":"success","data":{"groups":[` + strings.Repeat("{},", mostObjects) + `{}]}}`, func(c *Client) error { _, err := c.Rules(t.Context()); return err }},
		"targets": {`{"status":"success","data":{"activeTargets":[` + strings.Repeat("{},", mostObjects) + `{}]}}`, func(c *Client) error { _, err := c.Targets(t.Context()); return err }},
		"values": {`{"status":"success","data":[` + strings.Repeat(`"",`, mostMembers) + `""]}`, func(c *Client) error {
			_, _, err := c.LabelValues(t.Context(), "a", Selection{})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.ask(serve(t, body(200, "application/json", c.body)))
			require.ErrorIs(t, err, ErrTooLarge)
			require.ErrorContains(t, err, "lists more than")
		})
	}
}

// What stands in a text is no part of a list, however the pieces fall.
func TestACrowdIsCountedAcrossPieces(t *testing.T) {
	text := `{"a":["\\","{[,\"{"],"b":{}}`
	for size := 1; size <= len(text); size++ {
		var c Crowd
		for at := 0; at < len(text); at += size {
			c.Count([]byte(text[at:min(at+size, len(text))]))
		}
		require.Equal(t, Crowd{Objects: 3, Members: 2}, c, size)
	}
}

// Of a series with millions of labels nothing is kept, and it says so.
func TestMillionsOfLabelsAreLeftOut(t *testing.T) {
	var labels strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&labels, `"%d":"",`, i)
	}
	f, err := serve(t, body(200, "application/json", series(`{"metric":{`+labels.String()+`"z":"1"},"values":[[1699999935,"1"]]}`))).Range(t.Context(), "x", hour)
	require.NoError(t, err)
	require.Empty(t, f.Series)
	require.Equal(t, []string{"1 series with more than 64 KiB of labels are left out: drop the label with sum without (...)"}, f.Warnings)
}

// A token may stand in the arguments of an address, and is in no message.
func TestAnAddressThatIsRefusedShowsNoToken(t *testing.T) {
	for _, u := range []string{"http://h/graph?token=hush", "ftp://u:hush@h/?token=hush#hush", "u:hush@h:9090", "h:9090/?token=hush"} {
		_, err := NewClient(Config{URL: u})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hush", u)
	}
}

// No clock shows such a time, and no JSON can hold it.
func TestTimesOfNoClock(t *testing.T) {
	for text, want := range map[string]string{
		"9999-12-31T23:59:59-23:00": "0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z": "0001-01-01T00:00:00Z", "2026-11-24T03:00:00+01:00": "2026-11-24T02:00:00Z",
	} {
		at, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		got, err := Plausible(at).MarshalText()
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}

// manyBuckets are n+1 buckets of different bounds.
func manyBuckets(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `[0,"%d","%d","1"],`, i, i+1)
	}
	return b.String() + `[0,"-1","0","1"]`
}
