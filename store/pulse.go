package store

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/sitrep-dev/sitrep/escalation"
)

// pulse is how others see at once that whoever runs the ladder is dead: a file of
// its own for every lease, locked by the process that took it. All processes on a
// store are on one host, and a lock goes with its process, whatever killed that:
// nobody has to wait until the lease runs out. A process that is only stopped keeps
// its lock, and its lease runs out as ever. Where the file cannot be made there is
// no pulse, and the lease alone counts.
type pulse struct {
	mu   sync.Mutex
	file *os.File
}

func pulseFile(path string, l escalation.Lease) string {
	return filepath.Join(presentDir(path), "ladder-"+strconv.FormatInt(l.Epoch, 10)+".lock")
}

// start is the pulse of a lease that is about to be taken; those of older ones are
// taken away.
func (p *pulse) start(path string, l escalation.Lease) {
	p.stop()
	shared, err := makeRoom(path)
	if err != nil {
		return
	}
	name := pulseFile(path, l)
	_ = os.Remove(name) // of one that was about to take the same lease, and died before it was
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return
	}
	if shared {
		err = f.Chmod(0o660)
	}
	if err = errors.Join(err, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)); err != nil {
		_, _ = os.Remove(name), f.Close()
		return
	}
	old, _ := filepath.Glob(filepath.Join(presentDir(path), "ladder-*.lock")) // the pattern is ours
	for _, o := range old {
		if o != name {
			_ = os.Remove(o) // whoever still holds it has lost its lease
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.file = f
}

// stop ends the pulse, if there is one.
func (p *pulse) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file != nil {
		_, _ = os.Remove(p.file.Name()), p.file.Close()
		p.file = nil
	}
}

// end lets go of the lock and leaves the file, as dying does: a store that is closed
// with its lease is seen to be dead.
func (p *pulse) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file != nil {
		_ = p.file.Close()
		p.file = nil
	}
}

// dead says that the process which took a lease is certainly gone.
func dead(path string, l escalation.Lease) bool {
	f, err := os.OpenFile(pulseFile(path, l), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil
}
