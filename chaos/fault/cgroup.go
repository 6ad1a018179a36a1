package fault

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/sitrep-dev/sitrep/chaos"
)

// sharedCgroup is the cgroup of a target by which a controller steers it, for what is
// done to all that is in there: refused with anybody in it who must not be hurt.
func sharedCgroup(p chaos.Process, c chaos.Controller) (cg chaos.Cgroup, version int, members []chaos.Process, err error) {
	if cg, version, err = ownCgroup(p, c); err != nil {
		return cg, version, nil, err
	}
	if members, err = cg.Members(); err != nil {
		return cg, version, nil, chaos.Refuse("protected", "pause the process alone", "who else is in cgroup %s cannot be said: %v", cg.Dir, err)
	}
	return cg, version, members, safeMembers(cg, members)
}

// safeMembers refuses a cgroup that holds sitrep, or what keeps this host.
func safeMembers(cg chaos.Cgroup, members []chaos.Process) error {
	for _, m := range members {
		if why := chaos.Protected(m); why != "" && m.Alive() {
			return chaos.Refuse("protected", "give the service a cgroup of its own", "cgroup %s holds what must not be hurt: %s", cg.Dir, why)
		}
	}
	return nil
}

// ownCgroup is the cgroup of a target by which a controller steers it.
func ownCgroup(p chaos.Process, c chaos.Controller) (chaos.Cgroup, int, error) {
	cg, version, err := chaos.CgroupOf(p, c)
	if err != nil {
		return cg, 0, chaos.Refuse("no-cgroup", "run the service in a cgroup of its own, as systemd and containers do", "%v", err)
	}
	return cg, version, nil
}

// writable refuses a file that the program may not write to.
func writable(cg chaos.Cgroup, file string) error {
	if err := cg.Writable(file); err != nil {
		return chaos.RefuseFor(err, "no-permission", "run sitrep as root, or have the cgroup delegated to its user", "sitrep may not write to the cgroup %s", cg.Dir)
	}
	return nil
}

// whose is who takes the load of a fault: the host, or with `cgroup: target` the
// cgroup of a process, which the holder joins then.
func whose(ctx context.Context, with chaos.With, t chaos.Target, c chaos.Controller) (*chaos.Cgroup, error) {
	joins := with["cgroup"] == "target"
	switch {
	case t.Host != nil && joins:
		return nil, chaos.Refuse("no-process", "leave cgroup out, or select a target of chaos.processes", "%s is a host, and has no cgroup of its own", t.Name)
	case t.Host != nil:
		return nil, nil
	case !joins:
		return nil, chaos.Refuse("not-named", "say cgroup: target, or list this host under chaos.hosts and select it", "%s is a process: the load would be all of the host's, which it does not stand for", t.Name)
	}
	p, err := processOf(ctx, t)
	if err != nil {
		return nil, err
	}
	cg, _, err := ownCgroup(p, c)
	if err == nil {
		err = writable(cg, "cgroup.procs")
	}
	return &cg, err
}

// checkJoin is the check of the parameter `cgroup`.
func checkJoin(with chaos.With) error {
	if text, ok := with["cgroup"]; ok && text != "target" {
		return &chaos.ParamError{Key: "cgroup", Message: fmt.Sprintf("%q is not target, the one cgroup that can be joined", text)}
	}
	return nil
}

// join moves the holder into a cgroup, if there is one.
func join(cg *chaos.Cgroup) error {
	if cg == nil {
		return nil
	}
	if err := cg.Write("cgroup.procs", strconv.Itoa(os.Getpid())); err != nil {
		return fmt.Errorf("join the target's cgroup: %w", err)
	}
	return nil
}

// inCgroup is what a plan says of it.
func inCgroup(cg *chaos.Cgroup) string {
	if cg == nil {
		return ""
	}
	return ", in cgroup " + cg.Dir
}

// names lists processes for a plan, the first few of them.
func names(members []chaos.Process) string {
	const most = 8
	var list []string
	for _, m := range members {
		if len(list) == most {
			list = append(list, fmt.Sprintf("and %d more", len(members)-most))
			break
		}
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", m.PID))
		list = append(list, strings.TrimSpace(fmt.Sprintf("%d %s", m.PID, oneLine(string(name)))))
	}
	return strings.Join(list, ", ")
}

// oneLine is a name that a process has given itself, fit for a line of a plan.
func oneLine(name string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, name))
}

// cgroupRight is what a plan says of a fault that steers a cgroup.
const cgroupRight = "to write to that cgroup: root, or a delegated one"
