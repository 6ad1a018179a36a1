package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Strangers who open connections by the hundred and say nothing hold few of the daemon's
// files, and it answers when it has let them go; one that asks and never reads is let go
// of too.
func TestTheDaemonIsNotHeldOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	web, hook := freePort(t), freePort(t)
	config := filepath.Join(dir, "sitrep.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "daemon: {listen: 127.0.0.1:%d}\nalertmanager: {webhook: {listen: 127.0.0.1:%d}}\n", web, hook), 0o600))
	cmd := exec.Command(binary, "--config", config, "--db", filepath.Join(dir, "s.db"), "daemon")
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir, "SUDO_USER=ana")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	alive := func(url string) bool {
		client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get(url)
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}
	addresses := []string{fmt.Sprintf("http://127.0.0.1:%d/-/healthy", web), fmt.Sprintf("http://127.0.0.1:%d/-/healthy", hook)}
	for _, url := range addresses {
		require.Eventually(t, func() bool { return alive(url) }, time.Minute, 50*time.Millisecond, url)
	}
	files := func() int {
		list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", cmd.Process.Pid))
		require.NoError(t, err)
		return len(list)
	}
	before := files()
	for _, port := range []int{web, hook} {
		for i := range 600 {
			conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), 5*time.Second)
			require.NoError(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			if i%2 == 0 {
				_, _ = io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: x\r\nX: ")
			}
		}
	}
	require.LessOrEqual(t, files(), before+2*mostConnections+50)
	for _, url := range addresses {
		require.Eventually(t, func() bool { return alive(url) }, 2*time.Minute, 100*time.Millisecond, url)
	}
}

// Those who send slowly, a little or much, do not keep a notification out.
func TestSlowSendersKeepNobodyOut(t *testing.T) {
	t.Parallel()
	n := newNightDesk(t)
	in := webhookIn{desk: n.desk, poke: func() {}, large: make(chan struct{}, 2), busy: make(chan struct{}, 2), now: time.Now}
	server := httptest.NewServer(in)
	for _, sent := range []int{10, 10, 10, usualNotification + 10, usualNotification + 10, usualNotification + 10} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n%s", strings.Repeat(" ", sent))
		require.NoError(t, err)
	}
	t.Cleanup(server.Close) // before the connections are, for it waits for them
	t.Cleanup(server.CloseClientConnections)
	require.Eventually(t, func() bool { return len(in.large) == cap(in.large) }, time.Minute, time.Millisecond)
	status, text := post(t, server.URL, "application/json", "", `{"version": "4", "alerts": []}`)
	require.Equal(t, http.StatusOK, status, text)
	status, _ = post(t, server.URL, "application/json", "", `{"version": "4", "alerts": [], "x": "`+strings.Repeat("x", usualNotification)+`"}`)
	require.Equal(t, http.StatusServiceUnavailable, status, "Alertmanager sends it again")
}
