package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The first ctrl-C ends the arrivals and leaves what is in flight its time, the second
// closes the connections of that too. A key that is hit twice is one.
func TestASecondCtrlCClosesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	var open atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		open.Add(1)
		defer open.Add(-1)
		<-r.Context().Done() // until the other side closes
	}))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	plan := filepath.Join(dir, "plan.yaml")
	require.NoError(t, os.WriteFile(plan, fmt.Appendf(nil, "name: hangs\ntimeout: 60s\ntargets: [{url: %q}]\nstages: [{rate: 20, for: 10m}]\n", s.URL+"/"), 0o600))
	x := startTerminal(t, 100, 40, []string{"XDG_STATE_HOME=" + dir, "HOME=" + dir, "SUDO_USER=ana"}, "--db", filepath.Join(dir, "s.db"), "load", "run", plan)
	require.Eventually(t, func() bool { return open.Load() >= 5 }, patience, 20*time.Millisecond)
	x.press(keyCtrlC, keyCtrlC)
	x.see("no more arrivals; what is in flight has up to 10s, ctrl-C again closes it")
	require.Positive(t, open.Load(), "it is still waited for")
	<-time.After(2 * bounce) // by then it is another
	x.press(keyCtrlC)
	require.Equal(t, exitInterrupted, x.exit())
	require.Eventually(t, func() bool { return open.Load() == 0 }, patience, 20*time.Millisecond)
	require.Contains(t, x.text(), "what is in flight is closed")
}
