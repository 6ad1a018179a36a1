package fault_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/chaostest"
	"github.com/sitrep-dev/sitrep/chaos/fault"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

const (
	patience = time.Minute
	tick     = 5 * time.Millisecond
)

// TestMain lets the test binary be a service of the lab: as "__lab-service" one
// that says so, as "service" another program that happens to answer like it.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "__lab-service" && os.Args[2] == "agent" {
		obey(os.Stdin)
		return
	}
	if len(os.Args) > 1 && (os.Args[1] == "__lab-service" || os.Args[1] == "service") {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "__serve-proxy" {
		if err := serveProxy(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "__chaos-hold" {
		os.Exit(chaos.HoldMain(os.Args[2:], os.Stdin, os.Stdout, fault.Holders()))
	}
	// A process with the race detector waits a second before it ends: none that we start.
	if err := os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/sitrep-dev/sitrep/chaos.attach"), goleak.Cleanup(func(code int) { chaostest.Exit(code) })) // the thread that starts holders never ends
}

// serve prints its address, answers as the lab does, and ends with its standard
// input.
func serve() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(chaos.LabHeader, "1")
		}))
	}()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// serveProxy is a proxy that can be told to use up its descriptors, and to give them back.
func serveProxy(told string) error {
	var target chaos.ProxyTarget
	if err := json.Unmarshal([]byte(told), &target); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		return err
	}
	go func() {
		var taken []*os.File
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			for in.Text() == "full" {
				f, err := os.Open("/dev/null")
				if err != nil {
					break
				}
				taken = append(taken, f)
			}
			if in.Text() == "free" {
				for _, f := range taken {
					_ = f.Close()
				}
			}
			fmt.Println(in.Text())
		}
		os.Exit(0)
	}()
	return fault.ServeProxy(context.Background(), target, func() { fmt.Println("ready") }, func(text string) { fmt.Println(text) })
}

// service starts a child process and describes it as the lab does.
func service(t *testing.T, argument string) chaos.Target {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe, argument)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	p, err := chaos.Identify(cmd.Process.Pid)
	require.NoError(t, err)
	return chaos.Target{Name: "pay-1", Service: "pay", PID: p.PID, StartTicks: p.StartTicks, URL: strings.TrimSpace(url)}
}

// proxy is a fault proxy of the lab, for pay-1.
type proxy struct {
	mu       sync.Mutex
	lab      string // the header
	instance string
	faults   []chaos.ProxyFault
	hits     int64
	status   int // of a POST
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set(chaos.LabHeader, p.lab)
	switch r.Method {
	case http.MethodGet:
		for i := range p.faults {
			p.faults[i].Hits = &p.hits
		}
		_ = json.NewEncoder(w).Encode(chaos.ProxyFaults{Service: "pay", Instance: p.instance, Faults: p.faults})
	case http.MethodPost:
		var f chaos.ProxyFault
		if err := json.NewDecoder(r.Body).Decode(&f); err != nil || p.status != http.StatusCreated {
			http.Error(w, "sixteen faults already", p.status)
			return
		}
		p.faults = append(p.faults, f)
		w.WriteHeader(p.status)
	case http.MethodDelete:
		p.faults = nil
		w.WriteHeader(http.StatusNoContent)
	}
}

