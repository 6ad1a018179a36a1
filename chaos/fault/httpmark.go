package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// proxyMark is on every packet that a proxy of ours sends to a server, and no rule of
// ours leads such a one to a proxy: it would meet itself, or another.
const proxyMark = 0x51731

// dialTime is how long a server may take to accept.
const dialTime = 30 * time.Second

// dialMarked connects by a socket of the namespace of do. Only the socket is made there:
// a server that takes its time keeps nobody else from being served.
func dialMarked(ctx context.Context, do func(func() error) error, address string) (*net.TCPConn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	fd := -1
	err = do(func() (err error) {
		family := unix.AF_INET
		if to.Addr().Is6() {
			family = unix.AF_INET6
		}
		fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		return os.NewSyscallError("socket", err)
	})
	if err != nil {
		return nil, err
	}
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, proxyMark); err == nil {
		err = unix.Connect(fd, sockaddr(to))
	}
	f := os.NewFile(uintptr(fd), address)
	defer f.Close() // the connection has a descriptor of its own
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	tcp := conn.(*net.TCPConn) // it is a socket of TCP
	if err := connected(ctx, tcp); err != nil {
		_ = tcp.Close()
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return tcp, nil
}

// connected waits until a connection is there.
func connected(ctx context.Context, conn *net.TCPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	_ = conn.SetWriteDeadline(time.Now().Add(dialTime))
	stop := context.AfterFunc(ctx, func() { _ = conn.SetWriteDeadline(time.Now()) })
	defer stop()
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		switch {
		case err != nil:
			failed = err
			return true
		case code != 0:
			failed = unix.Errno(code)
			return true
		}
		_, err = unix.Getpeername(int(fd))
		return err == nil
	})
	if err == nil {
		err = failed
	}
	if err == nil {
		err = conn.SetWriteDeadline(time.Time{})
	}
	return err
}

func sockaddr(to netip.AddrPort) unix.Sockaddr {
	if to.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	zone, _ := strconv.ParseUint(to.Addr().Zone(), 10, 32) // originOf writes it so
	return &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16(), ZoneId: uint32(zone)}
}

// originOf is where a client wanted to go whose connection was redirected; conn is of
// IPv4 or IPv6 alone, not of both in one.
func originOf(conn *net.TCPConn) (to netip.AddrPort, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return to, err
	}
	six := conn.LocalAddr().(*net.TCPAddr).IP.To4() == nil
	var failed error
	err = raw.Control(func(fd uintptr) {
		if to, failed = originalAddress(int(fd), six); failed != nil {
			failed = fmt.Errorf("where did the connection from %s want to go? %w", conn.RemoteAddr(), failed)
		}
	})
	if err == nil {
		err = failed
	}
	return to, err
}

// soOriginalDst is SO_ORIGINAL_DST of linux/netfilter_ipv4.h, and IP6T_SO_ORIGINAL_DST.
const soOriginalDst = 80

// originalAddress asks netfilter. The options are read through those of another meaning
// whose answers are as long.
func originalAddress(fd int, six bool) (netip.AddrPort, error) {
	if six {
		info, err := unix.GetsockoptIPv6MTUInfo(fd, unix.SOL_IPV6, soOriginalDst)
		if err != nil {
			return netip.AddrPort{}, err
		}
		a := netip.AddrFrom16(info.Addr.Addr)
		if info.Addr.Scope_id != 0 {
			a = a.WithZone(strconv.FormatUint(uint64(info.Addr.Scope_id), 10))
		}
		port := (*[2]byte)(unsafe.Pointer(&info.Addr.Port))
		return netip.AddrPortFrom(a, uint16(port[0])<<8|uint16(port[1])), nil
	}
	m, err := unix.GetsockoptIPv6Mreq(fd, unix.SOL_IP, soOriginalDst)
	if err != nil {
		return netip.AddrPort{}, err
	}
	b := m.Multiaddr
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), uint16(b[2])<<8|uint16(b[3])), nil
}
