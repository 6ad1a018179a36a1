package health

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// echo is a check of ICMP. It needs no privilege where net.ipv4.ping_group_range lets
// this group in, and CAP_NET_RAW elsewhere.
type echo struct{ host string }

func (p *echo) look(ctx context.Context) (float64, error) {
	found, err := net.DefaultResolver.LookupIPAddr(ctx, p.host)
	if err != nil {
		return none, err
	}
	to := found[0]
	way := ways(to.IP)
	conn, peer, err := way.listen(to)
	if err != nil {
		return none, err
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	mark := make([]byte, 16) // whose answer it is: with a datagram socket the kernel gives the ID
	_, _ = rand.Read(mark)
	msg := icmp.Message{Type: way.request, Body: &icmp.Echo{ID: os.Getpid() & 0xffff, Seq: 1, Data: mark}}
	raw, err := msg.Marshal(nil)
	if err != nil {
		return none, err
	}
	began := time.Now()
	if _, err := conn.WriteTo(raw, peer); err != nil {
		return none, err
	}
	buf := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return none, err
		}
		took := time.Since(began).Seconds()
		answer, err := icmp.ParseMessage(way.protocol, buf[:n])
		if err != nil {
			continue
		}
		switch body := answer.Body.(type) {
		case *icmp.Echo:
			if answer.Type == way.reply && string(body.Data) == string(mark) {
				return took, nil
			}
		case *icmp.DstUnreach:
			if addressOf(from).Equal(to.IP) || len(body.Data) > 0 && holds(body.Data, mark) {
				return none, fmt.Errorf("%s says that it cannot be reached", addressOf(from))
			}
		}
	}
}

// way is how echo requests travel in one of the two versions of IP.
type way struct {
	datagram, raw, any string
	request, reply     icmp.Type
	protocol           int
}

func ways(ip net.IP) way {
	if ip.To4() != nil {
		return way{"udp4", "ip4:icmp", "0.0.0.0", ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply, 1}
	}
	return way{"udp6", "ip6:ipv6-icmp", "::", ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply, 58}
}

func (w way) listen(to net.IPAddr) (*icmp.PacketConn, net.Addr, error) {
	conn, err := icmp.ListenPacket(w.datagram, w.any)
	if err == nil {
		return conn, &net.UDPAddr{IP: to.IP, Zone: to.Zone}, nil
	}
	conn, rawErr := icmp.ListenPacket(w.raw, w.any)
	if rawErr == nil {
		return conn, &to, nil
	}
	return nil, nil, fmt.Errorf("%w: this user may send no echo requests (%w); let its group in with sysctl net.ipv4.ping_group_range, or give the program CAP_NET_RAW", errImpossible, errors.Unwrap(rawErr))
}

func addressOf(a net.Addr) net.IP {
	switch a := a.(type) {
	case *net.UDPAddr:
		return a.IP
	case *net.IPAddr:
		return a.IP
	}
	return nil
}

// holds is whether the head of a packet that was sent back ends in the mark.
func holds(head, mark []byte) bool {
	return len(head) >= len(mark) && string(head[len(head)-len(mark):]) == string(mark)
}
