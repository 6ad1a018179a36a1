package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

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
		_, hex, _ := strings.Cut(fields[1], ":")
		if n, err := strconv.ParseUint(hex, 16, 16); err == nil && int(n) == port {
			inodes[fields[9]] = true
		}
	}
}
