package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

func (a *app) runChaos(ctx context.Context, e experiment, network bool) error {
	if err := a.confirm(whom(e.Experiment), e.ConfirmText()); err != nil {
		return err
	}
	rec, stop, err := a.recorder(ctx)
	if err != nil {
		return err
	}
	defer stop()
	keep := context.WithoutCancel(ctx) // what happened is recorded, interrupted or not
	return a.withStore(ctx, func(db *store.DB) error {
		rec.db = db
		req, err := a.chaosRequest(ctx, db, e)
		if err != nil {
			return err
		}
		signals := make(chan os.Signal, 4)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer signal.Stop(signals)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f := a.chaosFollower(rec, network)
		f.live = !a.flags.json && isTerminal(a.stderr) && os.Getenv("TERM") != "dumb"
		out, problems, err := f.conduct(keep, req, e.Experiment, signals)
		if err != nil && out.Reason == "" {
			return err
		}
		return errors.Join(problems, a.printOutcome(e.Name, out), verdictOfChaos(ctx, e.Name, out))
	})
}

func (a *app) chaosFollower(rec *recorder, network bool) *chaosFollower {
	return &chaosFollower{app: a, rec: rec, network: network, out: map[string]bool{}}
}

// conduct runs an experiment, and returns when it is over and undone. Signals end it, and
// the end of ctx, whose cause is said to be why. The problems are what could not be told
// or recorded.
func (f *chaosFollower) conduct(ctx context.Context, req chaos.Request, e chaos.Experiment, signals <-chan os.Signal) (out chaos.Outcome, problems, err error) {
	operator, err := f.watchOperator(e)
	if err != nil {
		return out, nil, err
	}
	defer operator.Close()
	req.Terminal = operator.there()
	keep := context.WithoutCancel(ctx)
	if f.run, err = chaos.Spawn(keep, req); err != nil {
		return out, nil, err
	}
	defer context.AfterFunc(ctx, func() { f.run.Abort(context.Cause(ctx).Error()) })()
	operator.tell(f.run.Beat)
	problems = f.follow(keep, signals)
	out, err = f.run.Wait()
	return out, problems, err
}

// chaosFollower tells what a run says, line by line, until it is over, and passes on
// what signals ask for.
type chaosFollower struct {
	*app
	rec     *recorder
	run     *chaos.Handle
	network bool // confirmed on the command line
	pressed presses

	part     bool            // of something whose last word is not this run's
	confirms <-chan struct{} // that a person still sees the run; nil: they are asked at this terminal

	live  bool            // there is a terminal, for a line that changes
	drawn bool            // that line is there
	asks  bool            // the cursor is behind a question
	last  chaos.Report    // the newest, without samples
	out   map[string]bool // the probes that are out of their band
	seen  string          // the newest value of each probe, for that line
}

// follow returns once the run is over; the error is what could not be told or recorded.
func (f *chaosFollower) follow(ctx context.Context, signals <-chan os.Signal) (problems error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case r, more := <-f.run.Reports():
			if !more {
				f.wipe()
				return problems
			}
			problems = errors.Join(problems, f.rec.chaos(ctx, r), f.tell(r))
			if r.Kind == chaos.KindConfirm && (f.network || f.confirms == nil) {
				f.confirmNetwork(f.run, f.network)
			}
		case <-f.confirms:
			f.run.Confirm()
		case s := <-signals:
			f.end(s, time.Now())
		case now := <-tick.C:
			f.draw(now)
		}
	}
}

// bounce is how soon after the first ctrl-C another is the same one: a nervous finger, a
// key that bounces.
const bounce = 500 * time.Millisecond

// presses are the ctrl-C of whoever follows a run.
type presses struct{ first time.Time }

// at says whether a ctrl-C is the first, and whether it is one more that is meant.
func (p *presses) at(now time.Time) (first, again bool) {
	if p.first.IsZero() {
		p.first = now
		return true, false
	}
	return false, now.Sub(p.first) > bounce
}

// end ends the run. It says then whether health returns, unless it is asked once more,
// or by whoever does not wait.
func (f *chaosFollower) end(s os.Signal, now time.Time) {
	f.run.Abort(endedBy(s, f.rec.by.Actor))
	if s != os.Interrupt {
		f.run.Hurry()
		return
	}
	switch first, again := f.pressed.at(now); {
	case first:
		f.wipe()
		fmt.Fprintln(f.stderr, "sitrep: ends and undoes it, then looks whether health returns; ctrl-C again does not wait for that")
	case again:
		f.run.Hurry()
	}
}

