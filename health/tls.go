package health

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"time"
)

// tls is how the probes of the entry trust and name what they reach.
func (r *reader) tls(host string) (*tls.Config, error) {
	c := &tls.Config{ServerName: host, InsecureSkipVerify: r.Insecure} //nolint:gosec // only where the file says so
	if r.ServerName != "" {
		c.ServerName = r.ServerName
	}
	if r.CA == "" {
		return c, nil
	}
	path := r.CA
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, r.errorf("ca", "the authorities cannot be read: %v", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, r.errorf("ca", "%s holds no certificate in PEM", path)
	}
	return c, nil
}

// certificate is a check of TLS. The value is how long the first certificate of the
// chain to end still lasts, trusted or not.
type certificate struct {
	address string
	config  *tls.Config
}

func (p *certificate) look(ctx context.Context) (float64, error) {
	left := none
	config := p.config.Clone()
	verified := false
	config.InsecureSkipVerify = true //nolint:gosec // it is verified below, so that the end of one that is not trusted is known too
	config.VerifyConnection = func(s tls.ConnectionState) error {
		left, verified = expiry(s.PeerCertificates, time.Now()).Seconds(), true
		chain := x509.VerifyOptions{Roots: p.config.RootCAs, DNSName: s.ServerName, Intermediates: x509.NewCertPool()}
		for _, c := range s.PeerCertificates[1:] {
			chain.Intermediates.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(chain)
		return err
	}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", p.address)
	if err != nil {
		return left, err
	}
	_ = conn.Close()
	if !verified {
		return none, errNoCertificate
	}
	return left, nil
}

// expiry is how long it is until the first of list ends.
func expiry(list []*x509.Certificate, now time.Time) time.Duration {
	first := list[0].NotAfter
	for _, c := range list[1:] {
		if c.NotAfter.Before(first) {
			first = c.NotAfter
		}
	}
	return first.Sub(now)
}
