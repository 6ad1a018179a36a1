package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/capacity"
	"github.com/sitrep-dev/sitrep/store"
)

// pricesConfig says where prices are, and which of them count.
type pricesConfig struct {
	File     string `yaml:"file"`
	Region   string `yaml:"region"`
	Currency string `yaml:"currency"` // refuses a file in another one
}

func (a *app) capacityCommand() *cobra.Command {
	return &cobra.Command{
		Use: "capacity [NAME|FILE]…", Short: "what runs out when, what it costs, and how well such forecasts have done",
		Long: "Reads the history of every resource of the configuration (docs/capacity.md), of those that are named, or of those of a file;\n" +
			"fits its growth; and says when the limit is met, between which dates, and how far a forecast from older days alone would have been off.\n" +
			"With prices, it says what is paid in a month, now and later, and what could be saved under which assumption.",
		RunE: func(cmd *cobra.Command, args []string) error { return a.capacity(cmd.Context(), args) },
	}
}

// resources loads those of the configuration.
func (a *app) resources() ([]capacity.Resource, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	files, err := loadAll(c, "capacity", c.Capacity, capacity.Load)
	if err != nil {
		return nil, err
	}
	var all []capacity.Resource
	seen := map[string]string{}
	for _, list := range files {
		for _, r := range list {
			if seen[r.Name] != "" {
				return nil, usage("there are two resources %q, in %s and in %s", r.Name, seen[r.Name], r.File)
			}
			seen[r.Name] = r.File
			all = append(all, r)
		}
	}
	return all, nil
}

func (a *app) resourcesNamed(args []string) ([]capacity.Resource, error) {
	all, err := a.resources()
	if err != nil || len(args) == 0 && len(all) > 0 {
		return all, err
	}
	if len(args) == 0 {
		return nil, usage("the configuration has no resources: docs/capacity.md says how to write some (capacity: [capacity/*.yaml])")
	}
	names := map[string]capacity.Resource{}
	var known []string
	for _, r := range all {
		names[r.Name], known = r, append(known, r.Name)
	}
	var chosen []capacity.Resource
	for _, arg := range args {
		if isFile(arg) {
			list, err := loadFile(arg, capacity.Load)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, list...)
			continue
		}
		r, ok := names[arg]
		if !ok {
			return nil, usage("there is no resource %q, and no such file; the configuration has: %s", arg, orNone(known))
		}
		chosen = append(chosen, r)
	}
	return chosen, nil
}

// prices are those of the configuration; nil if it has none.
func (a *app) prices() (*capacity.Prices, error) {
	c, err := a.config()
	if err != nil || c.Prices.File == "" {
		return nil, err
	}
	p, err := loadFile(c.path(c.Prices.File), func(file string, src []byte) (capacity.Prices, error) {
		return capacity.LoadPrices(file, src, c.Prices.Region, c.Prices.Currency)
	})
	return &p, err
}

// priced says whether there is a price for each of list that names one; without a price
// file nothing has one.
func priced(list []capacity.Resource, prices *capacity.Prices) error {
	if prices == nil {
		return nil
	}
	for i := range list {
		if err := prices.Priced(&list[i]); err != nil {
			return withCode(exitUsage, err)
		}
	}
	return nil
}

// forecast is a resource and what came of it: outlooks, one a series, or why there are
// none.
type forecast struct {
	resource *capacity.Resource
	outlooks []capacity.Outlook
	faults   []string
}

