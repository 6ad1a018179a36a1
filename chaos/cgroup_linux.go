package chaos

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Cgroup is a control group for all time: a name alone is reused.
type Cgroup struct {
	Dir    string `json:"dir"`   // under /sys/fs/cgroup
	Inode  uint64 `json:"inode"` // of the directory
	BootID string `json:"boot_id"`
}

// cgroupRoot is where cgroups are mounted on every distribution that we know of.
const cgroupRoot = "/sys/fs/cgroup/"

// ErrCgroupGone means that the cgroup no longer exists; another one may have its name.
var ErrCgroupGone = errors.New("is gone")

// A Controller is a part of the kernel that cgroups steer.
type Controller string

// The controllers that faults use. Their names are those of cgroup v2.
const (
	CPUController    Controller = "cpu"
	MemoryController Controller = "memory"
	IOController     Controller = "io"
	Freezer          Controller = "freezer"
)

// marks of a controller: its name in cgroup v1, and a file that a cgroup has if the
// controller steers it, by version. Source: the kernel's admin-guide/cgroup-v2.rst
// and cgroup-v1/.
var controllerMarks = map[Controller]struct{ name, v1, v2 string }{
	CPUController:    {"cpu", "cpu.shares", "cpu.weight"},
	MemoryController: {"memory", "memory.limit_in_bytes", "memory.max"},
	IOController:     {"blkio", "blkio.throttle.write_bps_device", "io.max"},
	Freezer:          {"freezer", "freezer.state", "cgroup.freeze"},
}

// CgroupOf is the cgroup by which a controller steers a process, and the version of
// its hierarchy, 1 or 2. The cgroup of the whole host is none: every process is in it.
func CgroupOf(p Process, c Controller) (cg Cgroup, version int, err error) {
	lines, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", p.PID))
	if err != nil {
		return cg, 0, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return cg, 0, err
	}
	if _, err := p.State(); err != nil { // after the reading: it was this very process's
		return cg, 0, err
	}
	marks := controllerMarks[c]
	for _, h := range []struct {
		version int
		mark    string
	}{{2, marks.v2}, {1, marks.v1}} {
		dir, ok := cgroupDir(string(lines), string(mounts), h.version, marks.name)
		if !ok {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, h.mark)); err == nil {
			cg, err = identifyCgroup(dir)
			return cg, h.version, err
		}
	}
	return cg, 0, fmt.Errorf("process %d is in no cgroup of its own that %s steers", p.PID, c)
}

// cgroupDir is the directory of a process' cgroup in one hierarchy, given its
// /proc/PID/cgroup and our mounts: of cgroup v2, or of v1 with that controller. The
// root of the hierarchy, and what lies outside of our mounts, is none.
func cgroupDir(lines, mounts string, version int, controller string) (string, bool) {
	path, ok := cgroupPath(lines, version, controller)
	if !ok || path == "/" {
		return "", false
	}
	return cgroupMount(mounts, version, controller, path)
}

// cgroupPath is that of a process in a hierarchy, by its /proc/PID/cgroup.
func cgroupPath(lines string, version int, controller string) (string, bool) {
	for line := range strings.Lines(lines) {
		part := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3) // number, controllers, path
		if len(part) != 3 || strings.HasPrefix(part[2], "/..") {
			continue
		}
		if version == 2 && part[0] != "0" || version == 1 && !slices.Contains(strings.Split(part[1], ","), controller) {
			continue
		}
		return part[2], true
	}
	return "", false
}

// cgroupMount finds a path of a hierarchy among our mounts. A line of mountinfo
// (proc(5)) has the mount's root as its fourth field, its place as the fifth, and
// after a dash the type, the source and the options of the filesystem.
func cgroupMount(mounts string, version int, controller, path string) (string, bool) {
	for line := range strings.Lines(mounts) {
		head, tail, _ := strings.Cut(line, " - ")
		at, of := strings.Fields(head), strings.Fields(tail)
		if len(at) < 5 || len(of) < 3 || !strings.HasPrefix(at[4]+"/", cgroupRoot) {
			continue
		}
		v2 := version == 2 && of[0] == "cgroup2"
		if v1 := version == 1 && of[0] == "cgroup" && slices.Contains(strings.Split(of[2], ","), controller); !v1 && !v2 {
			continue
		}
		rest, ok := strings.CutPrefix(path, strings.TrimSuffix(at[3], "/"))
		if ok && strings.HasPrefix(rest, "/") {
			return filepath.Join(at[4], rest), true
		}
	}
	return "", false
}

func identifyCgroup(dir string) (Cgroup, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return Cgroup{}, fmt.Errorf("%s: %w", dir, err)
	}
	boot, err := BootID()
	return Cgroup{Dir: dir, Inode: st.Ino, BootID: boot}, err
}

// valid refuses what is no place of a cgroup.
func (c *Cgroup) valid() error {
	switch {
	case c == nil:
		return errors.New("no cgroup")
	case filepath.Clean(c.Dir) != c.Dir || !strings.HasPrefix(c.Dir, cgroupRoot):
		return fmt.Errorf("%q is not under %s", c.Dir, cgroupRoot)
	}
	return nil
}

// open opens a file of exactly this cgroup. Whatever else has its place now is not
// touched.
func (c Cgroup) open(file string, how int) (*os.File, error) {
	gone := fmt.Errorf("cgroup %s %w", c.Dir, ErrCgroupGone)
	if boot, err := BootID(); err != nil || boot != c.BootID {
		return nil, errors.Join(err, gone)
	}
	dir, err := unix.Open(c.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, gone
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Dir, err)
	}
	defer unix.Close(dir)
	var st unix.Stat_t
	var of unix.Statfs_t
	if err := errors.Join(unix.Fstat(dir, &st), unix.Fstatfs(dir, &of)); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Dir, err)
	}
	if st.Ino != c.Inode || of.Type != unix.CGROUP_SUPER_MAGIC && of.Type != unix.CGROUP2_SUPER_MAGIC {
		return nil, gone
	}
	fd, err := unix.Openat(dir, file, how|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", c.Dir, file, err)
	}
	return os.NewFile(uintptr(fd), c.Dir+"/"+file), nil
}

// Write gives a file of the cgroup a new value.
func (c Cgroup) Write(file, text string) error {
	f, err := c.open(file, unix.O_WRONLY)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// Read is the text of a file of the cgroup.
func (c Cgroup) Read(file string) (string, error) {
	f, err := c.open(file, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
	return string(b), errors.Join(err, f.Close())
}

// Writable says whether the program may write to a file of the cgroup, or why not.
func (c Cgroup) Writable(file string) error {
	path := c.Dir + "/" + file
	if err := unix.Access(path, unix.W_OK); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Members are the processes in the cgroup and in those below it: what is done to the
// cgroup is done to all of them. One that cannot be seen from here is an error.
func (c Cgroup) Members() ([]Process, error) {
	if _, err := c.Read("cgroup.procs"); err != nil { // it is still this one
		return nil, err
	}
	var members []Process
	err := filepath.WalkDir(c.Dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.Name() != "cgroup.procs" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, number := range strings.Fields(string(text)) {
			pid, _ := strconv.Atoi(number)
			if pid == 0 {
				return fmt.Errorf("%s: a process there is not to be seen from here", path)
			}
			if p, err := Identify(pid); err == nil {
				members = append(members, p)
			}
		}
		return err
	})
	return members, err
}
