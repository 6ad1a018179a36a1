//go:build !unix

package loadtest

import "net"

// disturbed cannot be asked here without reading: a dead connection is found
// when a request is sent on it.
func disturbed(net.Conn) bool { return false }
