package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A test page goes through every sink of the lab, is marked everywhere, and
// nothing of it stays open or is stored. An update goes to the whole audience.
func TestSinksEndToEnd(t *testing.T) {
	t.Parallel()
	h := startHeadless(t)
	_, code := h.sitrep("doctor", "--send-test")
	require.Equal(t, exitRefused, code, "nobody has confirmed it")
	require.Empty(t, h.pages())

	out, code := h.sitrep("doctor", "--send-test", "--statuspage-test", "--confirm", "send-test", "--json")
	require.Equal(t, 0, code, out)
	var steps []testStep
	require.NoError(t, json.Unmarshal([]byte(out), &steps))
	did := map[string]string{}
	for _, s := range steps {
		did[s.Sink] += s.Step + ", "
	}
	require.Equal(t, "read secrets, trigger, look up, resolve, ", did["pagerduty:primary"])
	require.Equal(t, "read secrets, auth.test, post, find it in the history, update, ", did["slack:#stakeholders"])
	require.Equal(t, "read secrets, trigger, resolve, ", did["webhook:news"])
	require.Equal(t, "read secrets, look at the page, create, resolve, ", did["statuspage:lab"])
	for _, base := range []string{h.Slack, h.Webhook, h.StatusPage} {
		require.Contains(t, strings.Join(h.ledger(base), "\n"), "[TEST]", base)
	}
	require.Contains(t, strings.Join(h.pages(), "\n"), "[TEST]")
	list, _ := h.sitrep("incident", "list", "--json")
	require.Equal(t, "[]", strings.TrimSpace(list))

	h.delivers("incident", "declare", "--severity", "SEV-1", "--title", "bob broke the checkout", "--service", "checkout")
	h.delivers("incident", "update", "INC-1", "--conditions", "A third of the checkouts fail.", "--needs", "a DBA")
	h.delivers("incident", "resolve", "INC-1", "--resolution", "bob's flag is off")
	page := strings.Join(h.ledger(h.StatusPage), "\n")
	require.Contains(t, page, "Problems with the checkout")
	require.Contains(t, page, "A third of the checkouts fail.")
	require.Contains(t, page, "This incident has been resolved.")
	require.NotContains(t, page, "bob")
	require.NotContains(t, page, "DBA")
	require.Contains(t, strings.Join(h.ledger(h.Webhook), "\n"), `"operation":"announce"`)
	pages, _ := h.sitrep("pages", "INC-1", "--json")
	var rows []pageView
	require.NoError(t, json.Unmarshal([]byte(pages), &rows))
	told := map[string]string{}
	for _, r := range rows {
		if r.Operation == "announce" {
			told[r.Sink+":"+r.Target] = r.Outcome
		}
	}
	require.Equal(t, map[string]string{"slack:#stakeholders": "accepted", "webhook:news": "accepted", "statuspage:lab": "accepted"}, told)
}

// What a sink does not take is said at its step, and no later step is tried.
func TestASinkThatFailsTheTest(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		sink   string
		says   string
	}{
		"webhook": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, "webhook:ops", "check the secrets of webhooks.ops"},
		"scopes": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-OAuth-Scopes", "chat:write,channels:read")
			_, _ = io.WriteString(w, `{"ok":true,"user":"sitrep","team":"ours"}`)
		}, "slack:#a", "lacks the scopes channels:history"},
		"token": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"ok":false,"error":"invalid_auth"}`)
		}, "slack:#a", "invalid_auth: check slack.bot_token"},
		"login page":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `<html>`) }, "slack:#a", "check slack.api_url"},
		"status page": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "statuspage:main", "check statuspages.main.page_id"},
		"pagerduty":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) }, "pagerduty:primary", "dead: pagerduty:primary: 400"},
		"no key":      {nil, "pagerduty:lead", "the configuration has no pagerduty.routing_keys.lead"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.answer(w, r) }))
			t.Cleanup(srv.Close)
			t.Setenv("SITREP_TEST_KEY", "hunter2")
			cfg, err := loadConfig(writeConfig(t, `
pagerduty: {events_url: "`+srv.URL+`", routing_keys: {primary: env:SITREP_TEST_KEY}}
slack: {api_url: "`+srv.URL+`/api/", bot_token: env:SITREP_TEST_KEY}
webhooks: {ops: {url: "`+srv.URL+`"}}
statuspages: {main: {api_url: "`+srv.URL+`", page_id: x, token: env:SITREP_TEST_KEY}}
`))
			require.NoError(t, err)
			test := newSinkTest(cfg, c.sink, (&app{}).senders(cfg, nil), true)
			test.lag = time.Millisecond
			require.False(t, test.run(t.Context()))
			last := test.steps[len(test.steps)-1]
			require.False(t, last.OK)
			require.Contains(t, last.Detail, c.says)
			require.NotContains(t, last.Detail, "hunter2")
		})
	}
}
