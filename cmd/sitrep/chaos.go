package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func (a *app) chaosCommand() *cobra.Command {
	group := &cobra.Command{Use: "chaos", Short: "experiments: faults with a guard, an end and an undo"}
	group.AddCommand(
		&cobra.Command{Use: "list", Short: "experiments of the configuration, and the runs that are not over", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
			return a.listChaos()
		}},
		&cobra.Command{Use: "check NAME|FILE...", Short: "read experiments and say what is wrong with them", Args: cobra.MinimumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			return a.checkChaos(cmd.Context(), args)
		}},
		a.chaosRunCommand(), a.chaosDoctorCommand(), a.chaosImportCommand(), a.chaosProxyCommand(), a.historyCommand(), a.rulesCommand(), a.haltCommand(),
		&cobra.Command{Use: "recover", Short: "undo what runs of dead processes have left", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return a.recoverChaos(cmd.Context())
		}},
	)
	return group
}

// chaosDir is where the journals are, whatever --db says: whoever undoes must
// find them without a store or a configuration.
func chaosDir() (string, error) {
	dir, err := stateDir()
	return filepath.Join(dir, "chaos"), err
}

func describeExperiment(e chaos.Experiment) string {
	var faults []string
	for _, s := range e.Method {
		if s.Wait == 0 {
			faults = append(faults, fmt.Sprintf("%s for %s", s.Fault, s.Duration))
		}
	}
	return fmt.Sprintf("%s on at most %d of %s", strings.Join(faults, ", then "), e.Targets.Max, whom(e))
}

func (a *app) listChaos() error {
	all, err := a.prepared()
	if err != nil {
		return err
	}
	dir, err := chaosDir()
	if err != nil {
		return err
	}
	open, err := chaos.Active(dir)
	if err != nil {
		return err
	}
	type view struct {
		Name    string  `json:"name"`
		Pin     string  `json:"pin"`
		Target  string  `json:"target"`
		Seconds float64 `json:"duration_seconds"`
	}
	type runView struct {
		Run        string     `json:"run"`
		Experiment string     `json:"experiment"`
		Targets    []string   `json:"targets"`
		Since      *time.Time `json:"since"`
		Until      *time.Time `json:"until"`
		Live       bool       `json:"live"`
		Journal    string     `json:"journal"`
		Damage     string     `json:"damage"` // what is wrong with the journal
	}
	type brokenView struct {
		Name  string `json:"name"`
		File  string `json:"file"`
		Error string `json:"error"`
	}
	views, bad, runs := []view{}, []brokenView{}, []runView{}
	rows := [][]string{{"EXPERIMENT", "KEY", "WHAT"}}
	for _, e := range all.experiments {
		views = append(views, view{e.Name, e.Pin, whom(e.Experiment), e.Length().Seconds()})
		rows = append(rows, []string{e.Name, orDash(e.Pin), describeExperiment(e.Experiment)})
	}
	for _, b := range all.broken {
		bad = append(bad, brokenView{b.name, b.file, b.err.Error()})
		rows = append(rows, []string{b.name, "-", "BROKEN: " + b.brief()})
	}
	for i, r := range open {
		if i == 0 {
			rows = append(rows, []string{"", "", ""}, []string{"OPEN RUN", "", ""})
		}
		runs = append(runs, runView{r.Run, r.Experiment, r.Targets, moment(r.Since), moment(r.Until), r.Live, r.Journal, r.Damage})
		state := "since " + stamp(r.Since) + " on " + strings.Join(r.Targets, ", ")
		switch {
		case r.Damage != "":
			state += "; NOT PROVEN UNDONE: its journal " + r.Journal + " is damaged: " + r.Damage + "; sitrep chaos recover says what to look at"
		case !r.Live:
			state += "; its processes are dead: sitrep chaos recover undoes it"
		}
		rows = append(rows, []string{r.Run, r.Experiment, state})
	}
	halted, is := chaos.Halted(dir)
	if a.flags.json {
		return a.print(map[string]any{"experiments": views, "broken": bad, "open_runs": runs, "halt": halted, "is_halted": is})
	}
	if is {
		fmt.Fprintf(a.stdout, "HALT: no run starts until sitrep chaos halt --clear: %s\n\n", sanitise(halted))
	}
	return table(a.stdout, rows)
}

