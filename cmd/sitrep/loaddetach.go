package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// tellFlag is the flag of a load run that was detached: the descriptor on which it says its
// ID once it sends.
const tellFlag = "tell-fd"

// detachLoad starts the command that this process is as another, in a session of its own, and
// waits until it sends load or has ended: what refuses a run is told here, not in a file. Until
// then it ends with ctx: whoever is tired of waiting leaves no load behind.
func (a *app) detachLoad(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := stateDir()
	if err != nil {
		return err
	}
	dir = filepath.Join(dir, "load")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	log, err := os.CreateTemp(dir, "run-*.log")
	if err != nil {
		return err
	}
	defer log.Close()
	told, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer told.Close()
	args := slices.DeleteFunc(slices.Clone(a.args), func(arg string) bool { return arg == "--detach" || strings.HasPrefix(arg, "--detach=") })
	cmd := exec.Command(self, append(args, "--"+tellFlag, "3")...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{tell}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no signal to this terminal reaches it
	err = errors.Join(cmd.Start(), tell.Close())
	if err != nil {
		return errors.Join(fmt.Errorf("detach the run: %w", err), os.Remove(log.Name()))
	}
	leave := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	run, _ := bufio.NewReader(io.LimitReader(told, 64)).ReadString('\n')
	if run = strings.TrimSpace(run); run == "" || !leave() {
		return a.neverSent(cmd.Wait(), log.Name())
	}
	kept := filepath.Join(dir, run+".log")
	if err := errors.Join(os.Rename(log.Name(), kept), cmd.Process.Release()); err != nil {
		return err
	}
	if a.flags.json {
		return a.print(map[string]string{"run": run, "log": kept})
	}
	fmt.Fprintf(a.stdout, "%s goes on without this terminal.\n  sitrep load stop %s   ends it\n  sitrep load show %s   tells how it goes\nWhat it says at its end is in %s\n", run, run, run, kept)
	return nil
}

// neverSent is why a run that was detached ended before it sent anything, with its exit code.
func (a *app) neverSent(ended error, log string) error {
	text, err := os.ReadFile(log)
	if err = errors.Join(err, os.Remove(log)); err != nil {
		return err
	}
	why := errors.New(strings.TrimPrefix(strings.TrimSpace(string(text)), "sitrep: "))
	var exit *exec.ExitError
	if errors.As(ended, &exit) && exit.ExitCode() > 0 {
		return withCode(exit.ExitCode(), why)
	}
	return errors.Join(why, ended)
}

// teller says on a descriptor, once, which run sends. It keeps the descriptor from what this
// process starts.
func teller(fd int) func(run string) {
	syscall.CloseOnExec(fd)
	tell := os.NewFile(uintptr(fd), "tell")
	return func(run string) {
		if tell == nil {
			return
		}
		_, _ = fmt.Fprintln(tell, run) // whoever started it may be gone
		_ = tell.Close()
		tell = nil
	}
}
