package health

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// mostBody is how much of a page is read for the words that it is to hold.
const mostBody = 1 << 20

// page is a check of HTTP. Redirects are not followed: where one leads is not what was
// to be looked at, and 3xx may be what is expected. Every look has a connection of its
// own, so that a listener that takes no new ones is found.
type page struct {
	method, url string
	headers     map[string]string
	status      []int // none is 2xx
	body        string
	user        string
	password    Secret
	bearer      Secret
	reveal      Reveal
	config      *tls.Config
}

// web is the probe of a page.
func (r *reader) web(target string) (probe, error) {
	u, err := webURL(target)
	if err != nil {
		return nil, r.errorf("http", "this is no address of a page: %v", err)
	}
	p := &page{
		method: cmp.Or(strings.ToUpper(r.Method), http.MethodGet), url: target, headers: r.Headers, status: r.Status, body: r.Body,
		user: r.User, password: r.Password, bearer: r.Bearer, reveal: r.reveal,
	}
	switch {
	case !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, p.method):
		return nil, r.errorf("method", "%s may change something where it arrives: a check looks with GET, HEAD or OPTIONS", p.method)
	case p.body != "" && p.method == http.MethodHead:
		return nil, r.errorf("body", "HEAD gets no body")
	case r.Bearer != "" && (r.User != "" || r.Password != ""):
		return nil, r.errorf("bearer", "a page is asked with a bearer token or with user and password, not both")
	}
	for _, code := range p.status {
		if code < 100 || code > 599 {
			return nil, r.errorf("status", "%d is no status of HTTP", code)
		}
	}
	p.config, err = r.tls(u.Hostname())
	return p, err
}

func (p *page) look(ctx context.Context) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, p.method, p.url, nil)
	if err != nil {
		return none, err
	}
	if err := p.letIn(ctx, req); err != nil {
		return none, err
	}
	transport := &http.Transport{TLSClientConfig: p.config, DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment, MaxResponseHeaderBytes: 1 << 20}
	began := time.Now()
	resp, err := transport.RoundTrip(req) // a Client reads where a redirect leads, and fails if that is nonsense
	if err != nil {
		return none, unrepeated(err)
	}
	defer func() { _ = resp.Body.Close() }()
	// The words of the server's own may be anything.
	status := strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	if err := p.judge(resp.StatusCode, status); err != nil {
		return time.Since(began).Seconds(), err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostBody))
	took := time.Since(began).Seconds()
	switch {
	case err != nil:
		return took, fmt.Errorf("the page broke off: %w", unrepeated(err))
	case !bytes.Contains(body, []byte(p.body)):
		return took, fmt.Errorf("%s, but the page does not say %q", status, p.body)
	}
	return took, nil
}

// unrepeated is an error without what the other side said. An answer that is no HTTP is
// quoted by what reads it, and an echo repeats the request with its secrets.
func unrepeated(err error) error {
	op, chain := (*net.OpError)(nil), (*tls.CertificateVerificationError)(nil)
	if errors.As(err, &op) || errors.As(err, &chain) || !strings.Contains(err.Error(), `"`) {
		return err
	}
	return errors.New("its answer is no HTTP that can be read: is it the right port?")
}

// letIn adds the headers, and the secrets as they are at this moment.
func (p *page) letIn(ctx context.Context, req *http.Request) error {
	req.Header.Set("User-Agent", "sitrep-check")
	for name, value := range p.headers {
		if strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	switch {
	case p.bearer != "":
		token, err := p.reveal(ctx, p.bearer)
		if err != nil {
			return fmt.Errorf("%w: %w", errImpossible, err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
	case p.user != "" || p.password != "":
		password, err := revealed(ctx, p.reveal, p.password)
		if err != nil {
			return err
		}
		req.SetBasicAuth(p.user, password)
	}
	return nil
}

// revealed is a secret that need not be there.
func revealed(ctx context.Context, reveal Reveal, s Secret) (string, error) {
	if s == "" {
		return "", nil
	}
	text, err := reveal(ctx, s)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errImpossible, err)
	}
	return text, nil
}

func (p *page) judge(code int, status string) error {
	switch {
	case len(p.status) == 0 && (code < 200 || code > 299):
		return errors.New(status)
	case len(p.status) > 0 && !slices.Contains(p.status, code):
		return fmt.Errorf("%s, expected %s", status, strings.Trim(strings.ReplaceAll(fmt.Sprint(p.status), " ", " or "), "[]"))
	}
	return nil
}
