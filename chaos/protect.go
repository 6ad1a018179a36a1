package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// protectedPrograms keep the host, its containers, the way in, and what shows and ends
// an experiment. They are never hurt, whatever a configuration names.
var protectedPrograms = []string{
	"init", "systemd", "systemd-journald", "systemd-logind", "systemd-networkd", "systemd-resolved", "systemd-udevd", "dbus-daemon", "dbus-broker",
	"sshd", "sshd-session", "dropbear", "login", "sudo", "su", "tmux", "screen", "mosh-server",
	"dockerd", "containerd", "containerd-shim-runc-v2", "podman", "conmon", "crio", "kubelet", "kube-apiserver", "etcd",
	"prometheus", "alertmanager",
}

// Protected says why a process must not be hurt, or nothing.
func Protected(p Process) string {
	if p.PID <= 1 {
		return "process 1 keeps this host"
	}
	if slices.Contains(lineage(os.Getpid()), p.PID) {
		return fmt.Sprintf("process %d is sitrep, or has started it", p.PID)
	}
	proc := "/proc/" + strconv.Itoa(p.PID)
	file, err := os.Readlink(proc + "/exe")
	line, _ := os.ReadFile(proc + "/cmdline")
	args := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	if err != nil {
		file = args[0]
	}
	file = strings.TrimSuffix(file, " (deleted)")
	// An empty command line alone tells nothing: that of a process which just becomes
	// another program is empty for a moment.
	st, unread := readStat(p.PID)
	switch name := filepath.Base(file); {
	case unread == nil && st.kernel:
		return fmt.Sprintf("process %d is the kernel's", p.PID)
	case file == "":
		return fmt.Sprintf("what process %d runs cannot be seen", p.PID)
	case slices.Contains(protectedPrograms, name):
		return fmt.Sprintf("process %d is %s", p.PID, name)
	}
	if own, err := os.Readlink("/proc/self/exe"); err == nil && own == file && !slices.Contains(args, "__lab-service") {
		return fmt.Sprintf("process %d is another sitrep", p.PID)
	}
	return ""
}

// lineage is a process and those that it comes from.
func lineage(pid int) []int {
	var line []int
	for pid > 1 && !slices.Contains(line, pid) {
		line = append(line, pid)
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			break
		}
		rest := string(text)
		fields := strings.Fields(rest[strings.LastIndexByte(rest, ')')+1:]) // state, parent, ...
		if len(fields) < 2 {
			break
		}
		pid, _ = strconv.Atoi(fields[1])
	}
	return line
}
