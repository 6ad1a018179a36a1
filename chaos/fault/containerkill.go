package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/sitrep-dev/sitrep/chaos"
)

// containerKill ends the first process of a container, and with it the container. Nothing
// can take that back: whether the service has recovered is looked at instead.
//
//	signal   from this host, as a crash: Docker starts it again if its restart policy says so
//	engine   by Docker, which takes that for a person's wish and starts nothing again
type containerKill struct{}

func (containerKill) Kind() string { return "container.kill" }

// Mechanisms is chaos.Mechanical's.
func (containerKill) Mechanisms() []string { return []string{"signal", "engine"} }

func (f containerKill) Check(with chaos.With) error {
	_, err := f.params(with)
	return err
}

func (containerKill) params(with chaos.With) (signal string, err error) {
	if err := with.Only("signal"); err != nil {
		return "", err
	}
	return with.Word("signal", "KILL", "TERM")
}

func (f containerKill) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	signal, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	c, _, err := containerOf(ctx, target)
	if err != nil {
		return chaos.Injection{}, err
	}
	k := killedContainer{container: c, target: target, signal: signal}
	inj := chaos.Injection{
		ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierIrreversible, Gone: chaos.Nothing(),
		Needs: []string{dockerRight(c)}, Still: func(ctx context.Context) error { return stillThere(ctx, c) },
	}
	seen := target.PID > 1
	switch {
	case step.Mechanism == "signal" && !seen:
		return inj, chaos.Refuse("no-mechanism", "leave mechanism out, or say engine", "%s: the process of container %s cannot be seen from here", target.Name, c)
	case seen && step.Mechanism != "engine":
		p, err := target.Process()
		if err != nil {
			return inj, err
		}
		k.process = &p
		inj.Needs = append(inj.Needs, signalRight(p))
		inj.Preview = []string{fmt.Sprintf("kill -%s %d, the first process of container %s (%s)", signal, p.PID, c, target.Name)}
	default:
		inj.Preview = []string{fmt.Sprintf("docker -H unix://%s kill -s %s %s (%s); Docker will not start it again", c.Socket, signal, c, target.Name)}
	}
	inj.Injector = k
	return inj, nil
}

type killedContainer struct {
	container chaos.Container
	target    chaos.Target
	signal    string
	process   *chaos.Process // nil: Docker kills it
}

// Inject is chaos.Injector's.
func (k killedContainer) Inject(ctx context.Context, _ chaos.Armed) (string, error) {
	if err := stillThere(ctx, k.container); err != nil {
		return "", err
	}
	if k.process == nil {
		err := k.container.Docker().Kill(ctx, k.container.ID, k.signal)
		return fmt.Sprintf("Docker sent %s to container %s", k.signal, k.container), err
	}
	signal := map[string]syscall.Signal{"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM}[k.signal]
	if err := k.process.Signal(signal); err != nil {
		return "", err
	}
	return fmt.Sprintf("sent %s to %d, the first process of container %s", k.signal, k.process.PID, k.container), nil
}

// Observe is chaos.Injector's: it runs no more as it did.
func (k killedContainer) Observe(ctx context.Context) (string, bool, error) {
	s, err := k.container.Docker().Inspect(ctx, k.container.ID)
	switch {
	case errors.Is(err, chaos.ErrContainerGone):
		return err.Error(), true, nil
	case err == nil && !k.container.Is(s):
		return fmt.Sprintf("container %s was started again", k.container), true, nil
	}
	return fmt.Sprintf("container %s is %s", k.container, s.State.Status), err == nil && !s.State.Running, err
}

// Recovered is chaos.Recoverer's: as many run as before, one of them new, and where the
// configuration says where they answer, it does.
func (k killedContainer) Recovered(ctx context.Context) (string, bool, error) {
	found := k.target.Container
	now, err := found.Find.Containers(ctx, k.container.Docker())
	if err != nil {
		return "", false, err
	}
	fresh := slices.IndexFunc(now, func(s chaos.ContainerState) bool {
		return !slices.ContainsFunc(found.Peers, func(c chaos.Container) bool { return c.Is(s) })
	})
	if fresh < 0 || len(now) < len(found.Peers) {
		return fmt.Sprintf("nothing has taken the place of %s: %d of %d containers run", k.target.Name, len(now), len(found.Peers)), false, nil
	}
	if k.target.URL != "" {
		if err := answers(ctx, k.target); err != nil {
			return err.Error(), false, nil
		}
	}
	return fmt.Sprintf("container %.12s runs since %s", now[fresh].ID, now[fresh].State.StartedAt.UTC().Format("15:04:05Z")), true, nil
}