func (a *app) chaosRunCommand() *cobra.Command {
	var dry, network bool
	c := &cobra.Command{
		Use: "run NAME|FILE", Short: "run an experiment; ctrl-C ends and undoes it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := a.experimentNamed(args[0])
			if err != nil {
				return err
			}
			if dry {
				return a.dryRun(cmd.Context(), e)
			}
			return a.runChaos(cmd.Context(), e, network)
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "say whom it would hurt and how that is undone, and touch nothing")
	c.Flags().BoolVar(&network, "confirm-network", false, "confirm at once a fault in this host's own network, which is undone after 10 s otherwise (for scripts)")
	return c
}

func (a *app) dryRun(ctx context.Context, e experiment) error {
	p, err := a.preview(ctx, e, a.flags.confirm)
	if err != nil {
		return err
	}
	width, _ := terminalOf(a.stdout)
	if _, err := fmt.Fprint(a.stdout, hungPlan(p.Text, width)); err != nil || p.Refused == nil {
		return err
	}
	return chaosError(fmt.Errorf("it would be %w", p.Refused))
}

// preview is what a run of the experiment would be now, with this typed to confirm it. It
// touches nothing.
func (a *app) preview(ctx context.Context, e experiment, confirm string) (chaos.Preview, error) {
	targets, err := a.targets()
	if err != nil {
		return chaos.Preview{}, err
	}
	dir, err := chaosDir()
	if err != nil {
		return chaos.Preview{}, err
	}
	db, err := a.storePath()
	if err != nil {
		return chaos.Preview{}, err
	}
	means, scrape := a.chaosMeans(db), time.Duration(0)
	if client, err := a.prometheus(ctx); err == nil {
		defer client.CloseIdle()
		look, cancel := context.WithTimeout(ctx, 2*time.Second)
		scrape, _ = client.ScrapeInterval(look) // where it is not known the plan does not say it
		cancel()
		if c, err := a.config(); err == nil && !c.Embedded.scrapes() { // what is scraped once has no rates
			means.Prober = prober{client, &laterStore{path: db}}
		}
	}
	p, err := means.Preview(ctx, e.Experiment, chaos.Ask{
		ID: ulid.Make().String(), StateDir: dir, Sources: targets, Confirm: confirm, Scrape: scrape,
	})
	if err != nil {
		return p, chaosError(err)
	}
	return p, nil
}

// targets are what may be hurt.
func (a *app) targets() (chaos.Sources, error) {
	c, err := a.config()
	if err != nil {
		return chaos.Sources{}, err
	}
	journals, err := chaosDir()
	if err != nil {
		return chaos.Sources{}, err
	}
	from := chaos.Sources{
		URL: c.Chaos.Targets, Processes: c.Chaos.Processes, Hosts: c.Chaos.Hosts, Proxies: proxiesOf(c, journals), Containers: c.Chaos.Containers,
		Toxiproxies: c.Chaos.Toxiproxies, Toxiproxy: cmp.Or(c.Chaos.Toxiproxy.URL, chaos.DefaultToxiproxy), Control: a.controlPath(c),
	}
	if from.None() {
		return from, withCode(exitRefused, chaos.Refuse("no-target", "list it under chaos.processes, chaos.hosts, chaos.proxies, chaos.containers or chaos.toxiproxies, or try the lab: sitrep demo --headless, and its config", "the configuration names nothing that may be hurt"))
	}
	if len(from.Containers) > 0 {
		if from.Docker, err = chaos.DockerSocket(c.Chaos.Docker.Socket, os.Getenv("DOCKER_HOST")); err != nil {
			return from, withCode(exitRefused, err)
		}
	}
	if c.file != "" {
		if from.Config, err = filepath.Abs(c.file); err != nil {
			return from, err
		}
	}
	db, err := a.storePath()
	if err == nil {
		db, err = filepath.Abs(db)
	}
	from.Keep = []string{journals, filepath.Dir(db)}
	return from, err
}

