package chaos

import (
	"debug/buildinfo"
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
	names, seen := programNames(p.PID)
	// An empty command line alone tells nothing: that of a process which just becomes
	// another program is empty for a moment.
	st, err := readStat(p.PID)
	switch {
	case err == nil && st.kernel:
		return fmt.Sprintf("process %d is the kernel's", p.PID)
	case !seen:
		return fmt.Sprintf("what process %d runs cannot be seen", p.PID)
	}
	for _, name := range protectedPrograms {
		if slices.Contains(names, name) || slices.Contains(names, asComm(name)) {
			return fmt.Sprintf("process %d is %s", p.PID, name)
		}
	}
	if isSitrep(p.PID, names) && !LabService(p.PID) {
		return fmt.Sprintf("process %d is another sitrep", p.PID)
	}
	return ""
}

// programNames are what a process is called: by the file that it runs, or where that may
// not be seen by its first argument, and by what the kernel calls it. A process can give
// itself other names, as sshd does ("sshd: ana@pts/1"), whose file only root may see. seen
// is false where nobody can tell what it runs.
func programNames(pid int) (names []string, seen bool) {
	file, err := os.Readlink(procOf(pid, "exe"))
	if args := arguments(pid); err != nil && len(args) > 0 {
		file = args[0]
	}
	if file = strings.TrimSuffix(file, " (deleted)"); file != "" {
		names, seen = append(names, filepath.Base(file)), true
	}
	if st, err := readStat(pid); err == nil && st.comm != "" {
		names = append(names, st.comm)
	}
	return names, seen
}

func procOf(pid int, file string) string { return "/proc/" + strconv.Itoa(pid) + "/" + file }

// asComm is the name of a program as the kernel keeps it: TASK_COMM_LEN is 16, with a zero.
func asComm(name string) string { return name[:min(len(name), 15)] }

// arguments are those of a process, its own name first; none where they cannot be seen.
func arguments(pid int) []string {
	line, _ := os.ReadFile(procOf(pid, "cmdline"))
	if len(line) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
}

// ownModule is what the build of this program is called, from whichever file it runs.
const ownModule = "github.com/sitrep-dev/sitrep"

// isSitrep says whether a process runs this program: this very file, wherever its name has
// gone, or one of another build or version, which says so itself. Where the file may not
// be read, its name has to do.
func isSitrep(pid int, names []string) bool {
	if slices.Contains(names, "sitrep") {
		return true
	}
	f, err := os.Open(procOf(pid, "exe"))
	if err != nil {
		return false
	}
	defer f.Close()
	its, err := f.Stat()
	own, ownErr := os.Stat(ownExecutable())
	if err == nil && ownErr == nil && os.SameFile(its, own) {
		return true
	}
	built, err := buildinfo.Read(f)
	return err == nil && built.Main.Path == ownModule
}

// LabService says whether a process is a service of the lab: there to be hurt, though it is
// of this program. The word means nothing further behind, where it may be the name of an
// experiment, and nothing in another program.
func LabService(pid int) bool {
	args := arguments(pid)
	names, _ := programNames(pid)
	return len(args) > 1 && args[1] == "__lab-service" && isSitrep(pid, names)
}

// lineage is a process and those that it comes from.
func lineage(pid int) []int {
	var line []int
	for pid > 1 && !slices.Contains(line, pid) {
		line = append(line, pid)
		text, err := os.ReadFile(procOf(pid, "stat"))
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
