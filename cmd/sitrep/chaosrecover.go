package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sitrep-dev/sitrep/chaos"
)

func (a *app) recoverChaos(ctx context.Context) error {
	dir, err := chaosDir()
	if err != nil {
		return err
	}
	done, err := chaos.Recover(ctx, dir)
	a.onTimeline(ctx, dir, done)
	taken, terr := takenRuns(dir)
	type view struct {
		Run        string   `json:"run"`
		Experiment string   `json:"experiment"`
		Journal    string   `json:"journal"`
		Undone     []string `json:"undone"`
		Error      string   `json:"error"`
	}
	views := []view{}
	for _, r := range done {
		v := view{Run: r.Run, Experiment: r.Experiment, Journal: r.Journal, Undone: r.Undone}
		if r.Err != nil {
			v.Error = r.Err.Error()
		}
		views = append(views, v)
	}
	var waiting error
	for _, r := range taken {
		views = append(views, view{Run: r.Run, Experiment: r.Experiment, Journal: r.Journal, Undone: []string{}, Error: r.why.Error()})
		waiting = errors.Join(waiting, r.why)
	}
	problem := withCode(exitInconclusive, errors.Join(waiting, terr))
	if err != nil {
		problem = withCode(exitUndoFailed, errors.Join(err, waiting))
	}
	if a.flags.json {
		return cmp.Or(a.print(views), problem)
	}
	for _, v := range views[:len(done)] { // of the others the error says it
		failed := ""
		if v.Error != "" {
			failed = "; NOT PROVEN UNDONE" // why is the error
		}
		fmt.Fprintln(a.stdout, sanitise(strings.TrimSpace(v.Run+" "+v.Experiment)+": undone: "+orNone(v.Undone)+failed))
	}
	if len(views) == 0 && problem == nil {
		fmt.Fprintln(a.stdout, "nothing to undo")
	}
	return problem
}

// takenRun is an open run that somebody living has: its undo is theirs.
type takenRun struct {
	chaos.OpenRun
	why error // it is not proven undone
}

func takenRuns(dir string) (taken []takenRun, err error) {
	open, err := chaos.Active(dir)
	for _, r := range open {
		who := r.Holder()
		switch {
		case who == "":
			continue // recovery has done what can be done, and said so
		case r.Undoing || !r.Runner.Alive():
			taken = append(taken, takenRun{r, fmt.Errorf("%s %s is being undone by %s: nothing is proven yet; ask again", r.Run, r.Experiment, who)})
		default:
			taken = append(taken, takenRun{r, fmt.Errorf("%s %s still runs, and undoes its faults itself (%s); sitrep chaos halt ends it", r.Run, r.Experiment, who)})
		}
	}
	return taken, err
}
