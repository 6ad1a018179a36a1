package slack

import (
	"context"
	"encoding/json"
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

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// night is just before the server's clock.
var night = time.Unix(1_772_334_000, 0).UTC()

func sender(t *testing.T, srv *server) *Sender {
	tr := escalation.NewTransport()
	t.Cleanup(tr.CloseIdleConnections)
	return New(Config{
		APIURL: srv.URL + "/api", HTTP: &http.Client{Transport: tr},
		Token: func(context.Context) (string, error) { return token, nil },
	})
}

func message1(op escalation.Operation, id string, c escalation.Content) escalation.Message {
	return escalation.Message{
		ID: id, Incident: "INC-7", Sink: "slack:#incidents", Operation: op, Payload: incident.Payload(c),
		QueuedAt: night, FirstTryAt: night, LastTryAt: night,
	}
}

func post(id, text string) escalation.Message {
	return message1(escalation.OpPost, id, escalation.Content{Text: text})
}

func headline(id string) escalation.Message {
	return message1(escalation.OpPost, id, escalation.Content{Headline: true, Text: escalation.Headline(checkout())})
}

func checkout() incident.Incident {
	return incident.Incident{
		ID: "INC-7", Key: "01INC", Title: "Checkout answers 5xx", Severity: incident.Sev1, Status: incident.StatusOpen,
		Clocks: incident.Clocks{Declared: night},
	}
}

func done(t *testing.T, o escalation.Outcome) string {
	t.Helper()
	require.Equal(t, escalation.Done, o.Class, "%v", o.Err)
	require.NoError(t, o.Err)
	_, ok := parseRef(o.Ref)
	require.True(t, ok, "ref %q", o.Ref)
	return o.Ref
}

// One incident in a channel: the headline, replies in its thread, the headline
// kept up to date.
func TestAnIncidentInAChannel(t *testing.T) {
	srv := newServer(t)
	srv.answerBy(func(_ http.ResponseWriter, r *http.Request, method string) bool {
		if r.Form.Get("parse") != "none" || r.Form.Get("link_names") != "false" {
			t.Errorf("%s lets Slack look for names in the text", method)
		}
		if method == "chat.postMessage" && (r.Form.Get("unfurl_links") != "false" || r.Form.Get("unfurl_media") != "false") {
			t.Errorf("%s lets Slack fetch what links lead to", method)
		}
		return false
	})
	s := sender(t, srv)
	inc := checkout()
	first := done(t, s.Send(t.Context(), headline("01A"), inc))
	require.Equal(t, "C0INC/1772334001.000001", first)

	reply := post("01B", "L2 called, round 1: nobody has acknowledged")
	reply.Parent = first
	require.Equal(t, "C0INC/1772334002.000002/1772334001.000001", done(t, s.Send(t.Context(), reply, inc)))

	inc.Status = incident.StatusInvestigating
	update := message1(escalation.OpUpdate, "01C", escalation.Content{Headline: true, Text: escalation.Headline(inc)})
	update.Parent = first
	require.Equal(t, first, done(t, s.Send(t.Context(), update, inc)))

	shown := srv.shown("C0INC")
	require.Len(t, shown, 2)
	require.Equal(t, "INC-7 SEV-1 Checkout answers 5xx\ninvestigating, nobody has acknowledged\ndeclared: 2026-03-01 03:00 UTC", shown[0].Text)
	require.JSONEq(t, `{"event_type":"sitrep_outbox","event_payload":{"id":"01A","incident":"INC-7"}}`, string(shown[0].Metadata), "an update keeps it")
	require.JSONEq(t, `[
		{"type":"header","text":{"type":"plain_text","text":"INC-7 SEV-1 Checkout answers 5xx","emoji":false}},
		{"type":"section","text":{"type":"mrkdwn","verbatim":true,"text":"investigating, nobody has acknowledged\ndeclared: 2026-03-01 03:00 UTC"}}
	]`, string(shown[0].Blocks))
	require.Equal(t, "L2 called, round 1: nobody has acknowledged", shown[1].Text)
	require.Equal(t, "1772334001.000001", shown[1].Thread)
	require.Equal(t, []string{"chat.postMessage", "chat.postMessage", "chat.update"}, srv.asked())
}

// A reply to a reply goes into the same thread, and a channel can be an ID.
func TestReplyToAReplyAndChannelByID(t *testing.T) {
	srv := newServer(t)
	m := post("01B", "more")
	m.Sink, m.Parent = "slack:C0GENERAL", "C0INC/1772334002.000002/1772334001.000001"
	require.Equal(t, "C0INC/1772334001.000001/1772334001.000001", done(t, sender(t, srv).Send(t.Context(), m, checkout())))

	m = headline("01C")
	m.Sink = "slack:C0GENERAL"
	require.Equal(t, "C0GENERAL/1772334002.000002", done(t, sender(t, srv).Send(t.Context(), m, checkout())))
}

// Without a headline to change, an update says it all the same; so does a
// message whose payload is damaged.
func TestNothingToUpdate(t *testing.T) {
	srv := newServer(t)
	s := sender(t, srv)
	m := message1(escalation.OpUpdate, "01C", escalation.Content{Headline: true, Text: "INC-7 is back"})
	require.Equal(t, "C0INC/1772334001.000001", done(t, s.Send(t.Context(), m, checkout())))

	m = post("01D", "")
	m.Payload = json.RawMessage(`{`)
	done(t, s.Send(t.Context(), m, checkout()))
	require.Equal(t, escalation.Headline(checkout()), srv.shown("C0INC")[1].Text)
}

// What Slack answers, and what becomes of the message.
func TestAnswers(t *testing.T) {
	says := func(code int, body string, header ...string) func(w http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	no := func(code string, header ...string) func(w http.ResponseWriter) {
		return says(200, `{"ok":false,"error":"`+code+`","needed":"chat:write","provided":"users:read"}`, header...)
	}
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		class  escalation.Class
		after  time.Duration
		says   string
	}{
		"yes, without ts":           {says(200, `{"ok":true}`), escalation.Unsure, 0, "said yes without saying which message it is"},
		"yes, with a ts of its own": {says(200, `{"ok":true,"channel":"C1/../2","ts":"now"}`), escalation.Unsure, 0, "said yes without saying"},
		"no, without a reason":      {says(200, `{"ok":false,"error":""}`), escalation.Unsure, 0, "said no without a reason"},
		"no, but a ts":              {says(200, `{"ok":false,"error":"","channel":"C1","ts":"1.2"}`), escalation.Unsure, 0, "said no without a reason"},
		"fatal":                     {no("fatal_error"), escalation.Unsure, 0, "fatal_error: it may have counted"},
		"internal":                  {no("internal_error"), escalation.Unsure, 0, "internal_error"},
		"service":                   {no("service_unavailable"), escalation.Unsure, 0, "service_unavailable"},
		"half a request":            {no("request_timeout"), escalation.NotSent, 0, "request_timeout"},
		"migration":                 {no("team_added_to_org"), escalation.NotSent, 0, "team_added_to_org"},
		"too fast":                  {no("ratelimited", "Retry-After", "3"), escalation.Throttled, 3 * time.Second, "again in 3s"},
		"too fast, old spelling":    {no("rate_limited"), escalation.Throttled, 30 * time.Second, "again in 30s"},
		"429":                       {says(429, "", "Retry-After", "7"), escalation.Throttled, 7 * time.Second, "again in 7s"},
		"429, a date":               {says(429, "", "Retry-After", "Sun, 01 Mar 2026 03:00:09 GMT", "Date", "Sun, 01 Mar 2026 03:00:00 GMT"), escalation.Throttled, 9 * time.Second, "again in 9s"},
		"429, no time":              {says(429, ""), escalation.Throttled, 30 * time.Second, ""},
		"no channel":                {no("channel_not_found"), escalation.Dead, 0, "slack:#incidents: channel_not_found: there is no channel #incidents, or it is private"},
		"archived":                  {no("is_archived"), escalation.Dead, 0, "unarchive #incidents"},
		"bad token":                 {no("invalid_auth"), escalation.Dead, 0, "invalid_auth: check slack.bot_token"},
		"revoked":                   {no("token_revoked"), escalation.Dead, 0, "check slack.bot_token"},
		"scope":                     {no("missing_scope"), escalation.Dead, 0, "the app lacks the scope chat:write"},
		"plan":                      {no("message_limit_exceeded"), escalation.Dead, 0, "no more messages on its plan"},
		"something new":             {no("blue_moon"), escalation.Dead, 0, "slack:#incidents: blue_moon"},
		"HTML":                      {says(200, "<html>sign in", "Content-Type", "text/html"), escalation.Unsure, 0, "answered 200, but not as the Web API does: is slack.api_url right, or a proxy in between?"},
		"not JSON":                  {says(200, `{"ok":true`), escalation.Unsure, 0, "not as the Web API does"},
		"a list":                    {says(200, `[]`), escalation.Unsure, 0, "not as the Web API does"},
		"nothing":                   {says(200, ``), escalation.Unsure, 0, "not as the Web API does"},
		"giant":                     {says(200, strings.Repeat(" ", 5<<20)), escalation.Unsure, 0, "more than 4 MB"},
		"502 page":                  {says(502, "<html>Bad gateway"), escalation.Unsure, 0, "it answered HTML"},
		"503":                       {says(503, `{"ok":false,"error":"service_unavailable"}`), escalation.Unsure, 0, "503 Service Unavailable: service_unavailable"},
		"404":                       {says(404, ""), escalation.Dead, 0, "check slack.api_url"},
		"403":                       {says(403, ""), escalation.Dead, 0, "check slack.bot_token"},
		"redirect":                  {says(302, "", "Location", "https://login.example.com"), escalation.NotSent, 0, "a login page"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			srv.answerBy(func(w http.ResponseWriter, _ *http.Request, _ string) bool { c.answer(w); return true })
			o := sender(t, srv).Send(t.Context(), headline("01A"), checkout())
			require.Equal(t, c.class, o.Class, "%v", o.Err)
			require.Equal(t, c.after, o.After)
			require.ErrorContains(t, o.Err, c.says)
			require.Empty(t, o.Ref)
			require.Equal(t, []string{"chat.postMessage"}, srv.asked(), "one request, never a second by itself")
		})
	}
}

