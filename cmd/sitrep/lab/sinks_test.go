package lab

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The status page takes what the contract allows, and says what it does not.
func TestStatusPage(t *testing.T) {
	clock := newStandInClock()
	p := newStatusPage(newLedger(), clock.now)
	const base = "/v1/pages/" + labPage
	call := func(method, path, body string) (int, any) {
		status, _, answer := standInCall(t, p, method, path, "application/json", body, "Authorization", "OAuth "+labPageToken)
		v, err := decodeJSON([]byte(answer))
		require.NoError(t, err, answer)
		return status, v
	}
	status, _, _ := standInCall(t, p, "GET", base, "", "")
	require.Equal(t, 401, status)
	status, page := call("GET", base, "")
	require.Equal(t, 200, status)
	require.Equal(t, labPage, page.(map[string]any)["id"])
	for body, want := range map[string]int{
		`{`: 400, `[]`: 400, `{"incident": 7}`: 400, `{"incident": {}}`: 422, `{"incident": {"name": "x", "status": "bad"}}`: 422,
		`{"incident": {"name": "x", "impact_override": 7}}`: 422, `{"incident": {"name": "x", "components": {"c": "sad"}}}`: 422,
	} {
		status, _ := call("POST", base+"/incidents", body)
		require.Equal(t, want, status, body)
	}
	status, made := call("POST", base+"/incidents", `{"incident": {"name": "Checkout", "status": "investigating", "body": "It fails.", "metadata": {"sitrep": {"id": "01A"}}}}`)
	require.Equal(t, 201, status)
	id := made.(map[string]any)["id"].(string)
	_, list := call("GET", base+"/incidents/unresolved", "")
	require.Len(t, list, 1)
	status, _ = call("PATCH", base+"/incidents/"+id, `{"incident": {"status": "resolved", "body": "Over."}}`)
	require.Equal(t, 200, status)
	_, list = call("GET", base+"/incidents/unresolved", "")
	require.Empty(t, list)
	_, one := call("GET", base+"/incidents/"+id, "")
	require.Len(t, one.(map[string]any)["incident_updates"], 2)
	status, _ = call("PATCH", base+"/incidents/nobody", `{"incident": {"status": "resolved"}}`)
	require.Equal(t, 404, status)
	status, _ = call("DELETE", base+"/incidents/"+id, "")
	require.Equal(t, 200, status)
	_, list = call("GET", base+"/incidents", "")
	require.Empty(t, list)
	for range 60 {
		status, _ = call("GET", base, "")
	}
	require.Equal(t, 420, status)
}

// The webhook checks what docs/sinks.md says that a receiver has to check.
func TestWebhook(t *testing.T) {
	clock := newStandInClock()
	h := newWebhook(newLedger(), clock.now)
	post := func(at time.Time, secret, key string) int {
		const body = `{"text":"x"}`
		stamp := strconv.FormatInt(at.Unix(), 10)
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%s.%s", stamp, body)
		status, _, _ := standInCall(t, h, "POST", "/anything", "application/json", body,
			"X-Sitrep-Timestamp", stamp, "X-Sitrep-Signature", "v1="+hex.EncodeToString(mac.Sum(nil)), "Idempotency-Key", key)
		return status
	}
	now := clock.now()
	require.Equal(t, 202, post(now, labHookSecret, "01A"))
	require.Equal(t, 400, post(now, labHookSecret, ""))
	require.Equal(t, 401, post(now, "another", "01A"))
	require.Equal(t, 401, post(now.Add(-time.Hour), labHookSecret, "01A"))
	require.Equal(t, 401, post(now.Add(time.Hour), labHookSecret, "01A"))
	status, _, _ := standInCall(t, h, "GET", "/", "", "")
	require.Equal(t, 405, status)
	_, _, shown := standInCall(t, h, "GET", "/ledger", "", "")
	require.Contains(t, shown, `"text":"x"`)
	require.NotContains(t, shown, labHookSecret)
}
