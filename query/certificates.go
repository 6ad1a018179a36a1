package query

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

// Certificates say by whom a server is trusted and who asks it: files in PEM.
type Certificates struct {
	CertFile, KeyFile string // of a client certificate
	CAFile            string // the authorities to trust instead of the system's
	ServerName        string // that the server's certificate must be for, instead of the URL's host
	Insecure          bool   // the server's certificate is not looked at
}

// Config reads the files.
func (c Certificates) Config() (*tls.Config, error) {
	cfg := &tls.Config{ServerName: c.ServerName, MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.Insecure} //nolint:gosec // only where the configuration says so
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificate authority: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the certificate authority: %s holds no certificate in PEM form", c.CAFile)
		}
	}
	if err := c.whole(); err != nil {
		return nil, err
	}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read the client certificate: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// whole says that half of a client certificate is none.
func (c Certificates) whole() error {
	if (c.CertFile == "") != (c.KeyFile == "") {
		return errors.New("a client certificate needs both its certificate and its key file")
	}
	return nil
}

// Transport is what plain makes, with these certificates. The files are read again
// when one of them has changed, and plain is called again then.
func (c Certificates) Transport(plain func() *http.Transport) http.RoundTripper {
	return &rotating{Certificates: c, plain: plain}
}

// rotating is a transport whose certificates are read again when a file has changed:
// short-lived certificates are replaced under a program that runs for weeks. While
// new files cannot be used the old ones are.
type rotating struct {
	Certificates
	plain func() *http.Transport

	mu    sync.Mutex
	stamp [3]stamp
	now   *http.Transport
}

// stamp tells versions of a file apart.
type stamp struct {
	size int64
	at   time.Time
}

// RoundTrip implements http.RoundTripper.
func (r *rotating) RoundTrip(req *http.Request) (*http.Response, error) {
	t, err := r.transport()
	if err != nil {
		return nil, err
	}
	return t.RoundTrip(req)
}

// CloseIdleConnections closes those that are not in use.
func (r *rotating) CloseIdleConnections() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil {
		r.now.CloseIdleConnections()
	}
}

func (r *rotating) transport() (*http.Transport, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found [3]stamp
	for i, name := range []string{r.CertFile, r.KeyFile, r.CAFile} {
		if name == "" {
			continue
		}
		if info, err := os.Stat(name); err == nil {
			found[i] = stamp{info.Size(), info.ModTime()}
		}
	}
	if r.now != nil && found == r.stamp {
		return r.now, nil
	}
	cfg, err := r.Config()
	if err != nil && r.now != nil {
		return r.now, nil // they are being replaced; the stamp stays, so it is tried again
	}
	if err != nil {
		return nil, err
	}
	if r.now != nil {
		r.now.CloseIdleConnections()
	}
	t := r.plain()
	t.TLSClientConfig = cfg
	r.now, r.stamp = t, found
	return t, nil
}

// transportOf is what a configuration asks for.
func transportOf(cfg Config) (http.RoundTripper, error) {
	files := Certificates{CertFile: cfg.CertFile, KeyFile: cfg.KeyFile, CAFile: cfg.CAFile, ServerName: cfg.ServerName}
	if err := files.whole(); err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	proxy := http.ProxyFromEnvironment
	if cfg.ProxyURL != "" {
		u, err := url.Parse(cfg.ProxyURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h" {
			return nil, errors.New("prometheus: the proxy URL cannot be read; write http://host:3128 or socks5://host:1080")
		}
		proxy = http.ProxyURL(u)
	}
	if cfg.HTTP != nil {
		return cfg.HTTP, nil
	}
	plain := func() *http.Transport {
		t := defaultTransport()
		t.Proxy = proxy
		return t
	}
	if files == (Certificates{}) {
		return plain(), nil
	}
	return files.Transport(plain), nil
}
