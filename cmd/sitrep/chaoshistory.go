package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

func (a *app) historyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "history [NAME]", Short: "how the runs of experiments went over time: verdict, score, recovery, who; with --json all that their probes saw", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				return a.chaosHistory(cmd.Context(), db, args)
			})
		},
	}
}

// pastView is a past run as JSON.
type pastView struct {
	Run        string         `json:"run"`
	Experiment string         `json:"experiment"`
	By         string         `json:"by"`
	Began      *time.Time     `json:"began_at"`
	Ended      *time.Time     `json:"ended_at"`
	Outcome    *chaos.Outcome `json:"outcome"`
	Holder     string         `json:"holder"` // who has it while it goes on
}

func (a *app) chaosHistory(ctx context.Context, db *store.DB, names []string) error {
	past, err := readPast(ctx, db)
	if err != nil {
		return err
	}
	dir, err := chaosDir()
	if err != nil {
		return err
	}
	open, _ := chaos.Active(dir) // a journal that cannot be read is told by chaos and doctor
	past.held(open)
	list := past.list
	if len(names) > 0 {
		list = pane.PastOf(list, names[0])
		if len(list) == 0 && !a.flags.json {
			return fmt.Errorf("chaos history %s: no run of it is on the timeline of %s; sitrep chaos history lists those that are", sanitise(names[0]), db.Path())
		}
	}
	if a.flags.json {
		views := []pastView{}
		for _, p := range list {
			views = append(views, pastView{p.Run, p.Experiment, p.By, moment(p.Began), moment(p.Ended), p.Outcome, p.Holder})
		}
		return a.print(views)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.stdout, "no run is on the timeline yet")
		return err
	}
	return a.printHistory(list)
}

// printHistory prints the experiments in the order of their names, the runs of each
// the newest first.
func (a *app) printHistory(list []pane.ChaosPast) error {
	var names []string
	for _, p := range list {
		if !slices.Contains(names, p.Experiment) {
			names = append(names, p.Experiment)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		runs := pane.PastOf(list, name)
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		if _, err := fmt.Fprintln(a.stdout, sanitise(trendOf(name, runs))); err != nil {
			return err
		}
		rows := [][]string{{"RUN", "BEGAN", "VERDICT", "SCORE", "RECOVERED", "BY", "REASON"}}
		for _, p := range slices.Backward(runs) {
			rows = append(rows, []string{p.Run, stamp(p.Began), p.Verdict(), orDash(p.ScoreText()), orDash(p.RecoveryText()), p.By, p.Reason(time.UTC)})
		}
		if err := table(a.stdout, rows); err != nil {
			return err
		}
	}
	return nil
}

// trendOf is the line above the runs of an experiment, oldest to newest.
func trendOf(name string, runs []pane.ChaosPast) string {
	scores, recoveries := pane.Trends(runs)
	line := name + ": " + pane.Record(runs)
	for _, t := range []struct {
		what   string
		values []float64
	}{{"score", scores}, {"recovery", recoveries}} {
		known := slices.ContainsFunc(t.values, func(v float64) bool { return !math.IsNaN(v) })
		if spark := plot.Sparkline(t.values, mostTrend); known {
			line += fmt.Sprintf("  %s %s", t.what, strings.TrimSpace(spark))
		}
	}
	return line
}

// mostTrend is how many figures a trend of the command line is wide.
const mostTrend = 40
