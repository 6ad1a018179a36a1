package lab

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// reservation holds a port on loopback without listening there: the process
// that does may die and come back, in between the port refuses connections, and
// nobody else can get it.
type reservation struct {
	fd   int
	addr string // 127.0.0.1:PORT
}

func reserve() (r reservation, err error) {
	r.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return r, err
	}
	defer func() {
		if err != nil {
			unix.Close(r.fd)
		}
	}()
	if err := unix.SetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return r, err
	}
	if err := unix.Bind(r.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return r, err
	}
	name, err := unix.Getsockname(r.fd)
	if err != nil {
		return r, err
	}
	in4, ok := name.(*unix.SockaddrInet4)
	if !ok {
		return r, fmt.Errorf("a socket of IPv4 is bound to %T", name)
	}
	r.addr = fmt.Sprintf("127.0.0.1:%d", in4.Port)
	return r, nil
}

func (r reservation) release() error { return unix.Close(r.fd) }

// sharePort lets a service listen on the port that the lab has reserved.
func sharePort(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }); cerr != nil {
		return cerr
	}
	return err
}

// asService is how a service starts: in a process group of its own, because
// ctrl-C and ctrl-Z of the terminal are not meant for it, and killed by the
// kernel when its parent dies, even while it is stopped. (The kernel watches the
// thread that forked. Go ends a thread only with a goroutine that locked it, and
// nothing of the lab does.)
func asService() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
