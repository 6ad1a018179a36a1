package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

const signingSecret = "hunter2-signs-this"

var night = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

// receiver is a webhook receiver as docs/sinks.md asks for one: it checks the
// signature and its age, and does what it has done before once. Fault, if set,
// answers in its place.
type receiver struct {
	*httptest.Server
	fault http.HandlerFunc

	mu       sync.Mutex
	done     map[string]bool
	requests []request
}

type request struct {
	header http.Header
	body   string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{done: map[string]bool{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if r.fault != nil {
		r.fault(w, req)
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil || req.Method != http.MethodPost {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, request{req.Header, string(body)})
	if sent := req.Header.Get("X-Sitrep-Signature"); sent != "" {
		stamp, err := strconv.ParseInt(req.Header.Get("X-Sitrep-Timestamp"), 10, 64)
		mac := hmac.New(sha256.New, []byte(signingSecret))
		fmt.Fprintf(mac, "%s.%s", req.Header.Get("X-Sitrep-Timestamp"), body)
		age := time.Since(time.Unix(stamp, 0))
		if err != nil || sent != "v1="+hex.EncodeToString(mac.Sum(nil)) || age > 5*time.Minute || age < -5*time.Minute {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
	}
	r.done[req.Header.Get("Idempotency-Key")] = true
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) last() request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests[len(r.requests)-1]
}

// sender reaches one target, whatever its name.
func sender(t *testing.T, target Target) *Sender {
	tr := escalation.NewTransport()
	t.Cleanup(tr.CloseIdleConnections)
	return New(Config{
		HTTP:   &http.Client{Transport: tr},
		Target: func(context.Context, string) (Target, error) { return target, nil },
		Phone:  func(p incident.Person) string { return map[incident.Person]string{"bob": "+15550100"}[p] },
	})
}

func message(op escalation.Operation, c escalation.Content) escalation.Message {
	return escalation.Message{
		ID: "01MSG", Incident: "INC-7", Sink: "webhook:ops", Operation: op, Level: "L2", Round: 3,
		DedupKey: "sitrep/abc/01INC/L2/r3", Payload: incident.Payload(c), QueuedAt: night,
	}
}

func checkout() incident.Incident {
	return incident.Incident{
		ID: "INC-7", Key: "01INC", Title: "Checkout answers 5xx", Severity: incident.Sev1, Status: incident.StatusOpen,
		Service: "checkout", Clocks: incident.Clocks{Declared: night.Add(-20 * time.Minute)},
		Labels: map[string]string{"env": "prod"}, Rung: incident.Rung{Level: "L2"},
	}
}

func page() escalation.Message {
	return message(escalation.OpTrigger, escalation.Content{Reason: escalation.ReasonClimbed, Page: escalation.PageCritical, Who: []incident.Person{"bob", "eve"}, Late: 132})
}

// The body is a contract: a change of this text is a change of the version.
func TestTheBody(t *testing.T) {
	srv := newReceiver(t)
	s := sender(t, Target{URL: srv.URL + "/hook", Secret: signingSecret})
	require.Equal(t, escalation.Done, s.Send(t.Context(), page(), checkout()).Class)
	require.JSONEq(t, `{
		"version": 1, "id": "01MSG", "operation": "trigger", "key": "sitrep/abc/01INC/L2/r3", "level": "L2", "round": 3,
		"reason": "climbed", "page": "critical", "late_seconds": 132, "test": false, "queued_at": "2026-03-01T03:00:00Z",
		"text": "SEV-1 INC-7 L2 round 3: Checkout answers 5xx (late by 2m12s)",
		"who": [{"name": "bob", "phone": "+15550100"}, {"name": "eve"}],
		"incident": {"id": "INC-7", "title": "Checkout answers 5xx", "severity": "SEV-1", "status": "open", "service": "checkout",
			"drill": false, "level": "L2", "declared_at": "2026-03-01T02:40:00Z", "acknowledged_by": "", "resolution": "",
			"roles": {}, "labels": {"env": "prod"}}}`, srv.last().body)
	require.Equal(t, "01MSG", srv.last().header.Get(KeyHeader))
	require.Equal(t, "application/json", srv.last().header.Get("Content-Type"))

	inc := checkout()
	inc.Clocks.Acknowledged, inc.Clocks.AckBy = night.Add(time.Minute), "ana"
	require.Equal(t, escalation.Done, s.Send(t.Context(), message(escalation.OpAcknowledge, escalation.Content{}), inc).Class)
	require.Contains(t, srv.last().body, `"text":"SEV-1 INC-7 acknowledged by ana: Checkout answers 5xx"`)
	require.Contains(t, srv.last().body, `"acknowledged_at":"2026-03-01T03:01:00Z"`)
	inc.Status, inc.Resolution = incident.StatusResolved, "rolled back"
	require.Equal(t, escalation.Done, s.Send(t.Context(), message(escalation.OpResolve, escalation.Content{}), inc).Class)
	require.Contains(t, srv.last().body, `"text":"SEV-1 INC-7 resolved: Checkout answers 5xx: rolled back"`)

	m := message(escalation.OpAnnounce, escalation.Content{Text: "A third of the checkouts fail", Update: incident.Update{Conditions: "A third of the checkouts fail"}})
	m.Level, m.Round, m.DedupKey = "", 0, ""
	inc.Drill = true
	require.Equal(t, escalation.Done, s.Send(t.Context(), m, inc).Class)
	require.Contains(t, srv.last().body, `"text":"[DRILL] SEV-1 INC-7 Checkout answers 5xx\nA third of the checkouts fail","update":{"conditions":"A third of the checkouts fail"}`)
}

// What docs/sinks.md says about checking a signature is true: openssl makes the
// same one.
func TestSignatureByOpenssl(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	require.NoError(t, err, "the tests need openssl")
	srv := newReceiver(t)
	require.Equal(t, escalation.Done, sender(t, Target{URL: srv.URL, Secret: signingSecret}).Send(t.Context(), page(), checkout()).Class)
	got := srv.last()
	cmd := exec.CommandContext(t.Context(), openssl, "dgst", "-sha256", "-hmac", signingSecret, "-hex", "-r")
	cmd.Stdin = strings.NewReader(got.header.Get(TimestampHeader) + "." + got.body)
	out, err := cmd.Output()
	require.NoError(t, err)
	hexadecimal, _, _ := strings.Cut(string(out), " ")
	require.Equal(t, got.header.Get(SignatureHeader), "v1="+hexadecimal)

	o := sender(t, Target{URL: srv.URL, Secret: "another"}).Send(t.Context(), page(), checkout())
	require.Equal(t, escalation.Dead, o.Class)
	require.EqualError(t, o.Err, "webhook:ops: 401 Unauthorized: check the secrets of webhooks.ops")
}

// Every way in which a receiver or what is in between can fail.
func TestFaults(t *testing.T) {
	answer := func(status int, kv ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+2 < len(kv); i += 2 {
				w.Header().Set(kv[i], kv[i+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, kv[len(kv)-1])
		}
	}
	cut := func(after string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, after)
				_ = conn.Close()
			}
		}
	}
	for name, c := range map[string]struct {
		fault http.HandlerFunc
		class escalation.Class
		says  string
	}{
		"200 with anything":  {answer(200, "ok"), escalation.Done, ""},
		"429 and how long":   {answer(429, "Retry-After", "7", ""), escalation.Throttled, "again in 7s"},
		"429 alone":          {answer(429, ""), escalation.Throttled, "again in 30s"},
		"500":                {answer(500, "boom"), escalation.Unsure, "500 Internal Server Error: boom: it may have been accepted"},
		"503 in HTML":        {answer(503, "<html>"), escalation.Unsure, "it answered HTML"},
		"redirect":           {answer(302, "Location", "/login", ""), escalation.NotSent, "a proxy or a login page?"},
		"404":                {answer(404, ""), escalation.Dead, "check webhooks.ops.url"},
		"400":                {answer(400, "no field text"), escalation.Dead, "no field text"},
		"reset":              {cut(""), escalation.Unsure, "the connection broke"},
		"half an answer":     {cut("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), escalation.Unsure, "status 200, then the connection broke"},
		"no answer":          {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, escalation.Unsure, "no answer in time"},
		"secrets come back":  {answer(400, "signed with "+signingSecret+" by tok-4711 at /T0/SECRET-path"), escalation.Dead, "signed with *** by *** at ***"},
		"controls come back": {answer(400, "\x1b[31mred\x07"), escalation.Dead, "400 Bad Request: check"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newReceiver(t)
			srv.fault = c.fault
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if name == "no answer" {
				ctx, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
				defer cancel()
			}
			target := Target{URL: srv.URL + "/T0/SECRET-path", URLIsSecret: true, Secret: signingSecret, Bearer: "tok-4711"}
			o := sender(t, target).Send(ctx, page(), checkout())
			require.Equal(t, c.class, o.Class, "%v", o.Err)
			if c.says == "" {
				require.NoError(t, o.Err)
				return
			}
			if name != "controls come back" {
				require.ErrorContains(t, o.Err, c.says)
			}
			require.NotContains(t, o.Err.Error(), "\x1b")
			require.NotContains(t, o.Err.Error(), "SECRET")
		})
	}
	dead := httptest.NewServer(nil)
	dead.Close()
	o := sender(t, Target{URL: dead.URL + "/T0/SECRET-path", URLIsSecret: true}).Send(t.Context(), page(), checkout())
	require.Equal(t, escalation.NotSent, o.Class)
	require.ErrorContains(t, o.Err, "connection refused: nothing was sent")
}

// Whatever an attempt ends with, the next is the same message to the receiver.
func TestSecondAttemptHasTheSameKey(t *testing.T) {
	srv := newReceiver(t)
	s := sender(t, Target{URL: srv.URL})
	for range 3 {
		require.Equal(t, escalation.Done, s.Send(t.Context(), page(), checkout()).Class)
	}
	require.Len(t, srv.requests, 3)
	require.Len(t, srv.done, 1)
}

func TestTargetThatCannotBeRead(t *testing.T) {
	s := New(Config{Target: func(context.Context, string) (Target, error) {
		return Target{}, errors.New("the configuration has no webhooks.ops")
	}})
	o := s.Send(t.Context(), page(), checkout())
	require.Equal(t, escalation.Dead, o.Class)
	require.EqualError(t, o.Err, "webhook:ops: the configuration has no webhooks.ops")

	o = sender(t, Target{URL: "http://[::1]:namedport/"}).Send(t.Context(), page(), checkout())
	require.Equal(t, escalation.Dead, o.Class)
}

// The bodies that docs/sinks.md shows, as their receivers read them.
func TestBodiesOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		contentType, body string
		check             func(t *testing.T, body string)
	}{
		"ntfy": {"application/json", `{"topic": "oncall", "title": {{json (printf "%s %s" .Incident.Severity .Incident.ID)}}, "message": {{json .Text}},
 "priority": {{if eq .Operation "trigger"}}5{{else}}3{{end}}, "tags": [{{if eq .Operation "trigger"}}"rotating_light"{{end}}]}`, func(t *testing.T, body string) {
			var n struct {
				Topic, Title, Message string
				Priority              int
				Tags                  []string
			}
			require.NoError(t, json.Unmarshal([]byte(body), &n))
			require.Equal(t, "oncall", n.Topic)
			require.Equal(t, 5, n.Priority)
			require.Contains(t, n.Message, "Checkout \"5xx\"\\")
		}},
		"Mattermost": {"application/json", `{"username": "sitrep", "text": {{json .Text}}}`, func(t *testing.T, body string) {
			var n struct{ Username, Text string }
			require.NoError(t, json.Unmarshal([]byte(body), &n))
			require.Contains(t, n.Text, "Checkout \"5xx\"\\")
		}},
		"Teams": {"application/json", `{"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content":
  {"type": "AdaptiveCard", "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "version": "1.4",
   "body": [{"type": "TextBlock", "wrap": true, "text": {{json .Text}}}]}}]}`, func(t *testing.T, body string) {
			var n struct {
				Type        string
				Attachments []struct {
					ContentType string
					Content     struct{ Body []struct{ Text string } }
				}
			}
			require.NoError(t, json.Unmarshal([]byte(body), &n))
			require.Contains(t, n.Attachments[0].Content.Body[0].Text, "Checkout \"5xx\"\\")
		}},
		"Twilio": {"application/x-www-form-urlencoded", `To=%2B15550100&From=%2B15550199&Body={{urlquery .Text}}`, func(t *testing.T, body string) {
			form, err := url.ParseQuery(body)
			require.NoError(t, err)
			require.Equal(t, "+15550100", form.Get("To"))
			require.Contains(t, form.Get("Body"), "Checkout \"5xx\"\\")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newReceiver(t)
			b, err := ParseBody(c.body, c.contentType)
			require.NoError(t, err)
			s := sender(t, Target{URL: srv.URL, Secret: signingSecret, User: "AC1", Password: "hunter2", ContentType: c.contentType, Body: b, Headers: map[string]string{"X-Team": "sre"}})
			inc := checkout()
			inc.Title = "Checkout \"5xx\"\\ & more"
			require.Equal(t, escalation.Done, s.Send(t.Context(), page(), inc).Class, "what is signed is the body that is sent")
			got := srv.last()
			c.check(t, got.body)
			require.Equal(t, c.contentType, got.header.Get("Content-Type"))
			require.Equal(t, "sre", got.header.Get("X-Team"))
			require.Equal(t, "Basic QUMxOmh1bnRlcjI=", got.header.Get("Authorization"))
		})
	}
}

