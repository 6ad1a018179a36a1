package embedded_test

import (
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
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
)

// guarded is an exporter that speaks TLS, and lets in whom an authority vouches for.
type guarded struct {
	t    *testing.T
	dir  string
	addr string
	ca   *x509.Certificate
	key  *ecdsa.PrivateKey
	who  string                   // the name in the last client certificate
	lets func(*http.Request) bool // beside the certificate
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{t: t, dir: t.TempDir(), lets: func(*http.Request) bool { return true }}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	g.key = key
	g.ca, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	g.put("ca.pem", "CERTIFICATE", der)

	pool := x509.NewCertPool()
	pool.AddCert(g.ca)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.who = r.TLS.PeerCertificates[0].Subject.CommonName
		if !g.lets(r) {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = io.WriteString(w, "a 1\n")
	}))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{g.issue("server", "exporter.example")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
	srv.StartTLS()
	t.Cleanup(srv.Close)
	g.addr = srv.Listener.Addr().String()
	return g
}

func (g *guarded) put(name, kind string, der []byte) {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	require.NoError(g.t, os.WriteFile(filepath.Join(g.dir, name), text, 0o600))
}

// issue writes FILE.pem and FILE.key for a name.
func (g *guarded) issue(file, name string) tls.Certificate {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(g.t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, g.ca, &own.PublicKey, g.key)
	require.NoError(g.t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(own)
	require.NoError(g.t, err)
	g.put(file+".pem", "CERTIFICATE", der)
	g.put(file+".key", "PRIVATE KEY", raw)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: own}
}

// asking is a server that scrapes as a prometheus.yml in g.dir says.
func (g *guarded) asking(job string) (*embedded.Server, error) {
	f, err := embedded.ReadFile("prometheus.yml", g.dir, fmt.Appendf(nil, `
global: {scrape_interval: 5s, scrape_timeout: 4s}
scrape_configs:
- job_name: shop
  scheme: https
  scrape_interval: 5s
  scrape_timeout: 4s
  static_configs: [{targets: [%q]}]
%s`, g.addr, job))
	require.NoError(g.t, err)
	require.Empty(g.t, f.Left)
	s, err := embedded.New(embedded.Config{ScrapeInterval: 5 * time.Second})
	require.NoError(g.t, err)
	d := embedded.Discovery{Server: s, Jobs: f.Jobs}
	return s, d.Look()
}

// scrape visits the targets once and returns what is wrong with the only one.
func (g *guarded) scrape(s *embedded.Server) string {
	s.Scrape(g.t.Context(), time.Now())
	c, err := query.NewClient(query.Config{URL: embedded.Address, HTTP: s.Transport()})
	require.NoError(g.t, err)
	targets, err := c.Targets(g.t.Context())
	require.NoError(g.t, err)
	require.Len(g.t, targets, 1)
	return targets[0].LastError
}

const withCertificate = `  tls_config: {ca_file: ca.pem, cert_file: client.pem, key_file: client.key, server_name: exporter.example}
`

func TestTargetsBehindCertificates(t *testing.T) {
	g := newGuarded(t)
	g.issue("client", "first")
	for name, c := range map[string]struct{ job, says string }{
		"let in":            {withCertificate, ""},
		"not looked at":     {"  tls_config: {insecure_skip_verify: true, cert_file: client.pem, key_file: client.key}\n", ""},
		"no certificate":    {"  tls_config: {ca_file: ca.pem, server_name: exporter.example}\n", "certificate required"},
		"not trusted":       {"  tls_config: {cert_file: client.pem, key_file: client.key, server_name: exporter.example}\n", "certificate signed by unknown authority"},
		"for somebody else": {"  tls_config: {ca_file: ca.pem, cert_file: client.pem, key_file: client.key, server_name: other.example}\n", "valid for exporter.example, not other.example"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := g.asking(c.job)
			require.NoError(t, err)
			if said := g.scrape(s); c.says == "" {
				require.Empty(t, said)
			} else {
				require.Contains(t, said, c.says)
			}
		})
	}
	for job, says := range map[string]string{
		"  tls_config: {ca_file: gone.pem}\n":                         `job "shop" is not scraped: read the certificate authority: open `,
		"  tls_config: {ca_file: client.key}\n":                       "client.key holds no certificate in PEM form",
		"  tls_config: {cert_file: client.pem, key_file: gone.key}\n": `job "shop" is not scraped: read the client certificate: open `,
		"  tls_config: {cert_file: client.pem}\n":                     `job "shop" is not scraped: a client certificate needs both its certificate and its key file`,
	} {
		_, err := g.asking(job)
		require.ErrorContains(t, err, says)
	}
}

// Certificates that are replaced under a running scraper are used; while they are
// half written the old ones do.
func TestCertificatesOfTargetsAreReadAgain(t *testing.T) {
	g := newGuarded(t)
	g.issue("client", "first")
	s, err := g.asking(withCertificate)
	require.NoError(t, err)
	require.Empty(t, g.scrape(s))
	require.Equal(t, "first", g.who)
	g.issue("client", "a longer name") // the size tells, whatever the clock of the file system
	require.Empty(t, g.scrape(s))
	require.Equal(t, "a longer name", g.who)
	require.NoError(t, os.WriteFile(filepath.Join(g.dir, "client.key"), []byte("half"), 0o600))
	require.Empty(t, g.scrape(s))
}

func TestTargetsBehindPasswordsAndTokens(t *testing.T) {
	g := newGuarded(t)
	g.issue("client", "first")
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(g.dir, name), []byte(text), 0o600))
	}
	write("password", "s3cret\n")
	write("token", "t0ken\n")
	basic := func(r *http.Request) bool {
		user, word, _ := r.BasicAuth()
		return user == "scraper" && word == "s3cret"
	}
	header := func(want string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Header.Get("Authorization") == want }
	}
	for name, c := range map[string]struct {
		job  string
		lets func(*http.Request) bool
	}{
		"basic_auth":         {"  basic_auth: {username: scraper, password: s3cret}\n", basic},
		"its file":           {"  basic_auth: {username: scraper, password_file: password}\n", basic},
		"authorization":      {"  authorization: {credentials: t0ken}\n", header("Bearer t0ken")},
		"of another type":    {"  authorization: {type: Token, credentials: t0ken}\n", header("Token t0ken")},
		"credentials_file":   {"  authorization: {credentials_file: token}\n", header("Bearer t0ken")},
		"the older spelling": {"  bearer_token_file: token\n", header("Bearer t0ken")},
	} {
		t.Run(name, func(t *testing.T) {
			g.lets = c.lets
			s, err := g.asking(withCertificate + c.job)
			require.NoError(t, err)
			require.Empty(t, g.scrape(s))
			g.lets = func(*http.Request) bool { return false }
			require.Equal(t, "server returned HTTP status 401 Unauthorized: the user, password or token is missing or wrong", g.scrape(s))
		})
	}
	// A token that is replaced is used with the next scrape; one that is gone is said.
	g.lets = header("Bearer next")
	s, err := g.asking(withCertificate + "  authorization: {credentials_file: token}\n")
	require.NoError(t, err)
	require.NotEmpty(t, g.scrape(s))
	write("token", "next")
	require.Empty(t, g.scrape(s))
	require.NoError(t, os.Remove(filepath.Join(g.dir, "token")))
	require.Contains(t, g.scrape(s), "the secret of the target: open ")
}
