package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrNetnsGone means that no process and no file of this host keeps the namespace any
// more: whatever was in it is gone too.
var ErrNetnsGone = errors.New("is gone")

// Netns is a network namespace, by the inode of its file in /proc/PID/ns. An inode may
// be used again by a later one, so that what is done in one goes by a name that is
// unique for all time.
type Netns uint64

// NetnsOf is the network namespace of a process. One of another user may not be seen.
func NetnsOf(pid int) (Netns, error) {
	inode, err := inodeOf("/proc/" + strconv.Itoa(pid) + "/ns/net")
	if err != nil {
		return 0, fmt.Errorf("network namespace of process %d: %w", pid, err)
	}
	return inode, nil
}

// OwnNetns is that of this process, as it was started.
func OwnNetns() (Netns, error) { return NetnsOf(os.Getpid()) }

func inodeOf(path string) (Netns, error) {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	return Netns(st.Ino), err
}

// String is how the kernel writes it.
func (n Netns) String() string { return fmt.Sprintf("net:[%d]", uint64(n)) }

// Enter takes the calling thread, which must be locked and never be given back, into
// the namespace. For another than our own it takes CAP_SYS_ADMIN there.
func (n Netns) Enter() error {
	own, err := OwnNetns()
	if err != nil || own == n {
		return err
	}
	for _, path := range netnsFiles() {
		if inode, err := inodeOf(path); err != nil || inode != n {
			continue
		}
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue // its process has ended
		}
		defer unix.Close(fd)
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil || Netns(st.Ino) != n {
			continue // its number has been used again
		}
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter %s: %w", n, err)
		}
		return nil
	}
	return fmt.Errorf("%s %w", n, ErrNetnsGone)
}

// netnsFiles are where a namespace may be seen: its processes, and the names that
// iproute2 and Docker give.
func netnsFiles() []string {
	var all []string
	for _, pattern := range []string{"/proc/[0-9]*/ns/net", "/run/netns/*", "/run/docker/netns/*"} {
		found, _ := filepath.Glob(pattern) // the patterns are good
		all = append(all, found...)
	}
	return all
}

// Do runs f on a thread of its own inside the namespace. Processes that f starts are
// inside too; sockets that it opens stay there.
func (n Netns) Do(f func() error) error {
	done := make(chan error, 1)
	ownThread(func() {
		err := n.Enter()
		if err == nil {
			err = f()
		}
		done <- err
	})
	return <-done
}

// Stay is a thread that stays inside the namespace for as long as this process lives;
// what it is given it does one after the other. Processes that it starts may ask for a
// signal at its death.
func (n Netns) Stay() (do func(f func() error) error, err error) {
	work, done, entered := make(chan func() error), make(chan error), make(chan error)
	ownThread(func() {
		err := n.Enter()
		entered <- err
		for err == nil {
			done <- (<-work)()
		}
	})
	if err := <-entered; err != nil {
		return nil, err
	}
	return func(f func() error) error {
		work <- f
		return <-done
	}, nil
}

// ownThread runs f on a thread that nothing else uses and that ends with f. It is not
// the main one: what /proc says of the process is what that one does.
func ownThread(f func()) {
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if unix.Gettid() != os.Getpid() {
			f()
			return
		}
		defer runtime.UnlockOSThread()
		over := make(chan struct{})
		go func() { // on another thread, as this one is taken
			defer close(over)
			runtime.LockOSThread()
			f()
		}()
		<-over
	}()
}

// Tool runs a program inside the namespace and returns its standard output.
func (n Netns) Tool(ctx context.Context, c ToolCall) (out string, err error) {
	err = n.Do(func() error {
		out, err = c.Run(ctx)
		return err
	})
	return out, err
}
