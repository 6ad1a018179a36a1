package external

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// KeepCommand is the first argument of a process that keeps the program of an engine; a
// directory, the program and its arguments follow.
const KeepCommand = "__load-keep"

// What a keeper is told, a line each.
const (
	interruptOrder = "interrupt"
	killOrder      = "kill"
)

// KeepMain is the body of `sitrep __load-keep DIRECTORY PROGRAM ARGUMENT…`. It runs the
// program in a process group of its own, and kills all of the group once its input ends,
// which it does however sitrep dies; the directory of the run goes then, too. A signal at the
// death of the parent alone would reach the program and not what it has started: JMeter is a
// script that starts Java. It returns the exit code of the program.
func KeepMain(args []string, orders io.Reader) int {
	// The kernel sends the signal when the thread ends that has started the program
	// (golang/go#27505); this one ends with the process.
	runtime.LockOSThread()
	// What a terminal sends is sitrep's to pass on. Not ignored: that the program would
	// inherit.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM)
	if len(args) < 2 {
		fmt.Fprintln(os.Stderr, "a keeper is started by sitrep itself")
		return 2
	}
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 127
	}
	group := -cmd.Process.Pid
	var alone atomic.Bool
	go func() {
		for lines := bufio.NewScanner(orders); lines.Scan(); {
			switch lines.Text() {
			case interruptOrder:
				_ = syscall.Kill(group, syscall.SIGINT)
			case killOrder:
				_ = syscall.Kill(group, syscall.SIGKILL)
			}
		}
		alone.Store(true)
		_ = syscall.Kill(group, syscall.SIGKILL)
	}()
	err := cmd.Wait()
	_ = syscall.Kill(group, syscall.SIGKILL) // what it has left behind
	if alone.Load() {
		_ = os.RemoveAll(args[0])
	}
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		if status, ok := failed.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal())
		}
		return failed.ExitCode()
	}
	return 0
}

// child is a program under a keeper.
type child struct {
	cmd    *exec.Cmd
	orders io.WriteCloser
	said   *ending
	over   chan struct{} // closed when it has ended, and code is its exit code
	code   int
}

// start starts a program, whose run has a directory of its own. What it says is kept as far as
// its end.
func start(dir, program string, args, env []string) (*child, error) {
	c := &child{said: &ending{}, over: make(chan struct{})}
	c.cmd = exec.Command("/proc/self/exe", append([]string{KeepCommand, dir, program}, args...)...)
	c.cmd.Env, c.cmd.Stdout, c.cmd.Stderr = env, c.said, c.said
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.cmd.WaitDelay = 5 * time.Second
	var err error
	if c.orders, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	go func() {
		defer close(c.over)
		_ = c.cmd.Wait() // the code says it all
		c.code = c.cmd.ProcessState.ExitCode()
	}()
	return c, nil
}

// interrupt is a ctrl-C for all of its group.
func (c *child) interrupt() { c.order(interruptOrder) }

// kill ends it, and all that it has started.
func (c *child) kill() { c.order(killOrder) }

// order tells the keeper; one that is gone has nothing to do any more.
func (c *child) order(what string) { _, _ = io.WriteString(c.orders, what+"\n") }

// ending keeps the last lines of what a program says.
type ending struct {
	mu   sync.Mutex
	text []byte
}

const mostSaid = 4 << 10

func (e *ending) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.text = append(e.text, p...)
	if n := len(e.text); n > mostSaid {
		e.text = append(e.text[:0], e.text[n-mostSaid:]...)
	}
	return len(p), nil
}

// last is its last three lines, on one.
func (e *ending) last() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var lines []string
	for line := range strings.Lines(string(e.text)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return "it said nothing"
	}
	return clean(strings.Join(lines[max(0, len(lines)-3):], "; "))
}
