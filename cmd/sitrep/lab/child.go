package lab

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// child is an instance of the shop together with the process that plays it now
// and with the faults before it. What stands above mu is set before keep.
type child struct {
	instance
	executable string
	args       []string
	control    string // base URL of the lab's control endpoints
	entrance   string // URL of its fault proxy; "" without one
	faults     faults
	log        *log.Logger

	mu      sync.Mutex
	process *chaos.Process // nil while none is healthy
}

const (
	restartAfter  = 500 * time.Millisecond
	longestPause  = 5 * time.Second // between starts of one that does not get healthy
	healthyWithin = time.Minute
	healthEvery   = 20 * time.Millisecond
)

// keep runs the process until ctx ends, and starts it again whenever it dies;
// one that is stopped is left alone. first is told once: that the process is
// healthy, or why it did not get so.
func (c *child) keep(ctx context.Context, first func(error)) error {
	told := false
	tell := func(err error) {
		if !told {
			told = true
			first(err)
		}
	}
	pause := restartAfter
	for {
		healthy, err := c.live(ctx, func() { tell(nil) })
		if ctx.Err() != nil {
			return nil
		}
		tell(err)
		if healthy {
			pause = restartAfter
		}
		c.log.Printf("%v; it starts again in %v", err, pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

// live is one process from its start to its end, which comes at the latest with
// that of ctx. The error says how it ended.
func (c *child) live(ctx context.Context, ready func()) (healthy bool, err error) {
	var words tail
	cmd := exec.Command(c.executable, c.args...)
	cmd.Args[0] = "sitrep"
	cmd.Env = []string{"GOMAXPROCS=1"} // of one core of the reader's machine; nothing else of the environment is its business
	cmd.Dir = "/"
	cmd.Stderr = &words
	cmd.SysProcAttr = asService()
	stdin, err := cmd.StdinPipe() // its end is the service's end, where the kernel does not see to that
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("start %s: %w", c.name, err)
	}
	var end error
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		end = cmd.Wait()
	}()
	stop := func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill() // fails only if it is dead already
		<-exited
	}
	if err := c.becomeHealthy(ctx, exited); err != nil {
		stop()
		return false, fmt.Errorf("%s: %w%s", c.name, err, words.said())
	}
	process, identified := chaos.Identify(cmd.Process.Pid)
	if identified != nil {
		stop()
		return false, fmt.Errorf("%s: %w", c.name, identified)
	}
	c.set(&process)
	defer c.set(nil)
	ready()
	select {
	case <-ctx.Done():
		stop()
	case <-exited:
		_ = stdin.Close()
	}
	if end == nil {
		end = errors.New("ended by itself")
	}
	return true, fmt.Errorf("%s (process %d): %w%s", c.name, process.PID, end, words.said())
}

// becomeHealthy asks the process until it answers.
func (c *child) becomeHealthy(ctx context.Context, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, healthyWithin)
	defer cancel()
	for {
		err := answers(ctx, c.url()+"/health")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not healthy within %v: %w", healthyWithin, err)
		case <-exited:
			return errors.New("ended before it was healthy")
		case <-time.After(healthEvery):
		}
	}
}

func (c *child) set(p *chaos.Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.process = p
}

// target is how chaos knows the instance; ok is false while nobody plays it.
func (c *child) target() (t chaos.Target, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return t, false
	}
	t = chaos.Target{
		Name: c.name, Service: c.service, PID: c.process.PID, StartTicks: c.process.StartTicks, URL: c.url(),
		Labels: map[string]string{"service": c.service, "job": c.service, "instance": c.name, "env": environment},
	}
	if c.proxied {
		t.Proxy = c.control + "/proxies/" + c.name
	}
	return t, true
}

// tail keeps the end of what a service writes to its standard error.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 400

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-tailBytes):]
	return len(p), nil
}

// said is it on one line, to stand behind an error.
func (t *tail) said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text := printable(string(t.text), tailBytes); strings.TrimSpace(text) != "" {
		return ": " + text
	}
	return ""
}
