package chaos

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// RunUndo is the undo that a person has written for a fault of their own.
func RunUndo(x ExecCall) Op { return Op{Do: "exec", Exec: &x} }

// RunGone is true when the program that a person has named for it exits with 0.
func RunGone(x ExecCall) Check { return Check{Is: "exec", Exec: &x} }

var execOp = opKind{
	valid: func(o Op) error { return o.Exec.Valid() },
	text:  func(o Op) string { return o.Exec.String() },
	do: func(ctx context.Context, o Op) (string, error) {
		return o.Exec.Run(ctx, nil)
	},
}

var execCheck = checkKind{
	valid: func(c Check) error { return c.Exec.Valid() },
	text:  func(c Check) string { return fmt.Sprintf("%s exits with 0", c.Exec) },
	look: func(ctx context.Context, c Check) (string, bool, error) {
		return c.Exec.Says(ctx)
	},
}

// Says runs a program that answers a question by its exit status: 0 is yes, anything else
// is no. One that does not end in time, or at all by itself, has not answered.
func (x *ExecCall) Says(ctx context.Context) (text string, yes bool, err error) {
	said, err := x.Run(ctx, nil)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return fmt.Sprintf("%s says yes: %.200s", x.Argv[0], said), true, nil
	case errors.As(err, &exit) && exit.Exited():
		return fmt.Sprintf("%s exits with %d: %.200s", x.Argv[0], exit.ExitCode(), said), false, nil
	}
	return "", false, err
}
