package escalation

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
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"
)

// Exchange is one request to a sink and what became of it on the wire. A sender
// gives it as the HTTP client to the sink's library and afterwards asks the
// exchange, because libraries lose what decides: whether the request left, how
// long the sink wants to be left alone, what it said. For one request, and not
// for several goroutines.
type Exchange struct {
	Sink    string        // names the sink in errors: "pagerduty:primary"
	Client  *http.Client  // redirects are not followed, whatever it says: its transport must report to httptrace, as net/http's does
	Secrets []string      // stand in no error, even when the sink repeats them
	Longest time.Duration // that a sink may ask to be left alone; 0 = 5 minutes
	Reads   bool          // the request changes nothing, whatever becomes of it; a GET says so by itself

	Status int    // of the answer, 0 without one
	Body   []byte // of the answer

	header  http.Header
	err     error // why there is no complete answer
	asked   bool
	written atomic.Bool // set by the transport's goroutine
}

// maxAnswer is the most that is read of an answer: a page of a chat's history
// has hundreds of kilobytes.
const maxAnswer = 4 << 20

// How long a sink is left alone that says it is asked too often, but not for
// how long; and at least, because zero seconds would be a busy loop. Source:
// PagerDuty, Events API v2 rate limiting.
const (
	defaultThrottle  = 30 * time.Second
	shortestThrottle = time.Second
	longestThrottle  = 5 * time.Minute
)

var (
	errTooLarge = fmt.Errorf("the answer has more than %d MB", maxAnswer>>20)
	userinfo    = regexp.MustCompile(`://[^/@\s]*@`)
)

// NewTransport is how senders connect: through the environment's proxy, checking
// certificates against the system's authorities (SSL_CERT_FILE names others). A
// connection that idled is soon closed on our side, because a request on one
// that the far side has just closed is lost without anybody knowing.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// Do performs the request and keeps its answer. The response that the library
// gets has the whole body in memory, at most 4 MB; a larger or broken one is an
// error.
func (x *Exchange) Do(req *http.Request) (*http.Response, error) {
	trace := &httptrace.ClientTrace{
		// net/http takes a second connection for a POST only if the first took nothing.
		GetConn:      func(string) { x.written.Store(false) },
		WroteHeaders: func() { x.written.Store(true) },
	}
	client := *x.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	x.asked, x.Reads = true, x.Reads || req.Method == http.MethodGet || req.Method == http.MethodHead
	resp, err := client.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		x.err = err
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	x.Status, x.header = resp.StatusCode, resp.Header
	x.Body, x.err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if len(x.Body) > maxAnswer {
		x.Body, x.err = nil, errTooLarge
	}
	if x.err != nil {
		return nil, x.err
	}
	resp.Body = io.NopCloser(bytes.NewReader(x.Body))
	return resp, nil
}

// Refused is the outcome of everything but a complete answer of status 2xx,
// which only the sender understands: ok is false then. Said is what the sink
// itself gives as the reason, hint what to do about a status that is for good
// (4xx); both may be empty.
//
// A status of 5xx may have counted: it can come from something in between,
// after the sink has taken the request. A redirect is from something that is
// not the sink, such as a hotel's login page.
func (x *Exchange) Refused(said, hint string) (o Outcome, ok bool) {
	status := x.status(said)
	switch code := x.Status; {
	case !x.asked:
		return Outcome{Class: Dead, Err: x.Errorf("no request could be made: is its URL in the configuration right?")}, true
	case code == 0 && !x.written.Load():
		return Outcome{Class: NotSent, Err: x.Errorf("%s: nothing was sent", x.why())}, true
	case code == 0:
		return Outcome{Class: Unsure, Err: x.Errorf("%s%s", x.why(), x.perhaps())}, true
	case code == http.StatusTooManyRequests:
		return x.Throttled(), true
	case code/100 == 5, code == http.StatusRequestTimeout:
		return Outcome{Class: Unsure, Err: x.Errorf("%s%s", status, x.perhaps())}, true
	case code/100 == 3, code == http.StatusProxyAuthRequired:
		return Outcome{Class: NotSent, Err: x.Errorf("%s: something in between answered: a proxy or a login page?", status)}, true
	case code/100 == 4:
		if hint != "" {
			status += ": " + hint
		}
		return Outcome{Class: Dead, Err: x.Errorf("%s", status)}, true
	case x.err != nil:
		return Outcome{Class: Unsure, Err: x.Errorf("status %d, then %s%s", code, x.why(), x.perhaps())}, true
	case code/100 != 2:
		return Outcome{Class: Unsure, Err: x.Errorf("%s", status)}, true
	}
	return Outcome{}, false
}

