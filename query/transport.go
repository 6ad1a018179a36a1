package query

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/api"
)

// maxBody is the most that is read of one answer: about 200 series of 11 000
// points. More does not fit a screen.
const maxBody = 32 << 20

// defaultTransport keeps a connection for each panel: with the two idle
// connections of net/http a board of 12 panels dials ten times a refresh.
func defaultTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  0, // the query's own deadline
		MaxResponseHeaderBytes: 1 << 20,
	}
}

// classified is the api.Client of client_golang whose errors are for a person:
// every answer that is not JSON of the API becomes an *Error. It is what both
// our own decoder and client_golang's v1.API stand on.
type classified struct {
	api.Client
	shown  string // the URL without secrets
	within time.Duration
	gate   *gate
}

// Do performs req and returns its body only if it is a JSON answer of status 2xx.
func (c classified) Do(ctx context.Context, req *http.Request) (*http.Response, []byte, error) {
	if err := c.gate.enter(ctx, c.shown); err != nil {
		return nil, nil, err
	}
	defer c.gate.leave()
	resp, body, err := c.Client.Do(ctx, req)
	switch {
	case err != nil:
		return resp, nil, unreachable(c.shown, err, c.within)
	case resp.StatusCode/100 != 2:
		return resp, nil, refused(c.shown, resp, body, c.gate.hear(resp))
	case !looksJSON(body):
		return resp, nil, notPrometheus(c.shown, resp.StatusCode, body)
	}
	return resp, body, nil
}

// strict is what client_golang's v1.API stands on. That accepts any JSON object
// as an empty success, and an empty list of alerts would resolve them all.
type strict struct{ classified }

// Do is classified.Do for an answer that says success.
func (c strict) Do(ctx context.Context, req *http.Request) (*http.Response, []byte, error) {
	resp, body, err := c.classified.Do(ctx, req)
	if err != nil {
		return resp, nil, err
	}
	s, status := newScanner(body), ""
	err = s.object(func(key []byte) (err error) {
		if string(key) == "status" {
			status, err = s.maybeText()
			return err
		}
		return s.skip(0)
	})
	if err != nil || status != "success" && status != "error" {
		return resp, nil, notPrometheus(c.shown, resp.StatusCode, body)
	}
	return resp, body, nil
}

// send asks by POST, because a query may be longer than a URL, and by GET
// where a proxy or a read-only role refuses POST.
func (c classified) send(ctx context.Context, path string, args url.Values) (*http.Response, []byte, error) {
	resp, body, err := post(ctx, c, path, args)
	if resp == nil || resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusMethodNotAllowed && resp.StatusCode != http.StatusNotImplemented {
		return resp, body, err
	}
	u := c.URL(path, nil)
	u.RawQuery = merged(u, args).Encode()
	req, err := http.NewRequest(http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	return c.Do(ctx, req)
}

func post(ctx context.Context, c api.Client, path string, args url.Values) (*http.Response, []byte, error) {
	u := c.URL(path, nil)
	form := merged(u, args).Encode()
	u.RawQuery = ""
	req, err := http.NewRequest(http.MethodPost, u.String(), newReader(form))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// Present but empty: net/http then repeats the request on a connection that
	// the server had just closed, and does not send the header.
	req.Header["Idempotency-Key"] = nil
	return c.Do(ctx, req)
}

// merged adds args to those of the configured URL (dedup=true and the like).
func merged(u *url.URL, args url.Values) url.Values {
	all := u.Query()
	for k, v := range args {
		all[k] = v
	}
	return all
}

// said is the error of an API answer, if the body is one.
type said struct{ typ, msg string }

func reason(body []byte) said {
	var r struct {
		Type string `json:"errorType"`
		Msg  string `json:"error"`
	}
	if !looksJSON(body) || json.Unmarshal(body, &r) != nil || r.Msg == "" {
		return said{}
	}
	if r.Type == "" {
		r.Type = "unknown"
	}
	text, todo := limit(preamble.ReplaceAllString(r.Msg, ""))
	return said{typ: r.Type, msg: oneLine(text) + todo}
}

// roundTripper adds credentials and headers, bounds bodies and watches the
// server's clock. Redirects are not followed by its client, so the credentials
// only ever reach the configured host.
type roundTripper struct {
	next    http.RoundTripper
	shown   string
	headers map[string]string
	user    string
	bearer  *secret
	pass    *secret
	limit   int64
	turn    chan struct{} // of large bodies
	skew    atomic.Int64  // nanoseconds + 1, 0 = not known
}

// RoundTrip implements http.RoundTripper. After a 401 the secret is read again,
// because tokens in files rotate, and if it changed the request is repeated once.
func (t *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.once(req)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !t.rotated() {
		return resp, err
	}
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return resp, nil
		}
		again.Body = body
	}
	_ = resp.Body.Close()
	return t.once(again)
}

func (t *roundTripper) once(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	for k, v := range t.headers {
		req.Header.Set(k, v)
	}
	if err := t.authorize(req); err != nil {
		return nil, err
	}
	sent := time.Now()
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.Header.Get("Age") == "" { // a cache in between repeats old dates
		t.clock(resp.Header.Get("Date"), sent, time.Now())
	}
	resp.Body = &bounded{ReadCloser: resp.Body, ctx: req.Context(), left: t.limit, limit: t.limit, shown: t.shown, turn: t.turn}
	if strings.HasSuffix(req.URL.Path, "/api/v1/query_range") || strings.HasSuffix(req.URL.Path, "/api/v1/query") {
		resp.Body = &flood{ReadCloser: resp.Body, shown: t.shown}
	} else {
		resp.Body = &crowded{ReadCloser: resp.Body, shown: t.shown}
	}
	return resp, nil
}

func (t *roundTripper) authorize(req *http.Request) error {
	if t.bearer != nil {
		token, err := t.bearer.get()
		if err != nil {
			return &Error{URL: t.shown, Kind: ErrDenied, Cause: err, Msg: "read the bearer token: " + oneLine(err.Error())}
		}
		req.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
	if t.user == "" && t.pass == nil {
		return nil
	}
	word := ""
	if t.pass != nil {
		var err error
		if word, err = t.pass.get(); err != nil {
			return &Error{URL: t.shown, Kind: ErrDenied, Cause: err, Msg: "read the password: " + oneLine(err.Error())}
		}
	}
	req.SetBasicAuth(t.user, word)
	return nil
}

func (t *roundTripper) rotated() bool {
	a, b := t.bearer.refresh(), t.pass.refresh()
	return a || b
}

// clock estimates how far the server's clock is ahead: its Date header, which
// counts whole seconds, against the middle of the exchange.
func (t *roundTripper) clock(date string, sent, got time.Time) {
	at, err := http.ParseTime(date)
	if err != nil {
		return
	}
	middle := sent.Add(got.Sub(sent) / 2)
	t.skew.Store(int64(at.Add(500*time.Millisecond).Sub(middle)) + 1)
}

// secret remembers what a reference (env:, file:, cmd:) gave.
type secret struct {
	read func() (string, error)
	mu   sync.Mutex
	have bool
	word string
}

func newSecret(read func() (string, error)) *secret {
	if read == nil {
		return nil
	}
	return &secret{read: read}
}

func (s *secret) get() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.have {
		return s.word, nil
	}
	word, err := s.read()
	if err != nil {
		return "", err
	}
	s.word, s.have = word, true
	return word, nil
}

// refresh reads the secret again and reports whether it is another one now.
func (s *secret) refresh() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	word, err := s.read()
	if err != nil || s.have && word == s.word {
		return false
	}
	s.word, s.have = word, true
	return true
}
