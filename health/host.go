package health

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// host is the probe of something of this host.
func (r *reader) host(t Type, target string) (probe, error) {
	if (t == CPU || t == Memory) && target != "host" {
		return nil, r.errorf(string(t), "%s is that of this host: write %s: host", t, t)
	}
	switch t {
	case CPU:
		return &cpu{}, nil
	case Memory:
		return memory{}, nil
	case Disk:
		if target[0] != '/' {
			return nil, r.errorf("disk", "%q is no path of a file system: write one such as /var", target)
		}
		return disk{target}, nil
	}
	return &network{device: target}, nil
}

// proc is the kernel's view of this host.
func proc() (procfs.FS, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return fs, fmt.Errorf("%w: this system has no /proc", errImpossible)
	}
	return fs, nil
}

// firstSpan is over how long something that is counted is looked at for the first
// time; later it is what was between two looks.
const firstSpan = time.Second

// pause waits for the second half of a first look.
func pause(ctx context.Context) error {
	wait := firstSpan
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)/2)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// cpu is the share of the time, since the look before, in which the processors of this
// host were busy. Waiting for a disk is not being busy.
type cpu struct{ before *procfs.CPUStat }

func (p *cpu) look(ctx context.Context) (float64, error) {
	if p.before == nil {
		if err := p.read(&p.before); err != nil {
			return none, err
		}
		if err := pause(ctx); err != nil {
			return none, err
		}
	}
	last := p.before
	if err := p.read(&p.before); err != nil {
		return none, err
	}
	now := p.before
	idle := now.Idle + now.Iowait - last.Idle - last.Iowait
	busy := now.User + now.Nice + now.System + now.IRQ + now.SoftIRQ + now.Steal - (last.User + last.Nice + last.System + last.IRQ + last.SoftIRQ + last.Steal)
	if !(idle+busy > 0) {
		return none, fmt.Errorf("%w: the kernel counted no time", errImpossible)
	}
	return min(max(busy/(idle+busy), 0), 1), nil
}

func (p *cpu) read(into **procfs.CPUStat) error {
	fs, err := proc()
	if err != nil {
		return err
	}
	stat, err := fs.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", errImpossible, err)
	}
	*into = &stat.CPUTotal
	return nil
}

// memory is the share of this host's memory that no program could have without others
// being pushed out.
type memory struct{}

func (memory) look(context.Context) (float64, error) {
	fs, err := proc()
	if err != nil {
		return none, err
	}
	m, err := fs.Meminfo()
	if err != nil {
		return none, fmt.Errorf("%w: %w", errImpossible, err)
	}
	if m.MemTotal == nil || m.MemAvailable == nil || *m.MemTotal == 0 {
		return none, fmt.Errorf("%w: the kernel does not say what is available", errImpossible)
	}
	return 1 - float64(*m.MemAvailable)/float64(*m.MemTotal), nil
}

// disk is the share of a file system that is used, of its room or of its files,
// whichever is fuller; what is kept for root counts as used, as df counts it.
type disk struct{ path string }

func (p disk) look(context.Context) (float64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(p.path, &s); err != nil {
		return none, err
	}
	room, files := used(s.Blocks-s.Bfree, uint64(s.Bavail)), used(s.Files-s.Ffree, s.Ffree)
	if files > room {
		return files, nil
	}
	return room, nil
}

// used is the share of what could be used.
func used(taken, free uint64) float64 {
	if taken+free == 0 {
		return 0
	}
	return float64(taken) / float64(taken+free)
}

// network is the share of an interface's packets, since the look before, that had an
// error or were dropped.
type network struct {
	device string
	before *procfs.NetDevLine
}

func (p *network) look(ctx context.Context) (float64, error) {
	if p.before == nil {
		if err := p.read(); err != nil {
			return none, err
		}
		if err := pause(ctx); err != nil {
			return none, err
		}
	}
	last := *p.before
	if err := p.read(); err != nil {
		return none, err
	}
	now := *p.before
	bad := now.RxErrors + now.TxErrors + now.RxDropped + now.TxDropped - (last.RxErrors + last.TxErrors + last.RxDropped + last.TxDropped)
	all := now.RxPackets + now.TxPackets - (last.RxPackets + last.TxPackets)
	if now.RxPackets < last.RxPackets || bad > 1<<62 {
		return none, nil // it was made anew
	}
	if bad+all == 0 {
		return 0, nil
	}
	return min(float64(bad)/float64(bad+all), 1), nil
}

func (p *network) read() error {
	fs, err := proc()
	if err != nil {
		return err
	}
	devices, err := fs.NetDev()
	if err != nil {
		return fmt.Errorf("%w: %w", errImpossible, err)
	}
	line, ok := devices[p.device]
	if !ok {
		p.before = nil
		known := make([]string, 0, len(devices))
		for name := range devices {
			known = append(known, name)
		}
		slices.Sort(known)
		return fmt.Errorf("there is no such interface; there are %s", short(fmt.Sprint(known)))
	}
	p.before = &line
	if state, err := operstate(p.device); err == nil && state == "down" {
		return errors.New("the interface is down")
	}
	return nil
}

// operstate is the kernel's word for whether an interface works; loopback's is
// "unknown".
func operstate(device string) (string, error) {
	raw, err := os.ReadFile(filepath.Join("/sys/class/net", filepath.Base(device), "operstate"))
	return strings.TrimSpace(string(raw)), err
}
