package fault

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// stressor keeps CPUs busy by stress-ng. It is the first process of a process
// namespace of its own: when it ends, the kernel ends all that it has started.
type stressor struct {
	Threads int           `json:"threads"`
	Load    int           `json:"load"` // percent of each
	Cgroup  *chaos.Cgroup `json:"cgroup,omitempty"`

	began time.Time
	child *exec.Cmd
}

func planStress(inj chaos.Injection, b burner, step chaos.Step) (chaos.Injection, error) {
	s := stressor{Threads: b.Threads, Load: max(1, int(b.Share*100)), Cgroup: b.Cgroup}
	path, err := exec.LookPath("stress-ng")
	if err != nil {
		return inj, chaos.Refuse("no-mechanism", "install stress-ng, or leave mechanism out", "stress-ng is not to be found")
	}
	probe := isolated(exec.Command(path, "--version"))
	if out, err := probe.CombinedOutput(); err != nil {
		return inj, chaos.RefuseFor(fmt.Errorf("%s: %w %s", path, err, out), "no-mechanism", "run sitrep as root, or leave mechanism out", "stress-ng does not run in a process namespace of its own")
	}
	inj.Preview = []string{
		fmt.Sprintf("unshare --pid --fork --kill-child %s %s%s, for %s", path, strings.Join(s.arguments(), " "), inCgroup(s.Cgroup), step.Duration),
	}
	inj.Needs = []string{"stress-ng, and root or user namespaces"}
	inj.Injector = chaos.Hold(inj.ID, inj.Kind+"/stress-ng", s)
	return inj, nil
}

func (s *stressor) arguments() []string {
	return []string{"--quiet", "--cpu", strconv.Itoa(s.Threads), "--cpu-load", strconv.Itoa(s.Load), "--cpu-load-slice", "20"}
}

// isolated gives a command a process namespace, and where this is not root's program
// a user namespace, without which there is none. It dies with the thread that starts it.
func isolated(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
	}
	return cmd
}

// Hold is chaos.Holder's.
func (s *stressor) Hold(context.Context) (text string, err error) {
	if err := expendable(); err != nil {
		return "", err
	}
	if err := join(s.Cgroup); err != nil {
		return "", err
	}
	path, err := exec.LookPath("stress-ng")
	if err != nil {
		return "", err
	}
	s.child = isolated(exec.Command(path, s.arguments()...))
	s.child.Dir = os.TempDir()
	onLastingThread(func() { err = s.child.Start() })
	if err != nil {
		return "", fmt.Errorf("start stress-ng: %w", err)
	}
	s.began = time.Now()
	go func() {
		_ = s.child.Wait()
		giveUp(fmt.Errorf("stress-ng has ended: %s", s.child.ProcessState))
	}()
	return fmt.Sprintf("stress-ng runs as process %d", s.child.Process.Pid), nil
}

// Observe is chaos.Holder's: its processes are busy.
func (s *stressor) Observe(context.Context) (string, bool, error) {
	wall := time.Since(s.began)
	if wall < 2*observeBurn {
		return "too early to say", false, nil
	}
	used, waited, err := familyTime(s.child.Process.Pid)
	if err != nil {
		return "", false, err
	}
	text, ok := burned(used, waited, wall, float64(s.Threads*s.Load)/100)
	if !ok && s.Cgroup != nil && throttled(*s.Cgroup) {
		return text + "; the limit of the cgroup is reached", true, nil
	}
	return "stress-ng: " + text, ok, nil
}

// familyTime is the CPU time that a process and those that it has started have used
// and have waited for.
func familyTime(root int) (used, waited time.Duration, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, 0, err
	}
	parent := map[int]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		status, _ := os.ReadFile("/proc/" + e.Name() + "/status") // it may end while we look
		parent[pid], _ = strconv.Atoi(statusField(string(status), "PPid"))
	}
	for pid := range parent {
		up := pid
		for up != root && up > 1 {
			up = parent[up]
		}
		if up != root {
			continue
		}
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid)) // nanoseconds: on a CPU, waiting for one
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			on, _ := strconv.ParseInt(fields[0], 10, 64)
			off, _ := strconv.ParseInt(fields[1], 10, 64)
			used, waited = used+time.Duration(on), waited+time.Duration(off)
		}
	}
	return used, waited, nil
}
