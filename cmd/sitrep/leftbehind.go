package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos"
)

// leftPatience is how long a command waits for the undo of what dead runs have left,
// before it does what it was asked for.
const leftPatience = 10 * time.Second

// undoesItself are the commands that look for what dead runs have left by themselves:
// while they run, or because that is what they are for.
var undoesItself = []string{"sitrep", "sitrep demo", "sitrep daemon", "sitrep keep-ladder", "sitrep chaos recover", "sitrep chaos halt"}

// undoLeft takes back what runs of dead processes have left, whatever command is started.
// What cannot be undone is told and keeps nobody from an incident; it is tried again
// by the next command.
func (a *app) undoLeft(cmd *cobra.Command, _ []string) {
	if slices.Contains(undoesItself, cmd.CommandPath()) {
		return
	}
	dir, err := chaosDir()
	if err != nil {
		return // the command says so, if it needs it
	}
	open, _ := chaos.Active(dir) // a journal that cannot be read is told by chaos and doctor
	if !slices.ContainsFunc(open, func(r chaos.OpenRun) bool { return !r.Live && r.Damage == "" }) {
		_ = a.recordEnds(cmd.Context(), dir, nil) // others may have undone what was started here; of a store that is none the command tells, if it needs it
		return
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), leftPatience)
	defer cancel()
	done, err := chaos.Recover(ctx, dir)
	mine, _ := a.storePath() // where nobody knows, the store of every run is named
	mine = absolute(mine)
	for _, r := range done {
		if r.Err == nil {
			fmt.Fprintf(a.stderr, "sitrep: %s was left by a process that died; undone now: %s\n", sanitise(leftName(r, mine)), sanitise(orNone(r.Undone)))
		}
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "sitrep: NOT PROVEN UNDONE: %s\nsitrep: sitrep chaos recover tries again and says what to do by hand\n", sanitise(err.Error()))
	}
	a.onTimeline(cmd.Context(), dir, done)
}

// leftName is a run that was left, for people who look at a store: each counts its own runs,
// and one of another has a name that may be that of one here.
func leftName(r chaos.Recovered, store string) string {
	name := strings.TrimSpace(r.Run + " " + r.Experiment)
	if r.Store != "" && r.Store != store {
		name += " (of the store " + r.Store + ")"
	}
	return name
}

// untoldText tells how a run ended whose starter could not.
func untoldText(r chaos.Report) string {
	return fmt.Sprintf("%s %s, which nobody followed to its end: %s", r.Run, r.Experiment, r.Text)
}
