package fault

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// customExec is a fault of a person's own: programs that put it in place, take it back,
// and say whether it works and whether it is gone. The policy must name each of them.
type customExec struct{}

func (customExec) Kind() string { return "custom.exec" }

// customParts are what a step gives as lists of a program and its arguments.
var customParts = []string{"inject", "observe", "undo", "gone"}

func (f customExec) Check(with chaos.With) error {
	_, err := f.read(with)
	return err
}

// read are the calls by their part. That undo and gone are missing is for the plan to
// refuse.
func (customExec) read(with chaos.With) (map[string]chaos.ExecCall, error) {
	if err := with.Only("inject[]", "observe[]", "undo[]", "gone[]", "timeout"); err != nil {
		return nil, err
	}
	timeout, err := with.Duration("timeout", 2*time.Second, chaos.LongestExec)
	if err != nil {
		return nil, err
	}
	calls := map[string]chaos.ExecCall{}
	for _, part := range customParts {
		argv := with.List(part)
		switch {
		case len(argv) == 0 && (part == "undo" || part == "gone"):
			continue
		case len(argv) == 0:
			return nil, &chaos.ParamError{Key: part, Message: fmt.Sprintf("missing; write for example %s: [/usr/local/bin/lose-leader, %s]", part, part)}
		}
		call := chaos.ExecCall{Argv: argv, Timeout: timeout}
		if err := call.Valid(); err != nil {
			return nil, &chaos.ParamError{Key: part, Message: err.Error()}
		}
		calls[part] = call
	}
	return calls, nil
}

func (f customExec) Plan(_ context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	calls, err := f.read(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	if !target.Listed && target.Host == nil {
		return chaos.Injection{}, chaos.Refuse("not-named", "list it under chaos.processes, chaos.containers, chaos.toxiproxies or chaos.hosts", "%s is named by a list of others", target.Name)
	}
	inj := chaos.Injection{ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierDeadMan}
	for _, part := range customParts {
		call, given := calls[part]
		if !given {
			return inj, chaos.Refuse("no-undo", fmt.Sprintf("write %s: [/path/of/a/program, ...]", part), "custom.exec has no %s", part)
		}
		call.Config = target.Config
		call.Env = []string{"SITREP_FAULT=" + id, "SITREP_TARGET=" + target.Name, "SITREP_SERVICE=" + target.Service}
		if target.PID > 0 {
			call.Env = append(call.Env, "SITREP_PID="+strconv.Itoa(target.PID))
		}
		calls[part] = call
		inj.Programs = append(inj.Programs, call.Programs()...)
	}
	inject, observe := calls["inject"], calls["observe"]
	inj.Undo, inj.Gone = []chaos.Op{chaos.RunUndo(calls["undo"])}, chaos.RunGone(calls["gone"])
	inj.Preview = []string{fmt.Sprintf("%s   for %s", inject.String(), step.Duration), fmt.Sprintf("%s   which exits with 0 when it works", observe.String())}
	inj.Needs = []string{"the policy to name these programs, now and when it is undone"}
	inj.Injector = custom{inject, observe}
	return inj, nil
}

// custom is a fault that programs do.
type custom struct{ inject, observe chaos.ExecCall }

// Inject is chaos.Injector's. The program inherits the lease: the undo does not run
// before it has ended.
func (c custom) Inject(ctx context.Context, armed chaos.Armed) (string, error) {
	said, err := c.inject.Run(ctx, armed.Lease)
	return fmt.Sprintf("ran %s: %.200s", c.inject.Argv[0], said), err
}

// Observe is chaos.Injector's.
func (c custom) Observe(ctx context.Context) (string, bool, error) { return c.observe.Says(ctx) }
