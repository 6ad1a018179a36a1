package lab

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPagerDutyListsItsChanges(t *testing.T) {
	clock := newStandInClock()
	pd := newPagerDuty(newLedger(), clock.now, "ana")
	_, _, none := standInCall(t, pd, "GET", "/change_events", "", "", "Authorization", "Token token="+labAPIToken)
	require.Contains(t, none, `"change_events":[]`)
	for i := range 30 {
		clock.advance(time.Minute)
		body := fmt.Sprintf(`{"routing_key":%q,"payload":{"summary":"deploy %d","source":"cart","timestamp":%q,"custom_details":{"n":%d}},"links":[{"href":"https://ci.example.com/%d"}]}`,
			labRoutingKeys()["primary"], i, clock.now().UTC().Format(time.RFC3339), i, i)
		status, _, answer := standInCall(t, pd, "POST", "/v2/change/enqueue", "application/json", body)
		require.Equal(t, http.StatusAccepted, status, answer)
	}
	read := func(query string) (status int, summaries []string, more bool) {
		status, _, body := standInCall(t, pd, "GET", "/change_events"+query, "", "", "Authorization", "Token token="+labAPIToken)
		var answer struct {
			Events []struct {
				ID, Type, Summary string
				Links             []any
			} `json:"change_events"`
			More bool
		}
		require.NoError(t, json.Unmarshal([]byte(body), &answer))
		for _, e := range answer.Events {
			require.Equal(t, "change_event", e.Type)
			require.NotEmpty(t, e.ID)
			require.Len(t, e.Links, 1)
			summaries = append(summaries, e.Summary)
		}
		return status, summaries, answer.More
	}
	status, list, more := read("")
	require.Equal(t, http.StatusOK, status)
	require.True(t, more)
	require.Len(t, list, 25)
	require.Equal(t, "deploy 29", list[0], "the newest first")
	_, list, more = read("?offset=25")
	require.Equal(t, []string{"deploy 4", "deploy 3", "deploy 2", "deploy 1", "deploy 0"}, list)
	require.False(t, more)
	_, list, _ = read("?since=" + clock.now().Add(-2*time.Minute).UTC().Format(time.RFC3339) + "&until=" + clock.now().UTC().Format(time.RFC3339))
	require.Equal(t, []string{"deploy 28", "deploy 27"}, list)
	for _, wrong := range []string{"?limit=101", "?limit=x", "?offset=-1", "?since=yesterday", "?until=1"} {
		status, _, _ := read(wrong)
		require.Equal(t, http.StatusBadRequest, status, wrong)
	}
	code, _, _ := standInCall(t, pd, "GET", "/change_events", "", "", "Authorization", "Token token=other")
	require.Equal(t, http.StatusUnauthorized, code)
	require.Len(t, readLedger(t, pd), 30, "what is read is not what would have been sent")
	status, _, answer := standInCall(t, pd, "POST", "/v2/change/enqueue", "application/json", `{"routing_key":"`+labRoutingKeys()["lead"]+`","payload":{"summary":"x","timestamp":"today"}}`)
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, answer, "'payload.timestamp' is invalid")
}