// A body that a title could break is refused when it is read.
func TestBodiesThatBreak(t *testing.T) {
	for body, says := range map[string]string{
		`{"text": "{{.Text}}"}`:                 "write {{json .Text}}",
		`{"text": {{json .Txt}}}`:               "can't evaluate field Txt",
		`{"text": {{json .Text}}`:               "not JSON",
		`{"to": {{json (index .Who 0).Phone}}}`: "index out of range",
		`{{range`:                               "body:1",
	} {
		_, err := ParseBody(body, "application/json")
		require.ErrorContains(t, err, says, body)
	}
	_, err := ParseBody("x", "json please")
	require.ErrorContains(t, err, "not a content type")
}

// Nothing that a person types breaks the body or the terminal of its reader.
func TestAnyWords(t *testing.T) {
	b, err := ParseBody(`{"text": {{json .Text}}, "title": {{json .Incident.Title}}}`, "application/json")
	require.NoError(t, err)
	rapid.Check(t, func(rt *rapid.T) {
		inc := checkout()
		inc.Title = rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune{'"', '\\', '\x1b', '\u202e', '\n', '<', '\u2028'}))).Draw(rt, "title")
		n := escalation.NoticeOf(page(), inc, nil)
		body, err := b.render(n)
		require.NoError(rt, err)
		for _, doc := range [][]byte{body, n.JSON()} {
			require.True(rt, json.Valid(doc))
			require.NotContains(rt, string(doc), "\u202e")
			require.NotContains(rt, string(doc), "\\u001b")
		}
	})
}
