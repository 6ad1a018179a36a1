package chaos

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// waiting is a process of a program that waits for the end of its standard input.
func waiting(t *testing.T, file string, args ...string) (Process, *exec.Cmd) {
	cmd := exec.Command(file, args...)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	_, err = bufio.NewReader(out).ReadString('\n') // it is there, and no longer this process that starts it
	require.NoError(t, err)
	p, err := Identify(cmd.Process.Pid)
	require.NoError(t, err)
	return p, cmd
}

// copied is a program under another name.
func copied(t *testing.T, from, name string) string {
	program, err := os.ReadFile(from)
	require.NoError(t, err)
	to := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(to, program, 0o700))
	return to
}

// TestAnotherSitrepIsProtected whichever file it runs, and whatever has become of that. Only
// what the lab starts is there to be hurt, and that is said by its first argument alone.
func TestAnotherSitrepIsProtected(t *testing.T) {
	own, err := os.Executable()
	require.NoError(t, err)
	other, replaced := copied(t, own, "older"), copied(t, own, "replaced")
	elsewhere, _ := waiting(t, other, "__wait")
	gone, _ := waiting(t, replaced, "__wait")
	require.NoError(t, os.Remove(replaced))
	named, _ := waiting(t, own, "__wait", "__lab-service")
	service, _ := waiting(t, other, "__lab-service")
	for what, p := range map[string]Process{"another file": elsewhere, "one that is gone": gone, "a word further behind": named} {
		require.Contains(t, Protected(p), "is another sitrep", what)
		require.False(t, LabService(p.PID), what)
	}
	require.Empty(t, Protected(service))
	require.True(t, LabService(service.PID))

	shell, _ := waiting(t, "/bin/sh", "-c", "echo; read line", "__lab-service")
	foreign, _ := waiting(t, copied(t, "/bin/sh", "older"), "-c", "echo; read line")
	require.Empty(t, Protected(foreign))
	require.False(t, LabService(shell.PID), "it is no program of ours")
}

// TestNamesThatAProcessHasGivenItself protect it where its file cannot be seen, as that of
// sshd's session cannot by who logs in through it; nor need it be the file's name.
func TestNamesThatAProcessHasGivenItself(t *testing.T) {
	sh, err := filepath.EvalSymlinks("/bin/sh")
	require.NoError(t, err)
	link := filepath.Join(t.TempDir(), "sshd-session")
	require.NoError(t, os.Symlink(sh, link))
	p, _ := waiting(t, link, "-c", "echo; read line")
	require.Contains(t, Protected(p), "is sshd-session")
	require.Equal(t, "it runs sshd-session", Protection{Programs: []string{"sshd-session"}}.protects(Target{PID: p.PID}))

	long := filepath.Join(t.TempDir(), "systemd-networkd")
	require.NoError(t, os.Symlink(sh, long))
	p, _ = waiting(t, long, "-c", "echo; read line")
	require.Contains(t, Protected(p), "is systemd-networkd", "the kernel cuts it after 15")
	if os.Geteuid() != 0 {
		return // only root can become somebody who may not see it
	}
	nobody := exec.Command("/proc/self/exe", "__protected", strconv.Itoa(p.PID))
	nobody.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	said, err := nobody.Output()
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("cannot see its file: process %d is systemd-networkd\n", p.PID), string(said))
}
