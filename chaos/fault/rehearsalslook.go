package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/sitrep-dev/sitrep/chaos"
)

// look is a way that is not tried: who would do it has only what others use.
func look(mechanism string, tier chaos.Tier, at func(ctx context.Context, around chaos.Around) (string, error)) chaos.Rehearsal {
	return chaos.Rehearsal{Mechanism: mechanism, Tier: tier, Look: at}
}

// lookAtDocker asks Docker which it is.
func lookAtDocker(ctx context.Context, around chaos.Around) (string, error) {
	const remedy = "start Docker, run sitrep as root or in the group docker, or set chaos.docker.socket"
	socket, err := chaos.DockerSocket(around.Docker, around.DockerHost)
	if err != nil {
		return "", err
	}
	release, err := chaos.Docker{Socket: socket}.Release(ctx)
	switch {
	case nobodyThere(err):
		return "", chaos.Refuse("unreachable", remedy, "nothing answers at %s", socket)
	case err != nil:
		return "", chaos.RefuseFor(err, "unreachable", remedy, "Docker cannot be used at %s", socket)
	}
	return fmt.Sprintf("Docker %.40s answers at %s; not tried on a container", release, socket), nil
}

// lookAtToxiproxy asks Toxiproxy what it has.
func lookAtToxiproxy(ctx context.Context, around chaos.Around) (string, error) {
	const remedy = "start toxiproxy-server, or set chaos.toxiproxy.url"
	server := chaos.Toxiproxy{URL: around.Toxiproxy}
	if server.URL == "" {
		server.URL = chaos.DefaultToxiproxy
	}
	if err := server.Valid(); err != nil {
		return "", chaos.Refuse("unreachable", "mend chaos.toxiproxy.url", "%v", err)
	}
	proxies, err := server.Count(ctx)
	switch {
	case nobodyThere(err):
		return "", chaos.Refuse("unreachable", remedy, "nothing answers at %s", server.URL)
	case err != nil:
		return "", chaos.RefuseFor(err, "unreachable", remedy, "Toxiproxy cannot be used at %s", server.URL)
	}
	return fmt.Sprintf("Toxiproxy answers at %s and has %d proxies; not tried on one", server.URL, proxies), nil
}

// nobodyThere says whether an error is that nobody listens.
func nobodyThere(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}

// lookAtPolicy looks whether the policy names a program that can be run.
func lookAtPolicy(_ context.Context, around chaos.Around) (string, error) {
	if around.Refused != nil {
		return "", around.Refused
	}
	if len(around.Exec) == 0 {
		return "", chaos.Refuse("exec", "name programs under chaos.policy.exec, or under exec in "+chaos.SystemPolicy, "the policy's exec list is empty")
	}
	var can []string
	var problem error
	for _, program := range around.Exec {
		if err := chaos.Runnable(program); err == nil {
			can = append(can, program)
		} else if problem == nil {
			problem = err
		}
	}
	if len(can) == 0 {
		return "", problem
	}
	return fmt.Sprintf("%d of %d programs of the policy can be run, such as %s; none was", len(can), len(around.Exec), can[0]), nil
}

func (containerPause) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{look("", chaos.TierDeadMan, lookAtDocker)}
}

func (containerStop) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{look("", chaos.TierDeadMan, lookAtDocker)}
}

func (f containerKill) Rehearsals() (all []chaos.Rehearsal) {
	for _, mechanism := range f.Mechanisms() {
		all = append(all, look(mechanism, chaos.TierIrreversible, lookAtDocker))
	}
	return all
}

func (containerCPU) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{look("", chaos.TierDeadMan, lookAtDocker)}
}

func (toxic) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{look("", chaos.TierDeadMan, lookAtToxiproxy)}
}

func (toxicDown) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{look("", chaos.TierDeadMan, lookAtToxiproxy)}
}

func (customExec) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{look("", chaos.TierDeadMan, lookAtPolicy)}
}
