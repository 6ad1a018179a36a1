package loadtest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// endpoint is a host and port of the plan with the addresses it stood for when
// the run began. Only these are dialled: a name that changes its mind during
// the run leads nowhere else, unless the plan wants it looked up for every request; even
// then it must be where load may be sent.
type endpoint struct {
	host   string // as written, host:port
	addrs  []netip.AddrPort
	secure bool                                                // https
	again  func(ctx context.Context) ([]netip.AddrPort, error) // looks it up anew for every request; nil: once
}

// find is the addresses to dial now.
func (e endpoint) find(ctx context.Context) ([]netip.AddrPort, error) {
	if e.again != nil {
		return e.again(ctx)
	}
	return e.addrs, nil
}

// resolver is the part of net.Resolver that the plan's hosts are looked up with.
type resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Check looks the plan's hosts up and returns an error wrapping ErrRefused if
// one of them cannot be found, has an address that load may not be sent to, or may not be
// sent so much. Run does the same before it sends anything.
func (p Plan) Check(ctx context.Context) error {
	_, err := p.Beyond(ctx)
	return err
}

// Beyond is Check, and says where the plan goes beside this machine.
func (p Plan) Beyond(ctx context.Context) ([]Reached, error) {
	ends, _, err := p.resolve(ctx, net.DefaultResolver)
	return p.reached(ends), err
}

// resolve returns the distinct endpoints of the plan, and for every target the
// index of its own.
func (p Plan) resolve(ctx context.Context, r resolver) ([]endpoint, []int, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var ends []endpoint
	targets := p.requestTargets()
	of := make([]int, len(targets))
	for i, t := range targets {
		u, bad := parseTargetURL(t.URL)
		if bad != "" {
			return nil, nil, fmt.Errorf("plan %s: request %d: %s", p.Name, i+1, bad)
		}
		secure := u.Scheme == "https"
		port := u.Port()
		if port == "" {
			port = map[bool]string{false: "80", true: "443"}[secure]
		}
		key := net.JoinHostPort(u.Hostname(), port)
		j := slices.IndexFunc(ends, func(e endpoint) bool { return e.host == key && e.secure == secure })
		if j < 0 {
			addrs, err := p.addresses(ctx, r, u.Hostname(), port)
			if err != nil {
				return nil, nil, fmt.Errorf("plan %s: load on %s: %w", p.Name, key, err)
			}
			end := endpoint{host: key, addrs: addrs, secure: secure}
			if p.HTTP.DNS == DNSPerRequest {
				end.again = func(ctx context.Context) ([]netip.AddrPort, error) { return p.addresses(ctx, r, u.Hostname(), port) }
			}
			j, ends = len(ends), append(ends, end)
		}
		of[i] = j
	}
	return ends, of, p.withinCap(ends)
}

// addresses are those that a host stands for now, all of them where load may be sent.
func (p Plan) addresses(ctx context.Context, r resolver, host, port string) ([]netip.AddrPort, error) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return nil, fmt.Errorf("%w: %q is not a port", ErrRefused, port)
	}
	ips, err := lookup(ctx, r, host)
	if err != nil {
		return nil, fmt.Errorf("%w: the host cannot be looked up: %w", ErrRefused, err)
	}
	if len(ips) == 0 {
		return nil, fmt.Errorf("%w: the host has no address", ErrRefused)
	}
	var addrs []netip.AddrPort
	for _, ip := range ips {
		ip = ip.Unmap()
		if err := p.admits(host, ip); err != nil {
			return nil, err
		}
		addrs = append(addrs, netip.AddrPortFrom(ip, uint16(n)))
	}
	// IPv4 first: most services on localhost listen there, and only one of the
	// two may.
	slices.SortFunc(addrs, netip.AddrPort.Compare)
	return slices.Compact(addrs), nil
}

func lookup(ctx context.Context, r resolver, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	return r.LookupNetIP(ctx, "ip", host)
}
