package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// containerStop stops a container, as a deploy or a person does, and starts it again at
// the end.
type containerStop struct{}

func (containerStop) Kind() string { return "container.stop" }

func (f containerStop) Check(with chaos.With) error {
	_, err := f.params(with)
	return err
}

func (containerStop) params(with chaos.With) (grace time.Duration, err error) {
	if err := with.Only("grace"); err != nil {
		return 0, err
	}
	grace, err = with.Duration("grace", time.Second, chaos.StopGrace)
	if err == nil && grace%time.Second != 0 {
		err = &chaos.ParamError{Key: "grace", Message: "Docker counts it in whole seconds"}
	}
	return grace, err
}

func (f containerStop) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	grace, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	c, s, err := containerOf(ctx, target)
	if err != nil {
		return chaos.Injection{}, err
	}
	if s.HostConfig.AutoRemove {
		return chaos.Injection{}, chaos.Refuse("no-undo", "run it without --rm", "%s: Docker removes container %s as soon as it stops", target.Name, c)
	}
	return chaos.Injection{
		ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierDeadMan,
		Undo: []chaos.Op{chaos.Start(c)}, Gone: chaos.Started(c), Needs: []string{dockerRight(c)},
		Preview:  []string{fmt.Sprintf("docker -H unix://%s stop -t %d %s (%s) for %s: TERM, and KILL after %s", c.Socket, int(grace/time.Second), c, target.Name, step.Duration, strictyaml.FormatDuration(grace))},
		Injector: stoppedContainer{c, grace}, Still: func(ctx context.Context) error { return stillThere(ctx, c) },
	}, nil
}

type stoppedContainer struct {
	container chaos.Container
	grace     time.Duration
}

// Inject is chaos.Injector's.
func (p stoppedContainer) Inject(ctx context.Context, _ chaos.Armed) (string, error) {
	if err := stillThere(ctx, p.container); err != nil {
		return "", err
	}
	if err := p.container.Docker().Stop(ctx, p.container.ID, p.grace); err != nil {
		return "", err
	}
	return "stopped container " + p.container.String(), nil
}

// Observe is chaos.Injector's.
func (p stoppedContainer) Observe(ctx context.Context) (string, bool, error) {
	s, err := p.container.Docker().Inspect(ctx, p.container.ID)
	return fmt.Sprintf("container %s is %s", p.container, s.State.Status), !s.State.Running && p.container.Is(s), err
}
