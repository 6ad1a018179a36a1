package chaos

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAllowedOps is the list: a journal that somebody else has written makes
// nobody do anything else.
func TestAllowedOps(t *testing.T) {
	p := Process{PID: 77, StartTicks: 1, BootID: "b"}
	for _, op := range []Op{Continue(p), HTTPDelete("http://127.0.0.1:1/faults", "f-1"), HTTPDelete("http://localhost:1/a/faults", "f-1"), HTTPDelete("http://[::1]:1/faults", "F_1.x"), ProxyDelete("/run/proxy-a.sock", "f-1")} {
		require.NoError(t, op.Valid(), op)
		require.NotContains(t, op.String(), "unknown")
	}
	for _, op := range []Op{
		{},
		{Do: "sh", URL: "rm -rf /"},
		{Do: "signal"},
		Continue(Process{}), Continue(Process{PID: 1}), Continue(Process{PID: -1}), Continue(Process{PID: -77}),
		HTTPDelete("http://10.0.0.1/faults", "f-1"), HTTPDelete("http://example.com/faults", "f-1"), HTTPDelete("http://127.0.0.1.example.com/faults", "f-1"),
		HTTPDelete("https://127.0.0.1:1/faults", "f-1"), HTTPDelete("http://a:b@127.0.0.1:1/faults", "f-1"), HTTPDelete("http://127.0.0.1:1/faults", "f-1?all=1"),
		HTTPDelete("http://127.0.0.1:1/faults", "f-1#x"), HTTPDelete("http://127.0.0.1:1/faults", "a/b"), HTTPDelete("http://127.0.0.1:1/faults", ""),
		HTTPDelete("http://127.0.0.1:1/faults", strings.Repeat("a", 65)), HTTPDelete("http://127.0.0.1:1/orders", "f-1"), HTTPDelete("\x00", "f-1"),
		{Do: "http-delete"},
		{Do: "proxy-delete"},
		ProxyDelete("/run/docker.sock", "f-1"), ProxyDelete("proxy-a.sock", "f-1"), ProxyDelete("/run/proxy-a.sock", "../x"), ProxyDelete("/run/proxy-a.sock", ""),
	} {
		require.Error(t, op.Valid(), op)
		_, err := LocalHands{}.Do(t.Context(), op)
		require.Equal(t, op.Valid(), err, op)
	}
	for _, c := range []Check{Nothing(), Running(p), HTTPAbsent("http://127.0.0.1:1/faults", "f-1"), ProxyAbsent("/run/proxy-a.sock", "f-1"), Direct(1, netip.MustParseAddrPort("127.0.0.1:80"))} {
		require.NoError(t, c.Valid(), c)
		require.NotContains(t, c.String(), "unknown")
	}
	for _, c := range []Check{{}, {Is: "true"}, {Is: "running"}, Running(Process{PID: 1}), HTTPAbsent("http://10.0.0.1/faults", "f-1"), ProxyAbsent("/run/docker.sock", "f-1"), {Is: "direct", Netns: 1, Name: "localhost:80"}, Direct(0, netip.MustParseAddrPort("127.0.0.1:80"))} {
		_, gone, err := LocalHands{}.Check(t.Context(), c)
		require.Equal(t, c.Valid(), err)
		require.Error(t, err)
		require.False(t, gone)
	}
	require.Equal(t, "unknown operation sh", Op{Do: "sh"}.String())
	require.Equal(t, "unknown check true", Check{Is: "true"}.String())
}

// TestLoopbackOnly is what LoopbackClient does with names and redirects.
func TestLoopbackOnly(t *testing.T) {
	client := LoopbackClient(time.Second)
	srv := httptest.NewServer(http.RedirectHandler("http://192.0.2.1/", http.StatusFound))
	defer srv.Close()
	res, err := client.Get(srv.URL)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusFound, res.StatusCode, "it is not followed")
	_, err = client.Get("http://192.0.2.1:80/")
	require.ErrorIs(t, err, errNotLoopback)
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:3128")
	_, err = client.Get("http://192.0.2.2/")
	require.ErrorContains(t, err, "dial 192.0.2.2:80", "nobody's proxy is asked")
}

