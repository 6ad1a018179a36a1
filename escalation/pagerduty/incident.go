package pagerduty

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Incident is an incident of the account's, ours or not.
type Incident struct {
	ID, Title, URL string
	Number         int
	Status         string // triggered, acknowledged, resolved
	Urgency        string // high, low
	Key            string // dedup key of what opened it; empty if it has several alerts
	Service        string // name
	Policy         string // name of the escalation policy
	PolicyID       string
	Alerts         int // that make it: more than one if some were merged or grouped
	CreatedAt      time.Time
	Assigned       []User // without telephones
	Acknowledged   []User
}

type incidentJSON struct {
	Number      lax[int] `json:"incident_number"`
	Title       lax[string]
	Status      lax[string]
	Urgency     lax[string]
	Key         lax[string] `json:"incident_key"`
	Created     lax[string] `json:"created_at"`
	Service     ref
	Policy      ref                               `json:"escalation_policy"`
	Counts      lax[struct{ All lax[int] }]       `json:"alert_counts"`
	Assignments lax[[]struct{ Assignee ref }]     `json:"assignments"`
	Acks        lax[[]struct{ Acknowledger ref }] `json:"acknowledgements"`
}

func readIncident(raw json.RawMessage) (Incident, bool) {
	var name ref
	var p incidentJSON
	if json.Unmarshal(raw, &name) != nil || json.Unmarshal(raw, &p) != nil || name.ID == "" {
		return Incident{}, false
	}
	inc := Incident{
		ID: name.ID, URL: name.URL, Title: cmp.Or(p.Title.v, name.Summary), Number: p.Number.v, Status: p.Status.v, Urgency: p.Urgency.v,
		Key: p.Key.v, Service: p.Service.Summary, Policy: p.Policy.Summary, PolicyID: p.Policy.ID, Alerts: p.Counts.v.All.v, CreatedAt: moment(p.Created.v),
	}
	for _, a := range p.Assignments.v {
		inc.Assigned = append(inc.Assigned, User{ID: a.Assignee.ID, Name: a.Assignee.Summary, Email: a.Assignee.Email})
	}
	for _, a := range p.Acks.v {
		if isUser(a.Acknowledger) {
			inc.Acknowledged = append(inc.Acknowledged, User{ID: a.Acknowledger.ID, Name: a.Acknowledger.Summary, Email: a.Acknowledger.Email})
		}
	}
	return inc, true
}

// isUser says whether a person did something, and no integration.
func isUser(r ref) bool { return strings.TrimSuffix(r.Type, "_reference") == "user" && r.ID != "" }

// Open is the account's incidents that are not resolved, the newest first; whole is
// false if PagerDuty has more than it gives. Source: PagerDuty, REST API, List
// incidents.
func (a *API) Open(ctx context.Context) (all []Incident, whole bool, err error) {
	return a.incidents(ctx, url.Values{"statuses[]": {"triggered", "acknowledged"}, "sort_by": {"created_at:desc"}})
}

// ByKey is the incidents that hold an alert of a dedup key, resolved ones too. One
// that PagerDuty gives for it under another key, because alerts were merged into it,
// is looked into: what is done to somebody else's is not done to ours.
func (a *API) ByKey(ctx context.Context, key string) ([]Incident, error) {
	key = dedupKey(key)
	all, _, err := a.incidents(ctx, url.Values{"incident_key": {key}})
	if err != nil {
		return nil, err
	}
	var held []Incident
	for _, inc := range all[:min(len(all), mostOfKey)] {
		if inc.Key != "" && inc.Key != key {
			alerts, err := a.Alerts(ctx, inc.ID)
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(alerts, func(al Alert) bool { return al.Key == key }) {
				continue
			}
		}
		held = append(held, inc)
	}
	return held, nil
}

// mostOfKey is how many incidents one key is looked for in: PagerDuty opens one at a
// time, and what gives more has not understood the question.
const mostOfKey = 10

func (a *API) incidents(ctx context.Context, q url.Values) (all []Incident, whole bool, err error) {
	q.Set("date_range", "all") // without it none of the month before last
	whole, err = a.list(ctx, "/incidents", "incidents", q, func(raw json.RawMessage) {
		if inc, ok := readIncident(raw); ok {
			all = append(all, inc)
		}
	})
	return all, whole, err
}

// Incident is one by its ID.
func (a *API) Incident(ctx context.Context, id string) (Incident, error) {
	var answer struct{ Incident json.RawMessage }
	if err := a.get(ctx, "/incidents/"+url.PathEscape(id), nil, &answer); err != nil {
		return Incident{}, err
	}
	inc, ok := readIncident(answer.Incident)
	if !ok {
		return inc, fmt.Errorf("%s: the incident %s is not as the REST API gives one", apiSink, line(id, maxName))
	}
	return inc, nil
}

// Alert is one of those that make an incident.
type Alert struct {
	ID, Summary, Severity, Status, Key string
	Links                              []Link // what its event gave to open, and every URL in its details
}

// Alerts is those of an incident. Source: PagerDuty, REST API, List alerts for an
// incident.
func (a *API) Alerts(ctx context.Context, id string) (all []Alert, err error) {
	_, err = a.list(ctx, "/incidents/"+url.PathEscape(id)+"/alerts", "alerts", url.Values{}, func(raw json.RawMessage) {
		var name ref
		var p struct {
			Severity, Status lax[string]
			Key              lax[string] `json:"alert_key"`
			Body             lax[struct {
				Details  lax[map[string]any]
				Contexts lax[[]struct {
					Type, Href, Text lax[string]
				}]
			}]
		}
		if json.Unmarshal(raw, &name) != nil || json.Unmarshal(raw, &p) != nil {
			return
		}
		alert := Alert{ID: name.ID, Summary: name.Summary, Severity: p.Severity.v, Status: p.Status.v, Key: p.Key.v}
		for _, c := range p.Body.v.Contexts.v {
			if _, ok := web(c.Href.v); ok {
				alert.Links = append(alert.Links, Link{cmp.Or(c.Text.v, c.Type.v), c.Href.v})
			}
		}
		alert.Links = append(alert.Links, urlsIn(p.Body.v.Details.v)...)
		all = append(all, alert)
	})
	return all, err
}
