package lab

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// labPage and labPageToken are the lab's status page and what may write on it.
// They open nothing anywhere else.
const (
	labPage      = "1abstatus"
	labPageToken = "1ab0-statuspage-token"
)

const (
	pageMaxBody = 256 << 10
	pageKept    = 200 // incidents
)

// statusPage is a public status page by the API of Atlassian Statuspage that
// nobody sees. Only what tells it of incidents is there.
type statusPage struct {
	log *ledger
	now func() time.Time

	mu        sync.Mutex
	bucket    tokenBucket
	made      int
	incidents []map[string]any // newest first
}

// newStatusPage serves /v1/pages/PAGE and its incidents, and GET /ledger. The
// limit of the real one is a request a second over a minute.
func newStatusPage(log *ledger, now func() time.Time) http.Handler {
	return &statusPage{log: log, now: now, bucket: tokenBucket{burst: 60, every: time.Second}}
}

// ServeHTTP routes by hand, for the same reason as the other stand-ins.
func (p *statusPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method+" "+r.URL.Path == "GET /ledger" {
		p.log.ServeHTTP(w, r)
		return
	}
	p.log.serve(w, r, p.now, pageMaxBody, p.answer)
}

func pageRefusal(status int, fault string) reply {
	return reply{status: status, fault: fault, body: map[string]any{"error": fault}}
}

func (p *statusPage) answer(r *http.Request, body []byte) reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	rest, ours := strings.CutPrefix(r.URL.Path, "/v1/pages/"+labPage)
	switch wait, ok := p.bucket.take(p.now()); {
	case r.Header.Get("Authorization") != "OAuth "+labPageToken:
		return pageRefusal(http.StatusUnauthorized, "Could not authenticate")
	case !ok:
		out := pageRefusal(420, "Enhance your calm")
		out.wait = wait
		return out
	case !ours:
		return pageRefusal(http.StatusNotFound, "Record not found")
	case len(body) > pageMaxBody:
		return pageRefusal(http.StatusRequestEntityTooLarge, "too large")
	}
	if r.Method == http.MethodGet {
		return p.read(rest)
	}
	return p.write(r.Method, rest, body)
}

func (p *statusPage) read(rest string) reply {
	switch rest {
	case "":
		return reply{body: map[string]any{"id": labPage, "name": "The lab's shop", "page_description": "nobody reads this"}}
	case "/incidents", "/incidents/unresolved":
		list := []map[string]any{}
		for _, t := range p.incidents {
			if rest == "/incidents" || t["status"] != "resolved" {
				list = append(list, t)
			}
		}
		return reply{body: list}
	}
	if i := p.find(rest); i >= 0 {
		return reply{body: p.incidents[i]}
	}
	return pageRefusal(http.StatusNotFound, "Record not found")
}

// find is where the incident stands that a path names, -1 if there is none.
func (p *statusPage) find(rest string) int {
	id := strings.TrimPrefix(rest, "/incidents/")
	return slices.IndexFunc(p.incidents, func(t map[string]any) bool { return t["id"] == id })
}

func (p *statusPage) write(method, rest string, body []byte) reply {
	i := p.find(rest)
	creates := method == http.MethodPost && rest == "/incidents"
	switch {
	case !creates && i < 0:
		return pageRefusal(http.StatusNotFound, "Record not found")
	case method == http.MethodDelete:
		gone := p.incidents[i]
		p.incidents = slices.Delete(p.incidents, i, i+1)
		return reply{body: gone}
	case !creates && method != http.MethodPatch && method != http.MethodPut:
		return pageRefusal(http.StatusMethodNotAllowed, "Method not allowed")
	}
	value, err := decodeJSON(body)
	sent, isObject := value.(map[string]any)
	told, has := sent["incident"].(map[string]any)
	if err != nil || !isObject || !has {
		return pageRefusal(http.StatusBadRequest, "param is missing or the value is empty: incident")
	}
	if faults := pageFaults(told, creates); len(faults) > 0 {
		return reply{status: http.StatusUnprocessableEntity, fault: strings.Join(faults, "; "), body: map[string]any{"error": faults}}
	}
	if creates {
		p.made++
		p.incidents = slices.Insert(p.incidents, 0, map[string]any{"id": fmt.Sprintf("1abinc%04d", p.made), "created_at": p.now().UTC(), "status": "investigating"})
		p.incidents, i = p.incidents[:min(len(p.incidents), pageKept)], 0
	}
	p.tell(p.incidents[i], told)
	out := reply{body: p.incidents[i]}
	if creates {
		out.status = http.StatusCreated
	}
	return out
}

// tell changes an incident, and adds what was said to what was said before. The
// answers may still be read, so nothing of the old one is changed.
func (p *statusPage) tell(incident, told map[string]any) {
	for key, v := range told {
		if key != "body" {
			incident[key] = v
		}
	}
	said, _ := incident["incident_updates"].([]any)
	incident["incident_updates"] = slices.Insert(slices.Clone(said), 0, any(map[string]any{
		"status": incident["status"], "body": told["body"], "created_at": p.now().UTC(),
	}))
}

// pageFaults says what the contract does not allow.
func pageFaults(told map[string]any, creates bool) (faults []string) {
	if name, _ := told["name"].(string); creates && strings.TrimSpace(name) == "" {
		faults = append(faults, "Name can't be blank")
	}
	for key, allowed := range map[string][]string{
		"status":          {"investigating", "identified", "monitoring", "resolved", "scheduled", "in_progress", "verifying", "completed"},
		"impact_override": {"none", "maintenance", "minor", "major", "critical"},
	} {
		if v, given := told[key]; given {
			if text, _ := v.(string); !slices.Contains(allowed, text) {
				faults = append(faults, key+" is not included in the list")
			}
		}
	}
	if states, given := told["components"].(map[string]any); given {
		for _, v := range states {
			if text, _ := v.(string); !slices.Contains([]string{"operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage", ""}, text) {
				faults = append(faults, "components have a status that is not included in the list")
			}
		}
	}
	slices.Sort(faults)
	return faults
}