func (p *proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// proxied is a target with a proxy before it.
func proxied(t *testing.T) (*proxy, chaos.Target) {
	p := &proxy{lab: "1", instance: "pay-1", status: http.StatusCreated}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	return p, chaos.Target{Name: "pay-1", Service: "pay", Proxy: srv.URL}
}

func kind(t testing.TB, name string) chaos.Fault {
	for _, f := range fault.All() {
		if f.Kind() == name {
			return f
		}
	}
	require.Fail(t, "no such fault", name)
	return nil
}

func step(name string, with chaos.With) chaos.Step {
	return chaos.Step{Fault: name, With: with, Duration: strictyaml.Duration(30 * time.Second)}
}

// TestOnlyWhatIsListed: a person names what may be hurt, and some may never be.
func TestOnlyWhatIsListed(t *testing.T) {
	other := service(t, "service")
	_, err := kind(t, "process.kill").Plan(t.Context(), "f-1", step("process.kill", nil), other)
	require.ErrorContains(t, err, "was not started by the lab")
	_, err = kind(t, "process.kill").Plan(t.Context(), "f-1", step("process.kill", nil), listed(other))
	require.ErrorContains(t, err, "refused R7 protected: pay-1: process "+fmt.Sprint(other.PID)+" is another sitrep")

	me, err := chaos.Identify(os.Getpid())
	require.NoError(t, err)
	_, err = kind(t, "process.kill").Plan(t.Context(), "f-1", step("process.kill", nil), listed(chaos.Target{Name: "me", PID: me.PID, StartTicks: me.StartTicks}))
	require.ErrorContains(t, err, "is sitrep, or has started it")
	_, err = kind(t, "process.kill").Plan(t.Context(), "f-1", step("process.kill", nil), listed(chaos.Target{Name: "old", PID: me.PID, StartTicks: me.StartTicks + 1}))
	require.ErrorContains(t, err, "refused R7 target-gone: ")

	cmd := exec.Command("sleep", "1000")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p, err := chaos.Identify(cmd.Process.Pid)
	require.NoError(t, err)
	inj, err := kind(t, "process.pause").Plan(t.Context(), "f-1", step("process.pause", nil), listed(chaos.Target{Name: "sleeper", PID: p.PID, StartTicks: p.StartTicks}))
	require.NoError(t, err)
	undo, gone := held(t, inj)
	undone(t, undo, gone)
}

// TestParameters of every fault: what it takes, and what it says to the rest.
func TestParameters(t *testing.T) {
	for _, c := range []struct {
		kind string
		with chaos.With
		want string // empty: fine
	}{
		{"http.latency", chaos.With{"latency": "300ms"}, ""},
		{"http.latency", chaos.With{"latency": "1m", "jitter": "1m"}, ""},
		{"http.latency", nil, "latency: missing; write for example latency: 300ms"},
		{"http.latency", chaos.With{"latency": "61s"}, "latency: 61s is more than the cap of 1m"},
		{"http.latency", chaos.With{"latency": "100us"}, "latency: less than 1ms does nothing"},
		{"http.latency", chaos.With{"latency": "1s", "jitter": "2s"}, "jitter: 2s is more than the cap of 1s"},
		{"http.latency", chaos.With{"latency": "1s", "gitter": "2s"}, `did you mean "jitter"?`},
		{"http.error", nil, ""},
		{"http.error", chaos.With{"ratio": "0.1", "status": "429"}, ""},
		{"http.error", chaos.With{"ratio": "10"}, `ratio: "10" is not a share`},
		{"http.error", chaos.With{"status": "200"}, `status: "200" is not a whole number from 400 to 599`},
		{"http.error", chaos.With{"code": "500"}, `unknown parameter "code"; did you mean "body"?`},
		{"process.pause", nil, ""},
		{"process.pause", chaos.With{"signal": "STOP"}, `unknown parameter "signal"`},
		{"process.kill", nil, ""},
		{"process.kill", chaos.With{"signal": "TERM"}, ""},
		{"process.kill", chaos.With{"signal": "HUP"}, `signal: "HUP" is not one of KILL, TERM`},
		{"cpu.burn", chaos.With{"cores": "1"}, ""},
		{"cpu.burn", chaos.With{"percent": "50 %", "cgroup": "target"}, ""},
		{"cpu.burn", nil, "cores: missing; write for example cores: 1, or percent: 50 of all CPUs"},
		{"cpu.burn", chaos.With{"cores": "1", "percent": "50"}, "percent: say cores or percent of all, not both"},
		{"cpu.burn", chaos.With{"percent": "101"}, `percent: "101" is not a percentage`},
		{"cpu.burn", chaos.With{"cores": "1", "cgroup": "/"}, `cgroup: "/" is not target`},
		{"mem.fill", chaos.With{"bytes": "64MiB"}, ""},
		{"mem.fill", chaos.With{"percent": "50"}, ""},
		{"mem.fill", nil, "bytes: missing; write for example bytes: 64MiB"},
		{"mem.fill", chaos.With{"bytes": "64 MiBs"}, `bytes: "64 MiBs" is not a size`},
		{"mem.fill", chaos.With{"bytes": "-1"}, `bytes: "-1" is not a size`},
		{"mem.fill", chaos.With{"bytes": "NaN"}, `bytes: "NaN" is not a size`},
		{"mem.fill", chaos.With{"bytes": "9e99"}, `bytes: "9e99" is not a size`},
		{"mem.fill", chaos.With{"bytes": "1KiB"}, "bytes: less than 1MiB does nothing"},
		{"mem.fill", chaos.With{"bytes": "1MiB", "percent": "1"}, "percent: say bytes or percent, not both"},
		{"io.burn", chaos.With{"rate": "4MiB"}, ""},
		{"io.burn", nil, "rate: missing"},
		{"io.burn", chaos.With{"rate": "1"}, "rate: less than 256KiB a second does nothing"},
		{"io.throttle", chaos.With{"disk": "/", "write": "1MiB"}, ""},
		{"io.throttle", chaos.With{"write": "1MiB"}, "disk: want an absolute path"},
		{"io.throttle", chaos.With{"disk": "/"}, "write: missing"},
		{"io.throttle", chaos.With{"disk": "/", "read": "0"}, "read: less than 1KiB a second"},
		{"disk.fill", nil, ""},
		{"disk.fill", chaos.With{"leave": "2GiB", "to_full": "false"}, ""},
		{"disk.fill", chaos.With{"to_full": "yes"}, `to_full: "yes" is neither true nor false`},
		{"disk.fill", chaos.With{"path": "/"}, `unknown parameter "path"; it takes leave, to_full`},
	} {
		err := kind(t, c.kind).Check(c.with)
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, c.want)
		var at *chaos.ParamError
		require.ErrorAs(t, err, &at, "it has a place in the file")
	}
}

