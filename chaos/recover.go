package chaos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Recovered is a run whose processes had died before it was undone.
type Recovered struct {
	Run, ID, Experiment string
	Journal             string   // its file
	Store               string   // where its starter would have recorded its end; empty in journals of an earlier sitrep
	Undone              []string // the faults that were still open, in words
	Err                 error    // what is not proven undone, nil if all is well
}

// Recover undoes, verifies and closes what dead runs have left open in stateDir.
// Runs that live, or that somebody is undoing now, are left alone. It costs
// nothing when there is nothing to do and is meant for every start of sitrep.
// The error tells of journals that cannot be read or are not proven undone; one
// that is damaged ([ErrDamaged]) stays open until a person removes it.
func Recover(ctx context.Context, stateDir string) ([]Recovered, error) {
	return recoverWith(ctx, stateDir, LocalHands{})
}

func recoverWith(ctx context.Context, stateDir string, h Hands) ([]Recovered, error) {
	paths, err := journals(stateDir)
	var done []Recovered
	for _, path := range paths {
		l, rerr := ReadLog(path)
		if rerr != nil || l.Closed {
			err = errors.Join(err, rerr)
			continue
		}
		r, busy, rerr := recoverOne(ctx, path, byRecovery, h)
		err = errors.Join(err, rerr)
		if busy && rerr == nil {
			l.wake()
		}
		if !busy {
			done = append(done, r)
		}
	}
	return done, err
}

// wake has the undertaker of a run go on. It would undo, or end a runner that hangs, unless
// somebody has stopped it; one that nobody has stopped takes no notice.
func (l Log) wake() {
	if l.Undertaker != nil {
		_ = l.Undertaker.Signal(syscall.SIGCONT)
	}
}

func recoverOne(ctx context.Context, path, by string, h Hands) (r Recovered, busy bool, err error) {
	j, err := joinJournal(path, by, lockExclusive)
	var silent error
	if unwritable(err) {
		silent = err
		j, err = joinMute(path, lockExclusive)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return r, true, nil
	}
	if err != nil {
		return r, true, err
	}
	defer func() { err = errors.Join(err, j.close()) }()
	before, err := j.log()
	if err != nil || before.Closed {
		return r, true, err
	}
	r = Recovered{Experiment: before.Opened.Experiment, Journal: path, Store: before.Opened.Store}
	r.Run, r.ID = before.identity()
	after, uerr := undoAll(ctx, j, h, foundOpen)
	for _, e := range before.open() {
		if now := after.entry(e.ID); now != nil && !now.Open() {
			r.Undone = append(r.Undone, e.Kind+" on "+e.Target)
		}
	}
	if uerr == nil && silent != nil {
		uerr = errors.New("all that it leaves open is undone now")
	}
	if silent != nil {
		uerr = fmt.Errorf("%w; nothing can be recorded: %w; chmod u+rw it, then sitrep chaos recover", uerr, silent)
	}
	if uerr != nil {
		r.Err = fmt.Errorf("recover %s: %w", path, uerr)
	}
	return r, false, r.Err
}

// OpenRun is a run that is not closed.
type OpenRun struct {
	Run, ID, Experiment string
	Targets             []string
	Since               time.Time
	Until               time.Time // the planned end of its present fault; zero before the first
	Undoing             bool
	Faults              []FaultOutcome // those whose intent is written, as far as the journal tells
	// Live says that its runner or undertaker is at work; without them it waits
	// for Recover.
	Live bool
	// Runner and Undertaker are its processes, dead or alive.
	Runner, Undertaker Process
	// Undone says that it injects nothing more and that all it did is gone: it only
	// looks whether the steady state returns.
	Undone bool
	// Journal is its file, and Damage what is wrong with that (see Log): nobody
	// can say whether its faults are gone, and Recover does not close it.
	Journal, Damage string
	// Production is why what it hurts is production, as its policy judged; empty if it is
	// none.
	Production string
	// Store is where its starter records how it ends, see Opened.
	Store string
}

// Active lists the runs of stateDir that are not closed, in whatever process.
func Active(stateDir string) ([]OpenRun, error) {
	paths, err := journals(stateDir)
	var runs []OpenRun
	for _, path := range paths {
		l, rerr := ReadLog(path)
		if rerr != nil || l.Closed {
			err = errors.Join(err, rerr)
			continue
		}
		runs = append(runs, openRun(l))
	}
	return runs, err
}

