package chaos

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"syscall"

	"golang.org/x/sys/unix"
)

// ForgetFlows is what is done when a table has gone that led packets elsewhere: the
// kernel goes on with that for every connection and every socket it has begun it with,
// for as long as they speak. Those that carry the mark of the table are forgotten.
func ForgetFlows(n Netns, table string) Op { return Op{Do: "forget-flows", Netns: n, Name: table} }

// FlowsForgotten is true when the namespace has no connection with the mark of the table.
func FlowsForgotten(n Netns, table string) Check {
	return Check{Is: "flows-forgotten", Netns: n, Name: table}
}

// FlowMark is the mark of the connections that a table of that name leads elsewhere. Its
// first byte is an S.
func FlowMark(table string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(table))
	return 'S'<<24 | h.Sum32()>>8
}

var forgetFlowsOp = opKind{
	valid: func(o Op) error { return validInside(o.Netns, o.Name) },
	text: func(o Op) string {
		return fmt.Sprintf("conntrack -D --mark %#x in %s", FlowMark(o.Name), o.Netns)
	},
	do: func(_ context.Context, o Op) (string, error) {
		_, err := conntrack(o.Netns, ctDelete, unix.NLM_F_ACK, FlowMark(o.Name))
		if errors.Is(err, ErrNetnsGone) {
			return err.Error(), nil
		}
		return "its connections are forgotten", err
	},
}

var flowsForgottenCheck = checkKind{
	valid: func(c Check) error { return validInside(c.Netns, c.Name) },
	text: func(c Check) string {
		return fmt.Sprintf("conntrack -L --mark %#x in %s is empty", FlowMark(c.Name), c.Netns)
	},
	look: func(_ context.Context, c Check) (string, bool, error) {
		n, err := conntrack(c.Netns, ctGet, unix.NLM_F_DUMP, FlowMark(c.Name))
		if errors.Is(err, ErrNetnsGone) {
			return err.Error(), true, nil
		}
		return fmt.Sprintf("%d connections carry its mark", n), err == nil && n == 0, err
	},
}

// Types of messages and attributes of the subsystem NFNL_SUBSYS_CTNETLINK (1). Source:
// linux/netfilter/nfnetlink_conntrack.h. That what is deleted can be narrowed by mark is
// as of Linux 3.19; tables that go with their holder are as of 5.12.
const (
	ctNew       = 1 << 8
	ctGet       = 1<<8 | 1
	ctDelete    = 1<<8 | 2
	ctaMark     = 8
	ctaMarkMask = 21
)

// conntrack asks the kernel about the connections of a namespace that carry a mark, and
// returns how many it has named.
func conntrack(n Netns, kind, flags uint16, mark uint32) (named int, err error) {
	err = n.Do(func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		patience := unix.NsecToTimeval(undoTimeout.Nanoseconds())
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
			return err
		}
		if err := unix.Sendto(fd, conntrackRequest(kind, flags, mark), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return err
		}
		named, err = conntrackAnswer(fd)
		return err
	})
	if err != nil {
		err = fmt.Errorf("connections with mark %#x in %s: %w", mark, n, err)
	}
	return named, err
}

func conntrackRequest(kind, flags uint16, mark uint32) []byte {
	var attributes []byte
	for _, a := range []struct {
		kind  uint16
		value uint32
	}{{ctaMark, mark}, {ctaMarkMask, 0xffffffff}} {
		attributes = binary.NativeEndian.AppendUint16(attributes, 8)
		attributes = binary.NativeEndian.AppendUint16(attributes, a.kind)
		attributes = binary.BigEndian.AppendUint32(attributes, a.value)
	}
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+4+len(attributes)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|flags)
	b = append(b, make([]byte, 8)...)      // sequence and sender
	b = append(b, unix.AF_UNSPEC, 0, 0, 0) // every family; version and resource are 0
	return append(b, attributes...)
}

// conntrackAnswer counts the connections that the kernel names, until it has named all or
// says how the request went.
func conntrackAnswer(fd int) (named int, err error) {
	buffer := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return named, err
		}
		messages, err := syscall.ParseNetlinkMessage(buffer[:n])
		if err != nil {
			return named, err
		}
		for _, m := range messages {
			switch {
			case m.Header.Type == ctNew:
				named++
			case m.Header.Type == unix.NLMSG_DONE:
				return named, nil
			case m.Header.Type == unix.NLMSG_ERROR && len(m.Data) >= 4:
				if code := int32(binary.NativeEndian.Uint32(m.Data)); code != 0 {
					return named, unix.Errno(-code)
				}
				return named, nil
			}
		}
	}
}