func (a *app) capacity(ctx context.Context, args []string) error {
	list, err := a.resourcesNamed(args)
	if err != nil {
		return err
	}
	prices, err := a.prices()
	if err != nil {
		return err
	}
	if err := priced(list, prices); err != nil {
		return err
	}
	f := &forecaster{servers: sloServers{app: a}, prices: prices, now: time.Now()}
	defer f.servers.close()
	if f.tested, err = a.tested(ctx, list); err != nil {
		return err
	}
	all := make([]forecast, len(list))
	var g errgroup.Group
	g.SetLimit(4)
	for i := range list {
		g.Go(func() error {
			all[i] = f.forecast(ctx, &list[i])
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return a.printForecasts(all)
}

// tested are the highest rates, by plan, that may be planned with: of the knee that was
// found last, else those that load runs reached and that held.
func (a *app) tested(ctx context.Context, list []capacity.Resource) (map[string]float64, error) {
	rates := map[string]float64{}
	for _, r := range list {
		if r.Limit.Load != "" {
			rates[r.Limit.Load] = math.NaN()
		}
	}
	if len(rates) == 0 {
		return rates, nil
	}
	return rates, a.withStore(ctx, func(db *store.DB) error {
		runs, err := db.Runs(ctx, 1000)
		for _, run := range runs {
			if best, ok := rates[run.Plan]; ok && run.Verdict == loadtest.Pass && !(run.AchievedRate <= best) {
				rates[run.Plan] = run.AchievedRate
			}
		}
		if err != nil {
			return err
		}
		knees, err := db.Knees(ctx)
		for _, k := range knees {
			if _, ok := rates[k.Plan]; ok {
				rates[k.Plan] = k.Ceiling
			}
		}
		return err
	})
}

// forecaster asks for histories, and makes outlooks of them. It is safe for concurrent
// use.
type forecaster struct {
	servers sloServers
	prices  *capacity.Prices
	tested  map[string]float64
	now     time.Time
}

// mostOutlooks is how many series of a resource are looked at.
const mostOutlooks = 100

func (f *forecaster) forecast(ctx context.Context, r *capacity.Resource) forecast {
	out := forecast{resource: r}
	client, err := f.servers.client(ctx, r.Source)
	if err != nil {
		out.faults = []string{err.Error()}
		return out
	}
	g := historyGrid(r.History, f.now)
	usage, err := client.Range(ctx, r.Usage, g)
	switch {
	case err != nil:
		out.faults = []string{err.Error()}
		return out
	case len(usage.Series) == 0:
		out.faults = []string{"the usage has no data: is the metric's name right, and does the server keep its history?"}
		return out
	case len(usage.Series) > mostOutlooks:
		out.faults = []string{fmt.Sprintf("the usage has %d series, more than %d: aggregate it with sum by (…)", len(usage.Series), mostOutlooks)}
		return out
	}
	limits, err := f.readings(ctx, client, r.Limit.Query)
	if err != nil {
		out.faults = append(out.faults, "the limit: "+err.Error())
	}
	paid, err := f.readings(ctx, client, r.Paid)
	if err != nil {
		out.faults = append(out.faults, "what is paid for: "+err.Error())
	}
	for _, s := range usage.Series {
		days := capacity.Peaks
		if r.Daily == capacity.Median {
			days = capacity.Medians
		}
		o, err := capacity.Look(r, days(s.Values, g), f.limit(r, limits, s.Labels), paid.of(s.Labels), f.prices)
		if len(usage.Series) > 1 {
			o.Labels = s.Labels.String()
		}
		if err != nil {
			out.faults = append(out.faults, prefixed(o.Labels, err.Error()))
			if short := (*capacity.ShortError)(nil); errors.As(err, &short) {
				continue
			}
		}
		if math.IsNaN(o.Limit) && r.Limit != (capacity.Limit{}) {
			out.faults = append(out.faults, prefixed(o.Labels, f.noLimit(r)))
		}
		out.outlooks = append(out.outlooks, o)
	}
	return out
}

func prefixed(labels, text string) string {
	if labels == "" {
		return text
	}
	return labels + ": " + text
}

// historyGrid is a grid of at most 10 000 points, a whole part of a day apart.
func historyGrid(history time.Duration, now time.Time) query.Grid {
	step := 15 * time.Minute
	if history > 100*24*time.Hour {
		step = time.Hour
	}
	end := now.Truncate(step)
	n := int(history / step)
	return query.Grid{Start: end.Add(-time.Duration(n-1) * step), Step: step, N: n}
}

// readings are numbers by their labels.
type readings []query.Sample

func (f *forecaster) readings(ctx context.Context, client *query.Client, expr string) (readings, error) {
	if expr == "" {
		return nil, nil
	}
	got, _, err := client.Instant(ctx, expr, f.now)
	if err == nil && len(got) == 0 {
		err = errors.New("no data")
	}
	return got, err
}

// of is the number of a series: that with its labels, or the only one there is.
func (list readings) of(l query.Labels) float64 {
	want := without(l)
	for _, s := range list {
		if without(s.Labels) == want {
			return s.Value
		}
	}
	if len(list) == 1 {
		return list[0].Value
	}
	return math.NaN()
}

// without is labels as a key, but for the name of the metric, which a usage and its
// limit need not share.
func without(l query.Labels) string {
	rest := make(query.Labels, len(l))
	for name, value := range l {
		if name != "__name__" {
			rest[name] = value
		}
	}
	return rest.String()
}

func (f *forecaster) limit(r *capacity.Resource, found readings, l query.Labels) float64 {
	switch {
	case r.Limit.Number > 0:
		return r.Limit.Number
	case r.Limit.Load != "":
		return f.tested[r.Limit.Load]
	case r.Limit.Query != "":
		return found.of(l)
	}
	return math.NaN()
}

func (f *forecaster) noLimit(r *capacity.Resource) string {
	if r.Limit.Load != "" {
		return fmt.Sprintf("no load run of %s has passed yet: run sitrep load run %s", r.Limit.Load, r.Limit.Load)
	}
	return "the limit has no series with its labels: write max by (…), or on() in the expression"
}
