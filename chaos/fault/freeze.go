package fault

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/sitrep-dev/sitrep/chaos"
)

// frozen is a pause by the freezer of a cgroup.
type frozen struct {
	cgroup  chaos.Cgroup
	version int
}

// frozenHere has the cgroups that this process has frozen. It is that of one run, which may
// have two targets in one cgroup: what it froze itself is in nobody's way.
var frozenHere sync.Map

// freezerFiles are what a freezer is told and what it says, by version. Source: the
// kernel's admin-guide/cgroup-v2.rst and cgroup-v1/freezer-subsystem.rst.
var freezerFiles = map[int]struct{ file, freeze, thaw, own, thawed string }{
	1: {"freezer.state", "FROZEN", "THAWED", "freezer.self_freezing", "0"},
	2: {"cgroup.freeze", "1", "0", "cgroup.freeze", "0"},
}

// planFreezer resolves a pause of a process and of all that share its cgroup.
func planFreezer(inj chaos.Injection, p chaos.Process, step chaos.Step) (chaos.Injection, error) {
	cg, version, members, err := sharedCgroup(p, chaos.Freezer)
	if err != nil {
		return inj, err
	}
	return frozen{cg, version}.plan(inj, members, step)
}

// plan resolves a pause of all who are in the cgroup.
func (f frozen) plan(inj chaos.Injection, members []chaos.Process, step chaos.Step) (chaos.Injection, error) {
	cg, files := f.cgroup, freezerFiles[f.version]
	if err := writable(cg, files.file); err != nil {
		return inj, err
	}
	if err := f.notFrozen(); err != nil {
		return inj, err
	}
	inj.Tier, inj.Injector = chaos.TierDeadMan, f
	inj.Still = func(context.Context) error {
		if err := f.safe(); err != nil {
			return err
		}
		if _, ours := frozenHere.Load(f.cgroup.Dir); ours {
			return nil
		}
		return f.notFrozen()
	}
	inj.Undo = []chaos.Op{chaos.WriteCgroup(cg, files.file, files.thaw)}
	inj.Gone = chaos.CgroupSays(cg, files.own, files.thawed)
	inj.Preview = []string{
		fmt.Sprintf("echo %s > %s/%s, for %s", files.freeze, cg.Dir, files.file, step.Duration),
		fmt.Sprintf("which stops %d processes: %s", len(members), names(members)),
	}
	inj.Needs = []string{cgroupRight}
	return inj, nil
}

// notFrozen refuses a cgroup that somebody has frozen: the undo would thaw it.
func (f frozen) notFrozen() error {
	is, err := f.is()
	if err != nil {
		is = err.Error()
	}
	if is != "" {
		return chaos.Refuse("stopped-already", "look who froze it", "cgroup %s: %s", f.cgroup.Dir, is)
	}
	return nil
}

// safe looks who is in there now.
func (f frozen) safe() error {
	members, err := f.cgroup.Members()
	if err == nil {
		err = safeMembers(f.cgroup, members)
	}
	return err
}

// is says how far the cgroup is frozen, or nothing if it is not.
func (f frozen) is() (string, error) {
	if f.version == 1 {
		state, err := f.cgroup.Read("freezer.state")
		if state = strings.TrimSpace(state); state == "THAWED" {
			state = ""
		}
		return state, err
	}
	own, err := f.cgroup.Read("cgroup.freeze")
	if err != nil {
		return "", err
	}
	events, err := f.cgroup.Read("cgroup.events")
	switch {
	case strings.Contains("\n"+events, "\nfrozen 1\n"):
		return "FROZEN", err
	case strings.TrimSpace(own) != "0":
		return "FREEZING", err
	}
	return "", err
}

// Inject is chaos.Injector's. It looks once more who is in there: the plan may be old.
func (f frozen) Inject(context.Context, chaos.Armed) (string, error) {
	if err := f.safe(); err != nil {
		return "", err
	}
	files := freezerFiles[f.version]
	if err := f.cgroup.Write(files.file, files.freeze); err != nil {
		return "", err
	}
	frozenHere.Store(f.cgroup.Dir, true)
	return fmt.Sprintf("wrote %s to %s/%s", files.freeze, f.cgroup.Dir, files.file), nil
}

// Observe is chaos.Injector's: the kernel says when all are stopped.
func (f frozen) Observe(context.Context) (string, bool, error) {
	is, err := f.is()
	if err != nil {
		return "", false, err
	}
	if is == "" {
		is = "THAWED"
	}
	return fmt.Sprintf("cgroup %s is %s", f.cgroup.Dir, is), is == "FROZEN", nil
}
