package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/sitrep-dev/sitrep/chaos"
)

// processKill ends a process by a signal, KILL if no other is named. Nothing can take
// that back: whether the service has recovered is looked at instead.
type processKill struct{}

func (processKill) Kind() string { return "process.kill" }

func (f processKill) Check(with chaos.With) error {
	_, err := f.params(with)
	return err
}

func (processKill) params(with chaos.With) (signal string, err error) {
	if err := with.Only("signal"); err != nil {
		return "", err
	}
	return with.Word("signal", "KILL", "TERM")
}

func (f processKill) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	signal, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	p, err := processOf(ctx, target)
	if err != nil {
		return chaos.Injection{}, err
	}
	return chaos.Injection{
		ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierIrreversible, Gone: chaos.Nothing(),
		Needs:    []string{signalRight(p)},
		Preview:  []string{fmt.Sprintf("kill -%s %d (%s)", signal, p.PID, target.Name)},
		Injector: killed{p, target, signal},
		Still:    func(context.Context) error { return still(p, target) },
	}, nil
}

type killed struct {
	process chaos.Process
	target  chaos.Target
	signal  string
}

// Inject is chaos.Injector's.
func (k killed) Inject(context.Context, chaos.Armed) (string, error) {
	signal := syscall.SIGKILL
	if k.signal == "TERM" {
		signal = syscall.SIGTERM
	}
	if err := k.process.Signal(signal); err != nil {
		return "", err
	}
	return fmt.Sprintf("sent %s to %d", k.signal, k.process.PID), nil
}

// Observe is chaos.Injector's: the process is no more.
func (k killed) Observe(context.Context) (string, bool, error) {
	state, err := k.process.State()
	if errors.Is(err, chaos.ErrProcessGone) {
		return err.Error(), true, nil
	}
	return fmt.Sprintf("process %d is in state %c", k.process.PID, state), false, err
}

// Recovered is chaos.Recoverer's: another process answers at the address, or is found
// where the configuration gives none.
func (k killed) Recovered(ctx context.Context) (string, bool, error) {
	if k.process.Alive() {
		return fmt.Sprintf("process %d still runs", k.process.PID), false, nil
	}
	if k.target.URL == "" && k.target.Find != nil {
		return k.replaced()
	}
	if err := answers(ctx, k.target); err != nil {
		return err.Error(), false, nil
	}
	return k.target.Name + " answers again", true, nil
}

// replaced looks for a process that was not there before, and for as many as there were.
func (k killed) replaced() (string, bool, error) {
	now, err := k.target.Find.Processes()
	if err != nil {
		return "", false, err
	}
	at := slices.IndexFunc(now, func(p chaos.Process) bool { return !slices.Contains(k.target.Peers, p) })
	if at < 0 || len(now) < len(k.target.Peers) {
		return fmt.Sprintf("nothing has taken the place of %s: %d of %d processes run", k.target.Name, len(now), len(k.target.Peers)), false, nil
	}
	return fmt.Sprintf("process %d runs in place of %d", now[at].PID, k.process.PID), true, nil
}
