package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/loadtest/compare"
	"github.com/sitrep-dev/sitrep/store"
)

// comparing are the flags of commands that compare.
type comparing struct {
	margin, errors float64 // in percent
}

func (o *comparing) flags(c *cobra.Command) {
	c.Flags().Float64Var(&o.margin, "margin", 10, "response times and rates that change by fewer `PERCENT` are the same")
	c.Flags().Float64Var(&o.errors, "errors", 0.1, "errors that change by fewer `POINTS` of all requests in percent are the same")
}

func (o *comparing) options() (compare.Options, error) {
	if !(o.margin > 0 && o.margin <= 100) || !(o.errors > 0 && o.errors <= 100) {
		return compare.Options{}, usage("--margin and --errors are percentages above 0")
	}
	return compare.Options{Margin: o.margin / 100, Errors: o.errors / 100}, nil
}

func (a *app) compareLoadCommand() *cobra.Command {
	var flags comparing
	c := &cobra.Command{
		Use: "compare [BASE] [RUN]", Short: "say whether a run is slower than its baseline", Args: cobra.MaximumNArgs(2),
		Long: "Compares a run (the last one if none is named) with the baseline of its plan, or with another run. Both may be files that\n" +
			"sitrep load export has written. Exit code 3 says regressed, 5 unclear: the run was too short to tell.",
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := flags.options()
			if err != nil {
				return err
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				base, now, err := a.pairOfRuns(cmd.Context(), db, args)
				if err != nil {
					return err
				}
				return a.compareRuns(cmd.Context(), db, base, now, o)
			})
		},
	}
	flags.flags(c)
	return c
}

// pairOfRuns are the runs that the arguments name.
func (a *app) pairOfRuns(ctx context.Context, db *store.DB, args []string) (base, now loadtest.Result, err error) {
	last := "last"
	if len(args) > 0 {
		last = args[len(args)-1]
	}
	if now, err = runOrFile(ctx, db, last); err != nil {
		return base, now, err
	}
	if len(args) == 2 {
		base, err = runOrFile(ctx, db, args[0])
		return base, now, err
	}
	base, err = baselineOf(ctx, db, now.Plan)
	return base, now, err
}

func baselineOf(ctx context.Context, db *store.DB, plan string) (loadtest.Result, error) {
	all, err := db.Baselines(ctx)
	if err != nil {
		return loadtest.Result{}, err
	}
	i := slices.IndexFunc(all, func(b store.LoadBaseline) bool { return b.Plan == plan })
	if i < 0 {
		return loadtest.Result{}, usage("plan %s has no baseline; make a run of it one: sitrep load baseline %s RUN", plan, plan)
	}
	return db.LoadRun(ctx, all[i].Run)
}

// runOrFile is a run of the archive, or one that was exported.
func runOrFile(ctx context.Context, db *store.DB, name string) (r loadtest.Result, err error) {
	if !isFile(name) {
		return loadNamed(ctx, db, name)
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(src, &r); err != nil || r.Run == "" {
		return r, usage("%s is not a run that sitrep load export --format json has written: %v", name, orNotARun(err))
	}
	return r, nil
}

func orNotARun(err error) error {
	if err == nil {
		return errors.New("it names no run")
	}
	return err
}

// compareRuns prints a comparison; what it found is the exit code. Up to ten earlier runs of
// the same plan say what runs differ by from each other.
func (a *app) compareRuns(ctx context.Context, db *store.DB, base, now loadtest.Result, o compare.Options) error {
	runs, err := db.Runs(ctx, 200)
	if err != nil {
		return err
	}
	for _, r := range runs {
		same := r.PlanHash != "" && r.PlanHash == now.PlanHash && r.Target == base.Target && r.StartedAt.Before(now.StartedAt) &&
			r.Run != base.Run && r.Run != now.Run && r.Verdict != loadtest.Aborted && r.Generator == loadtest.GeneratorOK && len(r.Changes) == 0 && r.AbortedBy == ""
		if !same || len(o.Before) == 10 {
			continue
		}
		whole, err := db.LoadRun(ctx, r.Run)
		if err != nil {
			return err
		}
		o.Before = append(o.Before, whole)
	}
	c, err := compare.Runs(base, now, o)
	if err != nil {
		return err
	}
	return a.printComparison(c)
}

func (a *app) printComparison(c compare.Comparison) error {
	var err error
	if a.flags.json {
		err = a.print(c)
	} else {
		err = c.WriteText(a.stdout)
	}
	if err != nil {
		return err
	}
	var worse []string
	for _, m := range c.Metrics {
		if m.Verdict == c.Verdict {
			worse = append(worse, m.Metric)
		}
	}
	switch c.Verdict {
	case compare.Regressed:
		return withCode(exitNotHeld, fmt.Errorf("%s is worse than %s in %s", c.Run, c.Base, strings.Join(worse, ", ")))
	case compare.Unclear:
		return withCode(exitInconclusive, fmt.Errorf("nobody can tell yet whether %s is worse than %s in %s", c.Run, c.Base, strings.Join(worse, ", ")))
	}
	return nil
}
