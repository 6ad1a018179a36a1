package main

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// mostIntake is what one request may carry; PagerDuty refuses more too.
const mostIntake = 512 << 10

// intake takes changes in over HTTP, for pipelines on other hosts: POST /changes
// with the token that the configuration names.
type intake struct {
	db    *store.DB
	token func(context.Context) (string, error) // nil: there is none, and nothing is taken in
	now   func() time.Time
}

// posted is a change as a pipeline sends it: our own form, or the body of a
// PagerDuty change event, which many pipelines send already.
type posted struct {
	Text    string    `json:"text"`
	Type    string    `json:"type"`
	Service string    `json:"service"`
	Link    string    `json:"link"`
	ID      string    `json:"id"`
	Actor   string    `json:"actor"`
	At      time.Time `json:"at"`

	RoutingKey string `json:"routing_key"` // PagerDuty's; not looked at, and not kept
	Payload    *struct {
		Summary       string          `json:"summary"`
		Timestamp     time.Time       `json:"timestamp"`
		Source        string          `json:"source"`
		CustomDetails json.RawMessage `json:"custom_details"`
	} `json:"payload"`
	Links []struct {
		Href string `json:"href"`
		Text string `json:"text"`
	} `json:"links"`
	Images json.RawMessage `json:"images"`
}

// ServeHTTP is http.Handler's. What it refuses it refuses in a line that says why.
func (in intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if status, err := in.allowed(r); err != nil {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		http.Error(w, err.Error(), status)
		return
	}
	c, err := in.read(w, r)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, fmt.Sprintf("a change has at most %d bytes", mostIntake), http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e, fresh, err := c.record(r.Context(), in.db)
	if err != nil {
		http.Error(w, "not recorded, try again: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if !fresh {
		_, _ = io.WriteString(w, `{"recorded": false, "reason": "a change of that id is there already"}`+"\n")
		return
	}
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{"recorded": true, "seq": e.Seq, "id": e.ID})
}

// allowed says why a request is not taken in.
func (in intake) allowed(r *http.Request) (status int, err error) {
	if in.token == nil {
		return http.StatusForbidden, errors.New("this sitrep takes no changes in: set daemon.token in its configuration")
	}
	want, err := in.token(r.Context())
	if err != nil {
		return http.StatusInternalServerError, errors.New("the token of this sitrep cannot be read (sitrep doctor says why)")
	}
	given, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !isBearer || subtle.ConstantTimeCompare([]byte(given), []byte(want)) != 1 {
		return http.StatusUnauthorized, errors.New("give the token of this sitrep: Authorization: Bearer TOKEN")
	}
	return 0, nil
}

func (in intake) read(w http.ResponseWriter, r *http.Request) (change, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostIntake))
	if err != nil {
		return change{}, err
	}
	var p posted
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return change{}, fmt.Errorf("the change is not what is expected, {\"text\": …, \"service\": …, \"type\": \"deploy|flag|config\", \"link\": …, \"id\": …, \"actor\": …, \"at\": …} or a PagerDuty change event: %w", err)
	}
	if d.More() {
		return change{}, errors.New("one change a request")
	}
	return in.change(p)
}

// change reads what was posted. Who did it is whoever the pipeline says.
func (in intake) change(p posted) (change, error) {
	if p.Payload != nil {
		if p.Text != "" {
			return change{}, errors.New("give text or payload, not both")
		}
		p.Text, p.At = p.Payload.Summary, p.Payload.Timestamp
		if p.Service == "" {
			p.Service = p.Payload.Source
		}
		if p.Link == "" && len(p.Links) > 0 {
			p.Link = p.Links[0].Href
		}
	}
	now := in.now()
	if p.At.IsZero() {
		p.At = now
	}
	if p.At.After(now.Add(time.Hour)) {
		return change{}, fmt.Errorf("at: %s is in the future", p.At.UTC().Format(time.RFC3339))
	}
	if p.Type == "" {
		p.Type = "deploy"
	}
	if p.Actor == "" {
		p.Actor = "pipeline"
	}
	c := change{
		Text: p.Text, ID: p.ID, Type: p.Type, Service: p.Service, Link: p.Link,
		By: incident.By{Actor: incident.Person(p.Actor), Claimed: true, Source: "http", At: p.At},
	}
	e, err := c.event()
	if err == nil {
		err = e.Check()
	}
	return c, err
}