func TestTheAnswerIsLost(t *testing.T) {
	srv := newServer(t)
	srv.answerBy(func(w http.ResponseWriter, r *http.Request, _ string) bool {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n{\"ok\":true,\"ch")
			_ = conn.Close()
		}
		return true
	})
	o := sender(t, srv).Send(t.Context(), headline("01A"), checkout())
	require.Equal(t, escalation.Unsure, o.Class)
	require.ErrorContains(t, o.Err, "the connection broke")

	srv = newServer(t)
	srv.answerBy(func(_ http.ResponseWriter, r *http.Request, _ string) bool { <-r.Context().Done(); return true })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	o = sender(t, srv).Send(ctx, headline("01A"), checkout())
	require.Equal(t, escalation.Unsure, o.Class)
	require.ErrorContains(t, o.Err, "no answer in time")

	srv.Close()
	o = sender(t, srv).Send(t.Context(), headline("01A"), checkout())
	require.Equal(t, escalation.NotSent, o.Class)
}

func TestNotEvenTried(t *testing.T) {
	srv := newServer(t)
	srv.answerBy(func(http.ResponseWriter, *http.Request, string) bool { t.Error("a request"); return false })
	s := sender(t, srv)
	o := s.Send(t.Context(), message1(escalation.OpTrigger, "01A", escalation.Content{}), checkout())
	require.Equal(t, escalation.Dead, o.Class)
	require.ErrorContains(t, o.Err, "Slack cannot trigger")

	o = s.Send(t.Context(), message1(escalation.OpSweep, "01A", escalation.Content{Sweep: escalation.Sweep{Sweeps: "01B", SweepRef: "gone"}}), checkout())
	require.Equal(t, escalation.Dead, o.Class)

	s.config.Token = func(context.Context) (string, error) {
		return "", errors.New("secret env:SLACK: the environment variable is not set")
	}
	o = s.Send(t.Context(), headline("01A"), checkout())
	require.Equal(t, escalation.NotSent, o.Class)
	require.EqualError(t, o.Err, "slack:#incidents: read the bot token: secret env:SLACK: the environment variable is not set")

	s.config.Token = func(context.Context) (string, error) { return "", nil }
	o = s.Send(t.Context(), headline("01A"), checkout())
	require.Equal(t, escalation.NotSent, o.Class)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.config.Token = func(context.Context) (string, error) { return token, nil }
	require.Equal(t, escalation.NotSent, s.Send(ctx, headline("01A"), checkout()).Class)
}

