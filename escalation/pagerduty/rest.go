package pagerduty

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/sitrep-dev/sitrep/escalation"
)

// API reads PagerDuty's REST API v2 and acts through it. It makes one request after
// the other, as PagerDuty asks its users to, never retries, and is safe for use by
// several goroutines. Its errors are CallErrors, or of the token that cannot be
// read. Source: PagerDuty, REST API v2.
type API struct {
	url   string
	token func(context.Context) (string, error)
	http  *http.Client
}

// NewAPI is the API at a base URL: https://api.pagerduty.com, the EU's, or a test
// server's. Token is asked before every call, and the token is not kept. A nil
// client is one of escalation.NewTransport.
func NewAPI(url string, token func(context.Context) (string, error), client *http.Client) *API {
	if client == nil {
		client = &http.Client{Transport: escalation.NewTransport()}
	}
	return &API{strings.TrimRight(url, "/"), token, client}
}

// CallError is a call that did not do what it should; it names no secret.
type CallError struct {
	Class  escalation.Class // NotSent and Throttled: certainly nothing was done
	After  time.Duration    // of Throttled: how long PagerDuty wants to be left alone
	Status int              // of the answer; 0 without one
	Code   int              // PagerDuty's own; 0 without one

	err error
}

func (e *CallError) Error() string { return e.err.Error() }

// The codes of PagerDuty that something is decided on. Source: PagerDuty, REST API
// errors.
const (
	codeResolved = 1001 // already
	codeAcked    = 1002 // already
	codeFrom     = 1008 // the requester is no user
	codeMerged   = 1019 // already
)

const (
	apiSink = "pagerduty"
	accept  = "application/vnd.pagerduty+json;version=2"
)

// open is an exchange for one call, and the token that it goes out with.
func (a *API) open(ctx context.Context) (*escalation.Exchange, string, error) {
	token, err := a.token(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("%s: read the API token: %w", apiSink, err)
	}
	return &escalation.Exchange{Sink: apiSink, Client: a.http, Longest: longestThrottle, Secrets: []string{token}}, token, nil
}

// get asks for one object or a page of a list, decoded into dst.
func (a *API) get(ctx context.Context, path string, q url.Values, dst any) error {
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return a.do(ctx, http.MethodGet, path, "", nil, dst)
}

