package lab

import (
	"crypto/rand"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// The limits of PagerDuty's Events API v2. Source: developer.pagerduty.com,
// "Events API v2" and "Send an Alert Event"; the rate, which PagerDuty adapts,
// is what its support gives for an integration key.
const (
	pdMaxBody    = 512 << 10
	pdMaxDedup   = 255
	pdMaxSummary = 1024
	pdPerMinute  = 120
	pdKeyLength  = 32

	pdAlerts = 1000 // kept of those that were ever opened
)

// labRoutingKeys are the integrations of the lab's PagerDuty by name. They open
// nothing anywhere else.
func labRoutingKeys() map[string]string {
	return map[string]string{
		"primary":   "1ab0000000000000000000000primary",
		"lead":      "1ab0000000000000000000000000lead",
		"manager":   "1ab0000000000000000000000manager",
		"executive": "1ab00000000000000000000executive",
	}
}

// labAPIToken is for the lab's PagerDuty, and opens nothing anywhere else.
const labAPIToken = "1ab000000000000apiToken"

// pagerDuty stands in for the Events API v2, and for the part of the REST API that
// is about changes, incidents and who is on call: it accepts and refuses as the
// real one, and keeps what it was told, but wakes nobody.
type pagerDuty struct {
	log    *ledger
	now    func() time.Time
	keys   map[string]string // name by key
	person string            // the user at the keyboard
	start  string            // of this start, in the IDs: a store outlives the lab, and must not meet them again

	mu        sync.Mutex
	buckets   map[string]*tokenBucket // by name
	requests  tokenBucket             // of the REST API
	alerts    []*pdAlert              // oldest first
	incidents []*pdIncident           // likewise
	numbers   int                     // of incidents, ever
	entries   int                     // of their logs, ever
	changes   []pdChange              // in the order in which they came
	changed   int                     // ever
}

// pdAlert is an alert from its first trigger to its resolve. A trigger after
// that opens another one under the same key, and would page again.
type pdAlert struct {
	Key            string    `json:"routing_key"` // its name
	DedupKey       string    `json:"dedup_key"`
	Status         string    `json:"status"` // triggered, acknowledged, resolved
	Summary        string    `json:"summary"`
	Severity       string    `json:"severity"`
	Triggers       int       `json:"triggers"` // the first one notified, the others only added to its log
	CreatedAt      time.Time `json:"created_at"`
	AcknowledgedAt time.Time `json:"acknowledged_at,omitzero"`
	ResolvedAt     time.Time `json:"resolved_at,omitzero"`

	details  any // custom_details
	contexts []any
}

// newPagerDuty serves /v2/enqueue, /v2/change/enqueue and the REST API, and for people
// and tests GET /ledger, GET /alerts and what hand does. Person is the name of the
// user at the keyboard.
func newPagerDuty(log *ledger, now func() time.Time, person string) *pagerDuty {
	p := &pagerDuty{log: log, now: now, person: person, keys: map[string]string{}, buckets: map[string]*tokenBucket{}}
	p.requests = tokenBucket{burst: pdRESTPerMinute, every: time.Minute / pdRESTPerMinute}
	for name, key := range labRoutingKeys() {
		p.keys[key] = name
		p.buckets[name] = &tokenBucket{burst: pdPerMinute, every: time.Minute / pdPerMinute}
	}
	return p
}

// startedAt makes the IDs others than those of every earlier start.
func (p *pagerDuty) startedAt(t time.Time) *pagerDuty {
	p.start = strings.ToUpper(strconv.FormatInt(t.UnixMilli(), 36))
	return p
}

// ServeHTTP routes by hand: ServeMux would answer an untidy path with a redirect
// that neither the real service nor the ledger knows.
func (p *pagerDuty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/ledger":
		p.log.ServeHTTP(w, r)
	case r.Method == http.MethodGet && r.URL.Path == "/alerts":
		reply{body: p.list()}.write(w)
	case r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/lab/incidents/"):
		p.hand(r).write(w)
	case r.Method == http.MethodGet && isREST(r.URL.Path): // what is read is not what would have been sent
		p.rest(r, nil).write(w)
	case isREST(r.URL.Path):
		p.log.serve(w, r, p.now, pdMaxBody, p.rest)
	default:
		p.log.serve(w, r, p.now, pdMaxBody, p.answer)
	}
}

func (p *pagerDuty) list() []pdAlert {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]pdAlert, len(p.alerts))
	for i, a := range p.alerts {
		list[i] = *a
	}
	return list
}

