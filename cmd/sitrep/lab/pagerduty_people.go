package lab

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// pdUser is somebody in the lab's PagerDuty.
type pdUser struct{ id, name, email, phone string }

func (u pdUser) ref() map[string]any {
	return map[string]any{"id": u.id, "type": "user_reference", "summary": u.name, "self": "https://api.pagerduty.com/users/" + u.id, "html_url": "https://lab.pagerduty.com/users/" + u.id}
}

func (u pdUser) full() map[string]any {
	return map[string]any{
		"id": u.id, "type": "user", "summary": u.name, "name": u.name, "email": u.email, "time_zone": "UTC", "role": "user",
		"contact_methods": []any{map[string]any{"id": u.id + "C1", "type": "phone_contact_method_reference", "summary": "Mobile"}},
	}
}

// The person at the lab's keyboard, as its configuration names it there.
const (
	labUser  = "PLABUSER1"
	labEmail = "you@lab.example.com"
)

// pdUsers are those of the account: one for every routing key, the person at the
// keyboard first. The numbers are from the ranges that belong to nobody.
func pdUsers(person string) []pdUser {
	return []pdUser{
		{labUser, person, labEmail, "2025550101"},
		{"PLABUSER2", "Lena Lead", "lena@lab.example.com", "2025550102"},
		{"PLABUSER3", "Max Manager", "max@lab.example.com", "2025550103"},
		{"PLABUSER4", "Eva Executive", "eva@lab.example.com", "2025550104"},
	}
}

// pdRoutes is the services of the account, in the order of their levels; each has
// the routing key and the escalation policy of that name.
var pdRoutes = []string{"primary", "lead", "manager", "executive"}

func pdServiceID(n int) string { return fmt.Sprintf("PLABSRV%d", n+1) }
func pdPolicyID(n int) string {
	if n == pdForeign {
		return pdWholePolicy
	}
	return fmt.Sprintf("PLABPOL%d", n+1)
}

func pdPolicyName(n int) string {
	if n == pdForeign {
		return "Checkout"
	}
	return "sitrep " + pdRoutes[n]
}

func pdServiceName(n int) string {
	if n == pdForeign {
		return "search"
	}
	return "sitrep " + pdRoutes[n]
}

// pdWholePolicy is the escalation policy with all levels. No service of sitrep's uses
// it: it is there to be imported, and somebody else's incidents climb it.
const pdWholePolicy = "PLABPOL9"

// policies are the account's escalation policies.
func (p *pagerDuty) policies() (all []map[string]any) {
	users := pdUsers(p.person)
	rule := func(n, minutes int, target map[string]any) map[string]any {
		return map[string]any{
			"id": fmt.Sprintf("PLABRUL%d", n), "escalation_delay_in_minutes": minutes, "targets": []any{target},
			"escalation_rule_assignment_strategy": map[string]any{"type": "assign_to_everyone"},
		}
	}
	schedule := map[string]any{"id": "PLABSCHED", "type": "schedule_reference", "summary": "Primary rota"}
	for i, name := range pdRoutes {
		target := users[i].ref()
		if i == 0 {
			target = schedule
		}
		all = append(all, pdPolicy(pdPolicyID(i), "sitrep "+name, 0, []any{rule(i+1, 30, target)}, []any{p.serviceRef(i)}))
	}
	delays := []int{15, 30, 60, 120}
	rules := []any{rule(11, delays[0], schedule)}
	for i := 1; i < len(pdRoutes); i++ {
		rules = append(rules, rule(11+i, delays[i], users[i].ref()))
	}
	return append(all, pdPolicy(pdWholePolicy, "Checkout", 2, rules, []any{}))
}

func pdPolicy(id, name string, loops int, rules, services []any) map[string]any {
	return map[string]any{
		"id": id, "type": "escalation_policy", "summary": name, "name": name, "num_loops": loops, "escalation_rules": rules,
		"services": services, "teams": []any{}, "description": nil, "on_call_handoff_notifications": "if_has_services",
	}
}

func (p *pagerDuty) serviceRef(n int) map[string]any {
	return map[string]any{"id": pdServiceID(n), "type": "service_reference", "summary": pdServiceName(n)}
}

