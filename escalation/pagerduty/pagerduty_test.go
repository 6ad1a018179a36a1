package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

const key = "0123456789abcdef0123456789ABCDEF"

var night = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

// sender reaches the server with the key of target primary.
func sender(t *testing.T, url string) *Sender {
	tr := escalation.NewTransport()
	t.Cleanup(tr.CloseIdleConnections)
	return New(Config{
		EventsURL: url, Source: "bastion-1", ClientURL: "https://wiki.example.com/oncall", HTTP: &http.Client{Transport: tr},
		Key: func(_ context.Context, name string) (string, error) {
			if name != "primary" {
				return "", fmt.Errorf("the configuration has no pagerduty.routing_keys.%s", name)
			}
			return key, nil
		},
	})
}

func page(op escalation.Operation, content escalation.Content) escalation.Message {
	return escalation.Message{
		ID: "01MSG", Incident: "INC-7", Sink: "pagerduty:primary", Operation: op, Level: "L2", Round: 3,
		DedupKey: "sitrep/abc/01INC/L2/r3", Payload: incident.Payload(content), QueuedAt: night,
	}
}

func checkout() incident.Incident {
	return incident.Incident{
		ID: "INC-7", Key: "01INC", Title: "Checkout answers 5xx", Severity: incident.Sev1, Status: incident.StatusOpen,
		Service: "checkout", Clocks: incident.Clocks{Declared: night.Add(-20 * time.Minute)},
	}
}

// A page, its acknowledgement and its resolution, as PagerDuty sees them.
func TestTheThreeEvents(t *testing.T) {
	srv := newServer(t, key)
	s := sender(t, srv.URL+"/")
	content := escalation.Content{Reason: escalation.ReasonClimbed, Page: escalation.PageError, Who: []incident.Person{"bob", "eve"}, Late: 132}
	for _, op := range []escalation.Operation{escalation.OpTrigger, escalation.OpAcknowledge, escalation.OpResolve} {
		o := s.Send(t.Context(), page(op, content), checkout())
		require.Equal(t, escalation.Outcome{Class: escalation.Done, Ref: "sitrep/abc/01INC/L2/r3"}, o)
	}
	got := srv.taken()
	require.Len(t, got, 3)
	for i, op := range []string{"trigger", "acknowledge", "resolve"} {
		require.Equal(t, op, got[i].Action)
		require.Equal(t, key, got[i].RoutingKey)
		require.Equal(t, "sitrep/abc/01INC/L2/r3", got[i].DedupKey)
	}
	p := got[0].Payload
	require.Equal(t, "SEV-1 INC-7 L2 round 3: Checkout answers 5xx (late by 2m12s)", p.Summary)
	require.Equal(t, "error", p.Severity)
	require.Equal(t, "bastion-1", p.Source)
	require.Equal(t, "checkout", p.Component)
	require.Equal(t, "2026-03-01T03:00:00.000Z", p.Timestamp)
	require.Equal(t, "sitrep", got[0].Client)
	require.Equal(t, "https://wiki.example.com/oncall", got[0].ClientURL)
	require.Equal(t, map[string]any{
		"incident": "INC-7", "title": "Checkout answers 5xx", "severity": "SEV-1", "status": "open", "service": "checkout",
		"level": "L2", "round": 3.0, "reason": "climbed", "who": []any{"bob", "eve"}, "declared_at": "2026-03-01T02:40:00Z", "late_seconds": 132.0,
	}, p.Details)
	require.Nil(t, got[1].Payload, "an acknowledgement says which, and no more")
}

func TestSummaryAndSeverity(t *testing.T) {
	inc := checkout()
	m := page(escalation.OpTrigger, escalation.Content{})
	m.Level, m.Round = "L1", 1
	require.Equal(t, "SEV-1 INC-7 L1: Checkout answers 5xx", summary(m, escalation.Content{}, inc))
	inc.Drill = true
	require.Equal(t, "[DRILL] SEV-1 INC-7 L1: Checkout answers 5xx", summary(m, escalation.Content{}, inc))
	inc.Title = "a\n\tb\x1b[31m \u202ec\xff"
	require.Equal(t, "[DRILL] SEV-1 INC-7 L1: a b[31m c\ufffd", summary(m, escalation.Content{}, inc))

	for page, want := range map[escalation.Page]string{
		escalation.PageCritical: "critical", escalation.PageError: "error", escalation.PageWarning: "warning", escalation.PageInfo: "info",
		"": "critical", escalation.PageNone: "critical", "Critical": "critical",
	} {
		require.Equal(t, want, severity(page), "%q", page)
	}
}

