package lab

import (
	"fmt"
	"slices"
	"time"
)

// pdIncident is what the lab's PagerDuty makes of alerts: an event opens one, merging
// puts several into one.
type pdIncident struct {
	id         string
	number     int
	title      string
	status     string // triggered, acknowledged, resolved
	urgency    string // high, low
	route      int    // of pdRoutes: the service
	level      int    // of the escalation policy
	created    time.Time
	assigned   []pdUser
	acked      []pdAck
	alerts     []*pdAlert
	log        []map[string]any // oldest first
	notes      []map[string]any
	mergedInto string
}

type pdAck struct {
	by pdUser // the zero one is the integration
	at time.Time
}

// agent is who does something: the zero user is the service's integration, which
// is no person.
func (p *pagerDuty) agent(inc *pdIncident, by pdUser) map[string]any {
	if by.id != "" {
		return by.ref()
	}
	return map[string]any{"id": fmt.Sprintf("PLABINT%d", inc.route+1), "type": "events_api_v2_inbound_integration_reference", "summary": "Events API V2"}
}

// write puts an entry into the log of an incident; channel says through what.
func (p *pagerDuty) write(inc *pdIncident, by pdUser, kind, summary string, channel map[string]any, more map[string]any) {
	p.entries++
	e := map[string]any{
		"id": fmt.Sprintf("R%s%0*d", p.start, 25-len(p.start), p.entries), "type": kind + "_log_entry", "summary": summary, "created_at": p.now().UTC().Truncate(time.Second).Format(time.RFC3339),
		"agent": p.agent(inc, by), "channel": channel, "incident": map[string]any{"id": inc.id, "type": "incident_reference", "summary": inc.title},
		"service": p.serviceRef(inc.route), "teams": []any{}, "contexts": []any{},
	}
	for k, v := range more {
		e[k] = v
	}
	inc.log = append(inc.log, e)
}

// begin opens an incident for an alert.
func (p *pagerDuty) begin(alert *pdAlert) {
	route := max(0, slices.Index(pdRoutes, alert.Key))
	p.numbers++
	inc := &pdIncident{
		id: fmt.Sprintf("QLAB%s%08d", p.start, p.numbers), number: p.numbers, title: alert.Summary, status: "triggered", urgency: "high", route: route, level: 1,
		created: alert.CreatedAt, assigned: []pdUser{pdUsers(p.person)[route]}, alerts: []*pdAlert{alert},
	}
	if alert.Severity == "warning" || alert.Severity == "info" {
		inc.urgency = "low"
	}
	p.incidents = append(p.incidents, inc)
	api := map[string]any{"type": "api"}
	p.write(inc, pdUser{}, "trigger", "Triggered through the API", api, nil)
	p.write(inc, pdUser{}, "assign", "Assigned to "+inc.assigned[0].name, map[string]any{"type": "auto"}, map[string]any{"assignees": []any{inc.assigned[0].ref()}})
	p.write(inc, pdUser{}, "notify", "Notified "+inc.assigned[0].name+" by phone", map[string]any{"type": "auto"}, nil)
}

// of is the incident that holds an alert.
func (p *pagerDuty) of(alert *pdAlert) *pdIncident {
	for _, inc := range p.incidents {
		if slices.Contains(inc.alerts, alert) {
			return inc
		}
	}
	return nil
}

// acknowledge and resolve are what a person or the integration does.
func (p *pagerDuty) acknowledge(inc *pdIncident, by pdUser, channel string) {
	if inc.status == "resolved" {
		return
	}
	inc.status = "acknowledged"
	inc.acked = append(inc.acked, pdAck{by, p.now().UTC()})
	summary := "Acknowledged through the API"
	if by.id != "" {
		summary = "Acknowledged by " + by.name
	}
	p.write(inc, by, "acknowledge", summary, map[string]any{"type": channel}, nil)
}

func (p *pagerDuty) resolve(inc *pdIncident, by pdUser, channel string) {
	if inc.status == "resolved" {
		return
	}
	inc.status = "resolved"
	for _, a := range inc.alerts {
		if a.Status != "resolved" {
			a.Status, a.ResolvedAt = "resolved", p.now().UTC()
		}
	}
	summary := "Resolved through the API"
	if by.id != "" {
		summary = "Resolved by " + by.name
	}
	p.write(inc, by, "resolve", summary, map[string]any{"type": channel}, nil)
}

// note adds a note of somebody's.
func (p *pagerDuty) note(inc *pdIncident, by pdUser, text string) map[string]any {
	n := map[string]any{
		"id": fmt.Sprintf("PLABNOTE%s%d", p.start, len(inc.notes)+1), "user": by.ref(), "content": text, "created_at": p.now().UTC().Truncate(time.Second).Format(time.RFC3339),
		"channel": map[string]any{"summary": "The PagerDuty website or APIs"},
	}
	inc.notes = append(inc.notes, n)
	p.write(inc, by, "annotate", "Note added by "+by.name, map[string]any{"type": "note", "summary": text, "content": text}, nil)
	return n
}

// give assigns an incident; kind is assign or escalate.
func (p *pagerDuty) give(inc *pdIncident, by pdUser, kind, summary string, to ...pdUser) {
	inc.assigned = to
	refs := []any{}
	for _, u := range to {
		refs = append(refs, u.ref())
	}
	p.write(inc, by, kind, summary, map[string]any{"type": "website"}, map[string]any{"assignees": refs})
}

// view is an incident as the REST API shows it.
func (p *pagerDuty) view(inc *pdIncident) map[string]any {
	assigned, acked := []any{}, []any{}
	for _, u := range inc.assigned {
		if inc.status != "resolved" {
			assigned = append(assigned, map[string]any{"at": inc.created.Format(time.RFC3339), "assignee": u.ref()})
		}
	}
	for _, a := range inc.acked {
		if inc.status == "acknowledged" {
			acked = append(acked, map[string]any{"at": a.at.Format(time.RFC3339), "acknowledger": p.agent(inc, a.by)})
		}
	}
	key := any(nil)
	if len(inc.alerts) == 1 {
		key = inc.alerts[0].DedupKey
	}
	return map[string]any{
		"id": inc.id, "type": "incident", "summary": fmt.Sprintf("[#%d] %s", inc.number, inc.title), "title": inc.title, "incident_number": inc.number,
		"status": inc.status, "urgency": inc.urgency, "incident_key": key, "created_at": inc.created.UTC().Format(time.RFC3339), "service": p.serviceRef(inc.route),
		"escalation_policy": map[string]any{"id": pdPolicyID(inc.route), "type": "escalation_policy_reference", "summary": pdPolicyName(inc.route)},
		"assignments":       assigned, "acknowledgements": acked, "alert_counts": map[string]any{"all": len(inc.alerts)}, "priority": nil,
		"html_url": "https://lab.pagerduty.com/incidents/" + inc.id,
	}
}
