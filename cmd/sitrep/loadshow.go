package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

func (a *app) showLoadCommand() *cobra.Command {
	var csv bool
	var html string
	c := &cobra.Command{
		Use: "show [RUN|last]", Short: "the result of a run, such as LT-1", Args: cobra.MaximumNArgs(1),
		Long: "The result of a run, the last one if none is named: totals, percentiles over time, response times as a heat map, errors.\n" +
			"A run that goes on is shown as far as it is; one whose process died says so, and has every second until then.",
		RunE: func(cmd *cobra.Command, args []string) error {
			res, err := a.runNamed(cmd.Context(), args)
			if err != nil {
				return err
			}
			switch {
			case html != "":
				return a.writeRun(html, func(w io.Writer) error { return res.WriteHTML(w) })
			case csv:
				return res.WriteCSV(a.stdout)
			}
			return a.printRun(res)
		},
	}
	c.Flags().BoolVar(&csv, "csv", false, "a line for every second")
	c.Flags().StringVar(&html, "html", "", "write one page to `FILE`; - is stdout")
	c.MarkFlagsMutuallyExclusive("csv", "html")
	return c
}

func (a *app) exportLoadCommand() *cobra.Command {
	var format, out string
	c := &cobra.Command{
		Use: "export [RUN|last]", Short: "a run as JSON, CSV or HTML", Args: cobra.MaximumNArgs(1),
		Long: "A run in full: json has every second with its histograms (HDR V2, base64), csv a line for every second, html is one page without scripts.",
		RunE: func(cmd *cobra.Command, args []string) error {
			write, ok := map[string]func(*loadtest.Result, io.Writer) error{
				"json": func(r *loadtest.Result, w io.Writer) error { return json.NewEncoder(w).Encode(r) },
				"csv":  func(r *loadtest.Result, w io.Writer) error { return r.WriteCSV(w) },
				"html": func(r *loadtest.Result, w io.Writer) error { return r.WriteHTML(w) },
			}[format]
			if !ok {
				return usage("--format %q is not one of json, csv, html", format)
			}
			res, err := a.runNamed(cmd.Context(), args)
			if err != nil {
				return err
			}
			return a.writeRun(out, func(w io.Writer) error { return write(&res, w) })
		},
	}
	c.Flags().StringVar(&format, "format", "json", "json, csv or html")
	c.Flags().StringVarP(&out, "output", "o", "-", "the `FILE`, which must not be there; - is stdout")
	return c
}

// writeRun writes to a new file, or to stdout.
func (a *app) writeRun(file string, write func(io.Writer) error) error {
	if file == "-" {
		return write(a.stdout)
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if _, err := os.Lstat(file); err == nil {
		return usage("%s is there already and was left as it is; give another name", file)
	}
	return writeNew(file, b.Bytes())
}

// runNamed is the run of that ID, or the last one.
func (a *app) runNamed(ctx context.Context, args []string) (res loadtest.Result, err error) {
	err = a.withStore(ctx, func(db *store.DB) error {
		res, err = loadNamed(ctx, db, cmp.Or(strings.Join(args, ""), "last"))
		return err
	})
	return res, err
}

// loadNamed is the run of that ID, or the last one.
func loadNamed(ctx context.Context, db *store.DB, name string) (res loadtest.Result, err error) {
	id := strings.ToUpper(name)
	if id == "LAST" {
		if id, err = lastRun(ctx, db); err != nil {
			return res, err
		}
	}
	res, err = db.LoadRun(ctx, id)
	if errors.Is(err, loadtest.ErrNoRun) {
		return res, withCode(exitUsage, fmt.Errorf("%w (sitrep load list shows the runs)", err))
	}
	return res, err
}

func lastRun(ctx context.Context, db *store.DB) (string, error) {
	runs, err := db.Runs(ctx, 1)
	if err != nil {
		return "", err
	}
	if len(runs) == 0 {
		return "", usage("there is no load run yet: sitrep load run NAME|FILE makes one")
	}
	return runs[0].Run, nil
}

// printRun is a result for people, with what happened over time.
func (a *app) printRun(res loadtest.Result) error {
	if err := a.printResult(res); err != nil || a.flags.json || len(res.Seconds) == 0 {
		return err
	}
	_, err := fmt.Fprint(a.stdout, "\n", pane.LoadCharts(&res, 80, theme.Default()))
	return err
}