// Whatever an incident is called, PagerDuty takes it.
func TestAnyIncidentIsAValidEvent(t *testing.T) {
	srv := newServer(t, key)
	s := sender(t, srv.URL)
	long := rapid.Custom(func(t *rapid.T) string {
		piece := rapid.OneOf(rapid.String(), rapid.Just("<"), rapid.Just("\xff"), rapid.Just("🔥"), rapid.Just("\u2028")).Draw(t, "piece")
		return strings.Repeat(piece, rapid.SampledFrom([]int{1, 255, 4096, 20_000}).Draw(t, "times"))
	})
	rapid.Check(t, func(rt *rapid.T) {
		inc := incident.Incident{
			ID: "INC-1", Title: long.Draw(rt, "title"), Service: long.Draw(rt, "service"), Severity: incident.Sev2, Drill: rapid.Bool().Draw(rt, "drill"),
		}
		content := escalation.Content{Reason: long.Draw(rt, "reason"), Page: escalation.Page(rapid.String().Draw(rt, "page")), Late: rapid.Float64Range(-1, 1e12).Draw(rt, "late")}
		for range rapid.IntRange(0, 80).Draw(rt, "people") {
			content.Who = append(content.Who, incident.Person(strings.Repeat("<", 500)))
		}
		m := page(escalation.OpTrigger, content)
		m.DedupKey = "k" + long.Draw(rt, "dedup")
		o := s.Send(t.Context(), m, inc)
		if o.Class != escalation.Done {
			rt.Fatalf("%v: %v", o.Class, o.Err)
		}
		last := srv.last()
		if len(last.DedupKey) > 255 || len(last.Payload.Summary) > 1024 || !utf8.ValidString(last.Payload.Summary) {
			rt.Fatalf("dedup key of %d bytes, summary of %d", len(last.DedupKey), len(last.Payload.Summary))
		}
		if o := s.Send(t.Context(), escalation.Message{Sink: m.Sink, Operation: escalation.OpResolve, DedupKey: m.DedupKey}, inc); o.Ref != dedupKey(m.DedupKey) {
			rt.Fatalf("the resolve is for %q (%v)", o.Ref, o.Err)
		}
	})
	a, b := dedupKey(strings.Repeat("a", 300)+"1"), dedupKey(strings.Repeat("a", 300)+"2")
	require.Len(t, a, 255)
	require.NotEqual(t, a, b, "long keys stay apart")
}

