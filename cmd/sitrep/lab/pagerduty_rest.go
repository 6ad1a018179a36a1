package lab

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The limits of the REST API. Source: developer.pagerduty.com, REST API rate limits,
// Create a note on an incident, Snooze an incident.
const (
	pdRESTPerMinute = 960
	pdLongestNote   = 2000
	pdLongestSnooze = 604_800 // seconds
)

// rest answers the REST API as far as the stand-in has it.
func (p *pagerDuty) rest(r *http.Request, body []byte) reply {
	if r.Header.Get("Authorization") != "Token token="+labAPIToken {
		return pdFault(http.StatusUnauthorized, 2006, "You are not authorized to access this resource")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if wait, ok := p.requests.take(p.now()); !ok {
		out := pdFault(http.StatusTooManyRequests, 2020, "Rate Limit Exceeded")
		out.header = http.Header{"Ratelimit-Limit": {strconv.Itoa(pdRESTPerMinute)}, "Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {strconv.Itoa(int(math.Ceil(wait.Seconds())))}}
		return out
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if r.Method == http.MethodGet {
		return p.read(path, r.URL.Query())
	}
	by, known := p.user(r.Header.Get("From"))
	if !known {
		return pdFault(http.StatusBadRequest, 1008, "Requester User Not Found", "The From header must be the email address of a valid user.")
	}
	var in pdWrite
	if json.Unmarshal(body, &in) != nil {
		return pdFault(http.StatusBadRequest, 2001, "Invalid Input Provided", "Body is not JSON.")
	}
	return p.alter(r.Method, path, by, in)
}

// isREST says whether a path belongs to the REST API.
func isREST(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.Contains([]string{"incidents", "oncalls", "users", "escalation_policies", "services", "change_events", "abilities"}, first)
}

func (p *pagerDuty) read(path []string, q url.Values) reply {
	missing := pdFault(http.StatusNotFound, 2100, "Not Found")
	if len(path) == 1 {
		switch path[0] {
		case "incidents":
			return p.listIncidents(q)
		case "abilities":
			return reply{body: map[string]any{"abilities": []string{"sso", "teams", "coordinated_responding"}}}
		case "oncalls":
			return pdPage("oncalls", p.onCalls(q), q)
		case "users":
			var all []map[string]any
			for _, u := range pdUsers(p.person) {
				all = append(all, u.full())
			}
			return pdPage("users", named(all, q.Get("query")), q)
		case "escalation_policies":
			return pdPage("escalation_policies", named(p.policies(), q.Get("query")), q)
		case "services":
			return pdPage("services", named(p.services(), q.Get("query")), q)
		case "change_events":
			return p.readChanges(q)
		}
	}
	switch {
	case path[0] == "users" && len(path) == 2 && path[1] == "me": // the lab's token is the account's
		return pdFault(http.StatusBadRequest, 2001, "Invalid Input Provided", "User can not be determined with an account-level access token.")
	case path[0] == "escalation_policies" && len(path) == 2:
		for _, one := range p.policies() {
			if one["id"] == path[1] {
				return reply{body: map[string]any{"escalation_policy": one}}
			}
		}
	case path[0] == "users" && len(path) == 3 && path[2] == "contact_methods":
		if u, ok := p.user(path[1]); ok {
			return u.contactMethods()
		}
	case path[0] == "incidents":
		return p.readIncident(path[1:], q)
	}
	return missing
}

func (p *pagerDuty) listIncidents(q url.Values) reply {
	all := []map[string]any{}
	for _, inc := range slices.Backward(p.incidents) {
		key := q.Get("incident_key")
		held := slices.ContainsFunc(inc.alerts, func(a *pdAlert) bool { return a.DedupKey == key })
		if wanted := q["statuses[]"]; (len(wanted) == 0 || slices.Contains(wanted, inc.status)) && (key == "" || held) {
			all = append(all, p.view(inc))
		}
	}
	return pdPage("incidents", all, q)
}

func (p *pagerDuty) readIncident(path []string, q url.Values) reply {
	inc := p.incident(path[0])
	switch {
	case inc == nil:
		return pdFault(http.StatusNotFound, 2100, "Not Found")
	case len(path) == 1:
		return reply{body: map[string]any{"incident": p.view(inc)}}
	case path[1] == "notes":
		return reply{body: map[string]any{"notes": append([]map[string]any{}, inc.notes...)}}
	case path[1] == "alerts":
		all := []map[string]any{}
		for _, a := range inc.alerts {
			all = append(all, map[string]any{
				"id": fmt.Sprintf("%sA%d", inc.id, len(all)+1), "type": "alert", "summary": a.Summary, "severity": a.Severity, "alert_key": a.DedupKey, "status": a.Status,
				"body": map[string]any{"type": "alert_body", "details": a.details, "contexts": a.contexts},
			})
		}
		return pdPage("alerts", all, q)
	case path[1] == "log_entries":
		since, until, err := pdWindow(q)
		if err != nil {
			return pdFault(http.StatusBadRequest, 2001, "Invalid Input Provided")
		}
		all := []map[string]any{}
		for _, e := range slices.Backward(inc.log) {
			at, _ := time.Parse(time.RFC3339, e["created_at"].(string))
			if !at.Before(since) && at.Before(until) {
				all = append(all, e)
			}
		}
		return pdPage("log_entries", all, q)
	}
	return pdFault(http.StatusNotFound, 2100, "Not Found")
}

func (p *pagerDuty) incident(id string) *pdIncident {
	for _, inc := range p.incidents {
		if inc.id == id {
			return inc
		}
	}
	return nil
}

// pdWrite is the bodies of all calls that change something.
type pdWrite struct {
	Incidents []struct {
		ID              string
		Status          string
		Resolution      string
		EscalationLevel int `json:"escalation_level"`
		Assignments     []struct{ Assignee struct{ ID string } }
	}
	Sources []struct {
		ID string `json:"id"`
	} `json:"source_incidents"`
	Note      struct{ Content string }
	Duration  int
	Message   string
	Requester string `json:"requester_id"`
	Targets   []struct {
		Target struct{ ID, Type string } `json:"responder_request_target"`
	} `json:"responder_request_targets"`
}

// alter is PUT and POST.
func (p *pagerDuty) alter(method string, path []string, by pdUser, in pdWrite) reply {
	if method == http.MethodPut && len(path) == 1 && path[0] == "incidents" {
		return p.manage(by, in)
	}
	if len(path) != 3 || path[0] != "incidents" {
		return pdFault(http.StatusNotFound, 2100, "Not Found")
	}
	inc := p.incident(path[1])
	if inc == nil {
		return pdFault(http.StatusNotFound, 2100, "Not Found")
	}
	invalid := func(why string) reply {
		return pdFault(http.StatusBadRequest, 2001, "Invalid Input Provided", why)
	}
	switch method + " " + path[2] {
	case "POST notes":
		if n := utf8.RuneCountInString(in.Note.Content); n < 1 || n > pdLongestNote {
			return invalid("Content must be 1 to 2000 characters.")
		}
		return reply{status: http.StatusCreated, body: map[string]any{"note": p.note(inc, by, in.Note.Content)}}
	case "POST snooze":
		if in.Duration < 1 || in.Duration > pdLongestSnooze {
			return invalid("Duration must be 1 to 604800 seconds.")
		}
		if inc.status == "resolved" {
			return pdFault(http.StatusBadRequest, 1001, "Incident Already Resolved")
		}
		inc.status = "acknowledged"
		p.write(inc, by, "snooze", fmt.Sprintf("Snoozed by %s for %s", by.name, time.Duration(in.Duration)*time.Second), map[string]any{"type": "website"}, nil)
		return reply{status: http.StatusCreated, body: map[string]any{"incident": p.view(inc)}}
	case "POST status_updates":
		if strings.TrimSpace(in.Message) == "" {
			return invalid("Message cannot be empty.")
		}
		return reply{body: map[string]any{"status_update": map[string]any{"id": "PLABUPDATE", "message": in.Message, "sender": by.ref()}}}
	case "POST responder_requests":
		return p.requestResponders(inc, by, in)
	case "PUT merge":
		return p.merge(inc, by, in)
	}
	return pdFault(http.StatusNotFound, 2100, "Not Found")
}

// requestResponders asks users, or whom escalation policies call, to help.
func (p *pagerDuty) requestResponders(inc *pdIncident, by pdUser, in pdWrite) reply {
	invalid := func(why string) reply { return pdFault(http.StatusBadRequest, 2001, "Invalid Input Provided", why) }
	if u, known := p.user(in.Requester); !known || u.id != in.Requester {
		return invalid("Requester is invalid.")
	}
	if len(in.Targets) == 0 || in.Message == "" {
		return invalid("Message and responder_request_targets are required.")
	}
	var names []string
	for _, t := range in.Targets {
		name := ""
		switch t.Target.Type {
		case "user_reference":
			if u, known := p.user(t.Target.ID); known && u.id == t.Target.ID {
				name = u.name
			}
		case "escalation_policy_reference":
			for _, one := range p.policies() {
				if one["id"] == t.Target.ID {
					name = one["name"].(string)
				}
			}
		}
		if name == "" {
			return invalid("Responder request target is invalid.")
		}
		names = append(names, name)
	}
	if inc.status == "resolved" {
		return pdFault(http.StatusBadRequest, 1001, "Incident Already Resolved")
	}
	p.write(inc, by, "responder_request", fmt.Sprintf("%s requested responders: %s", by.name, strings.Join(names, ", ")), map[string]any{"type": "website"}, nil)
	return reply{body: map[string]any{"responder_request": map[string]any{
		"incident": map[string]any{"id": inc.id, "type": "incident_reference"}, "requester": by.ref(), "message": in.Message,
		"requested_at": p.now().UTC().Format(time.RFC3339), "responder_request_targets": in.Targets,
	}}}
}

// manage is PUT /incidents: all of it, or nothing.
func (p *pagerDuty) manage(by pdUser, in pdWrite) reply {
	if len(in.Incidents) < 1 || len(in.Incidents) > 250 {
		return pdFault(http.StatusBadRequest, 2001, "Invalid Input Provided", "Incidents must be 1 to 250.")
	}
	for _, one := range in.Incidents {
		inc := p.incident(one.ID)
		switch {
		case inc == nil:
			return pdFault(http.StatusNotFound, 2100, "Not Found", "Incident "+one.ID+" not found.")
		case inc.status == "resolved":
			return pdFault(http.StatusBadRequest, 1001, "Incident Already Resolved")
		case one.EscalationLevel > pdLevels(inc.route):
			return pdFault(http.StatusBadRequest, 1006, "Incident Cannot Be Escalated", fmt.Sprintf("The escalation policy has %d level(s).", pdLevels(inc.route)))
		}
		for _, a := range one.Assignments {
			if _, known := p.user(a.Assignee.ID); !known {
				return pdFault(http.StatusBadRequest, 2001, "Invalid Input Provided", "Assignee not found.")
			}
		}
	}
	done := []map[string]any{}
	for _, one := range in.Incidents {
		inc := p.incident(one.ID)
		switch {
		case one.Status == "acknowledged":
			p.acknowledge(inc, by, "website")
		case one.Status == "resolved":
			p.resolve(inc, by, "website")
		case one.EscalationLevel > 0:
			p.give(inc, by, "escalate", fmt.Sprintf("Escalated to level %d by %s", one.EscalationLevel, by.name), p.callee(inc.route, one.EscalationLevel))
		case len(one.Assignments) > 0:
			var to []pdUser
			for _, a := range one.Assignments {
				u, _ := p.user(a.Assignee.ID)
				to = append(to, u)
			}
			p.give(inc, by, "assign", "Reassigned by "+by.name, to...)
		}
		done = append(done, p.view(inc))
	}
	return reply{body: map[string]any{"incidents": done}}
}

func (p *pagerDuty) merge(into *pdIncident, by pdUser, in pdWrite) reply {
	for _, s := range in.Sources {
		switch from := p.incident(s.ID); {
		case from == nil || from == into:
			return pdFault(http.StatusNotFound, 2100, "Not Found", "Incident "+s.ID+" not found.")
		case from.mergedInto != "":
			return pdFault(http.StatusBadRequest, 1019, "Incident Already Merged")
		}
	}
	for _, s := range in.Sources {
		from := p.incident(s.ID)
		into.alerts = append(into.alerts, from.alerts...)
		from.alerts, from.mergedInto, from.status = nil, into.id, "resolved"
		p.write(from, by, "merge", fmt.Sprintf("Merged into #%d by %s", into.number, by.name), map[string]any{"type": "website"}, nil)
		p.write(into, by, "merge", fmt.Sprintf("#%d merged into this by %s", from.number, by.name), map[string]any{"type": "website"}, nil)
	}
	return reply{body: map[string]any{"incident": p.view(into)}}
}
