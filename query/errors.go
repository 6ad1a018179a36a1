package query

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	neturl "net/url"
	"regexp"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// What went wrong with a query, for those who decide on it with errors.Is.
var (
	ErrUnreachable   = errors.New("cannot reach the server")
	ErrTimeout       = errors.New("no answer in time")
	ErrDenied        = errors.New("access denied")
	ErrNotPrometheus = errors.New("not the Prometheus API")
	ErrQuery         = errors.New("the server refused the query")
	ErrTooLarge      = errors.New("the answer is too large")
	ErrStarting      = errors.New("the server is not ready")
	ErrServer        = errors.New("the server failed")
	ErrBusy          = errors.New("the server asks for patience")
)

// Error says which server, what happened and what to do, in one line. It holds
// no secret: userinfo, headers and query arguments are left out of URL.
type Error struct {
	Server string // what it is; empty is prometheus
	URL    string
	Status int    // HTTP status, 0 if there was no answer
	Msg    string // one line for a person
	Kind   error  // one of the sentinels above
	Cause  error  // may be nil
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s %s: %s", cmp.Or(e.Server, "prometheus"), e.URL, e.Msg)
}

// Unsent says that the request cannot have reached the server.
func (e *Error) Unsent() bool {
	var dns *net.DNSError
	var op *net.OpError
	if e.Status != 0 || e.Kind == ErrBusy { // without a status it was not even sent: the server is left alone
		return e.Status == 0
	}
	return e.Cause != nil && (errors.As(e.Cause, &dns) || errors.As(e.Cause, &op) && op.Op == "dial")
}

// Unwrap gives both the sentinel and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// unreachable explains why no answer came at all.
func unreachable(url string, err error, within time.Duration) error {
	e := &Error{URL: url, Kind: ErrUnreachable, Cause: err}
	var (
		own  *Error
		dns  *net.DNSError
		op   *net.OpError
		rec  tls.RecordHeaderError
		cert *tls.CertificateVerificationError
		host x509.HostnameError
		wait net.Error
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, context.Canceled):
		return context.Canceled // the caller's wish; net/http's error would quote the query
	case errors.As(err, &wait) && wait.Timeout(), errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Msg = ErrTimeout, "no answer"
		if within > 0 {
			e.Msg = fmt.Sprintf("no answer within %v", within)
		}
		e.Msg += ": the server is overloaded or unreachable, or the query is too expensive"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Msg = "connection refused: is Prometheus running there?"
	case errors.As(err, &dns):
		e.Msg = fmt.Sprintf("cannot find the host %s: is the URL right?", oneLine(dns.Name))
	case errors.As(err, &host):
		e.Msg = "its TLS certificate is for another host: " + oneLine(host.Error())
	case errors.As(err, &cert):
		e.Msg = "its TLS certificate is not trusted: " + oneLine(cert.Error())
	case errors.As(err, &rec), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		e.Msg = "it does not speak TLS: write http:// instead of https://?"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), brokeHTTP2(err):
		e.Msg = "the connection broke before the answer was complete"
	case errors.As(err, &op):
		e.Msg = oneLine(op.Err.Error())
	default:
		if asked := (*neturl.Error)(nil); errors.As(err, &asked) {
			err = asked.Err // without the URL, which is said already
		}
		e.Msg = oneLine(err.Error())
	}
	return e
}

// brokeHTTP2 knows a farewell, or the end of a stream, before an answer was complete;
// the errors of net/http have no names.
func brokeHTTP2(err error) bool {
	text := err.Error()
	return strings.Contains(text, "server sent GOAWAY") || strings.Contains(text, "stream error: stream ID")
}