// What PagerDuty answers, and what becomes of the page.
func TestAnswers(t *testing.T) {
	answer := func(code int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	const invalid = `{"status":"invalid event","message":"Event object is invalid","errors":["'payload.source' is missing or blank","'payload.severity' is invalid"]}`
	for name, c := range map[string]struct {
		fault http.HandlerFunc
		class escalation.Class
		after time.Duration
		says  string
	}{
		"accepted":            {answer(202, `{"status":"success"}`), escalation.Done, 0, ""},
		"accepted, not JSON":  {answer(202, `Accepted`), escalation.Unsure, 0, "answered 202, but not as the Events API does"},
		"accepted, nothing":   {answer(202, ``), escalation.Unsure, 0, "answered 202"},
		"accepted, an error":  {answer(202, `{"status":"error"}`), escalation.Unsure, 0, `with the status "error" instead of success: it may have been accepted`},
		"accepted, no word":   {answer(202, `{}`), escalation.Unsure, 0, `with the status "" instead of success`},
		"another success":     {answer(200, `{"status":"success"}`), escalation.Unsure, 0, "answered 200, but not as the Events API does: is pagerduty.events_url right"},
		"invalid":             {answer(400, invalid), escalation.Dead, 0, "pagerduty:primary: 400 Bad Request: Event object is invalid: 'payload.source' is missing or blank: 'payload.severity' is invalid"},
		"invalid, no JSON":    {answer(400, "nope"), escalation.Dead, 0, "400 Bad Request: nope"},
		"unknown routing key": {answer(400, `{"message":"Invalid routing key"}`), escalation.Dead, 0, "Invalid routing key: check pagerduty.routing_keys.primary"},
		"401":                 {answer(401, ""), escalation.Dead, 0, "check pagerduty.routing_keys.primary"},
		"403":                 {answer(403, ""), escalation.Dead, 0, "check pagerduty.routing_keys.primary"},
		"404":                 {answer(404, ""), escalation.Dead, 0, "check pagerduty.events_url"},
		"429":                 {answer(429, "", "Retry-After", "12"), escalation.Throttled, 12 * time.Second, "again in 12s"},
		"429 without a time":  {answer(429, ""), escalation.Throttled, 30 * time.Second, "again in 30s"},
		"429 for a day":       {answer(429, "", "Retry-After", "86400"), escalation.Throttled, time.Minute, ""},
		"500":                 {answer(500, `{"status":"error","message":"Internal"}`), escalation.Unsure, 0, "500 Internal Server Error: Internal: it may have been accepted"},
		"502 of a proxy":      {answer(502, "<html>Bad gateway", "Content-Type", "text/html"), escalation.Unsure, 0, "it answered HTML"},
		"redirect":            {answer(302, "", "Location", "https://login.example.com/"), escalation.NotSent, 0, "a login page"},
		"giant":               {answer(202, strings.Repeat(" ", 5<<20)), escalation.Unsure, 0, "more than 4 MB"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t, key)
			srv.fault = c.fault
			o := sender(t, srv.URL).Send(t.Context(), page(escalation.OpTrigger, escalation.Content{}), checkout())
			require.Equal(t, c.class, o.Class, "%v", o.Err)
			require.Equal(t, c.after, o.After)
			if c.class == escalation.Done {
				require.NoError(t, o.Err)
				return
			}
			require.ErrorContains(t, o.Err, c.says)
			require.Empty(t, o.Ref)
		})
	}
}

// A connection that is cut after the event was taken, and one that hangs.
func TestTheAnswerIsLost(t *testing.T) {
	srv := newServer(t, key)
	srv.fault = func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 80\r\n\r\n{\"status\":\"suc")
			_ = conn.Close()
		}
	}
	o := sender(t, srv.URL).Send(t.Context(), page(escalation.OpTrigger, escalation.Content{}), checkout())
	require.Equal(t, escalation.Unsure, o.Class)
	require.ErrorContains(t, o.Err, "the connection broke")

	srv = newServer(t, key)
	srv.fault = func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	o = sender(t, srv.URL).Send(ctx, page(escalation.OpTrigger, escalation.Content{}), checkout())
	require.Equal(t, escalation.Unsure, o.Class)
	require.ErrorContains(t, o.Err, "no answer in time: it may have been accepted")

	srv.Close()
	o = sender(t, srv.URL).Send(t.Context(), page(escalation.OpTrigger, escalation.Content{}), checkout())
	require.Equal(t, escalation.NotSent, o.Class)
	require.ErrorContains(t, o.Err, "connection refused: nothing was sent")
}