func (p *pagerDuty) answer(r *http.Request, body []byte) reply {
	path := strings.TrimSuffix(r.URL.Path, "/")
	if path != "/v2/enqueue" && path != "/v2/change/enqueue" {
		return reply{status: http.StatusNotFound, text: "Not Found", fault: "not found"}
	}
	if r.Method != http.MethodPost {
		return reply{status: http.StatusMethodNotAllowed, text: "Method Not Allowed", header: http.Header{"Allow": {http.MethodPost}}, fault: "method not allowed"}
	}
	if len(body) > pdMaxBody {
		return pdRefusal(http.StatusRequestEntityTooLarge, "invalid event", "Event object is too large", "Event exceeds the maximum size of 512 KB")
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return pdRefusal(http.StatusBadRequest, "Unrecognized object", "Event object format is unrecognized", "Content-Type is not application/json")
	}
	value, err := decodeJSON(body)
	event, isObject := value.(map[string]any)
	if err != nil || !isObject {
		return pdRefusal(http.StatusBadRequest, "Unrecognized object", "Event object format is unrecognized", "JSON parse error")
	}
	var c pdCheck
	key := c.routingKey(event)
	name, known := p.keys[key]
	if wait, ok := p.take(name); known && !ok {
		out := pdRefusal(http.StatusTooManyRequests, "throttle exceeded", "Requests for this service are arriving too quickly. Please retry later.", "Enhance Your Calm.")
		out.wait = wait
		return out
	}
	accept := p.change
	if path == "/v2/enqueue" {
		accept = p.alert
	}
	out := accept(&c, name, event)
	switch {
	case len(c.faults) > 0:
		return pdRefusal(http.StatusBadRequest, "invalid event", "Event object is invalid", c.faults...)
	case !known: // well formed, but nobody's: the real one does not answer JSON here
		return reply{status: http.StatusBadRequest, text: "Invalid routing key", fault: "Invalid routing key"}
	}
	return out()
}

// take spends a token of the integration.
func (p *pagerDuty) take(name string) (wait time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.buckets[name]
	if b == nil {
		return 0, true
	}
	return b.take(p.now())
}

func pdRefusal(status int, short, message string, faults ...string) reply {
	return reply{
		status: status, fault: strings.Join(faults, "; "),
		body: map[string]any{"status": short, "message": message, "errors": faults},
	}
}

// alert checks an event and gives what accepts it.
func (p *pagerDuty) alert(c *pdCheck, name string, event map[string]any) func() reply {
	action := c.text(event, "event_action", "event_action", true, 0)
	if action != "" {
		c.oneOf("event_action", action, "trigger", "acknowledge", "resolve")
	}
	dedup := c.text(event, "dedup_key", "dedup_key", action == "acknowledge" || action == "resolve", pdMaxDedup)
	c.text(event, "client", "client", false, 0)
	c.text(event, "client_url", "client_url", false, 0)
	c.links(event)
	c.images(event)
	var summary, severity string
	if payload := c.object(event, "payload", action == "trigger"); payload != nil {
		summary = c.text(payload, "summary", "payload.summary", true, pdMaxSummary)
		c.text(payload, "source", "payload.source", true, 0)
		if severity = c.text(payload, "severity", "payload.severity", true, 0); severity != "" {
			c.oneOf("payload.severity", severity, "critical", "warning", "error", "info")
		}
		c.details(payload)
		for _, optional := range []string{"component", "group", "class"} {
			c.text(payload, optional, "payload."+optional, false, 0)
		}
	}
	return func() reply {
		if dedup == "" {
			dedup = strings.ToLower(rand.Text())
		}
		a := pdAlert{Key: name, DedupKey: dedup, Summary: summary, Severity: severity, contexts: pdContexts(event)}
		if payload, is := event["payload"].(map[string]any); is {
			a.details = payload["custom_details"]
		}
		p.apply(a, action)
		return reply{status: http.StatusAccepted, body: map[string]any{"status": "success", "message": "Event processed", "dedup_key": dedup}}
	}
}

// apply is what an accepted event does: it goes to the open alert of its two
// keys; without one a trigger opens it, and the others are dropped.
func (p *pagerDuty) apply(event pdAlert, action string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now().UTC()
	open := slices.IndexFunc(p.alerts, func(a *pdAlert) bool {
		return a.Status != "resolved" && a.Key == event.Key && a.DedupKey == event.DedupKey
	})
	switch {
	case open < 0 && action == "trigger":
		event.Status, event.Triggers, event.CreatedAt = "triggered", 1, now
		p.alerts = append(p.alerts, &event)
		p.begin(&event)
		p.forget()
	case open < 0:
	case action == "trigger":
		p.alerts[open].Triggers++
	case action == "resolve":
		p.alerts[open].Status, p.alerts[open].ResolvedAt = "resolved", now
		if inc := p.of(p.alerts[open]); inc != nil && !slices.ContainsFunc(inc.alerts, func(a *pdAlert) bool { return a.Status != "resolved" }) {
			p.resolve(inc, pdUser{}, "api")
		}
	case p.alerts[open].Status == "triggered":
		p.alerts[open].Status, p.alerts[open].AcknowledgedAt = "acknowledged", now
		if inc := p.of(p.alerts[open]); inc != nil {
			p.acknowledge(inc, pdUser{}, "api")
		}
	}
}

