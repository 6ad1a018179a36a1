package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/grafana"
)

// boardImport is one `board import-grafana`.
type boardImport struct {
	output, only, token string
	force, report       bool
}

func (a *app) importGrafanaCommand() *cobra.Command {
	var im boardImport
	c := &cobra.Command{
		Use: "import-grafana FILE|URL|-", Short: "make a board of a Grafana dashboard", Args: cobra.ExactArgs(1),
		Long: "Make a board of a Grafana dashboard: exported JSON, YAML with such JSON in it (a ConfigMap), the address of a dashboard,\n" +
			"or - for what comes in. The board goes to standard output or to a file, what was not carried over to standard error.",
		RunE: func(cmd *cobra.Command, args []string) error { return a.importGrafana(cmd.Context(), args[0], im) },
	}
	c.Flags().StringVarP(&im.output, "output", "o", "", "the `file`, or a directory for several dashboards")
	c.Flags().StringVar(&im.only, "only", "", "the dashboard with this `name`, of a file with several")
	c.Flags().StringVar(&im.token, "token", "", "where the token for Grafana is: env:NAME, file:PATH or cmd:COMMAND (`secret`)")
	c.Flags().BoolVar(&im.force, "force", false, "overwrite the file")
	c.Flags().BoolVar(&im.report, "report", false, "every panel, also those that are carried over whole")
	return c
}

func (a *app) importGrafana(ctx context.Context, from string, im boardImport) error {
	src, base, err := a.dashboardSource(ctx, from, im.token)
	if err != nil {
		return err
	}
	results, err := grafana.Import(from, src, base)
	if err != nil {
		return withCode(exitUsage, err)
	}
	if results, err = im.choose(results); err != nil {
		return err
	}
	written := make([]boardImported, 0, len(results))
	for _, r := range results {
		src, err := r.Board.YAML()
		if err == nil {
			_, err = query.LoadBoard(r.Board.Name+".yaml", src)
		}
		if err != nil {
			return fmt.Errorf("import %s: the dashboard %q makes no board that can be read: %w", from, r.Report.Title, err)
		}
		file, err := im.write(r.Board.Name, src)
		if err != nil {
			return err
		}
		one := boardImported{Name: r.Board.Name, File: file, Report: r.Report}
		if file == "" {
			one.YAML = string(src)
		}
		written = append(written, one)
	}
	return a.printImported(written, im.report)
}

// boardImported is what came of one dashboard.
type boardImported struct {
	Name   string         `json:"name"`
	File   string         `json:"file,omitempty"`
	YAML   string         `json:"yaml,omitempty"` // where there is no file
	Report grafana.Report `json:"report"`
}

// choose is the dashboard that was meant, or all of a file where they can go.
func (im boardImport) choose(results []grafana.Result) ([]grafana.Result, error) {
	var names []string
	for _, r := range results {
		if im.only != "" && r.Board.Name == im.only {
			return []grafana.Result{r}, nil
		}
		names = append(names, r.Board.Name)
	}
	switch {
	case im.only != "":
		return nil, usage("there is no dashboard %q; there are %s", im.only, strings.Join(names, ", "))
	case len(results) > 1 && !im.intoDirectory():
		return nil, usage("there are %d dashboards: give --only NAME for one of them, or -o DIRECTORY for all: %s", len(results), strings.Join(names, ", "))
	}
	return results, nil
}

func (im boardImport) intoDirectory() bool {
	info, err := os.Stat(im.output)
	return im.output != "" && err == nil && info.IsDir()
}

// write puts the board into its file, if there is to be one, and says which.
func (im boardImport) write(name string, src []byte) (file string, err error) {
	if im.output == "" {
		return "", nil
	}
	file = im.output
	if im.intoDirectory() {
		file = filepath.Join(im.output, name+".yaml")
	}
	how := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if im.force {
		how = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(file, how, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%s is there already: give another name, or --force to overwrite it", file)
	}
	if err != nil {
		return "", err
	}
	_, err = f.Write(src)
	return file, errors.Join(err, f.Close())
}

// printImported writes boards to standard output and reports to standard error;
// with --json both are one document.
func (a *app) printImported(all []boardImported, whole bool) error {
	if a.flags.json {
		return a.print(all)
	}
	for _, one := range all {
		if one.File == "" {
			if _, err := io.WriteString(a.stdout, one.YAML); err != nil { // its words are made fit where it is made
				return err
			}
		} else if _, err := fmt.Fprintf(a.stdout, "%s written; sitrep board check %s asks its queries\n", one.File, one.File); err != nil {
			return err
		}
		if _, err := io.WriteString(a.stderr, sanitise(importText(one, whole))); err != nil {
			return err
		}
	}
	return nil
}

// importText is a report for people.
func importText(one boardImported, whole bool) string {
	var b strings.Builder
	r := one.Report
	for _, p := range r.Panels {
		doubtful := false
		for _, q := range p.Queries {
			doubtful = doubtful || q.Why != ""
		}
		if p.Outcome == grafana.Drawn && !doubtful && !whole {
			continue
		}
		place := ""
		if p.Row != "" {
			place = " (row " + p.Row + ")"
		}
		fmt.Fprintf(&b, "%s: %s %q%s\n", p.Outcome, p.Type, p.Title, place)
		for _, n := range p.Notes {
			fmt.Fprintf(&b, "    %s\n", n)
		}
		for _, q := range p.Queries {
			switch {
			case !q.Carried:
				fmt.Fprintf(&b, "    query %s not carried: %s\n", q.Ref, q.Why)
			case q.Why != "":
				fmt.Fprintf(&b, "    query %s: %s\n", q.Ref, q.Why)
			}
		}
	}
	for _, v := range r.Variables {
		switch {
		case !v.Carried:
			fmt.Fprintf(&b, "variable %q not carried: %s\n", v.Name, v.Note)
		case v.Note != "":
			fmt.Fprintf(&b, "variable %q: %s\n", v.Name, v.Note)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "not carried: %s\n", n)
	}
	fmt.Fprintf(&b, "%s: %s\n", one.Name, r.Totals.Summary())
	return b.String()
}
