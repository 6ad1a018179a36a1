package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// BenchmarkFirstFrame is the time from exec to the first complete picture of a
// screen of 200x60 with twelve panels, in a pseudo-terminal. Reach: 80 ms.
func BenchmarkFirstFrame(b *testing.B) {
	config := lonelyBoard(b, 12)
	for b.Loop() {
		cmd := exec.Command(binary, "--config", config, "--db", filepath.Join(filepath.Dir(config), "s.db"))
		cmd.Env = append(os.Environ(), "TERM=xterm-256color", "XDG_STATE_HOME="+filepath.Dir(config))
		tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 200, Rows: 60})
		require.NoError(b, err)
		readUntil(b, tty, "post-mortems") // the last words of the footer
		b.StopTimer()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = tty.Close()
		b.StartTimer()
	}
}

func readUntil(b *testing.B, tty *os.File, words string) {
	b.Helper()
	var seen strings.Builder
	buf := make([]byte, 64<<10)
	for !strings.Contains(seen.String(), words) {
		n, err := tty.Read(buf)
		require.NoError(b, err)
		seen.Write(buf[:n])
	}
}

// lonelyBoard is a configuration with n panels and a Prometheus that refuses.
func lonelyBoard(b *testing.B, n int) string {
	b.Helper()
	dir := b.TempDir()
	board := "refresh: 1s\npanels:\n"
	for i := range n {
		board += "  - {title: panel " + strconv.Itoa(i) + ", promql: up, signal: true}\n"
	}
	config := filepath.Join(dir, "sitrep.yaml")
	require.NoError(b, os.WriteFile(filepath.Join(dir, "board.yaml"), []byte(board), 0o600))
	require.NoError(b, os.WriteFile(config, []byte("prometheus: {url: http://127.0.0.1:1}\nboards: [board.yaml]\n"), 0o600))
	return config
}

// BenchmarkIdleScreen is what a screen of 200x60 costs while nobody presses a key
// and no new data comes: share of a core (reach: 1 %), and bytes a second on the
// wire (reach: 2 KB/s).
func BenchmarkIdleScreen(b *testing.B) {
	h := startHeadless(b)
	h.measured()
	board := filepath.Join(filepath.Dir(h.Config), "boards", "shop.yaml")
	text, err := os.ReadFile(board)
	require.NoError(b, err)
	require.Contains(b, string(text), "refresh: 1s")
	require.NoError(b, os.WriteFile(board, []byte(strings.Replace(string(text), "refresh: 1s", "refresh: 10m", 1)), 0o600))
	costOfScreen(b, h)
}

// BenchmarkLiveScreen is the same with new values for every panel each second.
func BenchmarkLiveScreen(b *testing.B) { costOfScreen(b, startHeadless(b)) }

func costOfScreen(b *testing.B, h *headless) {
	cmd := exec.Command(binary, "--config", h.Config, "--db", h.DB)
	cmd.Env = append(append(os.Environ(), "TERM=xterm-256color"), h.env()...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 200, Rows: 60})
	require.NoError(b, err)
	defer tty.Close()
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	readUntil(b, tty, "post-mortems")
	var wire atomic.Int64
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := tty.Read(buf)
			if wire.Add(int64(n)); err != nil {
				return
			}
		}
	}()
	time.Sleep(5 * time.Second) // the start is over: everything was asked once
	const seconds = 30
	cpu, sent := cpuTicks(b, cmd.Process.Pid), wire.Load()
	time.Sleep(seconds * time.Second)
	cpu, sent = cpuTicks(b, cmd.Process.Pid)-cpu, wire.Load()-sent
	b.ReportMetric(float64(cpu)/seconds, "%core") // a tick is a hundredth of a second
	b.ReportMetric(float64(sent)/seconds, "B/s")
	b.ReportMetric(0, "ns/op")
}

// cpuTicks is user and system time of a process in hundredths of a second.
func cpuTicks(b *testing.B, pid int) int {
	b.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	require.NoError(b, err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	require.NoError(b, err)
	system, err := strconv.Atoi(fields[12])
	require.NoError(b, err)
	return user + system
}