// pdContexts are the links of an event, as an alert shows them.
func pdContexts(event map[string]any) []any {
	all := []any{}
	if links, is := event["links"].([]any); is {
		for _, l := range links {
			if link, is := l.(map[string]any); is {
				all = append(all, map[string]any{"type": "link", "href": link["href"], "text": link["text"]})
			}
		}
	}
	return all
}

// forget drops what is too much: the oldest that is resolved, else the oldest.
func (p *pagerDuty) forget() {
	if len(p.alerts) <= pdAlerts {
		return
	}
	i := slices.IndexFunc(p.alerts, func(a *pdAlert) bool { return a.Status == "resolved" })
	gone := p.alerts[max(i, 0)]
	p.alerts = slices.Delete(p.alerts, max(i, 0), max(i, 0)+1)
	if inc := p.of(gone); inc != nil {
		if inc.alerts = slices.DeleteFunc(inc.alerts, func(a *pdAlert) bool { return a == gone }); len(inc.alerts) == 0 {
			p.incidents = slices.DeleteFunc(p.incidents, func(other *pdIncident) bool { return other == inc })
		}
	}
}

// pdCheck collects what is wrong with an event, in PagerDuty's words where they
// are known. Keys that the API does not name are ignored, as there.
type pdCheck struct{ faults []string }

func (c *pdCheck) add(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *pdCheck) routingKey(event map[string]any) string {
	key, isText := event["routing_key"].(string)
	switch {
	case event["routing_key"] == nil, isText && strings.TrimSpace(key) == "":
		c.add("'routing_key' cannot be blank")
		return ""
	case !isText:
		c.add("'routing_key' is invalid (must be a string)")
		return ""
	}
	if len(key) != pdKeyLength {
		c.add("Length of 'routing_key' is incorrect (should be %d characters)", pdKeyLength)
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		c.add("'routing_key' cannot contain non-alphanumeric characters.")
	}
	return key
}

// text checks a string of at most limit characters (0: any number).
func (c *pdCheck) text(in map[string]any, key, shown string, required bool, limit int) string {
	s, isText := in[key].(string)
	switch {
	case in[key] != nil && !isText:
		c.add("'%s' is invalid (must be a string)", shown)
	case required && strings.TrimSpace(s) == "":
		c.add("'%s' is missing or blank", shown)
	case limit > 0 && utf8.RuneCountInString(s) > limit:
		c.add("Length of '%s' is incorrect (should be at most %d characters)", shown, limit)
	}
	return s
}

func (c *pdCheck) oneOf(shown, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		last := len(allowed) - 1
		c.add("'%s' is invalid (must be one of the following: '%s' or '%s')", shown, strings.Join(allowed[:last], "', '"), allowed[last])
	}
}

func (c *pdCheck) object(in map[string]any, key string, required bool) map[string]any {
	object, is := in[key].(map[string]any)
	switch {
	case in[key] != nil && !is:
		c.add("'%s' is invalid (must be an object)", key)
	case required && object == nil:
		c.add("'%s' is missing or blank", key)
	}
	return object
}

func (c *pdCheck) details(payload map[string]any) {
	if d := payload["custom_details"]; d != nil {
		if _, is := d.(map[string]any); !is {
			c.add("'payload.custom_details' is invalid (must be an object)")
		}
	}
	if at := c.text(payload, "timestamp", "payload.timestamp", false, 0); at != "" && !iso8601(at) {
		c.add("'payload.timestamp' is invalid (must be ISO 8601)")
	}
}

// iso8601 takes a zone both with a colon and, as PagerDuty's examples, without.
func iso8601(s string) bool {
	return slices.ContainsFunc([]string{time.RFC3339, "2006-01-02T15:04:05Z0700"}, func(layout string) bool {
		_, err := time.Parse(layout, s)
		return err == nil
	})
}

func (c *pdCheck) links(event map[string]any) {
	c.each(event, "links", func(shown string, link map[string]any) {
		c.text(link, "href", shown+".href", true, 0)
		c.text(link, "text", shown+".text", false, 0)
	})
}

func (c *pdCheck) images(event map[string]any) {
	c.each(event, "images", func(shown string, image map[string]any) {
		if src := c.text(image, "src", shown+".src", true, 0); src != "" {
			if u, err := url.Parse(src); err != nil || u.Scheme != "https" || u.Host == "" {
				c.add("'%s.src' is invalid (must be served via HTTPS)", shown)
			}
		}
		c.text(image, "href", shown+".href", false, 0)
		c.text(image, "alt", shown+".alt", false, 0)
	})
}

func (c *pdCheck) each(event map[string]any, key string, check func(shown string, item map[string]any)) {
	list, is := event[key].([]any)
	if event[key] != nil && !is {
		c.add("'%s' is invalid (must be an array)", key)
	}
	for i, item := range list {
		shown := fmt.Sprintf("%s[%d]", key, i)
		object, is := item.(map[string]any)
		if !is {
			c.add("'%s' is invalid (must be an object)", shown)
			continue
		}
		check(shown, object)
	}
}