// A server, or a proxy, that repeats the request in its answer.
func TestTheTokenIsNeverShown(t *testing.T) {
	for name, form := range map[string]string{
		"form": "token=%s", "error": `{"ok":false,"error":"invalid %s"}`, "needed": `{"ok":false,"error":"missing_scope","needed":"%s"}`,
		"HTML": "<html>%s", "yes": `{"ok":true,"channel":"%s","ts":"1.1"}`,
	} {
		for _, code := range []int{200, 302, 400, 404, 429, 500} {
			srv := newServer(t)
			srv.answerBy(func(w http.ResponseWriter, r *http.Request, _ string) bool {
				w.Header().Set("Location", "https://example.com/?"+r.Form.Encode())
				w.WriteHeader(code)
				_, _ = fmt.Fprintf(w, form, r.Form.Get("token"))
				return true
			})
			for _, murky := range []bool{false, true} {
				m := headline("01A")
				m.Murky = murky
				o := sender(t, srv).Send(t.Context(), m, checkout())
				require.Error(t, o.Err, "%s %d", name, code)
				require.NotContains(t, strings.ToLower(o.Err.Error()), strings.ToLower(token), "%s %d", name, code)
				require.LessOrEqual(t, utf8.RuneCountInString(o.Err.Error()), 600)
			}
		}
	}
}

