package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func (a *app) runGamedayCommand() *cobra.Command {
	var dry, network, lifeline bool
	c := &cobra.Command{
		Use: "run NAME|FILE", Short: "hold a game day; ctrl-C ends it and undoes everything", Args: cobra.ExactArgs(1),
		Long: "Declares a drill, goes through the steps, and resolves the drill with the verdict. ctrl-C, ctrl+x on a screen, sitrep chaos halt and\n" +
			"resolving the drill end it: its load ends, and what its experiments did is undone. The second ctrl-C does not wait for requests in\n" +
			"flight, nor for health to return.",
		RunE: func(cmd *cobra.Command, args []string) error {
			day, parts, err := a.gamedayNamed(args[0])
			if err != nil {
				return err
			}
			f, err := a.foresee(cmd.Context(), day, parts)
			if err != nil {
				return err
			}
			if dry {
				return a.printPreflight(f)
			}
			return a.runGameday(cmd.Context(), f, network, lifeline)
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "print the whole schedule with what every rule says, and touch nothing")
	c.Flags().BoolVar(&network, "confirm-network", false, "confirm at once faults in this host's own network, which are undone after 10 s otherwise (for scripts)")
	c.Flags().BoolVar(&lifeline, "lifeline", false, "end when standard input does, whose lines say that a person still sees the run (of a screen)")
	_ = c.Flags().MarkHidden("lifeline") // it is there
	return c
}

func (a *app) runGameday(ctx context.Context, f preflight, network, lifeline bool) error {
	if err := a.confirm(f.confirmText()); err != nil {
		return err
	}
	if err := f.err(); err != nil {
		return err
	}
	rec, stop, err := a.recorder(ctx)
	if err != nil {
		return err
	}
	defer stop()
	means, closeAll := a.loadMeans()
	defer closeAll()
	return a.withStore(ctx, func(db *store.DB) error {
		rec.db = db
		if err := a.endDeadGamedays(ctx, db); err != nil {
			return err
		}
		g := &gamedayRun{app: a, preflight: f, db: db, rec: rec, means: means, network: network, signals: make(chan os.Signal, 4)}
		if lifeline {
			g.confirms = make(chan struct{}, 1)
			signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // or the first line to a screen that is gone ends this process
			a.stdout, a.stderr = toScreen{a.stdout}, toScreen{a.stderr}
		}
		res, err := g.hold(ctx)
		if res.EndedAt == nil {
			return err
		}
		if a.flags.json {
			return errors.Join(err, json.NewEncoder(a.stdout).Encode(res), verdictOfGameday(ctx, res))
		}
		return errors.Join(err, a.printGameday(res), verdictOfGameday(ctx, res))
	})
}

// gamedayRun is a game day that this process holds.
type gamedayRun struct {
	*app
	preflight
	db      *store.DB
	rec     *recorder
	means   loadtest.Means
	network bool           // confirmed on the command line
	signals chan os.Signal // for whatever experiment runs

	confirms chan struct{} // that a person still sees the run; nil: no screen holds the day

	dir      string // of chaos
	held     *gameday.Held
	head     gameday.Result
	first    int64 // the last event before it
	problems error // what could not be recorded or told

	beside sync.WaitGroup
	taking sync.Mutex // one delivery at a time: the ladder takes this process for one
}

func (g *gamedayRun) note(err error) { g.problems = errors.Join(g.problems, err) }

// stamp is that of what this process does now.
func (g *gamedayRun) stamp() incident.By {
	by := g.rec.by
	by.At, by.Evidence = time.Now(), g.rec.freeze()
	return by
}

// toScreen is read by the screen that has started the day. Once that is gone nobody reads it,
// which keeps the day from nothing.
type toScreen struct{ io.Writer }

// Write implements io.Writer.
func (t toScreen) Write(b []byte) (int, error) {
	n, err := t.Writer.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		return len(b), nil
	}
	return n, err
}

