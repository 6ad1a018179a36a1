package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

func TestChangesOverHTTP(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	t.Setenv("INTAKE", "s3cret")
	serve := func(token secret) string {
		server := httptest.NewServer((&centre{db: db}).daemonHandler(&config{Daemon: daemonConfig{Token: token}}))
		t.Cleanup(server.Close)
		return server.URL + "/changes"
	}
	open, closed, broken := serve("env:INTAKE"), serve(""), serve("env:INTAKE_MISSING")
	pagerduty := `{"routing_key": "R0000000000000000000000000000000", "payload": {"summary": "Build <b>42</b>", "timestamp": "2026-11-24T02:58:00Z", "source": "checkout", "custom_details": {"build": 42}}, "links": [{"href": "https://ci.example.com/42", "text": "log"}]}`
	for _, c := range []struct {
		name, url, token, body string
		status                 int
		says                   string
	}{
		{"no token is configured", closed, "s3cret", `{"text": "x"}`, 403, "set daemon.token"},
		{"the token cannot be read", broken, "s3cret", `{"text": "x"}`, 500, "cannot be read"},
		{"no token is given", open, "", `{"text": "x"}`, 401, "Authorization: Bearer TOKEN"},
		{"the wrong token", open, "s3cre", `{"text": "x"}`, 401, "Authorization: Bearer TOKEN"},
		{"nothing", open, "s3cret", ``, 400, "is not what is expected"},
		{"no object", open, "s3cret", `[1]`, 400, "is not what is expected"},
		{"an unknown key", open, "s3cret", `{"text": "x", "servcie": "a"}`, 400, `unknown field "servcie"`},
		{"no text", open, "s3cret", `{"text": " "}`, 400, "say what changed"},
		{"an unknown type", open, "s3cret", `{"text": "x", "type": "party"}`, 400, "none of deploy, flag and config"},
		{"the future", open, "s3cret", `{"text": "x", "at": "2999-01-01T00:00:00Z"}`, 400, "is in the future"},
		{"two at once", open, "s3cret", `{"text": "x"} {"text": "y"}`, 400, "one change a request"},
		{"both forms", open, "s3cret", `{"text": "x", "payload": {"summary": "y"}}`, 400, "not both"},
		{"too much", open, "s3cret", `{"text": "` + strings.Repeat("x", mostIntake) + `"}`, 413, "at most 524288 bytes"},
		{"a long name", open, "s3cret", `{"text": "x", "actor": "` + strings.Repeat("x", incident.MaxName+1) + `"}`, 400, "at most 4096 are kept"},
		{"a deploy", open, "s3cret", `{"text": "deploy checkout v2\u001b[2J", "service": "checkout", "id": "run-7", "actor": "ci"}`, 201, `"recorded":true`},
		{"the same again", open, "s3cret", `{"text": "deploy checkout v2", "id": "run-7"}`, 200, `"recorded": false`},
		{"PagerDuty's form", open, "s3cret", pagerduty, 201, `"recorded":true`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url, strings.NewReader(c.body))
		require.NoError(t, err)
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, c.status, answer.StatusCode, "%s: %s", c.name, body)
		require.Contains(t, string(body), c.says, c.name)
		require.NotContains(t, string(body), "s3cret", c.name)
	}
	answer, err := http.Get(open)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
	events, err := db.After(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 2, "and nothing else")
	require.Equal(t, incident.Person("ci"), events[0].Actor)
	require.Equal(t, "deploy checkout v2\x1b[2J", events[0].Text, "kept as it came; what draws it makes it safe")
	require.Equal(t, "Build <b>42</b>", events[1].Text)
	require.Equal(t, "2026-11-24T02:58:00Z", events[1].At.Format("2006-01-02T15:04:05Z"))
	require.JSONEq(t, `{"type": "deploy", "service": "checkout", "link": "https://ci.example.com/42"}`, string(events[1].Data), "no key of anybody's is kept")
}
