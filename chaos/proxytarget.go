package chaos

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
)

// ProxyTarget is a proxy that clients are pointed at (`sitrep chaos proxy NAME`): it is
// between them and one server, and hurts only while an experiment says so.
type ProxyTarget struct {
	Name     string            `yaml:"name" json:"name"`
	Service  string            `yaml:"service" json:"service"`
	Labels   map[string]string `yaml:"labels" json:"labels,omitempty"`
	Listen   string            `yaml:"listen" json:"listen"`     // address and port that clients are given
	Upstream string            `yaml:"upstream" json:"upstream"` // address and port of the server
	TLS      bool              `yaml:"tls" json:"tls,omitempty"` // the connections are encrypted: there are no requests to be seen

	Socket string `yaml:"-" json:"socket,omitempty"` // where it is told about faults
}

// Valid refuses an entry that nobody could go through. The key is where it is wrong.
func (p ProxyTarget) Valid() (key string, err error) {
	switch {
	case !targetName.MatchString(p.Name):
		return "name", fmt.Errorf("a target needs a name of letters, digits, dots, dashes and colons; this is %q", p.Name)
	case !targetName.MatchString(p.Service):
		return "service", fmt.Errorf("%s: which service is it? this is %q", p.Name, p.Service)
	case p.Listen == p.Upstream:
		return "listen", fmt.Errorf("%s: it would be its own server: listen and upstream are both %q", p.Name, p.Listen)
	}
	for key, address := range map[string]string{"listen": p.Listen, "upstream": p.Upstream} {
		_, port, err := net.SplitHostPort(address)
		if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 1 || n > 65535 {
			return key, fmt.Errorf("%s: %q is no address and port, such as 127.0.0.1:8081", p.Name, address)
		}
	}
	return "", nil
}

// ProxySocket is where the proxy of that name is told about faults; dir is that of the
// journals, which nobody but its user may enter.
func ProxySocket(dir, name string) string { return filepath.Join(dir, "proxy-"+name+".sock") }

// target is the entry as a target.
func (p ProxyTarget) target() Target {
	return Target{Name: p.Name, Service: p.Service, Labels: p.Labels, Listed: true, Gateway: &p}
}
