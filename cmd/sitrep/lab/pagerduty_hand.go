package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// hand lets a test, or somebody at the demo, be a person at PagerDuty's own screen:
// POST /lab/incidents/ID/acknowledge, resolve, note, reassign, escalate, timeout or
// unacknowledge, with {"user": ID, "text": a note, "to": ID of a user}. It is no
// part of PagerDuty, and not in the ledger: nothing of it would have been sent.
func (p *pagerDuty) hand(r *http.Request) reply {
	var in struct{ User, Text, To string }
	body, err := io.ReadAll(io.LimitReader(r.Body, entryBytes))
	if err != nil || len(body) > 0 && json.Unmarshal(body, &in) != nil {
		return reply{status: http.StatusBadRequest, text: "not JSON"}
	}
	id, what, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/lab/incidents/"), "/")
	p.mu.Lock()
	defer p.mu.Unlock()
	inc := p.incident(id)
	by, known := p.user(in.User)
	if inc == nil || !known && what != "timeout" && what != "unacknowledge" {
		return reply{status: http.StatusNotFound, text: fmt.Sprintf("no incident %s, or no user %q", id, in.User)}
	}
	const channel = "mobile"
	switch what {
	case "acknowledge":
		p.acknowledge(inc, by, channel)
		p.mark(inc, "acknowledged")
	case "resolve":
		p.resolve(inc, by, channel)
	case "note":
		p.note(inc, by, in.Text)
	case "reassign":
		to, _ := p.user(in.To)
		p.give(inc, by, "assign", "Reassigned by "+by.name, to)
	case "escalate":
		to, _ := p.user(in.To)
		p.give(inc, by, "escalate", "Escalated by "+by.name, to)
	case "timeout":
		to, _ := p.user(in.To)
		p.give(inc, pdUser{}, "escalate", "Escalated due to timeout", to)
	case "unacknowledge":
		inc.status = "triggered"
		p.write(inc, pdUser{}, "unacknowledge", "Unacknowledged due to timeout", map[string]any{"type": "timeout"}, nil)
	default:
		return reply{status: http.StatusNotFound, text: "nobody can " + what}
	}
	return reply{body: p.view(inc)}
}

// mark puts the alerts of an incident into a state that is not the last.
func (p *pagerDuty) mark(inc *pdIncident, status string) {
	for _, a := range inc.alerts {
		if a.Status == "triggered" {
			a.Status, a.AcknowledgedAt = status, p.now().UTC().Truncate(time.Microsecond)
		}
	}
}