// TestProxied goes through the life of the two faults that a proxy holds.
func TestProxied(t *testing.T) {
	for _, c := range []struct {
		kind    string
		with    chaos.With
		held    chaos.ProxyFault
		preview string
	}{
		{"http.latency", chaos.With{"latency": "300ms", "jitter": "1ms"}, chaos.ProxyFault{LatencyMS: 300, JitterMS: 1}, "delay every request by 300ms ± 1ms for 30s"},
		{"http.error", chaos.With{"ratio": "0.25"}, chaos.ProxyFault{ErrorRatio: 0.25, ErrorStatus: 503}, "answer 25 % of the requests with 503 for 30s"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			p, target := proxied(t)
			inj, err := kind(t, c.kind).Plan(t.Context(), "f-1", step(c.kind, c.with), target)
			require.NoError(t, err)
			require.Equal(t, []string{"POST " + target.Proxy + "/faults: " + c.preview}, inj.Preview)
			require.Equal(t, chaos.TierCarried, inj.Tier)
			require.Equal(t, "pay-1", inj.Target)
			require.Empty(t, p.faults, "planning touches nothing")
			for _, op := range inj.Undo {
				require.NoError(t, op.Valid())
			}

			until := time.Now().Add(time.Minute).UTC()
			_, err = inj.Injector.Inject(t.Context(), chaos.Armed{Until: until})
			require.NoError(t, err)
			c.held.ID, c.held.ExpiresAt = "f-1", until
			p.set(func() { require.Equal(t, []chaos.ProxyFault{c.held}, p.faults) })

			text, ok, err := inj.Injector.Observe(t.Context())
			require.NoError(t, err)
			require.False(t, ok, text)
			p.set(func() { p.hits = 7 })
			text, ok, err = inj.Injector.Observe(t.Context())
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, "7 requests to pay-1 touched", text)

			hands := chaos.LocalHands{}
			_, gone, err := hands.Check(t.Context(), inj.Gone)
			require.NoError(t, err)
			require.False(t, gone)
			for range 2 { // twice is harmless
				_, err = hands.Do(t.Context(), inj.Undo[0])
				require.NoError(t, err)
			}
			_, gone, err = hands.Check(t.Context(), inj.Gone)
			require.NoError(t, err)
			require.True(t, gone)
			text, ok, err = inj.Injector.Observe(t.Context())
			require.NoError(t, err)
			require.False(t, ok)
			require.Equal(t, "the proxy no longer lists it", text)

			p.set(func() { p.status = http.StatusConflict })
			_, err = inj.Injector.Inject(t.Context(), chaos.Armed{Until: until})
			require.ErrorContains(t, err, "409 Conflict: sixteen faults already")
			p.set(func() { p.lab, p.status = "", http.StatusCreated })
			_, _, err = inj.Injector.Observe(t.Context())
			require.ErrorContains(t, err, "it is not the lab's")
			_, err = inj.Injector.Inject(t.Context(), chaos.Armed{Until: until})
			require.ErrorContains(t, err, "it is not the lab's", "between plan and deed somebody else has its port")
			p.set(func() { require.Empty(t, p.faults, "who is not the lab is sent nothing") })
		})
	}
}

