package embedded

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// An alert that began to fire after the last time that anything was learned is known
// when the server dies: whoever asked for alerts heard of it.
func TestWhatTheServerToldLastIsKnownWhenItDies(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"status":"success","data":{"alerts":[{"labels":{"alertname":"Loaded"},"annotations":{},"state":"firing","activeAt":"2026-11-25T03:00:00Z","value":"1"}]}}`)
	}))
	defer srv.Close()
	c, err := query.NewClient(query.Config{URL: srv.URL})
	require.NoError(t, err)
	s, err := NewStandby(StandbyConfig{Client: c, Probe: c})
	require.NoError(t, err)
	require.Empty(t, s.learned.Alerts)
	_, err = s.Alerts(t.Context())
	require.NoError(t, err)
	require.Len(t, s.learned.Alerts, 1)
	require.Equal(t, "firing", s.learned.Alerts[0].State)
}
