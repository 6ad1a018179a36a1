// Package query asks Prometheus: a client whose errors are for a person, boards
// of panels as YAML, an engine that polls a board, and how values are written.
// It knows nothing of incidents or of the screen and is usable alone.
package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// Config says where a server is and how to be let in. The zero value of
// everything but URL is usable.
type Config struct {
	URL     string            // http(s)://host:port[/path]; also the base of a Grafana data source proxy
	Headers map[string]string // sent with every request, for example X-Scope-OrgID
	User    string            // basic authentication, with Password

	// Bearer and Password give the secret. They are called once, again after a
	// 401, from any goroutine but never two at a time.
	Bearer, Password func() (string, error)

	CertFile, KeyFile string // of a client certificate, PEM; read again when they change
	CAFile            string // the authorities to trust instead of the system's, PEM; likewise
	ServerName        string // that its certificate must be for, instead of the URL's host
	ProxyURL          string // http://, https:// or socks5://, user and password allowed; "" = from the environment

	Timeout  time.Duration     // of one query; 0 = 10 s
	MaxBytes int64             // of one answer, unpacked; 0 = 32 MiB
	HTTP     http.RoundTripper // instead of one for the certificates and the proxy above
}

// Client talks to one server by the Prometheus HTTP API (Prometheus, Thanos,
// Mimir, VictoriaMetrics, ...). It is safe for use by several goroutines: 8 requests
// are on their way at once, the others wait. A server that asks for patience
// (Retry-After) is not asked until then, and ErrBusy says so.
type Client struct {
	shown   string
	timeout time.Duration
	wire    classified
	meta    promv1.API
	rt      *roundTripper
	known   atomic.Pointer[About] // by the last Identity
}

