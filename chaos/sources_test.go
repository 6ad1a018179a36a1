package chaos

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// asleep is a process of another program, which ends with the test.
func asleep(t *testing.T, seconds string) Process {
	cmd := exec.Command("sleep", seconds)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p, err := Identify(cmd.Process.Pid)
	require.NoError(t, err)
	return p
}

func TestProcessesAreFound(t *testing.T) {
	seconds := fmt.Sprint(86000 + os.Getpid()%400) // no other sleeps that long
	first, second := asleep(t, seconds), asleep(t, seconds)
	find := func(f ProcessFind) (pids []int) {
		f.Name, f.Service = "shop", "shop"
		_, err := f.Valid()
		require.NoError(t, err)
		all, err := Sources{Processes: []ProcessFind{f}}.Find(t.Context())
		require.NoError(t, err)
		for i, target := range all {
			require.True(t, target.Listed)
			if len(all) > 1 {
				require.Equal(t, fmt.Sprintf("shop-%d", i+1), target.Name)
			}
			pids = append(pids, target.PID)
		}
		return pids
	}
	both := []int{first.PID, second.PID}
	if second.StartTicks == first.StartTicks && second.PID < first.PID {
		both[0], both[1] = both[1], both[0]
	}
	require.Equal(t, both, find(ProcessFind{Program: "sleep", Arguments: "^sleep " + seconds + "$"}))
	require.Equal(t, both, find(ProcessFind{Arguments: "^sleep " + seconds}))
	require.Empty(t, find(ProcessFind{Program: "wake", Arguments: seconds}))
	path, err := exec.LookPath("sleep")
	require.NoError(t, err)
	path, err = filepath.EvalSymlinks(path)
	require.NoError(t, err)
	require.Equal(t, both, find(ProcessFind{Program: path, Arguments: seconds}))

	file := filepath.Join(t.TempDir(), "shop.pid")
	require.NoError(t, os.WriteFile(file, fmt.Appendln(nil, first.PID), 0o600))
	require.Equal(t, []int{first.PID}, find(ProcessFind{PIDFile: file}))
	require.Empty(t, find(ProcessFind{PIDFile: file, Program: "wake"}), "the number was reused, say")
	require.Empty(t, find(ProcessFind{PIDFile: file + ".none"}), "it does not run")
	require.NoError(t, os.WriteFile(file, []byte("all of them"), 0o600))
	_, err = Sources{Processes: []ProcessFind{{Name: "shop", Service: "shop", PIDFile: file}}}.Find(t.Context())
	require.ErrorContains(t, err, "holds no number of a process")
	fifo, large := file+".fifo", file+".large" // nobody writes to it, and it would be read for long
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	require.NoError(t, os.WriteFile(large, []byte("1"), 0o600))
	require.NoError(t, os.Truncate(large, 1<<40))
	for file, why := range map[string]string{fifo: "find shop: " + fifo + " is no plain file (p", large: "find shop: " + large + " is longer than 4 KiB"} {
		_, err = Sources{Processes: []ProcessFind{{Name: "shop", Service: "shop", PIDFile: file}}}.Find(t.Context())
		require.ErrorContains(t, err, why)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	require.Equal(t, []int{os.Getpid()}, find(ProcessFind{Port: port}))
	client, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	require.Empty(t, find(ProcessFind{Port: client.LocalAddr().(*net.TCPAddr).Port}), "it only talks")
}

func TestEntriesThatFindNothing(t *testing.T) {
	for key, f := range map[string]ProcessFind{
		"name":      {Name: "the shop", Service: "shop", Port: 1},
		"service":   {Name: "shop", Port: 1},
		"pid_file":  {Name: "shop", Service: "shop", PIDFile: "shop.pid"},
		"port":      {Name: "shop", Service: "shop", Port: 65536},
		"program":   {Name: "shop", Service: "shop", Program: "bin/shop"},
		"arguments": {Name: "shop", Service: "shop", Arguments: "("},
	} {
		got, err := f.Valid()
		require.Error(t, err)
		require.Equal(t, key, got)
	}
	key, err := ProcessFind{Name: "shop", Service: "shop"}.Valid()
	require.Equal(t, "name", key)
	require.ErrorContains(t, err, "how is it found?")
	_, err = Sources{Processes: []ProcessFind{
		{Name: "self", Service: "a", Arguments: "."}, {Name: "self", Service: "a", Arguments: "."},
	}}.Find(t.Context())
	require.ErrorContains(t, err, "two targets are named self-1")
}

func TestProtectedProcesses(t *testing.T) {
	require.Equal(t, "process 1 keeps this host", Protected(Process{PID: 1}))
	me, err := Identify(os.Getpid())
	require.NoError(t, err)
	require.Contains(t, Protected(me), "is sitrep, or has started it")
	parent, err := Identify(os.Getppid())
	require.NoError(t, err)
	require.NotEmpty(t, Protected(parent))
	require.Empty(t, Protected(asleep(t, "1000")))

	// A program by a protected name, and this one's own.
	sleep, err := exec.LookPath("sleep")
	require.NoError(t, err)
	program, err := os.ReadFile(sleep)
	require.NoError(t, err)
	sshd := filepath.Join(t.TempDir(), "sshd")
	require.NoError(t, os.WriteFile(sshd, program, 0o700))
	cmd := exec.Command(sshd, "1000")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p, err := Identify(cmd.Process.Pid)
	require.NoError(t, err)
	require.Contains(t, Protected(p), "is sshd")

	own := exec.Command("/proc/self/exe", "__lab-service")
	stdin, err := own.StdinPipe()
	require.NoError(t, err)
	out, err := own.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, own.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	p, err = Identify(own.Process.Pid)
	require.NoError(t, err)
	require.Empty(t, Protected(p), "what the lab starts is there to be hurt")
	require.NoError(t, stdin.Close())
	require.NoError(t, own.Wait())
}

func TestSourcesFit(t *testing.T) {
	from := Sources{Processes: []ProcessFind{{Name: "web", Service: "shop", Labels: map[string]string{"env": "lab"}}}, Hosts: []HostTarget{{Name: "host", Service: "base"}}}
	for want, fits := range map[string]bool{"service=shop": true, "service=shpo": false, "name=web": true, "name=web-2": true, "name=host-2": false, "env=lab": true, "env=prod": false, "service=base": true} {
		k, v, _ := strings.Cut(want, "=")
		require.Equal(t, fits, from.Fits(Selection{Select: map[string]string{k: v}}), want)
	}
	require.Equal(t, "chaos.processes, chaos.hosts", from.Named())
}