// Blocks that Slack does not take are left out: it has posted nothing yet.
func TestPlainTextPasses(t *testing.T) {
	srv := newServer(t)
	srv.answerBy(func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if r.Form.Has("blocks") {
			reply(w, refuse("invalid_blocks"))
			return true
		}
		return false
	})
	s := sender(t, srv)
	ref := done(t, s.Send(t.Context(), headline("01A"), checkout()))
	update := headline("01B")
	update.Operation, update.Parent = escalation.OpUpdate, ref
	done(t, s.Send(t.Context(), update, checkout()))
	require.Len(t, srv.shown("C0INC"), 1)
	require.Empty(t, srv.shown("C0INC")[0].Blocks)
}

// The app enters a public channel by itself; into a private one it must be let.
func TestNotInTheChannel(t *testing.T) {
	srv := newServer(t)
	srv.pageSize = 1
	srv.channels["C0INC"].member = false
	done(t, sender(t, srv).Send(t.Context(), headline("01A"), checkout()))
	require.Equal(t, []string{"chat.postMessage", "conversations.list", "conversations.list", "conversations.join", "chat.postMessage"}, srv.asked())

	srv.add(&channel{id: "C0SECRET", name: "secret", private: true})
	m := headline("01B")
	m.Sink = "slack:C0SECRET"
	o := sender(t, srv).Send(t.Context(), m, checkout())
	require.Equal(t, escalation.Dead, o.Class)
	require.EqualError(t, o.Err, "slack:C0SECRET: not_in_channel: invite the app to C0SECRET")
}

// A headline that somebody deleted stays deleted.
func TestTheHeadlineWasDeleted(t *testing.T) {
	m := headline("01A")
	m.Operation, m.Parent = escalation.OpUpdate, "C0INC/1772334001.000001"
	o := sender(t, newServer(t)).Send(t.Context(), m, checkout())
	require.Equal(t, escalation.Dead, o.Class)
	require.ErrorContains(t, o.Err, "message_not_found: somebody deleted the message")
}

// Several goroutines send at once, some to channels that must be looked up.
func TestManyAtOnce(t *testing.T) {
	srv := newServer(t)
	s := sender(t, srv)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			m := post(fmt.Sprintf("01M%d", i), fmt.Sprintf("message %d", i))
			m.Sink = []string{"slack:#incidents", "slack:#general"}[i%2]
			m.Murky = i%4 < 2
			if o := s.Send(t.Context(), m, checkout()); o.Class != escalation.Done || o.Reconciled {
				t.Errorf("%d: %v %v", i, o.Class, o.Err)
			}
		})
	}
	wg.Wait()
	require.Len(t, srv.shown("C0INC"), 20)
	require.Len(t, srv.shown("C0GENERAL"), 20)
}
