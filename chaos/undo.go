package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// undoTries is how often an undo is tried before it is said to have failed, with
// undoPause before the second, twice that before the third, and so on.
const (
	undoTries = 5
	undoPause = 100 * time.Millisecond
)

// settle is how long a fault must stay away whose injection was cut off: the
// request that injects it may still be on its way when the undo is done. Which those
// are is known by their checks.
var settle = map[string]time.Duration{
	"http-absent":        time.Second,
	"container-unpaused": time.Second,
	"container-started":  StopGrace + 2*time.Second, // Docker goes on stopping, whoever has asked for it
	"container-cpu":      time.Second,
	"toxic-absent":       time.Second,
	"toxic-enabled":      time.Second,
}

// settleLooks is how often it is looked in that time.
const settleLooks = 5

// StopGrace is the most that a container is given to stop before it is killed.
const StopGrace = 2 * time.Second

// undo takes one fault back and proves it. It is judged by the check, not by
// what the operations say (but where there is none to look at), and may be done any
// number of times. Problems with
// the journal do not stop it; they come back beside the evidence.
func undo(ctx context.Context, j *Journal, h Hands, e Entry, why string) (evidence string, gone bool, err error) {
	journalErr := j.note(Record{Rec: recUndoing, At: time.Now(), Entry: e.ID, Text: why})
	pause := undoPause
	for try := range undoTries {
		if try > 0 {
			wait(ctx, pause)
			pause *= 2
		}
		evidence, gone, err = undoOnce(ctx, h, e)
		if gone {
			return evidence, true, errors.Join(journalErr, j.appendNow(recUndone, e.ID, evidence))
		}
	}
	if err == nil {
		err = errors.New(evidence)
	}
	err = fmt.Errorf("undo %s on %s: tried %d times: %w; do by hand: %v", e.Kind, e.Target, undoTries, err, e.Undo)
	return evidence, false, errors.Join(err, journalErr, j.appendNow(recUndoFailed, e.ID, err.Error()))
}

func undoOnce(ctx context.Context, h Hands, e Entry) (evidence string, gone bool, err error) {
	evidence, gone, err = undoAndLook(ctx, h, e)
	var late time.Duration
	for kind, d := range settle {
		if e.Gone.has(kind) {
			late = max(late, d)
		}
	}
	if !gone || e.Confirmed || late == 0 {
		return evidence, gone, err
	}
	for range settleLooks {
		wait(ctx, late/settleLooks)
		if evidence, gone, err = undoAndLook(ctx, h, e); !gone {
			return evidence, gone, err
		}
	}
	return evidence, gone, err
}

func undoAndLook(ctx context.Context, h Hands, e Entry) (evidence string, gone bool, err error) {
	var problems error
	for _, op := range e.Undo {
		if _, err := h.Do(ctx, op); err != nil {
			problems = errors.Join(problems, fmt.Errorf("%s: %w", op, err))
		}
	}
	evidence, gone, err = h.Check(ctx, e.Gone)
	if gone && (problems == nil || !e.Gone.IsNothing()) { // where nothing is looked at, what was done must have worked
		return evidence, true, nil
	}
	return evidence, false, errors.Join(problems, err)
}

// undoAll undoes what a journal leaves open, and closes the journal if nothing is
// left and it can be believed. The faults are undone side by side: a proxy that
// hangs must not keep the others waiting.
func undoAll(ctx context.Context, j *Journal, h Hands, why string) (Log, error) {
	l, err := j.log()
	if err != nil || l.Closed {
		return l, err
	}
	open := l.open()
	failed, gone := make([]error, len(open)), make([]bool, len(open))
	var all sync.WaitGroup
	for i, e := range open {
		all.Go(func() { _, gone[i], failed[i] = undo(ctx, j, h, e, why) })
	}
	all.Wait()
	err = errors.Join(failed...)
	after, rerr := j.log()
	for i, e := range open { // a journal that cannot be written or read to its end does not say so
		if now := after.entry(e.ID); gone[i] && now != nil && now.Open() {
			now.UndoneAt = time.Now()
		}
	}
	if rerr != nil || len(after.open()) > 0 || after.Damage != "" {
		return after, errors.Join(err, rerr, after.damaged())
	}
	err = errors.Join(err, j.appendNow(recClosed, "", why))
	after.Closed, after.ClosedText = true, why
	return after, err
}

// wait is a sleep that ends early with ctx.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
