package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

const (
	dayJudgePatience = time.Minute      // for all parts of a day to say what they would be
	dayEndPatience   = 90 * time.Second // for a day whose screen is gone to drain, undo and tell
	planWidth        = 74               // of a schedule in a dialog of the narrowest terminal
	mostDays         = 200              // runs that a screen remembers
	longestDayLine   = 8 << 20          // of what a day says: its result has all steps
)

// preparedDays are the game days that the screen lists.
func preparedDays(days []gameday.Day, known gameday.Known) (list []pane.PreparedDay) {
	for _, d := range days {
		_, most := d.Schedule(known)
		list = append(list, pane.PreparedDay{Day: d, Most: most})
	}
	return list
}

// judgeGameday asks what holding a game day would be now, as gameday run --dry-run does. Its
// files are read anew, as they are when it is held. It touches nothing.
func (o *operator) judgeGameday(ctx context.Context, name string) (pane.Receipt, error) {
	one, cancel := context.WithTimeout(ctx, dayJudgePatience)
	defer cancel()
	j := pane.Judged{At: time.Now()}
	err := func() error {
		day, parts, err := o.app.gamedayNamed(name)
		if err != nil {
			return err
		}
		f, err := o.app.foresee(one, day, parts)
		if err != nil {
			return err
		}
		if j.Plan, err = o.app.planOfDay(f); err != nil {
			return err
		}
		j.Confirm, j.Words = f.production(), f.confirmText()
		return errors.Join(f.refusals()...)
	}()
	if ctx.Err() != nil {
		return pane.Receipt{}, ctx.Err()
	}
	if err != nil {
		j.Refused = err.Error()
	}
	o.mailbox.Update(func(w *pane.World) { w.Gamedays.Judged = withJudged(w.Gamedays.Judged, name, j) })
	return pane.Receipt{}, nil
}

// planOfDay is the schedule with all parts, as a dialog shows it.
func (a *app) planOfDay(f preflight) (string, error) {
	var b bytes.Buffer
	p := page{w: &b, width: planWidth}
	p.schedule(f.day, f.parts.known)
	beside := *a
	beside.stdout = &b
	err := errors.Join(p.err, beside.printParts(f))
	return b.String(), err
}

// answerGameday says go, or no, to what a game day asks.
func (o *operator) answerGameday(ctx context.Context, order pane.AnswerGameday) (pane.Receipt, error) {
	runs, err := readGamedays(ctx, o.db, time.Now().Add(-lookBack))
	if err != nil {
		return pane.Receipt{}, err
	}
	i := slices.IndexFunc(runs, func(r gameday.Result) bool { return r.Run == order.Run })
	if i < 0 {
		return pane.Receipt{}, fmt.Errorf("answer %s: there is no such game day", order.Run)
	}
	if s := runs[i].Present(); s == nil || !s.Asks || s.ID != order.Step {
		return pane.Receipt{}, fmt.Errorf("answer %s: it does not ask %s any more; your answer is not recorded", order.Run, order.Step)
	}
	answer := gameday.Answer{Step: order.Step, Go: order.Go, Note: order.Note}
	if answer, err = recordAnswer(ctx, o.db, o.by(), runs[i], answer); err != nil {
		return pane.Receipt{}, err
	}
	return pane.Receipt{Text: answerText(runs[i], answer), Incident: incident.ID(runs[i].Drill)}, nil
}

// startedDay is a game day that this screen has started: a process of its own, which ends when
// this one does, by whatever death.
type startedDay struct {
	cmd    *exec.Cmd
	lease  io.WriteCloser // its standard input, which it lives as long as
	out    io.ReadCloser
	stderr lastWords
	begun  chan error // one: nil once its drill is declared, or why it is not

	run, drill string          // once it has begun
	hurts      map[string]bool // the runs of chaos that it has told of
}

// startGameday starts a game day, and answers once its drill is declared, or it is refused.
func (o *operator) startGameday(ctx context.Context, order pane.StartGameday) (pane.Receipt, error) {
	d, err := o.newDay(order)
	if err != nil {
		return pane.Receipt{}, err
	}
	o.mu.Lock()
	busy := o.day != nil
	if !busy {
		o.day = d
	}
	o.mu.Unlock()
	if busy {
		return pane.Receipt{}, errors.New("a game day goes on: wait for its end, or end it with ctrl+x")
	}
	if err := d.cmd.Start(); err != nil {
		o.dayIsOver(d)
		return pane.Receipt{}, fmt.Errorf("start the game day %s: %w", order.Name, err)
	}
	o.work.Go(func() { o.followDay(d) })
	select {
	case err := <-d.begun:
		if err != nil {
			return pane.Receipt{}, fmt.Errorf("game day %s: %w", order.Name, err)
		}
		return pane.Receipt{Text: fmt.Sprintf("%s %s has begun: its drill is %s", d.run, order.Name, d.drill), Incident: incident.ID(d.drill), Outward: true}, nil
	case <-ctx.Done():
		return pane.Receipt{}, ctx.Err()
	}
}

