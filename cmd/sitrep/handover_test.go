package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/store"
)

// The connection is lost while an incident is open and nobody else runs the
// ladder: a process without a terminal calls the next level, and ends when there
// is nothing left to do.
func TestTheLadderOutlivesTheTerminal(t *testing.T) {
	t.Parallel()
	h := startHeadless(t)
	x := h.screen(120, 40)
	x.see("1 now")
	out, code := h.sitrep("incident", "declare", "--severity", "SEV-1", "--title", "checkout 5xx", "--service", "checkout")
	require.Zero(t, code, out)
	x.see("INC-1")
	db, err := store.Open(t.Context(), h.DB)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	holder := func() escalation.Lease {
		lease, err := db.Lease(t.Context())
		require.NoError(t, err)
		return lease
	}
	require.Contains(t, holder().Owner, fmt.Sprint(x.cmd.Process.Pid))
	require.NoError(t, x.pty.Close(), "the connection is lost")
	<-x.ended
	require.Eventually(t, func() bool { return holder().Live(time.Now()) }, patience, 100*time.Millisecond)
	owner, alone := strings.CutSuffix(holder().Owner, ", without a terminal")
	require.True(t, alone, "%s: people see what it is", holder().Owner)
	pid, err := strconv.Atoi(owner[strings.LastIndex(owner, " ")+1:])
	require.NoError(t, err)
	require.NotEqual(t, x.cmd.Process.Pid, pid)
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	sid, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	fields := strings.Fields(string(sid[strings.LastIndex(string(sid), ")")+2:]))
	require.Equal(t, fmt.Sprint(pid), fields[3], "it is in a session of its own")

	require.Eventually(t, func() bool {
		for _, line := range h.pages() {
			if strings.Contains(line, "/L2/r1") {
				return true
			}
		}
		return false
	}, patience, 200*time.Millisecond, "the lab's ladder climbs after 20 s, whoever lost the terminal")
	_, code = h.sitrep("incident", "resolve", "INC-1", "--resolution", "rolled back")
	require.Zero(t, code)
	require.Eventually(t, func() bool { return syscall.Kill(pid, 0) != nil }, 2*patience, 200*time.Millisecond, "nothing is left to do")
	log, err := os.ReadFile(filepath.Join(h.state, "sitrep", "ladder.log"))
	require.NoError(t, err)
	require.Contains(t, string(log), "no incident is open, and nothing is left to send")
	require.NotContains(t, string(log), "1ab0000", "and no key")
}

// Without an open incident, or with a ladder that somebody else runs, nothing is
// left running.
func TestNothingIsHandedOverForNothing(t *testing.T) {
	t.Parallel()
	h := startHeadless(t)
	x := h.screen(120, 40)
	x.see("1 now")
	require.NoError(t, x.pty.Close())
	<-x.ended
	_, err := os.Stat(filepath.Join(h.state, "sitrep", "ladder.log"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