// hold holds the day. The result has no end if it was not begun.
func (g *gamedayRun) hold(ctx context.Context) (res gameday.Result, err error) {
	keep := context.WithoutCancel(ctx) // what happened is recorded, interrupted or not
	signal.Notify(g.signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(g.signals)
	life, end := context.WithCancelCause(keep)
	defer end(nil)
	defer g.endWith(life, end)()
	if g.confirms != nil {
		go g.heed(end)
	}
	if ctx.Err() != nil {
		return res, ctx.Err()
	}
	if g.dir, err = chaosDir(); err != nil {
		return res, err
	}
	run, err := g.db.NextRun(ctx, "GD")
	if err != nil {
		return res, err
	}
	if g.held, err = gameday.Hold(g.dir, run+" "+g.day.Name); err != nil {
		return res, chaosError(err)
	}
	quiet := func() { _ = g.held.Release() } // a second time it does nothing
	defer quiet()
	if err := g.within(time.Now()); err != nil { // it was asked before everything else was
		return res, chaosError(err)
	}
	letGo, err := g.db.HoldRun(run)
	if err != nil {
		return res, fmt.Errorf("begin %s: %w", run, err)
	}
	defer letGo()
	if err := g.declare(keep, run); err != nil {
		return res, err
	}
	g.announce(life, keep)
	asking, over := context.WithCancel(keep)
	defer over()
	res = gameday.Walk(life, g.day, g.head, gameday.Means{
		Load: g.load, Chaos: g.hurt, Answers: g.answers, Ended: func() string { return g.ended(keep) }, Quiet: quiet, Tell: func(r gameday.Report) {
			g.tell(keep, r)
			if r.Step.Asks {
				g.beside.Go(func() { g.post(asking) })
			}
		},
	})
	over()
	g.beside.Wait()
	return res, errors.Join(g.problems, g.allClear(keep, res))
}

// endWith has a signal end the day. What it returns takes that back.
func (g *gamedayRun) endWith(life context.Context, end context.CancelCauseFunc) (release func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		select {
		case s := <-signals:
			end(errors.New(endedBy(s, g.rec.by.Actor)))
		case <-life.Done():
		}
	}()
	return func() { signal.Stop(signals) }
}

// heed passes on what the screen says that has started the day, and ends the day when it is
// gone, by whatever death. It ends with its standard input, or with the process.
func (g *gamedayRun) heed(end context.CancelCauseFunc) {
	for lines := bufio.NewScanner(g.stdin); lines.Scan(); {
		select {
		case g.confirms <- struct{}{}:
		default: // it is known
		}
	}
	end(fmt.Errorf("ended with the screen that started it (%s)", g.rec.by.Actor))
	select {
	case g.signals <- syscall.SIGHUP: // nobody waits for health to return
	default:
	}
}

// declare opens the drill, and says that the day has begun.
func (g *gamedayRun) declare(ctx context.Context, run string) (err error) {
	policy, err := g.policy()
	if err != nil {
		return err
	}
	if g.first, err = g.db.Last(ctx); err != nil {
		return err
	}
	g.head = g.day.Head(run, ulid.Make().String(), "", g.parts.known, time.Now())
	g.head.Schedule, _ = g.day.Schedule(g.parts.known)
	began, err := openGameday(ctx, g.db, g.stamp(), g.day, g.head, policy.Frozen(g.day.Service))
	if err != nil {
		return err
	}
	g.head = *began.Result
	g.say(began)
	return nil
}

// announce tells those who are told of such drills. That nobody hears of it does not keep
// the day from beginning; it is said.
func (g *gamedayRun) announce(life, keep context.Context) {
	drill := incident.ID(g.head.Drill)
	_, most := g.day.Schedule(g.parts.known)
	var parts []string
	for _, p := range g.preflight.plans {
		parts = append(parts, "load "+p.Name)
	}
	for _, r := range g.runs {
		parts = append(parts, "chaos "+r.Name)
	}
	_, err := incident.NewDesk(g.db).Update(keep, g.stamp(), drill, incident.Update{
		Conditions: strings.TrimSpace(fmt.Sprintf("game day %s begins, and lasts at most %s. %s", g.day.Name, strictyaml.FormatDuration(most), g.day.Hypothesis)),
		Actions:    strings.Join(parts, ", "),
		Needs:      fmt.Sprintf("whoever wants it to end: resolve %s, Halt or /sitrep halt in Slack, or sitrep chaos halt", drill),
	})
	g.note(err)
	g.send(life, keep)
}

// send delivers what is due for the drill, and keeps the boards as they are.
func (g *gamedayRun) send(life, keep context.Context) {
	g.taking.Lock()
	defer g.taking.Unlock()
	drill := incident.ID(g.head.Drill)
	if err := g.deliver(life, g.db, drill); err != nil && life.Err() == nil {
		fmt.Fprintf(g.stderr, "sitrep: %s\n", sanitise(err.Error()))
	}
	g.capture(keep, g.db, g.stamp(), drill)
}

