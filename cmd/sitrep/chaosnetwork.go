package main

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"

	"golang.org/x/term"

	"github.com/sitrep-dev/sitrep/chaos"
)

// controlPath is where whatever sees and ends an experiment answers, as host:port.
func (a *app) controlPath(c *config) []string {
	urls := append([]string{c.Prometheus.URL, a.flags.prometheus}, c.Manager.URL...)
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		urls = append(urls, c.Sources[name].URL)
	}
	var all []string
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" {
			continue // whoever asks it says what is wrong with it
		}
		port := u.Port()
		switch {
		case port == "" && u.Scheme == "https":
			port = "443"
		case port == "":
			port = "80"
		}
		if address := net.JoinHostPort(u.Hostname(), port); !slices.Contains(all, address) {
			all = append(all, address)
		}
	}
	return all
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
