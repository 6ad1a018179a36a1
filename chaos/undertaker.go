package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	armTimeout   = 5 * time.Second
	haltPatience = 1500 * time.Millisecond // for the runner to begin its own undo after HALT
	undoPatience = 15 * time.Second        // for a runner that has begun an undo, all its tries included
	beatEvery    = 500 * time.Millisecond  // a runner gives a sign of life
	beatPatience = 5 * time.Second         // without one while a fault is in place; ten beats, for a machine that has no time
	buryEvery    = 5 * time.Second
	buryFor      = 2 * time.Minute
)

// deadMan is a runner's hold on its undertaker.
type deadMan struct {
	cmd    *exec.Cmd
	lease  *os.File // our end: its closing, by whatever death, wakes the undertaker
	ack    *os.File
	reaped chan struct{}
	over   chan struct{} // released
}

// arm starts an undertaker for a journal and returns when it watches. lost is
// called if it dies before its time.
func arm(j *Journal, lost func()) (*deadMan, error) {
	leaseEnd, lease, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	ack, ackEnd, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, leaseEnd.Close(), lease.Close())
	}
	d := &deadMan{cmd: exec.Command(ownExecutable(), "__undertake", j.path), lease: lease, ack: ack, reaped: make(chan struct{}), over: make(chan struct{})}
	d.cmd.Stdin, d.cmd.ExtraFiles, d.cmd.SysProcAttr = leaseEnd, []*os.File{ackEnd}, ownSession()
	err = d.cmd.Start()
	_, _ = leaseEnd.Close(), ackEnd.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start undertaker: %w", err), lease.Close(), ack.Close())
	}
	go func() {
		defer close(d.reaped)
		_ = d.cmd.Wait()
	}()
	if err := d.confirm(j); err != nil {
		d.release()
		return nil, fmt.Errorf("arm undertaker: %w", err)
	}
	go func() {
		_, err := io.Copy(io.Discard, ack)
		if !errors.Is(err, os.ErrClosed) {
			lost()
		}
	}()
	return d, nil
}

// confirm waits for the undertaker's word and writes it down.
func (d *deadMan) confirm(j *Journal) error {
	word := make([]byte, len(armedWord))
	if err := d.ack.SetReadDeadline(time.Now().Add(armTimeout)); err != nil {
		return err
	}
	if _, err := io.ReadFull(d.ack, word); err != nil || string(word) != armedWord {
		return fmt.Errorf("no acknowledgement: %q %w", word, err)
	}
	if err := d.ack.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	p, err := Identify(d.cmd.Process.Pid)
	if err != nil {
		return err
	}
	return j.Append(Record{Rec: recArmed, At: time.Now(), Process: &p})
}

// pulse gives the undertaker signs of life until it is released. alive returns if
// the runner is more than a process that exists.
func (d *deadMan) pulse(alive func()) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		alive()
		if _, err := d.lease.Write([]byte{'.'}); err != nil {
			return // released, or nobody listens: the end of ack says so
		}
		select {
		case <-d.over:
			return
		case <-tick.C:
		}
	}
}

// release lets the undertaker look at the journal and go. If something is left
// to undo, it stays and does it.
func (d *deadMan) release() {
	close(d.over)
	_, _ = d.ack.Close(), d.lease.Close()
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-d.reaped:
	case <-t.C:
	}
}

const (
	armedWord   = "armed\n"
	runnerDied  = "the runner died"
	runnerHung  = "the runner hung"
	haltIgnored = "HALT, and the runner did not obey"
	journalLost = "the journal is gone from its place, and the runner did not end"
)

// undertaker watches one journal. It knows no fault, no configuration and no
// database, and reaches no network but for an undo.
type undertaker struct {
	journal *Journal
	hands   Hands
	gone    <-chan struct{} // the runner's end of the lease is closed
	beats   *beats
}

// beats counts the signs of life on a lease.
type beats struct{ n atomic.Int64 }

// Write is io.Writer's.
func (b *beats) Write(signs []byte) (int, error) {
	b.n.Add(int64(len(signs)))
	return len(signs), nil
}