// chaosError gives what stands in the way of a run its exit code.
func chaosError(err error) error {
	if errors.Is(err, chaos.ErrRefused) {
		return withCode(exitRefused, err)
	}
	var at *strictyaml.Error
	if errors.As(err, &at) {
		return withCode(exitUsage, err)
	}
	return withCode(exitInconclusive, err)
}

// chaosRequest is a run of an experiment under the next ID.
func (a *app) chaosRequest(ctx context.Context, db *store.DB, e experiment) (r chaos.Request, err error) {
	r = chaos.Request{ID: ulid.Make().String(), File: e.file, Source: e.source, Confirm: a.flags.confirm}
	if r.Sources, err = a.targets(); err != nil {
		return r, err
	}
	if r.StateDir, err = chaosDir(); err != nil {
		return r, err
	}
	c, err := a.config()
	if err != nil {
		return r, err
	}
	file := c.file
	if file != "" {
		if file, err = filepath.Abs(file); err != nil {
			return r, err
		}
	}
	path, err := a.storePath()
	if err != nil {
		return r, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return r, err
	}
	r.Store = path
	if r.Args, err = (runnerArgs{
		Config: file, Prometheus: a.flags.prometheus, Store: path, Scrape: a.flags.scrape, ScrapeConfig: a.flags.scrapeConfig, Rules: a.flags.rules,
	}).words(); err != nil {
		return r, err
	}
	r.Run, err = db.NextRun(ctx, "CH")
	return r, err
}

// onTimeline puts on the timeline of this invocation's store what became of its runs
// whose starter died, and says so if it cannot: the undo needs no store and is never held
// against it. done is what the caller has undone itself, and tells.
func (a *app) onTimeline(ctx context.Context, dir string, done []chaos.Recovered) {
	if err := a.recordEnds(ctx, dir, done); err != nil {
		fmt.Fprintf(a.stderr, "sitrep: what was undone is not on the timeline yet: %s; the next sitrep on that store puts it there\n", sanitise(err.Error()))
	}
}

// recordEnds is onTimeline, if there is a store, and tells how those runs ended that the
// caller has not undone itself.
func (a *app) recordEnds(ctx context.Context, dir string, done []chaos.Recovered) error {
	if recent, err := recentJournals(dir, time.Now()); err != nil || len(recent) == 0 {
		return err
	}
	if there, err := a.storeExists(); !there && err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	by, err := a.by(nil)
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(db *store.DB) error {
		rec := &recorder{db: db, by: by, freeze: func() json.RawMessage { return nil }}
		ended, _, err := rec.journals(ctx, dir, time.Now())
		for _, r := range ended {
			if !slices.ContainsFunc(done, func(d chaos.Recovered) bool { return d.ID == r.ID }) {
				fmt.Fprintln(a.stderr, "sitrep: "+sanitise(untoldText(r)))
			}
		}
		return err
	})
}

