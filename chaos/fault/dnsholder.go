package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// responder holds a DNS failure: it answers on loopback inside the network namespace, and
// has the table that leads queries to it. Its end is the end of both.
type responder struct {
	table

	Answer   string         `json:"answer"` // of dnsAnswers
	Delay    time.Duration  `json:"delay,omitempty"`
	Suffixes []string       `json:"suffixes,omitempty"`
	Upstream netip.AddrPort `json:"upstream"` // for the names that do not fail

	hurt, passed atomic.Int64
}

// Hold is chaos.Holder's.
func (r *responder) Hold(ctx context.Context) (string, error) {
	var err error
	if r.do, err = r.Netns.Stay(); err != nil {
		return "", err
	}
	port, err := r.listen()
	if err != nil {
		return "", fmt.Errorf("answer queries in %s: %w", r.Netns, err)
	}
	for i, line := range r.Script {
		r.Script[i] = strings.ReplaceAll(line, ":"+holderPort+" ", ":"+strconv.Itoa(port)+" ")
	}
	evidence, err := r.put(ctx)
	return fmt.Sprintf("%s; port %d answers", evidence, port), err
}

// Observe is chaos.Holder's: queries have met the fault.
func (r *responder) Observe(context.Context) (string, bool, error) {
	hurt, text := r.hurt.Load(), ""
	if passed := r.passed.Load(); passed > 0 {
		text = fmt.Sprintf("; %d for other names were passed on", passed)
	}
	return fmt.Sprintf("%d queries met the fault%s", hurt, text), hurt > 0, nil
}

// listenTries is how often a port is looked for that is free for UDP and TCP, and on both
// loopback addresses.
const listenTries = 20

// listen serves inside, on one port of loopback.
func (r *responder) listen() (port int, err error) {
	for range listenTries {
		err = r.do(func() (err error) {
			port, err = r.listenOn()
			return err
		})
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return port, err
}

func (r *responder) listenOn() (port int, err error) {
	tcp, udp, err := both("127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port = tcp.Addr().(*net.TCPAddr).Port
	tcp6, udp6, err := both("[::1]:" + strconv.Itoa(port))
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT):
		// it has no IPv6
	case err != nil:
		return 0, errors.Join(err, tcp.Close(), udp.Close())
	default:
		go r.serveTCP(tcp6)
		go r.serveUDP(udp6)
	}
	go r.serveTCP(tcp)
	go r.serveUDP(udp)
	return port, nil
}

// both listens on an address over TCP and UDP.
func both(address string) (*net.TCPListener, *net.UDPConn, error) {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, nil, err
	}
	tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(a))
	if err != nil {
		return nil, nil, err
	}
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(tcp.Addr().(*net.TCPAddr).AddrPort()))
	if err != nil {
		return nil, nil, errors.Join(err, tcp.Close())
	}
	return tcp, udp, nil
}

// upstreamTime is how long the name server may take for what is passed on.
const upstreamTime = 5 * time.Second

// ask passes a query on and returns the answer. The socket is opened inside, and carries
// the mark that keeps the query from coming back here.
func (r *responder) ask(network string, query []byte) (answer []byte, err error) {
	dialer := net.Dialer{Timeout: upstreamTime, Control: func(_, _ string, c syscall.RawConn) (err error) {
		mark, _ := strconv.ParseInt(ownMark, 0, 64) // it is a number
		cerr := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, int(mark)) })
		return errors.Join(cerr, err)
	}}
	var conn net.Conn
	err = r.Netns.Do(func() (err error) {
		conn, err = dialer.Dial(network, r.Upstream.String())
		return err
	})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(upstreamTime)); err != nil {
		return nil, err
	}
	if network == "tcp" {
		if err := writeLong(conn, query); err != nil {
			return nil, err
		}
		return readLong(conn)
	}
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	answer = make([]byte, longestDatagram)
	n, err := conn.Read(answer)
	return answer[:n], err
}

var _ chaos.Holder = (*responder)(nil)