// What is refused before anything is sent.
func TestNotEvenTried(t *testing.T) {
	srv := newServer(t, key)
	srv.fault = func(http.ResponseWriter, *http.Request) { t.Error("a request") }
	s := sender(t, srv.URL)

	m := page(escalation.OpTrigger, escalation.Content{})
	m.Sink = "pagerduty:lead"
	o := s.Send(t.Context(), m, checkout())
	require.Equal(t, escalation.Dead, o.Class)
	require.EqualError(t, o.Err, "pagerduty:lead: read the routing key: the configuration has no pagerduty.routing_keys.lead")

	o = s.Send(t.Context(), page(escalation.OpPost, escalation.Content{}), checkout())
	require.Equal(t, escalation.Dead, o.Class)
	require.ErrorContains(t, o.Err, "PagerDuty cannot post")

	m = page(escalation.OpResolve, escalation.Content{})
	m.DedupKey = ""
	o = s.Send(t.Context(), m, checkout())
	require.Equal(t, escalation.Dead, o.Class)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o = s.Send(ctx, page(escalation.OpTrigger, escalation.Content{}), checkout())
	require.Equal(t, escalation.NotSent, o.Class)

	s.config.Key = func(context.Context, string) (string, error) { return "", nil }
	o = s.Send(t.Context(), page(escalation.OpTrigger, escalation.Content{}), checkout())
	require.Equal(t, escalation.Dead, o.Class)
	require.ErrorContains(t, o.Err, "see pagerduty.routing_keys.primary")

	s = sender(t, "http://bad host")
	o = s.Send(t.Context(), page(escalation.OpTrigger, escalation.Content{}), checkout())
	require.Equal(t, escalation.Dead, o.Class)
	require.ErrorContains(t, o.Err, "is its URL in the configuration right?")
}

// A server, or a proxy, that repeats the request in its error.
func TestTheKeyIsNeverShown(t *testing.T) {
	for name, form := range map[string]func(body string) string{
		"as it is":     func(body string) string { return body },
		"shouting":     strings.ToUpper,
		"JSON message": func(body string) string { return `{"message":"bad","errors":[` + string(incident.Payload(body)) + `]}` },
		"escaped": func(string) string {
			var b strings.Builder
			for _, r := range key {
				fmt.Fprintf(&b, `\u%04x`, r)
			}
			return `{"message":"bad key ` + b.String() + `"}`
		},
		"HTML": func(body string) string { return "<html>" + body },
	} {
		for _, code := range []int{200, 202, 302, 400, 401, 404, 429, 500} {
			srv := newServer(t, key)
			srv.fault = func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Location", "https://example.com/?"+key)
				w.WriteHeader(code)
				_, _ = io.WriteString(w, form(string(body)))
			}
			o := sender(t, srv.URL).Send(t.Context(), page(escalation.OpTrigger, escalation.Content{}), checkout())
			require.Error(t, o.Err, "%s %d", name, code)
			require.NotContains(t, strings.ToLower(o.Err.Error()), strings.ToLower(key), "%s %d", name, code)
			require.LessOrEqual(t, utf8.RuneCountInString(o.Err.Error()), 401)
		}
	}
}

// Several goroutines send at once, each with its own key read for it.
func TestManyAtOnce(t *testing.T) {
	srv := newServer(t, "key-0", "key-1", "key-2", "key-3")
	s := sender(t, srv.URL)
	var reads sync.Map
	s.config.Key = func(_ context.Context, name string) (string, error) {
		reads.Store(name, true)
		if name == "4" {
			return "", errors.New("no key")
		}
		return "key-" + name, nil
	}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			m := page(escalation.OpTrigger, escalation.Content{})
			m.Sink, m.DedupKey = fmt.Sprintf("pagerduty:%d", i%5), fmt.Sprintf("k/%d", i)
			o := s.Send(t.Context(), m, checkout())
			if want := i%5 != 4; want != (o.Class == escalation.Done) || want && o.Ref != m.DedupKey {
				t.Errorf("%s: %v %q %v", m.Sink, o.Class, o.Ref, o.Err)
			}
		})
	}
	wg.Wait()
	require.Len(t, srv.taken(), 40)
	for _, e := range srv.taken() {
		var i int
		_, err := fmt.Sscanf(e.DedupKey, "k/%d", &i)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("key-%d", i%5), e.RoutingKey)
	}
}

// A page says what chaos or load goes on where it hurts.
func TestAPageNamesWhatGoesOnOnPurpose(t *testing.T) {
	s := New(Config{Runs: func(_ context.Context, inc incident.Incident) []string {
		return []string{"CH-4 payments-latency goes on since 03:01:10Z on " + inc.Service, "two\nlines"}
	}})
	event, err := s.event(t.Context(), page(escalation.OpTrigger, escalation.Content{}), checkout())
	require.NoError(t, err)
	require.Equal(t, []string{"CH-4 payments-latency goes on since 03:01:10Z on checkout", "two lines"}, event.Payload.Details.(details).Runs)
}