// perhaps is what an answer that did not come leaves open: nothing, of a request
// that only reads.
func (x *Exchange) perhaps() string {
	if x.Reads {
		return ""
	}
	return ": it may have been accepted"
}

// Throttled is the outcome of being asked to slow down.
func (x *Exchange) Throttled() Outcome {
	wait := x.retryAfter(time.Now())
	return Outcome{Class: Throttled, After: wait, Err: x.Errorf("asked too often, again in %v", wait)}
}

// retryAfter reads the header of that name, seconds or a date; without it that of
// PagerDuty's REST API, which counts seconds. A date is compared with the answer's
// own, so that a wrong clock of ours does no harm.
func (x *Exchange) retryAfter(now time.Time) time.Duration {
	wait, text := defaultThrottle, strings.TrimSpace(cmp.Or(x.header.Get("Retry-After"), x.header.Get("Ratelimit-Reset")))
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 {
		wait = time.Duration(min(seconds, 1e6) * float64(time.Second)) // a Duration holds 292 years only
	} else if at, err := http.ParseTime(text); err == nil {
		if date, err := http.ParseTime(x.header.Get("Date")); err == nil {
			now = date
		}
		wait = at.Sub(now)
	}
	longest := x.Longest
	if longest <= 0 {
		longest = longestThrottle
	}
	return min(max(wait, shortestThrottle), longest)
}

// Errorf is an error of this exchange: it begins with the sink, is one line, and
// holds no secret.
func (x *Exchange) Errorf(format string, a ...any) error {
	text := oneLine(x.Sink + ": " + fmt.Sprintf(format, a...)) // first: what is dropped may have parted a secret
	for _, s := range x.Secrets {
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
			if form != "" {
				text = regexp.MustCompile("(?i)"+regexp.QuoteMeta(form)).ReplaceAllLiteralString(text, "***")
			}
		}
	}
	return errors.New(cutRunes(userinfo.ReplaceAllString(text, "://"), maxError))
}

// maxError is the length of an error in runes: it is stored with every attempt.
const maxError = 400

// status is the answer's status, with the reason or what came in its place.
func (x *Exchange) status(said string) string {
	text := fmt.Sprintf("%d %s", x.Status, http.StatusText(x.Status))
	switch body := bytes.TrimSpace(x.Body); {
	case said != "":
		return text + ": " + said
	case bytes.HasPrefix(body, []byte("<")):
		return text + ": it answered HTML"
	case len(body) > 0:
		return fmt.Sprintf("%s: %s", text, body)
	}
	return text
}

// why says in words why there is no complete answer.
func (x *Exchange) why() string {
	err := x.err
	var (
		outer  *url.Error
		dns    *net.DNSError
		op     *net.OpError
		wait   net.Error
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
	)
	if errors.As(err, &outer) {
		err = outer.Err // which does not repeat the URL
	}
	where := ""
	if errors.As(err, &op) && op.Op == "proxyconnect" {
		where = "proxy "
		errors.As(op.Err, &op)
	}
	if op != nil && op.Op == "dial" && op.Addr != nil {
		where += op.Addr.String() + ": "
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "it was stopped"
	case errors.As(err, &wait) && wait.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return where + "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return where + "connection refused"
	case errors.As(err, &dns):
		return fmt.Sprintf("%scannot find the host %s", where, dns.Name)
	case errors.As(err, &cert):
		return "its certificate is not trusted: " + cert.Err.Error()
	case errors.As(err, &record):
		return "it does not speak TLS"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection broke"
	}
	return err.Error()
}

// oneLine makes foreign text fit one line; what cannot be printed is dropped.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)), " ")
}

func cutRunes(s string, most int) string {
	n := 0
	for i := range s {
		if n++; n > most {
			return strings.TrimSpace(s[:i]) + "…"
		}
	}
	return s
}
