package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/loadtest/compare"
	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) abLoadCommand() *cobra.Command {
	var flags comparing
	var other string
	pairs := 8
	c := &cobra.Command{
		Use: "ab NAME|FILE", Short: "run a plan against two targets in turn, and say which is slower", Args: cobra.ExactArgs(1),
		Long: "Runs a plan against its own target (A) and the same requests against another (B), in pairs whose order changes, and compares\n" +
			"within the pairs: what the hour does to both is no difference. Exit code 3 says that B is worse, 5 that it is unclear.",
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := a.planNamed(args[0])
			if err != nil {
				return err
			}
			o, err := flags.options()
			if err != nil {
				return err
			}
			if pairs < compare.LeastPairs || pairs > compare.MostPairs {
				return usage("--pairs is %d to %d", compare.LeastPairs, compare.MostPairs)
			}
			b, err := plan.At(other)
			if err != nil {
				return usage("--b: %v", err)
			}
			return a.runPairs(cmd.Context(), plan, b, pairs, o)
		},
	}
	flags.flags(c)
	c.Flags().StringVar(&other, "b", "", "scheme and host of the other target, such as `http://127.0.0.1:8081`")
	c.Flags().IntVar(&pairs, "pairs", pairs, "how many pairs of runs")
	_ = c.MarkFlagRequired("b")
	return c
}

func (a *app) runPairs(ctx context.Context, planA, planB loadtest.Plan, n int, o compare.Options) error {
	return a.loading(ctx, func(db *store.DB, rec *recorder, means loadtest.Means) error {
		var pairs []compare.Pair
		for i := range n {
			var results [2]loadtest.Result
			for _, k := range [][]int{{0, 1}, {1, 0}}[i%2] {
				plan := []loadtest.Plan{planA, planB}[k]
				res, err := runPlan(ctx, db, rec, plan, means, a.loadProgress())
				if err != nil {
					return err
				}
				fmt.Fprintf(a.stderr, "pair %d of %d: %s %s: %s\n", i+1, n, res.Run, res.Target, sanitise(describeResult(res)))
				if res.Verdict == loadtest.Aborted || res.Generator == loadtest.GeneratorInvalid {
					return verdictOfLoad(res)
				}
				results[k] = res
			}
			pairs = append(pairs, compare.Pair{A: results[0], B: results[1]})
		}
		c, err := compare.Pairs(pairs, o)
		if err != nil {
			return err
		}
		return a.printComparison(c)
	}, planA, planB)
}
