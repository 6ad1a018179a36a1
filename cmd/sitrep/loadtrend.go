package main

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) trendLoadCommand() *cobra.Command {
	last := 30
	c := &cobra.Command{
		Use: "trend PLAN", Short: "how the runs of a plan have changed over time", Args: cobra.ExactArgs(1),
		Long: "Lists the last runs of a plan that say something about its target, the oldest first, with the slope of their percentiles\n" +
			"(Theil and Sen, with a 95 % interval): a slope whose interval has no zero in it is a trend.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if last < 2 || last > 1000 {
				return usage("--last is 2 to 1000")
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error { return a.loadTrend(cmd.Context(), db, args[0], last) })
		},
	}
	c.Flags().IntVar(&last, "last", last, "how many runs")
	return c
}

// trendOfRuns is the slope of one number over the runs, as a share of its median a run.
type trendOfRuns struct {
	Metric string  `json:"metric"`
	Slope  float64 `json:"slope"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// leastTrend is from how many runs on a slope is more than a line through points.
const leastTrend = 6

func (a *app) loadTrend(ctx context.Context, db *store.DB, plan string, last int) error {
	all, err := db.Runs(ctx, 1000)
	if err != nil {
		return err
	}
	var runs []loadtest.Result
	for _, r := range all {
		if r.Plan == plan && r.Kind != "knee" && r.Requests > 0 && r.Verdict != loadtest.Aborted && r.Generator != loadtest.GeneratorInvalid && len(runs) < last {
			runs = append(runs, r)
		}
	}
	if len(runs) == 0 {
		return usage("plan %s has no run that says something about its target: sitrep load run %s makes one", plan, plan)
	}
	slices.Reverse(runs)
	trends := trendsOf(runs)
	if a.flags.json {
		return a.print(map[string]any{"plan": plan, "runs": runs, "trends": trends})
	}
	rows := [][]string{{"RUN", "STARTED", "RATE", "P50", "P95", "P99", "ERRORS", "VERDICT"}}
	for i, r := range runs {
		changed := ""
		if i > 0 && r.PlanHash != runs[i-1].PlanHash {
			changed = " (the plan was changed)"
		}
		rows = append(rows, []string{
			r.Run, stamp(r.StartedAt), fmt.Sprintf("%.4g/s", r.AchievedRate), ms(r.Latency.P50), ms(r.Latency.P95), ms(r.Latency.P99),
			query.FormatValue("percentunit", r.ErrorRatio), string(r.Verdict) + changed,
		})
	}
	if err := table(a.stdout, rows); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	if len(trends) == 0 {
		fmt.Fprintf(a.stdout, "%d more runs of the plan as it is now would show a trend\n", leastTrend-len(sameAsLast(runs)))
	}
	for _, t := range trends {
		what := "no trend"
		if t.Low > 0 || t.High < 0 {
			what = fmt.Sprintf("%+.1f %% a run", 100*t.Slope)
		}
		fmt.Fprintf(a.stdout, "%-5s%-14s(95 %%: %+.1f to %+.1f %%)\n", t.Metric, what, 100*t.Low, 100*t.High)
	}
	return nil
}

// sameAsLast are the runs at the end that sent what the last one did.
func sameAsLast(runs []loadtest.Result) []loadtest.Result {
	from := len(runs) - 1
	for from > 0 && runs[from-1].PlanHash == runs[len(runs)-1].PlanHash {
		from--
	}
	return runs[from:]
}

// trendsOf are those of the runs that sent the same as the last.
func trendsOf(runs []loadtest.Result) (all []trendOfRuns) {
	runs = sameAsLast(runs)
	if len(runs) < leastTrend {
		return nil
	}
	for _, m := range []struct {
		name string
		of   func(loadtest.Result) float64
	}{
		{"p50", func(r loadtest.Result) float64 { return r.Latency.P50.Seconds() }},
		{"p95", func(r loadtest.Result) float64 { return r.Latency.P95.Seconds() }},
		{"p99", func(r loadtest.Result) float64 { return r.Latency.P99.Seconds() }},
	} {
		var x, y []float64
		for i, r := range runs {
			x, y = append(x, float64(i)), append(y, m.of(r))
		}
		sorted := slices.Sorted(slices.Values(y))
		middle := sorted[len(sorted)/2]
		if middle <= 0 {
			continue
		}
		if s := query.TheilSen(x, y, 0.95); !math.IsInf(s.Low, 0) && !math.IsInf(s.High, 0) {
			all = append(all, trendOfRuns{m.name, s.PerX / middle, s.Low / middle, s.High / middle})
		}
	}
	return all
}
