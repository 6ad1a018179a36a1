package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// gamedayKinds are the events that a run of a game day is the fold of.
var gamedayKinds = []incident.Kind{
	incident.GamedayStarted, incident.GamedayStepBegun, incident.GamedayAnswered, incident.GamedayStepEnded, incident.GamedayFinished,
}

// dayRuns are runs as the timeline tells of them, in the order in which they began.
type dayRuns []gameday.Result

// learn takes an event in; false if it says nothing of runs. What was returned of it before
// is not written to.
func (d *dayRuns) learn(e *incident.Event) bool {
	var rep gameday.Report
	if !slices.Contains(gamedayKinds, e.Kind) || e.Payload(&rep) != nil || rep.ID == "" {
		return false
	}
	i := slices.IndexFunc(*d, func(r gameday.Result) bool { return r.ID == rep.ID })
	if i < 0 {
		*d, i = append(*d, gameday.Result{}), len(*d)
	}
	(*d)[i] = (*d)[i].Apply(rep)
	return true
}

// readGamedays folds the runs that were recorded since then.
func readGamedays(ctx context.Context, db *store.DB, since time.Time) (dayRuns, error) {
	events, err := db.OfKinds(ctx, since, time.Now().Add(time.Hour), gamedayKinds...)
	if err != nil {
		return nil, err
	}
	runs := dayRuns{}
	for i := range events {
		runs.learn(&events[i])
	}
	return runs, nil
}

// pastGamedays are all runs; those whose process has died are ended first.
func (a *app) pastGamedays(ctx context.Context, db *store.DB) (dayRuns, error) {
	if err := a.endDeadGamedays(ctx, db); err != nil {
		return nil, err
	}
	return readGamedays(ctx, db, time.Unix(0, 0))
}

// endDeadGamedays ends what runs of dead processes have left, and says so.
func (a *app) endDeadGamedays(ctx context.Context, db *store.DB) error {
	by, err := a.by(nil)
	if err != nil {
		return err
	}
	ended, err := buryGamedays(ctx, &recorder{db: db, by: by, freeze: func() json.RawMessage { return nil }})
	for _, r := range ended {
		fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(buried(r)))
	}
	return err
}

func buried(r gameday.Result) string {
	return fmt.Sprintf("the game day %s %s was left by a process that died; its drill %s is resolved now", r.Run, r.Day, r.Drill)
}

// deadGamedaysEvery is how often whoever runs the ladder looks for them.
const deadGamedaysEvery = 5 * time.Second

// deadGamedays ends the game days of dead processes until ctx ends. Whoever runs the
// ladder does: it tells that the drill is over.
func (c *centre) deadGamedays(ctx context.Context) error {
	trouble := c.news.complaint()
	tick := time.NewTicker(deadGamedaysEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if !c.mine.Load() {
			continue
		}
		ended, err := buryGamedays(ctx, c.rec)
		for _, r := range ended {
			c.news.told(buried(r))
		}
		switch {
		case err == nil:
			trouble.say("")
		case ctx.Err() == nil:
			trouble.say(fmt.Sprintf("end the game days of dead processes: %v", err))
		}
	}
}

// buryGamedays ends the runs whose process has died, and resolves their drills. What
// became of the faults of their experiments, which nobody has followed since, is recorded.
func buryGamedays(ctx context.Context, rec *recorder) (ended []gameday.Result, err error) {
	now := time.Now()
	runs, err := readGamedays(ctx, rec.db, now.Add(-lookBack))
	if err != nil {
		return nil, err
	}
	runs = slices.DeleteFunc(runs, func(r gameday.Result) bool { return r.Run == "" || r.EndedAt != nil || rec.db.RunHeld(r.Run) })
	if len(runs) == 0 {
		return nil, nil
	}
	dir, err := chaosDir()
	if err != nil {
		return nil, err
	}
	_, _, err = rec.journals(ctx, dir, now)
	by := incident.By{Actor: incident.Sitrep, Source: rec.by.Source, At: now}
	for _, r := range runs {
		dead := r.Died(now)
		first, cerr := closeGameday(ctx, rec.db, by, dead, "")
		err = errors.Join(err, cerr)
		if first {
			ended = append(ended, dead)
		}
	}
	return ended, err
}

func (a *app) showGamedayCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show [RUN|last]", Short: "how a game day went, or how far it has come", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				past, err := a.pastGamedays(cmd.Context(), db)
				if err != nil {
					return err
				}
				r, err := chooseGameday(past, args)
				if err != nil {
					return err
				}
				if a.flags.json {
					return a.print(r)
				}
				return a.printGameday(r)
			})
		},
	}
}

// chooseGameday is the run of that name, or the last.
func chooseGameday(past []gameday.Result, args []string) (gameday.Result, error) {
	if len(past) == 0 {
		return gameday.Result{}, usage("no game day was held yet: sitrep gameday run NAME")
	}
	if len(args) == 0 || args[0] == "last" {
		return past[len(past)-1], nil
	}
	i := slices.IndexFunc(past, func(r gameday.Result) bool { return r.Run == args[0] })
	if i < 0 {
		return gameday.Result{}, usage("there is no run %q: sitrep gameday list shows the last", args[0])
	}
	return past[i], nil
}
