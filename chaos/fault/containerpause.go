package fault

import (
	"context"
	"fmt"

	"github.com/sitrep-dev/sitrep/chaos"
)

// containerPause freezes every process of a container: it keeps its sockets and answers
// nobody.
type containerPause struct{}

func (containerPause) Kind() string { return "container.pause" }

func (containerPause) Check(with chaos.With) error { return with.Only() }

func (f containerPause) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	c, _, err := containerOf(ctx, target)
	if err != nil {
		return chaos.Injection{}, err
	}
	return chaos.Injection{
		ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierDeadMan,
		Undo: []chaos.Op{chaos.Unpause(c)}, Gone: chaos.Unpaused(c), Needs: []string{dockerRight(c)},
		Preview:  []string{fmt.Sprintf("docker -H unix://%s pause %s (%s) for %s", c.Socket, c, target.Name, step.Duration)},
		Injector: pausedContainer{c}, Still: func(ctx context.Context) error { return stillThere(ctx, c) },
	}, nil
}

type pausedContainer struct{ container chaos.Container }

// Inject is chaos.Injector's.
func (p pausedContainer) Inject(ctx context.Context, _ chaos.Armed) (string, error) {
	if err := stillThere(ctx, p.container); err != nil {
		return "", err
	}
	if err := p.container.Docker().Pause(ctx, p.container.ID); err != nil {
		return "", err
	}
	return "paused container " + p.container.String(), nil
}

// Observe is chaos.Injector's.
func (p pausedContainer) Observe(ctx context.Context) (string, bool, error) {
	s, err := p.container.Docker().Inspect(ctx, p.container.ID)
	return fmt.Sprintf("container %s is %s", p.container, s.State.Status), s.State.Paused && p.container.Is(s), err
}
