package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/slo"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func (a *app) sloCommand() *cobra.Command {
	group := &cobra.Command{Use: "slo", Short: "objectives: error budgets, and how fast they are spent"}
	group.AddCommand(
		&cobra.Command{
			Use: "list", Short: "all objectives: how much of each budget is left, and when it is gone", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.listObjectives(cmd.Context()) },
		},
		&cobra.Command{
			Use: "show NAME", Short: "one objective in full: its windows, its burns, its worst hour", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return a.showObjective(cmd.Context(), args[0]) },
		},
		a.sloCheckCommand(), a.sloRulesCommand(), a.sloImportCommand(),
	)
	return group
}

// objectives are those of the configuration. A directory stands for the files in it.
func (a *app) objectives() ([]slo.Objective, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	patterns := make([]string, len(c.SLOs))
	for i, p := range c.SLOs {
		if patterns[i] = p; isDirectory(c.path(p)) {
			patterns[i] = filepath.Join(p, "*.yaml")
		}
	}
	list, err := loadAll(c, "slos", patterns, slo.Load)
	if err != nil {
		return nil, err
	}
	return list, a.checkObjectives(c, list)
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// checkObjectives holds what no file knows of the others: names are unique, and every
// source is there.
func (a *app) checkObjectives(c *config, list []slo.Objective) error {
	seen := map[string]string{}
	for _, o := range list {
		fault := ""
		_, known := c.Sources[o.Source]
		switch {
		case seen[o.Name] != "":
			fault = fmt.Sprintf("there is an objective %q in %s already: give one of them another name", o.Name, seen[o.Name])
		case o.Source != "" && !known:
			fault = fmt.Sprintf("the configuration has no sources.%s", o.Source)
		}
		if fault != "" {
			path := "name"
			if seen[o.Name] == "" {
				path = "source"
			}
			return withCode(exitUsage, placed(o.File, slo.Finding{Path: path, Text: fault}))
		}
		seen[o.Name] = o.File
	}
	return nil
}

// placed is a finding as an error at its place in a file.
func placed(file string, f slo.Finding) error {
	src, err := readConfig(file)
	if err != nil {
		return err
	}
	return slo.Place(file, src, f)
}

// chosenObjectives are those that the arguments name, by file or by name; all of the
// configuration without any.
func (a *app) chosenObjectives(which []string) ([]slo.Objective, error) {
	if len(which) == 0 {
		list, err := a.objectives()
		if err == nil && len(list) == 0 {
			err = usage("there are no objectives: name their files under slos in sitrep.yaml, such as slos: [slos], or give a file")
		}
		return list, err
	}
	var list []slo.Objective
	for _, w := range which {
		if _, err := os.Stat(w); err == nil || strings.ContainsAny(w, "/") || strings.HasSuffix(w, ".yaml") {
			o, err := loadFile(w, slo.Load)
			if err != nil {
				return nil, err
			}
			list = append(list, o)
			continue
		}
		all, err := a.objectives()
		if err != nil {
			return nil, err
		}
		o, known := slo.Find(all, w)
		if !known {
			return nil, usage("there is neither a file nor an objective %q (sitrep slo list shows the objectives)", w)
		}
		list = append(list, o)
	}
	return list, nil
}

// standings are how objectives stand now: by what the store keeps, and what the server
// knows besides, all of the window. What the server said is kept: the next one who asks
// need not. Nothing is told: that is the watch's.
func (a *app) standings(ctx context.Context, list []slo.Objective) (out []slo.Status, err error) {
	servers := sloServers{app: a}
	defer servers.close()
	err = a.withStore(ctx, func(db *store.DB) error {
		w := slo.NewWatch(slo.WatchConfig{
			Objectives: list, Ledger: db, Source: func(name string) (query.Source, error) { return servers.client(ctx, name) }, Scrape: servers.scrape,
			Told:    func(ctx context.Context, o slo.Objective) ([]string, error) { return toldBurns(ctx, db, o, time.Now()) },
			Changed: func(context.Context, slo.Change, slo.Status) error { return nil },
		})
		now := time.Now()
		w.Look(ctx, now)
		if err := w.Fill(ctx, now, a.sayFilling); err != nil && ctx.Err() == nil {
			fmt.Fprintf(a.stderr, "sitrep: the window is not full: %s\n", sanitise(strings.ReplaceAll(err.Error(), "\n", "; ")))
		}
		out = w.Statuses(now)
		return ctx.Err()
	})
	return out, err
}

// sayFilling says on standard error what a command is busy with.
func (a *app) sayFilling(f slo.Filling) {
	fmt.Fprintf(a.stderr, "sitrep: %s: asking for what was before %s, back to %s\n", sanitise(f.Objective), stamp(f.First), stamp(f.Horizon))
}

// listedObjective is a line of sitrep slo list, and the head of sitrep slo show.
type listedObjective struct {
	Name        string     `json:"name"`
	Title       string     `json:"title"`
	Service     string     `json:"service,omitempty"`
	SLIKind     string     `json:"sli_kind"`
	Objective   float64    `json:"objective"` // percent
	Window      string     `json:"window"`
	WindowSecs  float64    `json:"window_seconds"`
	SLI         *float64   `json:"sli"` // null: nothing is known
	Left        *float64   `json:"budget_remaining_ratio"`
	LeftEvents  *float64   `json:"budget_remaining_events"`
	LeftSeconds *float64   `json:"budget_remaining_seconds"` // of everything failing
	Known       float64    `json:"known_ratio"`              // of the window
	BurnRate    *float64   `json:"burn_rate_1h"`
	Exhaustion  string     `json:"exhaustion"`
	GoneSeconds *float64   `json:"gone_seconds"`
	Burn        []sloBurn  `json:"burn"`
	Timesliced  bool       `json:"timesliced,omitempty"`   // its events are minutes
	Recorded    string     `json:"recorded,omitempty"`     // the series of the server that what is older is read from
	SlotSecs    float64    `json:"slot_seconds,omitempty"` // where that is less than a minute
	Error       string     `json:"error,omitempty"`
	Looked      *time.Time `json:"at"`
}

// sloBurn is a rule and how it stands.
type sloBurn struct {
	Rule      string   `json:"rule"`
	Window    float64  `json:"window"` // seconds
	Short     float64  `json:"short_window"`
	Rate      *float64 `json:"rate"`
	ShortRate *float64 `json:"short_rate"`
	Threshold float64  `json:"threshold"`
	Firing    bool     `json:"firing"`
	Do        string   `json:"do"`
}

func listed(s slo.Status) listedObjective {
	o, st := s.Objective, s.Standing
	v := listedObjective{
		Name: o.Name, Title: o.Title, Service: o.Service, SLIKind: o.SLI.Kind(), Objective: o.Target * 100, Window: o.Window.String(), WindowSecs: o.Window.Length.Seconds(),
		Known: st.Known, Exhaustion: string(st.Exhaustion), Burn: []sloBurn{}, Timesliced: o.SLI.Timesliced(), Recorded: s.Recorded, SlotSecs: o.Slot.Seconds(), Error: errorText(s.Err), Looked: moment(st.At),
	}
	if st.Count.Known > 0 {
		left := st.LeftTime.Seconds()
		v.SLI, v.Left, v.LeftEvents, v.LeftSeconds = &st.SLI, &st.Left, &st.LeftEvents, &left
	}
	if st.Exhaustion != slo.Dark {
		v.BurnRate = &st.Rate
	}
	v.GoneSeconds = seconds(st.Gone, st.Exhaustion == slo.Ahead || st.Exhaustion == slo.Spent)
	for _, b := range st.Burns {
		one := sloBurn{Rule: b.Rule.Name, Window: b.Rule.Long.Seconds(), Short: b.Rule.Short.Seconds(), Threshold: b.Threshold, Firing: b.Firing, Do: string(b.Rule.Do)}
		if b.Known {
			one.Rate, one.ShortRate = &b.Long, &b.Short
		}
		v.Burn = append(v.Burn, one)
	}
	return v
}

func (a *app) listObjectives(ctx context.Context) error {
	list, err := a.objectives()
	if err != nil {
		return err
	}
	all, err := a.standings(ctx, list)
	if err != nil {
		return err
	}
	views := []listedObjective{}
	rows := [][]string{{"OBJECTIVE", "SERVICE", "TARGET", "WINDOW", "SLI", "BUDGET", "BURN 1H", "GONE", "STATE"}}
	for _, s := range all {
		views = append(views, listed(s))
		rows = append(rows, objectiveRow(s))
	}
	if a.flags.json {
		err = a.print(views)
	} else if len(all) == 0 {
		_, err = fmt.Fprintln(a.stdout, "no objective is configured: name their files under slos in sitrep.yaml")
	} else {
		err = errors.Join(table(a.stdout, rows), a.printRecorded(all))
	}
	return errors.Join(err, a.darkness(all))
}

// printRecorded says which objectives' past is read from what their servers record.
func (a *app) printRecorded(all []slo.Status) error {
	var errs []error
	for _, s := range all {
		if s.Recorded != "" {
			_, err := fmt.Fprintf(a.stdout, "%s: %s\n", sanitise(s.Objective.Name), sanitise(recordedText(s)))
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func recordedText(s slo.Status) string {
	return "what is older than sitrep's own counts is read from the server's " + s.Recorded
}

// darkness is the error of objectives that nobody could be asked about.
func (a *app) darkness(all []slo.Status) error {
	dark := 0
	for _, s := range all {
		if s.Err != nil {
			dark++
			fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(s.Err.Error()))
		}
	}
	if dark == 0 {
		return nil
	}
	return withCode(exitInconclusive, fmt.Errorf("%d of %s could not be asked about; what is shown is what was kept", dark, count(len(all), "objective")))
}

func objectiveRow(s slo.Status) []string {
	o, st := s.Objective, s.Standing
	row := []string{o.Name, orDash(o.Service), o.Percent(), o.Window.String(), "no data", "-", "-", "-", "no data"}
	if st.Count.Known > 0 {
		row[4], row[5], row[8] = sliText(st.SLI), budgetText(st.Left), "ok"
	}
	if st.Exhaustion != slo.Dark {
		row[6] = slo.RateText(st.Rate)
	}
	row[7] = goneText(st)
	for _, b := range st.Burns {
		if b.Firing {
			row[8] = b.Rule.Name + " burn"
			break
		}
	}
	return row
}

// sliText is a share of good events, with as many nines as it has.
func sliText(v float64) string { return query.FormatValue("percentunit", v) }

// budgetText is how much of a budget is left.
func budgetText(left float64) string { return fmt.Sprintf("%.1f%%", 100*left) }

// goneText is when the budget is gone.
func goneText(st slo.Standing) string {
	switch st.Exhaustion {
	case slo.Ahead:
		return "in " + span(st.Gone)
	case slo.Spent:
		return "spent"
	case slo.Never:
		return "not at this rate"
	}
	return "-"
}

// shownObjective is sitrep slo show --json.
type shownObjective struct {
	listedObjective
	Start      *time.Time `json:"window_start"`
	End        *time.Time `json:"window_end"`
	Events     float64    `json:"events"`
	Bad        float64    `json:"bad_events"`
	Rates      []sloRate  `json:"rates"`
	WorstHour  *time.Time `json:"worst_hour"`
	WorstSpent float64    `json:"worst_hour_spent_ratio"`
	Queries    []string   `json:"queries"` // as they are asked for a minute
	Remarks    []string   `json:"remarks"`
	File       string     `json:"file"`
}

type sloRate struct {
	Window float64  `json:"window"`
	Rate   *float64 `json:"rate"`
}

func (a *app) showObjective(ctx context.Context, name string) error {
	list, err := a.chosenObjectives([]string{name})
	if err != nil {
		return err
	}
	all, err := a.standings(ctx, list)
	if err != nil {
		return err
	}
	s := all[0]
	if a.flags.json {
		err = a.print(shown(s))
	} else {
		err = a.printObjective(s)
	}
	return errors.Join(err, a.darkness(all))
}

func shown(s slo.Status) shownObjective {
	st := s.Standing
	v := shownObjective{
		listedObjective: listed(s), Start: moment(st.Start), End: moment(st.End), Events: st.Count.Total, Bad: st.Count.Bad, Rates: []sloRate{},
		WorstHour: moment(st.WorstHour), WorstSpent: st.WorstSpent, Queries: s.Objective.SLI.Questions(time.Minute).All(), Remarks: append([]string{}, s.Objective.Remarks()...), File: s.Objective.File,
	}
	for _, r := range st.Rates {
		one := sloRate{Window: r.Window.Seconds()}
		if r.Known {
			one.Rate = &r.Rate
		}
		v.Rates = append(v.Rates, one)
	}
	return v
}

func (a *app) printObjective(s slo.Status) error {
	o, st := s.Objective, s.Standing
	rows := [][]string{
		{o.Title, o.Description},
		{"objective", fmt.Sprintf("%s of %s over %s", o.Percent(), o.SLI.Kind(), o.Window)},
		{"service", orDash(o.Service)},
	}
	if st.Count.Known == 0 {
		rows = append(rows, []string{"sli", "no data"})
	} else {
		rows = append(rows,
			[]string{"sli", fmt.Sprintf("%s (%.0f of %.0f %s bad; %.0f%% of the window is known)", sliText(st.SLI), st.Count.Bad, st.Count.Total, eventWord(o), 100*st.Known)},
			[]string{"budget left", fmt.Sprintf("%s, %.0f %s, %s of everything failing", budgetText(st.Left), st.LeftEvents, eventWord(o), signedSpan(st.LeftTime))},
			[]string{"gone", goneText(st)},
		)
	}
	if !st.WorstHour.IsZero() {
		rows = append(rows, []string{"worst hour", fmt.Sprintf("%s, %s of the budget", stamp(st.WorstHour), budgetText(st.WorstSpent))})
	}
	if o.Slot > 0 {
		rows = append(rows, []string{"counted", "in slots of " + strictyaml.FormatDuration(o.Slot)})
	}
	if s.Recorded != "" {
		rows = append(rows, []string{"recorded", recordedText(s)})
	}
	for _, r := range o.Remarks() {
		rows = append(rows, []string{"remark", r})
	}
	if err := table(a.stdout, rows); err != nil {
		return err
	}
	rates := [][]string{{"WINDOW", "BURN RATE"}}
	for _, r := range st.Rates {
		rate := "no data"
		if r.Known {
			rate = slo.RateText(r.Rate)
		}
		rates = append(rates, []string{strictyaml.FormatDuration(r.Window), rate})
	}
	burns := [][]string{{"RULE", "WINDOWS", "THRESHOLD", "RATES", "STATE"}}
	for _, b := range st.Burns {
		state, both := "calm", slo.RateText(b.Long)+" and "+slo.RateText(b.Short)
		switch {
		case b.Firing:
			state = "burns, " + string(b.Rule.Do)
		case !b.Known:
			state, both = "unknown", "-"
		}
		burns = append(burns, []string{b.Rule.Name, strictyaml.FormatDuration(b.Rule.Long) + " and " + strictyaml.FormatDuration(b.Rule.Short), slo.RateText(b.Threshold), both, state})
	}
	fmt.Fprintln(a.stdout)
	if err := table(a.stdout, rates); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	return table(a.stdout, burns)
}

// eventWord is what an objective counts.
func eventWord(o slo.Objective) string {
	if o.SLI.Timesliced() {
		return "minutes"
	}
	return "events"
}

func signedSpan(d time.Duration) string {
	if d < 0 {
		return "-" + span(-d)
	}
	return span(d)
}
