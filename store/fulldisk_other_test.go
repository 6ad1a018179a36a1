//go:build !linux

package store_test

import (
	"os/exec"

	"golang.org/x/sys/unix"
)

// ownMounts is only Linux's.
func ownMounts(*exec.Cmd) {}

// smallDisk is a limit on the size of files, which fails where a full disk does.
func smallDisk(string) (room func() error, what string, err error) {
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		return nil, "", err
	}
	room = func() error { return unix.Setrlimit(unix.RLIMIT_FSIZE, &was) }
	return room, "a limit on files", unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: diskSize - ballast, Max: was.Max})
}
