package fault

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// control is the way to whatever sees and ends an experiment. No fault of the network
// touches it: its rules come before all others.
type control struct {
	servers  []netip.AddrPort // Prometheus, Alertmanager, the Docker host
	ssh      []int            // ports of sshd on this host
	loopback bool             // is it too: no peer is on it
	names    bool             // one of them is looked up by its name
}

// controlOf is the control path as it looks from a namespace; own is this process' own.
func controlOf(ctx context.Context, t chaos.Target, own bool, peers []netip.Prefix) (control, error) {
	c := control{ssh: sshPorts(), loopback: !slices.ContainsFunc(peers, func(p netip.Prefix) bool { return p.Addr().IsLoopback() })}
	named := t.Control
	if u, err := url.Parse(os.Getenv("DOCKER_HOST")); err == nil && u.Scheme == "tcp" {
		named = append(slices.Clone(named), u.Host)
	}
	for _, address := range named {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return c, chaos.Refuse("control-path", "write its URL with host and port", "%s must stay reachable: %v", address, err)
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return c, chaos.Refuse("control-path", "write its URL with host and port", "%s must stay reachable: %v", address, err)
		}
		found, err := addresses(ctx, host)
		if err != nil {
			return c, chaos.Refuse("control-path", "look whether its name resolves", "%s must stay reachable: %v", address, err)
		}
		if _, err := netip.ParseAddr(host); err != nil && own {
			c.names = true
		}
		for _, p := range found {
			if a := p.Addr(); own || !a.IsLoopback() { // another namespace has a loopback of its own
				c.servers = append(c.servers, netip.AddrPortFrom(a, uint16(n)))
			}
		}
	}
	return c, nil
}

// nameServers are those that this host asks, after resolv.conf(5).
func nameServers(file string) []netip.AddrPort {
	text, _ := os.ReadFile(file) // without it, loopback is asked
	var all []netip.AddrPort
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(f[1]); err == nil {
			all = append(all, netip.AddrPortFrom(a.Unmap(), dnsPort))
		}
	}
	return all
}

// sshPorts are 22 and the one that whoever started sitrep came by: SSH_CONNECTION is
// the client's address and port, then the server's.
func sshPorts() []int {
	ports := []int{22}
	if f := strings.Fields(os.Getenv("SSH_CONNECTION")); len(f) == 4 {
		if n, err := strconv.Atoi(f[3]); err == nil && n > 0 && n < 65536 && n != 22 {
			ports = append(ports, n)
		}
	}
	return ports
}

// spares refuses a scope that is the control path and nothing else.
func (c control) spares(s scope, peers []netip.Prefix) error {
	if slices.Contains(c.ssh, s.localPort) {
		return chaos.Refuse("control-path", "choose another local_port", "port %d of this host is the way in (SSH)", s.localPort)
	}
	for _, server := range c.servers {
		if len(peers) == 1 && peers[0].IsSingleIP() && peers[0].Addr() == server.Addr() && s.port == int(server.Port()) {
			return chaos.Refuse("control-path", "choose another peer", "%s sees or ends the experiment", server)
		}
	}
	return nil
}

// reachTime is how long a connection may take that shows that a way is open.
const reachTime = time.Second

// reachable are those of the servers that answer now.
func reachable(ctx context.Context, servers []string) []string {
	return slices.DeleteFunc(slices.Clone(servers), func(s string) bool { return connects(ctx, s) != nil })
}

// stillReachable is an error when one does not answer that did before.
func stillReachable(ctx context.Context, before []string) error {
	for _, s := range before {
		if err := connects(ctx, s); err != nil {
			return fmt.Errorf("%s, which sees or ends the experiment, cannot be reached any more: %w", s, err)
		}
	}
	return nil
}

func connects(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	return connectsWithin(ctx, address)
}

func connectsWithin(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

func (c control) texts() []string {
	var all []string
	for _, s := range c.servers {
		all = append(all, s.String())
	}
	return all
}
