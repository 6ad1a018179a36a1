package fault

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// memFill takes memory of the host, or of a target's cgroup: so many bytes, or a share
// of what is available. When there is none left, the kernel ends its holder first.
type memFill struct{}

func (memFill) Kind() string { return "mem.fill" }

func (f memFill) Check(with chaos.With) error {
	_, _, err := f.params(with)
	return err
}

func (memFill) params(with chaos.With) (bytes int64, percent float64, err error) {
	if err := with.Only("bytes", "percent", "cgroup"); err != nil {
		return 0, 0, err
	}
	if err := checkJoin(with); err != nil {
		return 0, 0, err
	}
	if percent, err = with.Percent("percent"); err != nil {
		return 0, 0, err
	}
	_, both := with["bytes"]
	switch {
	case percent > 0 && both:
		return 0, 0, &chaos.ParamError{Key: "percent", Message: "say bytes or percent, not both"}
	case percent > 0:
		return 0, percent, nil
	}
	if bytes, err = with.Size("bytes", -1); err == nil && bytes < memoryStep {
		err = &chaos.ParamError{Key: "bytes", Message: "less than 1MiB does nothing"}
	}
	return bytes, 0, err
}

func (f memFill) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	bytes, percent, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	if target.Host != nil && !target.Host.Memory {
		return chaos.Injection{}, chaos.Refuse("not-named", "give the target memory: true under chaos.hosts", "the memory of %s is not named", target.Name)
	}
	cg, err := whose(ctx, step.With, target, chaos.MemoryController)
	if err != nil {
		return chaos.Injection{}, err
	}
	m := memory{Bytes: bytes, Cgroup: cg}
	available, err := m.available()
	if err != nil {
		return chaos.Injection{}, err
	}
	if percent > 0 {
		m.Bytes = int64(float64(available) * percent / 100)
	}
	if err := m.fits(available); err != nil {
		return chaos.Injection{}, err
	}
	return chaos.Injection{
		ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierKernel, Gone: chaos.Nothing(), // its holder's end is the proof
		Preview:  []string{fmt.Sprintf("map %s of %s that are available and touch every page, oom_score_adj 1000%s, for %s", chaos.FormatSize(m.Bytes), chaos.FormatSize(available), inCgroup(cg), step.Duration)},
		Injector: chaos.Hold(id, f.Kind(), m),
	}, nil
}

const memoryStep = 1 << 20

// memory holds memory.
type memory struct {
	Bytes  int64         `json:"bytes"`
	Cgroup *chaos.Cgroup `json:"cgroup,omitempty"`

	own int64 // bytes that the holder has for itself
}

// fits refuses what would leave less than a tenth of what is available.
func (m *memory) fits(available int64) error {
	if m.Bytes > available-available/10 {
		return chaos.Refuse("reserve", "take less", "%s of %s that are available leave less than 10 %%", chaos.FormatSize(m.Bytes), chaos.FormatSize(available))
	}
	return nil
}

// available is what the host can give without swapping, and no more than what the
// cgroup and those above it still may use.
func (m *memory) available() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	kib, err := strconv.ParseInt(strings.TrimSuffix(statusField(string(text), "MemAvailable"), " kB"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc/meminfo: MemAvailable: %w", err)
	}
	least := kib << 10
	if m.Cgroup == nil {
		return least, nil
	}
	for dir := m.Cgroup.Dir; strings.HasPrefix(dir, "/sys/fs/cgroup/"); dir = filepath.Dir(dir) {
		limit, used := number(dir, "memory.max", "memory.limit_in_bytes"), number(dir, "memory.current", "memory.usage_in_bytes")
		if limit > 0 && used >= 0 {
			least = min(least, max(0, limit-used))
		}
	}
	return least, nil
}

// number is what the first of the files that is there says, or -1 for none and "max".
func number(dir string, files ...string) int64 {
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if v, bad := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && bad == nil {
			return v
		}
	}
	return -1
}

// Hold is chaos.Holder's. The memory grows behind it, and Observe sees how far it is.
func (m *memory) Hold(context.Context) (string, error) {
	if err := expendable(); err != nil {
		return "", err
	}
	available, err := m.available()
	if err == nil {
		err = m.fits(available) // the plan may be old
	}
	if err == nil {
		err = join(m.Cgroup)
	}
	if err == nil {
		m.own, err = residentMemory()
	}
	if err != nil {
		return "", err
	}
	room, err := unix.Mmap(-1, 0, int(m.Bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return "", fmt.Errorf("map %s: %w", chaos.FormatSize(m.Bytes), err)
	}
	go func() {
		for {
			touch(room)
			time.Sleep(time.Second) // and again: what was swapped out comes back
		}
	}()
	return "takes " + chaos.FormatSize(m.Bytes), nil
}

// touch writes to every page something that no other page has, so that none is merged.
func touch(room []byte) {
	page := os.Getpagesize()
	for i := 0; i < len(room); i += page {
		n := uint64(i) + 1
		for k := range 8 {
			room[i+k] = byte(n >> (8 * k))
		}
	}
}

// Observe is chaos.Holder's: the kernel says how much of it is in memory.
func (m *memory) Observe(context.Context) (string, bool, error) {
	all, err := residentMemory()
	if err != nil {
		return "", false, err
	}
	got := min(max(0, all-m.own), m.Bytes)
	return fmt.Sprintf("%s of %s are in memory", chaos.FormatSize(got), chaos.FormatSize(m.Bytes)), got >= m.Bytes/100*95, nil
}

// residentMemory is what this process has in memory, in bytes.
func residentMemory() (int64, error) {
	text, err := os.ReadFile("/proc/self/statm") // proc(5): size, resident, in pages
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/self/statm says %q", text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