// TestHTTPHands undo at a proxy, and tell when there is none any more.
func TestHTTPHands(t *testing.T) {
	var deleted []string
	lab, list, status := "1", `{"instance": "pay-1", "faults": [{"id": "f-1"}]}`, http.StatusNoContent
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(LabHeader, lab)
		if r.Method == http.MethodDelete {
			deleted = append(deleted, r.URL.Path)
			w.WriteHeader(status)
			return
		}
		fmt.Fprint(w, list)
	}))
	faults := srv.URL + "/proxies/faults/pay-1/faults" // the name of an instance may be any
	var h LocalHands

	_, gone, err := h.Check(t.Context(), HTTPAbsent(faults, "f-1"))
	require.NoError(t, err)
	require.False(t, gone)
	_, err = h.Do(t.Context(), HTTPDelete(faults, "f-1"))
	require.NoError(t, err)
	require.Equal(t, []string{"/proxies/faults/pay-1/faults/f-1"}, deleted)
	_, gone, err = h.Check(t.Context(), HTTPAbsent(faults, "f-2"))
	require.NoError(t, err)
	require.True(t, gone)

	status = http.StatusConflict
	_, err = h.Do(t.Context(), HTTPDelete(faults, "f-1"))
	require.ErrorContains(t, err, "409 Conflict")
	list = "no JSON"
	_, gone, err = h.Check(t.Context(), HTTPAbsent(faults, "f-1"))
	require.ErrorContains(t, err, "invalid character")
	require.False(t, gone, "nobody knows")

	lab, list, deleted = "", "{}", nil
	evidence, err := h.Do(t.Context(), HTTPDelete(faults, "f-1"))
	require.NoError(t, err)
	require.Contains(t, evidence, "is no longer the lab")
	require.Empty(t, deleted, "what is not the lab is not asked to delete anything")
	_, gone, err = h.Check(t.Context(), HTTPAbsent(faults, "f-1"))
	require.NoError(t, err)
	require.True(t, gone)
	_, err = ListFaults(t.Context(), faults)
	require.ErrorContains(t, err, "so it is not the lab's")

	srv.Close()
	evidence, gone, err = h.Check(t.Context(), HTTPAbsent(faults, "f-1"))
	require.NoError(t, err)
	require.True(t, gone)
	require.Contains(t, evidence, "nobody listens")
}

// TestProxyThatHangs: not knowing is not being gone.
func TestProxyThatHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close() // it never accepts
	faults := "http://" + l.Addr().String() + "/faults"
	_, err = LocalHands{}.Do(t.Context(), HTTPDelete(faults, "f-1"))
	require.ErrorContains(t, err, "Client.Timeout exceeded")
	_, gone, err := LocalHands{}.Check(t.Context(), HTTPAbsent(faults, "f-1"))
	require.Error(t, err)
	require.False(t, gone)
}

// sleeper is a child process that does nothing.
func sleeper(t *testing.T) (*exec.Cmd, Process) {
	cmd := exec.Command("sleep", "60")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p, err := Identify(cmd.Process.Pid)
	require.NoError(t, err)
	return cmd, p
}

func state(t *testing.T, p Process, want byte) {
	require.Eventually(t, func() bool { s, err := p.State(); return err == nil && s == want }, 10*time.Second, time.Millisecond)
}