// TestProxyThatIsNotTheLabs is every way in which a proxy is not proven to be the
// right one.
func TestProxyThatIsNotTheLabs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*proxy, *chaos.Target)
		want   string
	}{
		"none":             {func(_ *proxy, t *chaos.Target) { t.Proxy = "" }, "refused R10 no-proxy: pay-1 has no fault proxy"},
		"no header":        {func(p *proxy, _ *chaos.Target) { p.lab = "" }, "refused R7 lab-only: the proxy of pay-1 is not proven to be the lab's"},
		"another header":   {func(p *proxy, _ *chaos.Target) { p.lab = "true" }, "refused R7 lab-only: the proxy of pay-1 is not proven"},
		"another instance": {func(p *proxy, _ *chaos.Target) { p.instance = "cart-1" }, `refused R7 lab-only: the proxy at `},
		"nobody there":     {func(_ *proxy, t *chaos.Target) { t.Proxy = "http://127.0.0.1:1" }, "connection refused"},
		"another host":     {func(_ *proxy, t *chaos.Target) { t.Proxy = "http://192.0.2.1" }, "192.0.2.1 is not on loopback"},
		"no address":       {func(_ *proxy, t *chaos.Target) { t.Proxy = "\x00" }, "invalid control character"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, k := range []string{"http.latency", "http.error"} {
				p, target := proxied(t)
				c.change(p, &target)
				_, err := kind(t, k).Plan(t.Context(), "f-1", step(k, map[string]chaos.With{"http.latency": {"latency": "1s"}}[k]), target)
				require.ErrorIs(t, err, chaos.ErrRefused)
				require.ErrorContains(t, err, c.want)
				require.Empty(t, p.faults)
			}
		})
	}
}

