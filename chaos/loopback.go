package chaos

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

// LabHeader is what every answer of the lab carries.
const LabHeader = "X-Sitrep-Lab"

var errNotLoopback = errors.New("not a loopback address")

// LoopbackClient is an HTTP client that cannot leave this host: no proxy from
// the environment, no redirects, and the address is checked when it dials, so a
// name that resolves elsewhere does not help. It keeps no connections.
func LoopbackClient(timeout time.Duration) *http.Client {
	dialer := net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error {
		host, _, err := net.SplitHostPort(address)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			return fmt.Errorf("dial %s: %w", address, errNotLoopback)
		}
		return nil
	}}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
	}
}
