package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Works says whether something works here.
type Works string

// What can be said of that. Unknown is what this host cannot show by itself.
const (
	WorksYes     Works = "yes"
	WorksNo      Works = "no"
	WorksUnknown Works = "unknown"
)

// Way is one way of doing a fault, and whether it works on this host.
type Way struct {
	Fault     string        `json:"fault"`
	Mechanism string        `json:"mechanism"` // empty where there is one way only
	Works     Works         `json:"works"`
	Tier      Tier          `json:"tier"`   // empty if it is not known
	Means     string        `json:"means"`  // the tier in words
	Seen      string        `json:"seen"`   // what showed that it works
	Gone      string        `json:"gone"`   // what showed that it was over then; of a look, that nothing was done
	Why       string        `json:"why"`    // it does not, or nobody knows
	Remedy    string        `json:"remedy"` // what would make it work
	Raw       string        `json:"raw"`    // what the kernel or a program said, where Why says it in plain words
	Took      time.Duration `json:"-"`
}

// way is one that may be rehearsed.
type way struct {
	kind, mechanism string
	rehearsal       *Rehearsal // nil of a fault that says nothing of that
}

// waysOf are the faults by their mechanisms, in the order of the list.
func waysOf(faults []Fault) []way {
	var all []way
	for _, f := range faults {
		mechanisms := []string{""}
		if m, ok := f.(Mechanical); ok {
			mechanisms = m.Mechanisms()
		}
		by := map[string]*Rehearsal{}
		if r, ok := f.(Rehearsed); ok {
			for _, one := range r.Rehearsals() {
				by[one.Mechanism] = &one
			}
		}
		for _, m := range mechanisms {
			all = append(all, way{f.Kind(), m, by[m]})
		}
	}
	return all
}

// doctorTime bounds the whole; what was not tried by then is unknown.
const doctorTime = time.Minute

// atOnce is how many rehearsals go on side by side.
const atOnce = 4

// WhatWorks finds out which faults work on this host, by doing each for a moment where
// nobody is hurt, in a process of its own; what others would do is only looked at, and
// around says where they are. It takes up to ten seconds, and leaves nothing behind: what
// a rehearsal makes ends with its process, and that with this one.
func WhatWorks(ctx context.Context, faults []Fault, around Around) ([]Way, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	if err := Sweep(); err != nil {
		return nil, err
	}
	ways := waysOf(faults)
	found := make([]Way, len(ways))
	places := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, w := range ways {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			found[i] = w.examine(ctx, around)
		})
	}
	all.Wait()
	return found, Sweep() // what was killed in the middle
}

// examine tries one way.
func (w way) examine(ctx context.Context, around Around) Way {
	v := Way{Fault: w.kind, Mechanism: w.mechanism, Works: WorksUnknown}
	if w.rehearsal == nil {
		v.Why, v.Remedy = "it has no rehearsal", "sitrep chaos run NAME --dry-run asks of an experiment whether it would work"
		return v
	}
	v.Tier, v.Means = w.rehearsal.Tier, w.rehearsal.Tier.Means()
	if ctx.Err() != nil {
		v.Why, v.Remedy, v.Raw = "there was no time left to try it", "try again when the machine has time", rawWords(context.Cause(ctx))
		return v
	}
	began := time.Now()
	said, err := w.tried(ctx, around)
	v.Took = time.Since(began)
	switch {
	case err != nil:
		v.Why, v.Remedy, v.Raw = "the process that tries it said nothing", "try again when the machine has time", rawWords(err)
	case said.Late:
		v.Why, v.Remedy, v.Raw = said.Why, said.Remedy, said.Raw
	case said.Why != "":
		v.Works, v.Why, v.Remedy, v.Raw = WorksNo, said.Why, said.Remedy, said.Raw
	default:
		v.Works, v.Seen, v.Gone = WorksYes, said.Seen, said.Gone
	}
	if v.Works == WorksYes && w.rehearsal.Network && !ownsNetwork() {
		v.Works = WorksNo
		v.Why = "the kernel can, but sitrep may not: it has no CAP_NET_ADMIN in the network that it is in"
		v.Remedy = "run sitrep as root, or with its target inside unshare -Urn"
	}
	return v
}

// tried is a look, or the deed in a process of its own.
func (w way) tried(ctx context.Context, around Around) (rehearsed, error) {
	if w.rehearsal.Look == nil {
		return w.rehearsed(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, rehearsalTime)
	defer cancel()
	seen, err := w.rehearsal.Look(ctx, around)
	if err != nil {
		return failed(err), nil
	}
	return rehearsed{Seen: seen, Gone: "nothing was done"}, nil
}

// rehearsed runs the process that tries, and hears it. The error is that of a process
// that said nothing: then nobody knows.
func (w way) rehearsed(ctx context.Context) (said rehearsed, err error) {
	ctx, cancel := context.WithTimeout(ctx, rehearsalTime+3*undoTimeout)
	defer cancel()
	var out bytes.Buffer
	var complaint tail
	var spaces error
	for _, attributes := range w.spaces() {
		out.Reset()
		cmd := exec.CommandContext(ctx, ownExecutable(), rehearsalCommand, w.kind, w.mechanism)
		cmd.SysProcAttr, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = attributes, &out, &complaint, reapPatience
		lease, err := cmd.StdinPipe() // its end is that of the rehearsal
		if err != nil {
			return said, err
		}
		if spaces = cmd.Start(); spaces != nil {
			_ = lease.Close()
			continue
		}
		err = cmd.Wait()
		if bad := json.Unmarshal(out.Bytes(), &said); bad != nil {
			return said, errors.Join(err, errors.New(orNothing(complaint.String())))
		}
		return said, nil
	}
	return rehearsed{
		Why:    "sitrep may not make a network namespace to try it in",
		Remedy: "run sitrep as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0)",
		Raw:    rawWords(spaces),
	}, nil
}

func orNothing(text string) string {
	if text = strings.Join(strings.Fields(text), " "); text == "" {
		return "no word on standard error"
	}
	return text
}

// spaces are the namespaces that the process may get, the plainest first. Who is not
// root is root in a user namespace, and a container's root may have to be so too.
func (w way) spaces() []*syscall.SysProcAttr {
	own := ownSession()
	if !w.rehearsal.Network {
		return []*syscall.SysProcAttr{own}
	}
	own.Cloneflags = syscall.CLONE_NEWNET
	user := ownSession()
	user.Cloneflags = syscall.CLONE_NEWNET | syscall.CLONE_NEWUSER
	user.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	user.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	return []*syscall.SysProcAttr{own, user}
}

// ownsNetwork says whether this process may change the network that it is in. It asks
// for the loopback to be as it is, which takes CAP_NET_ADMIN there. Source: netdevice(7).
func ownsNetwork() bool {
	return setLoopback(func(flags uint16) uint16 { return flags }) == nil
}
