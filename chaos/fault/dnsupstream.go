package fault

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"github.com/sitrep-dev/sitrep/chaos"
)

// longestResolvConf is more than any such file has.
const longestResolvConf = 64 << 10

// upstreamOf is the first name server that the process' own resolv.conf names: of a
// container its own.
func upstreamOf(pid int) (netip.AddrPort, error) {
	return upstreamIn(fmt.Sprintf("/proc/%d/root/etc/resolv.conf", pid))
}

func upstreamIn(path string) (netip.AddrPort, error) {
	text, err := readStart(path, longestResolvConf)
	if err != nil {
		return netip.AddrPort{}, chaos.Refuse("no-peer", "name it: upstream: 10.0.0.2", "who answers for other names is not known: %v", err)
	}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(f[1]); err == nil {
			return netip.AddrPortFrom(a, 53), nil
		}
	}
	return netip.AddrPort{}, chaos.Refuse("no-peer", "name it: upstream: 10.0.0.2", "who answers for other names is not known: %s names no name server", path)
}

// readStart reads the beginning of a file of another's. One that would keep us waiting, as
// a pipe does, is none.
func readStart(path string, most int64) (string, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(err, fmt.Errorf("%s is no plain file", path))
	}
	text, err := io.ReadAll(io.LimitReader(file, most))
	return string(text), err
}
