package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/PagerDuty/go-pagerduty"
	"github.com/stretchr/testify/require"
)

// rest calls the stand-in as the person at the keyboard.
func rest(t *testing.T, pd http.Handler, method, path, body string) (int, http.Header, string) {
	t.Helper()
	return standInCall(t, pd, method, path, "application/json", body, "Authorization", "Token token="+labAPIToken, "From", labEmail)
}

func TestPagerDutysRESTRefusesWhatTheRealOneRefuses(t *testing.T) {
	clock := newStandInClock()
	pd := newPagerDuty(newLedger(), clock.now, "ana")
	standInCall(t, pd, "POST", "/v2/enqueue", "application/json", pdEvent(t, nil))
	const id = "QLAB00000001"
	for path, want := range map[string]int{
		"/incidents?limit=101": 400, "/incidents?limit=100&offset=9901": 400, "/incidents?offset=-1": 400, "/incidents/QNONE": 404, "/incidents/" + id + "/nothing": 404,
		"/incidents/" + id + "/log_entries?since=yesterday": 400, "/escalation_policies/PNONE": 404, "/users/PNONE/contact_methods": 404, "/services/PLABSRV1": 404,
		"/incidents": 200, "/oncalls": 200, "/users": 200, "/services": 200, "/escalation_policies": 200, "/incidents/" + id + "/alerts": 200,
	} {
		status, _, body := rest(t, pd, "GET", path, "")
		require.Equal(t, want, status, "%s: %s", path, body)
		require.True(t, json.Valid([]byte(body)))
	}
	status, _, body := standInCall(t, pd, "GET", "/incidents", "", "", "Authorization", "Token token=other")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, body, "2006")
	for _, from := range []string{"", "nobody@lab.example.com"} {
		status, _, body = standInCall(t, pd, "PUT", "/incidents", "application/json", `{"incidents":[]}`, "Authorization", "Token token="+labAPIToken, "From", from)
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, body, "1008")
	}
	for _, c := range []struct {
		method, path, body string
		status, code       int
	}{
		{"PUT", "/incidents", `{"incidents":[]}`, 400, 2001},
		{"PUT", "/incidents", `no`, 400, 2001},
		{"PUT", "/incidents", `{"incidents":[{"id":"QNONE","status":"acknowledged"}]}`, 404, 2100},
		{"PUT", "/incidents", `{"incidents":[{"id":"` + id + `","escalation_level":2}]}`, 400, 1006},
		{"PUT", "/incidents", `{"incidents":[{"id":"` + id + `","assignments":[{"assignee":{"id":"PNONE"}}]}]}`, 400, 2001},
		{"POST", "/incidents/" + id + "/snooze", `{"duration":0}`, 400, 2001},
		{"POST", "/incidents/" + id + "/snooze", `{"duration":604801}`, 400, 2001},
		{"POST", "/incidents/" + id + "/notes", `{"note":{"content":""}}`, 400, 2001},
		{"POST", "/incidents/" + id + "/notes", `{"note":{"content":"` + strings.Repeat("x", 2001) + `"}}`, 400, 2001},
		{"POST", "/incidents/" + id + "/status_updates", `{"message":" "}`, 400, 2001},
		{"PUT", "/incidents/" + id + "/merge", `{"source_incidents":[{"id":"` + id + `"}]}`, 404, 2100},
		{"DELETE", "/incidents/" + id, ``, 400, 2001},
		{"POST", "/oncalls", `{}`, 404, 2100},
	} {
		status, _, body := rest(t, pd, c.method, c.path, c.body)
		require.Equal(t, c.status, status, "%s %s: %s", c.method, c.path, body)
		require.Contains(t, body, fmt.Sprintf(`"code":%d`, c.code))
	}
	throttled := false
	for range pdRESTPerMinute + 1 {
		status, header, body := rest(t, pd, "GET", "/services", "")
		if status == http.StatusTooManyRequests {
			require.Equal(t, []string{"960", "0", "1"}, []string{header.Get("ratelimit-limit"), header.Get("ratelimit-remaining"), header.Get("ratelimit-reset")})
			require.Contains(t, body, "2020")
			throttled = true
			break
		}
	}
	require.True(t, throttled)
}