// refused explains an answer that is not a success: status and what came instead.
// patience is what it asked for with Retry-After, 0 if it did not.
func refused(url string, resp *http.Response, body []byte, patience time.Duration) error {
	e := &Error{URL: url, Status: resp.StatusCode, Kind: ErrServer}
	code := resp.StatusCode
	status := fmt.Sprintf("%d %s", code, http.StatusText(code))
	said := reason(body)
	switch {
	case code == http.StatusUnauthorized && strings.Contains(string(body), "no org id"): // Mimir, Cortex
		e.Kind, e.Msg = ErrDenied, status+": no org id: it wants to know the tenant: set headers: {X-Scope-OrgID: NAME}"
	case code == http.StatusUnauthorized:
		e.Kind, e.Msg = ErrDenied, status+": the user, password or token is missing or wrong"
	case code == http.StatusForbidden:
		e.Kind, e.Msg = ErrDenied, status+": these credentials may not query"
	case code == http.StatusTooManyRequests:
		e.Kind, e.Msg = ErrBusy, status+quoted(said, body)+wait(patience, ": it limits how much it is asked: raise refresh, or ask for less")
	case code/100 == 3:
		e.Kind, e.Msg = ErrNotPrometheus, status+elsewhere(resp)
	case said.typ == "timeout":
		e.Kind, e.Msg = ErrTimeout, "the server gave up: "+said.msg
	case said.typ == "canceled":
		e.Kind, e.Msg = ErrTimeout, "the server stopped the query: "+said.msg
	case said.typ == "bad_data", said.typ == "execution", said.typ == "not_acceptable":
		e.Kind, e.Msg = ErrQuery, strings.TrimPrefix(said.msg, `invalid parameter "query": `)
	case said.typ != "" && (code == http.StatusBadRequest || code == http.StatusUnprocessableEntity):
		e.Kind, e.Msg = ErrQuery, said.msg // VictoriaMetrics has the status for a type
	case said.typ != "":
		e.Msg = fmt.Sprintf("%s: %s", status, said.msg)
	case code == http.StatusServiceUnavailable:
		e.Kind, e.Msg = ErrStarting, status+wait(patience, ": starting up (it replays its log), or overloaded")
	case code == http.StatusNotFound:
		e.Kind, e.Msg = ErrNotPrometheus, status+": no Prometheus API under this URL: is the path right?"
		if !strings.HasSuffix(strings.TrimRight(url, "/"), "/prometheus") {
			e.Msg += " Mimir and Cortex have it under /prometheus"
		}
	case code/100 == 4:
		e.Kind, e.Msg = ErrNotPrometheus, status+instead(body)
	default:
		e.Msg = status + instead(body)
	}
	return e
}

// preamble is what VictoriaMetrics puts before what is wrong with a query: the query.
var preamble = regexp.MustCompile(`(?s)^error when executing query=.* (?:for|on the time range) \([^()]*\): (?:cannot execute query: )?`)

// wait says for how long, or else what is likely the matter.
func wait(patience time.Duration, otherwise string) string {
	if patience <= 0 {
		return otherwise
	}
	return fmt.Sprintf(": it is left alone for %v, as it asks", patience.Round(time.Second))
}

// quoted is the reason that was given, or what came in its place.
func quoted(why said, body []byte) string {
	if why.msg != "" {
		return ": " + why.msg
	}
	return instead(body)
}

func elsewhere(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil {
		return ": it redirects to nowhere: is the URL right?"
	}
	to.User, to.RawQuery, to.Fragment = nil, "", ""
	return fmt.Sprintf(": it redirects to %s: a login page, or the URL to use instead?", oneLine(to.String()))
}

// notPrometheus explains a success that is not an answer of the API.
func notPrometheus(url string, status int, body []byte) error {
	e := &Error{URL: url, Status: status, Kind: ErrNotPrometheus, Msg: "answered" + strings.TrimPrefix(instead(body), ":")}
	switch {
	case len(body) == 0:
		e.Msg = "answered nothing at all, not the Prometheus API: is the URL right?"
	case looksJSON(body):
		e.Msg = "answered JSON that is broken or not the Prometheus API: is the URL right, or a proxy in between?"
	case looksHTML(body):
		e.Msg = "answered HTML, not the Prometheus API: is the URL right?"
	default:
		e.Msg += ", not the Prometheus API: is the URL right?"
	}
	return e
}

// instead quotes what came in place of JSON.
func instead(body []byte) string {
	switch text := oneLine(string(body[:min(len(body), 4096)])); {
	case text == "":
		return ""
	case looksHTML(body):
		return ": it answered HTML, not the Prometheus API: is the URL right?"
	default:
		return fmt.Sprintf(": %q", text)
	}
}

func looksHTML(body []byte) bool { return strings.HasPrefix(head(body), "<") }
func looksJSON(body []byte) bool {
	return strings.HasPrefix(head(body), "{") || strings.HasPrefix(head(body), "[")
}

func head(body []byte) string {
	return strings.TrimLeft(string(body[:min(len(body), 512)]), " \t\r\n\ufeff")
}

// oneLine makes foreign text fit an error: printable, one line, at most 200 runes.
func oneLine(s string) string {
	var b strings.Builder
	n := 0
	for _, f := range strings.FieldsFunc(s, unicode.IsSpace) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		for _, r := range f {
			if n++; n > 200 {
				return b.String() + "…"
			}
			if !unicode.IsPrint(r) {
				r = '\ufffd'
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}
