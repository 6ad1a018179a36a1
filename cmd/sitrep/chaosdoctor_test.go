package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// What is missing and what to do stand first; what a program said comes last, and is cut
// where the whole would not be read.
func TestADoctorSpeaksPlainly(t *testing.T) {
	t.Parallel()
	raw := "tc qdisc add dev lo root netem delay 1ms: exit status 2: RTNETLINK answers: " + strings.Repeat("Operation not permitted ", 9)
	netem := chaos.Way{
		Fault: "net.delay", Mechanism: "netem", Works: chaos.WorksNo, Tier: chaos.TierDeadMan,
		Why: "sitrep may not change how devices queue", Remedy: "run sitrep with CAP_NET_ADMIN", Raw: raw,
	}
	require.Equal(t, "sitrep may not change how devices queue; run sitrep with CAP_NET_ADMIN [tc qdisc add dev lo root netem delay 1ms: exit status 2: …]", wayText(netem, 30))
	queue := chaos.Way{Fault: "net.delay", Mechanism: "nfqueue", Works: chaos.WorksNo, Tier: chaos.TierKernel, Why: "iptables is not installed", Remedy: "install iptables"}
	require.Equal(t, "iptables is not installed; install iptables", wayText(queue, 30))
	var b strings.Builder
	require.NoError(t, printWays(&b, []chaos.Way{netem, queue}))
	for line := range strings.Lines(b.String()) {
		require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), waysWidth, line)
	}
	require.Less(t, strings.Count(b.String(), "\n"), 12)
}

func TestAFindingSaysWhatIsMissingFirst(t *testing.T) {
	t.Parallel()
	gone := fmt.Errorf("secret file:token: %w", &fs.PathError{Op: "open", Path: "/etc/token", Err: fs.ErrNotExist})
	require.EqualError(t, inPlainWords(gone), "there is no /etc/token; make it, or name another [secret file:token: open /etc/token: file does not exist]")
	denied := fmt.Errorf("secret file:token: %w", &fs.PathError{Op: "open", Path: "/etc/token", Err: fs.ErrPermission})
	require.EqualError(t, inPlainWords(denied), "this user may not open /etc/token; run sitrep as one who may, or change its mode [secret file:token: open /etc/token: permission denied]")
	failed := exec.Command("sh", "-c", "exit 3").Run()
	require.EqualError(t, inPlainWords(fmt.Errorf("secret cmd:x: the command failed: %w", failed)), "a command failed; run it by hand to see why [secret cmd:x: the command failed: exit status 3]")
	require.ErrorIs(t, inPlainWords(gone), fs.ErrNotExist)
	ours := errors.New("not everything can go out")
	require.Equal(t, ours, inPlainWords(ours))
	require.NoError(t, inPlainWords(nil))
}
