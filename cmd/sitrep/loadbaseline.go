package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) baselineLoadCommand() *cobra.Command {
	var clear bool
	c := &cobra.Command{
		Use: "baseline [PLAN [RUN|last]]", Short: "the run that others of a plan are compared with", Args: cobra.MaximumNArgs(2),
		Long: "Without a run, says which it is; with one, makes it that. Only a run that passed can be one.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				switch {
				case clear && len(args) != 1:
					return usage("--clear wants the plan alone")
				case clear:
					return a.clearBaseline(cmd.Context(), db, args[0])
				case len(args) == 2:
					return a.setBaseline(cmd.Context(), db, args[0], args[1])
				}
				return a.listBaselines(cmd.Context(), db, args)
			})
		},
	}
	c.Flags().BoolVar(&clear, "clear", false, "the plan has no baseline any more")
	return c
}

func (a *app) setBaseline(ctx context.Context, db *store.DB, plan, run string) error {
	if run == "last" {
		last, err := lastOf(ctx, db, plan)
		if err != nil {
			return err
		}
		run = last
	}
	r, err := loadNamed(ctx, db, run)
	if err != nil {
		return err
	}
	switch {
	case r.Plan != plan:
		return usage("%s is a run of %s, not of %s", r.Run, r.Plan, plan)
	case r.Verdict != loadtest.Pass || len(r.Changes) > 0:
		return withCode(exitRefused, fmt.Errorf("%s cannot be a baseline: its verdict is %s, and its rate was changed by hand %d times; want pass, and 0", r.Run, r.Verdict, len(r.Changes)))
	}
	by, err := a.actor()
	if err != nil {
		return err
	}
	if err := db.SetBaseline(ctx, store.LoadBaseline{Plan: plan, Run: r.Run, Actor: string(by), At: time.Now()}); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "later runs of %s are compared with %s: sitrep load compare\n", plan, r.Run)
	return nil
}

// lastOf is the last run of a plan.
func lastOf(ctx context.Context, db *store.DB, plan string) (string, error) {
	runs, err := db.Runs(ctx, 1000)
	if err != nil {
		return "", err
	}
	for _, r := range runs {
		if r.Plan == plan {
			return r.Run, nil
		}
	}
	return "", usage("plan %s has no run yet: sitrep load run %s makes one", plan, plan)
}

func (a *app) clearBaseline(ctx context.Context, db *store.DB, plan string) error {
	had, err := db.ClearBaseline(ctx, plan)
	if err != nil {
		return err
	}
	if !had {
		return usage("plan %s has no baseline", plan)
	}
	fmt.Fprintf(a.stdout, "plan %s has no baseline any more\n", plan)
	return nil
}

func (a *app) listBaselines(ctx context.Context, db *store.DB, plans []string) error {
	all, err := db.Baselines(ctx)
	if err != nil {
		return err
	}
	shown := []store.LoadBaseline{}
	rows := [][]string{{"PLAN", "BASELINE", "SINCE", "BY"}}
	for _, b := range all {
		if len(plans) == 0 || plans[0] == b.Plan {
			shown = append(shown, b)
			rows = append(rows, []string{b.Plan, b.Run, stamp(b.At), b.Actor})
		}
	}
	if a.flags.json {
		return a.print(shown)
	}
	if len(shown) == 0 {
		fmt.Fprintln(a.stdout, "no plan has a baseline; make a run one: sitrep load baseline PLAN last")
		return nil
	}
	return table(a.stdout, rows)
}