// newDay is the process of a game day, not yet started. It has a session of its own: it takes
// no keys of this terminal, and hears of the end of it by its lease.
func (o *operator) newDay(order pane.StartGameday) (d *startedDay, err error) {
	args := o.app.sameFlags(o.db, "gameday", "run", order.Name, "--json", "--lifeline")
	for flag, values := range map[string][]string{"--scrape": o.app.flags.scrape, "--rules": o.app.flags.rules, "--scrape-config": {o.app.flags.scrapeConfig}} {
		for _, value := range values {
			if value != "" {
				args = append(args, flag, value)
			}
		}
	}
	if order.Confirm != "" { // and the screen has seen that it may write
		args = append(args, "--confirm", order.Confirm, "--write")
	}
	d = &startedDay{cmd: exec.CommandContext(o.life, "/proc/self/exe", args...), begun: make(chan error, 1), hurts: map[string]bool{}} // this very program, even once its file is another
	d.cmd.Stderr, d.cmd.SysProcAttr = &d.stderr, &syscall.SysProcAttr{Setsid: true}
	d.cmd.Cancel = func() error { return d.lease.Close() }
	d.cmd.WaitDelay = dayEndPatience // then it is killed: what it has hurt undoes itself, and whoever runs the ladder resolves its drill
	if d.lease, err = d.cmd.StdinPipe(); err == nil {
		d.out, err = d.cmd.StdoutPipe()
	}
	if err != nil {
		return nil, fmt.Errorf("start the game day %s: %w", order.Name, err)
	}
	return d, nil
}

// followDay shows what a day says until it is over, which the end of the screen brings about.
func (o *operator) followDay(d *startedDay) {
	lines := bufio.NewScanner(d.out)
	lines.Buffer(nil, longestDayLine)
	for lines.Scan() {
		o.hearDay(d, lines.Bytes())
	}
	_, _ = io.Copy(io.Discard, d.out) // a line that is too long keeps nobody from the end
	err := d.cmd.Wait()
	switch {
	case d.run == "":
		d.begun <- d.stderr.why(err)
	case err != nil && o.life.Err() == nil && d.cmd.ProcessState.ExitCode() == 1:
		o.news.problem(fmt.Sprintf("%s: %v", d.run, d.stderr.why(err)))
	}
	o.dayIsOver(d)
}

// hearDay takes in a line of what a day says: of itself, or of one of its experiments.
func (o *operator) hearDay(d *startedDay, line []byte) {
	var rep gameday.Report
	if json.Unmarshal(line, &rep) == nil && rep.Day != "" {
		if rep.Kind == gameday.KindStarted && rep.Result != nil && d.run == "" {
			d.run, d.drill = rep.Run, rep.Result.Drill
			o.mailbox.Update(func(w *pane.World) { w.Gamedays.Here = rep.Run })
			d.begun <- nil
		}
		return
	}
	var r chaos.Report
	if json.Unmarshal(line, &r) != nil || r.Experiment == "" || r.ID == "" {
		return
	}
	targets := ""
	for _, e := range o.ready().experiments {
		if e.Name == r.Experiment {
			targets = whom(e.Experiment)
		}
	}
	o.mu.Lock()
	d.hurts[r.Run] = true
	o.mu.Unlock()
	o.mailbox.Update(func(w *pane.World) { w.Chaos.Runs = withReport(w.Chaos.Runs, r, targets) })
}

// dayIsOver forgets a day. A run of which it has not told the end is one of another process
// from now on, as far as there is one.
func (o *operator) dayIsOver(d *startedDay) {
	_ = d.lease.Close()
	o.mu.Lock()
	o.day = nil
	o.mu.Unlock()
	o.mailbox.Update(func(w *pane.World) {
		w.Gamedays.Here = ""
		w.Chaos.Runs = slices.Clone(w.Chaos.Runs)
		for i := range w.Chaos.Runs {
			if r := &w.Chaos.Runs[i]; d.hurts[r.Run] && r.Outcome == nil {
				r.Last.ID = ""
			}
		}
	})
}

// confirm tells the day that a person still sees the run, if it is one of its own. It is
// called with the operator's lock; nil has none.
func (d *startedDay) confirm(run string) bool {
	if d == nil || !d.hurts[run] {
		return false
	}
	_, err := io.WriteString(d.lease, run+" is still seen\n")
	return err == nil
}

// lastWords keeps the end of what a process complains about.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (l *lastWords) Write(b []byte) (int, error) {
	const most = 8 << 10
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	l.text = l.text[max(len(l.text)-most, 0):]
	return len(b), nil
}

// why is its last word, or how it ended if it said none.
func (l *lastWords) why(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(l.text)), "\n")
	if last := strings.TrimPrefix(strings.TrimSpace(lines[len(lines)-1]), "sitrep: "); last != "" {
		return errors.New(last)
	}
	return fmt.Errorf("its process ended before it began: %w", err)
}

// watchGamedays keeps the game days of the screen's world true until ctx ends, whoever holds
// them.
func watchGamedays(ctx context.Context, db *store.DB, m *tui.Mailbox) error {
	var runs dayRuns
	return follow(ctx, db,
		func() (err error) { runs, err = readGamedays(ctx, db, time.Unix(0, 0)); return err },
		func(e *incident.Event) bool { return runs.learn(e) },
		func() {
			newest := slices.Clone(runs[max(0, len(runs)-mostDays):])
			m.Update(func(w *pane.World) { w.Gamedays.Runs = newest })
		})
}
