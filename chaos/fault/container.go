package fault

import (
	"context"
	"errors"

	"github.com/sitrep-dev/sitrep/chaos"
)

// containerOf is the container of a target, as it is now: it runs, it is the one that was
// found, and nobody needs it for the experiment.
func containerOf(ctx context.Context, t chaos.Target) (c chaos.Container, s chaos.ContainerState, err error) {
	switch {
	case t.Container == nil:
		return c, s, chaos.Refuse("not-named", "list it under chaos.containers, and select that", "%s is no container", t.Name)
	case t.Container.Why != "":
		return c, s, chaos.Refuse("unreachable", "start Docker, run sitrep as root or in the group docker, or set chaos.docker.socket", "%s: %s", t.Name, t.Container.Why)
	}
	c = t.Container.Container
	s, err = c.Docker().Inspect(ctx, c.ID)
	switch {
	case errors.Is(err, chaos.ErrContainerGone), err == nil && !s.State.Running, err == nil && !c.Is(s):
		return c, s, chaos.Refuse("target-gone", "look whether the service runs, and try again", "%s: container %s does not run any more as it did", t.Name, c)
	case err != nil:
		return c, s, chaos.Refuse("unreachable", "look why, and try again", "%s: %v", t.Name, err)
	case s.State.Paused:
		return c, s, chaos.Refuse("stopped-already", "look who paused it", "%s: container %s is paused already", t.Name, c)
	}
	if why := s.Protected(); why != "" {
		return c, s, chaos.Refuse("protected", "name what is to be hurt more narrowly under chaos.containers", "%s: %s", t.Name, why)
	}
	return c, s, nil
}

// stillThere is an error where a container is not the one that was planned with: the plan
// may be old.
func stillThere(ctx context.Context, c chaos.Container) error {
	s, err := c.Docker().Inspect(ctx, c.ID)
	if err == nil && (!c.Is(s) || !s.State.Running || s.State.Paused) {
		err = errors.New("container " + c.String() + " is not as it was when this was planned")
	}
	if err != nil {
		return err
	}
	if why := s.Protected(); why != "" {
		return chaos.Refuse("protected", "name what is to be hurt more narrowly under chaos.containers", "container %s: %s", c, why)
	}
	return nil
}

// dockerRight is what a plan says of a fault that Docker does.
func dockerRight(c chaos.Container) string {
	return "to use " + c.Socket + ": root, or the group docker, which is as much"
}
