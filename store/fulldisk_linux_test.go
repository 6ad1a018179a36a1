package store_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownMounts starts a process that sees its own mounts, if whoever runs the tests
// may do that.
func ownMounts(cmd *exec.Cmd) {
	if os.Geteuid() == 0 && exec.Command("unshare", "-m", "true").Run() == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	}
}

// smallDisk makes dir a file system of diskSize, part of which is taken up by
// what room removes. Who may not mount one has a limit on the size of files, which
// fails in the same places.
func smallDisk(dir string) (room func() error, what string, err error) {
	ours, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return nil, "", err
	}
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", os.Getppid()))
	if err != nil || ours == theirs || unix.Mount("sitrep", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize)) != nil {
		return limitFiles()
	}
	heavy := filepath.Join(dir, "ballast")
	return func() error { return os.Remove(heavy) }, "a tmpfs", os.WriteFile(heavy, make([]byte, ballast), 0o600)
}

func limitFiles() (room func() error, what string, err error) {
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		return nil, "", err
	}
	room = func() error { return unix.Setrlimit(unix.RLIMIT_FSIZE, &was) }
	err = unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: diskSize - ballast, Max: was.Max})
	return room, "a limit on files", err
}