// endedBy says which signal has ended something, and whose process that was.
func endedBy(s os.Signal, who incident.Person) string {
	what := map[os.Signal]string{os.Interrupt: "ctrl-C", syscall.SIGTERM: "SIGTERM", syscall.SIGHUP: "the end of its terminal"}[s]
	return fmt.Sprintf("ended by %s (%s)", what, who)
}

// tell is a line of JSON, or for people the facts on standard error; of what probes see
// only that one leaves its band, or is back.
func (f *chaosFollower) tell(r chaos.Report) error {
	if f.flags.json {
		if r.Kind == chaos.KindFinished && !f.part {
			return nil // the outcome is the last line
		}
		return json.NewEncoder(f.stdout).Encode(r)
	}
	kind := r.Kind
	if r.Sample != nil {
		if kind = f.news(r); kind == "" {
			return nil
		}
	} else {
		f.last = r
	}
	f.wipe()
	f.asks = r.Kind == chaos.KindConfirm || f.asks && r.Kind != chaos.KindConfirmed && r.Phase == chaos.Holding
	return f.tellLine(r.At, r.Run, kind, r.Text)
}

// tellLine says on standard error what a run has come to.
func (a *app) tellLine(at time.Time, run, kind, text string) error {
	width, _ := terminalOf(a.stderr)
	_, err := fmt.Fprintln(a.stderr, hung(fmt.Sprintf("%s %s %-9s ", at.UTC().Format("15:04:05Z"), oneLine(run), oneLine(kind)), oneLine(text), width))
	return err
}

// news says what is new about a value: a probe left its band or is back in it, a guard
// is breached. It is empty if nothing is.
func (f *chaosFollower) news(r chaos.Report) string {
	s := r.Sample
	if r.Kind == chaos.KindGuard {
		if !s.OK && s.Row == 1 || s.Tripped {
			return "guard"
		}
		return ""
	}
	f.note(s)
	was := f.out[s.Name]
	f.out[s.Name] = !s.OK
	switch {
	case !s.OK && !was:
		return "left"
	case s.OK && was:
		return "returned"
	}
	return ""
}

// note keeps the value of a probe for the line that changes.
func (f *chaosFollower) note(s *chaos.Sample) {
	mark := ""
	if !s.OK {
		mark = "!"
	}
	one := s.Name + " " + figure(s.Value) + mark
	var rest []string
	for _, old := range strings.Split(f.seen, ", ") {
		if old != "" && !strings.HasPrefix(old, s.Name+" ") {
			rest = append(rest, old)
		}
	}
	f.seen = strings.Join(append(rest, one), ", ")
}

// draw shows how long it still takes, on a line that changes, where there is a terminal.
func (f *chaosFollower) draw(now time.Time) {
	if !f.live || f.asks || f.last.Run == "" {
		return
	}
	text := timeLeft(f.last, now)
	if f.seen != "" {
		text += "  " + f.seen
	}
	width := verdictWidth
	if file, ok := f.stderr.(*os.File); ok {
		if w, _, err := term.GetSize(int(file.Fd())); err == nil && w > 1 {
			width = w
		}
	}
	f.wipe()
	_, _ = io.WriteString(f.stderr, safe.New(text, width-1).String())
	f.drawn = true
}

// wipe takes that line away.
func (f *chaosFollower) wipe() {
	if f.drawn {
		_, _ = io.WriteString(f.stderr, "\r\x1b[K")
		f.drawn = false
	}
}

// timeLeft is how long a run still takes by plan: "holding: 22s left of step 1 of 2,
// 1m10s in all".
func timeLeft(r chaos.Report, now time.Time) string {
	text, since := string(r.Phase), now.Sub(r.At)
	left, rest := time.Duration(r.Remaining)-since, time.Duration(r.Rest)-since
	switch {
	case r.Phase == chaos.Recovering && r.Remaining > 0:
		return fmt.Sprintf("recovering: up to %s left for it", span(max(left, 0)))
	case r.Remaining > 0 && r.Steps > 1:
		return fmt.Sprintf("%s: %s left of step %d of %d, %s in all", text, span(max(left, 0)), r.Step, r.Steps, span(max(rest, 0)))
	case r.Remaining > 0:
		return fmt.Sprintf("%s: %s left", text, span(max(left, 0)))
	}
	return text
}
