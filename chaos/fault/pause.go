package fault

import (
	"context"
	"fmt"
	"syscall"

	"github.com/sitrep-dev/sitrep/chaos"
)

// processPause stops a process with SIGSTOP: it keeps its sockets and answers
// nobody, as one that hangs does.
type processPause struct{}

func (processPause) Kind() string { return "process.pause" }

func (processPause) Check(with chaos.With) error { return with.Only() }

func (f processPause) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	p, err := processOf(ctx, target)
	if err != nil {
		return chaos.Injection{}, err
	}
	return chaos.Injection{
		ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierDeadMan,
		Undo: []chaos.Op{chaos.Continue(p)}, Gone: chaos.Running(p),
		Preview:  []string{fmt.Sprintf("kill -STOP %d (%s) for %s", p.PID, target.Name, step.Duration)},
		Injector: paused{p},
	}, nil
}

type paused struct{ process chaos.Process }

// Inject is chaos.Injector's.
func (p paused) Inject(context.Context, chaos.Armed) (string, error) {
	if err := p.process.Signal(syscall.SIGSTOP); err != nil {
		return "", err
	}
	return fmt.Sprintf("sent STOP to %d", p.process.PID), nil
}

// Observe is chaos.Injector's: the kernel says whether the process is stopped.
func (p paused) Observe(context.Context) (string, bool, error) {
	state, err := p.process.State()
	if err != nil {
		return "", false, err
	}
	return fmt.Sprintf("process %d is in state %c", p.process.PID, state), state == 'T', nil
}
