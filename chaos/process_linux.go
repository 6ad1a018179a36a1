package chaos

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// BootID names the present boot of this machine.
func BootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
}

// Identify is the identity of the process that has the number pid now.
func Identify(pid int) (Process, error) {
	st, err := readStat(pid)
	if err != nil {
		return Process{}, err
	}
	boot, err := BootID()
	return Process{PID: pid, StartTicks: st.ticks, BootID: boot}, err
}

func readStat(pid int) (stat, error) {
	b, err := os.ReadFile(procOf(pid, "stat"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return stat{}, Process{PID: pid}.gone()
	}
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(b))
}

// State is the kernel's letter for what the process does (R, S, T, ...). A
// zombie counts as gone: it runs no more.
func (p Process) State() (byte, error) {
	boot, err := BootID()
	if err != nil {
		return 0, err
	}
	st, err := readStat(p.PID)
	if err != nil {
		return 0, err
	}
	if boot != p.BootID || st.ticks != p.StartTicks || st.state == 'Z' || st.state == 'X' {
		return 0, p.gone()
	}
	return st.state, nil
}

// Alive says whether this very process still exists.
func (p Process) Alive() bool {
	_, err := p.State()
	return err == nil
}

// Signal sends sig to exactly this process: the handle is opened first and the
// identity checked through it, so a reused number cannot be hit. Kernels
// without pidfd (before 5.3) leave a window of microseconds.
func (p Process) Signal(sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	switch {
	case errors.Is(err, unix.ESRCH):
		return p.gone()
	case errors.Is(err, unix.ENOSYS):
		if _, err := p.State(); err != nil {
			return err
		}
		return unix.Kill(p.PID, sig)
	case err != nil:
		return fmt.Errorf("process %d: pidfd: %w", p.PID, err)
	}
	defer unix.Close(fd)
	if _, err := p.State(); err != nil {
		return err
	}
	err = unix.PidfdSendSignal(fd, sig, nil, 0)
	if errors.Is(err, unix.ESRCH) {
		return p.gone()
	}
	if err != nil {
		return fmt.Errorf("signal %d to process %d: %w", sig, p.PID, err)
	}
	return nil
}

// kill ends the process and waits until it has stopped doing anything.
func (p Process) kill(patience time.Duration) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return p.Signal(syscall.SIGKILL)
	}
	defer unix.Close(fd)
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
	return err
}

// preallocate reserves room behind the end of the file without moving the end,
// so that a full disk cannot stop an undo from being recorded. A filesystem that
// cannot reserve (NFS, some ZFS) is used as it is: the undo itself needs no room.
func preallocate(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// lockedBy is a process that has a lock on the file, as far as the kernel tells; 0 is
// nobody, or one that cannot be seen from here.
func lockedBy(f *os.File) int {
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil {
		return 0
	}
	text, _ := os.ReadFile("/proc/locks")
	inode := ":" + strconv.FormatUint(st.Ino, 10)
	for line := range strings.Lines(string(text)) {
		field := strings.Fields(line) // 1: FLOCK ADVISORY WRITE 709 08:01:1180 0 EOF; one that waits has "->" before FLOCK
		if len(field) > 5 && field[1] == "FLOCK" && strings.HasSuffix(field[5], inode) {
			pid, _ := strconv.Atoi(field[4]) // less than 1 is of another namespace
			return max(0, pid)
		}
	}
	return 0
}

const (
	lockShared    = unix.LOCK_SH
	lockExclusive = unix.LOCK_EX | unix.LOCK_NB
	lockLook      = unix.LOCK_SH | unix.LOCK_NB // in the way of nobody who only looks too
	// unlocked gives a lock back at once: closing alone leaves it, for a moment, with a
	// child that another goroutine is just starting.
	unlocked = unix.LOCK_UN
)

// ownSession is how runner and undertaker start: no terminal's hang-up and no
// signal to the screen's process group reaches them.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// ownExecutable is this very program, even after its file has been replaced.
func ownExecutable() string { return "/proc/self/exe" }
