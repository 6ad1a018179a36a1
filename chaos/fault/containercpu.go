package fault

import (
	"context"
	"fmt"
	"strconv"

	"github.com/sitrep-dev/sitrep/chaos"
)

// containerCPU leaves a container less CPU than it has.
type containerCPU struct{}

func (containerCPU) Kind() string { return "container.cpu" }

func (f containerCPU) Check(with chaos.With) error {
	_, err := f.params(with)
	return err
}

// leastCPUs is what Docker and the kernel take: a thousand microseconds of a period.
const leastCPUs = 0.01

func (containerCPU) params(with chaos.With) (cpus float64, err error) {
	if err := with.Only("cpus"); err != nil {
		return 0, err
	}
	text, given := with["cpus"]
	if !given {
		return 0, &chaos.ParamError{Key: "cpus", Message: "missing; write for example cpus: 0.2"}
	}
	cpus, err = strconv.ParseFloat(string(text), 64)
	if err != nil || !(cpus >= leastCPUs && cpus <= 1024) {
		return 0, &chaos.ParamError{Key: "cpus", Message: fmt.Sprintf("%q is no number of CPUs from %g", text, leastCPUs)}
	}
	return cpus, nil
}

func (f containerCPU) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	cpus, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	c, s, err := containerOf(ctx, target)
	if err != nil {
		return chaos.Injection{}, err
	}
	had := s.HostConfig.CPULimit
	if had.CPUs() > 0 && had.CPUs() <= cpus {
		return chaos.Injection{}, chaos.Refuse("limited-already", "ask for less", "%s: container %s has %s, and would get %g", target.Name, c, had, cpus)
	}
	set, back := had.Lower(cpus)
	return chaos.Injection{
		ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierDeadMan,
		Undo: []chaos.Op{chaos.RestoreCPU(c, set, back)}, Gone: chaos.CPURestored(c, set, back), Needs: []string{dockerRight(c)},
		Preview:  []string{fmt.Sprintf("docker -H unix://%s update %s (%s): %s, before it had %s, for %s", c.Socket, c, target.Name, set, had, step.Duration)},
		Injector: limitedContainer{c, had, set}, Still: func(ctx context.Context) error { return stillThere(ctx, c) },
	}, nil
}

type limitedContainer struct {
	container chaos.Container
	had, set  chaos.CPULimit
}

// Inject is chaos.Injector's. A limit that somebody has changed since the plan is not
// touched: the undo would bring an old one back.
func (l limitedContainer) Inject(ctx context.Context, _ chaos.Armed) (string, error) {
	if err := stillThere(ctx, l.container); err != nil {
		return "", err
	}
	s, err := l.container.Docker().Inspect(ctx, l.container.ID)
	if err == nil && s.HostConfig.CPULimit != l.had {
		err = fmt.Errorf("container %s has %s now, not %s", l.container, s.HostConfig.CPULimit, l.had)
	}
	if err == nil {
		err = l.container.Docker().Limit(ctx, l.container.ID, l.set)
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("limited container %s to %s", l.container, l.set), nil
}

// Observe is chaos.Injector's: the limit is in force, as of one of a cgroup.
func (l limitedContainer) Observe(ctx context.Context) (string, bool, error) {
	s, err := l.container.Docker().Inspect(ctx, l.container.ID)
	now := s.HostConfig.CPULimit
	return fmt.Sprintf("container %s has %s", l.container, now), now == l.set && s.State.Running, err
}