func TestSignalHands(t *testing.T) {
	cmd, p := sleeper(t)
	var h LocalHands
	require.NoError(t, p.Signal(syscall.SIGSTOP))
	state(t, p, 'T')
	_, gone, err := h.Check(t.Context(), Running(p))
	require.NoError(t, err)
	require.False(t, gone)

	for name, other := range map[string]Process{
		"a reused number":              {PID: p.PID, StartTicks: p.StartTicks + 1, BootID: p.BootID},
		"another boot":                 {PID: p.PID, StartTicks: p.StartTicks, BootID: "another"},
		"a number that no process has": {PID: 1 << 22, StartTicks: 1, BootID: p.BootID},
	} {
		require.False(t, other.Alive(), name)
		require.ErrorIs(t, other.Signal(syscall.SIGKILL), ErrProcessGone, name)
		evidence, err := h.Do(t.Context(), Continue(other))
		require.NoError(t, err, name)
		require.Contains(t, evidence, "is gone", name)
		_, gone, err = h.Check(t.Context(), Running(other))
		require.NoError(t, err)
		require.True(t, gone, name)
	}
	state(t, p, 'T') // nobody has touched it

	for range 2 { // twice is harmless
		_, err = h.Do(t.Context(), Continue(p))
		require.NoError(t, err)
	}
	state(t, p, 'S')
	_, gone, err = h.Check(t.Context(), Running(p))
	require.NoError(t, err)
	require.True(t, gone)

	require.NoError(t, p.kill(10*time.Second))
	require.ErrorIs(t, p.Signal(syscall.SIGCONT), ErrProcessGone, "a zombie runs no more")
	_, gone, err = h.Check(t.Context(), Running(p))
	require.NoError(t, err)
	require.True(t, gone)
	require.Error(t, cmd.Wait())
	require.ErrorIs(t, p.kill(time.Second), ErrProcessGone)
}

func TestParseStat(t *testing.T) {
	b, err := os.ReadFile("/proc/self/stat")
	require.NoError(t, err)
	me, err := parseStat(string(b))
	require.NoError(t, err)
	require.NotZero(t, me.ticks)
	line := "77 (a) S 1 (b) c) T 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20" // a name with brackets and spaces
	st, err := parseStat(line)
	require.NoError(t, err)
	require.Equal(t, stat{comm: "a) S 1 (b) c", state: 'T', ticks: 4711}, st)
	st, err = parseStat("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 3 0")
	require.NoError(t, err)
	require.Equal(t, stat{comm: "kthreadd", state: 'S', kernel: true, ticks: 3}, st)
	for _, bad := range []string{"", ")", "77 (a) S 1 2", strings.Replace(line, "4711", "-1", 1), strings.Replace(line, " T ", " TT ", 1), strings.ReplaceAll(line, ")", ""), strings.Replace(line, " 6 7 ", " x 7 ", 1)} {
		_, err := parseStat(bad)
		require.Error(t, err, bad)
	}
}

// TestDirect: a server is reached, or it is known why not.
func TestDirect(t *testing.T) {
	own, err := OwnNetns()
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := Direct(own, netip.MustParseAddrPort(l.Addr().String()))
	text, ok, err := LocalHands{}.Check(t.Context(), c)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "a connection to "+l.Addr().String()+" is accepted", text)
	require.NoError(t, l.Close())
	text, ok, err = LocalHands{}.Check(t.Context(), c)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "nobody listens on "+l.Addr().String()+" any more", text)
	_, ok, err = LocalHands{}.Check(t.Context(), Direct(1, netip.MustParseAddrPort("127.0.0.1:1")))
	require.NoError(t, err)
	require.True(t, ok, "a namespace that is gone")
	full, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer full.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, ok, err = LocalHands{}.Check(ctx, Direct(own, netip.MustParseAddrPort(full.Addr().String())))
	require.NoError(t, err)
	require.False(t, ok, "nobody knows")
}

// TestListenAddress is how the kernel writes where a socket listens.
func TestListenAddress(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"} {
		l, err := net.Listen(map[bool]string{true: "tcp6", false: "tcp4"}[listen[0] == '['], listen)
		require.NoError(t, err)
		port := l.Addr().(*net.TCPAddr).Port
		at, ok := Listener(os.Getpid(), port)
		require.True(t, ok)
		want := map[bool]string{true: "::1", false: "127.0.0.1"}[listen[0] == '[']
		require.Equal(t, netip.AddrPortFrom(netip.MustParseAddr(want), uint16(port)), at)
		require.NoError(t, l.Close())
		_, ok = Listener(os.Getpid(), port)
		require.False(t, ok)
	}
}