// Holder says who has the journal of an open run, so that Recover leaves that alone; empty
// if nobody has.
func (r OpenRun) Holder() string {
	switch {
	case r.Runner.Alive():
		return fmt.Sprintf("its runner, process %d", r.Runner.PID)
	case r.Undertaker.Alive():
		return fmt.Sprintf("its undertaker, process %d", r.Undertaker.PID)
	}
	f, err := os.OpenFile(r.Journal, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	if !errors.Is(flock(f, lockExclusive), syscall.EWOULDBLOCK) {
		_ = flock(f, unlocked)
		return ""
	}
	if pid := lockedBy(f); pid != 0 {
		return fmt.Sprintf("process %d", pid)
	}
	return "another process"
}

func openRun(l Log) OpenRun {
	r := OpenRun{
		Experiment: l.Opened.Experiment, Targets: l.Opened.Targets, Since: l.OpenedAt,
		Live:   l.Opened.Runner.Alive() || l.Undertaker != nil && l.Undertaker.Alive(),
		Runner: l.Opened.Runner, Store: l.Opened.Store, Production: l.Opened.Production, Journal: l.Path, Damage: l.Damage, Undone: l.Over && l.Damage == "" && len(l.open()) == 0,
	}
	if l.Undertaker != nil {
		r.Undertaker = *l.Undertaker
	}
	r.Run, r.ID = l.identity()
	for _, e := range l.Entries {
		if e.Until.After(r.Until) {
			r.Until = e.Until
		}
		r.Undoing = r.Undoing || !e.UndoingAt.IsZero() && e.Open()
		r.Faults = append(r.Faults, e.outcome())
	}
	return r
}

// outcome is what a journal tells of a fault.
func (e Entry) outcome() FaultOutcome {
	f := FaultOutcome{ID: e.ID, Kind: e.Kind, Target: e.Target, Tier: e.Tier, Effect: e.Effect}
	if !e.InjectedAt.IsZero() {
		f.InjectedAt = &e.InjectedAt
	}
	if !e.Open() && e.Tier != TierIrreversible {
		f.GoneAt = &e.UndoneAt
	}
	return f
}

// Who writes to a journal beside its runner.
const (
	byUndertaker = "undertaker"
	byRecovery   = "recover"
	byStarter    = "starter"
)

// undoing says who took back what a runner has left. What the kernel holds, and what a
// proxy carries until its time, was gone by itself: whoever came then only made sure.
func (l Log) undoing() string {
	const kernel, itself, nobody = "the kernel took %s back with its holder", "%s ended by itself at its time", "%s cannot be undone"
	var forms, said []string
	done, who, left := map[string][]string{}, "", 0
	for _, e := range l.Entries {
		if e.Open() || e.UndoneBy == "" {
			continue // the runner did it
		}
		who = cmp.Or(map[string]string{byUndertaker: "its undertaker", byStarter: "whoever had started it"}[e.UndoneBy], "the next start of sitrep")
		form := who + " has undone %s"
		switch {
		case e.Tier == TierKernel:
			form = kernel
		case e.Tier == TierCarried && e.UndoneAt.After(e.Expires):
			form = itself
		case e.Tier == TierIrreversible:
			form = nobody
		}
		if done[form] == nil {
			forms = append(forms, form)
		}
		done[form], left = append(done[form], e.Kind+" on "+e.Target), left+1
	}
	for _, form := range forms {
		what := strings.Join(done[form], ", ")
		if len(done[form]) == left && form != nobody {
			what = "everything"
		}
		said = append(said, fmt.Sprintf(form, what))
	}
	switch {
	case left == 0:
		return "everything is undone"
	case left == len(done[kernel])+len(done[itself])+len(done[nobody]) && left > len(done[nobody]):
		said = append(said, who+" made sure of it")
	}
	return strings.Join(said, "; ")
}

const (
	foundOpen  = "found open at the start of sitrep" // why faults of dead processes are undone
	neverArmed = "never armed"
)

// DiedOutcome is how a run ended whose runner could not say so, by its journal; nil of
// any other, and of one that is not over.
func (l Log) DiedOutcome() *Outcome {
	if _, _, said := l.said(); !l.Closed || said || l.ClosedText == neverArmed {
		return nil
	}
	reason := l.ClosedText
	if reason == foundOpen {
		reason = "its processes died"
	}
	return l.outcome(Aborted, reason+"; "+l.undoing())
}

// said is the verdict with which a runner has closed its journal.
func (l Log) said() (v Verdict, reason string, ok bool) {
	word, reason, ok := strings.Cut(l.ClosedText, ": ")
	return Verdict(word), reason, ok && slices.Contains(verdicts, Verdict(word))
}

// outcome is what a journal tells of a run: what probes and guards saw is not in it.
func (l Log) outcome(v Verdict, reason string) *Outcome {
	out := &Outcome{Run: l.Opened.Run, Verdict: v, Reason: reason, Seed: l.Opened.Seed, Faults: []FaultOutcome{}, Probes: []ProbeOutcome{}, Guards: []GuardOutcome{}}
	for _, e := range l.Entries {
		out.Faults = append(out.Faults, e.outcome())
	}
	return out
}

// Outcome is how a run ended as far as its journal tells, whoever closed it: its runner
// with a verdict, or others after that had died. It is nil of one that is not over, or
// never began.
func (l Log) Outcome() *Outcome {
	v, reason, said := l.said()
	switch {
	case !l.Closed || !said:
		return l.DiedOutcome()
	case len(l.Entries) == 0:
		reason += "; nothing had been injected"
	case !slices.ContainsFunc(l.Entries, func(e Entry) bool { return e.UndoneBy != "" }):
		reason += "; its runner has undone everything"
	default:
		reason += "; " + l.undoing()
	}
	return l.outcome(v, reason)
}

// tellPatience is how long whoever started a run is given to record its end, where the
// journal does not say who that is.
const tellPatience = time.Minute

// Untold says whether it is for others to record how a closed run ended: whoever started it
// follows it to the end and knows more than the journal, but is dead.
func (l Log) Untold(now time.Time) bool {
	if s := l.Opened.Starter; s != nil {
		return l.Closed && !s.Alive()
	}
	_, _, said := l.said()
	return l.Closed && (!said || now.Sub(l.ClosedAt) > tellPatience) // without a verdict nobody knows more
}
