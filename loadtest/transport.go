package loadtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"
)

// errTLS is wrapped by errors of the handshake: certificates, names, versions.
var errTLS = errors.New("TLS")

// HTTP says how requests travel. The zero value is HTTP/1.1 (over TLS HTTP/2 where the
// server has it), connections kept alive, names looked up once, no redirect followed.
type HTTP struct {
	Protocol       string // http1 or http2; empty: as the server likes
	Redirects      int    // followed at the most, to loopback like everything else
	NoKeepAlive    bool
	DNS            string        // once (the default) or per_request, with a connection for each
	ConnectTimeout time.Duration // 0: the whole timeout
	HeaderTimeout  time.Duration // from when a request was written to its answer's header; 0: the whole timeout
	TLS            TLS
}

// TLS says whom to trust and who to be. Files are beside the plan.
type TLS struct {
	CA         string `yaml:"ca"` // instead of the system's authorities
	Cert       string `yaml:"cert"`
	Key        string `yaml:"key"`
	ServerName string `yaml:"server_name"`
	Insecure   bool   `yaml:"insecure"` // no certificate is verified; the result says so
}

// DNSPerRequest looks a name up for every request.
const DNSPerRequest = "per_request"

// Fresh says that every request has a connection of its own.
func (h HTTP) Fresh() bool { return h.NoKeepAlive || h.DNS == DNSPerRequest }

// plainOnly says that the fast driver, which speaks HTTP/1.1 without TLS, can do it.
func (h HTTP) plainOnly() bool {
	return h.Protocol != "http2" && h.Redirects == 0 && h.HeaderTimeout == 0
}

// config reads the files of t.
func (t TLS) config(dir string) (*tls.Config, error) {
	c := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.Insecure}
	if t.CA != "" {
		pem, err := readBeside(dir, t.CA, maxBody)
		if err != nil {
			return nil, fmt.Errorf("tls: ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls: ca: there is no certificate in %s", t.CA)
		}
	}
	if t.Cert == "" {
		return c, nil
	}
	cert, err := readBeside(dir, t.Cert, maxBody)
	if err != nil {
		return nil, fmt.Errorf("tls: cert: %w", err)
	}
	key, err := readBeside(dir, t.Key, maxBody)
	if err != nil {
		return nil, fmt.Errorf("tls: key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("tls: cert %s and key %s: %w", t.Cert, t.Key, err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// newWeb is the driver on net/http, which all workers share: for TLS, HTTP/2, redirects
// and the timeout of a header. It dials the plan's endpoints and, after a redirect, other
// loopback addresses.
func newWeb(p Plan, ends []endpoint, r resolver) (*http.Client, error) {
	conf, err := p.HTTP.TLS.config(p.Dir)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{
		TLSClientConfig: conf, DisableCompression: true, DisableKeepAlives: p.HTTP.Fresh(), Protocols: p.HTTP.protocols(),
		MaxIdleConnsPerHost: MaxConnections, ResponseHeaderTimeout: p.HTTP.HeaderTimeout, MaxResponseHeaderBytes: maxHeader,
		TLSHandshakeTimeout: max(p.HTTP.ConnectTimeout, 0),
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return dialLoopback(ctx, address, ends, r, p.HTTP.ConnectTimeout)
		},
	}
	return &http.Client{Transport: t, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		switch {
		case p.HTTP.Redirects == 0:
			return http.ErrUseLastResponse
		case len(via) > p.HTTP.Redirects:
			return fmt.Errorf("%w: more than %d redirects", errUnexpected, p.HTTP.Redirects)
		}
		return nil
	}}, nil
}

func (h HTTP) protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(h.Protocol != "http2")
	p.SetHTTP2(h.Protocol != "http1")
	p.SetUnencryptedHTTP2(h.Protocol == "http2")
	return &p
}

