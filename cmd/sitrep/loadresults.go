package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/loadtest/external"
	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) importResultsCommand() *cobra.Command {
	var plan string
	c := &cobra.Command{
		Use: "import-results FILE", Short: "take results of k6 or JMeter into the archive", Args: cobra.ExactArgs(1),
		Long: "Take what k6 (--out json, --summary-export) or JMeter (a JTL, XML or CSV) has measured into the archive, where load show, compare\n" +
			"and export find it. FILE may be compressed by gzip, or - for what comes in. What such files do not say, the result does: when requests\n" +
			"were due above all, so that its percentiles leave out those who waited (coordinated omission).",
		RunE: func(cmd *cobra.Command, args []string) error { return a.importResults(cmd.Context(), args[0], plan) },
	}
	c.Flags().StringVar(&plan, "plan", "", "what the runs of this test are called (the `name` of the file)")
	return c
}

func (a *app) importResults(ctx context.Context, from, plan string) (err error) {
	in, written := io.Reader(a.stdin), time.Now()
	if from != "-" {
		f, err := openNow(from)
		if err != nil {
			return withCode(exitUsage, err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if info, err := f.Stat(); err == nil {
			written = info.ModTime()
		}
		in = f
	}
	res, err := external.Read(in, cmp.Or(plan, external.PlanName(from)), written)
	if err != nil {
		return withCode(exitUsage, fmt.Errorf("import results of %s: %w", from, err))
	}
	return a.withStore(ctx, func(db *store.DB) error {
		runs, err := db.Runs(ctx, 1000)
		if err != nil {
			return err
		}
		for _, r := range runs {
			if r.Engine == res.Engine && r.Plan == res.Plan && r.StartedAt.Equal(res.StartedAt) && r.Requests == res.Requests {
				return usage("%s is in the archive already, as %s", from, r.Run)
			}
		}
		if res.Run, err = db.NextRun(ctx, "LT"); err != nil {
			return err
		}
		if err := db.SaveRun(ctx, res); err != nil {
			return err
		}
		whole, err := db.LoadRun(ctx, res.Run)
		if err != nil {
			return err
		}
		return a.printRun(whole)
	})
}
