package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/query/embedded"
)

func (a *app) scrapeCommand() *cobra.Command {
	group := &cobra.Command{Use: "scrape", Short: "what sitrep scrapes itself, without a Prometheus"}
	group.AddCommand(&cobra.Command{
		Use: "check FILE", Short: "the targets of a prometheus.yml, and what of it is not carried over", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.scrapeCheck(args[0]) },
	})
	return group
}

// scrapeView is what scrape check says with --json.
type scrapeView struct {
	Targets  []targetView `json:"targets"`
	Left     []leftView   `json:"left"` // not carried over
	Problems []string     `json:"problems"`
}

type targetView struct {
	Job      string            `json:"job"`
	URL      string            `json:"url"`
	Labels   map[string]string `json:"labels"`
	Interval float64           `json:"interval_seconds"` // 0: the global one
	Needs    string            `json:"needs,omitempty"`
}

type leftView struct {
	Job    string `json:"job,omitempty"`
	Key    string `json:"key"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Why    string `json:"why"`
}

func (a *app) scrapeCheck(name string) error {
	src, err := readConfig(name)
	if err != nil {
		return withCode(exitUsage, err)
	}
	file, err := embedded.ReadFile(name, filepath.Dir(name), src)
	if err != nil {
		return withCode(exitUsage, err)
	}
	view := scrapeView{Targets: []targetView{}, Left: []leftView{}, Problems: []string{}}
	for _, j := range file.Jobs {
		groups := slices.Clone(j.Static)
		more, err := embedded.ReadGroups(j.Files...)
		targets, errs := j.Targets(append(groups, more...))
		for _, err := range append(errs, err) {
			if err != nil {
				view.Problems = append(view.Problems, err.Error())
			}
		}
		for _, t := range targets {
			view.Targets = append(view.Targets, targetView{j.Name, t.URL, t.Labels, t.Options.Interval.Seconds(), j.Auth.Needs()})
		}
	}
	for _, l := range file.Left {
		view.Left = append(view.Left, leftView{l.Job, l.Key, l.Line, l.Column, l.Why})
	}
	if a.flags.json {
		return a.print(view)
	}
	rows := [][]string{{"JOB", "TARGET", "NEEDS"}}
	for _, t := range view.Targets {
		rows = append(rows, []string{t.Job, t.URL, orDash(t.Needs)})
	}
	if err := table(a.stdout, rows); err != nil {
		return err
	}
	for _, l := range file.Left {
		fmt.Fprintf(a.stdout, "%s:%s\n", sanitise(name), sanitise(l.String()))
	}
	for _, p := range view.Problems {
		fmt.Fprintf(a.stdout, "%s: %s\n", sanitise(name), sanitise(p))
	}
	return nil
}
