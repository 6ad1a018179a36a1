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

// rotating is a transport whose certificates are files, read again when one of
// them has changed: short-lived certificates are replaced under a program that
// runs for weeks. While new files cannot be used the old ones are.
type rotating struct {
	cert, key, ca, serverName string
	proxy                     func(*http.Request) (*url.URL, error)

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
	for i, name := range []string{r.cert, r.key, r.ca} {
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
	cfg, err := r.config()
	if err != nil && r.now != nil {
		return r.now, nil // they are being replaced; the stamp stays, so it is tried again
	}
	if err != nil {
		return nil, err
	}
	if r.now != nil {
		r.now.CloseIdleConnections()
	}
	t := defaultTransport()
	t.TLSClientConfig = cfg
	t.Proxy = r.proxy
	r.now, r.stamp = t, found
	return t, nil
}

func (r *rotating) config() (*tls.Config, error) {
	cfg := &tls.Config{ServerName: r.serverName, MinVersion: tls.VersionTLS12}
	if r.ca != "" {
		pem, err := os.ReadFile(r.ca)
		if err != nil {
			return nil, fmt.Errorf("read the certificate authority: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the certificate authority: %s holds no certificate in PEM form", r.ca)
		}
	}
	if r.cert != "" {
		pair, err := tls.LoadX509KeyPair(r.cert, r.key)
		if err != nil {
			return nil, fmt.Errorf("read the client certificate: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// transportOf is what a configuration asks for.
func transportOf(cfg Config) (http.RoundTripper, error) {
	if (cfg.CertFile == "") != (cfg.KeyFile == "") {
		return nil, errors.New("prometheus: a client certificate needs both its certificate and its key file")
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
	if cfg.CertFile == "" && cfg.CAFile == "" && cfg.ServerName == "" {
		t := defaultTransport()
		t.Proxy = proxy
		return t, nil
	}
	return &rotating{cert: cfg.CertFile, key: cfg.KeyFile, ca: cfg.CAFile, serverName: cfg.ServerName, proxy: proxy}, nil
}
