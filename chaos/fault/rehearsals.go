package fault

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// rehearsalStep is a step as a rehearsal plans it: it is undone as soon as it is seen.
func rehearsalStep(mechanism string, with chaos.With) chaos.Step {
	return chaos.Step{Mechanism: mechanism, With: with, Duration: strictyaml.Duration(time.Second)}
}

// onExtra rehearses a fault of a process on one that was made for it.
func onExtra(f chaos.Fault, mechanism string, tier chaos.Tier) chaos.Rehearsal {
	return chaos.Rehearsal{Mechanism: mechanism, Tier: tier, Plan: func(ctx context.Context, id string, stage *chaos.Stage) (chaos.Injection, error) {
		target, err := stage.Extra()
		if err != nil {
			return chaos.Injection{}, err
		}
		return f.Plan(ctx, id, rehearsalStep(mechanism, nil), target)
	}}
}

// onHost rehearses a fault of the host, with so little that nobody feels it.
func onHost(f chaos.Fault, mechanism string, with chaos.With) chaos.Rehearsal {
	return chaos.Rehearsal{Mechanism: mechanism, Tier: chaos.TierKernel, Plan: func(ctx context.Context, id string, _ *chaos.Stage) (chaos.Injection, error) {
		host := chaos.HostTarget{Name: "rehearsal", Service: "rehearsal", CPU: true, Memory: true, Path: os.TempDir()}
		return f.Plan(ctx, id, rehearsalStep(mechanism, with), chaos.Target{Name: host.Name, Service: host.Service, Host: &host})
	}}
}

// onLoopback rehearses a fault of the network between a process and what listens on
// the loopback of a namespace of its own.
func onLoopback(f chaos.Fault, mechanism string, tier chaos.Tier, with chaos.With) chaos.Rehearsal {
	return chaos.Rehearsal{Mechanism: mechanism, Tier: tier, Network: true, Plan: func(ctx context.Context, id string, stage *chaos.Stage) (chaos.Injection, error) {
		target, err := stage.Extra()
		if err != nil {
			return chaos.Injection{}, err
		}
		all := chaos.With{"peer": chaos.Value(stage.Address)}
		for k, v := range with {
			all[k] = v
		}
		return f.Plan(ctx, id, rehearsalStep(mechanism, all), target)
	}}
}

func (f processPause) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{
		onExtra(f, "ptrace", chaos.TierKernel),
		onExtra(f, "sigstop", chaos.TierDeadMan),
		{Mechanism: "freezer", Tier: chaos.TierDeadMan, Plan: f.rehearseFreezer},
	}
}

// rehearseFreezer freezes a cgroup with nobody in it: a process that is frozen by
// version 1 could not even be killed, if all of sitrep were.
func (f processPause) rehearseFreezer(_ context.Context, id string, stage *chaos.Stage) (chaos.Injection, error) {
	cg, version, err := stage.Cgroup(chaos.Freezer)
	if err != nil {
		return chaos.Injection{}, err
	}
	return frozen{cg, version}.plan(chaos.Injection{ID: id, Kind: f.Kind()}, nil, rehearsalStep("freezer", nil))
}

func (f processKill) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{onExtra(f, "", chaos.TierIrreversible)}
}

func (f netDrop) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{onLoopback(f, "", chaos.TierKernel, nil)}
}

func (f netReject) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{onLoopback(f, "", chaos.TierKernel, nil)}
}

func (f netLoss) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{onLoopback(f, "", chaos.TierKernel, chaos.With{"percent": "99.99"})}
}

func (f netRate) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{onLoopback(f, "", chaos.TierKernel, chaos.With{"rate": "1KiB", "protocol": "udp"})}
}

func (f netDelay) Rehearsals() []chaos.Rehearsal {
	with := chaos.With{"latency": "50ms"}
	return []chaos.Rehearsal{onLoopback(f, "nfqueue", chaos.TierKernel, with), onLoopback(f, "netem", chaos.TierDeadMan, with)}
}

func (f cpuBurn) Rehearsals() []chaos.Rehearsal {
	with := chaos.With{"percent": "5"}
	return []chaos.Rehearsal{onHost(f, "burner", with), onHost(f, "stress-ng", with)}
}

func (f memFill) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{onHost(f, "", chaos.With{"bytes": "4MiB"})}
}

func (f ioBurn) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{onHost(f, "", chaos.With{"rate": "1MiB"})}
}

func (f diskFill) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{{Tier: chaos.TierKernel, Plan: f.rehearse}}
}

// rehearse takes a bounded piece of the temporary directory's filesystem, and no more
// than is to spare.
func (f diskFill) rehearse(_ context.Context, id string, _ *chaos.Stage) (chaos.Injection, error) {
	const piece = 4 << 20
	dir := os.TempDir()
	free, size, err := chaos.Space(dir)
	if err != nil {
		return chaos.Injection{}, err
	}
	leave := free - piece
	if err := mayFill(dir, chaos.Target{}, leave, free, size, false); err != nil {
		return chaos.Injection{}, err
	}
	return chaos.Injection{
		ID: id, Kind: f.Kind(), Tier: chaos.TierKernel, Gone: chaos.Nothing(), // its holder's end is the proof
		Injector: chaos.Hold(id, f.Kind(), filler{Dir: dir, Leave: reserveOf(size), Most: piece}),
	}, nil
}

func (f ioThrottle) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{{Tier: chaos.TierDeadMan, Plan: f.rehearse}}
}

// rehearse limits a cgroup with nobody in it, on a disk of this host.
func (f ioThrottle) rehearse(_ context.Context, id string, stage *chaos.Stage) (chaos.Injection, error) {
	const slow = 1 << 20
	device, err := anyDisk()
	if err != nil {
		return chaos.Injection{}, err
	}
	cg, version, err := stage.Cgroup(chaos.IOController)
	if err != nil {
		return chaos.Injection{}, err
	}
	inj := chaos.Injection{ID: id, Kind: f.Kind()}
	return limited{cgroup: cg}.plan(inj, nil, limitsOf(version, device, slow, slow), rehearsalStep("", nil))
}

// anyDisk is the first disk of this host that a limit can be for.
func anyDisk() (string, error) {
	list, err := os.ReadDir("/sys/class/block")
	if err != nil {
		return "", err
	}
	for _, d := range list {
		if device, err := deviceOf(fmt.Sprintf("/dev/%s", d.Name())); err == nil {
			return device, nil
		}
	}
	return "", chaos.Refuse("no-device", "run it where there is a disk", "this host shows no disk")
}
