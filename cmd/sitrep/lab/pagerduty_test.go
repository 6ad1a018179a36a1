package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PagerDuty/go-pagerduty"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRoutingKeysAreWellFormed(t *testing.T) {
	for _, name := range []string{"primary", "lead", "manager", "executive"} {
		var c pdCheck
		require.Equal(t, labRoutingKeys()[name], c.routingKey(map[string]any{"routing_key": labRoutingKeys()[name]}))
		require.Empty(t, c.faults)
	}
}

// pdEvent is a valid trigger with some fields changed; a nil value takes one out.
func pdEvent(t testing.TB, changes map[string]any) string {
	t.Helper()
	payload := map[string]any{"summary": "Checkout 5xx", "source": "sitrep", "severity": "critical"}
	event := map[string]any{"routing_key": labRoutingKeys()["primary"], "event_action": "trigger", "dedup_key": "k", "payload": payload}
	for path, v := range changes {
		in := event
		if name, inner := strings.CutPrefix(path, "payload."); inner {
			in, path = payload, name
		}
		if in[path] = v; v == nil {
			delete(in, path)
		}
	}
	raw, err := json.Marshal(event)
	require.NoError(t, err)
	return string(raw)
}

func TestPagerDutyRefusesWhatTheRealOneRefuses(t *testing.T) {
	change := func(path string, v any) map[string]any { return map[string]any{path: v} }
	for name, c := range map[string]struct {
		body string
		want string
	}{
		"no key":                 {pdEvent(t, change("routing_key", nil)), "'routing_key' cannot be blank"},
		"blank key":              {pdEvent(t, change("routing_key", "  ")), "'routing_key' cannot be blank"},
		"key of another type":    {pdEvent(t, change("routing_key", 7)), "'routing_key' is invalid (must be a string)"},
		"short key":              {pdEvent(t, change("routing_key", "abc")), "Length of 'routing_key' is incorrect (should be 32 characters)"},
		"REST token":             {pdEvent(t, change("routing_key", "e+23rschqsESqk9Q6_-g")), "Length of 'routing_key' is incorrect (should be 32 characters)|'routing_key' cannot contain non-alphanumeric characters."},
		"no action":              {pdEvent(t, change("event_action", nil)), "'event_action' is missing or blank"},
		"unknown action":         {pdEvent(t, change("event_action", "Trigger")), "'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')"},
		"empty object":           {`{}`, "'routing_key' cannot be blank|'event_action' is missing or blank"},
		"no payload":             {pdEvent(t, change("payload", nil)), "'payload' is missing or blank"},
		"payload a list":         {pdEvent(t, change("payload", []int{1})), "'payload' is invalid (must be an object)"},
		"no summary":             {pdEvent(t, change("payload.summary", nil)), "'payload.summary' is missing or blank"},
		"blank summary":          {pdEvent(t, change("payload.summary", "\n")), "'payload.summary' is missing or blank"},
		"long summary":           {pdEvent(t, change("payload.summary", strings.Repeat("é", 1025))), "Length of 'payload.summary' is incorrect (should be at most 1024 characters)"},
		"no source":              {pdEvent(t, change("payload.source", nil)), "'payload.source' is missing or blank"},
		"no severity":            {pdEvent(t, change("payload.severity", nil)), "'payload.severity' is missing or blank"},
		"severity in capitals":   {pdEvent(t, change("payload.severity", "CRITICAL")), "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')"},
		"our own severity":       {pdEvent(t, change("payload.severity", "SEV-1")), "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')"},
		"timestamp in words":     {pdEvent(t, change("payload.timestamp", "yesterday")), "'payload.timestamp' is invalid (must be ISO 8601)"},
		"timestamp a number":     {pdEvent(t, change("payload.timestamp", 1700000000)), "'payload.timestamp' is invalid (must be a string)"},
		"details a string":       {pdEvent(t, change("payload.custom_details", "x")), "'payload.custom_details' is invalid (must be an object)"},
		"group a list":           {pdEvent(t, change("payload.group", []int{})), "'payload.group' is invalid (must be a string)"},
		"long dedup key":         {pdEvent(t, change("dedup_key", strings.Repeat("k", 256))), "Length of 'dedup_key' is incorrect (should be at most 255 characters)"},
		"acknowledge nothing":    {`{"routing_key":"` + labRoutingKeys()["lead"] + `","event_action":"acknowledge"}`, "'dedup_key' is missing or blank"},
		"resolve nothing":        {`{"routing_key":"` + labRoutingKeys()["lead"] + `","event_action":"resolve","dedup_key":""}`, "'dedup_key' is missing or blank"},
		"link without href":      {pdEvent(t, change("links", []any{map[string]any{"text": "x"}})), "'links[0].href' is missing or blank"},
		"links an object":        {pdEvent(t, change("links", map[string]any{})), "'links' is invalid (must be an array)"},
		"link a string":          {pdEvent(t, change("links", []any{"http://x"})), "'links[0]' is invalid (must be an object)"},
		"image over plain http":  {pdEvent(t, change("images", []any{map[string]any{"src": "http://h/x.png"}})), "'images[0].src' is invalid (must be served via HTTPS)"},
		"image without a source": {pdEvent(t, change("images", []any{map[string]any{}})), "'images[0].src' is missing or blank"},
	} {
		t.Run(name, func(t *testing.T) {
			pd := newPagerDuty(newLedger(), newStandInClock().now, "ana")
			status, header, body := standInCall(t, pd, "POST", "/v2/enqueue", "application/json", c.body)
			require.Equal(t, http.StatusBadRequest, status, body)
			require.Equal(t, "application/json; charset=utf-8", header.Get("Content-Type"))
			want, err := json.Marshal(map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": strings.Split(c.want, "|")})
			require.NoError(t, err)
			require.JSONEq(t, string(want), body)
			_, _, open := standInCall(t, pd, "GET", "/alerts", "", "")
			require.JSONEq(t, "[]", open, "nothing came of it")
		})
	}
}

func TestPagerDutyAcceptsAtTheLimits(t *testing.T) {
	pd := newPagerDuty(newLedger(), newStandInClock().now, "ana")
	for name, changes := range map[string]map[string]any{
		"long":          {"payload.summary": strings.Repeat("é", 1024), "dedup_key": strings.Repeat("k", 255)},
		"their example": {"payload.timestamp": "2015-07-17T08:42:58.315+0000"},
		"RFC 3339":      {"payload.timestamp": "2026-11-14T03:12:00.5Z"},
		"unknown keys":  {"incident_key": "x", "payload.colour": []int{1}},
		"nulls":         {"links": json.RawMessage("null"), "payload.custom_details": json.RawMessage("null"), "client": json.RawMessage("null")},
		"everything": {
			"client": "sitrep", "client_url": "http://h", "links": []any{map[string]any{"href": "http://h", "text": "x"}},
			"images":            []any{map[string]any{"src": "https://h/x.png", "href": "http://h", "alt": "x"}},
			"payload.component": "c", "payload.group": "g", "payload.class": "c", "payload.custom_details": map[string]any{"a": []any{1, nil}},
		},
	} {
		status, _, body := standInCall(t, pd, "POST", "/v2/enqueue", "application/json; charset=utf-8", pdEvent(t, changes))
		require.Equal(t, http.StatusAccepted, status, "%s: %s", name, body)
	}
	limit := pdEvent(t, map[string]any{"payload.custom_details": map[string]any{"x": ""}})
	limit = strings.Replace(limit, `"x":""`, `"x":"`+strings.Repeat("x", pdMaxBody-len(limit))+`"`, 1)
	require.Len(t, limit, pdMaxBody)
	status, _, _ := standInCall(t, pd, "POST", "/v2/enqueue", "application/json", limit)
	require.Equal(t, http.StatusAccepted, status)
	status, _, body := standInCall(t, pd, "POST", "/v2/enqueue", "application/json", limit+" ")
	require.Equal(t, http.StatusRequestEntityTooLarge, status)
	require.Contains(t, body, "512 KB")
}

func TestPagerDutyTakesNothingElse(t *testing.T) {
	pd := newPagerDuty(newLedger(), newStandInClock().now, "ana")
	good := pdEvent(t, nil)
	for name, c := range map[string]struct {
		method, path, kind, body string
		status                   int
		says                     string
	}{
		"not JSON":          {"POST", "/v2/enqueue", "application/json", "trigger!", 400, "JSON parse error"},
		"cut off":           {"POST", "/v2/enqueue", "application/json", good[:len(good)-1], 400, "JSON parse error"},
		"two events":        {"POST", "/v2/enqueue", "application/json", good + good, 400, "JSON parse error"},
		"a list of events":  {"POST", "/v2/enqueue", "application/json", "[" + good + "]", 400, "JSON parse error"},
		"null":              {"POST", "/v2/enqueue", "application/json", "null", 400, "JSON parse error"},
		"nothing":           {"POST", "/v2/enqueue", "application/json", "", 400, "JSON parse error"},
		"deep":              {"POST", "/v2/enqueue", "application/json", strings.Repeat(`{"a":`, 100_000), 400, "JSON parse error"},
		"as a form":         {"POST", "/v2/enqueue", "application/x-www-form-urlencoded", good, 400, "Content-Type is not application/json"},
		"as nothing":        {"POST", "/v2/enqueue", "", good, 400, "Content-Type is not application/json"},
		"as nonsense":       {"POST", "/v2/enqueue", ";;", good, 400, "Content-Type is not application/json"},
		"by GET":            {"GET", "/v2/enqueue", "", "", 405, "Method Not Allowed"},
		"the first version": {"POST", "/generic/2010-04-15/create_event.json", "application/json", good, 404, "Not Found"},
		"untidy path":       {"POST", "//v2/enqueue", "application/json", good, 404, "Not Found"},
		"nobody's key":      {"POST", "/v2/enqueue", "application/json", pdEvent(t, map[string]any{"routing_key": "e93facc04764012d7bfb002500d5d1a6"}), 400, "Invalid routing key"},
		"a change for none": {"POST", "/v2/change/enqueue", "application/json", `{"routing_key":"` + labRoutingKeys()["lead"] + `","payload":{}}`, 400, "'payload.summary' is missing or blank"},
		"a change by none":  {"POST", "/v2/change/enqueue", "application/json", `{"payload":{"summary":"x"}}`, 400, "'routing_key' cannot be blank"},
	} {
		status, _, body := standInCall(t, pd, c.method, c.path, c.kind, c.body)
		require.Equal(t, c.status, status, "%s: %s", name, body)
		require.Contains(t, body, c.says, name)
	}
	_, _, open := standInCall(t, pd, "GET", "/alerts", "", "")
	require.JSONEq(t, "[]", open)
}

func TestPagerDutyAlertsLiveByTheirTwoKeys(t *testing.T) {
	clock := newStandInClock()
	pd := newPagerDuty(newLedger(), clock.now, "ana")
	send := func(action, key, dedup string) {
		t.Helper()
		clock.advance(time.Second)
		status, _, body := standInCall(t, pd, "POST", "/v2/enqueue", "application/json", pdEvent(t, map[string]any{"event_action": action, "routing_key": labRoutingKeys()[key], "dedup_key": dedup}))
		require.Equal(t, http.StatusAccepted, status, "what does not fit is accepted, and dropped")
		require.JSONEq(t, `{"status":"success","message":"Event processed","dedup_key":"`+dedup+`"}`, body)
	}
	send("resolve", "primary", "a")     // :01 dropped
	send("acknowledge", "primary", "a") // :02 dropped
	send("trigger", "primary", "a")     // :03 opens
	send("trigger", "primary", "a")     // :04 wakes nobody
	send("acknowledge", "lead", "a")    // :05 by another integration: dropped
	send("acknowledge", "primary", "a") // :06
	send("acknowledge", "primary", "a") // :07 changes nothing
	send("trigger", "primary", "a")     // :08 nor does this
	send("resolve", "primary", "a")     // :09
	send("resolve", "primary", "a")     // :10 dropped
	send("trigger", "primary", "a")     // :11 opens another: this pages again
	send("trigger", "lead", "a")        // :12 and so does this
	send("resolve", "lead", "a")        // :13 without an acknowledgement
	_, _, body := standInCall(t, pd, "GET", "/alerts", "", "")
	const same = `"dedup_key":"a","summary":"Checkout 5xx","severity":"critical",`
	require.JSONEq(t, `[
		{`+same+`"routing_key":"primary","status":"resolved","triggers":3,"created_at":"2026-11-14T03:12:03Z","acknowledged_at":"2026-11-14T03:12:06Z","resolved_at":"2026-11-14T03:12:09Z"},
		{`+same+`"routing_key":"primary","status":"triggered","triggers":1,"created_at":"2026-11-14T03:12:11Z"},
		{`+same+`"routing_key":"lead","status":"resolved","triggers":1,"created_at":"2026-11-14T03:12:12Z","resolved_at":"2026-11-14T03:12:13Z"}
	]`, body)
}

func TestPagerDutyGivesAKeyOfItsOwn(t *testing.T) {
	pd := newPagerDuty(newLedger(), newStandInClock().now, "ana")
	seen := map[string]bool{}
	for range 3 {
		_, _, body := standInCall(t, pd, "POST", "/v2/enqueue", "application/json", pdEvent(t, map[string]any{"dedup_key": nil}))
		var got struct {
			Key string `json:"dedup_key"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &got))
		require.Len(t, got.Key, 26)
		seen[got.Key] = true
	}
	require.Len(t, seen, 3, "each is an alert of its own")
}

func TestPagerDutyThrottlesAKey(t *testing.T) {
	clock := newStandInClock()
	pd := newPagerDuty(newLedger(), clock.now, "ana")
	send := func(key string) (int, http.Header, string) {
		return standInCall(t, pd, "POST", "/v2/enqueue", "application/json", pdEvent(t, map[string]any{"routing_key": labRoutingKeys()[key]}))
	}
	for range pdPerMinute {
		status, _, _ := send("primary")
		require.Equal(t, http.StatusAccepted, status)
	}
	status, header, body := send("primary")
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Equal(t, "1", header.Get("Retry-After"))
	require.Contains(t, body, "throttle exceeded")
	status, _, _ = send("lead")
	require.Equal(t, http.StatusAccepted, status, "each integration has its own")

	clock.advance(time.Second) // two tokens
	for _, want := range []int{http.StatusAccepted, http.StatusAccepted, http.StatusTooManyRequests} {
		status, _, _ = send("primary")
		require.Equal(t, want, status)
	}
	var open []pdAlert
	_, _, body = standInCall(t, pd, "GET", "/alerts", "", "")
	require.NoError(t, json.Unmarshal([]byte(body), &open))
	require.Equal(t, pdPerMinute+2, open[0].Triggers, "a throttled event did not happen")
}

// Over any stretch of time no more passes than the burst and what flowed in.
func TestTokenBucketHoldsItsRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		burst := rapid.IntRange(1, 20).Draw(t, "burst")
		b := tokenBucket{burst: burst, every: time.Second}
		start := time.Unix(1_700_000_000, 0)
		now, passed := start, 0
		for _, step := range rapid.SliceOf(rapid.IntRange(0, 3000)).Draw(t, "steps in ms") {
			now = now.Add(time.Duration(step) * time.Millisecond)
			wait, ok := b.take(now)
			if !ok {
				if _, early := b.take(now.Add(wait - time.Nanosecond)); early {
					t.Fatalf("a token came before the promised %v", wait)
				}
				now = now.Add(wait)
				if _, ok = b.take(now); !ok {
					t.Fatalf("no token after the promised %v", wait)
				}
			}
			passed++
			if most := burst + int(now.Sub(start)/time.Second); passed > most {
				t.Fatalf("%d passed in %v with a burst of %d", passed, now.Sub(start), burst)
			}
		}
	})
}

func TestPagerDutyForgetsTheResolvedFirst(t *testing.T) {
	p := &pagerDuty{now: newStandInClock().now}
	event := func(action string, i int) { p.apply(pdAlert{Key: "lead", DedupKey: fmt.Sprint(i)}, action) }
	for i := range pdAlerts {
		event("trigger", i)
	}
	event("resolve", 500)
	event("trigger", pdAlerts)
	list := p.list()
	require.Len(t, list, pdAlerts)
	require.Equal(t, "0", list[0].DedupKey)
	require.Equal(t, "501", list[500].DedupKey)
	event("trigger", pdAlerts+1)
	list = p.list()
	require.Len(t, list, pdAlerts)
	require.Equal(t, "1", list[0].DedupKey, "none is resolved: the oldest goes")
}

// The client that the product uses understands every answer.
func TestGoPagerDutyTalksToIt(t *testing.T) {
	srv := httptest.NewServer(newPagerDuty(newLedger(), time.Now, "ana"))
	defer srv.Close()
	c := pagerduty.NewClient("", pagerduty.WithV2EventsAPIEndpoint(srv.URL))
	event := &pagerduty.V2Event{
		RoutingKey: labRoutingKeys()["primary"], Action: "trigger", DedupKey: "sitrep/1/2/L1/r1", Client: "sitrep", ClientURL: "http://h",
		Links:   []any{map[string]string{"href": "http://h", "text": "runbook"}},
		Payload: &pagerduty.V2Payload{Summary: "Checkout 5xx", Source: "sitrep", Severity: "critical", Timestamp: time.Now().Format(time.RFC3339), Details: map[string]any{"incident": "INC-1"}},
	}
	got, err := c.ManageEventWithContext(context.Background(), event)
	require.NoError(t, err)
	require.Equal(t, &pagerduty.V2EventResponse{Status: "success", DedupKey: "sitrep/1/2/L1/r1", Message: "Event processed"}, got)
	for _, action := range []string{"acknowledge", "resolve"} {
		_, err = c.ManageEventWithContext(context.Background(), &pagerduty.V2Event{RoutingKey: event.RoutingKey, Action: action, DedupKey: event.DedupKey})
		require.NoError(t, err)
	}
	change, err := c.CreateChangeEventWithContext(context.Background(), pagerduty.ChangeEvent{
		RoutingKey: event.RoutingKey, Payload: pagerduty.ChangeEventPayload{Summary: "deploy v1.42", Source: "ci", Timestamp: time.Now().Format(time.RFC3339)},
		Links: []pagerduty.ChangeEventLink{{Href: "http://h"}},
	})
	require.NoError(t, err)
	require.Equal(t, &pagerduty.ChangeEventResponse{Status: "success", Message: "Change event processed"}, change)

	event.Payload.Severity = "SEV-1"
	_, err = c.ManageEventWithContext(context.Background(), event)
	var refused pagerduty.APIError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, http.StatusBadRequest, refused.StatusCode)
	event.RoutingKey = "e93facc04764012d7bfb002500d5d1a6"
	event.Payload.Severity = "error"
	_, err = c.ManageEventWithContext(context.Background(), event)
	require.ErrorContains(t, err, "status code 400", "of an answer that is no JSON the library says only this")
}

// A body that is far too long is read to its end, so that the sender hears why.
func TestPagerDutyRefusesALongBodyAloud(t *testing.T) {
	srv := httptest.NewServer(newPagerDuty(newLedger(), time.Now, "ana"))
	defer srv.Close()
	resp, err := http.Post(srv.URL+"/v2/enqueue", "application/json", strings.NewReader(strings.Repeat("x", 8<<20)))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
}

// However many send it, one dedup key opens one alert.
func TestPagerDutyOpensOnce(t *testing.T) {
	srv := httptest.NewServer(newPagerDuty(newLedger(), time.Now, "ana"))
	defer srv.Close()
	body := pdEvent(t, nil)
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for range 20 {
				resp, err := http.Post(srv.URL+"/v2/enqueue", "application/json", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				_ = resp.Body.Close()
				if resp, err = http.Get(srv.URL + "/alerts"); err == nil {
					_ = resp.Body.Close()
				}
			}
		})
	}
	senders.Wait()
	resp, err := http.Get(srv.URL + "/alerts")
	require.NoError(t, err)
	defer resp.Body.Close()
	var open []pdAlert
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&open))
	require.Len(t, open, 1)
	require.Equal(t, 80, open[0].Triggers)
}

func FuzzPagerDutyAnswersAnything(f *testing.F) {
	f.Add([]byte(pdEvent(f, nil)), "application/json")
	f.Add([]byte(`{"routing_key":[],"event_action":{},"links":[null],"images":[[]],"payload":{"summary":1}}`), "application/json")
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		pd := newPagerDuty(newLedger(), newStandInClock().now, "ana")
		status, _, answer := standInCall(t, pd, "POST", "/v2/enqueue", kind, string(body))
		require.Contains(t, []int{202, 400, 413}, status)
		if status == 202 {
			require.True(t, json.Valid([]byte(answer)))
		}
		require.Len(t, readLedger(t, pd), 1)
	})
}
