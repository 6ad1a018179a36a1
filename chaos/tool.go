package chaos

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrNoTool means that a program is not installed.
var ErrNoTool = errors.New("is not installed")

// NotAllowed says whether a program or the kernel has refused for want of rights. nft,
// iptables and tc say it in words only, and so do errors of other processes.
func NotAllowed(err error) bool {
	if errors.Is(err, fs.ErrPermission) {
		return true
	}
	for _, word := range []string{"operation not permitted", "permission denied", "you must be root"} {
		if strings.Contains(strings.ToLower(err.Error()), word) {
			return true
		}
	}
	return false
}

// ToolCall is one call of nft, tc, iptables or the like.
type ToolCall struct {
	Name  string
	Args  []string
	Stdin string
	Lease *os.File // inherited, see Armed
	// Attached ends the program with the calling thread: a holder that is killed leaves
	// nobody behind who would go on injecting.
	Attached bool
}

// FindTool is the path of a program, which may stand where only root's PATH leads.
func FindTool(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s %w", name, ErrNoTool)
}

// Run waits for the program and returns its standard output. What it complains of is
// the error.
func (c ToolCall) Run(ctx context.Context) (string, error) {
	path, err := FindTool(c.Name)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	var complaint tail
	cmd := exec.CommandContext(ctx, path, c.Args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.Stdin), &out, &complaint
	cmd.WaitDelay = reapPatience
	if c.Attached {
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	}
	if c.Lease != nil {
		cmd.ExtraFiles = []*os.File{c.Lease}
	}
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", c, err, heard(complaint.String()))
	}
	return out.String(), nil
}

func (c ToolCall) String() string { return strings.Join(append([]string{c.Name}, c.Args...), " ") }

// toolPatience bounds one attempt that runs other programs, each of which may wait for a
// lock or for a machine that has no time; the attempts are repeated.
const toolPatience = 3 * undoTimeout
