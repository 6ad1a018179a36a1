package lab

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A stand-in that is down answers nobody, and still says what it was asked.
func TestAStandInCanBeDown(t *testing.T) {
	log := newLedger()
	s := httptest.NewServer(newOutage(newPagerDuty(log, time.Now, "ana"), log, time.Now))
	t.Cleanup(s.Close)
	post := func(path, body string) (int, error) {
		resp, err := http.Post(s.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	expect := func(status int, path, body string) {
		t.Helper()
		got, err := post(path, body)
		require.NoError(t, err)
		require.Equal(t, status, got)
	}
	event := `{"routing_key":"1ab0000000000000000000000primary","event_action":"trigger","dedup_key":"k","payload":{"summary":"s","source":"x","severity":"critical"}}`
	expect(http.StatusAccepted, "/v2/enqueue", event)
	expect(http.StatusNoContent, "/lab/down", "")
	expect(http.StatusServiceUnavailable, "/v2/enqueue", event)
	expect(http.StatusBadRequest, "/lab/down?as=fire", "")
	expect(http.StatusNoContent, "/lab/down?as=closed", "")
	_, err := post("/v2/enqueue", event)
	require.Error(t, err)
	expect(http.StatusNoContent, "/lab/up", "")
	expect(http.StatusAccepted, "/v2/enqueue", event)

	var statuses []int
	for _, e := range log.entries() {
		statuses = append(statuses, e.Status)
	}
	require.Equal(t, []int{202, 503, 0, 202}, statuses)
	resp, err := http.Get(s.URL + "/ledger")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, resp.Body.Close())
}
