package lab

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// pdChanges is how many changes are kept.
const pdChanges = 1000

// pdChange is a change event as the REST API lists it.
type pdChange struct {
	ID        string         `json:"id"`
	Type      string         `json:"type"`
	Summary   string         `json:"summary"`
	Source    string         `json:"source,omitempty"`
	Timestamp time.Time      `json:"timestamp"`
	Services  []any          `json:"services"`
	Links     []any          `json:"links"`
	Details   map[string]any `json:"custom_details,omitempty"`
}

// change checks a change event, which pages nobody.
func (p *pagerDuty) change(c *pdCheck, _ string, event map[string]any) func() reply {
	c.links(event)
	c.images(event)
	e := pdChange{Type: "change_event", Services: []any{}, Links: []any{}, Timestamp: p.now().UTC()}
	if payload := c.object(event, "payload", true); payload != nil {
		e.Summary = c.text(payload, "summary", "payload.summary", true, pdMaxSummary)
		e.Source = c.text(payload, "source", "payload.source", false, 0)
		if at := c.text(payload, "timestamp", "payload.timestamp", false, 0); at != "" {
			t, err := time.Parse(time.RFC3339, at)
			if err != nil {
				c.add("'payload.timestamp' is invalid")
			}
			e.Timestamp = t.UTC()
		}
		c.details(payload)
		e.Details, _ = payload["custom_details"].(map[string]any)
	}
	if links, is := event["links"].([]any); is {
		e.Links = links
	}
	return func() reply {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.changed++
		e.ID = fmt.Sprintf("01LABCHANGE%06d", p.changed)
		p.changes = append(p.changes, e)
		p.changes = p.changes[max(0, len(p.changes)-pdChanges):]
		return reply{status: http.StatusAccepted, body: map[string]any{"status": "success", "message": "Change event processed"}}
	}
}

// readChanges lists changes, the newest first, a page at a time.
func (p *pagerDuty) readChanges(q url.Values) reply {
	since, until, err := pdWindow(q)
	if err != nil {
		return pdFault(http.StatusBadRequest, 2001, "Invalid Input Provided")
	}
	list := append([]pdChange{}, p.changes...)
	list = slices.DeleteFunc(list, func(e pdChange) bool { return e.Timestamp.Before(since) || !e.Timestamp.Before(until) })
	slices.SortStableFunc(list, func(a, b pdChange) int { return b.Timestamp.Compare(a.Timestamp) })
	return pdPage("change_events", list, q)
}

func pdWindow(q url.Values) (since, until time.Time, err error) {
	until = time.Unix(1<<40, 0)
	if text := q.Get("since"); text != "" {
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			return since, until, err
		}
	}
	if text := q.Get("until"); text != "" {
		until, err = time.Parse(time.RFC3339, text)
	}
	return since, until, err
}

// pdNumber is a number of the query; -1 is none that can be.
func pdNumber(q url.Values, name string, missing int) int {
	if q.Get(name) == "" {
		return missing
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil {
		return -1
	}
	return n
}
