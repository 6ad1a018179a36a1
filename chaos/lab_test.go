package chaos_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

const (
	undoBound = 10 * time.Second // five times what an undo may take
	patience  = 30 * time.Second // for processes on a busy machine to get somewhere
	tick      = 10 * time.Millisecond
)

// lab is a shop of two instances, each with a fault proxy before it. The first
// is a real process.
type lab struct {
	t       testing.TB
	dir     string // of the journals
	url     string
	service *exec.Cmd
	targets []chaos.Target
	raced   bool // what starter starts has the race detector, if this process has

	mu      sync.Mutex
	faults  map[string]chaos.ProxyFault
	seen    int       // faults ever posted
	lastOn  time.Time // when the last fault took its place
	lastOff time.Time // when the last fault was taken away on request
	quiet   bool      // no requests pass the proxies
	pain    bool      // the metric of that name is 1
	slow    time.Duration
	foreign bool // answers do not carry the lab's header
	hang    bool // proxies do not answer
}

func newLab(t testing.TB) *lab {
	l := &lab{t: t, dir: t.TempDir(), faults: map[string]chaos.ProxyFault{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /targets", func(w http.ResponseWriter, _ *http.Request) { answer(w, l.targets) })
	mux.HandleFunc("GET /metrics/{name}", l.metric)
	mux.HandleFunc("GET /proxies/{instance}/faults", l.list)
	mux.HandleFunc("POST /proxies/{instance}/faults", l.post)
	mux.HandleFunc("DELETE /proxies/{instance}/faults/{id}", l.remove)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		foreign, hang := l.foreign, l.hang && strings.HasPrefix(r.URL.Path, "/proxies/")
		l.mu.Unlock()
		if hang {
			<-r.Context().Done()
			return
		}
		if !foreign {
			w.Header().Set(chaos.LabHeader, "1")
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	l.url = srv.URL
	l.startService()
	return l
}

func (l *lab) startService() {
	exe, err := unraced()
	require.NoError(l.t, err)
	l.service = exec.Command(exe, "__lab-service")
	stdin, err := l.service.StdinPipe()
	require.NoError(l.t, err)
	stdout, err := l.service.StdoutPipe()
	require.NoError(l.t, err)
	require.NoError(l.t, l.service.Start())
	l.t.Cleanup(func() {
		_ = stdin.Close()
		_ = l.service.Process.Signal(syscall.SIGCONT)
		_ = l.service.Process.Kill()
		_ = l.service.Wait()
	})
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(l.t, err)
	p, err := chaos.Identify(l.service.Process.Pid)
	require.NoError(l.t, err)
	l.targets = []chaos.Target{
		{Name: "shop-1", Service: "shop", PID: p.PID, StartTicks: p.StartTicks, URL: strings.TrimSpace(addr), Proxy: l.url + "/proxies/shop-1"},
		{Name: "shop-2", Service: "shop", PID: 0, URL: "http://127.0.0.1:1", Proxy: l.url + "/proxies/shop-2"},
	}
}

func answer(w http.ResponseWriter, v any) {
	_ = json.NewEncoder(w).Encode(v)
}

// metric answers the queries of the experiments below.
func (l *lab) metric(w http.ResponseWriter, r *http.Request) {
	hurt := 0.0
	if l.hurt() {
		hurt = 1
	}
	switch r.PathValue("name") {
	case "zero":
		fmt.Fprint(w, 0)
	case "one":
		fmt.Fprint(w, 1)
	case "hurt":
		fmt.Fprint(w, hurt)
	case "pain":
		l.mu.Lock()
		defer l.mu.Unlock()
		fmt.Fprint(w, map[bool]int{true: 1}[l.pain])
	case "infinite":
		fmt.Fprint(w, hurt*math.Inf(1)) // NaN, which is no data, while all is well
	case "zero or infinite":
		if hurt == 1 {
			hurt = math.Inf(1)
		}
		fmt.Fprint(w, hurt)
	case "blinded":
		if hurt == 1 {
			<-r.Context().Done()
			return
		}
		fmt.Fprint(w, 0)
	}
}

func (l *lab) list(w http.ResponseWriter, r *http.Request) {
	list := chaos.ProxyFaults{Service: "shop", Instance: r.PathValue("instance"), Faults: l.live()}
	answer(w, list)
}

// live is what is in place now. While requests pass, one does between any two
// looks.
func (l *lab) live() []chaos.ProxyFault {
	l.mu.Lock()
	defer l.mu.Unlock()
	var live []chaos.ProxyFault
	for id, f := range l.faults {
		if !f.ExpiresAt.After(time.Now()) {
			delete(l.faults, id)
			continue
		}
		if !l.quiet {
			*f.Hits++
		}
		hits := *f.Hits
		f.Hits = &hits
		live = append(live, f)
	}
	return live
}

func (l *lab) post(w http.ResponseWriter, r *http.Request) {
	var f chaos.ProxyFault
	if err := json.NewDecoder(r.Body).Decode(&f); err != nil || f.ID == "" || !f.ExpiresAt.After(time.Now()) {
		http.Error(w, "no fault", http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen++
	if slow := l.slow; slow > 0 { // the fault arrives late, whoever is still there to hear of it
		l.mu.Unlock()
		<-time.After(slow)
		l.mu.Lock()
	}
	f.Hits = new(int64)
	l.faults[f.ID] = f
	l.lastOn = time.Now()
	w.WriteHeader(http.StatusCreated)
}

func (l *lab) remove(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, there := l.faults[r.PathValue("id")]; there {
		l.lastOff = time.Now()
	}
	delete(l.faults, r.PathValue("id"))
	w.WriteHeader(http.StatusNoContent)
}

// set changes how the lab behaves.
func (l *lab) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

func (l *lab) posted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}

// paused says whether the service is stopped.
func (l *lab) paused() bool {
	p, err := l.targets[0].Process()
	if err != nil {
		return false
	}
	state, err := p.State()
	return err == nil && (state == 'T' || state == 't')
}

// hurt says whether any fault is in place.
func (l *lab) hurt() bool { return len(l.live()) > 0 || l.paused() }

// experiment is one on the first instance, with a steady state and a guard.
type experiment struct {
	steady, expect string
	guard          string
	every          time.Duration // the guard is looked at; 0 is 250 ms
	fault, with    string
	mechanism      string
	duration       time.Duration
	recovery       time.Duration
	targets        string
}

func latency() experiment {
	return experiment{
		steady: "zero", expect: "< 1", guard: "zero", fault: "http.latency", with: "{latency: 300ms}",
		duration: 30 * time.Second, recovery: 5 * time.Second, targets: "{select: {name: shop-1}}",
	}
}

func pause() experiment {
	e := latency()
	e.fault, e.with, e.mechanism = "process.pause", "{}", "sigstop"
	return e
}

// trace is a pause that the kernel holds.
func trace() experiment {
	e := pause()
	e.mechanism = "ptrace"
	return e
}

func (e experiment) file() []byte {
	mechanism := ""
	if e.mechanism != "" {
		mechanism = ", mechanism: " + e.mechanism
	}
	blind := ""
	if e.guard == "zero" {
		blind = ", no_data: hold, reason: test" // a machine that has no time for its answers ends no run
	}
	return fmt.Appendf(nil, `name: test
steady_state: [{name: errors, promql: %q, expect: %q}]
guards: [{name: pain, promql: %q, abort_when: "> 0.5", interval: %s%s}]
targets: %s
method: [{fault: %s, with: %s, duration: %s%s}]
recovery: %s
`, e.steady, e.expect, e.guard, cmp.Or(e.every, 250*time.Millisecond), blind, e.targets, e.fault, e.with, e.duration, mechanism, e.recovery)
}

// request is a run of an experiment in the lab.
func (l *lab) request(file []byte) chaos.Request {
	return chaos.Request{
		Run: "CH-1", ID: ulid.Make().String(), File: "test.yaml", Source: file, StateDir: l.dir,
		Sources: chaos.Sources{URL: l.url + "/targets"}, Args: []string{l.url, l.dir},
	}
}

// spawn starts a run whose starter is this process.
func (l *lab) spawn(req chaos.Request) *chaos.Handle {
	h, err := chaos.Spawn(l.t.Context(), req)
	require.NoError(l.t, err)
	return h
}

// run runs to the end and leaves the lab as it was.
func (l *lab) run(req chaos.Request) (chaos.Outcome, []chaos.Report) {
	h := l.spawn(req)
	var reports []chaos.Report
	for r := range h.Reports() {
		reports = append(reports, r)
	}
	out, err := h.Wait()
	require.NoError(l.t, err)
	l.recovered()
	return out, reports
}

// starter is a process of its own that has started a run.
type starter struct {
	*exec.Cmd
	reports chan chaos.Report // of its standard output
}

func (l *lab) starter(req chaos.Request) starter {
	file := filepath.Join(l.dir, "request.json")
	b, err := json.Marshal(req)
	require.NoError(l.t, err)
	require.NoError(l.t, os.WriteFile(file, b, 0o600))
	program := unraced
	if l.raced {
		program = os.Executable
	}
	exe, err := program()
	require.NoError(l.t, err)
	h := starter{exec.Command(exe, "__starter", file), make(chan chaos.Report, 1000)}
	h.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := h.StdoutPipe()
	require.NoError(l.t, err)
	require.NoError(l.t, h.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(h.reports)
		for dec := json.NewDecoder(stdout); ; {
			var r chaos.Report
			if dec.Decode(&r) != nil {
				return
			}
			h.reports <- r
		}
	}()
	l.t.Cleanup(func() {
		_ = h.Process.Kill()
		<-read
		_ = h.Wait()
	})
	return h
}

// begun starts runs of an experiment until the fault of one is in place and seen to work:
// a machine that has no time makes some inconclusive, which is right and not what is
// looked at.
func (l *lab) begun(e experiment) (chaos.Request, starter, chaos.Log) {
	l.t.Helper()
	for range 4 {
		req := l.request(e.file())
		h := l.starter(req)
		var log chaos.Log
		require.Eventually(l.t, func() bool {
			log = l.journal(req)
			return log.Closed || len(log.Entries) == 1 && log.Entries[0].Effect != ""
		}, patience, tick)
		if !log.Closed {
			require.True(l.t, l.hurt(), "the lab knows of no fault")
			return req, h, log
		}
		require.Contains(l.t, log.ClosedText, "inconclusive: ")
		l.recovered()
	}
	require.FailNow(l.t, "no run of several has got anywhere")
	return chaos.Request{}, starter{}, chaos.Log{}
}

func (h starter) process(t testing.TB) chaos.Process {
	p, err := chaos.Identify(h.Process.Pid)
	require.NoError(t, err)
	return p
}

// holding waits until the fault of a run is in place and seen to work.
func (l *lab) holding(req chaos.Request) chaos.Log {
	var log chaos.Log
	require.EventuallyWithT(l.t, func(c *assert.CollectT) {
		log = l.journal(req)
		assert.True(c, len(log.Entries) == 1 && log.Entries[0].Effect != "", "the fault was not seen to work: %+v", log)
	}, patience, tick)
	require.True(l.t, l.hurt(), "the lab knows of no fault")
	require.NotNil(l.t, log.Undertaker)
	return log
}

// journal is a run's, empty while it has none.
func (l *lab) journal(req chaos.Request) chaos.Log {
	log, err := chaos.ReadLog(filepath.Join(l.dir, req.ID+".wal"))
	if err != nil {
		require.ErrorIs(l.t, err, os.ErrNotExist)
	}
	return log
}

// recovered waits until nothing is left of any run: no fault, no open journal,
// no process.
func (l *lab) recovered() {
	l.t.Helper()
	require.EventuallyWithT(l.t, func(c *assert.CollectT) {
		assert.False(c, l.hurt(), "there is still a fault")
		open, err := chaos.Active(l.dir)
		assert.NoError(c, err)
		assert.Empty(c, open, "a journal is still open")
		assert.Empty(c, l.processes(), "a process is left")
	}, undoBound, tick)
}

// processes are those that name the lab's directory, as runner, undertaker and
// starter do, or a fault of one of its runs.
func (l *lab) processes() []string {
	names := []string{l.dir}
	journals, _ := filepath.Glob(filepath.Join(l.dir, "*.wal"))
	for _, path := range journals {
		names = append(names, "__chaos-hold "+strings.ToLower(strings.TrimSuffix(filepath.Base(path), ".wal")))
	}
	dirs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	for _, file := range dirs {
		cmdline, _ := os.ReadFile(file) // it may end while we look
		if args := strings.ReplaceAll(string(cmdline), "\x00", " "); slices.ContainsFunc(names, func(name string) bool { return strings.Contains(args, name) }) {
			found = append(found, strconv.Quote(args))
		}
	}
	return found
}