// post has chats told what is asked, and what came of it, if nobody else runs the ladder.
// The answers are waited for meanwhile.
func (g *gamedayRun) post(ctx context.Context) {
	g.taking.Lock()
	defer g.taking.Unlock()
	engine, err := g.ladder(ctx, g.db, nil, func(error) {}) // what is not sent stands in sitrep pages
	if err == nil {
		err = engine.Deliver(ctx, deliverPatience)
	}
	var elsewhere *escalation.HeldError
	if err != nil && !errors.As(err, &elsewhere) && ctx.Err() == nil {
		fmt.Fprintf(g.stderr, "sitrep: the question is not asked in chats: %s\n", sanitise(err.Error()))
	}
}

// allClear records how the day went, tells that it is over, and resolves the drill.
func (g *gamedayRun) allClear(ctx context.Context, res gameday.Result) error {
	by, drill := g.stamp(), incident.ID(res.Drill)
	clear := "everything is over and undone"
	if res.Verdict == chaos.UndoFailed {
		clear = "NOT everything is undone"
	}
	_, err := incident.NewDesk(g.db).Update(ctx, by, drill, incident.Update{Conditions: fmt.Sprintf("game day %s: %s; %s: %s", res.Day, clear, res.Verdict, res.Reason)})
	_, cerr := closeGameday(ctx, g.db, by, res, g.day.Owner)
	if err := errors.Join(err, cerr); err != nil {
		return err
	}
	if _, err := refreshDraft(ctx, g.db, drill, by); err != nil {
		return err
	}
	g.send(ctx, ctx)
	return nil
}

// ended says why the day is to end, if it is.
func (g *gamedayRun) ended(ctx context.Context) string {
	if text, is := chaos.Halted(g.dir); is {
		return chaos.HaltReason(text)
	}
	if why := g.held.Lost(); why != "" {
		return why
	}
	inc, err := g.db.Incident(ctx, incident.ID(g.head.Drill))
	if err == nil && inc.Status.Over() { // what cannot be read now is read in a moment
		return fmt.Sprintf("its drill %s is %s: %s", inc.ID, inc.Status, inc.Resolution)
	}
	return ""
}

// load runs a plan for a step.
func (g *gamedayRun) load(ctx context.Context, name string) (loadtest.Result, error) {
	i := slices.IndexFunc(g.parts.plans, func(p loadtest.Plan) bool { return p.Name == name })
	means := g.means
	release, err := g.handle(ctx, &means, false)
	if err != nil {
		return loadtest.Result{}, err
	}
	defer release()
	return runPlan(ctx, g.db, g.rec, g.parts.plans[i], means, g.loadProgress())
}

// hurt runs an experiment for a step. Whatever its file says, it ends with this process:
// nobody would go on with the day.
func (g *gamedayRun) hurt(ctx context.Context, name string) (chaos.Outcome, error) {
	i := slices.IndexFunc(g.parts.experiments, func(e experiment) bool { return e.Name == name })
	e := g.parts.experiments[i]
	req, err := g.chaosRequest(ctx, g.db, e)
	if err != nil {
		return chaos.Outcome{}, err
	}
	req.Confirm, req.OnDisconnect = g.confirmFor(e), chaos.DisconnectAbort
	follow := g.chaosFollower(g.rec, g.network)
	follow.part, follow.confirms = true, g.confirms
	out, problems, err := follow.conduct(ctx, req, e.Experiment, g.signals)
	g.note(problems)
	return out, err
}

// tell records a fact of the day, and says it.
func (g *gamedayRun) tell(ctx context.Context, r gameday.Report) {
	g.note(g.rec.gameday(ctx, incident.ID(g.head.Drill), r))
	g.say(r)
}

func (g *gamedayRun) say(r gameday.Report) {
	if g.flags.json {
		g.note(json.NewEncoder(g.stdout).Encode(r))
		return
	}
	g.note(g.tellLine(r.At, r.Run, "gameday", r.Text))
}

func verdictOfGameday(ctx context.Context, r gameday.Result) error {
	text := fmt.Errorf("%s %s: %s: %s", r.Run, r.Day, r.Verdict, r.Reason)
	switch {
	case r.Verdict == chaos.UndoFailed:
		return withCode(exitUndoFailed, text)
	case r.Verdict == chaos.Held:
		return nil
	case ctx.Err() != nil:
		return withCode(exitInterrupted, text)
	case r.Verdict == chaos.Inconclusive:
		return withCode(exitInconclusive, text)
	}
	return withCode(exitNotHeld, text)
}
