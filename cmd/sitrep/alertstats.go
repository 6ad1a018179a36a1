package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident/stats"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

func (a *app) alertStatsCommand() *cobra.Command {
	var since string
	c := &cobra.Command{
		Use: "stats", Short: "how often each alert fired, and how often that was worth waking somebody", Args: cobra.NoArgs,
		Long: `Precision is how many of the judged firings were worth having. What a person
marked is judged by that (sitrep alert noise, useful, unmark; view 8, F). What is
not marked is judged by its incident: worth having if somebody acknowledged it or
did something about it, not if it ended without. Firings of incidents that are
open and not acknowledged, and those that were only listed, are not judged. What
fires together in one incident is one sample; of fewer than five samples no
percentage is told, for it would say nothing.

INC: belong to an incident. FLAP: had fired too often before. NIGHT: began from
22 to 7 o'clock (ui.timezone). MEDIAN: how long it fired.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			back, err := strictyaml.ParseDuration(since)
			if err != nil || back <= 0 {
				return usage("alert stats: --since %q: give a time to look back, such as 90d", since)
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				list, err := a.precision(cmd.Context(), db, time.Now().Add(-back))
				if err != nil {
					return err
				}
				return a.printPrecision(list)
			})
		},
	}
	c.Flags().StringVar(&since, "since", "90d", "how far to look `back`")
	return c
}

// precision is that of all that fired since then.
func (a *app) precision(ctx context.Context, db *store.DB, since time.Time) ([]stats.Precision, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	zone, err := c.zone()
	if err != nil {
		return nil, err
	}
	f, err := readFirings(ctx, db, since)
	if err != nil {
		return nil, err
	}
	incidents, err := db.Incidents(ctx, false, 0)
	if err != nil {
		return nil, err
	}
	return f.precise(incidents, zone), nil
}

// noisy says of alerts that are mostly noise how much of it. Where there is no store,
// as in CI, nothing is known.
func (a *app) noisy(ctx context.Context) (map[string]string, error) {
	path, err := a.storePath()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	out := map[string]string{}
	err = a.withStore(ctx, func(db *store.DB) error {
		list, err := a.precision(ctx, db, time.Now().Add(-firingMemory))
		for _, p := range list {
			if p.MostlyNoise() {
				out[p.Name] = fmt.Sprintf("it is mostly noise: of its %d judged firings in 90 days %d were worth having (sitrep alert stats); raise its threshold or for, or make it a ticket", p.Judged, p.Worth)
			}
		}
		return err
	})
	return out, err
}

// precisionView is a rule's record as JSON.
type precisionView struct {
	Name        string   `json:"name"`
	Firings     int      `json:"firings"`
	Attached    int      `json:"attached"`
	Acted       int      `json:"acted"`
	Open        int      `json:"open"`
	Listed      int      `json:"only_listed"`
	Flapping    int      `json:"flapping"`
	Noise       int      `json:"noise"`
	Useful      int      `json:"useful"`
	Night       int      `json:"night"`
	Median      *float64 `json:"median_seconds"`
	Ended       int      `json:"ended"`
	Judged      int      `json:"judged"`
	Worth       int      `json:"worth"`
	Samples     int      `json:"samples"`
	Precision   *float64 `json:"precision_ratio"` // null while there are fewer than five samples
	MostlyNoise bool     `json:"mostly_noise"`
}

func (a *app) printPrecision(list []stats.Precision) error {
	views := []precisionView{}
	rows := [][]string{{"ALERT", "FIRED", "INC", "ACTED", "NOISE", "FLAP", "NIGHT", "MEDIAN", "PRECISION"}}
	for _, p := range list {
		v := precisionView{
			Name: p.Name, Firings: p.Firings, Attached: p.Attached, Acted: p.Acted, Open: p.Open, Listed: p.Firings - p.Attached, Flapping: p.Flapping, Noise: p.Noise,
			Useful: p.Useful, Night: p.Night, Median: seconds(p.Median, p.Ended > 0), Ended: p.Ended, Judged: p.Judged, Worth: p.Worth, Samples: p.Samples, MostlyNoise: p.MostlyNoise(),
		}
		if share, known := p.Share(); known {
			v.Precision = &share
		}
		views = append(views, v)
		median := "-"
		if p.Ended > 0 {
			median = span(p.Median)
		}
		rows = append(rows, []string{p.Name, fmt.Sprint(p.Firings), fmt.Sprint(p.Attached), fmt.Sprint(p.Acted), fmt.Sprint(p.Noise), fmt.Sprint(p.Flapping), fmt.Sprint(p.Night), median, pane.PrecisionText(p)})
	}
	switch {
	case a.flags.json:
		return a.print(views)
	case len(list) == 0:
		_, err := fmt.Fprintln(a.stdout, "no alert has fired since then")
		return err
	}
	if err := fittedTable(a.stdout, rows, giving{0: 16}); err != nil {
		return err
	}
	for _, p := range list {
		if p.MostlyNoise() {
			if _, err := fmt.Fprintln(a.stdout, sanitise(fmt.Sprintf("%s is mostly noise: raise its threshold or for, or make it a ticket", p.Name))); err != nil {
				return err
			}
		}
	}
	return nil
}
