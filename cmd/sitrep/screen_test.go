package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// lonely opens a screen on a store of its own and the Prometheus at url.
func lonely(t *testing.T, width, height int, url string, env ...string) *terminal {
	dir := t.TempDir()
	env = append([]string{"XDG_STATE_HOME=" + dir, "HOME=" + dir, "SUDO_USER=ana"}, env...)
	config := filepath.Join(dir, "sitrep.yaml")
	require.NoError(t, os.WriteFile(config, []byte("prometheus: {url: "+url+"}\nboards: [board.yaml]\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "board.yaml"), []byte("refresh: 1s\npanels: [{title: up, promql: up, signal: true}]\n"), 0o600))
	return startTerminal(t, width, height, env, "--config", config, "--db", filepath.Join(dir, "s.db"))
}

// clean says that the terminal was given back as it was: the alternate screen
// left, the cursor shown, the mouse and paste modes off.
func clean(t *testing.T, x *terminal) {
	t.Helper()
	end := x.written()
	require.Greater(t, strings.LastIndex(end, "\x1b[?1049l"), strings.LastIndex(end, "\x1b[?1049h"), "the alternate screen is left")
	require.Greater(t, strings.LastIndex(end, "\x1b[?25h"), strings.LastIndex(end, "\x1b[?25l"), "the cursor is shown")
	x.mu.Lock()
	defer x.mu.Unlock()
	require.False(t, x.screen.IsAltScreen())
}

func TestScreenWithoutPrometheus(t *testing.T) {
	t.Parallel()
	x := lonely(t, 100, 30, "http://127.0.0.1:1")
	x.see("127.0.0.1:1", "refused")
	x.press("q")
	require.Zero(t, x.exit())
	clean(t, x)
}

func TestScreenWithHTMLInsteadOfJSON(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><title>Sign in</title></html>"))
	}))
	defer s.Close()
	x := lonely(t, 120, 40, s.URL)
	x.see("HTML")
}

// A label may hold anything; none of it reaches the terminal as it is.
func TestHostileLabels(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(r.URL.Path, "alerts") {
			_, _ = w.Write([]byte(`{"status":"success","data":{"alerts":[{"labels":{"alertname":"A\u001b]0;owned\u0007\u001b[2Jhostile","severity":"x"},"annotations":{"summary":"\u001b[31mred\u202etxet\u0000"},"state":"firing","activeAt":"2026-11-24T03:00:00Z","value":"1e+00"}]}}`))
			return
		}
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"matrix","result":[]}}`))
	}))
	defer s.Close()
	x := lonely(t, 120, 40, s.URL)
	x.see("hostile")
	require.NotContains(t, x.written(), "\x1b]0;owned")
	require.NotContains(t, x.written(), "\x1b[2Jhostile")
	require.NotContains(t, x.written(), "\u202e")
}

func TestSmallScreens(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{20, 5}, {10, 2}, {59, 15}} {
		x := lonely(t, size[0], size[1], "http://127.0.0.1:1")
		x.await("something is drawn", func(screen string) bool { return strings.TrimSpace(screen) != "" })
		x.press("?")
		x.see("eys") // the list of keys is open
		x.press(keyEsc)
		x.gone("eys")
		x.press("q")
		require.Zero(t, x.exit(), size)
		clean(t, x)
	}
}

func TestNoColourWhateverItSays(t *testing.T) {
	t.Parallel()
	x := lonely(t, 100, 30, "http://127.0.0.1:1", "NO_COLOR=yes")
	x.see("refused")
	x.press("q")
	x.exit()
	for _, part := range strings.Split(x.written(), "\x1b[")[1:] {
		if codes, _, isStyle := strings.Cut(part, "m"); isStyle && len(codes) < 20 && !strings.ContainsAny(codes, "?hlHJKABCD> $q") {
			for code := range strings.SplitSeq(codes, ";") {
				require.NotRegexp(t, `^(3[0-8]|4[0-8]|9[0-7]|10[0-7])$`, code, "a colour in %q", codes)
			}
		}
	}
}

func TestSignalsLeaveTheTerminalClean(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT} {
		x := lonely(t, 100, 30, "http://127.0.0.1:1")
		x.see("refused")
		x.signal(s)
		x.exit()
		clean(t, x)
	}
}

// ctrl+z does not stop the program: it may be the one that runs the ladder.
func TestSuspendIsIgnored(t *testing.T) {
	t.Parallel()
	x := lonely(t, 100, 30, "http://127.0.0.1:1")
	x.see("refused")
	x.press(keyCtrlZ, "2")
	x.see("up")
	x.press("1", "q")
	require.Zero(t, x.exit())
	clean(t, x)
}

// modes adds to the local modes of the terminal, and returns what they were.
func (x *terminal) modes(add uint32) (before uint32) {
	x.t.Helper()
	conn, err := x.pty.SyscallConn()
	require.NoError(x.t, err)
	require.NoError(x.t, conn.Control(func(fd uintptr) {
		modes, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		require.NoError(x.t, err)
		before = modes.Lflag
		if add != 0 {
			modes.Lflag |= add
			require.NoError(x.t, unix.IoctlSetTermios(int(fd), unix.TCSETS, modes))
		}
	}))
	return before
}

// A stop that cannot be refused ends with a shell that has made the terminal its
// own; the screen takes it back, and keys arrive without Enter.
func TestAStoppedScreenTakesTheTerminalBack(t *testing.T) {
	t.Parallel()
	x := lonely(t, 100, 30, "http://127.0.0.1:1")
	x.see("refused")
	x.signal(syscall.SIGTSTP)
	x.press("2")
	x.see("up")
	x.signal(syscall.SIGSTOP)
	require.Eventually(t, func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", x.cmd.Process.Pid))
		return err == nil && strings.Contains(string(status), "State:\tT")
	}, patience, 10*time.Millisecond)
	const shells = unix.ICANON | unix.ECHO | unix.ISIG
	require.Zero(t, x.modes(0)&shells)
	x.modes(shells)
	x.signal(syscall.SIGCONT)
	require.Eventually(t, func() bool { return x.modes(0)&shells == 0 }, patience, 10*time.Millisecond)
	x.press("1")
	x.see("refused")
	x.press("q")
	require.Zero(t, x.exit())
	clean(t, x)
}

// The demo is what a newcomer starts: it is up at once, and leaves nothing.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	x := startTerminal(t, 80, 24, []string{"XDG_STATE_HOME=" + dir, "HOME=" + dir, "TMPDIR=" + dir, "SUDO_USER=ana"}, "demo")
	x.see("All quiet", "F5")
	x.press("q")
	require.Zero(t, x.exit())
	clean(t, x)
	left, err := filepath.Glob(filepath.Join(dir, "sitrep-demo-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
