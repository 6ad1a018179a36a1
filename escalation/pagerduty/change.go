package pagerduty

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/sitrep-dev/sitrep/escalation"
)

// Change is something that was changed, as PagerDuty keeps it beside its
// incidents. It pages nobody.
type Change struct {
	ID      string // PagerDuty's; empty for one that is sent
	Summary string
	Source  string // the system or service that changed
	At      time.Time
	Link    string
	Details map[string]string // a few; values that are no text are left out of what is read
}

// SendChange tells PagerDuty of a change, under the routing key of a name.
// PagerDuty knows no two of them to be the same, so one that may have arrived is
// seen twice if it is sent again. Only what PagerDuty says is wrong with the event
// itself is Dead: a key or a URL can be mended. Source: PagerDuty, Events API v2, Send change
// events.
func (s *Sender) SendChange(ctx context.Context, name string, c Change) escalation.Outcome {
	x := &escalation.Exchange{Sink: "pagerduty:" + name, Client: s.config.HTTP, Longest: longestThrottle}
	key, err := s.config.Key(ctx, name)
	switch {
	case err != nil:
		return escalation.Outcome{Class: escalation.NotSent, Err: x.Errorf("read the routing key: %v", err)}
	case key == "":
		return escalation.Outcome{Class: escalation.NotSent, Err: x.Errorf("the routing key is empty: see pagerduty.routing_keys.%s", name)}
	}
	x.Secrets = []string{key}
	event := pagerduty.ChangeEvent{RoutingKey: key, Payload: pagerduty.ChangeEventPayload{
		Summary: line(c.Summary, maxSummary), Source: line(c.Source, maxName), Timestamp: c.At.UTC().Format(time.RFC3339), CustomDetails: map[string]any{},
	}}
	for k, v := range c.Details {
		event.Payload.CustomDetails[k] = line(v, maxDetail)
	}
	if u, err := url.Parse(c.Link); err == nil && (u.Scheme == "http" || u.Scheme == "https") && len(c.Link) < maxDetail {
		event.Links = []pagerduty.ChangeEventLink{{Href: c.Link}}
	}
	client := pagerduty.NewClient("", pagerduty.WithV2EventsAPIEndpoint(s.config.EventsURL))
	client.HTTPClient = x
	_, err = client.CreateChangeEventWithContext(ctx, event) // its error tells less than the exchange
	h := hint(x, escalation.Message{Sink: x.Sink})
	if o, refused := x.Refused(said(x.Body), h); refused {
		if o.Class == escalation.Dead && (x.Status != http.StatusBadRequest || h != "") {
			o.Class = escalation.NotSent // the configuration is at fault, and may be mended
		}
		return o
	}
	if x.Status != http.StatusAccepted || err != nil {
		return escalation.Outcome{Class: escalation.Unsure, Err: x.Errorf("answered %d, but not as the Events API does: is pagerduty.events_url right?", x.Status)}
	}
	return escalation.Outcome{Class: escalation.Done}
}

// Changes is the change events in [since, until), the newest 10000 of them.
// Source: PagerDuty, REST API, List change events.
func (a *API) Changes(ctx context.Context, since, until time.Time) ([]Change, error) {
	var all []Change
	_, err := a.list(ctx, "/change_events", "change_events", url.Values{"since": {stamp(since)}, "until": {stamp(until)}}, func(raw json.RawMessage) {
		var e changeJSON
		if json.Unmarshal(raw, &e) == nil { // one that is none is no reason to miss the others
			all = append(all, e.change())
		}
	})
	return all, err
}

// stamp is a time as PagerDuty reads it: whole seconds.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// changeJSON is a change event as the REST API gives it.
type changeJSON struct {
	ID        any    `json:"id"`
	Summary   string `json:"summary"`
	Source    string `json:"source"`
	Timestamp any    `json:"timestamp"`
	Services  []struct {
		Summary string `json:"summary"`
	} `json:"services"`
	Links []struct {
		Href string `json:"href"`
	} `json:"links"`
	Details map[string]any `json:"custom_details"`
}

func (e changeJSON) change() Change {
	c := Change{Summary: e.Summary, Source: e.Source, Details: map[string]string{}}
	if e.ID != nil {
		c.ID = fmt.Sprint(e.ID)
	}
	if text, is := e.Timestamp.(string); is {
		c.At, _ = time.Parse(time.RFC3339, text) // zero, if it is none
	}
	if len(e.Services) > 0 && e.Services[0].Summary != "" {
		c.Source = e.Services[0].Summary
	}
	if len(e.Links) > 0 {
		c.Link = e.Links[0].Href
	}
	for k, v := range e.Details {
		if text, is := v.(string); is {
			c.Details[k] = text
		}
	}
	return c
}
