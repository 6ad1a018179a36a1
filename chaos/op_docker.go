package chaos

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// Unpause is the undo of a container that was paused.
func Unpause(c Container) Op { return Op{Do: "container-unpause", Container: &c} }

// Unpaused is true when the container is not paused, was started again, or is gone.
func Unpaused(c Container) Check { return Check{Is: "container-unpaused", Container: &c} }

// Start is the undo of a container that was stopped.
func Start(c Container) Op { return Op{Do: "container-start", Container: &c} }

// Started is true when the container runs, was started since, or is gone.
func Started(c Container) Check { return Check{Is: "container-started", Container: &c} }

var unpauseOp = opKind{
	valid: func(o Op) error { return validContainer(o.Container) },
	text: func(o Op) string {
		return fmt.Sprintf("docker -H unix://%s unpause %s", o.Container.Socket, o.Container)
	},
	do: func(ctx context.Context, o Op) (string, error) {
		return o.Container.mend(ctx, func(s ContainerState) bool { return s.State.Paused }, Docker.unpause, "unpaused")
	},
}

var startOp = opKind{
	valid: func(o Op) error { return validContainer(o.Container) },
	text:  func(o Op) string { return fmt.Sprintf("docker -H unix://%s start %s", o.Container.Socket, o.Container) },
	do: func(ctx context.Context, o Op) (string, error) {
		return o.Container.mend(ctx, func(s ContainerState) bool { return !s.State.Running }, Docker.start, "started")
	},
}

var unpausedCheck = checkKind{
	valid: func(c Check) error { return validContainer(c.Container) },
	text:  func(c Check) string { return fmt.Sprintf("container %s is not paused", c.Container) },
	look: func(ctx context.Context, c Check) (string, bool, error) {
		return c.Container.look(ctx, func(s ContainerState) bool { return !s.State.Paused })
	},
}

var startedCheck = checkKind{
	valid: func(c Check) error { return validContainer(c.Container) },
	text:  func(c Check) string { return fmt.Sprintf("container %s runs", c.Container) },
	look: func(ctx context.Context, c Check) (string, bool, error) {
		return c.Container.look(ctx, func(s ContainerState) bool { return s.State.Running })
	},
}

func validContainer(c *Container) error {
	switch {
	case c == nil || !containerID.MatchString(c.ID):
		return errors.New("want the full ID of a container")
	case !filepath.IsAbs(c.Socket) || c.StartedAt.IsZero():
		return fmt.Errorf("container %s: want the absolute path of Docker's socket, and when the container was started", c)
	}
	return nil
}

// mend does what helps, if it is this very container that needs it. One that was started
// again since is somebody else's.
func (c Container) mend(ctx context.Context, needs func(ContainerState) bool, help func(Docker, context.Context, string) error, done string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, toolPatience)
	defer cancel()
	s, err := c.Docker().Inspect(ctx, c.ID)
	switch {
	case errors.Is(err, ErrContainerGone):
		return err.Error(), nil
	case err != nil:
		return "", err
	case !c.Is(s):
		return fmt.Sprintf("container %s was started again since", c), nil
	case !needs(s):
		return fmt.Sprintf("container %s is %s", c, s.State.Status), nil
	}
	if err := help(c.Docker(), ctx, c.ID); err != nil && !errors.Is(err, ErrContainerGone) {
		return "", err
	}
	return done + " container " + c.String(), nil
}

func (c Container) look(ctx context.Context, well func(ContainerState) bool) (string, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, toolPatience)
	defer cancel()
	s, err := c.Docker().Inspect(ctx, c.ID)
	switch {
	case errors.Is(err, ErrContainerGone):
		return err.Error(), true, nil
	case err != nil:
		return "", false, err
	case !c.Is(s):
		return fmt.Sprintf("container %s was started again since", c), true, nil
	}
	return fmt.Sprintf("container %s is %s", c, s.State.Status), well(s), nil
}
