package store

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// networkOf names the network file system that dir is on; "" if it is on none.
// macOS knows by itself which file systems are local.
func networkOf(dir string) (string, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return "", fmt.Errorf("find out the file system of %s: %w", dir, err)
	}
	if fs.Flags&unix.MNT_LOCAL != 0 {
		return "", nil
	}
	return unix.ByteSliceToString(fs.Fstypename[:]), nil
}
