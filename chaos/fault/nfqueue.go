package fault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// queue is a socket on which the kernel hands over packets, and takes back what is to
// become of them. Source: linux/netfilter/nfnetlink_queue.h.
type queue struct {
	file   *os.File // so that the runtime waits for it
	number uint16
	held   atomic.Int64 // packets let through
}

// Types of messages, commands and attributes of the subsystem NFNL_SUBSYS_QUEUE (3).
const (
	nfqPacket  = 3 << 8
	nfqVerdict = 3<<8 | 1
	nfqConfig  = 3<<8 | 2

	nfqaPacketHdr  = 1
	nfqaVerdictHdr = 2

	nfqaCfgCmd         = 1
	nfqaCfgParams      = 2
	nfqaCfgQueueMaxlen = 3
	nfqaCfgMask        = 4
	nfqaCfgFlags       = 5

	nfqCfgCmdBind   = 1
	nfqCopyMeta     = 1 // no more of a packet than its number
	nfqFlagFailOpen = 1 << 0
	nfqFlagGSO      = 1 << 2
	nfAccept        = 1
)

const (
	queueLength = 65535   // packets; more pass undelayed (fail open)
	queueBuffer = 8 << 20 // bytes, of the socket
)

// openQueue binds the queue of that number in the network namespace of the calling
// thread. A number that somebody else holds is an error.
func openQueue(number uint16) (*queue, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	if err := setUp(fd, number); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return &queue{file: os.NewFile(uintptr(fd), "nfqueue"), number: number}, nil
}

func setUp(fd int, number uint16) error {
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, queueBuffer) // less means that more packets pass undelayed
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_NO_ENOBUFS, 1)
	length := binary.BigEndian.AppendUint32(nil, queueLength)
	flags := binary.BigEndian.AppendUint32(nil, nfqFlagFailOpen|nfqFlagGSO)
	for _, attributes := range [][]byte{
		attribute(nfqaCfgCmd, []byte{nfqCfgCmdBind, 0, 0, 0}),
		attribute(nfqaCfgParams, []byte{0, 0, 0, 0, nfqCopyMeta}),
		append(attribute(nfqaCfgQueueMaxlen, length), append(attribute(nfqaCfgFlags, flags), attribute(nfqaCfgMask, flags)...)...),
	} {
		if err := configure(fd, number, attributes); err != nil {
			return err
		}
	}
	return nil
}

// configure sends one request and waits for its acknowledgement.
func configure(fd int, number uint16, attributes []byte) error {
	request := message(nfqConfig, unix.NLM_F_REQUEST|unix.NLM_F_ACK, number, attributes)
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("queue %d: %w", number, err)
	}
	buffer := make([]byte, 4096)
	for {
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("queue %d: %w", number, err)
		}
		messages, err := syscall.ParseNetlinkMessage(buffer[:n])
		if err != nil {
			return fmt.Errorf("queue %d: %w", number, err)
		}
		for _, m := range messages {
			if m.Header.Type != unix.NLMSG_ERROR || len(m.Data) < 4 {
				continue // a packet that came early: nothing leads here yet
			}
			if code := int32(binary.NativeEndian.Uint32(m.Data)); code != 0 {
				return fmt.Errorf("queue %d: %w", number, unix.Errno(-code))
			}
			return nil
		}
	}
}

// hold lets every packet through after the time that delay gives, until the socket
// fails. Packets may overtake each other where that differs.
func (q *queue) hold(delay func() time.Duration) error {
	conn, err := q.file.SyscallConn()
	if err != nil {
		return err
	}
	buffer := make([]byte, 64<<10)
	for {
		n := 0
		var rerr error
		err := conn.Read(func(fd uintptr) bool {
			n, _, rerr = unix.Recvfrom(int(fd), buffer, 0)
			return !errors.Is(rerr, unix.EAGAIN)
		})
		switch {
		case err != nil:
			return err
		case errors.Is(rerr, unix.EINTR), errors.Is(rerr, unix.ENOBUFS):
			continue
		case rerr != nil:
			return rerr
		}
		messages, err := syscall.ParseNetlinkMessage(buffer[:n])
		if err != nil {
			return err
		}
		for _, m := range messages {
			if id, ok := packetOf(m); ok {
				time.AfterFunc(delay(), func() { q.accept(id) })
			}
		}
	}
}

// packetOf is the number of the packet that a message hands over.
func packetOf(m syscall.NetlinkMessage) (id uint32, ok bool) {
	if m.Header.Type != nfqPacket || len(m.Data) < 4 {
		return 0, false
	}
	for rest := m.Data[4:]; len(rest) >= 4; {
		length, kind := int(binary.NativeEndian.Uint16(rest)), binary.NativeEndian.Uint16(rest[2:])
		if length < 4 || length > len(rest) {
			return 0, false
		}
		if kind&math.MaxInt16 == nfqaPacketHdr && length >= 8 { // the upper bits are flags
			return binary.BigEndian.Uint32(rest[4:]), true
		}
		rest = rest[min(len(rest), (length+3)&^3):]
	}
	return 0, false
}

// accept lets a packet go on.
func (q *queue) accept(id uint32) {
	verdict := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, nfAccept), id)
	conn, err := q.file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		err = unix.Sendto(int(fd), message(nfqVerdict, unix.NLM_F_REQUEST, q.number, attribute(nfqaVerdictHdr, verdict)), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	})
	if err == nil {
		q.held.Add(1)
	}
}

// message is a netlink message with the header of netfilter: no family, version 0, and
// the number of the queue.
func message(kind, flags uint16, number uint16, attributes []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+4+len(attributes)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = append(b, make([]byte, 8)...) // sequence and sender
	b = append(b, unix.AF_UNSPEC, 0)
	b = binary.BigEndian.AppendUint16(b, number)
	return append(b, attributes...)
}

func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, (4-len(b)%4)%4)...)
}
