package chaos

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"time"
)

// OnDisconnect is what a runner does when whoever started it is gone.
type OnDisconnect string

// Abort and undo (the default), or go on under guards and deadline.
const (
	DisconnectAbort    OnDisconnect = "abort"
	DisconnectContinue OnDisconnect = "continue"
)

var runID = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{26}$`)

// Request is a run to be started.
type Request struct {
	Run          string       // "CH-1", for people
	ID           string       // a ULID, names journal and faults for all time
	File         string       // of the experiment, for messages
	Source       []byte       // its content
	StateDir     string       // of journals, lock and HALT file
	Sources      Sources      // of targets
	OnDisconnect OnDisconnect // empty is what the experiment says, and abort if it says nothing
	Seed         uint64       // of the draw of targets; 0 draws one and records it
	Confirm      string       // what a person has typed, see Experiment.ConfirmText
	Store        string       // where whoever starts it records how it ends
	Terminal     bool         // its terminal is asked, and Beat called for every answer
	Executable   string       // that knows __chaos-runner and __undertake; empty is this program
	Args         []string     // after __chaos-runner, for the prober
}

// Handle is a run as its starter sees it. Its methods may be called from any
// goroutine.
type Handle struct {
	req     Request
	cmd     *exec.Cmd
	stderr  *tail
	orders  chan []byte
	reports chan Report
	spared  atomic.Int64 // the runner undoes, or looks whether health is back, until then (ns of Unix); 0 if neither
	hurried atomic.Bool  // nobody waits for that look
	once    sync.Once
	done    chan struct{}
	forget  func() bool // the context of Spawn
	journal *os.File    // once there is one: it can be read whatever becomes of its directory
	outcome Outcome     // once done is closed
	err     error
}

const (
	abortPatience = 3 * time.Second  // for a runner to react to Abort before it is killed
	reapPatience  = time.Second      // for what a dead runner complained about
	buryPatience  = 20 * time.Second // for the undertaker of a dead runner
)

// Spawn starts the runner of an experiment in a session of its own. This process
// holds its lease: if it dies, the runner undoes and ends; if the runner dies,
// the undertaker undoes. When ctx ends, the run is aborted and undone, and
// nobody looks whether health returns; Wait still says how it went.
func Spawn(ctx context.Context, req Request) (*Handle, error) {
	me, err := Identify(os.Getpid())
	if err != nil {
		return nil, fmt.Errorf("who am I: %w", err)
	}
	line, err := json.Marshal(order{req.Run, req.ID, req.File, req.Source, req.StateDir, req.Sources, req.OnDisconnect, req.Seed, req.Confirm, req.Terminal, &me, req.Store})
	if err != nil {
		return nil, err
	}
	exe := req.Executable
	if exe == "" {
		exe = ownExecutable()
	}
	stdin, lease, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", req.Run, err)
	}
	lines, stdout, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", req.Run, err), stdin.Close(), lease.Close())
	}
	h := &Handle{req: req, stderr: &tail{}, orders: make(chan []byte, 16), reports: make(chan Report, reportRoom), done: make(chan struct{})}
	h.cmd = exec.Command(exe, append([]string{"__chaos-runner"}, req.Args...)...)
	h.cmd.Stdin, h.cmd.Stdout, h.cmd.Stderr, h.cmd.SysProcAttr = stdin, stdout, h.stderr, ownSession()
	h.cmd.WaitDelay = reapPatience
	err = h.cmd.Start()
	_, _ = stdin.Close(), stdout.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the runner of %s: %w", req.Run, err), lease.Close(), lines.Close())
	}
	h.orders <- append(line, '\n')
	h.forget = context.AfterFunc(ctx, func() {
		h.Abort("sitrep is ending")
		h.Hurry()
	})
	go h.write(lease)
	go h.read(lines)
	return h, nil
}

// Reports are what the runner says, and at the end what its undertaker did if it
// died; the channel is closed then. It need not be read: facts are kept for the
// reader, samples are dropped when too many wait.
func (h *Handle) Reports() <-chan Report { return h.reports }

// Abort asks the runner to end and undo; it looks then whether health returns, unless
// Hurry is called. Only the first call counts, none blocks. A runner that does neither
// and is not gone after 3 s is killed, and so is one that is still there when an undo,
// or the look, may take no longer; the undertaker undoes what it leaves.
func (h *Handle) Abort(reason string) {
	h.once.Do(func() {
		line, _ := json.Marshal(command{Abort: reason})
		h.orders <- append(line, '\n')
		go h.insist()
	})
}

// Hurry tells the runner that nobody waits to see whether health returns: once all is
// undone, it ends. It never blocks.
func (h *Handle) Hurry() {
	h.hurried.Store(true)
	line, _ := json.Marshal(command{Hurry: true})
	select {
	case h.orders <- append(line, '\n'):
	default: // a runner that reads nothing is killed
	}
}

// Beat tells the runner that the terminal of whoever has started it answers. It never
// blocks.
func (h *Handle) Beat() {
	if len(h.orders) > cap(h.orders)/2 {
		return // a runner that reads nothing; the room that is left is for Abort
	}
	line, _ := json.Marshal(command{Beat: true})
	select {
	case h.orders <- append(line, '\n'):
	default:
	}
}

// Confirm tells the runner that a person is still there and sees what the fault does,
// as the latest report of KindConfirm asks. It never blocks.
func (h *Handle) Confirm() {
	line, _ := json.Marshal(command{Confirm: true})
	select {
	case h.orders <- append(line, '\n'):
	default: // a runner that reads nothing ends itself
	}
}

// insist kills a runner that does not obey. One that undoes is left to it for as
// long as the undertaker leaves it: a runner that hangs with all undone and the
// journal not closed is nobody else's to end. It returns when the run is over.
func (h *Handle) insist() {
	latest := time.Now().Add(undoPatience + abortPatience)
	every := time.NewTicker(abortPatience)
	defer every.Stop()
	for {
		select {
		case <-h.done:
			return
		case <-every.C:
		}
		spared := time.Unix(0, h.spared.Load())
		if h.hurried.Load() && spared.After(latest) {
			spared = latest
		}
		if time.Now().After(spared) {
			_ = h.cmd.Process.Kill()
		}
	}
}

// spare notes how long a runner that says so may take.
func (h *Handle) spare(r Report) {
	if r.Kind != KindPhase {
		return
	}
	var until time.Time
	switch r.Phase {
	case Undoing, Gone:
		until = time.Now().Add(undoPatience + abortPatience)
	case Recovering:
		until = time.Now().Add(time.Duration(r.Remaining) + abortPatience)
	default:
		h.spared.Store(0)
		return
	}
	h.spared.Store(until.UnixNano())
}

// Wait returns the outcome once the run is over and undone. The error says that
// there is none to trust: the runner died, and what became of its faults is in
// the outcome's reason.
func (h *Handle) Wait() (Outcome, error) {
	<-h.done
	return h.outcome, h.err
}

// write passes orders on until the run is over. The lease stays open as long as
// this process lives.
func (h *Handle) write(lease *os.File) {
	defer lease.Close()
	for {
		select {
		case <-h.done:
			return
		case line := <-h.orders:
			_, _ = lease.Write(line) // waits for the runner or its death, which read sees
		}
	}
}

// longestReport is more than an experiment of 64 KiB can blow a report up to: six
// bytes of JSON for each of its own, in half a dozen places.
const longestReport = 4 << 20

// read passes reports on until the runner is gone.
func (h *Handle) read(lines *os.File) {
	defer close(h.done)
	defer close(h.reports)
	defer h.forget()
	in := bufio.NewScanner(lines)
	in.Buffer(nil, longestReport)
	finished, begun := false, false
	for in.Scan() {
		var r Report
		if json.Unmarshal(in.Bytes(), &r) != nil {
			continue
		}
		h.spare(r)
		if r.Kind == KindStarted && h.journal == nil {
			begun = true
			h.journal, _ = os.Open(h.path()) // without it, its name will do
		}
		if r.Kind == KindFinished && r.Outcome != nil {
			finished, h.outcome = true, *r.Outcome
		}
		h.push(r)
	}
	_ = lines.Close() // a runner that still speaks must not wait for us
	_ = h.cmd.Wait()
	if !finished {
		h.mourn(begun)
	}
	if h.journal != nil {
		_ = h.journal.Close()
	}
}

func (h *Handle) path() string { return filepath.Join(h.req.StateDir, h.req.ID+journalExt) }

func (h *Handle) push(r Report) {
	if r.Sample != nil && len(h.reports) > sampleRoom {
		return
	}
	select {
	case h.reports <- r:
	default:
	}
}

// mourn tells what became of the faults of a runner that died. If its undertaker
// is dead too, it undoes them itself. begun says that there was a journal.
func (h *Handle) mourn(begun bool) {
	reason := runnerDied
	if s := h.stderr.String(); s != "" {
		reason += ": " + s
	}
	h.outcome = Outcome{Run: h.req.Run, Verdict: Aborted, Reason: reason, Faults: []FaultOutcome{}, Probes: []ProbeOutcome{}, Guards: []GuardOutcome{}}
	h.err = fmt.Errorf("run %s: %s", h.req.Run, reason)
	ctx, cancel := context.WithTimeout(context.Background(), buryPatience)
	defer cancel()
	l, err := h.buried(ctx)
	switch _, gone := os.Lstat(h.path()); {
	case errors.Is(err, os.ErrNotExist) && !begun:
		h.outcome.Reason += "; nothing had been injected"
	case !l.Closed && errors.Is(gone, os.ErrNotExist):
		h.outcome.Verdict = UndoFailed
		h.outcome.Reason += fmt.Sprintf("; its journal %s is gone, and its faults are not proven undone%s", h.path(), l.byHand())
	case !l.Closed:
		h.outcome.Verdict = UndoFailed
		h.outcome.Reason += "; its faults are not proven undone: run `sitrep chaos recover`"
	case l.ClosedText == runnerDied || l.ClosedText == foundOpen:
		h.outcome.Reason += "; " + l.undoing()
	default:
		h.outcome.Reason += "; " + l.undoing() + " (" + l.ClosedText + ")"
	}
	for _, e := range l.Entries {
		h.tell(l, e)
	}
	h.push(Report{
		Run: h.req.Run, ID: h.req.ID, Experiment: l.Opened.Experiment, Kind: KindFinished, At: time.Now(), Phase: Finished,
		Text: h.outcome.Said(), Outcome: &h.outcome,
	})
}

func (h *Handle) tell(l Log, e Entry) {
	r := Report{
		Run: h.req.Run, ID: h.req.ID, Experiment: l.Opened.Experiment, Kind: KindUndone, At: e.UndoneAt, Phase: Gone,
		Text: l.ClosedText, Fault: &FaultRef{ID: e.ID, Kind: e.Kind, Target: e.Target, Tier: e.Tier},
	}
	if e.Open() {
		r.Kind, r.At, r.Text = KindUndoFailed, time.Now(), e.Failed
	}
	h.outcome.Faults = append(h.outcome.Faults, e.outcome())
	h.push(r)
}

// buried waits until the journal is closed by its undertaker, and closes it if it
// has none. One that is damaged nobody closes, and none whose name is gone.
func (h *Handle) buried(ctx context.Context) (Log, error) {
	path := h.path()
	for {
		l, err := ReadLog(path)
		if h.journal != nil && errors.Is(err, os.ErrNotExist) {
			l, err = readLog(h.journal, path)
		}
		if err != nil || l.Closed || ctx.Err() != nil {
			return l, err
		}
		_, busy, rerr := recoverOne(ctx, path, byStarter, LocalHands{}) // busy: the undertaker is at it
		if !busy && l.hopeless() && errors.Is(rerr, ErrDamaged) {
			return l, nil
		}
		if busy && rerr == nil {
			l.wake()
		}
		wait(ctx, 20*time.Millisecond)
	}
}

// tail keeps the first few hundred bytes of what a runner complains about.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(b[:min(len(b), max(0, 512-t.buf.Len()))])
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.ToValidUTF8(bytes.TrimSpace(t.buf.Bytes()), []byte("?")))
}
