package pagerduty

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// server is an Events API v2 as its contract says: it knows routing keys,
// refuses what the real one refuses, and remembers what it took. Fault, if set,
// answers in its place.
type server struct {
	*httptest.Server
	keys  []string
	fault http.HandlerFunc

	mu     sync.Mutex
	events []event
}

// event is what the server reads, by the contract's names and not by ours.
type event struct {
	RoutingKey string              `json:"routing_key"`
	Action     string              `json:"event_action"`
	DedupKey   string              `json:"dedup_key"`
	Client     string              `json:"client"`
	ClientURL  string              `json:"client_url"`
	Links      []map[string]string `json:"links"`
	Images     []map[string]string `json:"images"`
	Payload    *struct {
		Summary   string         `json:"summary"`
		Source    string         `json:"source"`
		Severity  string         `json:"severity"`
		Timestamp string         `json:"timestamp"`
		Component string         `json:"component"`
		Class     string         `json:"class"`
		Details   map[string]any `json:"custom_details"`
	} `json:"payload"`
}

func newServer(t *testing.T, keys ...string) *server {
	s := &server{keys: keys}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.fault != nil {
		s.fault(w, r)
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/v2/enqueue" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if len(body) > 512<<10 {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	var e event
	w.Header().Set("Content-Type", "application/json")
	if errs := s.check(body, &e); len(errs) > 0 {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": errs})
		return
	}
	s.mu.Lock()
	s.events = append(s.events, e)
	s.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": "success", "message": "Event processed", "dedup_key": e.DedupKey})
}

// check says what the contract does not allow.
func (s *server) check(body []byte, e *event) (errs []string) {
	bad := func(wrong bool, format string, a ...any) {
		if wrong {
			errs = append(errs, fmt.Sprintf(format, a...))
		}
	}
	if json.Unmarshal(body, e) != nil || !utf8.Valid(body) {
		return []string{"JSON parse error"}
	}
	bad(!slices.Contains(s.keys, e.RoutingKey), "'routing_key' %s is not a key", e.RoutingKey)
	bad(!slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.Action), "'event_action' is invalid")
	bad(utf8.RuneCountInString(e.DedupKey) > 255, "'dedup_key' is too long")
	bad(e.Action != "trigger" && e.DedupKey == "", "'dedup_key' is missing")
	if e.Action == "trigger" {
		if e.Payload == nil {
			return append(errs, "'payload' is missing")
		}
		bad(e.Payload.Summary == "", "'payload.summary' is missing or blank")
		bad(utf8.RuneCountInString(e.Payload.Summary) > 1024, "'payload.summary' is too long")
		bad(e.Payload.Source == "", "'payload.source' is missing or blank")
		bad(!slices.Contains([]string{"critical", "error", "warning", "info"}, e.Payload.Severity), "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')")
		for _, l := range e.Links {
			bad(l["href"] == "", "'links.href' is missing or blank")
		}
		for _, i := range e.Images {
			bad(!strings.HasPrefix(i["src"], "https://"), "'images.src' is invalid (must be served via HTTPS)")
		}
		if e.Payload.Timestamp != "" {
			_, err := time.Parse(time.RFC3339, e.Payload.Timestamp)
			bad(err != nil, "'payload.timestamp' is invalid")
		}
	}
	return errs
}

// taken is the events that were accepted, oldest first.
func (s *server) taken() []event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

func (s *server) last() event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events[len(s.events)-1]
}
