// Package tracker puts action items where a team plans its work: issues of GitHub and
// of GitLab. Both say the same of an issue in different words; what is known of one
// here is Issue.
//
// No request is repeated that may have made something: whoever was not answered looks
// for the marker in the body first (Find), and creates then.
package tracker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Issue is one as it stands there.
type Issue struct {
	Number   int
	URL      string
	Open     bool
	ClosedBy string // login there; empty if it is not known
	ClosedAt time.Time
}

// Draft is an issue that is to be.
type Draft struct {
	Title, Body string
	Labels      []string
}

// The reasons on which somebody decides.
var (
	// ErrGone says that there is no such issue, or none that the token may see.
	ErrGone = errors.New("it is not there, or the token may not see it")
	// ErrRefused says that no other request would be taken either: the token or the
	// place is wrong, or the limit is reached.
	ErrRefused = errors.New("refused")
)

// longestWait is how long a request is held back when the far side says when it takes
// the next one; who would have to wait longer comes again.
const longestWait = time.Minute

const (
	mostAnswer = 16 << 20 // bytes of one answer
	mostPages  = 50       // of a list, a hundred issues each
)

// wire is how a tracker is asked.
type wire struct {
	base, name string // "https://api.github.com", "GitHub"
	header     http.Header
	client     *http.Client
	now        func() time.Time
	wait       func(context.Context, time.Duration) error
}

func newWire(name, base string, header http.Header, transport http.RoundTripper) wire {
	return wire{
		base: strings.TrimSuffix(base, "/"), name: name, header: header, now: time.Now, wait: pause,
		// A redirect is not followed: it would take the token elsewhere, and makes a GET of a POST.
		client: &http.Client{Transport: transport, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// do asks for path and reads the answer into out. What was refused for its rate is
// asked again, once, when the far side says.
func (w wire) do(ctx context.Context, method, path string, in, out any) (http.Header, error) {
	for again := true; ; again = false {
		header, until, err := w.once(ctx, method, path, in, out)
		if until.IsZero() || !again {
			return header, err
		}
		d := until.Sub(w.now())
		if d > longestWait {
			return header, err
		}
		if err := w.wait(ctx, max(d, 0)); err != nil {
			return header, err
		}
	}
}

func (w wire) once(ctx context.Context, method, path string, in, out any) (_ http.Header, until time.Time, err error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, until, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, w.base+path, body)
	if err != nil {
		return nil, until, fmt.Errorf("%s: its address cannot be asked: %w", w.name, err)
	}
	req.Header = w.header.Clone()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "sitrep")
	resp, err := w.client.Do(req)
	if err != nil {
		if asked := (*url.Error)(nil); errors.As(err, &asked) {
			err = asked.Err
		}
		return nil, until, fmt.Errorf("%s cannot be reached: %w", w.name, err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer+1))
	if err != nil {
		return nil, until, fmt.Errorf("%s: its answer broke off: %w", w.name, err)
	}
	if resp.StatusCode/100 != 2 {
		until, err := w.refusal(resp, text)
		return resp.Header, until, err
	}
	if len(text) > mostAnswer || out != nil && json.Unmarshal(text, out) != nil {
		return nil, until, fmt.Errorf("%s answers %s with something that is no issue: is its api_url right?", w.name, resp.Status)
	}
	return resp.Header, until, nil
}

// refusal is what an answer says that is no 2xx, and when it may be asked again; zero
// is not by waiting.
func (w wire) refusal(resp *http.Response, text []byte) (time.Time, error) {
	says := said(text)
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized:
		return time.Time{}, fmt.Errorf("%s: %w: it does not know the token%s", w.name, ErrRefused, says)
	case code == http.StatusTooManyRequests, code == http.StatusForbidden && limited(resp.Header):
		until := w.until(resp.Header)
		return until, fmt.Errorf("%s: %w: too many requests, it takes the next ones at %s%s", w.name, ErrRefused, until.UTC().Format("15:04:05Z"), says)
	case code == http.StatusForbidden:
		return time.Time{}, fmt.Errorf("%s: %w: the token may not do this (issues: read and write)%s", w.name, ErrRefused, says)
	case code == http.StatusNotFound, code == http.StatusGone:
		return time.Time{}, fmt.Errorf("%s: %w%s", w.name, ErrGone, says)
	case code/100 == 3:
		return time.Time{}, fmt.Errorf("%s: %w: the place has moved, or api_url is not the API's (%s)", w.name, ErrRefused, resp.Status)
	default:
		return time.Time{}, fmt.Errorf("%s answers %s%s", w.name, resp.Status, says)
	}
}

func limited(h http.Header) bool {
	return h.Get("Retry-After") != "" || h.Get("X-RateLimit-Remaining") == "0"
}

// until is when the next request is taken: Retry-After, else the reset of the limit
// (X-RateLimit-Reset at GitHub, RateLimit-Reset at GitLab, seconds since 1970), else a
// minute, which is what GitHub asks for without either.
func (w wire) until(h http.Header) time.Time {
	if s, err := strconv.Atoi(h.Get("Retry-After")); err == nil && s >= 0 && s < 1<<30 {
		return w.now().Add(time.Duration(s) * time.Second)
	}
	for _, name := range []string{"X-RateLimit-Reset", "RateLimit-Reset"} {
		if s, err := strconv.ParseInt(h.Get(name), 10, 64); err == nil && s > 0 && s < 1<<40 {
			return time.Unix(s, 0)
		}
	}
	return w.now().Add(longestWait)
}

// said is the reason that stands in an answer, in one line; nothing if there is none.
func said(text []byte) string {
	var a struct {
		Message json.RawMessage `json:"message"` // GitLab's may be an object of fields
		Error   string          `json:"error"`
		Errors  json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(text, &a) != nil {
		return ""
	}
	var message string
	if json.Unmarshal(a.Message, &message) != nil {
		message = string(a.Message)
	}
	message = strings.TrimSpace(strings.Join(strings.Fields(message+" "+a.Error+" "+string(a.Errors)), " "))
	if message == "" {
		return ""
	}
	if r := []rune(message); len(r) > 300 {
		message = string(r[:300]) + "…"
	}
	return ": " + message
}

var nextLink = regexp.MustCompile(`<([^>]+)>\s*;[^,]*rel="?next"?`)

// pages reads a list page by page until each says that it has seen enough. The next
// page is asked for by its path and query alone: no answer leads the token elsewhere.
func (w wire) pages(ctx context.Context, path string, each func(json.RawMessage) (enough bool, err error)) error {
	for range mostPages {
		var page json.RawMessage
		header, err := w.do(ctx, http.MethodGet, path, nil, &page)
		if err != nil {
			return err
		}
		if enough, err := each(page); err != nil || enough {
			return err
		}
		m := nextLink.FindStringSubmatch(header.Get("Link"))
		if m == nil {
			return nil
		}
		next, err := url.Parse(m[1])
		base, baseErr := url.Parse(w.base)
		if err != nil || baseErr != nil || !strings.HasPrefix(next.EscapedPath(), base.EscapedPath()) {
			return fmt.Errorf("%s: the link to its next page leads nowhere", w.name)
		}
		path = strings.TrimPrefix(next.EscapedPath(), base.EscapedPath()) + "?" + next.RawQuery
	}
	return fmt.Errorf("%s has more than %d issues that could be it; close some, or give another repository", w.name, mostPages*100)
}

// marked says whether a body holds the marker, and not a longer one that begins so.
func marked(body, marker string) bool { return strings.Contains(body, "`"+marker+"`") }
