package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// Direct is true when a connection to a port of the namespace is accepted, or nobody
// listens there any more, or the namespace is gone. It says that a server can be reached
// again once nothing leads connections elsewhere: it stands behind the check for that.
func Direct(n Netns, address netip.AddrPort) Check {
	return Check{Is: "direct", Netns: n, Name: address.String()}
}

var directCheck = checkKind{
	valid: func(c Check) error {
		if _, err := netip.ParseAddrPort(c.Name); err != nil || c.Netns == 0 {
			return fmt.Errorf("%q is no address and port of a network namespace", c.Name)
		}
		return nil
	},
	text: func(c Check) string { return fmt.Sprintf("%s in %s accepts connections", c.Name, c.Netns) },
	look: func(ctx context.Context, c Check) (string, bool, error) {
		err := c.Netns.Do(func() error {
			conn, err := (&net.Dialer{Timeout: undoTimeout}).DialContext(ctx, "tcp", c.Name)
			if err != nil {
				return err
			}
			return conn.Close()
		})
		switch {
		case err == nil:
			return "a connection to " + c.Name + " is accepted", true, nil
		case errors.Is(err, ErrNetnsGone):
			return err.Error(), true, nil
		case errors.Is(err, syscall.ECONNREFUSED):
			return "nobody listens on " + c.Name + " any more", true, nil
		}
		return fmt.Sprintf("a connection to %s: %v", c.Name, err), false, nil
	},
}
