package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/loadtest/knee"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func (a *app) kneeLoadCommand() *cobra.Command {
	var least, most float64
	budget := 10 * time.Minute
	c := &cobra.Command{
		Use: "knee NAME|FILE", Short: "find the highest rate at which the thresholds of a plan hold", Args: cobra.ExactArgs(1),
		Long: "Sends what a plan says at rates of its own choice: doubling until the thresholds do not hold, then ever closer to the knee, which\n" +
			"is held once more for longer before it is told. It becomes the capacity limit of resources with limit: {load: NAME}.\n" +
			"Guards of the plan end the search. Exit code 3 says that not even the lowest rate holds, or that there is too little headroom.",
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := a.planNamed(args[0])
			if err != nil {
				return err
			}
			most := min(most, loadtest.MaxRate)
			switch {
			case plan.Closed:
				return usage("plan %s is closed: users that wait send no rate that could be looked for", plan.Name)
			case len(plan.Thresholds) == 0:
				return usage("plan %s has no thresholds: the knee is where they stop to hold; add such as thresholds: [\"p99 < 200ms\", \"errors < 1%%\"]", plan.Name)
			case !(least > 0 && least < most) || budget <= 0:
				return usage("want 0 < --min < --max, and --for a time")
			}
			return a.findKnee(cmd.Context(), plan, least, most, budget)
		},
	}
	c.Flags().Float64Var(&least, "min", 10, "the lowest rate, per `SECOND`, which must hold")
	c.Flags().Float64Var(&most, "max", loadtest.MaxRate, "the highest rate, per `SECOND`")
	c.Flags().DurationVar(&budget, "for", budget, "how long to search; what was found is still confirmed")
	return c
}

func (a *app) findKnee(ctx context.Context, plan loadtest.Plan, least, most float64, budget time.Duration) error {
	return a.loading(ctx, func(db *store.DB, rec *recorder, means loadtest.Means) error {
		search := kneeSearch{app: a, plan: plan, means: means}
		found, err := search.run(ctx, db, rec, knee.Search{Min: least, Max: most, Thresholds: plan.Thresholds, Budget: budget})
		if err != nil {
			return err
		}
		return a.printKnee(ctx, plan, means, found)
	}, plan)
}

// kneeSearch is a search for the knee of a plan's target.
type kneeSearch struct {
	app   *app
	plan  loadtest.Plan
	means loadtest.Means
	last  loadtest.Result // of the last step
}

// run searches, records the search as one run, and keeps what it found: the look that
// confirmed it is the run's result.
func (k *kneeSearch) run(ctx context.Context, db *store.DB, rec *recorder, s knee.Search) (store.FoundKnee, error) {
	run, err := db.NextRun(ctx, "LT")
	if err != nil {
		return store.FoundKnee{}, err
	}
	began := time.Now()
	head := k.plan.Head(run, began)
	head.Kind = "knee"
	letGo, err := db.BeginRun(ctx, head)
	if err != nil {
		return store.FoundKnee{}, err
	}
	defer letGo()
	if err := rec.loadStarted(ctx, run, k.plan.Name, k.plan.Service, describePlan(k.plan), began); err != nil {
		return store.FoundKnee{}, err
	}
	s.Hold, s.Told = k.hold, k.told
	if len(k.plan.Resources) > 0 {
		s.Uses = k.uses
	}
	until, done := endable(ctx, db, run)
	found, err := s.Run(until)
	if asked := done(); asked != nil && err != nil {
		err = fmt.Errorf("%w: %w", asked, err)
	}
	found.Plan = k.plan.Name
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	res := k.last
	res.Run, res.Plan, res.Kind, res.StartedAt = run, k.plan.Name, "knee", began.UTC()
	if err != nil {
		res.Verdict, res.Reasons = loadtest.Aborted, []string{"no knee: " + err.Error()}
		if errors.Is(err, knee.ErrLowest) {
			res.Verdict = loadtest.Fail
			err = withCode(exitNotHeld, err)
		}
		if errors.Is(err, knee.ErrGenerator) {
			err = withCode(exitInconclusive, err)
		}
		return store.FoundKnee{}, errors.Join(err, db.SaveRun(keep, res), rec.loadFinished(keep, res, time.Now()))
	}
	res.Notes = append(res.Notes, fmt.Sprintf("the knee of a search of %d steps: %.4g/s held for %.0f s, %s", len(found.Steps), found.Rate, found.Confirmed, badRate(found)))
	out := store.FoundKnee{Run: run, At: time.Now(), Knee: found}
	if err := db.SaveRun(keep, res); err != nil {
		return out, err
	}
	return out, errors.Join(db.SaveKnee(keep, out), rec.loadFinished(keep, res, time.Now()))
}

