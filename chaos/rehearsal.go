package chaos

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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
	// work here.
	Plan func(ctx context.Context, id string, stage *Stage) (Injection, error)
	// Look is instead of Plan, for what another program does to what it has, where nobody
	// could be kept from harm: it looks whether that is there and changes nothing. seen
	// says that it was not tried.
	Look func(ctx context.Context, around Around) (seen string, err error)
}

// Around is where the configuration and the policy say that others are who do faults.
type Around struct {
	Docker     string   // path of the socket that the configuration names; empty is the usual one
	DockerHost string   // $DOCKER_HOST
	Toxiproxy  string   // base URL
	Exec       []string // programs that the policy names
	Refused    error    // why nobody knows what the policy names
}

// Stage makes what a rehearsal may hurt. All of it ends with its process; what a
// cgroup leaves is taken away by Close, or by Sweep.
type Stage struct {
	Netns   Netns  // of this process, where the rehearsal has one of its own
	Address string // on loopback, where TCP is answered and UDP is sent all the time; as Netns

	extras []*exec.Cmd
	cgroup string
	dir    string
	doors  []interface{ Close() error }
}

// extraCommand is the first argument of a process that waits to be hurt.
const extraCommand = "__chaos-extra"

// serves is the argument of an extra that answers HTTP.
const serves = "serve"

// ExtraMain is the body of `sitrep __chaos-extra [serve]`: it waits for the end of its
// input, and until then answers HTTP if it is asked to, at the address of loopback that it
// prints. It returns the exit code of the process.
func ExtraMain(args []string, stdin io.Reader, stdout io.Writer) int {
	if len(args) > 0 && args[0] == serves {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		go func() { _ = http.Serve(l, http.HandlerFunc(answerExtra)) }() // until the process ends
		fmt.Fprintln(stdout, l.Addr())
	}
	_, _ = stdin.Read(make([]byte, 1))
	return 0
}

// answerExtra gives an answer that is long enough to be cut and to be slow.
func answerExtra(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write(make([]byte, 1<<10))
}

// Extra is a process that does nothing, and ends with this one.
func (s *Stage) Extra() (Target, error) { return s.extra(exec.Command(ownExecutable(), extraCommand)) }

// Server is an Extra that answers HTTP at the address.
func (s *Stage) Server() (t Target, address string, err error) {
	cmd := exec.Command(ownExecutable(), extraCommand, serves)
	out, err := cmd.StdoutPipe()
	if err == nil {
		t, err = s.extra(cmd)
	}
	if err != nil {
		return t, "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return t, "", fmt.Errorf("the process to be hurt did not say where it listens: %w", err)
	}
	return t, strings.TrimSpace(line), nil
}

func (s *Stage) extra(cmd *exec.Cmd) (Target, error) {
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

// Keep does something again and again, as clients of a service do, until the stage is
// closed or ctx ends.
func (s *Stage) Keep(ctx context.Context, do func(ctx context.Context)) {
	const every = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for ctx.Err() == nil {
			do(ctx)
			wait(ctx, every)
		}
	}()
	s.doors = append(s.doors, door(func() { cancel(); <-over }))
}

// door is what Close calls.
type door func()

func (d door) Close() error {
	d()
	return nil
}

// Socket is a path in a directory of our own where a proxy can be told about faults.
func (s *Stage) Socket() (string, error) {
	own, err := Identify(os.Getpid())
	if err != nil {
		return "", err
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("%s%d-%d", stagePrefix, own.PID, own.StartTicks))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	s.dir = dir
	return ProxySocket(dir, stageProxy), nil
}

// stageProxy is the name of a proxy that a rehearsal has.
const stageProxy = "rehearsal"

// removeStageDir takes away what Socket has made. One that is no directory of ours leads
// somewhere else, and is left alone.
func removeStageDir(dir string) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR || int(st.Uid) != os.Geteuid() {
		return nil
	}
	if err := os.Remove(ProxySocket(dir, stageProxy)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
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
		return cg, 0, RefuseFor(why, "no-permission", "run sitrep as root, or have a cgroup delegated to its user", "no cgroup can be made here")
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
	if s.dir != "" {
		err = errors.Join(err, removeStageDir(s.dir))
		s.dir = ""
	}
	return err
}

// Sweep takes away the cgroups and directories of rehearsals whose process was killed.
// Nobody is in them.
func Sweep() error {
	boot, err := BootID()
	if err != nil {
		return err
	}
	var problems error
	for _, c := range []Controller{Freezer, IOController} {
		for _, place := range placesFor(c) {
			for _, dir := range leftIn(place.dir, boot) {
				if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
					problems = errors.Join(problems, err)
				}
			}
		}
	}
	for _, dir := range leftIn(os.TempDir(), boot) {
		problems = errors.Join(problems, removeStageDir(dir))
	}
	return problems
}

// leftIn are the directories below place that bear the name of a rehearsal which is over.
func leftIn(place, boot string) (over []string) {
	all, _ := filepath.Glob(filepath.Join(place, stagePrefix+"*")) // the pattern is good
	for _, dir := range all {
		p := Process{BootID: boot}
		n, err := fmt.Sscanf(strings.TrimPrefix(filepath.Base(dir), stagePrefix), "%d-%d", &p.PID, &p.StartTicks)
		if n == 2 && err == nil && !p.Alive() {
			over = append(over, dir)
		}
	}
	return over
}
