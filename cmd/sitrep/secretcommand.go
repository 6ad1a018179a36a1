package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// What a secret may ask for: a command that gives one has so long, may print so
// much, and has so long to end after its first line, which is the secret.
const (
	secretPatience = 10 * time.Second
	mostSecret     = 64 << 10
	secretGoodbye  = 500 * time.Millisecond
)

var errSecretTooLong = fmt.Errorf("it gives more than %d KiB, so it was killed: the secret is to be the first line, and all that it prints", mostSecret>>10)

// secretFrom runs a shell command in dir and gives the first line that it prints.
// When it returns, nothing of the command's process group runs any more: a child
// that was left with the output open is neither waited for nor kept. Errors hold
// nothing of what was printed.
func secretFrom(ctx context.Context, dir, command string) ([]byte, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // ends whoever still reads it
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Stdout, cmd.SysProcAttr = dir, in, &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	_ = in.Close() // the command has its own
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	kill := func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	defer kill() // what it left behind is not ours to keep
	return lineOf(ctx, readSecret(out), ended, kill)
}

// lineOf waits for the first line of a command and for how it ended; for either
// only so long. A command that has ended well may have left a child, and that
// the output open.
func lineOf(ctx context.Context, lines <-chan answered, ended <-chan error, kill func()) (line []byte, err error) {
	limit := time.NewTimer(secretPatience)
	defer limit.Stop()
	said, over := false, false
	for !said || !over {
		select {
		case a := <-lines:
			if a.err != nil {
				return nil, a.err
			}
			said, line = true, a.line
			limit.Reset(secretGoodbye)
		case err := <-ended:
			if err != nil {
				return nil, err
			}
			over, ended = true, nil
			kill()
			limit.Reset(secretGoodbye)
		case <-limit.C:
			if !said && !over {
				return nil, fmt.Errorf("it gave no line within %s, and was killed", secretPatience)
			}
			return line, nil
		case <-ctx.Done():
			if !said {
				return nil, fmt.Errorf("it was killed before it gave a line: %w", ctx.Err())
			}
			return line, nil
		}
	}
	return line, nil
}

// answered is the first line of an output, or why it counts for nothing.
type answered struct {
	line []byte
	err  error
}

// readSecret gives the first line of r that is not empty, or what there is when r
// ends; and once more, an error, if r goes on for longer than a secret may. Nobody
// need wait for it: the channel has a place for both.
func readSecret(r io.Reader) <-chan answered {
	lines := make(chan answered, 2)
	go func() {
		var all []byte
		said := false
		for buf := make([]byte, 4<<10); ; {
			n, err := r.Read(buf)
			all = append(all, buf[:n]...)
			line, _, whole := bytes.Cut(bytes.TrimLeft(all, " \t\r\n"), []byte("\n"))
			if !said && (whole || err != nil) && len(all) <= mostSecret {
				said = true
				lines <- answered{line: bytes.TrimSpace(line)}
			}
			switch {
			case len(all) > mostSecret:
				lines <- answered{err: errSecretTooLong}
				return
			case err != nil: // its end, or nobody waits any more
				return
			}
		}
	}()
	return lines
}