// dialLoopback connects to an endpoint of the plan, or to where a redirect leads.
func dialLoopback(ctx context.Context, address string, ends []endpoint, r resolver, patience time.Duration) (net.Conn, error) {
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	var addrs []netip.AddrPort
	var first error
	if i := slices.IndexFunc(ends, func(e endpoint) bool { return e.host == address }); i >= 0 {
		addrs, first = ends[i].find(ctx)
	} else if host, port, err := net.SplitHostPort(address); err != nil {
		first = err
	} else {
		addrs, first = Plan{}.addresses(ctx, r, host, port) // to this machine, whatever else is allowed
	}
	for _, addr := range addrs {
		nc, err := dialTCP(ctx, addr)
		if err == nil {
			return nc, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// webCarrier is a carrier on net/http.
type webCarrier struct {
	client  *http.Client
	timeout time.Duration
	life    context.Context
	end     context.CancelFunc
	buf     []byte
	header  []byte
	kept    []byte
}

func newWebCarrier(client *http.Client, timeout time.Duration) *webCarrier {
	c := &webCarrier{client: client, timeout: timeout, buf: make([]byte, readBuffer)}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// open does nothing: the transport connects when there is something to send.
func (c *webCarrier) open(context.Context, time.Time) error { return nil }

func (c *webCarrier) close() { c.end() }
func (c *webCarrier) cut()   { c.end() }

// exchange is carrier's.
func (c *webCarrier) exchange(ctx context.Context, req *request, wire []byte, now time.Time) (answer, time.Time, error) {
	ctx, cancel := context.WithDeadline(ctx, now.Add(c.timeout))
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	a, err := c.once(ctx, req, wire)
	done := time.Now()
	if err != nil {
		if c.life.Err() != nil {
			return answer{}, done, errCut
		}
		return answer{}, done, webError(err)
	}
	return a, done, nil
}

func (c *webCarrier) once(ctx context.Context, req *request, wire []byte) (a answer, err error) {
	r, err := webRequest(ctx, req, wire)
	if err != nil {
		return a, err
	}
	resp, err := c.client.Do(r)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	a.status = resp.StatusCode
	if req.keep&keepHeader != 0 {
		c.header = c.header[:0]
		for name, all := range resp.Header {
			for _, v := range all {
				c.header = append(append(append(append(c.header, name...), ": "...), v...), '\n')
			}
		}
		a.header = c.header
	}
	a.size, err = c.read(resp.Body, req.keep&keepBody != 0)
	a.body = c.kept
	return a, err
}

// read reads a body to its end, which must come.
func (c *webCarrier) read(body io.Reader, hold bool) (n int64, err error) {
	c.kept = c.kept[:0]
	for {
		got, err := body.Read(c.buf)
		n += int64(got)
		if hold {
			c.kept = append(c.kept, c.buf[:min(got, maxKept-len(c.kept))]...)
		}
		switch {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, err
		case n > maxBodyLength:
			return n, errTooLong()
		}
	}
}

// webRequest is the request whose bytes wire is.
func webRequest(ctx context.Context, req *request, wire []byte) (*http.Request, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
	if err != nil {
		return nil, fmt.Errorf("%w: the request cannot be made: %v", errUnexpected, err)
	}
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", req.scheme, req.host
	_, body, _ := bytes.Cut(wire, []byte("\r\n\r\n"))
	r.Body = http.NoBody
	if len(body) > 0 {
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return r.WithContext(ctx), nil
}

// webError tells what kind an error of net/http is: of TLS, of the network, or else of
// an answer that is none.
func webError(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err // the sample has the URL
	}
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var network net.Error
	switch {
	case errors.As(err, &cert), errors.As(err, &record), errors.As(err, &alert), errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%w: %w", errTLS, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, errUnexpected), errors.Is(err, errProtocol), errors.Is(err, ErrRefused):
		return err
	case errors.As(err, &network), hungUp(err), errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return fmt.Errorf("%w: %w", errProtocol, err)
}
