package loadtest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Outside is a host beside this machine that load may be sent to. Whoever keeps the
// configuration says so; no plan can.
type Outside struct {
	Host    string  `yaml:"host"`     // a name, an address, or a prefix such as 10.0.3.0/24
	MaxRate float64 `yaml:"max_rate"` // requests a second at the most, of a whole plan that goes there
	Env     string  `yaml:"env"`      // what it is; without one it counts as production
}

var production = regexp.MustCompile(`^(?i:prod|production|live)$`)

// Valid says what is wrong, and at which key.
func (o Outside) Valid() (key string, err error) {
	switch {
	case strings.TrimSpace(o.Host) == "" || strings.ContainsAny(o.Host, " \t\n@?#") || strings.Contains(o.Host, "//"):
		return "host", fmt.Errorf("%q is no name, address or prefix, such as shop.staging.example or 10.0.3.0/24", o.Host)
	case strings.Contains(o.Host, "/") && !o.isPrefix():
		return "host", fmt.Errorf("%q is no prefix, such as 10.0.3.0/24", o.Host)
	case !(o.MaxRate > 0 && o.MaxRate <= MaxRate):
		return "max_rate", fmt.Errorf("want the most requests a second that it may get, up to %d; this is %g", MaxRate, o.MaxRate)
	}
	return "", nil
}

func (o Outside) isPrefix() bool {
	_, err := netip.ParsePrefix(o.Host)
	return err == nil
}

// Production says whether somebody has to type the host before it is sent anything.
func (o Outside) Production() bool {
	env := strings.TrimSpace(o.Env)
	return env == "" || production.MatchString(env)
}

// covers says whether it is about an address that a name stands for.
func (o Outside) covers(host string, ip netip.Addr) bool {
	if strings.EqualFold(o.Host, host) {
		return true
	}
	if prefix, err := netip.ParsePrefix(o.Host); err == nil {
		return prefix.Contains(ip)
	}
	addr, err := netip.ParseAddr(o.Host)
	return err == nil && addr.Unmap() == ip
}

// admits is nil where load may be sent to an address that a name stands for: to this
// machine always, elsewhere if that is allowed.
func (p Plan) admits(host string, ip netip.Addr) error {
	if ip.IsLoopback() || slices.ContainsFunc(p.Outside, func(o Outside) bool { return o.covers(host, ip) }) {
		return nil
	}
	return fmt.Errorf("%w: %s is not a loopback address, and no load.hosts of the configuration allows it", ErrRefused, ip)
}

// Reached is where a plan goes beside this machine, and what allows it.
type Reached struct {
	To string // host:port, as the plan writes it
	Outside
}

// reached are those of the endpoints that are not this machine.
func (p Plan) reached(ends []endpoint) (all []Reached) {
	for _, end := range ends {
		host, _, _ := net.SplitHostPort(end.host) // it was made of both
		for _, o := range p.Outside {
			if slices.ContainsFunc(end.addrs, func(a netip.AddrPort) bool { return !a.Addr().IsLoopback() && o.covers(host, a.Addr()) }) {
				all = append(all, Reached{end.host, o})
				break // the first that is about it counts
			}
		}
	}
	return all
}

// rateCap is the most that may be sent in a second, by whoever wants it.
func (p Plan) rateCap(ends []endpoint) float64 {
	most := float64(MaxRate)
	for _, r := range p.reached(ends) {
		most = min(most, r.MaxRate)
	}
	return most
}

// withinCap refuses a plan that wants more than a host may get. What is a multiple of a
// baseline is not known before that is measured, and users are held to the cap as they send.
func (p Plan) withinCap(ends []endpoint) error {
	if p.Closed || p.Baseline != "" {
		return nil
	}
	var errs []error
	for _, r := range p.reached(ends) {
		if p.PeakRate() > r.MaxRate {
			errs = append(errs, fmt.Errorf("plan %s: %w: it sends up to %g/s to %s; load.hosts allows %g/s", p.Name, ErrRefused, p.PeakRate(), r.To, r.MaxRate))
		}
	}
	return errors.Join(errs...)
}
