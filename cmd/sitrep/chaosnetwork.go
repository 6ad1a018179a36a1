package main

import (
	"bufio"
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"

	"golang.org/x/net/http/httpproxy"
	"golang.org/x/term"

	"github.com/sitrep-dev/sitrep/chaos"
)

// controlPath is where whatever sees and ends an experiment answers, as host:port: a server,
// or the proxy through which it is asked.
func (a *app) controlPath(c *config) []string {
	servers := []prometheusConfig{c.Prometheus, {URL: a.flags.prometheus}}
	for _, manager := range c.Manager.URL {
		servers = append(servers, prometheusConfig{URL: manager})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		servers = append(servers, c.Sources[name])
	}
	fromEnvironment := httpproxy.FromEnvironment().ProxyFunc()
	var all []string
	for _, server := range servers {
		u, err := url.Parse(server.URL)
		if err != nil || u.Hostname() == "" {
			continue // whoever asks it says what is wrong with it
		}
		if proxy, err := fromEnvironment(u); err == nil && proxy != nil {
			u = proxy
		}
		if proxy, err := url.Parse(server.Proxy); err == nil && proxy.Hostname() != "" {
			u = proxy
		}
		if address := hostPort(u); !slices.Contains(all, address) {
			all = append(all, address)
		}
	}
	return all
}

// hostPort is where a URL leads, with the port that its scheme has where it names none.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(port, "80"))
}

// confirmNetwork tells a run that a person is still there: at once where the command
// line has said so, else when they press enter. Where there is no terminal
// nobody can, and the run ends at once.
func (a *app) confirmNetwork(h *chaos.Handle, said bool) {
	switch {
	case said:
		h.Confirm()
	case a.stdin == nil || !term.IsTerminal(int(a.stdin.Fd())):
		h.Abort("nobody can confirm it, as there is no terminal; scripts say --confirm-network")
	default:
		fmt.Fprint(a.stderr, "press enter to confirm ")
		go func() { // ends with a line, or with the process
			if _, err := bufio.NewReader(a.stdin).ReadString('\n'); err == nil {
				h.Confirm()
			}
		}()
	}
}
