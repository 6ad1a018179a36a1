package fault

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// scope says which packets of a network namespace a fault is about. Empty and zero
// narrow nothing; at least one of peer, ports, uid and cgroup is given.
type scope struct {
	peer      string // the other side: an address, a prefix, or a name
	port      int    // of the other side
	localPort int
	protocol  string // tcp, udp or any
	out, in   bool
	uid       int // of who sends, -1 is anybody
	cgroup    string
}

// scopeParams are the parameters that every fault of the network takes.
var scopeParams = []string{"peer", "port", "local_port", "protocol", "direction", "uid", "cgroup"}

var (
	hostName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
	cgroupPath = regexp.MustCompile(`^[A-Za-z0-9_.@:-]+(/[A-Za-z0-9_.@:-]+)*$`)
)

const (
	longestHost   = 253 // bytes, RFC 1035 2.3.4
	longestCgroup = 1024
)

// readScope reads the parameters of a step; more are those of the fault itself.
func readScope(with chaos.With, more ...string) (scope, error) {
	s := scope{uid: -1}
	err := with.Only(append(more, scopeParams...)...)
	if err == nil {
		err = s.readPeer(with)
	}
	if err == nil {
		s.localPort, err = with.Int("local_port", 0, 1, 65535)
	}
	if err == nil {
		s.uid, err = with.Int("uid", -1, 0, 1<<31-2)
	}
	if err == nil {
		err = s.readWay(with)
	}
	if s.cgroup = strings.Trim(string(with["cgroup"]), "/"); err == nil && s.cgroup != "" && (len(s.cgroup) > longestCgroup || !cgroupPath.MatchString(s.cgroup) || strings.Contains(s.cgroup, "..")) {
		return s, &chaos.ParamError{Key: "cgroup", Message: fmt.Sprintf("%q is not the path of a cgroup, such as system.slice/shop.service", with["cgroup"])}
	}
	if err != nil {
		return s, err
	}
	return s, s.narrow()
}

// readPeer takes 10.0.3.7, 10.0.3.7:5432, 10.0.3.0/24, [fd00::1]:5432, fd00::1 and db.example.
func (s *scope) readPeer(with chaos.With) (err error) {
	if s.port, err = with.Int("port", 0, 1, 65535); err != nil {
		return err
	}
	text, given := with["peer"]
	if !given {
		return nil
	}
	s.peer = string(text)
	if host, port, err := net.SplitHostPort(s.peer); err == nil {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 || s.port != 0 && s.port != n {
			return &chaos.ParamError{Key: "peer", Message: fmt.Sprintf("%q: its port is no TCP port, or not the one of port", s.peer)}
		}
		s.peer, s.port = host, n
	}
	if p, err := netip.ParsePrefix(s.peer); err == nil {
		if least := map[bool]int{true: 8, false: 32}[p.Addr().Is4()]; p.Bits() < least {
			return &chaos.ParamError{Key: "peer", Message: fmt.Sprintf("%s is too much of the network; a prefix has at least %d bits", s.peer, least)}
		}
		return nil
	}
	if a, err := netip.ParseAddr(s.peer); err == nil && a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast() {
		return nil
	}
	if numbers := strings.Trim(s.peer, "0123456789."); numbers == "" || len(s.peer) > longestHost || !hostName.MatchString(s.peer) {
		return &chaos.ParamError{Key: "peer", Message: fmt.Sprintf("%q is no peer; write an address, a prefix or a name, such as 10.0.3.7:5432", s.peer)}
	}
	return nil
}

func (s *scope) readWay(with chaos.With) (err error) {
	fallback := []string{"any", "tcp", "udp"}
	if s.port != 0 || s.localPort != 0 {
		fallback = []string{"tcp", "udp", "any"}
	}
	if s.protocol, err = with.Word("protocol", fallback...); err != nil {
		return err
	}
	way, err := with.Word("direction", "out", "in", "both")
	s.out, s.in = way != "in", way != "out"
	return err
}

// narrow refuses what would be about everything, and what cannot be known of a packet
// that comes in.
func (s *scope) narrow() error {
	switch {
	case s.peer == "" && s.port == 0 && s.localPort == 0 && s.uid < 0 && s.cgroup == "":
		return &chaos.ParamError{Key: "peer", Message: "the whole network is too much; say to whom: peer, port, local_port, uid or cgroup"}
	case s.in && (s.uid >= 0 || s.cgroup != ""):
		return &chaos.ParamError{Key: "direction", Message: "whose a packet is, is known only where it goes out: leave direction out, or uid and cgroup"}
	}
	return nil
}

// resolveTime is how long the name of a peer may take.
const resolveTime = 2 * time.Second

// addresses are what a host is, or what its name means on this host.
func addresses(ctx context.Context, host string) ([]netip.Prefix, error) {
	if host == "" {
		return nil, nil
	}
	if p, err := netip.ParsePrefix(host); err == nil {
		return []netip.Prefix{p.Masked()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var all []netip.Prefix
	for _, a := range found {
		a = a.Unmap().WithZone("")
		all = append(all, netip.PrefixFrom(a, a.BitLen()))
	}
	return all, nil
}

// protocols are the elements of a table's set of protocols. ICMPv6 is never among
// them: without it no neighbour is found.
func (s scope) protocols() []string {
	switch {
	case s.protocol != "any":
		return []string{s.protocol}
	case s.port != 0 || s.localPort != 0:
		return []string{"tcp", "udp"}
	}
	return []string{"tcp", "udp", "icmp"}
}

// one is the address and port that a connection of our own may try, if there is one
// that every packet to would be the fault's.
func (s scope) one(peers []netip.Prefix) string {
	if len(peers) != 1 || !peers[0].IsSingleIP() || s.port == 0 || s.localPort != 0 || s.protocol == "udp" || s.uid >= 0 || s.cgroup != "" {
		return ""
	}
	return netip.AddrPortFrom(peers[0].Addr(), uint16(s.port)).String()
}
