package store

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNetworkFileSystemsAreKnown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		kind  uint32 // as `stat -f -c %t` prints it
		mount string
		want  string
	}{
		{"NFS, any version", 0x6969, "", "NFS"},
		{"CIFS", 0xff534d42, "", "CIFS"},
		{"SMB 2 and 3", 0xfe534d42, "", "SMB"},
		{"SMB 1", 0x517b, "", "SMB"},
		{"OpenAFS", 0x5346414f, "", "AFS"},
		{"the kernel's AFS", 0x6b414653, "", "AFS"},
		{"Ceph", 0xc36400, "", "Ceph"},
		{"Lustre", 0xbd00bd0, "", "Lustre"},
		{"9p: WSL's drives, folders of QEMU", 0x1021997, "", "9p"},
		{"GFS2", 0x1161970, "", "GFS2"},
		{"VirtualBox", 0x786f4256, "", "vboxsf"},
		{"sshfs", fuse, "fuse.sshfs", "sshfs"},
		{"rclone", fuse, "fuse.rclone", "rclone"},
		{"a bucket", fuse, "fuse.s3fs", "s3fs"},

		{"ext2, 3 and 4", 0xef53, "", ""},
		{"XFS", 0x58465342, "", ""},
		{"Btrfs", 0x9123683e, "", ""},
		{"ZFS", 0x2fc12fc1, "", ""},
		{"tmpfs", 0x1021994, "", ""},
		{"overlayfs", 0x794c7630, "", ""},
		{"virtiofs", fuse, "virtiofs", ""},
		{"NTFS over FUSE", fuse, "fuseblk", ""},
		{"gocryptfs", fuse, "fuse.gocryptfs", ""},
		{"a FUSE file system whose mount is not listed", fuse, "", ""},
		{"one that nobody has heard of", 0xdeadbeef, "", ""},
	} {
		require.Equal(t, c.want, network(c.kind, c.mount), c.name)
	}
}

func TestMountType(t *testing.T) {
	t.Parallel()
	const mountinfo = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 0:45 / /home/ana/far\040away rw,nosuid shared:7 master:1 - fuse.sshfs ana@far: rw,user_id=1000
`
	for device, want := range map[string]string{"254:0": "ext4", "0:45": "fuse.sshfs", "0:4": "", "": ""} {
		got, err := mountType(strings.NewReader(mountinfo), device)
		require.NoError(t, err)
		require.Equal(t, want, got, device)
	}
}

// The file systems of this host are fine, whatever they are.
func TestLocalFileSystemsAreFine(t *testing.T) {
	t.Parallel()
	dirs := []string{t.TempDir(), "/"}
	if runtime.GOOS == "linux" {
		dirs = append(dirs, "/dev/shm", "/proc") // tmpfs; one that is on no disk
	}
	for _, dir := range dirs {
		name, err := networkOf(dir)
		require.NoError(t, err, dir)
		require.Empty(t, name, dir)
	}
	_, err := networkOf("/nowhere")
	require.ErrorContains(t, err, "find out the file system of /nowhere: ")
}