// UndertakeMain is the body of `sitrep __undertake JOURNAL`: lease is the pipe
// whose end means that the runner is dead (stdin), ack the pipe on which it says
// that it watches (descriptor 3). It ignores every signal that can be ignored,
// undoes what the journal leaves open when the runner dies, gives no sign of life,
// overstays a fault's time, or does not obey HALT, and returns the exit code of
// the process: 0 if nothing is left.
func UndertakeMain(args []string, lease, ack *os.File) int {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGPIPE, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGTSTP)
	spareFromOOM()
	if len(args) != 1 {
		return 2
	}
	j, err := joinJournal(args[0], byUndertaker, lockShared)
	if err != nil {
		return 1
	}
	defer j.close()
	gone, signs := make(chan struct{}), &beats{}
	go func() {
		defer close(gone)
		_, _ = io.Copy(signs, lease)
	}()
	defer ack.Close() // open until we end: its closing says that nobody watches any more
	if _, err := ack.WriteString(armedWord); err != nil {
		return 1
	}
	u := &undertaker{journal: j, hands: LocalHands{}, gone: gone, beats: signs}
	if err := u.Run(context.Background()); err != nil {
		return 1
	}
	return 0
}

// Run watches until the runner is gone, ends it if it must, and leaves nothing
// open. An error is what could not be undone.
func (u *undertaker) Run(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var halted time.Time
	var silence silence
	for {
		select {
		case <-u.gone:
			return u.bury(ctx, runnerDied)
		case <-look.C:
		}
		now := time.Now()
		silence.look(u.beats.n.Load())
		lost := u.journal.lost() // the runner ends then, as on HALT
		if _, yes := Halted(filepath.Dir(u.journal.path)); !yes && !lost {
			halted = time.Time{}
		} else if halted.IsZero() {
			halted = now
		}
		l, err := u.journal.log()
		if err != nil {
			continue // the runner's death is still seen, and Recover comes after us
		}
		if why := overdue(l, now, halted, silence.lasts()); why != "" {
			if lost && why == haltIgnored {
				why = journalLost
			}
			u.end(l.Opened.Runner)
			return u.bury(ctx, why)
		}
	}
}

// silence is how long the runner has given no sign of life. It counts looks and
// no seconds: when the machine slept, or the undertaker was stopped itself or got
// no time, the runner has not been silent for as long as the clock says.
type silence struct {
	heard int64
	looks int
}

func (s *silence) look(beats int64) {
	s.looks++
	if beats != s.heard {
		s.heard, s.looks = beats, 0
	}
}

func (s *silence) lasts() time.Duration { return time.Duration(s.looks) * lookEvery }

// overdue says why the runner is no longer trusted, or nothing. halted is since
// when there has been a HALT file, silent for how long it has given no sign of
// life. A runner that undoes is given its time, however late it is; one that hangs
// in the middle is not given the rest of the experiment.
func overdue(l Log, now, halted time.Time, silent time.Duration) string {
	for _, e := range l.open() {
		switch {
		case !e.UndoingAt.IsZero():
			if now.After(e.UndoingAt.Add(undoPatience)) {
				return "the runner began its undo and did not end it"
			}
		case now.After(e.Expires):
			return "its deadline has passed and the runner did not end it"
		case !halted.IsZero() && now.After(halted.Add(haltPatience)):
			return haltIgnored
		case silent >= beatPatience:
			return runnerHung
		}
	}
	return ""
}

// end kills the runner, so that it cannot inject after the undo, and waits until
// its end of the lease is closed.
func (u *undertaker) end(p Process) {
	_ = p.kill(undoTimeout)
	t := time.NewTimer(undoTimeout)
	defer t.Stop()
	select {
	case <-u.gone:
	case <-t.C:
	}
}

// bury undoes what is open, again and again for a while if it must.
func (u *undertaker) bury(ctx context.Context, why string) error {
	deadline := time.Now().Add(buryFor)
	for {
		l, err := undoAll(ctx, u.journal, u.hands, why)
		if l.Closed || l.hopeless() || time.Now().After(deadline) {
			return err
		}
		wait(ctx, buryEvery)
	}
}

// spareFromOOM asks the kernel to take others first. Without the capability for
// it nothing changes.
func spareFromOOM() { _ = os.WriteFile("/proc/self/oom_score_adj", []byte("-900"), 0) }
