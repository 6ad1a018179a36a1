package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
)

// A change as the contract wants it, and what becomes of it.
func TestAChangeIsTold(t *testing.T) {
	var got map[string]any
	status, answer := http.StatusAccepted, `{"status":"success","message":"Change event processed"}`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "POST /v2/change/enqueue", r.Method+" "+r.URL.Path)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		got = nil
		require.NoError(t, json.Unmarshal(body, &got))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	s := sender(t, srv.URL)
	c := Change{Summary: "checkout\nv1.42 \x1b[2J" + strings.Repeat("é", 900), Source: "checkout", At: night, Link: "https://ci.example.com/42", Details: map[string]string{"type": "deploy"}}
	require.Equal(t, escalation.Done, s.SendChange(t.Context(), "primary", c).Class)
	require.Equal(t, key, got["routing_key"])
	payload := got["payload"].(map[string]any)
	summary := payload["summary"].(string)
	require.LessOrEqual(t, len(summary), 1024)
	require.True(t, strings.HasPrefix(summary, "checkout v1.42 [2J"), summary)
	require.Equal(t, "2026-03-01T03:00:00Z", payload["timestamp"])
	require.Equal(t, "checkout", payload["source"])
	require.Equal(t, map[string]any{"type": "deploy"}, payload["custom_details"])
	require.Equal(t, []any{map[string]any{"href": "https://ci.example.com/42"}}, got["links"])

	c.Link = "javascript:alert(1)"
	require.Equal(t, escalation.Done, s.SendChange(t.Context(), "primary", c).Class)
	require.NotContains(t, got, "links")

	for _, refused := range []struct {
		status int
		answer string
		class  escalation.Class
		says   string
	}{
		{400, `{"status":"invalid event","message":"Event object is invalid","errors":["Invalid routing key"]}`, escalation.NotSent, "check pagerduty.routing_keys.primary"},
		{400, `{"status":"invalid event","message":"Event object is invalid","errors":["'payload.summary' is missing or blank"]}`, escalation.Dead, "payload.summary"},
		{403, ``, escalation.NotSent, "check pagerduty.routing_keys.primary"},
		{404, ``, escalation.NotSent, "check pagerduty.events_url"},
		{429, ``, escalation.Throttled, "again in"},
		{503, ``, escalation.Unsure, "503"},
		{200, `<html>log in</html>`, escalation.Unsure, "not as the Events API does"},
	} {
		status, answer = refused.status, refused.answer
		o := s.SendChange(t.Context(), "primary", c)
		require.Equal(t, refused.class, o.Class, refused.status)
		require.ErrorContains(t, o.Err, refused.says)
		require.NotContains(t, o.Err.Error(), key)
	}
	o := s.SendChange(t.Context(), "nobody", c)
	require.Equal(t, escalation.NotSent, o.Class, "the configuration can be mended")
	require.ErrorContains(t, o.Err, "no pagerduty.routing_keys.nobody")
}

// Every page is read, whatever its events look like.
func TestChangesAreReadPageByPage(t *testing.T) {
	const token = "s3cret-token"
	fault := http.HandlerFunc(nil)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault != nil {
			fault(w, r)
			return
		}
		require.Equal(t, "Token token="+token, r.Header.Get("Authorization"))
		require.Equal(t, "application/vnd.pagerduty+json;version=2", r.Header.Get("Accept"))
		q := r.URL.Query()
		require.Equal(t, "2026-03-01T02:00:00Z", q.Get("since"))
		require.Equal(t, "2026-03-01T03:00:00Z", q.Get("until"))
		offset, err := strconv.Atoi(q.Get("offset"))
		require.NoError(t, err)
		list := []map[string]any{}
		for i := offset; i < min(offset+100, 250); i++ {
			list = append(list, map[string]any{"id": fmt.Sprintf("P%d", i), "type": "change_event", "summary": fmt.Sprintf("deploy %d", i), "timestamp": "2026-03-01T02:30:00Z"})
		}
		if first := 200 - offset; first >= 0 && first+1 < len(list) {
			list := list[first:]
			list[0]["services"] = []any{map[string]any{"id": "S1", "summary": "Checkout", "type": "service_reference"}}
			list[0]["links"] = []any{map[string]any{"href": "https://ci.example.com/200", "text": "log"}}
			list[0]["custom_details"] = map[string]any{"actor": "carol", "build": 7}
			list[1]["source"], list[1]["timestamp"] = "bastion", nil
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"change_events": list, "limit": 100, "offset": offset, "more": offset+100 < 250, "total": nil})
	}))
	t.Cleanup(srv.Close)
	tr := escalation.NewTransport()
	t.Cleanup(tr.CloseIdleConnections)
	r := NewAPI(srv.URL+"/", func(context.Context) (string, error) { return token, nil }, &http.Client{Transport: tr})
	list, err := r.Changes(t.Context(), night.Add(-time.Hour), night)
	require.NoError(t, err)
	require.Len(t, list, 250)
	require.Equal(t, Change{ID: "P200", Summary: "deploy 200", Source: "Checkout", At: night.Add(-30 * time.Minute), Link: "https://ci.example.com/200", Details: map[string]string{"actor": "carol"}}, list[200])
	require.Equal(t, "bastion", list[201].Source)
	require.True(t, list[201].At.IsZero())

	for _, broken := range []struct {
		status       int
		answer, says string
	}{
		{401, `{"error":{"message":"no"}}`, "check pagerduty.api_token"},
		{404, ``, "check pagerduty.api_url"},
		{500, token, "500"},
		{200, `<html>` + token, "not as the REST API does"},
		{200, `{}`, "not as the REST API does"},
	} {
		fault = func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(broken.status)
			_, _ = io.WriteString(w, broken.answer)
		}
		_, err := r.Changes(t.Context(), night.Add(-time.Hour), night)
		require.ErrorContains(t, err, broken.says)
		require.NotContains(t, err.Error(), token)
	}
	fault = func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"change_events":[{"id":7,"summary":%q,"timestamp":"yesterday"},{"id":{}},{"summary":4},"x",{"id":"P9","summary":"fine","timestamp":"2026-03-01T02:30:00Z"}]}`, r.Header.Get("Authorization"))
	}
	list, err = r.Changes(t.Context(), night.Add(-time.Hour), night)
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.Equal(t, Change{ID: "7", Summary: "Token token=***", Details: map[string]string{}}, list[0])
	require.Equal(t, "fine", list[2].Summary)

	r.token = func(context.Context) (string, error) { return "", errors.New("no variable PD_TOKEN") }
	_, err = r.Changes(t.Context(), night.Add(-time.Hour), night)
	require.ErrorContains(t, err, "no variable PD_TOKEN")
}
