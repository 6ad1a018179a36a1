//go:build unix

package loadtest

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// disturbed holds if an idle connection has been closed by the other side, or
// has bytes waiting that no request asked for. It does not block.
func disturbed(nc net.Conn) bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	quiet := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		quiet = err == unix.EAGAIN || err == unix.EINTR
	})
	return err != nil || !quiet
}
