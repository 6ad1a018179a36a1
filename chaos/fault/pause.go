package fault

import (
	"cmp"
	"context"
	"fmt"
	"syscall"

	"github.com/sitrep-dev/sitrep/chaos"
)

// processPause stops a process: it keeps its sockets and answers nobody, as one that
// hangs does.
//
//	ptrace   a holder traces all of its threads: they run again when the holder ends
//	sigstop  STOP, and CONT to undo it
//	freezer  the freezer of its cgroup, which stops whatever else is in there; only if it is asked for
type processPause struct{}

func (processPause) Kind() string { return "process.pause" }

// Mechanisms is chaos.Mechanical's.
func (processPause) Mechanisms() []string { return []string{"ptrace", "sigstop", "freezer"} }

func (processPause) Check(with chaos.With) error { return with.Only() }

func (f processPause) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	p, err := processOf(ctx, target)
	if err != nil {
		return chaos.Injection{}, err
	}
	inj := chaos.Injection{ID: id, Kind: f.Kind(), Target: target.Name, Gone: chaos.Running(p)}
	inj.Still = func(context.Context) error { return cmp.Or(still(p, target), notStopped(p)) }
	mechanism, err := f.mechanism(step.Mechanism, p)
	if err != nil {
		return inj, err
	}
	if mechanism == "freezer" {
		inj, err := planFreezer(inj, p, step)
		alone := inj.Still // asks the cgroup
		inj.Still = func(ctx context.Context) error { return cmp.Or(still(p, target), alone(ctx)) }
		return inj, err
	}
	if mechanism == "ptrace" {
		inj.Tier, inj.Needs = chaos.TierKernel, []string{fmt.Sprintf("to trace process %d: its user, or CAP_SYS_PTRACE", p.PID)}
		inj.Preview = []string{fmt.Sprintf("trace every thread of %d (%s) and stop it, for %s", p.PID, target.Name, step.Duration)}
		inj.Injector = chaos.Hold(id, f.Kind()+"/ptrace", traced{Process: p})
		return inj, nil
	}
	inj.Tier, inj.Undo, inj.Needs = chaos.TierDeadMan, []chaos.Op{chaos.Continue(p)}, []string{signalRight(p)}
	inj.Preview = []string{fmt.Sprintf("kill -STOP %d (%s) for %s", p.PID, target.Name, step.Duration)}
	inj.Injector = paused{p}
	return inj, nil
}

// mechanism is the one that was asked for, or the first that works on the process.
func (processPause) mechanism(asked string, p chaos.Process) (string, error) {
	if err := notStopped(p); err != nil {
		return "", err
	}
	why := untraceable(p.PID)
	switch {
	case asked == "freezer":
		return asked, nil
	case asked == "ptrace" && why != "":
		return "", chaos.Refuse("no-mechanism", "leave mechanism out, or say sigstop", "process %d cannot be traced: %s", p.PID, why)
	case asked == "sigstop", why != "":
		return "sigstop", nil
	}
	return "ptrace", nil
}

// notStopped refuses a process that is stopped or traced already. It is nobody's to pause:
// the undo would let it run.
func notStopped(p chaos.Process) error {
	state, err := p.State()
	if err == nil && (state == 'T' || state == 't') {
		err = chaos.Refuse("stopped-already", "look who stopped it", "process %d is in state %c already", p.PID, state)
	}
	return err
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
