package store

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// networkOf names the network file system that dir is on; "" if it is on none.
func networkOf(dir string) (_ string, err error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return "", fmt.Errorf("find out the file system of %s: %w", dir, err)
	}
	kind := uint32(fs.Type)
	if kind != fuse {
		return network(kind, ""), nil
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return "", fmt.Errorf("find out the file system of %s: %w", dir, err)
	}
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("find out the file system of %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, mounts.Close()) }()
	mount, err := mountType(mounts, fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
	return network(kind, mount), err
}