// NewClient checks the configuration; it does not connect. User and password
// may also stand in the URL, and are never part of a message.
func NewClient(cfg Config) (*Client, error) {
	u, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if u.User != nil && cfg.User == "" {
		cfg.User = u.User.Username()
		if word, ok := u.User.Password(); ok && cfg.Password == nil {
			cfg.Password = func() (string, error) { return word, nil }
		}
	}
	u.User, u.Fragment = nil, ""
	shown := *u
	shown.RawQuery = ""
	rt := &roundTripper{
		shown: shown.String(), headers: cfg.Headers, user: cfg.User,
		bearer: newSecret(cfg.Bearer), pass: newSecret(cfg.Password), limit: cfg.MaxBytes, turn: make(chan struct{}, 1),
	}
	if rt.next, err = transportOf(cfg); err != nil {
		return nil, err
	}
	if rt.limit <= 0 {
		rt.limit = maxBody
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	inner, err := api.NewClient(api.Config{Address: u.String(), Client: &http.Client{
		Transport: rt,
		// A redirect turns POST into GET without the query, or leads to a login
		// page; both are better said than followed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}})
	if err != nil {
		return nil, fmt.Errorf("prometheus URL: %w", err)
	}
	wire := classified{Client: inner, shown: rt.shown, within: cfg.Timeout, gate: newGate(inFlight)}
	return &Client{shown: rt.shown, timeout: cfg.Timeout, wire: wire, meta: promv1.NewAPI(strict{wire}), rt: rt}, nil
}

func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil:
		// The error of url.Parse quotes the URL, password included.
		return nil, errors.New("prometheus URL: cannot be read; write http://host:9090")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("prometheus URL %q: write it as http://host:9090 or https://host/path", withoutSecrets(*u))
	}
	for _, page := range []string{"/api/v1", "/graph", "/query", "/-/healthy", "/-/ready"} {
		if strings.HasSuffix(strings.TrimRight(u.Path, "/"), page) {
			return nil, fmt.Errorf("prometheus URL %q: leave out %s", withoutSecrets(*u), page)
		}
	}
	return u, nil
}

// withoutSecrets is an address for a message: a token may stand in its arguments too.
func withoutSecrets(u url.URL) string {
	u.RawQuery, u.Fragment = "", ""
	if strings.Contains(u.Opaque, "@") { // user:password@host without a scheme
		return oneLine(u.Scheme) + ":…"
	}
	return oneLine(u.Redacted())
}

// URL is the server's address without secrets.
func (c *Client) URL() string { return c.shown }

// Skew is how far the server's clock is ahead of ours (negative: behind), by
// the Date header of the last answer, to about half a second. False before the
// first answer.
func (c *Client) Skew() (time.Duration, bool) {
	v := c.rt.skew.Load()
	return time.Duration(v - 1), v != 0
}

// CloseIdle closes the connections that are not in use.
func (c *Client) CloseIdle() {
	if t, ok := c.rt.next.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Range evaluates expr at every point of g. Points that the server put between
// two steps are moved to the nearest, series beyond 1000 and native histograms
// beyond half a million buckets are left out; each is said in Frame.Warnings.
func (c *Client) Range(ctx context.Context, expr string, g Grid) (Frame, error) {
	start := time.Now()
	if g.N < 1 || g.N > maxPoints || g.Step < time.Millisecond {
		return Frame{}, fmt.Errorf("range query: %d points with a step of %v: Prometheus answers 1 to %d", g.N, g.Step, maxPoints)
	}
	args := rangeArgs(expr, g.Start, g.End(), g.Step)
	body, asOf, err := c.ask(ctx, "/api/v1/query_range", args)
	if err != nil {
		return Frame{}, err
	}
	a, err := decodeRange(body, g)
	if err = c.judge(a, err, body); err != nil {
		return Frame{}, err
	}
	for i := range a.series {
		a.series[i].Expr = expr
	}
	now := time.Now()
	return Frame{
		Grid: g, Series: a.series, Warnings: a.warnings, Infos: a.infos, Took: now.Sub(start), At: now, offGrid: a.offGrid + a.outside, asOf: asOf,
	}, nil
}

// Instant evaluates expr at one time; the zero time is the server's now. A
// scalar is one sample without labels, a range selector gives all its samples.
func (c *Client) Instant(ctx context.Context, expr string, at time.Time) (samples []Sample, warnings []string, err error) {
	body, _, err := c.ask(ctx, "/api/v1/query", instantArgs(expr, at))
	if err != nil {
		return nil, nil, err
	}
	a, err := decodeInstant(body)
	if err = c.judge(a, err, body); err != nil {
		return nil, nil, err
	}
	if a.text {
		return nil, nil, &Error{URL: c.shown, Kind: ErrQuery, Msg: "the query gives a string, not numbers"}
	}
	return a.samples, slices.Concat(a.warnings, a.infos), nil
}

// Data is Prometheus' own data object ({"resultType":...,"result":...}),
// untouched. A step of 0 asks an instant query at end.
func (c *Client) Data(ctx context.Context, expr string, start, end time.Time, step time.Duration) (json.RawMessage, []string, error) {
	path, args := "/api/v1/query", instantArgs(expr, end)
	if step > 0 {
		path, args = "/api/v1/query_range", rangeArgs(expr, start, end, step)
	}
	body, _, err := c.ask(ctx, path, args)
	if err != nil {
		return nil, nil, err
	}
	var r struct {
		Status   string          `json:"status"`
		Data     json.RawMessage `json:"data"`
		Type     string          `json:"errorType"`
		Error    string          `json:"error"`
		Warnings []string        `json:"warnings"`
		Infos    []string        `json:"infos"`
		Partial  bool            `json:"isPartial"`
	}
	err = json.Unmarshal(body, &r)
	if err = c.judge(answer{status: r.Status, errType: r.Type, errMsg: r.Error}, err, body); err != nil {
		return nil, nil, err
	}
	if r.Partial {
		r.Warnings = append(r.Warnings, isPartial)
	}
	return r.Data, slices.Concat(r.Warnings, r.Infos), nil
}

func rangeArgs(expr string, start, end time.Time, step time.Duration) url.Values {
	return url.Values{"query": {expr}, "start": {seconds(start)}, "end": {seconds(end)}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)}}
}

func instantArgs(expr string, at time.Time) url.Values {
	args := url.Values{"query": {expr}}
	if !at.IsZero() {
		args.Set("time", seconds(at))
	}
	return args
}

// seconds writes a time as Unix seconds with exact milliseconds.
func seconds(t time.Time) string {
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return strconv.FormatInt(ms/1000, 10)
	}
	return strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64)
}

func newReader(s string) io.Reader { return strings.NewReader(s) }

// ask sends a query with a deadline, which the server is told too, so that it
// stops working for someone who has left. asOf is when the answer was made, by the
// clock of who made it: a cache in between may have had it for long.
func (c *Client) ask(ctx context.Context, path string, args url.Values) (body []byte, asOf time.Time, err error) {
	within := c.timeout
	if until, ok := ctx.Deadline(); ok {
		within = min(within, time.Until(until))
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	args.Set("timeout", strconv.FormatFloat(max(within, time.Millisecond).Seconds(), 'f', 3, 64))
	wire := c.wire
	wire.within = within.Round(time.Millisecond)
	resp, body, err := wire.send(ctx, path, args)
	if err != nil {
		return nil, time.Time{}, err
	}
	asOf, err = http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		asOf = time.Time{} // it need not say
	}
	return body, asOf, nil
}

// judge turns a decoded body into an error if it is none of an answer.
func (c *Client) judge(a answer, err error, body []byte) error {
	switch {
	case err != nil:
		e := notPrometheus(c.shown, http.StatusOK, body).(*Error)
		e.Cause = err
		return e
	case a.status == "success":
		return nil
	case a.errMsg != "":
		return &Error{URL: c.shown, Status: http.StatusOK, Kind: ErrQuery, Msg: oneLine(a.errMsg)}
	}
	return notPrometheus(c.shown, http.StatusOK, body)
}
