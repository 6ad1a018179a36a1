package fault

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/sitrep-dev/sitrep/chaos"
)

// processKill ends a process with SIGKILL. Nothing can take that back: whether
// the service has recovered is looked at instead.
type processKill struct{}

func (processKill) Kind() string { return "process.kill" }

func (processKill) Check(with chaos.With) error { return with.Only() }

func (f processKill) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	p, err := processOf(ctx, target)
	if err != nil {
		return chaos.Injection{}, err
	}
	return chaos.Injection{
		ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierIrreversible, Gone: chaos.Nothing(),
		Needs:    []string{signalRight(p)},
		Preview:  []string{fmt.Sprintf("kill -KILL %d (%s)", p.PID, target.Name)},
		Injector: killed{p, target},
	}, nil
}

type killed struct {
	process chaos.Process
	target  chaos.Target
}

// Inject is chaos.Injector's.
func (k killed) Inject(context.Context, chaos.Armed) (string, error) {
	if err := k.process.Signal(syscall.SIGKILL); err != nil {
		return "", err
	}
	return fmt.Sprintf("sent KILL to %d", k.process.PID), nil
}

// Observe is chaos.Injector's: the process is no more.
func (k killed) Observe(context.Context) (string, bool, error) {
	state, err := k.process.State()
	if errors.Is(err, chaos.ErrProcessGone) {
		return err.Error(), true, nil
	}
	return fmt.Sprintf("process %d is in state %c", k.process.PID, state), false, err
}

// Recovered is chaos.Recoverer's: another process answers at the address.
func (k killed) Recovered(ctx context.Context) (string, bool, error) {
	if k.process.Alive() {
		return fmt.Sprintf("process %d still runs", k.process.PID), false, nil
	}
	if err := answers(ctx, k.target); err != nil {
		return err.Error(), false, nil
	}
	return k.target.Name + " answers again", true, nil
}
