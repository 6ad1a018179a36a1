package lab

import (
	"fmt"
	"time"
)

// pdForeign is the service of a team that has no sitrep: what opens there is
// somebody else's.
const pdForeign = 4

// pdLevels is how many levels the escalation policy of a service has.
func pdLevels(route int) int {
	if route == pdForeign {
		return len(pdRoutes)
	}
	return 1
}

// callee is whom a level of a service's escalation policy calls.
func (p *pagerDuty) callee(route, level int) pdUser {
	if route == pdForeign {
		return pdUsers(p.person)[level-1]
	}
	return pdUsers(p.person)[route]
}

// withForeign opens the incidents of that other team, so that an inbox has more in it
// than pages of ours. They came before the lab began, and nothing ends them but a
// person.
func (p *pagerDuty) withForeign() *pagerDuty {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now().UTC().Truncate(time.Second)
	for i, one := range []struct {
		title, urgency, severity string
		age                      time.Duration
		level                    int
		links                    []any
	}{
		{"Certificate of img.example.com ends in 6 days", "low", "warning", 3*time.Hour + 5*time.Minute, 1, []any{pdLink("The certificate", "https://crt.example.com/img")}},
		{"Search index is 3 h behind", "high", "critical", 12 * time.Minute, 2, []any{
			pdLink("Runbook", "https://runbooks.example.com/search-index"), pdLink("Dashboard", "https://grafana.example.com/d/search"),
		}},
	} {
		to := p.callee(pdForeign, one.level)
		inc := &pdIncident{
			id: fmt.Sprintf("QLABSEARCH%d", i+1), number: 4711 + i, title: one.title, status: "triggered", urgency: one.urgency, route: pdForeign, level: one.level,
			created: now.Add(-one.age), assigned: []pdUser{to},
		}
		inc.alerts = []*pdAlert{{
			Key: "search", DedupKey: inc.id, Status: "triggered", Summary: one.title, Severity: one.severity, Triggers: 1, CreatedAt: inc.created,
			details: map[string]any{"service": "search"}, contexts: one.links,
		}}
		p.incidents = append(p.incidents, inc)
		p.write(inc, pdUser{}, "trigger", "Triggered through the API", map[string]any{"type": "api"}, nil)
		p.write(inc, pdUser{}, "assign", "Assigned to "+to.name, map[string]any{"type": "auto"}, map[string]any{"assignees": []any{to.ref()}})
		for _, e := range inc.log {
			e["created_at"] = inc.created.Format(time.RFC3339)
		}
	}
	return p
}

func pdLink(text, href string) map[string]any {
	return map[string]any{"type": "link", "href": href, "text": text}
}
