package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
)

// haltPatience bounds how long `chaos halt` waits for every undo.
const haltPatience = 15 * time.Second

// errPlanned is that a run which has touched nothing yet does not end.
var errPlanned = errors.New("a run that is being planned has not ended, and HALT stays: once it has, sitrep chaos halt --clear")

func (a *app) haltCommand() *cobra.Command {
	var clear bool
	var reason string
	c := &cobra.Command{
		Use: "halt", Short: "end and undo every run of this state directory, and allow no new one until halt --clear", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := chaosDir()
			if err != nil {
				return err
			}
			if clear {
				return a.clearHalt(dir)
			}
			return a.halt(cmd.Context(), dir, reason)
		},
	}
	c.Flags().BoolVar(&clear, "clear", false, "allow runs again")
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever is refused a run and for the verdicts")
	c.MarkFlagsMutuallyExclusive("clear", "reason")
	return c
}

func (a *app) clearHalt(dir string) error {
	text, was := chaos.Halted(dir)
	if err := chaos.ClearHalt(dir); err != nil {
		return err
	}
	said := "runs are allowed again"
	switch {
	case !was:
		said = "there was no HALT: runs were allowed, and are"
	case text != "":
		said += " (it was " + text + ")"
	}
	_, err := fmt.Fprintln(a.stdout, sanitise(said))
	return err
}

// halt raises HALT in the name of who asks, and says which runs it has ended.
func (a *app) halt(ctx context.Context, dir, reason string) error {
	who, err := a.actor()
	if err != nil {
		who = "somebody" // a name must not stand in the way of it
	}
	_, was := chaos.Halted(dir)
	ended, err := haltAll(ctx, dir, false, func() error { return chaos.Halt(dir, string(who), reason) })
	a.onTimeline(ctx, dir, nil)
	if err != nil {
		return err
	}
	text, _ := chaos.Halted(dir)
	if a.flags.json {
		return a.print(map[string]any{"halt": text, "ended": ended})
	}
	lines := []string{text}
	if was {
		lines = []string{"it was halted already: " + text}
	}
	for _, run := range ended {
		lines = append(lines, run+" is ended and undone")
	}
	lines = append(lines, "nothing is injected, and no run starts before sitrep chaos halt --clear")
	_, err = fmt.Fprintln(a.stdout, sanitiseLines(lines))
	return err
}

// sanitiseLines is lines that hold text from outside, each as one line.
func sanitiseLines(lines []string) string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = sanitise(l)
	}
	return strings.Join(out, "\n")
}

// haltAll raises HALT, returns once every run is undone and no game day sends load or
// begins another, and names those that were open. The error has the exit code of an undo
// that failed. Where HALT is raised for a moment only, a run that is still being planned is
// waited for as well: it could not see it any more.
func haltAll(ctx context.Context, dir string, moment bool, raise func() error) (ended []string, err error) {
	ended = []string{}
	note := func() (day string, err error) {
		before, _ := chaos.Active(dir) // what cannot be read is told below
		day, err = gameday.Walking(dir)
		names := []string{day}
		for _, r := range before {
			names = append(names, strings.TrimSpace(r.Run+" "+r.Experiment))
		}
		for _, name := range names {
			if name != "" && !slices.Contains(ended, name) {
				ended = append(ended, name)
			}
		}
		return day, err
	}
	_, _ = note() // before: a run may be over as soon as there is a HALT
	if err := raise(); err != nil {
		return []string{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, haltPatience)
	defer cancel()
	for {
		day, dayErr := note()
		_, err := chaos.Recover(ctx, dir) // of runs whose processes are dead
		open, activeErr := chaos.Active(dir)
		if activeErr == nil {
			open = slices.DeleteFunc(open, func(r chaos.OpenRun) bool { return r.Live && r.Undone })
		}
		planning, planErr := false, error(nil)
		if moment {
			planning, planErr = chaos.Planning(dir)
		}
		err = errors.Join(err, activeErr, dayErr, planErr)
		switch {
		case err == nil && len(open) == 0 && day == "" && !planning:
			return ended, nil
		case errors.Is(err, chaos.ErrDamaged) && !slices.ContainsFunc(open, func(r chaos.OpenRun) bool { return r.Live || r.Damage == "" }):
			return ended, withCode(exitUndoFailed, fmt.Errorf("halt: no run starts any more, but %w", err)) // waiting mends no journal
		case errors.Is(dayErr, gameday.ErrNoFile) && len(open) == 0:
			return ended, withCode(exitUndoFailed, fmt.Errorf("halt: every run is undone, but %w", err)) // nor that
		}
		select {
		case <-ctx.Done():
			switch {
			case err == nil && len(open) > 0:
				err = fmt.Errorf("%s is not proven undone", open[0].Run)
			case err == nil && planning:
				return ended, withCode(exitUndoFailed, fmt.Errorf("halt: %w", errPlanned))
			case err == nil:
				err = fmt.Errorf("the game day %s has not ended: is its process stopped?", day)
			}
			return ended, withCode(exitUndoFailed, fmt.Errorf("halt: %w; try sitrep chaos recover", err))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
