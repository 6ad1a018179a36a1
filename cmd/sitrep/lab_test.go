package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/cmd/sitrep/lab"
	"github.com/sitrep-dev/sitrep/query"
)

// headless is `sitrep demo --headless` in a process of its own.
type headless struct {
	lab.Ready
	t     testing.TB
	state string // XDG_STATE_HOME
	cmd   *exec.Cmd
}

func startHeadless(t testing.TB) *headless {
	t.Helper()
	h := &headless{t: t, state: t.TempDir()}
	h.cmd = exec.Command(binary, "demo", "--headless", "--db", filepath.Join(t.TempDir(), "s.db"))
	h.cmd.Env = append(os.Environ(), h.env()...)
	h.cmd.Stderr = os.Stderr
	out, err := h.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, h.cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, h.cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, h.cmd.Wait(), "an interrupted lab ends well")
		_, err := os.Stat(h.Config)
		require.ErrorIs(t, err, os.ErrNotExist, "and leaves no files")
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(line, &h.Ready))
	h.nothingDeclares()
	return h
}

// nothingDeclares takes out of the lab's policy that a burn opens an incident by itself:
// whether it is faster than the hand of a test is the machine's affair.
func (h *headless) nothingDeclares() {
	h.t.Helper()
	file := filepath.Join(filepath.Dir(h.Config), "policy.yaml")
	src, err := os.ReadFile(file)
	require.NoError(h.t, err)
	require.Contains(h.t, string(src), "auto: true}")
	require.NoError(h.t, os.WriteFile(file, []byte(strings.ReplaceAll(string(src), "auto: true}", "auto: false}")), 0o600))
}

func (h *headless) env() []string {
	return []string{"XDG_STATE_HOME=" + h.state, "HOME=" + h.state, "SUDO_USER=ana"}
}

// sitrep runs a command on the lab and returns its standard output and code.
func (h *headless) sitrep(args ...string) (string, int) {
	h.t.Helper()
	cmd := exec.Command(binary, append([]string{"--config", h.Config, "--db", h.DB}, args...)...)
	cmd.Env = append(os.Environ(), h.env()...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		require.NoError(h.t, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// delivers runs a command that pages. What it could not send in its ten seconds, on a
// busy machine, a daemon sends.
func (h *headless) delivers(args ...string) {
	h.t.Helper()
	out, code := h.sitrep(args...)
	if code == 0 {
		return
	}
	require.Equal(h.t, exitInconclusive, code, out)
	daemon := exec.Command(binary, "--config", h.Config, "--db", h.DB, "daemon")
	daemon.Env = append(os.Environ(), h.env()...)
	require.NoError(h.t, daemon.Start())
	require.Eventually(h.t, func() bool {
		open, _ := h.sitrep("pages", "--open", "--json")
		return strings.TrimSpace(open) == "[]"
	}, patience, seldom)
	require.NoError(h.t, daemon.Process.Signal(syscall.SIGTERM))
	_ = daemon.Wait() // by a signal
}

// screen opens a command centre on the lab.
func (h *headless) screen(width, height int) *terminal {
	return startTerminal(h.t, width, height, h.env(), "--config", h.Config, "--db", h.DB)
}

// measured waits until the shop is measured and calm: nothing is injected into
// a system that is sick already.
func (h *headless) measured() {
	h.t.Helper()
	require.Eventually(h.t, func() bool {
		var list []struct {
			Value *float64
			State query.State
		}
		out, _ := h.sitrep("board", "show", "shop", "--json")
		if json.Unmarshal([]byte(out), &list) != nil || len(list) == 0 {
			return false
		}
		for _, s := range list {
			if s.Value == nil || s.State == query.Warn || s.State == query.Crit {
				return false
			}
		}
		return true
	}, patience, seldom, "the board has no data, or the shop is sick")
}

// hurt has F5 put its fault in place. A shop that is slow at that moment, on a
// busy machine, is not injected into; then it is tried again, as a person would.
func (h *headless) hurt(x *terminal) {
	h.t.Helper()
	for range 10 {
		x.press(keyF5)
		enough := time.After(15 * time.Second)
		for waiting := true; waiting; {
			if h.injected() == 1 {
				return
			}
			select {
			case <-enough:
				waiting = false
			case <-time.After(20 * time.Millisecond):
			}
		}
		h.measured()
	}
	h.t.Fatalf("F5 puts no fault in place; the screen shows:\n%s", x.text())
}

// declared has F5 put its fault in place, and declares an incident by the alert that
// fires then. On a busy machine the fault may be over, and the alert with it, before
// the command has asked: then it is all done once more.
func (h *headless) declared(x *terminal, args ...string) {
	h.t.Helper()
	var said string
	for range 3 {
		h.hurt(x)
		x.match(`SEV1 .*HighErrorRate`)
		for range 10 {
			out, code := h.sitrep(append([]string{"incident", "declare", "--alert", "HighErrorRate"}, args...)...)
			if code == 0 || code == exitInconclusive { // what it could not send, the screen sends
				return
			}
			said = out
			if h.injected() == 0 {
				break
			}
		}
		h.measured()
	}
	h.t.Fatalf("no incident is declared: %s", said)
}

// ledger is what a stand-in received, a line each: "POST /v2/enqueue 202 {...}".
func (h *headless) ledger(base string) (lines []string) {
	h.t.Helper()
	var entries []struct {
		Method, Path string
		Status       int
		Body         json.RawMessage
	}
	require.NoError(h.t, json.Unmarshal(h.get(base+"/ledger"), &entries))
	for _, e := range entries {
		lines = append(lines, fmt.Sprintf("%s %s %d %s", e.Method, e.Path, e.Status, e.Body))
	}
	return lines
}

// pages is what PagerDuty received but for changes, which page nobody.
func (h *headless) pages() []string {
	h.t.Helper()
	return slices.DeleteFunc(h.ledger(h.PagerDuty), func(line string) bool { return strings.HasPrefix(line, "POST /v2/change/enqueue ") })
}

func (h *headless) get(url string) []byte {
	h.t.Helper()
	res, err := http.Get(url)
	require.NoError(h.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(h.t, err)
	return body
}

// injected is how many faults the shop's proxies hold, asked from outside.
func (h *headless) injected() (n int) {
	h.t.Helper()
	for _, target := range h.targetList() {
		if target.Proxy != "" {
			var faults chaos.ProxyFaults
			require.NoError(h.t, json.Unmarshal(h.get(target.Proxy+"/faults"), &faults))
			n += len(faults.Faults)
		}
	}
	return n
}

func (h *headless) targetList() (all []chaos.Target) {
	h.t.Helper()
	require.NoError(h.t, json.Unmarshal(h.get(h.Targets), &all))
	return all
}