// TestProcessThatIsNotTheLabs is every process that is not to be hurt.
func TestProcessThatIsNotTheLabs(t *testing.T) {
	foreign := httptest.NewServer(http.NotFoundHandler())
	defer foreign.Close()
	sick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(chaos.LabHeader, "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer sick.Close()
	identity := func(t *testing.T, target *chaos.Target, pid int) {
		p, err := chaos.Identify(pid)
		require.NoError(t, err)
		target.PID, target.StartTicks = p.PID, p.StartTicks
	}
	lab := service(t, "__lab-service")
	other := service(t, "service")
	for name, c := range map[string]struct {
		change func(t *testing.T, target *chaos.Target)
		want   string
	}{
		"a reused number":     {func(_ *testing.T, target *chaos.Target) { target.StartTicks++ }, "is gone"},
		"nobody":              {func(_ *testing.T, target *chaos.Target) { target.PID = 1 << 22 }, "is gone"},
		"init":                {func(t *testing.T, target *chaos.Target) { identity(t, target, 1) }, "process 1 is not one to hurt"},
		"no process":          {func(_ *testing.T, target *chaos.Target) { target.PID = 0 }, "process 0 is not one to hurt"},
		"every process":       {func(_ *testing.T, target *chaos.Target) { target.PID = -1 }, "process -1 is not one to hurt"},
		"ourselves":           {func(t *testing.T, target *chaos.Target) { identity(t, target, os.Getpid()) }, "is not one to hurt"},
		"whoever started us":  {func(t *testing.T, target *chaos.Target) { identity(t, target, os.Getppid()) }, "is not one to hurt"},
		"another program":     {func(_ *testing.T, target *chaos.Target) { *target = other }, "was not started by the lab"},
		"not the lab's":       {func(_ *testing.T, target *chaos.Target) { target.URL = foreign.URL }, "is not the lab"},
		"sick already":        {func(_ *testing.T, target *chaos.Target) { target.URL = sick.URL }, "503 Service Unavailable"},
		"nobody answers":      {func(_ *testing.T, target *chaos.Target) { target.URL = "http://127.0.0.1:1" }, "connection refused"},
		"somewhere else":      {func(_ *testing.T, target *chaos.Target) { target.URL = "http://192.0.2.1" }, "not a loopback address"},
		"an address of sorts": {func(_ *testing.T, target *chaos.Target) { target.URL = "\x00" }, "invalid control character"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, k := range []string{"process.pause", "process.kill"} {
				target := lab
				c.change(t, &target)
				_, err := kind(t, k).Plan(t.Context(), "f-1", step(k, nil), target)
				require.ErrorIs(t, err, chaos.ErrRefused)
				require.ErrorContains(t, err, "refused R7 lab-only: ")
				require.ErrorContains(t, err, c.want)
			}
		})
	}
	p, err := lab.Process()
	require.NoError(t, err)
	state, err := p.State()
	require.NoError(t, err)
	require.NotEqual(t, "T", string(state), "nobody has touched it")
}

func TestPauseBySignal(t *testing.T) {
	target := service(t, "__lab-service")
	s := step("process.pause", nil)
	s.Mechanism = "sigstop"
	inj, err := kind(t, "process.pause").Plan(t.Context(), "f-1", s, target)
	require.NoError(t, err)
	require.Equal(t, []string{fmt.Sprintf("kill -STOP %d (pay-1) for 30s", target.PID)}, inj.Preview)
	require.Equal(t, chaos.TierDeadMan, inj.Tier)
	_, ok, err := inj.Injector.Observe(t.Context())
	require.NoError(t, err)
	require.False(t, ok, "planning touches nothing")

	_, err = inj.Injector.Inject(t.Context(), chaos.Armed{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, ok, _ := inj.Injector.Observe(t.Context()); return ok }, patience, tick)
	hangs(t, target)
	_, err = kind(t, "process.pause").Plan(t.Context(), "f-2", s, listed(target))
	require.ErrorContains(t, err, "refused R7 stopped-already: ")
	_, gone, err := chaos.LocalHands{}.Check(t.Context(), inj.Gone)
	require.NoError(t, err)
	require.False(t, gone)
	undone(t, inj.Undo, inj.Gone)
	answersAgain(t, target)

	p, err := target.Process()
	require.NoError(t, err)
	require.NoError(t, p.Signal(syscall.SIGKILL))
	require.Eventually(t, func() bool { return !p.Alive() }, patience, tick)
	_, err = inj.Injector.Inject(t.Context(), chaos.Armed{})
	require.ErrorIs(t, err, chaos.ErrProcessGone, "between plan and deed it has died")
	_, ok, err = inj.Injector.Observe(t.Context())
	require.ErrorIs(t, err, chaos.ErrProcessGone)
	require.False(t, ok)
}

