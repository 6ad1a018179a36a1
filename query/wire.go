package query

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Wire talks to an HTTP API that stands beside Prometheus, such as
// Alertmanager's, with a Client's credentials, bounds and errors. It is safe for
// use by several goroutines.
type Wire struct {
	c    *Client
	name string // of the other side, for errors: Alertmanager
}

// NewWire checks the configuration; it does not connect.
func NewWire(name string, cfg Config) (*Wire, error) {
	c, err := NewClient(cfg)
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), "prometheus URL", strings.ToLower(name)+" URL"))
	}
	return &Wire{c: c, name: name}, nil
}

// URL is the address without secrets.
func (w *Wire) URL() string { return w.c.URL() }

// CloseIdle closes the connections that are not in use.
func (w *Wire) CloseIdle() { w.c.CloseIdle() }

// Call sends a request (body nil: none, else as JSON) and returns the body of an
// answer of status 2xx. Every other outcome is an *Error; one with Status 0 had no
// answer, and then the request may have been carried out, unless it is
// ErrUnreachable.
func (w *Wire) Call(ctx context.Context, method, path string, args url.Values, body any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, w.c.timeout)
	defer cancel()
	u := w.c.wire.URL(path, nil)
	u.RawQuery = merged(u, args).Encode()
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, u.String(), content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := w.c.wire.gate.enter(ctx, w.c.shown); err != nil {
		return nil, w.named(err)
	}
	defer w.c.wire.gate.leave()
	resp, answer, err := w.c.wire.Client.Do(ctx, req)
	switch {
	case err != nil:
		err = unreachable(w.c.shown, err, w.c.timeout)
	case resp.StatusCode/100 != 2:
		err = w.refused(resp, answer)
	default:
		return answer, nil
	}
	return nil, w.named(err)
}

// Unlike is the error for an answer that is not one of the API.
func (w *Wire) Unlike(body []byte, cause error) error {
	e := notPrometheus(w.c.shown, http.StatusOK, body).(*Error)
	e.Cause = cause
	return w.named(e)
}

// refused prefers what the other side says to what the status means: a JSON
// string, or an object with a message.
func (w *Wire) refused(resp *http.Response, body []byte) error {
	err := refused(w.c.shown, resp, body, w.c.wire.gate.hear(resp))
	var text string
	var said struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &text) != nil && json.Unmarshal(body, &said) == nil {
		text = said.Message
	}
	var e *Error
	if text = oneLine(text); text != "" && errors.As(err, &e) && e.Kind != ErrDenied {
		e.Msg = text
		if resp.StatusCode/100 == 4 {
			e.Kind = ErrQuery
		}
	}
	return err
}

func (w *Wire) named(err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Server = strings.ToLower(w.name)
		e.Msg = strings.ReplaceAll(e.Msg, "Prometheus", w.name)
	}
	return err
}
