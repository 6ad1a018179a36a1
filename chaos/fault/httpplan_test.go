package fault

import (
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// TestSeveralProcessesOnOnePort: the rules would be about all of them, so the transparent
// proxy is refused; one alone is not.
func TestSeveralProcessesOnOnePort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	shared, err := l.(*net.TCPListener).File()
	require.NoError(t, err)
	require.NoError(t, l.Close())
	defer shared.Close()
	port := l.Addr().(*net.TCPAddr).Port
	var both []chaos.Process
	for range 2 { // as the workers of a server that forks
		worker := exec.Command("sleep", "600")
		worker.ExtraFiles = []*os.File{shared}
		require.NoError(t, worker.Start())
		t.Cleanup(func() {
			_ = worker.Process.Kill()
			_ = worker.Wait()
		})
		p, err := chaos.Identify(worker.Process.Pid)
		require.NoError(t, err)
		both = append(both, p)
	}
	target := chaos.Target{
		Name: "pay-1", Service: "pay", Listed: true, Find: &chaos.ProcessFind{Name: "pay", Port: port},
		PID: both[0].PID, StartTicks: both[0].StartTicks, Peers: both,
	}
	e := entry{target: target}
	err = e.ofProcess(t.Context(), 0)
	require.ErrorIs(t, err, chaos.ErrRefused)
	require.ErrorContains(t, err, "refused R6 blast-radius: process ")
	require.ErrorContains(t, err, "the fault would be about every process of pay there")

	e.target.Peers = both[:1]
	require.NoError(t, e.ofProcess(t.Context(), 0))
	require.Equal(t, port, e.port)
}
