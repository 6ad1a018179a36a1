package chaos

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// RunnerIO is what a runner is started with: orders come in by Stdin, whose end
// means that whoever started it is gone; reports go out by Stdout.
type RunnerIO struct {
	Stdin  io.Reader
	Stdout io.Writer
}

// order is the first line that a runner reads.
type order struct {
	Run          string       `json:"run"`
	ID           string       `json:"id"`
	File         string       `json:"file"`
	Source       []byte       `json:"source"`
	StateDir     string       `json:"state_dir"`
	Sources      Sources      `json:"sources"`
	OnDisconnect OnDisconnect `json:"on_disconnect"`
	Seed         uint64       `json:"seed"`
	Confirm      string       `json:"confirm"`
	Terminal     bool         `json:"terminal"`
	Starter      *Process     `json:"starter"`
	Store        string       `json:"store"`
}

// command is every later line.
type command struct {
	Abort   string `json:"abort,omitempty"`
	Hurry   bool   `json:"hurry,omitempty"` // nobody waits for the verdict
	Confirm bool   `json:"confirm,omitempty"`
	Beat    bool   `json:"beat,omitempty"` // the starter's terminal has answered
}

// Means is what a runner works with.
type Means struct {
	Prober    Prober
	Incidents Incidents
	Faults    []Fault
	Policy    Policy
	// Refused is why there is no policy to go by; nothing is done then.
	Refused error
}

// runner is one run in its own process.
type runner struct {
	order
	Means
	exp   Experiment
	live  string // why what it hurts is production; empty if it is none
	say   func(Report)
	abort chan string
	beats chan struct{}
	sure  chan struct{}
	// leave closes unheard, once: nobody waits for the verdict any more.
	unheard chan struct{}
	leave   func()
}

// RunnerMain is the body of `sitrep __chaos-runner`: it reads an order, does the
// experiment, and returns the exit code of the process: 0 once an outcome has
// been reported, whatever it is. HUP, INT, QUIT and TERM end and undo the run.
func RunnerMain(ctx context.Context, rio RunnerIO, with Means) int {
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM)
	defer signal.Stop(signals)

	out := newReporter(rio.Stdout)
	r := &runner{Means: with, say: out.say, abort: make(chan string, 8), beats: make(chan struct{}, 1), sure: make(chan struct{}, 1)}
	r.unheard = make(chan struct{})
	r.leave = sync.OnceFunc(func() { close(r.unheard) })
	in := bufio.NewReaderSize(io.LimitReader(rio.Stdin, 1<<20), 64<<10)
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &r.order)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos runner: read order:", err)
		return 1
	}
	// The source is what the order brought: a file that is edited now changes nothing.
	r.exp, err = Load(r.File, r.Source, r.Faults)
	r.OnDisconnect = cmp.Or(r.OnDisconnect, r.exp.OnDisconnect)
	go r.listen(in)
	go func() {
		for s := range signals {
			r.ask("the runner got " + s.String())
			r.leave()
		}
	}()
	if err == nil {
		err = r.do(ctx)
	}
	if err != nil {
		r.refuse(r.exp, err)
	}
	signal.Stop(signals) // nothing is held any more: whoever wants us gone may have it
	out.flush()
	return 0
}

// listen takes commands until whoever started the run is gone. It ends with the
// process.
func (r *runner) listen(in *bufio.Reader) {
	for {
		line, err := in.ReadBytes('\n')
		var c command
		if json.Unmarshal(line, &c) == nil && c.Abort != "" {
			r.ask(c.Abort)
		}
		if c.Hurry {
			r.leave()
		}
		if c.Confirm {
			select {
			case r.sure <- struct{}{}:
			default: // once is enough
			}
		}
		if c.Beat {
			select {
			case r.beats <- struct{}{}:
			default: // one is enough
			}
		}
		if err != nil {
			break
		}
	}
	if r.OnDisconnect != DisconnectContinue {
		r.ask("whoever started the run is gone")
		r.leave()
	}
}

