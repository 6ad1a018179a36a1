// Package pagerduty takes pages to PagerDuty's Events API v2.
//
// A page is a trigger event under a dedup key of its own; acknowledge and
// resolve name the same key. A second trigger on an open key wakes nobody, so
// whatever is not certain to have arrived may be sent again.
package pagerduty

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// Config is how PagerDuty is reached.
type Config struct {
	EventsURL string // base URL: https://events.pagerduty.com, the EU's, or a test server's

	// Key gives the routing key of a target by its name in the policy
	// ("primary"). It is asked for every event, and the key is not kept.
	Key func(ctx context.Context, name string) (string, error)

	Source            string // the host that reports; empty: "sitrep"
	Client, ClientURL string // shown with the incident; empty: "sitrep", no link

	Links  []Link  // shown with every page
	Images []Image // likewise
	// More gives further links of an incident, at once: a page waits for them. nil
	// has none.
	More func(ctx context.Context, inc incident.Incident) []Link
	// Runs says, a line each and at once, what chaos and load is on purpose where an
	// incident hurts. nil says nothing.
	Runs func(ctx context.Context, inc incident.Incident) []string

	API  *API   // writes notes; nil: none can be written
	From string // e-mail of the user in whose name that is done

	// HTTP connects; nil is a client of escalation.NewTransport. Redirects are
	// not followed, whatever it says.
	HTTP *http.Client
}

// Sender sends pages to PagerDuty.
type Sender struct{ config Config }

// New is a sender by config.
func New(config Config) *Sender {
	config.EventsURL = strings.TrimRight(config.EventsURL, "/")
	config.EventsURL = strings.TrimSuffix(config.EventsURL, "/v2/enqueue") // as the manual prints it
	if config.Source == "" {
		config.Source = "sitrep"
	}
	if config.Client == "" {
		config.Client = "sitrep"
	}
	if config.HTTP == nil {
		config.HTTP = &http.Client{Transport: escalation.NewTransport()}
	}
	return &Sender{config}
}

// longestThrottle: the limit counts the events of the last 60 s.
const longestThrottle = time.Minute

// Send implements escalation.Sender. Done means that PagerDuty has the event,
// not that anybody was woken; Ref is the dedup key.
//
// A routing key that cannot be read makes the message Dead, not NotSent: a dead
// page is diverted at once and offered again all the same.
func (s *Sender) Send(ctx context.Context, m escalation.Message, inc incident.Incident) escalation.Outcome {
	if m.Operation == escalation.OpNote {
		return s.note(ctx, m)
	}
	x := &escalation.Exchange{Sink: m.Sink, Client: s.config.HTTP, Longest: longestThrottle}
	event, err := s.event(ctx, m, inc)
	if err != nil {
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("%v", err)}
	}
	key, err := s.config.Key(ctx, m.Target())
	switch {
	case ctx.Err() != nil:
		return escalation.Outcome{Class: escalation.NotSent, Err: x.Errorf("read the routing key: %v: nothing was sent", cmp.Or(err, ctx.Err()))}
	case err != nil:
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("read the routing key: %v", err)}
	case key == "":
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("the routing key is empty: see pagerduty.routing_keys.%s", m.Target())}
	}
	event.RoutingKey, x.Secrets = key, []string{key}

	client := pagerduty.NewClient("", pagerduty.WithV2EventsAPIEndpoint(s.config.EventsURL))
	client.HTTPClient = x
	answer, err := client.ManageEventWithContext(ctx, event) // its error tells less than the exchange
	if o, refused := x.Refused(said(x.Body), hint(x, m)); refused {
		return o
	}
	if x.Status != http.StatusAccepted || err != nil {
		return escalation.Outcome{Class: escalation.Unsure, Err: x.Errorf("answered %d, but not as the Events API does: is pagerduty.events_url right, or a proxy in between?", x.Status)}
	}
	if answer.Status != "success" {
		return escalation.Outcome{Class: escalation.Unsure, Err: x.Errorf("answered %d, but with the status %q instead of success: it may have been accepted", x.Status, answer.Status)}
	}
	return escalation.Outcome{Class: escalation.Done, Ref: event.DedupKey}
}

// said is PagerDuty's own explanation of a refusal: the message, then what is
// wrong in detail.
func said(body []byte) string {
	var r struct {
		Message string
		Errors  []string
	}
	if json.Unmarshal(body, &r) != nil {
		return ""
	}
	var parts []string
	for _, part := range append([]string{r.Message}, r.Errors...) {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// hint is what to do about a refusal.
func hint(x *escalation.Exchange, m escalation.Message) string {
	key := "check pagerduty.routing_keys." + m.Target()
	switch x.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return key
	case http.StatusNotFound:
		return "no Events API there: check pagerduty.events_url"
	}
	if text := strings.ToLower(string(x.Body)); strings.Contains(text, "routing_key") || strings.Contains(text, "routing key") {
		return key
	}
	return ""
}
