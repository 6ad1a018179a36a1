package chaos

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// Continue is the undo of a stopped process.
func Continue(p Process) Op { return Op{Do: "signal", Process: &p} }

// Running is true when the process runs, or is no longer there to be stopped.
func Running(p Process) Check { return Check{Is: "running", Process: &p} }

var continueOp = opKind{
	valid: func(o Op) error { return validProcess(o.Process) },
	text:  func(o Op) string { return fmt.Sprintf("kill -CONT %d", o.Process.PID) },
	do:    func(_ context.Context, o Op) (string, error) { return continueProcess(*o.Process) },
}

var runningCheck = checkKind{
	valid: func(c Check) error { return validProcess(c.Process) },
	text:  func(c Check) string { return fmt.Sprintf("process %d is not stopped", c.Process.PID) },
	look:  func(_ context.Context, c Check) (string, bool, error) { return running(*c.Process) },
}

func validProcess(p *Process) error {
	if p == nil || p.PID <= 1 {
		return errors.New("want the number of a process, above 1")
	}
	return nil
}

func continueProcess(p Process) (string, error) {
	err := p.Signal(syscall.SIGCONT)
	if errors.Is(err, ErrProcessGone) {
		return err.Error(), nil
	}
	return fmt.Sprintf("sent CONT to %d", p.PID), err
}

func running(p Process) (string, bool, error) {
	state, err := p.State()
	switch {
	case errors.Is(err, ErrProcessGone):
		return err.Error(), true, nil
	case err != nil:
		return "", false, err
	}
	return fmt.Sprintf("process %d is in state %c", p.PID, state), state != 'T' && state != 't', nil
}
