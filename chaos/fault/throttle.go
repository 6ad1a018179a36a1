package fault

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// ioThrottle limits how much the cgroup of a target reads from and writes to a disk.
type ioThrottle struct{}

func (ioThrottle) Kind() string { return "io.throttle" }

func (f ioThrottle) Check(with chaos.With) error {
	_, _, _, err := f.params(with)
	return err
}

// params are the disk, as a path on it or its device, and limits in bytes a second, 0
// for none.
func (ioThrottle) params(with chaos.With) (disk string, read, write int64, err error) {
	if err := with.Only("disk", "read", "write"); err != nil {
		return "", 0, 0, err
	}
	if disk = string(with["disk"]); !filepath.IsAbs(disk) {
		return "", 0, 0, &chaos.ParamError{Key: "disk", Message: "want an absolute path, of the device or of anything on it, such as disk: /srv/data"}
	}
	if read, err = rate(with, "read"); err != nil {
		return "", 0, 0, err
	}
	if write, err = rate(with, "write"); err != nil {
		return "", 0, 0, err
	}
	if read == 0 && write == 0 {
		return "", 0, 0, &chaos.ParamError{Key: "write", Message: "missing; write for example write: 1MiB (a second), or read"}
	}
	return disk, read, write, nil
}

// rate is a limit in bytes a second, or 0 for none.
func rate(with chaos.With, key string) (int64, error) {
	limit, err := with.Size(key, 0)
	if _, ok := with[key]; err == nil && ok && limit < 1<<10 {
		err = &chaos.ParamError{Key: key, Message: "less than 1KiB a second is as good as nothing; pause the process instead"}
	}
	return limit, err
}

func (f ioThrottle) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	disk, read, write, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	p, err := processOf(ctx, target)
	if err != nil {
		return chaos.Injection{}, err
	}
	cg, version, members, err := sharedCgroup(p, chaos.IOController)
	if err != nil {
		return chaos.Injection{}, err
	}
	device, err := deviceOf(disk)
	if err != nil {
		return chaos.Injection{}, err
	}
	inj := chaos.Injection{ID: id, Kind: f.Kind(), Target: target.Name}
	return limited{cgroup: cg}.plan(inj, members, limitsOf(version, device, read, write), step)
}

// plan resolves limits of the cgroup, which hold for all who are in there.
func (t limited) plan(inj chaos.Injection, members []chaos.Process, limits []limit, step chaos.Step) (chaos.Injection, error) {
	cg := t.cgroup
	var gone []chaos.Check
	for _, l := range limits {
		if err := writable(cg, l.file); err != nil {
			return inj, err
		}
		before, err := chaos.DeviceLimit(cg, l.file, l.device, l.keys...)
		if err != nil {
			return inj, err
		}
		if before == l.text {
			return inj, chaos.Refuse("limited-already", "look who limited it, or ask for another rate", "%s/%s says %s already", cg.Dir, l.file, before)
		}
		t.limits = append(t.limits, l)
		inj.Undo = append(inj.Undo, chaos.WriteCgroup(cg, l.file, before))
		gone = append(gone, chaos.CgroupSays(cg, l.file, before))
		inj.Preview = append(inj.Preview, fmt.Sprintf("echo %s > %s/%s, for %s", l.text, cg.Dir, l.file, step.Duration))
	}
	inj.Tier, inj.Gone, inj.Injector = chaos.TierDeadMan, chaos.Every(gone...), t
	inj.Preview = append(inj.Preview, fmt.Sprintf("which slows %d processes: %s", len(members), names(members)))
	inj.Needs = []string{cgroupRight}
	return inj, nil
}

// limit is one line for one file of a cgroup.
type limit struct {
	file, text string
	device     string
	keys       []string // of io.max
}

// limitsOf are the lines for two limits, of which one may be none. Source: the kernel's
// admin-guide/cgroup-v2.rst (io.max) and cgroup-v1/blkio-controller.rst.
func limitsOf(version int, device string, read, write int64) []limit {
	both := limit{file: "io.max", text: device, device: device}
	var single []limit
	for _, l := range []struct {
		rate      int64
		key, file string
	}{{read, "rbps", "blkio.throttle.read_bps_device"}, {write, "wbps", "blkio.throttle.write_bps_device"}} {
		if l.rate == 0 {
			continue
		}
		both.text += fmt.Sprintf(" %s=%d", l.key, l.rate)
		both.keys = append(both.keys, l.key)
		single = append(single, limit{file: l.file, text: fmt.Sprintf("%s %d", device, l.rate), device: device})
	}
	if version == 2 {
		return []limit{both}
	}
	return single
}

// deviceOf is the whole disk of a path, as major:minor. Limits are on disks: one of a
// partition is refused by the kernel.
func deviceOf(path string) (string, error) {
	refuse := func(format string, args ...any) (string, error) {
		return "", chaos.Refuse("no-device", "name a path on a disk", "%s: %s", path, fmt.Sprintf(format, args...))
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return refuse("%v", err)
	}
	dev := st.Dev
	if st.Mode&unix.S_IFMT == unix.S_IFBLK {
		dev = st.Rdev
	}
	name := fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev))
	dir, err := filepath.EvalSymlinks("/sys/dev/block/" + name)
	if err != nil {
		return refuse("it is on no disk (its device is %s)", name)
	}
	if _, err := os.Stat(dir + "/partition"); err != nil {
		return name, nil
	}
	whole, err := os.ReadFile(filepath.Dir(dir) + "/dev")
	if err != nil {
		return refuse("which disk is it on? %v", err)
	}
	return strings.TrimSpace(string(whole)), nil
}

// limited is a cgroup with limits.
type limited struct {
	cgroup chaos.Cgroup
	limits []limit
}

// Inject is chaos.Injector's. It looks once more who is in there: the plan may be old.
func (t limited) Inject(context.Context, chaos.Armed) (string, error) {
	members, err := t.cgroup.Members()
	if err == nil {
		err = safeMembers(t.cgroup, members)
	}
	if err != nil {
		return "", err
	}
	var said []string
	for _, l := range t.limits {
		if err := t.cgroup.Write(l.file, l.text); err != nil {
			return "", fmt.Errorf("write %s: %w", l.text, err)
		}
		said = append(said, l.text)
	}
	return fmt.Sprintf("limited %s: %s", t.cgroup.Dir, strings.Join(said, ", ")), nil
}

// Observe is chaos.Injector's: the kernel says that the limits are in force.
func (t limited) Observe(context.Context) (string, bool, error) {
	var said []string
	for _, l := range t.limits {
		is, err := chaos.DeviceLimit(t.cgroup, l.file, l.device, l.keys...)
		if err != nil {
			return "", false, err
		}
		if is != l.text {
			return fmt.Sprintf("%s/%s says %s", t.cgroup.Dir, l.file, is), false, nil
		}
		said = append(said, is)
	}
	return fmt.Sprintf("the limits of %s are %s", t.cgroup.Dir, strings.Join(said, ", ")), true, nil
}
