package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/loadtest/compare"
	"github.com/sitrep-dev/sitrep/loadtest/external"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func (a *app) loadCommand() *cobra.Command {
	group := &cobra.Command{Use: "load", Short: "load tests: plans, runs and results"}
	group.AddCommand(
		&cobra.Command{Use: "list", Short: "plans of the configuration, and the last runs", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return a.listLoad(cmd.Context())
		}},
		&cobra.Command{Use: "check FILE", Short: "read a plan and say what is wrong with it", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			return a.checkLoad(cmd.Context(), args[0])
		}},
		a.runLoadCommand(), a.stopLoadCommand(),
		a.showLoadCommand(), a.exportLoadCommand(), a.importLoadCommand(), a.importResultsCommand(),
		a.compareLoadCommand(), a.baselineLoadCommand(), a.abLoadCommand(), a.trendLoadCommand(), a.kneeLoadCommand(),
	)
	return group
}

func (a *app) runLoadCommand() *cobra.Command {
	var dry, compared, detached bool
	var metrics string
	var given []string
	var tell int
	cmd := &cobra.Command{
		Use: "run NAME|FILE", Short: "run a plan and archive the result", Args: cobra.ExactArgs(1),
		Long: "Runs a plan and archives the result. At a terminal + and - change the rate by a tenth. The first ctrl-C ends the arrivals\nand lets requests in flight end; the second closes their sockets.\n" +
			"A script of k6 (.js, .ts) or a plan of JMeter (.jmx) is run by that program, where it is installed, and its result is archived.",
		RunE: func(cmd *cobra.Command, args []string) error {
			properties, err := jmeterProperties(given)
			if err != nil {
				return err
			}
			if detached && (dry || compared) {
				return usage("--detach leaves the run to itself: nobody would see what --dry-run or --compare says (sitrep load compare looks at it afterwards)")
			}
			if detached {
				return a.detachLoad(cmd.Context())
			}
			if tell > 0 {
				a.begun = teller(tell)
			}
			if external.Of(args[0]) != "" && isFile(args[0]) {
				if metrics != "" {
					return usage("--metrics tells of load that sitrep makes itself; %s has its own", external.Of(args[0]))
				}
				return a.runOutside(cmd.Context(), args[0], properties, dry, compared)
			}
			plan, err := a.planNamed(args[0])
			if err != nil {
				return err
			}
			if dry {
				return a.rehearseLoad(cmd.Context(), plan)
			}
			return a.runLoad(cmd.Context(), plan, metrics, compared)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be sent, measure the baseline and ask the guards, and send nothing")
	cmd.Flags().BoolVar(&compared, "compare", false, "compare it with the baseline of the plan: exit code 3 says that it is worse (sitrep load compare)")
	cmd.Flags().BoolVar(&detached, "detach", false, "leave it to a process of its own, which goes on when this terminal is gone (sitrep load stop ends it)")
	cmd.Flags().IntVar(&tell, tellFlag, 0, "where a run that was detached says its ID")
	_ = cmd.Flags().MarkHidden(tellFlag)
	cmd.Flags().StringArrayVarP(&given, "property", "J", nil, "a property for a plan of JMeter, as `NAME=VALUE`")
	cmd.Flags().StringVar(&metrics, "metrics", "", "answer Prometheus at http://`ADDRESS`/metrics while the run goes on, such as 127.0.0.1:9400")
	return cmd
}

// plans loads the plans of the configuration and refuses two on one key.
func (a *app) plans() ([]loadtest.Plan, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	plans, err := loadAll(c, "plans", c.Plans, loadtest.LoadPlan)
	for i := range plans {
		plans[i].Outside = c.Load.Hosts
	}
	return plans, err
}

// planFile reads a plan, which may go where the configuration allows.
func (a *app) planFile(file string) (loadtest.Plan, error) {
	c, err := a.config()
	if err != nil {
		return loadtest.Plan{}, err
	}
	plan, err := loadFile(file, loadtest.LoadPlan)
	plan.Outside = c.Load.Hosts
	return plan, err
}

// planNamed finds a plan of the configuration by name, or reads a file.
func (a *app) planNamed(name string) (loadtest.Plan, error) {
	if isFile(name) {
		return a.planFile(name)
	}
	plans, err := a.plans()
	if err != nil {
		return loadtest.Plan{}, err
	}
	var names []string
	for _, p := range plans {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return loadtest.Plan{}, usage("there is no plan %q, and no such file; the configuration has: %s", name, orNone(names))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// refused gives an error the exit code of a refusal if it is one.
func refused(err, sentinel error) error {
	if errors.Is(err, sentinel) {
		return withCode(exitRefused, err)
	}
	return err
}

// loading does what sends the requests of plans: production is confirmed, by the names of
// all that is loaded, each plan may be sent, and what happens is recorded.
func (a *app) loading(ctx context.Context, do func(*store.DB, *recorder, loadtest.Means) error, plans ...loadtest.Plan) error {
	var hosts []string
	for _, p := range plans {
		if !slices.Contains(hosts, p.Host()) {
			hosts = append(hosts, p.Host())
		}
	}
	if err := a.confirm(strings.Join(hosts, " and ")); err != nil {
		return err
	}
	var live []string
	for _, p := range plans {
		reached, err := p.Beyond(ctx)
		if err != nil {
			return refused(err, loadtest.ErrRefused)
		}
		live = append(live, productionHosts(reached)...)
	}
	if what := strings.Join(slices.Compact(live), " and "); what != "" && a.flags.confirm != what {
		return withCode(exitRefused, fmt.Errorf("%s, whose entry in load.hosts says that it is production, or does not say what it is%s: to send it load say --confirm %q", what, a.wrongConfirm(), what))
	}
	for _, p := range plans {
		if p.HTTP.TLS.Insecure {
			fmt.Fprintln(a.stderr, "sitrep: WARNING: insecure: no certificate is verified; anybody could answer, and gets what the plan sends")
		}
	}
	return a.loaded(ctx, do)
}

// loaded does what is recorded as load.
func (a *app) loaded(ctx context.Context, do func(*store.DB, *recorder, loadtest.Means) error) error {
	rec, stop, err := a.recorder(ctx)
	if err != nil {
		return err
	}
	defer stop()
	means, closeAll := a.loadMeans()
	defer closeAll()
	return a.withStore(ctx, func(db *store.DB) error {
		rec.db = db
		return refused(do(db, rec, means), loadtest.ErrRefused)
	})
}

// productionHosts are those that somebody has to type before they are sent load.
func productionHosts(reached []loadtest.Reached) (hosts []string) {
	for _, r := range reached {
		if r.Production() {
			hosts = append(hosts, r.To)
		}
	}
	return hosts
}

func (a *app) runLoad(ctx context.Context, plan loadtest.Plan, metrics string, compared bool) error {
	return a.loading(ctx, func(db *store.DB, rec *recorder, means loadtest.Means) (err error) {
		progress := a.loadProgress()
		if metrics != "" {
			m, tell := newLoadMetrics(plan.Name), progress
			wait, bad := m.serve(ctx, metrics)
			if bad != nil {
				return bad
			}
			defer func() { err = errors.Join(err, wait()) }()
			progress = func(run string, p loadtest.Progress) { m.now.Store(&p); tell(run, p) }
		}
		var base loadtest.Result
		if compared {
			if base, err = baselineOf(ctx, db, plan.Name); err != nil { // before a minute is spent
				return err
			}
		}
		release, err := a.handle(ctx, &means, !plan.Closed)
		if err != nil {
			return err
		}
		res, err := runPlan(ctx, db, rec, plan, means, progress)
		release()
		if err != nil {
			return err
		}
		return a.endLoad(ctx, db, res, compared, base)
	}, plan)
}

// endLoad prints a result, compared with a baseline if that was asked for, and is the error that
// its verdict ends the process by.
func (a *app) endLoad(ctx context.Context, db *store.DB, res loadtest.Result, compared bool, base loadtest.Result) error {
	if err := a.printResult(res); err != nil {
		return err
	}
	if err := verdictOfLoad(res); err != nil || !compared {
		return err
	}
	fmt.Fprintln(a.stdout)
	return a.compareRuns(ctx, db, base, res, compare.Options{})
}

// runPlan runs a plan, and archives it.
func runPlan(ctx context.Context, db *store.DB, rec *recorder, plan loadtest.Plan, means loadtest.Means, progress func(string, loadtest.Progress)) (loadtest.Result, error) {
	return archived(ctx, db, rec, loadRun{plan.Head, plan.Service, describePlan(plan), func(ctx context.Context, m loadtest.Means) (loadtest.Result, error) {
		return m.Run(ctx, plan)
	}}, means, progress)
}

// loadRun is a run on its way into the archive, whatever makes its load.
type loadRun struct {
	head    func(run string, at time.Time) loadtest.Result
	service string // whose load it is, as far as that is known
	what    string // is loaded, and how
	run     func(context.Context, loadtest.Means) (loadtest.Result, error)
}

// archived makes a run under the next ID, records and archives it: every second once it is
// over, so that a process that dies leaves what it had measured. The result is kept even
// when ctx has ended: an aborted run is a result too.
func archived(ctx context.Context, db *store.DB, rec *recorder, l loadRun, means loadtest.Means, progress func(string, loadtest.Progress)) (loadtest.Result, error) {
	run, err := db.NextRun(ctx, "LT")
	if err != nil {
		return loadtest.Result{}, err
	}
	began := time.Now()
	head := l.head(run, began)
	letGo, err := db.BeginRun(ctx, head)
	if err != nil {
		return loadtest.Result{}, err
	}
	defer letGo()
	if err := rec.loadStarted(ctx, run, head.Plan, l.service, l.what, began); err != nil {
		return loadtest.Result{}, err
	}
	keeper := loadtest.NewKeeper(db, run)
	var written sync.WaitGroup
	write, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	written.Go(func() { keeper.Write(write) })
	means.Progress = func(p loadtest.Progress) { progress(run, p) }
	watch := means.Keep
	means.Keep = func(s loadtest.Second, rows []loadtest.Row) {
		keeper.Keep(s, rows)
		if watch != nil {
			watch(s, rows)
		}
	}
	until, done := endable(ctx, db, run)
	res, err := l.run(until, means)
	asked := done()
	stop()
	written.Wait()
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err != nil {
		res = notStarted(run, head.Plan, err)
		res.StartedAt = began.UTC()
		return res, errors.Join(err, db.SaveRun(keep, res), rec.loadFinished(keep, res, time.Now()))
	}
	res.Run = run
	if asked != nil && res.Verdict == loadtest.Aborted {
		res.Reasons = append([]string{asked.Error()}, res.Reasons...)
	}
	err = errors.Join(keeper.Flush(keep), db.SaveRun(keep, res), rec.loadFinished(keep, res, time.Now()))
	if whole, again := db.LoadRun(keep, run); err == nil {
		return whole, again
	}
	return res, err
}

func verdictOfLoad(res loadtest.Result) error {
	text := fmt.Errorf("%s %s: %s", res.Run, res.Plan, describeResult(res))
	switch res.Verdict {
	case loadtest.Pass:
		return nil
	case loadtest.Fail:
		return withCode(exitNotHeld, text)
	case loadtest.Aborted:
		return withCode(exitInterrupted, text)
	}
	return withCode(exitInconclusive, text)
}

// loadProgress tells a person at a terminal how it goes, once a second. Of a run that is
// detached it tells that it sends.
func (a *app) loadProgress() func(string, loadtest.Progress) {
	if a.begun != nil {
		return func(run string, _ loadtest.Progress) { a.begun(run) }
	}
	last := time.Duration(-1)
	return func(run string, p loadtest.Progress) {
		if a.flags.json || p.Elapsed.Truncate(time.Second) == last {
			return
		}
		last = p.Elapsed.Truncate(time.Second)
		asked := fmt.Sprintf("of %6.0f/s", p.RequestedRate)
		switch {
		case p.Closed:
			asked = fmt.Sprintf("by %4.0f users", math.Ceil(p.Users))
		case p.Scale != 1:
			asked += fmt.Sprintf(" (%.0f %%)", 100*p.Scale)
		}
		fmt.Fprintf(a.stderr, "%s %4s left  %6.0f/s %s  p50 %-7s p95 %-7s p99 %-7s errors %d\n", run, span(p.Remaining),
			p.AchievedRate, asked, ms(p.LastSecond.P50), ms(p.LastSecond.P95), ms(p.LastSecond.P99), p.Errors)
	}
}

func ms(d time.Duration) string { return query.FormatValue("s", d.Seconds()) }

func describePlan(p loadtest.Plan) string {
	what := fmt.Sprintf("%d target(s)", len(p.Targets))
	if n := len(p.Scenarios); n > 0 && len(p.Targets) > 0 {
		what += fmt.Sprintf(" and %d scenario(s)", n)
	} else if n > 0 {
		what = fmt.Sprintf("%d scenario(s)", n)
	}
	peak := fmt.Sprintf("%.0f/s", p.PeakRate())
	switch {
	case p.Closed:
		peak = fmt.Sprintf("%.0f users", math.Ceil(p.PeakRate()))
	case p.Baseline != "":
		peak = fmt.Sprintf("%gx of the baseline", p.PeakRate())
	}
	if p.Kind != "" {
		what = p.Kind + ", " + what
	}
	return fmt.Sprintf("%s, up to %s for %s", what, peak, strictyaml.FormatDuration(p.Duration()))
}

func describeResult(r loadtest.Result) string {
	asked := fmt.Sprintf(" of %.0f/s", r.RequestedRate)
	if r.Model == "closed" {
		asked = ", closed"
	}
	text := fmt.Sprintf("%s: %.0f/s%s, p50 %s, p95 %s, p99 %s, errors %s", r.Verdict, r.AchievedRate, asked,
		ms(r.Latency.P50), ms(r.Latency.P95), ms(r.Latency.P99), query.FormatValue("percentunit", r.ErrorRatio))
	if len(r.Reasons) > 0 {
		text += " (" + strings.Join(r.Reasons, "; ") + ")"
	}
	return text
}

func (a *app) printResult(res loadtest.Result) error {
	if a.flags.json {
		return a.print(res)
	}
	return res.WriteText(a.stdout)
}

func (a *app) listLoad(ctx context.Context) error {
	plans, err := a.plans()
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(db *store.DB) error {
		runs, err := db.Runs(ctx, 20)
		if err != nil {
			return err
		}
		return a.printLoad(plans, runs)
	})
}

func (a *app) printLoad(plans []loadtest.Plan, runs []loadtest.Result) error {
	type planView struct {
		Name     string  `json:"name"`
		Pin      string  `json:"pin"`
		PeakRate float64 `json:"peak_rate"`
		Seconds  float64 `json:"duration_seconds"`
	}
	views := []planView{}
	rows := [][]string{{"PLAN", "KEY", "WHAT"}}
	for _, p := range plans {
		views = append(views, planView{p.Name, p.Pin, p.PeakRate(), p.Duration().Seconds()})
		rows = append(rows, []string{p.Name, orDash(p.Pin), describePlan(p)})
	}
	if a.flags.json {
		if runs == nil {
			runs = []loadtest.Result{}
		}
		return a.print(map[string]any{"plans": views, "runs": runs})
	}
	if err := table(a.stdout, rows); err != nil || len(runs) == 0 {
		return err
	}
	rows = [][]string{{"", "", ""}, {"RUN", "PLAN", "STARTED", "RESULT"}}
	for _, r := range runs {
		rows = append(rows, []string{r.Run, r.Plan, stamp(r.StartedAt), describeResult(r)})
	}
	return table(a.stdout, rows)
}