// TestStillTheTarget: right before the deed it is asked again what the target is, and what
// others have done to it meanwhile.
func TestStillTheTarget(t *testing.T) {
	lab := service(t, "__lab-service")
	p, err := lab.Process()
	require.NoError(t, err)
	signalled := step("process.pause", nil)
	signalled.Mechanism = "sigstop"
	for what, s := range map[string]chaos.Step{"by a signal": signalled, "by tracing": step("process.pause", nil)} {
		inj, err := kind(t, "process.pause").Plan(t.Context(), "f-1", s, lab)
		require.NoError(t, err)
		require.NoError(t, inj.Still(t.Context()))
		require.NoError(t, p.Signal(syscall.SIGSTOP)) // by somebody else
		require.Eventually(t, func() bool { state, err := p.State(); return err == nil && state == 'T' }, patience, tick)
		require.ErrorContains(t, inj.Still(t.Context()), "refused R7 stopped-already: ", what)
		require.NoError(t, p.Signal(syscall.SIGCONT))
		answersAgain(t, lab)
	}
}

// TestTheTargetHasBecomeAnother program, with the same number and start time.
func TestTheTargetHasBecomeAnother(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	require.NoError(t, err)
	sshd := filepath.Join(t.TempDir(), "sshd")
	require.NoError(t, os.Symlink(sleep, sshd))
	for program, why := range map[string]string{sleep: "refused R7 target-gone: job: process ", sshd: " is sshd"} {
		cmd := exec.Command("/bin/sh", "-c", "echo up; read line; exec "+program+" 1000")
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		_, err = bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		find := chaos.ProcessFind{Name: "job", Service: "job", Arguments: "^/bin/sh -c echo up; read line; exec " + program}
		all, err := chaos.Sources{Processes: []chaos.ProcessFind{find}}.Find(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 1)
		end, pause := plan(t, all[0], "process.kill", "", nil), plan(t, all[0], "process.pause", "", nil)
		require.NoError(t, end.Still(t.Context()))
		require.NoError(t, pause.Still(t.Context()))
		_, err = io.WriteString(in, "go\n")
		require.NoError(t, err)
		require.Eventually(t, func() bool { now, err := find.Processes(); return err == nil && len(now) == 0 }, patience, tick)
		require.ErrorContains(t, end.Still(t.Context()), why)
		require.ErrorContains(t, pause.Still(t.Context()), why)
	}
}

func TestPauseByTracing(t *testing.T) {
	target := service(t, "__lab-service")
	inj, err := kind(t, "process.pause").Plan(t.Context(), "f-1", step("process.pause", nil), target)
	require.NoError(t, err)
	require.Equal(t, []string{fmt.Sprintf("trace every thread of %d (pay-1) and stop it, for 30s", target.PID)}, inj.Preview)
	require.Equal(t, chaos.TierKernel, inj.Tier)
	undo, gone := held(t, inj)
	hangs(t, target)
	_, err = kind(t, "process.pause").Plan(t.Context(), "f-2", step("process.pause", nil), listed(target))
	require.ErrorContains(t, err, "refused R7 stopped-already: ")
	undone(t, undo, gone)
	answersAgain(t, target)

	inj, err = kind(t, "process.pause").Plan(t.Context(), "f-3", step("process.pause", nil), target)
	require.NoError(t, err)
	_, gone = held(t, inj)
	inj.Injector.(chaos.Preparer).Release() // kill -9 of the holder is all it takes
	undone(t, nil, gone)
	answersAgain(t, target)

	inj, err = kind(t, "process.pause").Plan(t.Context(), "f-4", step("process.pause", nil), target)
	require.NoError(t, err)
	p, err := target.Process()
	require.NoError(t, err)
	require.NoError(t, p.Signal(syscall.SIGKILL))
	require.Eventually(t, func() bool { return !p.Alive() }, patience, tick)
	prepare(t, inj)
	_, err = inj.Injector.Inject(t.Context(), chaos.Armed{})
	require.Error(t, err, "between plan and deed it has died")
}

