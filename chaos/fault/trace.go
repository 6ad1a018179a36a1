package fault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// traced holds a pause: every thread of the process is seized and interrupted by one
// thread of the holder. When the tracer ends, the kernel lets all of them go.
type traced struct {
	Process chaos.Process `json:"process"`
}

// Hold is chaos.Holder's.
func (t *traced) Hold(context.Context) (text string, err error) {
	onLastingThread(func() { // which is the tracer
		var n int
		n, err = t.seize()
		text = fmt.Sprintf("traces %d threads of %d", n, t.Process.PID)
	})
	return text, err
}

// seize stops the threads that there are, until no new one appears. The identity is
// checked with the first thread in hand: a reused number is let go at once.
func (t *traced) seize() (threads int, err error) {
	seen := map[string]bool{}
	for {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", t.Process.PID))
		if err != nil {
			return threads, err
		}
		before := threads
		for _, task := range tasks {
			if seen[task.Name()] {
				continue
			}
			seen[task.Name()] = true
			stopped, err := stopThread(task.Name())
			if err != nil {
				return threads, err
			}
			if stopped {
				threads++
			}
			if _, err := t.Process.State(); err != nil {
				return threads, err
			}
		}
		if threads == before {
			return threads, nil
		}
	}
}

// stopThread says whether the thread was still there.
func stopThread(name string) (bool, error) {
	tid, err := strconv.Atoi(name)
	if err != nil {
		return false, err
	}
	err = unix.PtraceSeize(tid)
	if err == nil {
		err = unix.PtraceInterrupt(tid)
	}
	if errors.Is(err, unix.ESRCH) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("trace thread %d: %w", tid, err)
	}
	return true, nil
}

// Observe is chaos.Holder's: every thread is stopped.
func (t *traced) Observe(context.Context) (string, bool, error) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", t.Process.PID))
	if err != nil {
		return "", false, err
	}
	running := 0
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/stat", t.Process.PID, task.Name()))
		if rest := string(text); err == nil && !strings.HasPrefix(rest[strings.LastIndexByte(rest, ')')+1:], " t") {
			running++
		}
	}
	return fmt.Sprintf("%d of %d threads of %d are stopped", len(tasks)-running, len(tasks), t.Process.PID), running == 0 && len(tasks) > 0, nil
}

// untraceable says why this program may not trace a process, as far as can be known
// without doing it; or nothing. Source: ptrace(2), "Ptrace access mode checking".
func untraceable(pid int) string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return err.Error()
	}
	tracer, uids := statusField(string(status), "TracerPid"), statusField(string(status), "Uid")
	if tracer != "0" {
		return "process " + tracer + " traces it"
	}
	if own, err := os.ReadFile("/proc/self/status"); err == nil && mayTraceAll(statusField(string(own), "CapEff")) {
		return ""
	}
	if scope, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope"); err == nil && strings.TrimSpace(string(scope)) != "0" {
		return "kernel.yama.ptrace_scope is " + strings.TrimSpace(string(scope))
	}
	me := strconv.Itoa(os.Getuid())
	for _, uid := range strings.Fields(uids) {
		if uid != me {
			return "it is another user's"
		}
	}
	return ""
}

func statusField(status, name string) string {
	_, rest, _ := strings.Cut("\n"+status, "\n"+name+":")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

func mayTraceAll(capabilities string) bool {
	set, err := strconv.ParseUint(capabilities, 16, 64)
	return err == nil && set&(1<<unix.CAP_SYS_PTRACE) != 0
}