// do makes a call by hand: what the library has no method for, or one that loses
// what it was told. Dst may be nil.
func (a *API) do(ctx context.Context, method, path, from string, body, dst any) error {
	x, token, err := a.open(ctx)
	if err != nil {
		return err
	}
	var raw []byte
	if body != nil {
		if raw, err = json.Marshal(body); err != nil {
			return x.Errorf("%v", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(raw))
	if err != nil {
		return &CallError{Class: escalation.Dead, err: x.Errorf("%v: is pagerduty.api_url right?", err)}
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("Authorization", "Token token="+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if from != "" {
		req.Header.Set("From", from)
	}
	_, _ = x.Do(req) // the exchange keeps the error
	return outcome(x, token, dst)
}

// library makes a call through go-pagerduty. Its own errors and answers tell less
// than the exchange.
func (a *API) library(ctx context.Context, call func(*pagerduty.Client) error) error {
	x, token, err := a.open(ctx)
	if err != nil {
		return err
	}
	client := pagerduty.NewClient(token, pagerduty.WithAPIEndpoint(a.url))
	client.HTTPClient = x
	_ = call(client)
	return outcome(x, token, nil)
}

// outcome is what became of a call: dst decoded, or why not.
func outcome(x *escalation.Exchange, token string, dst any) error {
	message, code := restSaid(x.Body)
	if o, refused := x.Refused(message, restHint(x, code)); refused {
		return &CallError{Class: o.Class, After: o.After, Status: x.Status, Code: code, err: o.Err}
	}
	odd := &CallError{Class: escalation.Unsure, Status: x.Status, err: x.Errorf("answered %d, but not as the REST API does: is pagerduty.api_url right?", x.Status)}
	body := bytes.TrimSpace(x.Body)
	if len(body) == 0 || body[0] != '{' {
		return odd
	}
	if token != "" { // whatever is at the other end, it is not to be kept
		body = bytes.ReplaceAll(body, []byte(token), []byte("***"))
	}
	if dst == nil {
		dst = &struct{}{}
	}
	if json.Unmarshal(body, dst) != nil {
		return odd
	}
	return nil
}

// restSaid is PagerDuty's own explanation of a refusal, and its code.
func restSaid(body []byte) (string, int) {
	var r struct {
		Error struct {
			Message string
			Code    int
			Errors  []string
		}
	}
	if json.Unmarshal(body, &r) != nil || r.Error.Message == "" {
		return "", 0
	}
	parts := append([]string{r.Error.Message}, r.Error.Errors...)
	return fmt.Sprintf("%s (%d)", strings.Join(parts, ": "), r.Error.Code), r.Error.Code
}

// restHint is what to do about a refusal.
func restHint(x *escalation.Exchange, code int) string {
	switch {
	case code == codeFrom:
		return "whoever acts has to be a user there: check people.NAME.email and pagerduty.from"
	case x.Status == http.StatusUnauthorized:
		return "check pagerduty.api_token"
	case x.Status == http.StatusForbidden:
		return "check pagerduty.api_token: it may not do that (a read-only one changes nothing)"
	case x.Status == http.StatusPaymentRequired:
		return "the account's plan does not have it"
	case x.Status == http.StatusNotFound && code == 0:
		return "no REST API there: check pagerduty.api_url"
	}
	return ""
}

// The bounds of a list. Source: PagerDuty, REST API pagination: no more than 100 at
// once, and nothing beyond the 10000th.
const (
	pageSize    = 100
	pageOverlap = 10 // asked for again: what is in the list may leave it meanwhile
	pagesEnd    = 10_000
	pagesMost   = 200 // however short they are
)

// list reads a list page by page and hands over each of its items once, by its ID or,
// without one, by all of it. One that moves up while the list is read is not
// missed, and a far side that knows no end is not followed. It is not whole if
// there is more than PagerDuty gives.
func (a *API) list(ctx context.Context, path, name string, q url.Values, item func(json.RawMessage)) (whole bool, err error) {
	q.Set("limit", strconv.Itoa(pageSize))
	seen := map[string]bool{}
	offset := 0
	for page := 0; page < pagesMost && offset+pageSize <= pagesEnd; page++ {
		q.Set("offset", strconv.Itoa(offset))
		answer := map[string]json.RawMessage{}
		if err := a.get(ctx, path, q, &answer); err != nil {
			return false, err
		}
		var items []json.RawMessage
		if json.Unmarshal(answer[name], &items) != nil || items == nil {
			return false, &CallError{Class: escalation.Dead, Status: http.StatusOK, err: fmt.Errorf("%s: answered 200, but not as the REST API does (no %s): is pagerduty.api_url right?", apiSink, name)}
		}
		var more bool
		_ = json.Unmarshal(answer["more"], &more) // what is no answer is no more
		fresh := false
		for _, raw := range items {
			if key := identity(raw); !seen[key] {
				seen[key], fresh = true, true
				item(raw)
			}
		}
		if !more || !fresh {
			return !more, nil
		}
		offset += max(1, len(items)-pageOverlap)
	}
	return false, nil
}

// identity tells an item of a list from the others.
func identity(raw json.RawMessage) string {
	var r ref
	_ = json.Unmarshal(raw, &r)
	return cmp.Or(r.ID, string(raw))
}

// ref is how PagerDuty names an object within another. Fields of other types than
// the contract's are as if they were not there.
type ref struct{ ID, Type, Summary, Email, URL string }

// UnmarshalJSON never fails: one odd field is no reason to lose an object.
func (r *ref) UnmarshalJSON(b []byte) error {
	var fields map[string]any
	if json.Unmarshal(b, &fields) != nil {
		return nil
	}
	*r = ref{text(fields["id"]), text(fields["type"]), cmp.Or(text(fields["summary"]), text(fields["name"])), text(fields["email"]), text(fields["html_url"])}
	return nil
}

// lax is a value that may be of another type than the contract's; the zero value
// then stands for it.
type lax[T any] struct{ v T }

// UnmarshalJSON never fails.
func (l *lax[T]) UnmarshalJSON(b []byte) error {
	var v T
	if json.Unmarshal(b, &v) == nil {
		l.v = v
	}
	return nil
}

// text is a string, or a number as it is written; of anything else nothing.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// moment is a time as PagerDuty writes it; zero if it is none.
func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