// prepare starts the holder of a fault, which ends with the test.
func prepare(t testing.TB, inj chaos.Injection) (undo []chaos.Op, gone chaos.Check) {
	p := inj.Injector.(chaos.Preparer)
	t.Cleanup(p.Release)
	undo, checks, err := p.Prepare(t.Context(), chaos.Armed{Until: time.Now().Add(patience)})
	require.NoError(t, err)
	return append(undo, inj.Undo...), chaos.Every(append(checks, inj.Gone)...)
}

// held puts a fault in place that a process holds, and waits until it works.
func held(t testing.TB, inj chaos.Injection) (undo []chaos.Op, gone chaos.Check) {
	undo, gone = prepare(t, inj)
	_, err := inj.Injector.Inject(t.Context(), chaos.Armed{})
	require.NoError(t, err)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		text, ok, err := inj.Injector.Observe(t.Context())
		assert.True(c, ok && err == nil, "no effect: %s %v", text, err)
	}, patience, tick)
	_, is, err := chaos.LocalHands{}.Check(t.Context(), gone)
	require.NoError(t, err)
	require.False(t, is)
	return undo, gone
}

// undone takes a fault back, twice, and waits until it is gone.
func undone(t testing.TB, undo []chaos.Op, gone chaos.Check) {
	hands := chaos.LocalHands{}
	for range 2 {
		for _, op := range undo {
			require.EventuallyWithT(t, func(c *assert.CollectT) { // an attempt may find that the machine has no time
				_, err := hands.Do(t.Context(), op)
				assert.NoError(c, err)
			}, patience, tick)
		}
	}
	require.Eventually(t, func() bool { _, is, err := hands.Check(t.Context(), gone); return err == nil && is }, patience, tick)
}

// listed is a target that the configuration names.
func listed(t chaos.Target) chaos.Target {
	t.Listed = true
	return t
}

func hangs(t *testing.T, target chaos.Target) {
	_, err := chaos.LoopbackClient(100 * time.Millisecond).Get(target.URL + "/health")
	require.ErrorContains(t, err, "Client.Timeout exceeded", "it hangs")
}

func answersAgain(t *testing.T, target chaos.Target) {
	res, err := chaos.LoopbackClient(patience).Get(target.URL + "/health")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
}

func TestKill(t *testing.T) {
	target := service(t, "__lab-service")
	inj, err := kind(t, "process.kill").Plan(t.Context(), "f-1", step("process.kill", nil), target)
	require.NoError(t, err)
	require.Equal(t, []string{fmt.Sprintf("kill -KILL %d (pay-1)", target.PID)}, inj.Preview)
	require.Equal(t, chaos.TierIrreversible, inj.Tier)
	require.Empty(t, inj.Undo)
	recoverer := inj.Injector.(chaos.Recoverer)
	text, ok, err := inj.Injector.Observe(t.Context())
	require.NoError(t, err)
	require.False(t, ok, "planning touches nothing")
	require.Contains(t, text, "is in state")
	text, ok, err = recoverer.Recovered(t.Context())
	require.NoError(t, err)
	require.False(t, ok)
	require.Contains(t, text, "still runs", "who answers is the one that was to be killed")

	_, err = inj.Injector.Inject(t.Context(), chaos.Armed{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, ok, _ := inj.Injector.Observe(t.Context()); return ok }, patience, tick)
	require.Eventually(t, func() bool {
		text, ok, _ := recoverer.Recovered(t.Context())
		return !ok && strings.Contains(text, "connection refused")
	}, patience, tick)
	_, gone, err := chaos.LocalHands{}.Check(t.Context(), inj.Gone)
	require.NoError(t, err)
	require.True(t, gone, "there is nothing to undo")
	_, err = inj.Injector.Inject(t.Context(), chaos.Armed{})
	require.ErrorIs(t, err, chaos.ErrProcessGone, "who has its number now is safe")

	again, err := net.Listen("tcp", strings.TrimPrefix(target.URL, "http://"))
	require.NoError(t, err)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(chaos.LabHeader, "1") }))
	require.NoError(t, srv.Listener.Close())
	srv.Listener = again
	srv.Start()
	defer srv.Close()
	text, ok, err = recoverer.Recovered(t.Context())
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "pay-1 answers again", text)
}
