// Package webhook posts messages to an address of somebody's own.
//
// A message is one POST of signed JSON (escalation.Notice). The receiver tells a
// second attempt of a message from a new one by its ID, which stands in the body
// and in the header Idempotency-Key, and a copy that somebody else sends later by
// the time that is signed with it. docs/sinks.md is the contract.
package webhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// The headers of a request.
const (
	SignatureHeader = "X-Sitrep-Signature" // "v1=" and the hexadecimal HMAC-SHA256 of timestamp, "." and body
	TimestampHeader = "X-Sitrep-Timestamp" // of the attempt, in seconds since 1970
	KeyHeader       = "Idempotency-Key"
)

// Target is where and how messages go, with its secrets read.
type Target struct {
	URL         string
	URLIsSecret bool              // as those of Teams and Mattermost are: whoever has it may post
	Secret      string            // that signs; empty: unsigned
	User        string            // with Password, HTTP's basic authentication
	Password    string            //
	Bearer      string            // the token of the header Authorization
	Headers     map[string]string // besides
	Hidden      []string          // values of headers that are secret
	ContentType string            // empty: application/json
	Body        *Body             // nil: the notice itself
}

// Config is how targets are found.
type Config struct {
	// Target gives a target by its name in the policy. It is asked for every
	// message, and what it gives is not kept.
	Target func(ctx context.Context, name string) (Target, error)
	Phone  func(incident.Person) string // may be nil
	// HTTP connects; nil is a client of escalation.NewTransport. Redirects are
	// not followed, whatever it says.
	HTTP *http.Client
}

// Sender posts to webhooks.
type Sender struct{ config Config }

// New is a sender by config.
func New(config Config) *Sender {
	if config.HTTP == nil {
		config.HTTP = &http.Client{Transport: escalation.NewTransport()}
	}
	return &Sender{config}
}

// Send implements escalation.Sender. Every answer of status 2xx is a yes,
// whatever its body. A target that cannot be read makes the message Dead: a dead
// page is diverted at once and offered again all the same.
func (s *Sender) Send(ctx context.Context, m escalation.Message, inc incident.Incident) escalation.Outcome {
	x := &escalation.Exchange{Sink: m.Sink, Client: s.config.HTTP}
	t, err := s.config.Target(ctx, m.Target())
	x.Secrets = t.secrets()
	switch {
	case ctx.Err() != nil:
		return escalation.Outcome{Class: escalation.NotSent, Err: x.Errorf("read its secrets: %v: nothing was sent", cmp.Or(err, ctx.Err()))}
	case err != nil:
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("%v", err)}
	}
	req, err := t.request(ctx, escalation.NoticeOf(m, inc, s.config.Phone), time.Now())
	if err != nil {
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("make the request: %v", err)}
	}
	if resp, err := x.Do(req); err == nil {
		_ = resp.Body.Close() // in memory; what it says does not matter
	}
	if o, refused := x.Refused("", hint(x.Status, m.Target())); refused {
		return o
	}
	return escalation.Outcome{Class: escalation.Done}
}

func (t Target) request(ctx context.Context, n escalation.Notice, now time.Time) (*http.Request, error) {
	body, err := n.JSON(), error(nil)
	if t.Body != nil {
		body, err = t.Body.render(n)
	}
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	h := req.Header
	h.Set("User-Agent", "sitrep")
	h.Set("Content-Type", "application/json")
	if t.ContentType != "" {
		h.Set("Content-Type", t.ContentType)
	}
	for name, value := range t.Headers {
		h.Set(name, value)
	}
	switch {
	case t.Bearer != "":
		h.Set("Authorization", "Bearer "+t.Bearer)
	case t.User != "" || t.Password != "":
		req.SetBasicAuth(t.User, t.Password)
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	h.Set(KeyHeader, n.ID)
	h.Set(TimestampHeader, stamp)
	if t.Secret != "" {
		h.Set(SignatureHeader, "v1="+sign(t.Secret, stamp, body))
	}
	return req, nil
}

// sign is what proves that body comes from who has the secret, and at which time
// it was sent.
func sign(secret, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// shortestSecret is the length of a path that can be a secret: a shorter one
// would be crossed out of every error.
const shortestSecret = 8

// secrets are what stands in no error.
func (t Target) secrets() []string {
	all := append([]string{t.Secret, t.Password, t.Bearer}, t.Hidden...)
	if !t.URLIsSecret {
		return all
	}
	all = append(all, t.URL)
	if u, err := url.Parse(t.URL); err == nil {
		for _, part := range []string{u.RequestURI(), u.Path, u.RawQuery} {
			if len(part) >= shortestSecret {
				all = append(all, part)
			}
		}
	}
	return all
}

// hint is what to do about a status that is for good.
func hint(status int, name string) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "check the secrets of webhooks." + name
	case http.StatusNotFound, http.StatusGone, http.StatusMethodNotAllowed:
		return "check webhooks." + name + ".url"
	case http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return "check webhooks." + name + ".body"
	}
	return ""
}
