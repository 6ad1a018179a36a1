package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Rehearsed is a Fault that can be done for a moment where nobody is hurt: so it is
// found out whether it works on this host.
type Rehearsed interface {
	// Rehearsals are the ways in which it is tried, at most one a mechanism.
	Rehearsals() []Rehearsal
}

// Rehearsal is one way of doing a fault, on what is made for that.
type Rehearsal struct {
	Mechanism string // as a step names it; empty where there is one way only
	Tier      Tier
	Network   bool // it wants a network namespace of its own, with something that listens
	// Plan resolves the fault on what the stage makes. A *Refusal says why it does not
	// work here. It is nil for what no host can show by itself, and Elsewhere says what can.
	Plan      func(ctx context.Context, id string, stage *Stage) (Injection, error)
	Elsewhere string
}

// Stage makes what a rehearsal may hurt. All of it ends with its process; what a
// cgroup leaves is taken away by Close, or by Sweep.
type Stage struct {
	Netns   Netns  // of this process, where the rehearsal has one of its own
	Address string // on loopback, where TCP is answered and UDP is sent all the time; as Netns

	extras []*exec.Cmd
	cgroup string
	doors  []interface{ Close() error }
}

// extraCommand is the first argument of a process that waits to be hurt.
const extraCommand = "__chaos-extra"

// ExtraMain is the body of `sitrep __chaos-extra`: it waits for the end of its input.
func ExtraMain(stdin *os.File) int {
	_, _ = stdin.Read(make([]byte, 1))
	return 0
}

// Extra is a process that does nothing, and ends with this one.
func (s *Stage) Extra() (Target, error) {
	cmd := exec.Command(ownExecutable(), extraCommand)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = startAttached(cmd)
	}
	if err != nil {
		return Target{}, fmt.Errorf("start a process to be hurt: %w", err)
	}
	s.extras, s.doors = append(s.extras, cmd), append(s.doors, in)
	p, err := Identify(cmd.Process.Pid)
	return Target{Name: "rehearsal", Service: "rehearsal", PID: p.PID, StartTicks: p.StartTicks, Extra: true}, err
}

// listen readies the network: its loopback is up, something answers at the address, and
// something is sent there.
func (s *Stage) listen(ctx context.Context) (err error) {
	if s.Netns, err = OwnNetns(); err != nil {
		return err
	}
	if err := raiseLoopback(); err != nil {
		return fmt.Errorf("loopback of a network namespace: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.Address, s.doors = l.Addr().String(), append(s.doors, l)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	to, err := net.Dial("udp", s.Address)
	if err != nil {
		return err
	}
	s.doors = append(s.doors, to)
	go chatter(ctx, to)
	return nil
}

// chatter sends more than a thin line carries, until ctx ends.
func chatter(ctx context.Context, to net.Conn) {
	const every = 5 * time.Millisecond
	text := make([]byte, 32<<10)
	for ctx.Err() == nil {
		_, _ = to.Write(text) // nobody may listen, or it may be forbidden
		wait(ctx, every)
	}
}

// raiseLoopback is `ip link set lo up`.
func raiseLoopback() error {
	return setLoopback(func(flags uint16) uint16 { return flags | unix.IFF_UP })
}

// setLoopback gives the loopback of our network namespace other flags.
func setLoopback(change func(flags uint16) uint16) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, lo)
	}
	if err == nil {
		lo.SetUint16(change(lo.Uint16()))
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
	}
	return err
}

// stagePrefix begins the name of a cgroup that is made for a rehearsal; the process that
// has made it follows, by number and start.
const stagePrefix = "sitrep-rehearsal-"

// Cgroup makes a cgroup without any process in it that the controller steers, below our
// own or one above that.
func (s *Stage) Cgroup(c Controller) (cg Cgroup, version int, err error) {
	own, err := Identify(os.Getpid())
	if err != nil {
		return cg, 0, err
	}
	name := fmt.Sprintf("%s%d-%d", stagePrefix, own.PID, own.StartTicks)
	var why error
	for _, place := range placesFor(c) {
		dir := filepath.Join(place.dir, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			why = err
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, place.mark)); err == nil {
			s.cgroup = dir
			cg, err = identifyCgroup(dir)
			return cg, place.version, err
		}
		if err := os.Remove(dir); err != nil {
			return cg, 0, err
		}
	}
	if why != nil {
		return cg, 0, Refuse("no-permission", "run sitrep as root, or have a cgroup delegated to its user", "no cgroup can be made: %v", why)
	}
	return cg, 0, Refuse("no-mechanism", "have the kernel and the cgroups above ours (cgroup.subtree_control) give out "+string(c), "no cgroup that %s steers can be made here", c)
}

// cgroupPlace is where a cgroup may be made.
type cgroupPlace struct {
	dir     string
	version int
	mark    string // a file that it has if the controller steers it
}

// placesFor are our own cgroups and those above, the nearest first, for a controller.
func placesFor(c Controller) []cgroupPlace {
	lines, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	marks := controllerMarks[c]
	var all []cgroupPlace
	for _, h := range []struct {
		version int
		mark    string
	}{{2, marks.v2}, {1, marks.v1}} {
		path, ok := cgroupPath(string(lines), h.version, marks.name)
		if !ok {
			continue
		}
		top, ok := cgroupMount(string(mounts), h.version, marks.name, "/")
		dir, own := cgroupMount(string(mounts), h.version, marks.name, path)
		if !ok || !own {
			continue
		}
		for ; strings.HasPrefix(dir+"/", top+"/"); dir = filepath.Dir(dir) {
			all = append(all, cgroupPlace{dir, h.version, h.mark})
		}
	}
	return all
}

// Close ends what was made.
func (s *Stage) Close() error {
	var err error
	for _, d := range s.doors {
		_ = d.Close()
	}
	for _, cmd := range s.extras {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if s.cgroup != "" {
		err = os.Remove(s.cgroup)
		s.cgroup = ""
	}
	return err
}

// Sweep takes away the cgroups of rehearsals whose process was killed. They are empty.
func Sweep() error {
	boot, err := BootID()
	if err != nil {
		return err
	}
	var problems error
	for _, c := range []Controller{Freezer, IOController} {
		for _, place := range placesFor(c) {
			left, _ := filepath.Glob(filepath.Join(place.dir, stagePrefix+"*")) // the pattern is good
			for _, dir := range left {
				p := Process{BootID: boot}
				if n, err := fmt.Sscanf(strings.TrimPrefix(filepath.Base(dir), stagePrefix), "%d-%d", &p.PID, &p.StartTicks); n != 2 || err != nil || p.Alive() {
					continue
				}
				if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
					problems = errors.Join(problems, err)
				}
			}
		}
	}
	return problems
}
