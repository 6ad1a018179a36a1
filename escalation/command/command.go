// Package command hands messages to a program of somebody's own.
//
// The program is run without a shell, gets the message as JSON
// (escalation.Notice) on its standard input and in a few variables of its
// environment, and says by its exit status what became of it: 0 it is taken, 75
// (EX_TEMPFAIL of sysexits.h) not now, anything else never. docs/sinks.md is the
// contract.
package command

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// Target is a program and what it needs, with its secrets read.
type Target struct {
	Argv    []string // the first is the program: a path, or looked for in PATH
	Dir     string   // it runs in
	Timeout time.Duration
	Env     map[string]string // besides PATH, HOME and SITREP_*
	Hidden  []string          // what of it is secret
}

// DefaultTimeout is how long a program may take that does not say; no attempt
// takes longer.
const DefaultTimeout = 10 * time.Second

// Config is how targets are found.
type Config struct {
	// Target gives a target by its name in the policy. It is asked for every
	// message, and what it gives is not kept.
	Target func(ctx context.Context, name string) (Target, error)
	Phone  func(incident.Person) string // may be nil
}

// Sender runs commands.
type Sender struct{ config Config }

// New is a sender by config.
func New(config Config) *Sender { return &Sender{config} }

// exitTempFail asks to be tried again. Source: sysexits.h.
const exitTempFail = 75

// patience is how long the output of a program is waited for that has ended, or
// was killed, while a child of its keeps it open.
const patience = 500 * time.Millisecond

// Send implements escalation.Sender. When it returns, nothing of the program's
// process group runs any more. One that was killed, for taking too long or by
// anybody, may have done its work: the outcome is Unsure.
func (s *Sender) Send(ctx context.Context, m escalation.Message, inc incident.Incident) escalation.Outcome {
	x := &escalation.Exchange{Sink: m.Sink} // for its errors: one line, no secret
	t, err := s.config.Target(ctx, m.Target())
	x.Secrets = t.Hidden
	switch {
	case ctx.Err() != nil:
		return escalation.Outcome{Class: escalation.NotSent, Err: x.Errorf("read its secrets: %v: nothing was run", cmp.Or(err, ctx.Err()))}
	case err != nil:
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("%v", err)}
	case len(t.Argv) == 0:
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("it has no program: see commands.%s.argv", m.Target())}
	}
	if t.Timeout <= 0 {
		t.Timeout = DefaultTimeout
	}
	limit, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	out := &head{}
	cmd := t.command(limit, escalation.NoticeOf(m, inc, s.config.Phone), out)
	if err := cmd.Start(); err != nil {
		return notStarted(x, m, t, err)
	}
	err = cmd.Wait()
	killGroup(cmd) // what it left behind is not ours to keep
	return ended(x, m, limit.Err() != nil, cmd.ProcessState, err, out.String())
}

func (t Target) command(ctx context.Context, n escalation.Notice, out *head) *exec.Cmd {
	cmd := exec.CommandContext(ctx, t.Argv[0], t.Argv[1:]...)
	cmd.Dir, cmd.Env = t.Dir, t.environment(n)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(n.JSON()), out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd) }
	cmd.WaitDelay = patience
	return cmd
}

// killGroup ends the program and all that it started, but for what made a group
// of its own.
func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// environment is all that the program gets: what runs a program at all, what its
// configuration lists, and the message.
func (t Target) environment(n escalation.Notice) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	for name, v := range t.Env {
		env = append(env, name+"="+v)
	}
	phones := []string{}
	for _, w := range n.Who {
		if w.Phone != "" {
			phones = append(phones, w.Phone)
		}
	}
	for name, v := range map[string]string{
		"ID": n.ID, "OPERATION": string(n.Operation), "KEY": n.Key, "LEVEL": string(n.Level), "ROUND": fmt.Sprint(n.Round), "TEXT": n.Text,
		"INCIDENT": string(n.Incident.ID), "SEVERITY": string(n.Incident.Severity), "STATUS": string(n.Incident.Status),
		"SERVICE": n.Incident.Service, "DRILL": fmt.Sprint(n.Incident.Drill), "TEST": fmt.Sprint(n.Test), "PHONES": strings.Join(phones, " "),
	} {
		env = append(env, "SITREP_"+name+"="+strings.ReplaceAll(v, "\x00", ""))
	}
	slices.Sort(env)
	return env
}

// notStarted is the outcome of a program that never ran.
func notStarted(x *escalation.Exchange, m escalation.Message, t Target, err error) escalation.Outcome {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, exec.ErrDot) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOEXEC) {
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("%s cannot be run: %v: check commands.%s.argv", t.Argv[0], err, m.Target())}
	}
	return escalation.Outcome{Class: escalation.NotSent, Err: x.Errorf("%v: nothing was run", err)}
}

// ended is the outcome of a program that ran.
func ended(x *escalation.Exchange, m escalation.Message, late bool, state *os.ProcessState, err error, said string) escalation.Outcome {
	if said != "" {
		said = ": " + said
	}
	status, ok := state.Sys().(syscall.WaitStatus)
	switch {
	case ok && status.Signaled() && late:
		return escalation.Outcome{Class: escalation.Unsure, Err: x.Errorf("it took too long and was killed: it may have done its work%s", said)}
	case ok && status.Signaled():
		return escalation.Outcome{Class: escalation.Unsure, Err: x.Errorf("it was killed by signal %d (%v): it may have done its work%s", int(status.Signal()), status.Signal(), said)}
	case state.ExitCode() == 0: // whatever err says: a child may have kept its output open
		return escalation.Outcome{Class: escalation.Done}
	case state.ExitCode() == exitTempFail:
		return escalation.Outcome{Class: escalation.NotSent, Err: x.Errorf("exit status %d, not now%s", exitTempFail, said)}
	case state.ExitCode() > 0:
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("exit status %d%s", state.ExitCode(), said)}
	}
	return escalation.Outcome{Class: escalation.Unsure, Err: x.Errorf("%v: it may have done its work%s", err, said)}
}

// head keeps the beginning of what is written to it, and takes the rest.
type head struct {
	mu   sync.Mutex
	kept []byte
}

// mostOutput is as much of a program's output as an error may hold.
const mostOutput = 2000

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept = append(h.kept, p[:min(len(p), mostOutput-len(h.kept))]...)
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(bytes.TrimSpace(h.kept))
}