// ask never blocks: one reason is enough to end a run.
func (r *runner) ask(why string) {
	select {
	case r.abort <- why:
	default:
	}
}

// do is preflight and engine. What says no before comes back.
func (r *runner) do(ctx context.Context) error {
	if r.Refused != nil {
		return r.Refused
	}
	lock, err := r.preflight()
	if err != nil {
		return err
	}
	defer lock.Close()
	plan, err := r.plan(ctx)
	if err != nil {
		return err
	}
	return r.run(ctx, plan)
}

// preflight takes the lock of the directory and applies the rules that need no
// target.
func (r *runner) preflight() (*os.File, error) {
	if !runID.MatchString(r.ID) {
		return nil, Refuse("run-id", "give it a ULID", "%q is not a ULID", r.ID)
	}
	if err := os.MkdirAll(r.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("chaos state: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(r.StateDir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("chaos state: %w", err)
	}
	err = flock(lock, lockExclusive)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = another(r.StateDir)
	}
	if err == nil {
		err = admissible(r.StateDir)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// Planning says whether a run is about to begin that has no journal yet, by the lock of the
// directory. Whoever raises HALT for a moment only waits for it: it looks for HALT when it
// begins. One that takes the lock at the very moment of the look is refused, which is as well.
func Planning(stateDir string) (bool, error) {
	lock, err := os.OpenFile(filepath.Join(stateDir, "lock"), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("chaos state: %w", err)
	}
	defer lock.Close()
	if err := flock(lock, lockLook); !errors.Is(err, syscall.EWOULDBLOCK) {
		return false, errors.Join(err, flock(lock, unlocked))
	}
	open, _ := Active(stateDir) // a journal that cannot be read is told by who asks for them
	return !slices.ContainsFunc(open, func(o OpenRun) bool { return o.Live }), nil
}

// another refuses a second run, and names the first.
func another(stateDir string) error {
	const end = "wait for its end, or end it: ctrl-C where it was started, ctrl+x on that screen, or sitrep chaos halt from anywhere"
	open, _ := Active(stateDir) // a journal that cannot be read is told by the next run
	i := slices.IndexFunc(open, func(o OpenRun) bool { return o.Live })
	if i < 0 {
		return Refuse("one-at-a-time", end, "another run is going on")
	}
	o := open[i]
	what := "is going on"
	if o.Undone {
		what = "is undone, and looks whether health returns"
	}
	return Refuse("one-at-a-time", end, "%s %s on %s, since %s, %s", o.Run, o.Experiment, strings.Join(o.Targets, ", "), o.Since.UTC().Format("15:04:05Z"), what)
}

// admissible refuses a directory that is halted or has something left to undo.
func admissible(stateDir string) error {
	if text, yes := Halted(stateDir); yes {
		return Refuse("halt", "clear it when it is safe: sitrep chaos halt --clear", "there is a HALT file (%s)", text)
	}
	open, err := Active(stateDir)
	if err != nil {
		return Refuse("open-journal", "mend or remove that file", "%v", err)
	}
	if len(open) == 0 {
		return nil
	}
	if o := open[0]; o.Damage != "" && !o.Live {
		return Refuse("open-journal", "`sitrep chaos recover` says what to look at; then remove that file", "the journal %s is damaged: %s", o.Journal, o.Damage)
	}
	return Refuse("open-journal", "run `sitrep chaos recover` first", "%s (%s) is not proven undone", open[0].Run, open[0].Experiment)
}

// plan draws the targets and asks the policy and the incidents.
func (r *runner) plan(ctx context.Context) (Plan, error) {
	all, err := r.Sources.Find(ctx)
	if err != nil {
		return Plan{}, err
	}
	plan, err := Resolve(ctx, r.exp, r.Faults, all, r.ID, r.Seed)
	if err != nil {
		return plan, err
	}
	guards := plan.Experiment.Guards
	if err := CheckIncidents(ctx, r.Incidents, guards); err != nil {
		return plan, err
	}
	if !r.Terminal {
		plan.Experiment.Guards = slices.DeleteFunc(slices.Clone(guards), func(g Guard) bool { return g.Operator != nil })
	}
	host, err := os.Hostname()
	if err != nil {
		return plan, fmt.Errorf("what is this host called: %w", err)
	}
	j := Judgement{Plan: plan, Host: host, Now: time.Now(), Confirm: r.Confirm}
	r.live = r.Policy.production(j)
	return plan, r.Policy.Check(j)
}

// run arms the undertaker and lets the engine work. An error means that nothing
// was injected.
func (r *runner) run(ctx context.Context, plan Plan) error {
	me, err := Identify(os.Getpid())
	if err != nil {
		return fmt.Errorf("who am I: %w", err)
	}
	j, err := createJournal(r.StateDir, Opened{
		Run: r.Run, ID: r.ID, Experiment: plan.Experiment.Name, Runner: me,
		Targets: plan.names(), Matched: plan.Choice.Matched, Seed: plan.Choice.Seed, Production: r.live, Starter: r.Starter, Store: r.Store,
	}, time.Now())
	if err != nil {
		return err
	}
	defer j.close()
	guard, err := arm(j, func() { r.ask("the undertaker died: nothing goes on without it") })
	if err != nil {
		return errors.Join(err, j.appendNow(recClosed, "", neverArmed))
	}
	defer guard.release()
	e := &engine{
		run: r.Run, id: r.ID, plan: plan, prober: r.Prober, incidents: r.Incidents, beats: r.beats, hands: LocalHands{}, journal: j, lease: guard.lease, say: r.say, abort: r.abort, sure: r.sure,
		halted: func() (string, bool) { return Halted(r.StateDir) }, unheard: r.unheard,
	}
	if len(plan.Experiment.Guards) < len(withInterlock(r.exp.Guards, plan.Choice.Chosen)) {
		r.say(Report{
			Run: r.Run, ID: r.ID, Experiment: plan.Experiment.Name, Kind: KindPhase, At: time.Now(), Phase: Preflight,
			Text: "the guard on the operator is off: this was not started from a terminal that could be asked",
		})
	}
	go guard.pulse(e.touch)
	e.Run(ctx)
	return nil
}

// refuse reports the end of a run that never began: refused by a rule or by its
// file, inconclusive if something could not be reached.
func (r *runner) refuse(exp Experiment, err error) {
	out := Outcome{Run: r.Run, Verdict: Inconclusive, Reason: err.Error(), Faults: []FaultOutcome{}, Probes: []ProbeOutcome{}, Guards: []GuardOutcome{}}
	if errors.Is(err, ErrRefused) || exp.Name == "" {
		out.Verdict = Refused
	}
	r.say(Report{
		Run: r.Run, ID: r.ID, Experiment: exp.Name, Kind: KindFinished, At: time.Now(), Phase: Finished,
		Text: out.Said(), Outcome: &out,
	})
}

// reporter writes reports without ever making the engine wait: a screen that
// hangs must not keep a fault in place. Facts always fit, samples give way.
type reporter struct {
	lines chan []byte
	done  chan struct{}
}

const (
	reportRoom = 4096
	sampleRoom = 2048
)

func newReporter(w io.Writer) *reporter {
	r := &reporter{lines: make(chan []byte, reportRoom), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for line := range r.lines {
			_, _ = w.Write(line) // nobody reads: the journal has the facts
		}
	}()
	return r
}

func (r *reporter) say(rep Report) {
	line, err := json.Marshal(rep)
	if err != nil || rep.Sample != nil && len(r.lines) > sampleRoom {
		return
	}
	select {
	case r.lines <- append(line, '\n'):
	default:
	}
}

// flush ends the reporter and waits until the reader has everything or is gone. A
// reader that is stopped (ctrl-Z) hears the verdict when it goes on.
func (r *reporter) flush() {
	close(r.lines)
	<-r.done
}
