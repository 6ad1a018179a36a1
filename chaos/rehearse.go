package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// rehearsalCommand is the first argument of a process that tries one way of doing a
// fault; kind and mechanism follow.
const rehearsalCommand = "__chaos-rehearse"

// rehearsalTime bounds one rehearsal, its undo not counted.
const rehearsalTime = 10 * time.Second

// rehearsed is what such a process says, as a line of JSON.
type rehearsed struct {
	Seen   string `json:"seen,omitempty"`
	Gone   string `json:"gone,omitempty"`
	Why    string `json:"why,omitempty"` // it does not work
	Remedy string `json:"remedy,omitempty"`
	Raw    string `json:"raw,omitempty"`
	Late   bool   `json:"late,omitempty"` // its time ran out first: nobody knows whether it works
}

// RehearseMain is the body of `sitrep __chaos-rehearse KIND MECHANISM`: it does the
// fault on what it makes for that, looks for its effect, takes it back and looks whether
// it is gone. The end of its input ends it early, and it undoes all the same. It returns
// the exit code of the process, 0 where it could say something.
func RehearseMain(args []string, stdin io.Reader, stdout io.Writer, faults []Fault) int {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGPIPE)
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "a rehearsal is started by sitrep itself")
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), rehearsalTime)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
	}()
	time.AfterFunc(rehearsalTime+2*undoTimeout, func() { os.Exit(1) }) // whatever hangs
	for _, name := range []string{"DOCKER_HOST", "SSH_CONNECTION"} {
		_ = os.Unsetenv(name) // of no meaning where nobody else is
	}
	for _, w := range waysOf(faults) {
		if w.kind == args[0] && w.mechanism == args[1] && w.rehearsal != nil {
			if err := json.NewEncoder(stdout).Encode(w.rehearsal.try(ctx)); err != nil {
				return 1
			}
			return 0
		}
	}
	fmt.Fprintf(os.Stderr, "nothing here rehearses %q by %q\n", args[0], args[1])
	return 2
}

// try does it and says how that went.
func (r *Rehearsal) try(ctx context.Context) rehearsed {
	stage := &Stage{}
	seen, gone, err := r.on(ctx, stage)
	if cerr := stage.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		return rehearsed{Seen: seen, Gone: gone}
	}
	return failed(err)
}

// failed is an error in the words of a rehearsal.
func failed(err error) rehearsed {
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
		return rehearsed{Why: refusal.Reason, Remedy: refusal.Remedy, Raw: refusal.Raw}
	}
	said := rehearsed{Raw: rawWords(err), Late: errors.Is(err, context.DeadlineExceeded)}
	exit := (*exec.ExitError)(nil)
	switch {
	case said.Late:
		said.Why, said.Remedy = "its time ran out before anything was known", "try again when the machine has time"
	case NotAllowed(err):
		said.Why, said.Remedy = "sitrep lacks a right for it", "run sitrep as root"
	case errors.As(err, &exit):
		said.Why, said.Remedy = "a program that it needs has failed", "see what it says"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EOPNOTSUPP):
		said.Why, said.Remedy = "the kernel of this host does not have what it needs", "see what is missing, or use another mechanism"
	default:
		return rehearsed{Why: said.Raw} // in words of our own: no effect, not gone
	}
	return said
}

// on does it on a stage.
func (r *Rehearsal) on(ctx context.Context, stage *Stage) (seen, gone string, err error) {
	if r.Network {
		if err := stage.listen(ctx); err != nil {
			return "", "", err
		}
	}
	inj, err := r.Plan(ctx, fmt.Sprintf("rehearsal-%d", os.Getpid()), stage)
	if err != nil {
		return "", "", err
	}
	return inj.rehearse(ctx)
}

// rehearse injects, observes and undoes one fault, as a run does, without its journal:
// what it hurts ends with this process.
func (inj Injection) rehearse(ctx context.Context) (seen, gone string, err error) {
	armed := Armed{Until: time.Now().Add(rehearsalTime)}
	undo, checks := inj.Undo, []Check{inj.Gone}
	if p, ok := inj.Injector.(Preparer); ok {
		defer p.Release()
		before, also, err := p.Prepare(ctx, armed)
		if err != nil {
			return "", "", err
		}
		undo, checks = append(before, undo...), append(checks, also...)
	}
	_, err = inj.Injector.Inject(ctx, armed)
	if err == nil {
		seen, err = inj.awaitEffect(ctx)
	}
	gone, uerr := takeBack(context.WithoutCancel(ctx), undo, Every(checks...))
	return seen, gone, errors.Join(err, uerr)
}

// awaitEffect looks until the fault is seen to work.
func (inj Injection) awaitEffect(ctx context.Context) (seen string, err error) {
	const every = 20 * time.Millisecond
	for {
		effect, ok, err := inj.Injector.Observe(ctx)
		switch {
		case ok && err == nil:
			return effect, nil
		case ctx.Err() != nil && err != nil:
			return "", fmt.Errorf("no effect was seen within %s: %w", rehearsalTime, err)
		case ctx.Err() != nil:
			return "", fmt.Errorf("no effect was seen within %s: %s", rehearsalTime, effect)
		}
		wait(ctx, every)
	}
}

// takeBack undoes, and says what proves it.
func takeBack(ctx context.Context, undo []Op, gone Check) (evidence string, err error) {
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	e := Entry{Intent: Intent{Undo: undo, Gone: gone}}
	for {
		evidence, is, err := undoAndLook(ctx, LocalHands{}, e)
		switch {
		case is:
			return evidence, nil
		case ctx.Err() != nil:
			return "", errors.Join(fmt.Errorf("it was not seen to be gone: %s", evidence), err)
		}
		wait(ctx, undoPause/4)
	}
}