func (p *pagerDuty) services() (all []map[string]any) {
	for i, name := range pdRoutes {
		all = append(all, map[string]any{
			"id": pdServiceID(i), "type": "service", "summary": "sitrep " + name, "name": "sitrep " + name, "status": "active",
			"escalation_policy": map[string]any{"id": pdPolicyID(i), "type": "escalation_policy_reference", "summary": "sitrep " + name},
			"integrations":      []any{map[string]any{"id": fmt.Sprintf("PLABINT%d", i+1), "type": "events_api_v2_inbound_integration", "summary": "Events API V2", "integration_key": labRoutingKeys()[name]}},
		})
	}
	return all
}

// onCalls is who is on call now: everybody for their own service and for their level
// of the whole policy. The rota changes at six and at eighteen o'clock.
func (p *pagerDuty) onCalls(q url.Values) (all []map[string]any) {
	now := p.now().UTC()
	end := now.Add(-6 * time.Hour).Truncate(12 * time.Hour).Add(18 * time.Hour)
	want := q["escalation_policy_ids[]"]
	for i, u := range pdUsers(p.person) {
		for _, policy := range []struct {
			id, name string
			level    int
		}{{pdPolicyID(i), "sitrep " + pdRoutes[i], 1}, {pdWholePolicy, "Checkout", i + 1}} {
			if len(want) > 0 && !slices.Contains(want, policy.id) {
				continue
			}
			one := map[string]any{
				"user": u.ref(), "schedule": nil, "start": nil, "end": nil, "escalation_level": policy.level,
				"escalation_policy": map[string]any{"id": policy.id, "type": "escalation_policy_reference", "summary": policy.name},
			}
			if slices.Contains(q["include[]"], "users") {
				one["user"] = u.full()
			}
			if i == 0 {
				one["schedule"] = map[string]any{"id": "PLABSCHED", "type": "schedule_reference", "summary": "Primary rota"}
				one["start"], one["end"] = end.Add(-12*time.Hour).Format(time.RFC3339), end.Format(time.RFC3339)
			}
			all = append(all, one)
		}
	}
	return all
}

// user finds somebody by ID or e-mail.
func (p *pagerDuty) user(idOrEmail string) (pdUser, bool) {
	for _, u := range pdUsers(p.person) {
		if u.id == idOrEmail || strings.EqualFold(u.email, idOrEmail) {
			return u, true
		}
	}
	return pdUser{}, false
}

func (u pdUser) contactMethods() reply {
	return reply{body: map[string]any{"contact_methods": []any{
		map[string]any{"id": u.id + "C1", "type": "phone_contact_method", "summary": "Mobile", "label": "Mobile", "address": u.phone, "country_code": 1},
		map[string]any{"id": u.id + "C2", "type": "sms_contact_method", "summary": "Mobile", "label": "Mobile", "address": u.phone, "country_code": 1},
		map[string]any{"id": u.id + "C3", "type": "email_contact_method", "summary": "Default", "label": "Default", "address": u.email},
	}}}
}

// named keeps what has the words of a query in its name.
func named(list []map[string]any, query string) []map[string]any {
	return slices.DeleteFunc(list, func(o map[string]any) bool {
		text := fmt.Sprint(o["summary"], " ", o["email"])
		return !strings.Contains(strings.ToLower(text), strings.ToLower(query))
	})
}

// pdPage is a page of a list, by the limit and offset of a query.
func pdPage[T any](name string, list []T, q url.Values) reply {
	limit, offset := pdNumber(q, "limit", 25), pdNumber(q, "offset", 0)
	if limit < 1 || limit > 100 || offset < 0 || offset+limit > 10_000 {
		return pdFault(http.StatusBadRequest, 2001, "Invalid Input Provided", "Limit must be 1 to 100, and offset + limit at most 10000.")
	}
	list = list[min(offset, len(list)):]
	more := len(list) > limit
	return reply{body: map[string]any{name: append([]T{}, list[:min(limit, len(list))]...), "limit": limit, "offset": offset, "more": more, "total": nil}}
}

// pdFault is a refusal of the REST API.
func pdFault(status, code int, message string, details ...string) reply {
	e := map[string]any{"message": message, "code": code}
	if len(details) > 0 {
		e["errors"] = details
	}
	return reply{status: status, body: map[string]any{"error": e}, fault: message}
}
