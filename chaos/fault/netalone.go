package fault

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/sitrep-dev/sitrep/chaos"
)

// alone runs a program in a network namespace that is made for it and ends with it: so
// it is found out what the kernel can do, and nobody is hurt. Who is not root is root
// in a user namespace too.
func alone(ctx context.Context, c chaos.ToolCall) error {
	path, err := chaos.FindTool(c.Name)
	if err != nil {
		return err
	}
	var said complaints
	cmd := exec.CommandContext(ctx, path, c.Args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stderr = &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if uid := os.Getuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", c, err, said.String())
	}
	return nil
}