func badRate(k knee.Knee) string {
	if k.Bad == 0 {
		return "nothing above it was tried"
	}
	return fmt.Sprintf("%.4g/s did not", k.Bad)
}

// hold is one step: the plan at one rate, without what it says of its own stages.
func (k *kneeSearch) hold(ctx context.Context, rate float64, dwell time.Duration) (loadtest.Result, error) {
	p := k.plan
	p.Stages = []loadtest.Stage{{From: rate, To: rate, For: dwell}}
	p.Warmup, p.Thresholds, p.Baseline, p.Kind = dwell/4, nil, "", ""
	res, err := k.means.Run(ctx, p)
	k.last = res
	return res, err
}

// told prints a step as it ends.
func (k *kneeSearch) told(s knee.Step) {
	fmt.Fprintf(k.app.stderr, "%8.4g/s for %3.0f s  %-7s p99 %-7s %s\n", s.Rate, s.Seconds, s.Verdict, ms(s.Latency.P99), sanitise(s.Why))
}

// uses asks how far the resources are used. What has no answer is left out.
func (k *kneeSearch) uses(ctx context.Context) map[string]float64 {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	all := map[string]float64{}
	for _, r := range k.plan.Resources {
		if v, ok, err := k.means.Prober.Probe(ctx, r.PromQL, time.Now()); err == nil && ok {
			all[r.Name] = v
		}
	}
	return all
}

// printKnee prints what was found, and whether it is enough for what the service sees.
func (a *app) printKnee(ctx context.Context, plan loadtest.Plan, means loadtest.Means, k store.FoundKnee) error {
	headroom, peak, err := a.headroom(ctx, plan, means, k.Knee)
	if err != nil {
		return err
	}
	if a.flags.json {
		view := struct {
			store.FoundKnee
			Peak     float64 `json:"peak,omitempty"`
			Headroom float64 `json:"headroom,omitempty"`
		}{k, peak, headroom}
		if err := a.print(view); err != nil {
			return err
		}
	} else {
		a.writeKnee(k, peak, headroom)
	}
	if peak > 0 && headroom < knee.EnoughHeadroom {
		return withCode(exitNotHeld, fmt.Errorf("%s: %.2fx headroom over the peak of %.4g/s; want %.1fx", plan.Name, headroom, peak, knee.EnoughHeadroom))
	}
	return nil
}

// headroom is how many times the demand of the plan there is room for; 0 where the plan
// does not say what that is.
func (a *app) headroom(ctx context.Context, plan loadtest.Plan, means loadtest.Means, k knee.Knee) (times, peak float64, err error) {
	if plan.Demand == "" {
		return 0, 0, nil
	}
	peak, ok, err := means.Prober.Probe(ctx, plan.Demand, time.Now())
	if err != nil || !ok || !(peak > 0) {
		return 0, 0, withCode(exitInconclusive, fmt.Errorf("the knee is %.4g/s; how much the service gets is not known: %s: %v", k.Rate, oneLine(plan.Demand), orNoValue(err)))
	}
	return k.Headroom(peak), peak, nil
}

func orNoValue(err error) error {
	if err == nil {
		return errors.New("no value above 0")
	}
	return err
}

func (a *app) writeKnee(k store.FoundKnee, peak, headroom float64) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(a.stdout, "%-12s%s\n", name, fmt.Sprintf(format, args...))
	}
	row("KNEE", "%.4g/s  %s  %s", k.Rate, k.Run, sanitise(k.Plan))
	if k.Bad > 0 {
		row("between", "%.4g/s, which held, and %.4g/s, which did not", k.Rate, k.Bad)
	} else {
		row("between", "it held every rate that was tried: give a higher --max")
	}
	row("confirmed", "for %s, %.1f %% sure", strictyaml.FormatDuration(time.Duration(k.Confirmed)*time.Second), 100*k.Confidence)
	row("plan with", "%.4g/s, nine tenths of it", k.Ceiling)
	row("saturation", "%.4g/s were sent at the most", k.Saturation)
	if peak > 0 {
		row("headroom", "%.2fx over the peak of %.4g/s", headroom, peak)
	}
	for i, r := range k.Resources {
		at := "never full"
		if r.FullAt > 0 {
			at = fmt.Sprintf("full at %.4g/s", r.FullAt)
		}
		row(map[bool]string{true: "first full"}[i == 0 && r.FullAt > 0], "%s  %s, %.0f %% used at the knee", sanitise(r.Name), at, 100*r.AtKnee)
	}
	for _, n := range k.Notes {
		fmt.Fprintln(a.stdout, "  ! "+strings.TrimSpace(sanitise(n)))
	}
}