// An event opens an incident, people and integrations do something to it, and its log
// tells them apart; go-pagerduty understands the answers.
func TestPagerDutysIncidentsHaveALog(t *testing.T) {
	pd := newPagerDuty(newLedger(), time.Now, "ana")
	srv := httptest.NewServer(pd)
	defer srv.Close()
	ctx := context.Background()
	c := pagerduty.NewClient(labAPIToken, pagerduty.WithAPIEndpoint(srv.URL), pagerduty.WithV2EventsAPIEndpoint(srv.URL))
	send := func(action, dedup string) {
		t.Helper()
		_, _, body := standInCall(t, pd, "POST", "/v2/enqueue", "application/json", pdEvent(t, map[string]any{"event_action": action, "dedup_key": dedup, "links": []any{map[string]any{"href": "https://wiki/x", "text": "runbook"}}}))
		require.Contains(t, body, "success")
	}
	send("trigger", "a")
	send("trigger", "b")
	list, err := c.ListIncidentsWithContext(ctx, pagerduty.ListIncidentsOptions{IncidentKey: "a"})
	require.NoError(t, err)
	require.Len(t, list.Incidents, 1)
	a := list.Incidents[0]
	require.Equal(t, "triggered high ana sitrep primary", strings.Join([]string{a.Status, a.Urgency, a.Assignments[0].Assignee.Summary, a.Service.Summary}, " "))
	b := "QLAB00000002"

	_, err = c.ManageIncidentsWithContext(ctx, labEmail, []pagerduty.ManageIncidentsOptions{{ID: a.ID, Status: "acknowledged"}})
	require.NoError(t, err)
	_, err = c.CreateIncidentNoteWithContext(ctx, a.ID, pagerduty.IncidentNote{Content: "hm", User: pagerduty.APIObject{Summary: labEmail}})
	require.NoError(t, err)
	status, _, body := rest(t, pd, "POST", "/incidents/"+a.ID+"/snooze", `{"duration":60}`)
	require.Equal(t, http.StatusCreated, status, body)
	_, err = c.SnoozeIncidentWithContext(ctx, a.ID, 60)
	require.ErrorContains(t, err, "Requester User Not Found", "the library sends no From")
	status, _, body = rest(t, pd, "POST", "/lab/incidents/"+a.ID+"/timeout", `{"to":"PLABUSER2"}`)
	require.Equal(t, http.StatusOK, status, body)
	_, err = c.MergeIncidentsWithContext(ctx, labEmail, a.ID, []pagerduty.MergeIncidentsOptions{{ID: b}})
	require.NoError(t, err)
	_, err = c.MergeIncidentsWithContext(ctx, labEmail, a.ID, []pagerduty.MergeIncidentsOptions{{ID: b}})
	require.ErrorContains(t, err, "Already Merged")
	list, err = c.ListIncidentsWithContext(ctx, pagerduty.ListIncidentsOptions{IncidentKey: "b"})
	require.NoError(t, err)
	require.Equal(t, a.ID, list.Incidents[0].ID, "its alert is there now")
	send("resolve", "a")
	log, err := c.ListIncidentLogEntriesWithContext(ctx, a.ID, pagerduty.ListIncidentLogEntriesOptions{Limit: 100})
	require.NoError(t, err)
	var lines []string
	for _, e := range log.LogEntries {
		lines = append(lines, e.Type+" "+e.Agent.Type+" "+e.Channel.Type)
	}
	const person, machine = "_log_entry user_reference ", "_log_entry events_api_v2_inbound_integration_reference "
	require.Equal(t, []string{
		"merge" + person + "website", "escalate" + machine + "website", "snooze" + person + "website", "annotate" + person + "note", "acknowledge" + person + "website",
		"notify" + machine + "auto", "assign" + machine + "auto", "trigger" + machine + "api",
	}, lines, "the newest first; one of its two alerts is still open")
	send("resolve", "b")
	got, err := c.GetIncidentWithContext(ctx, a.ID)
	require.NoError(t, err)
	require.Equal(t, "resolved", got.Status)
	_, err = c.ManageIncidentsWithContext(ctx, labEmail, []pagerduty.ManageIncidentsOptions{{ID: a.ID, Status: "acknowledged"}})
	require.ErrorContains(t, err, "Already Resolved")

	calls, err := c.ListOnCallsWithContext(ctx, pagerduty.ListOnCallOptions{EscalationPolicyIDs: []string{pdPolicyID(0), pdPolicyID(1)}, Includes: []string{"users"}, Earliest: true})
	require.NoError(t, err)
	require.Len(t, calls.OnCalls, 2)
	require.Equal(t, labEmail, calls.OnCalls[0].User.Email)
	start, err := time.Parse(time.RFC3339, calls.OnCalls[0].Start)
	require.NoError(t, err)
	end, err := time.Parse(time.RFC3339, calls.OnCalls[0].End)
	require.NoError(t, err)
	require.True(t, !start.After(time.Now()) && end.After(time.Now()), "%s to %s", start, end)
	policy, err := c.GetEscalationPolicyWithContext(ctx, pdWholePolicy, nil)
	require.NoError(t, err)
	require.Len(t, policy.EscalationRules, 4)
}

// What somebody does at PagerDuty's own screen.
func TestPagerDutyByHand(t *testing.T) {
	log := newLedger()
	pd := newPagerDuty(log, newStandInClock().now, "ana")
	standInCall(t, pd, "POST", "/v2/enqueue", "application/json", pdEvent(t, nil))
	for what, want := range map[string]int{"acknowledge": 200, "note": 200, "reassign": 200, "escalate": 200, "unacknowledge": 200, "dance": 404} {
		status, _, body := standInCall(t, pd, "POST", "/lab/incidents/QLAB00000001/"+what, "application/json", `{"user":"PLABUSER1","to":"PLABUSER2","text":"x"}`)
		require.Equal(t, want, status, body)
	}
	for path, body := range map[string]string{"QNONE/acknowledge": `{"user":"PLABUSER1"}`, "QLAB00000001/acknowledge": `{"user":"PNONE"}`, "QLAB00000001/note": `{`} {
		status, _, _ := standInCall(t, pd, "POST", "/lab/incidents/"+path, "application/json", body)
		require.Contains(t, []int{400, 404}, status)
	}
	require.Len(t, readLedger(t, pd), 1, "nothing of it would have been sent")
}
