package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/query/slo"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func (a *app) sloCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check [FILE|NAME...]", Short: "ask the server about objectives: is there data, is the ratio one, do the labels match",
		Long: "Ask the server the questions of objectives about the last hour; without arguments of all that are configured. The exit code\n" +
			"is 3 if one cannot be kept like this, 5 if the server cannot be reached, and 2 if a file cannot be read.",
		RunE: func(cmd *cobra.Command, args []string) error { return a.checkSLOs(cmd.Context(), args) },
	}
}

// checkedSLO is what came of one objective.
type checkedSLO struct {
	Name     string          `json:"name"`
	File     string          `json:"file"`
	State    string          `json:"state"` // ok, or faulty
	Slots    int             `json:"slots"` // of the last hour that anything is known of
	Events   float64         `json:"events"`
	Bad      float64         `json:"bad_events"`
	Ratio    float64         `json:"error_ratio"`
	Recorded string          `json:"recorded,omitempty"` // the series of the server that what is older is read from
	Findings []checkedDetail `json:"findings"`
}

// checkedDetail is one finding, at its place.
type checkedDetail struct {
	Fault  bool   `json:"fault"`
	Key    string `json:"key"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`

	err error
}

func (a *app) checkSLOs(ctx context.Context, which []string) error {
	list, err := a.chosenObjectives(which)
	if err != nil {
		return err
	}
	servers := sloServers{app: a}
	defer servers.close()
	checked, faulty := []checkedSLO{}, 0
	for _, o := range list {
		one, err := a.checkSLO(ctx, &servers, o)
		if err != nil {
			return withCode(exitInconclusive, fmt.Errorf("%s can be read, but its server cannot be asked: %w", o.File, err))
		}
		if one.State != queryOK {
			faulty++
		}
		checked = append(checked, one)
	}
	if err := a.printCheckedSLOs(checked); err != nil {
		return err
	}
	if faulty > 0 {
		return withCode(exitNotHeld, fmt.Errorf("%d of %s cannot be kept as they are written", faulty, count(len(list), "objective")))
	}
	return nil
}

func (a *app) checkSLO(ctx context.Context, servers *sloServers, o slo.Objective) (checkedSLO, error) {
	client, err := servers.client(ctx, o.Source)
	if err != nil {
		return checkedSLO{}, err
	}
	width := o.Width(0)
	if scrape, err := client.ScrapeInterval(ctx); err == nil {
		width = o.Width(scrape)
	}
	got, err := slo.Check(ctx, client, o, width, time.Now())
	if err != nil {
		return checkedSLO{}, err
	}
	one := checkedSLO{Name: o.Name, File: o.File, State: queryOK, Slots: got.Slots, Events: got.Last.Total, Bad: got.Last.Bad, Ratio: got.Ratio, Recorded: got.Recorded, Findings: []checkedDetail{}}
	if got.Faults() > 0 {
		one.State = queryFailing
	}
	for _, f := range got.List {
		d := checkedDetail{Fault: f.Fault, Key: f.Path, Text: f.Text, err: placed(o.File, f)}
		var at *strictyaml.Error
		if errors.As(d.err, &at) {
			d.Line, d.Column = at.Line, at.Column
		}
		one.Findings = append(one.Findings, d)
	}
	return one, nil
}

func (a *app) printCheckedSLOs(checked []checkedSLO) error {
	if a.flags.json {
		return a.print(checked)
	}
	rows := [][]string{{"STATE", "OBJECTIVE", "LAST HOUR"}}
	for _, one := range checked {
		what := fmt.Sprintf("%.0f of %.0f bad, in %s", one.Bad, one.Events, count(one.Slots, "slot"))
		if one.Slots == 0 {
			what = "no data"
		}
		rows = append(rows, []string{one.State, one.Name, what})
	}
	if err := table(a.stdout, rows); err != nil {
		return err
	}
	for _, one := range checked {
		for _, f := range one.Findings {
			text := f.err.Error()
			if !f.Fault {
				text = fmt.Sprintf("%s:%d:%d: remark: %s", one.File, f.Line, f.Column, f.Text)
			}
			fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(text))
		}
	}
	return nil
}

func (a *app) sloRulesCommand() *cobra.Command {
	var output, every string
	var force bool
	c := &cobra.Command{
		Use: "rules [FILE|NAME...]", Short: "write Prometheus rules for objectives: counts and error ratios recorded, and an alert for each burn",
		Long: "Write Prometheus rules for objectives: the events of every minute and the bad ones among them, the error ratio over every window,\n" +
			"and an alert for each rule with two windows. sitrep needs none of them; a server that has them alerts while sitrep does not run,\n" +
			"and what was before sitrep looked is read from the counts instead of all the raw series. The labels of the alerts are those of\n" +
			"sitrep's own about burns, so that both are one.",
		RunE: func(_ *cobra.Command, args []string) error { return a.sloRules(args, output, every, force) },
	}
	c.Flags().StringVar(&every, "scrape", "15s", "how often the server scrapes: counts are of four scrapes or more, as sitrep's own `interval`")
	c.Flags().StringVarP(&output, "output", "o", "", "the `file`; standard output without")
	c.Flags().BoolVar(&force, "force", false, "overwrite the file")
	return c
}

func (a *app) sloRules(which []string, output, every string, force bool) error {
	scrape, err := strictyaml.ParseDuration(every)
	if err != nil || scrape <= 0 {
		return usage("--scrape is how often the server scrapes, such as 15s, not %q", every)
	}
	list, err := a.chosenObjectives(which)
	if err != nil {
		return err
	}
	text := slo.RuleFile(list, scrape)
	type written struct {
		File       string   `json:"file,omitempty"`
		Rules      string   `json:"rules,omitempty"`
		Objectives []string `json:"objectives"`
	}
	out := written{File: output, Objectives: []string{}}
	for _, o := range list {
		out.Objectives = append(out.Objectives, o.Name)
		for _, r := range o.Remarks() {
			fmt.Fprintf(a.stderr, "sitrep: %s: %s\n", sanitise(o.Name), sanitise(r))
		}
	}
	if output != "" {
		if _, err := (boardImport{output: output, force: force}).write("sitrep-slo-rules", []byte(text)); err != nil {
			return err
		}
	} else {
		out.Rules = text
	}
	switch {
	case a.flags.json:
		return a.print(out)
	case output != "":
		_, err := fmt.Fprintf(a.stdout, "%s written; promtool check rules %s reads it\n", sanitise(output), sanitise(output))
		return err
	}
	_, err = io.WriteString(a.stdout, sanitise(text))
	return err
}
