package chaos

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Listener is where a process listens for TCP: an address that reaches it from its own
// network namespace, with that port.
func Listener(pid, port int) (at netip.AddrPort, ok bool) {
	if !listensOn(pid, port) {
		return at, false
	}
	for _, family := range []string{"tcp", "tcp6"} {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, family))
		if a, ok := listenAddress(string(text), port); ok {
			return netip.AddrPortFrom(a, uint16(port)), true
		}
	}
	return at, false
}

// ListenersOn are the processes that listen on a port in the network namespace of this
// one, as far as they may be seen.
func ListenersOn(port int) (all []Process) {
	own, err := OwnNetns()
	if err != nil {
		return nil
	}
	pids, _ := allProcesses()
	for _, pid := range pids {
		if n, err := NetnsOf(pid); err != nil || n != own || !listensOn(pid, port) {
			continue
		}
		if p, err := Identify(pid); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// listenAddress is the first address that listens on the port, of a table of /proc/net;
// for the one that means all, the loopback address of its family. The kernel writes
// addresses in words of 32 bits, in the order of the processor.
func listenAddress(table string, port int) (a netip.Addr, ok bool) {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != "0A" {
			continue
		}
		address, hexPort, _ := strings.Cut(fields[1], ":")
		raw, err := hex.DecodeString(address)
		n, perr := strconv.ParseUint(hexPort, 16, 16)
		if err != nil || perr != nil || int(n) != port || len(raw)%4 != 0 {
			continue
		}
		for i := 0; i < len(raw); i += 4 {
			binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
		}
		if a, ok = netip.AddrFromSlice(raw); !ok {
			continue
		}
		switch {
		case a.IsUnspecified() && a.Is4():
			a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		case a.IsUnspecified():
			a = netip.IPv6Loopback()
		}
		return a.Unmap(), true
	}
	return a, false
}

// listensOn says whether the process has a TCP socket that listens on the port, in its
// own network namespace. What may not be seen counts as no.
func listensOn(pid, port int) bool {
	inodes := map[string]bool{}
	for _, family := range []string{"tcp", "tcp6"} {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, family))
		listeners(string(text), port, inodes)
	}
	if len(inodes) == 0 {
		return false
	}
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		name, _ := os.Readlink(link)
		if inode, ok := strings.CutPrefix(name, "socket:["); ok && inodes[strings.TrimSuffix(inode, "]")] {
			return true
		}
	}
	return false
}

// listeners adds the inodes of the sockets that listen on the port, of a table of
// /proc/net (proc(5)): local_address is the second field, the state the fourth (0A is
// LISTEN), the inode the tenth.
func listeners(table string, port int, inodes map[string]bool) {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != "0A" {
			continue
		}
		_, hexPort, _ := strings.Cut(fields[1], ":")
		if n, err := strconv.ParseUint(hexPort, 16, 16); err == nil && int(n) == port {
			inodes[fields[9]] = true
		}
	}
}
