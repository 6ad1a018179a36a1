package chaos

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// looked is a probe's value.
func looked(t *testing.T, p Probe) (float64, error) {
	t.Helper()
	v, err := p.look(t.Context(), nil)
	require.NotNil(t, v)
	return *v, err
}

func TestHTTPProbe(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/down", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	mux.HandleFunc("/elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/half", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	for _, c := range []struct {
		path   string
		status []int
		value  float64
		says   string
	}{
		{"/ok", nil, 1, ""},
		{"/ok", []int{204}, 0, "200 OK"},
		{"/down", nil, 0, "503 Service Unavailable"},
		{"/down", []int{200, 503}, 1, ""},
		{"/elsewhere", nil, 0, "302 Found"},
		{"/slow", nil, 0, "deadline exceeded"},
		{"/half", nil, 0, "the answer breaks off"},
	} {
		v, err := looked(t, Probe{HTTP: &HTTPProbe{URL: srv.URL + c.path, Status: c.status, Timeout: seconds(0.3)}})
		require.Equal(t, c.value, v, c.path)
		if c.says == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, c.says)
		}
	}
	srv.Close()
	v, err := looked(t, Probe{HTTP: &HTTPProbe{URL: srv.URL + "/ok"}})
	require.Zero(t, v)
	require.ErrorContains(t, err, "connection refused")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	gone, err := Probe{HTTP: &HTTPProbe{URL: srv.URL + "/ok"}}.look(ctx, nil)
	require.Nil(t, gone, "a run that ends says nothing about the system")
	require.ErrorIs(t, err, context.Canceled)
}

func TestTCPProbe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := Probe{TCP: &TCPProbe{Address: l.Addr().String()}}
	v, err := looked(t, p)
	require.NoError(t, err)
	require.Equal(t, 1.0, v)
	require.NoError(t, l.Close())
	v, err = looked(t, p)
	require.ErrorContains(t, err, "connection refused")
	require.Zero(t, v)
}

func TestExecProbe(t *testing.T) {
	v, err := looked(t, Probe{Exec: &ExecProbe{Argv: []string{"/bin/sh", "-c", "exit 0"}}})
	require.NoError(t, err)
	require.Equal(t, 1.0, v)
	v, err = looked(t, Probe{Exec: &ExecProbe{Argv: []string{"/bin/sh", "-c", "echo the door is shut >&2; exit 3"}}})
	require.ErrorContains(t, err, "/bin/sh: exit status 3 the door is shut")
	require.Zero(t, v)
	v, err = looked(t, Probe{Exec: &ExecProbe{Argv: []string{"/nowhere/smoke"}}})
	require.ErrorContains(t, err, "run /nowhere/smoke")
	require.Zero(t, v)

	// One that hangs is killed, with what it has started.
	note := filepath.Join(t.TempDir(), "pid")
	began := time.Now()
	v, err = looked(t, Probe{Exec: &ExecProbe{Argv: []string{"/bin/sh", "-c", "sleep 600 & echo $! > " + note + "; wait"}, Timeout: seconds(0.5)}})
	require.Error(t, err)
	require.Zero(t, v)
	require.Less(t, time.Since(began), 60*time.Second)
	text, err := os.ReadFile(note)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		st, err := readStat(pid)
		return err != nil || st.state == 'Z' // whoever adopts it may not have looked yet
	}, 10*time.Second, 10*time.Millisecond, "process %d is left", pid)
}
