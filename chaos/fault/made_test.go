package fault_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// inNamespace runs the test that calls it once more, as root of namespaces of its own,
// where it may mount what it likes and leaves nothing. It says whether this is that run.
func inNamespace(t *testing.T) bool {
	if os.Getenv("SITREP_NAMESPACE") == t.Name() {
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=4m")
	cmd.Env = append(os.Environ(), "SITREP_NAMESPACE="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	return false
}

// disk is a filesystem in memory that only this test sees.
func disk(t *testing.T, mib int) string {
	dir := t.TempDir()
	require.NoError(t, unix.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0), "nobody uses it any more") })
	return dir
}

// cgroupIn makes a cgroup in one hierarchy for a process, and removes it in the end,
// which works only when nobody is left in it. Who may make none gets nothing.
func cgroupIn(t *testing.T, hierarchy string, pid int) (dir string) {
	dir = filepath.Join("/sys/fs/cgroup", hierarchy, fmt.Sprintf("sitrep-test-%d-%s", os.Getpid(), filepath.Base(t.Name())))
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EROFS) {
		return ""
	}
	require.NoError(t, err)
	t.Cleanup(func() {
		thaw(t, dir)
		require.Eventually(t, func() bool {
			members, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			for _, member := range strings.Fields(string(members)) { // whatever the test has come to
				if pid, _ := strconv.Atoi(member); pid > 1 {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
			err := os.Remove(dir)
			return err == nil || errors.Is(err, fs.ErrNotExist)
		}, patience, tick, "somebody is left in %s", dir)
	})
	enter(t, dir, pid)
	return dir
}

// thaw lets the processes of a cgroup run, which may have been frozen when a test failed.
func thaw(t *testing.T, dir string) {
	for file, text := range map[string]string{"cgroup.freeze": "0", "freezer.state": "THAWED"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0))
		}
	}
}

func enter(t *testing.T, dir string, pid int) {
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0))
}

func kill(t *testing.T, pid int) {
	if err := syscall.Kill(pid, syscall.SIGKILL); !errors.Is(err, syscall.ESRCH) {
		require.NoError(t, err)
	}
}

// program is a process of another program, which the configuration names.
func program(t *testing.T, name string, args ...string) (*exec.Cmd, chaos.Target) {
	cmd := exec.Command(name, args...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p, err := chaos.Identify(cmd.Process.Pid)
	require.NoError(t, err)
	return cmd, listed(chaos.Target{Name: "job", Service: "job", PID: p.PID, StartTicks: p.StartTicks})
}

// host is this host as a target.
func host(what chaos.HostTarget) chaos.Target {
	what.Name, what.Service = "host", "host"
	return chaos.Target{Name: "host", Service: "host", Host: &what}
}

func plan(t *testing.T, target chaos.Target, name, mechanism string, with chaos.With) chaos.Injection {
	s := step(name, with)
	s.Mechanism = mechanism
	inj, err := kind(t, name).Plan(t.Context(), "f-1", s, target)
	require.NoError(t, err)
	return inj
}

// refused is what a fault says that it does not want to do to a target.
func refused(t *testing.T, target chaos.Target, name, mechanism string, with chaos.With) string {
	s := step(name, with)
	s.Mechanism = mechanism
	_, err := kind(t, name).Plan(t.Context(), "f-1", s, target)
	require.ErrorIs(t, err, chaos.ErrRefused)
	return err.Error()
}

// killHolder ends the process that holds a fault as somebody else would, and that is
// all that it takes.
func killHolder(t *testing.T, undo []chaos.Op, gone chaos.Check) {
	kill(t, undo[0].Process.PID)
	undone(t, nil, gone)
}

// descendants are the processes that come from one, itself left out.
func descendants(t *testing.T, root int) (found []int) {
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	for _, e := range entries {
		status, _ := os.ReadFile("/proc/" + e.Name() + "/stat")
		fields := strings.Fields(string(status[bytes.LastIndexByte(status, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(root) && fields[0] != "Z" {
			pid, _ := strconv.Atoi(e.Name())
			found = append(append(found, pid), descendants(t, pid)...)
		}
	}
	return found
}
