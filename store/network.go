package store

import (
	"bufio"
	"io"
	"strings"
)

// A store works where all its processes have one kernel: the index of SQLite's
// journal is memory that they map together, and their locks are that kernel's.
// A network file system invites processes of several hosts, which share
// neither, and some do not even map or lock for the processes of one.
//
// Judged by that:
//   - overlayfs and a FUSE file system over a local disk are fine: one kernel
//     has the pages and the locks of the file, whatever lies below.
//   - virtiofs is fine: the guest's page cache is one. That the other side must
//     not open the file as well is as true of any disk image.
//   - 9p is not: unless it is told to cache, a mapping there cannot be written
//     to, and its locks are not those of the other side.
//   - folders of virtual machines (vboxsf, vmhgfs, prl_fs) are not: they cannot
//     map a file for writing, or lose what was mapped.
//   - cluster file systems are not, even those that keep locks across hosts:
//     the shared index is not among what they keep.

// networks are the file systems to refuse, by statfs's f_type. Source: Linux,
// include/uapi/linux/magic.h, and statfs(2).
var networks = map[uint32]string{
	0x6969:     "NFS",
	0x517b:     "SMB",
	0xff534d42: "CIFS",
	0xfe534d42: "SMB",
	0x5346414f: "AFS",
	0x6b414653: "AFS",
	0x73757245: "Coda",
	0x564c:     "NCP",
	0x00c36400: "Ceph",
	0x0bd00bd0: "Lustre",
	0x01021997: "9p",
	0x01161970: "GFS2",
	0x7461636f: "OCFS2",
	0x47504653: "GPFS",
	0x19830326: "BeeGFS",
	0x20030528: "OrangeFS",
	0xaad7aaea: "PanFS",
	0x786f4256: "vboxsf",
	0xbacbacbc: "vmhgfs",
	0x7c7c6673: "prl_fs",
}

// fuse is the f_type of every FUSE file system, and of virtiofs.
const fuse = 0x65735546

// remotes are the FUSE file systems to refuse, by what comes after "fuse." in
// the list of mounts.
var remotes = []string{
	"sshfs", "glusterfs", "ceph", "ceph-fuse", "s3fs", "rclone", "gcsfuse", "goofys", "mount-s3", "mountpoint-s3", "blobfuse", "blobfuse2",
	"juicefs", "seaweedfs", "mfs", "lizardfs", "davfs", "davfs2", "curlftpfs", "smbnetfs", "fuse-nfs", "gvfsd-fuse", "vmhgfs-fuse", "cvmfs2",
}

// network names the network file system of an f_type and, as FUSE has one for
// all, of a type in the list of mounts; "" if it is none.
func network(kind uint32, mount string) string {
	if kind != fuse {
		return networks[kind]
	}
	name := strings.TrimPrefix(mount, "fuse.")
	for _, r := range remotes {
		if name == r {
			return name
		}
	}
	return ""
}

// mountType is the type of the file system on a device ("0:45") in Linux's
// mountinfo; "" if it is not there.
func mountType(mountinfo io.Reader, device string) (string, error) {
	lines := bufio.NewScanner(mountinfo)
	for lines.Scan() {
		mount, super, _ := strings.Cut(lines.Text(), " - ")
		f, s := strings.Fields(mount), strings.Fields(super)
		if len(f) > 2 && f[2] == device && len(s) > 0 {
			return s[0], nil
		}
	}
	return "", lines.Err()
}