// storeExists says whether there is a store where open would look.
func (a *app) storeExists() (bool, error) {
	path := a.flags.db
	if path == "" {
		dir, err := stateDir()
		if err != nil {
			return false, err
		}
		path = filepath.Join(dir, "sitrep.db")
	}
	_, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// runnerArgs are what a runner is told of whoever started it: what they configured, and
// where the values of guards and probes come from.
type runnerArgs struct {
	Config       string   `json:"config,omitempty"` // its absolute path; none where there is no file
	Prometheus   string   `json:"prometheus,omitempty"`
	Store        string   `json:"store"`
	Scrape       []string `json:"scrape,omitempty"`
	ScrapeConfig string   `json:"scrape_config,omitempty"`
	Rules        []string `json:"rules,omitempty"`
}

// words are the arguments of the runner's process.
func (r runnerArgs) words() ([]string, error) {
	if r.ScrapeConfig != "" {
		r.ScrapeConfig = absolute(r.ScrapeConfig)
	}
	r.Rules = slices.Clone(r.Rules)
	for i, file := range r.Rules {
		r.Rules[i] = absolute(file)
	}
	b, err := json.Marshal(r)
	return []string{string(b)}, err
}

// app is the invocation of the runner.
func (r runnerArgs) app(stdout, stderr io.Writer) (*app, error) {
	a := &app{
		flags:  globals{config: r.Config, prometheus: r.Prometheus, scrape: r.Scrape, scrapeConfig: r.ScrapeConfig, rules: r.Rules},
		stdout: stdout, stderr: stderr,
	}
	c, err := loadConfig(r.Config)
	if err != nil {
		return nil, err
	}
	if r.Prometheus != "" {
		c.Prometheus.URL = r.Prometheus
	}
	a.cfg = c
	return a, a.scrapeFlags(c)
}

// chaosRunner is the body of the runner's process: its one argument is runnerArgs.
func chaosRunner(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var told runnerArgs
	if len(args) != 1 || json.Unmarshal([]byte(args[0]), &told) != nil {
		fmt.Fprintln(stderr, "sitrep: the chaos runner is started by sitrep itself")
		return exitUsage
	}
	ctx := context.Background()
	a, err := told.app(stdout, stderr)
	var client *query.Client
	if err == nil {
		client, err = a.prometheus(ctx)
	}
	if err != nil {
		fmt.Fprintf(stderr, "sitrep: %s\n", sanitise(err.Error()))
		return exitUsage
	}
	means := a.chaosMeans(told.Store)
	means.Prober = prober{client, &laterStore{path: told.Store}}
	return chaos.RunnerMain(ctx, chaos.RunnerIO{Stdin: stdin, Stdout: stdout}, means)
}

// undertaker is the body of the undertaker's process; descriptor 3 is where it
// says that it watches.
func undertaker(args []string, lease *os.File) int {
	return chaos.UndertakeMain(args, lease, os.NewFile(3, "ack"))
}

// prober answers the questions of guards and probes.
type prober struct {
	client *query.Client
	store  *laterStore // that load runs are kept in
}

// Probe is chaos.Prober's.
func (p prober) Probe(ctx context.Context, promql string, at time.Time) (float64, bool, error) {
	samples, _, err := p.client.Instant(ctx, promql, at)
	switch {
	case err != nil:
		return 0, false, err
	case len(samples) == 0:
		return 0, false, nil
	case len(samples) > 1:
		return 0, false, fmt.Errorf("%d series instead of one number: aggregate, for example with sum(...)", len(samples))
	case samples[0].Histogram != nil:
		return 0, false, errors.New("a native histogram instead of one number: write histogram_quantile(0.95, ...), or histogram_count(...)")
	case samples[0].Value != samples[0].Value: // NaN: 0/0 is no measurement
		return 0, false, nil
	}
	return samples[0].Value, true, nil
}

// Measured is chaos.Dater's. An answer that says of itself that it is from before is no
// newer than that, whatever it says.
func (p prober) Measured(ctx context.Context, promql string, at time.Time) (time.Time, bool, error) {
	expr, err := query.Newest(promql)
	if err != nil {
		return time.Time{}, false, err
	}
	samples, _, err := p.client.Instant(ctx, expr, at)
	if err != nil || len(samples) != 1 || samples[0].Histogram != nil || samples[0].Value != samples[0].Value {
		return time.Time{}, false, err
	}
	t := time.UnixMilli(int64(samples[0].Value * 1000))
	if samples[0].At.Before(t) {
		t = samples[0].At
	}
	return t, true, nil
}
