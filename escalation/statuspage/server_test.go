package statuspage

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	token  = "tok-hunter2-4711"
	pageID = "kctbh9vrtdwd"
)

// server is a Statuspage API v1 as its contract says. Fault, if set, is asked
// first; what it says true to is answered.
type server struct {
	*httptest.Server
	fault func(w http.ResponseWriter, r *http.Request, s *server) bool

	mu        sync.Mutex
	asked     []string
	incidents []map[string]any // oldest first
	updates   []string         // "ID STATUS BODY", oldest first
}

func newServer(t *testing.T) *server {
	s := &server{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/v1/pages/"+pageID))
	if s.fault != nil && s.fault(w, r, s) {
		return
	}
	s.answer(w, r)
}

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	reply := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	if r.Header.Get("Authorization") != "OAuth "+token {
		reply(http.StatusUnauthorized, map[string]string{"error": "Could not authenticate"})
		return
	}
	rest, ours := strings.CutPrefix(r.URL.Path, "/v1/pages/"+pageID)
	id := strings.TrimPrefix(rest, "/incidents/")
	i := slices.IndexFunc(s.incidents, func(t map[string]any) bool { return t["id"] == id })
	var body struct {
		Incident map[string]any `json:"incident"`
	}
	if r.Method == http.MethodPost || r.Method == http.MethodPatch {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			reply(http.StatusBadRequest, map[string]string{"error": "not JSON"})
			return
		}
		if bad := wrong(body.Incident, r.Method == http.MethodPost); len(bad) > 0 {
			reply(http.StatusUnprocessableEntity, map[string][]string{"error": bad})
			return
		}
	}
	switch {
	case !ours:
		reply(http.StatusNotFound, map[string]string{"error": "Not found"})
	case r.Method == http.MethodGet && rest == "":
		reply(http.StatusOK, map[string]string{"id": pageID, "name": "Shop status"})
	case r.Method == http.MethodPost && rest == "/incidents":
		reply(http.StatusCreated, s.create(body.Incident))
	case r.Method == http.MethodGet && (rest == "/incidents" || rest == "/incidents/unresolved"):
		list := []map[string]any{}
		for _, t := range slices.Backward(s.incidents) {
			if rest == "/incidents" || t["status"] != "resolved" {
				list = append(list, t)
			}
		}
		reply(http.StatusOK, list)
	case i < 0:
		reply(http.StatusNotFound, map[string]string{"error": "Record not found"})
	case r.Method == http.MethodPatch:
		for k, v := range body.Incident {
			s.incidents[i][k] = v
		}
		s.note(s.incidents[i])
		reply(http.StatusOK, s.incidents[i])
	case r.Method == http.MethodDelete:
		gone := s.incidents[i]
		s.incidents = slices.Delete(s.incidents, i, i+1)
		reply(http.StatusOK, gone)
	}
}

func (s *server) create(t map[string]any) map[string]any {
	t["id"] = fmt.Sprintf("inc%d", len(s.asked))
	t["created_at"] = time.Unix(1_772_334_000+int64(len(s.asked)), 0).UTC().Format(time.RFC3339)
	s.incidents = append(s.incidents, t)
	s.note(t)
	return t
}

func (s *server) note(t map[string]any) {
	s.updates = append(s.updates, fmt.Sprintf("%s %s %s", t["id"], t["status"], t["body"]))
}

// wrong says what the contract does not allow.
func wrong(t map[string]any, creates bool) (bad []string) {
	one := func(key string, values ...string) {
		if v, has := t[key].(string); t[key] != nil && (!has || !slices.Contains(values, v)) {
			bad = append(bad, key+" is invalid")
		}
	}
	if name, _ := t["name"].(string); creates && name == "" {
		bad = append(bad, "Name can't be blank")
	}
	one("status", "investigating", "identified", "monitoring", "resolved")
	one("impact_override", "none", "minor", "major", "critical", "maintenance")
	for key := range t {
		if !slices.Contains([]string{"name", "status", "body", "impact_override", "component_ids", "components", "deliver_notifications", "metadata"}, key) {
			bad = append(bad, key+" is unknown")
		}
	}
	if states, has := t["components"].(map[string]any); has {
		for _, v := range states {
			if !slices.Contains([]any{"operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage"}, v) {
				bad = append(bad, "components are invalid")
			}
		}
	}
	return bad
}
